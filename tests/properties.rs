//! Properties of API Gateway's rules on seeded bytes: the same claims that the fuzzer's targets make (`fuzz/`), bounded
//! and the same in each run.

use samd_tests::properties;

/// A small generator, so that a run is the next one's too (xorshift).
struct Bytes(u64);

impl Bytes {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    /// One of the seeds with some of its bytes changed, pieces of the others put in, or cut out.
    fn changed(&mut self, seeds: &[&[u8]]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].to_vec();
        for _ in 0..self.below(6) {
            let at = self.below(bytes.len() + 1);
            match self.below(4) {
                0 => bytes.insert(at, b"\"\\{}[]:,%;|&=\r\n\0\xff\xc3e1"[self.below(20)]),
                1 if at < bytes.len() => bytes[at] = u8::try_from(self.below(256)).unwrap(),
                2 => drop(bytes.drain(at..(at + self.below(8)).min(bytes.len()))),
                _ => {
                    let other = seeds[self.below(seeds.len())];
                    let from = self.below(other.len() + 1);
                    let piece = other[from..(from + self.below(24)).min(other.len())].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        bytes
    }
}

fn holds(seeds: &[&[u8]], rounds: usize, property: fn(&[u8])) {
    let mut bytes = Bytes(0x5eed_5eed_5eed_5eed);
    for round in 0..rounds {
        let data = bytes.changed(seeds);
        let held = std::panic::catch_unwind(|| property(&data));
        assert!(held.is_ok(), "round {round}: {:?}", String::from_utf8_lossy(&data));
    }
}

#[test]
fn any_request_has_an_event_with_its_body() {
    let seeds: [&[u8]; 4] = [
        b"GET\npets/1?a=1;b=2&a=%C3%A9+x\nAccept: */*\nCookie: a=1; b=2\n\n",
        b"POST\n/a%2Fb//c/\nContent-Type: image/png\nX-A: \xff\n\n\x89PNG\r\n\0",
        b"PUT\n?\ncontent-type: application/json; charset=utf-8\n\n{\"a\": \"\xc3\xa9\"}",
        b"DELETE\npets/%zz?%&=\nx-amzn-trace-id: Root=1-a-b;;=\nX-Forwarded-For: 1.1.1.1, x\n\n",
    ];
    holds(&seeds, 500, properties::event);
}

#[test]
fn any_result_of_a_function_has_a_reply() {
    let seeds: [&[u8]; 5] = [
        br#"{"statusCode":"200","headers":{"a":"b","c":true,"d":1.5},"multiValueHeaders":{"d":["e"]},"body":"eA==","isBase64Encoded":true}"#,
        br#"{"statusCode":201,"cookies":["a=1"],"body":"\u00e9\n","headers":{"content-type":"x"}}"#,
        br#"["a", {"b" : 1.5e3}, null]"#,
        br#"{"errorMessage":"no","errorType":"E","statusCode":99999,"headers":null}"#,
        b"\"text \\\" \xc3\xa9\"",
    ];
    holds(&seeds, 1_500, properties::reply);
}

#[test]
fn no_policy_lets_anybody_in_without_an_allow_or_past_a_deny() {
    let seeds: [&[u8]; 3] = [
        br#"{"Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"*"}]}"#,
        br#"{"Statement":[{"Effect":"Deny","NotAction":["s3:*"],"Resource":["arn:aws:execute-api:*/GET/*"]},{"Effect":"Allow","Action":["*"],"NotResource":"x"}]}"#,
        br#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"*","Resource":"a?*","Condition":{"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8"]},"Bool":{"aws:SecureTransport":"false"}}}}"#,
    ];
    holds(&seeds, 5_000, properties::policy);
}

#[test]
fn only_the_token_that_was_signed_passes() {
    let seeds: [&[u8]; 2] =
        [b"eyJhbGciOiJFZERTQSIsImtpZCI6Im9uZSJ9.eyJpc3MiOiJ4In0.AAAA", b"\0\0A\0\x20B\x01\x00-\x00\x40_\x00\x60."];
    holds(&seeds, 10, properties::token);
}

#[test]
fn any_template_is_refused_with_its_place_or_can_be_served() {
    let seeds: [&[u8]; 6] = [
        b"Transform: {Name: AWS::Include, Parameters: {Location: a.yaml}}\nResources:\n  Fn::Transform: {Name: AWS::Include, Parameters: {Location: a.yaml}}\n  A: {Type: AWS::Serverless::Api, Properties: {Fn::Transform: [{Name: AWS::Include, Parameters: {Location: b.yaml}}]}}\n%%%\nFn::Transform: {Name: AWS::Include, Parameters: {Location: c.yaml}}\nStageName: a\n",
        b"Globals: {Api: {Auth: {ApiKeyRequired: true}}}\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Handler: a.b\n      Runtime: python3.12\n      Events:\n        A: {Type: Api, Properties: {Path: '/{a+}', Method: any}}\n        B: {Type: HttpApi}\n",
        b"Parameters: {P: {Type: String, Default: a}}\nConditions: {C: !Equals [!Ref P, a]}\nMappings: {M: {a: {b: c}}}\nResources:\n  A: {Type: AWS::Serverless::Api, Properties: {StageName: !If [C, !Sub '${P}x', !FindInMap [M, a, b]], Cors: \"'*'\", DefinitionBody: !Transform {Name: AWS::Include, Parameters: {Location: a.yaml}}}}\n%%%\nswagger: '2.0'\npaths: {/a: {get: {x-amazon-apigateway-integration: {type: mock}}}}\n",
        b"Transform: AWS::LanguageExtensions\nResources:\n  Fn::ForEach::L:\n    - N\n    - [a, b]\n    - F${N}: {Type: AWS::Lambda::Function, Properties: {Handler: !Join ['.', [a, !Ref N]], Runtime: nodejs22.x, Code: {ZipFile: a}}}\n",
        b"Resources:\n  S: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: b.yaml, Parameters: {P: !GetAtt S.Outputs.O}}}\n  A: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: &n a, ProtocolType: HTTP}}\n  R: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref A, RouteKey: 'GET /{x}', OperationName: *n}}\n%%%\nOutputs: {O: {Value: !Cidr [10.0.0.0/8, 3, 8]}}\nResources: {}\n",
        b"{\"Resources\": {\"M\": {\"Type\": \"AWS::ApiGateway::Method\", \"Properties\": {\"RestApiId\": {\"Ref\": \"A\"}, \"ResourceId\": {\"Fn::GetAtt\": [\"A\", \"RootResourceId\"]}, \"HttpMethod\": \"GET\"}}, \"A\": {\"Type\": \"AWS::ApiGateway::RestApi\"}}}",
    ];
    holds(&seeds, 2_000, properties::template);
}
