//! What AWS refuses only at deployment is a warning at the place of the mistake, and is served as far as it can be.

use samd::project::ApiId;
use samd::template::{Diagnostic, Severity};

use super::resolve_text;

fn warnings(text: &str) -> Vec<Diagnostic> {
    let diagnostics = resolve_text(text).1;
    assert!(diagnostics.iter().all(|found| found.severity < Severity::Error), "{text}\n{diagnostics:?}");
    diagnostics.into_iter().filter(|found| found.severity == Severity::Warning).collect()
}

/// A function with these properties, each on a line of its own, from line 4.
fn function(properties: &str) -> String {
    format!(
        "Resources:\n  F:\n    Properties:\n{}      Handler: a.b\n      Runtime: python3.12\n      InlineCode: x\n    \
         Type: AWS::Serverless::Function\n",
        indented(properties, 6)
    )
}

fn indented(text: &str, by: usize) -> String {
    text.lines().map(|line| format!("{}{line}\n", " ".repeat(by))).collect()
}

fn route(kind: &str, name: &str, path: &str) -> String {
    format!("{name}: {{Type: {kind}, Properties: {{Path: '{path}', Method: GET}}}}")
}

/// The template has one warning, which says this in this line.
fn is_warned(text: &str, line: u32, why: &str) {
    let found = warnings(text);
    assert_eq!(found.len(), 1, "{text}\n{found:?}");
    assert!(found[0].message.contains(why), "{text}\n{found:?}");
    assert_eq!(found[0].location.as_ref().map(|place| place.line), Some(line), "{text}\n{found:?}");
}

#[test]
fn a_variable_that_lambda_refuses_is_told_where_it_is() {
    let variables = |name: &str| function(&format!("Environment:\n  Variables:\n    GOOD: a\n    {name}: b"));
    is_warned(&variables("AWS_REGION"), 7, "Lambda keeps the variable AWS_REGION for itself");
    is_warned(&variables("_X"), 7, "AWS refuses the variable _X");
    is_warned(&variables("A-B"), 7, "AWS refuses the variable A-B");
    assert_eq!(warnings(&variables("AWS_LAMBDA_EXEC_WRAPPER")), []);
}

#[test]
fn an_attribute_of_what_is_not_in_the_template_is_told_and_of_what_sam_makes_is_not() {
    let variable = |value: &str| function(&format!("Environment:\n  Variables:\n    GOOD: {value}"));
    is_warned(&variable("!GetAtt F2.Arn"), 6, "there is no resource F2, of which Arn is asked for");
    is_warned(&variable("!Sub '${F3.Arn}'"), 6, "there is no resource F3, of which Arn is asked for");
    is_warned(&variable("!Ref F4"), 6, "there is no parameter and no resource F4");
    for made in ["!GetAtt FRole.Arn", "!GetAtt FUrl.FunctionUrl", "!Ref FAliaslive", "!Ref ServerlessRestApi"] {
        assert_eq!(warnings(&variable(made)), [], "{made}");
    }
    let text = function("Events:\n  Tick: {Type: Schedule, Properties: {Schedule: rate(1 day)}}");
    assert_eq!(warnings(&format!("{text}Outputs: {{Rule: {{Value: !GetAtt FTick.Arn}}}}\n")), []);
}

#[test]
fn a_mode_of_streaming_that_there_is_not_is_told() {
    let url = function("FunctionUrlConfig:\n  AuthType: NONE\n  InvokeMode: STREAM");
    is_warned(&url, 6, "InvokeMode is \"STREAM\"; it is one of BUFFERED, RESPONSE_STREAM");
    let event = "Events:\n  E:\n    Type: Api\n    Properties:\n      Path: /a\n      Method: GET\n";
    let of_event = |mode: &str| function(&format!("{event}      ResponseTransferMode: {mode}"));
    is_warned(&of_event("STREAM"), 10, "ResponseTransferMode is \"STREAM\"");
    assert_eq!(warnings(&of_event("RESPONSE_STREAM")), []);
}

fn api(kind: &str, properties: &str, event: &str) -> String {
    let properties = indented(properties, 6);
    let events = format!("Events: {{E: {{Type: {event}}}}}");
    let head = format!("Resources:\n  A:\n    Properties:\n{properties}    Type: AWS::Serverless::{kind}\n");
    head + function(&events).strip_prefix("Resources:\n").unwrap()
}

#[test]
fn an_authorizer_that_aws_refuses_is_told_where_it_is() {
    let event = "Api, Properties: {Path: /a, Method: GET, RestApiId: !Ref A}";
    let identity = |line: &str| {
        let auth = "Auth:\n  Authorizers:\n    T:\n      FunctionArn: !GetAtt F.Arn\n      Identity:\n        ";
        api("Api", &format!("StageName: p\n{auth}{line}"), event)
    };
    is_warned(&identity("ReauthorizeEvery: 3601"), 10, "ReauthorizeEvery is 3601; AWS takes 0 to 3600 seconds");
    is_warned(&identity("ValidationExpression: '['"), 10, "which is no regular expression");
    assert_eq!(warnings(&identity("ReauthorizeEvery: 3600")), []);
    let event = "HttpApi, Properties: {Path: /a, Method: GET, ApiId: !Ref A}";
    let jwt =
        "Auth:\n  Authorizers:\n    J:\n      IdentitySource: $request.header.x\n      JwtConfiguration:\n        ";
    is_warned(&api("HttpApi", &format!("{jwt}audience: [a]"), event), 9, "the JWT authorizer names no issuer");
    assert_eq!(warnings(&api("HttpApi", &format!("{jwt}issuer: https://i.example"), event)), []);
}

#[test]
fn an_authorizer_of_plain_cloudformation_is_judged_alike() {
    let text = "Resources:\n  A: {Type: AWS::ApiGateway::RestApi, Properties: {Name: a}}\n  T:\n    \
                Type: AWS::ApiGateway::Authorizer\n    Properties:\n      Type: TOKEN\n      RestApiId: !Ref A\n      \
                IdentitySource: method.request.header.A\n      AuthorizerResultTtlInSeconds: 4000\n";
    is_warned(text, 9, "AuthorizerResultTtlInSeconds is 4000");
}

#[test]
fn a_gateway_response_that_there_is_not_is_told() {
    let event = "Api, Properties: {Path: /a, Method: GET, RestApiId: !Ref A}";
    let responses =
        "StageName: p\nGatewayResponses:\n  DEFAULT_4XX: {StatusCode: 404}\n  NOT_A_TYPE: {StatusCode: 404}";
    is_warned(&api("Api", responses, event), 7, "no gateway response of type NOT_A_TYPE");
    let plain = "Resources:\n  A: {Type: AWS::ApiGateway::RestApi, Properties: {Name: a}}\n  G:\n    \
                 Type: AWS::ApiGateway::GatewayResponse\n    Properties:\n      RestApiId: !Ref A\n      \
                 ResponseType: NOPE\n";
    is_warned(plain, 7, "no gateway response of type NOPE");
}

#[test]
fn a_gateway_response_in_other_letters_is_served_where_aws_documents_it() {
    let event = "Api, Properties: {Path: /a, Method: GET, RestApiId: !Ref A}";
    let text = api("Api", "StageName: p\nGatewayResponses:\n  DEFAULT_4xx: {StatusCode: 404}", event);
    is_warned(&text, 6, "own name of the gateway response DEFAULT_4xx is DEFAULT_4XX; it is served as that");
    let (project, _) = resolve_text(&text);
    let responses = &project.apis[&ApiId("A".to_owned())].gateway_responses;
    assert_eq!(responses["DEFAULT_4XX"].status, Some(404));
    let plain = "Resources:\n  A: {Type: AWS::ApiGateway::RestApi, Properties: {Name: a}}\n  G:\n    \
                 Type: AWS::ApiGateway::GatewayResponse\n    Properties:\n      RestApiId: !Ref A\n      \
                 ResponseType: DEFAULT_4xx\n";
    is_warned(plain, 7, "no gateway response of type DEFAULT_4xx: AWS refuses it");
}

#[test]
fn a_path_of_a_document_that_begins_with_no_slash_is_told() {
    let text = "Resources:\n  A:\n    Type: AWS::Serverless::Api\n    Properties:\n      StageName: s\n      \
                DefinitionBody:\n        swagger: '2.0'\n        paths:\n          /x: {}\n          x-said: {}\n          \
                y: {get: {x-amazon-apigateway-integration: {type: mock}}}\n";
    is_warned(text, 11, "the path y begins with no slash, so AWS refuses it");
}

#[test]
fn functions_of_language_extensions_without_their_transform_are_told() {
    let variable = |value: &str| function(&format!("Environment:\n  Variables:\n    GOOD: {value}"));
    for (call, what) in [
        ("!Length [a]", "Fn::Length needs the transform AWS::LanguageExtensions"),
        ("!ToJsonString {a: b}", "Fn::ToJsonString needs the transform"),
        ("!FindInMap [M, a, b, {DefaultValue: c}]", "a DefaultValue of Fn::FindInMap needs the transform"),
    ] {
        is_warned(&variable(call), 6, what);
        assert_eq!(warnings(&format!("Transform: AWS::LanguageExtensions\n{}", variable(call))), [], "{call}");
    }
}

#[test]
fn paths_that_api_gateway_refuses_beside_each_other_are_told_and_served() {
    let beside = |kind: &str, one: &str, other: &str| {
        function(&format!("Events:\n  {}\n  {}", route(kind, "E1", one), route(kind, "E2", other)))
    };
    is_warned(&beside("Api", "/a/{b}", "/a/{c}/d"), 2, "AWS refuses /a/{c}/d beside /a/{b}");
    is_warned(&beside("Api", "/z/{q}", "/z/{q+}"), 2, "AWS refuses /z/{q+} beside /z/{q}");
    is_warned(&beside("Api", "/p", "/p/{x+}/y"), 2, "nothing stands under a greedy part such as {x+}");
    assert_eq!(warnings(&beside("HttpApi", "/z/{q}", "/z/{q+}")), []);
    let (project, _) = resolve_text(&beside("Api", "/z/{q}", "/z/{q+}"));
    assert_eq!(project.apis[&ApiId("ServerlessRestApi".to_owned())].routes.len(), 2);
}

#[test]
fn a_model_goes_by_its_name_and_may_be_written_as_text() {
    let text = "Resources:\n  A: {Type: AWS::ApiGateway::RestApi, Properties: {Name: a}}\n  \
                Mo: {Type: AWS::ApiGateway::Model, Properties: {RestApiId: !Ref A, Name: Base, Schema: {type: object}}}\n  \
                Ext:\n    Type: AWS::ApiGateway::Model\n    Properties:\n      RestApiId: !Ref A\n      \
                Schema: !Sub '{\"$ref\": \"https://apigateway.amazonaws.com/restapis/${A}/models/${Mo}\"}'\n  \
                M:\n    Type: AWS::ApiGateway::Method\n    Properties:\n      RestApiId: !Ref A\n      \
                ResourceId: !GetAtt A.RootResourceId\n      HttpMethod: POST\n      Integration: {Type: MOCK}\n      \
                RequestModels: {application/json: !Ref Mo, text/json: !Ref Ext}\n";
    let (project, diagnostics) = resolve_text(text);
    assert_eq!(diagnostics, []);
    let api = &project.apis[&ApiId("A".to_owned())];
    assert_eq!(api.models["Ext"]["$ref"], "https://apigateway.amazonaws.com/restapis/A/models/Base");
    let models = &api.routes[0].validation.models;
    assert_eq!((models["application/json"].as_str(), models["text/json"].as_str()), ("Base", "Ext"));
    assert_eq!(samd::gateway::findings::of(&project), [], "the schemas lead to each other");
}
