//! What AWS's translator refuses of APIs and of their documents.

use super::refused::{api, errors, is_refused};

#[test]
fn mistakes_in_what_surrounds_an_api_are_named() {
    for (kind, properties, why) in [
        ("Api", "StageName: ''", "StageName says nothing"),
        ("Api", "StageName: s, OpenApiVersion: !Ref P", "OpenApiVersion is text or a number, written out"),
        (
            "Api",
            "StageName: s, EndpointConfiguration: {VPCEndpointIds: [a], VpcEndpointIds: [b]}",
            "exclude each other",
        ),
        ("Api", "StageName: s, Cors: {AllowOrigin:}", "AllowOrigin says nothing"),
        ("Api", "StageName: s, Auth: !If [C, {}, {}]", "Auth is a mapping, written out"),
        ("Api", "StageName: s, Auth: {Authorizers: !If [C, {}, {}]}", "Authorizers is a mapping, written out"),
        ("Api", "StageName: s, Auth: {Authorizers: {X: {UserPoolArn: a, AuthorizationScopes: !Ref P}}}", "is a list"),
        (
            "Api",
            "StageName: s, Auth: {Authorizers: {X: {FunctionArn: a, FunctionPayloadType: REQUEST, Identity: {Headers: a}}}}",
            "Headers of X is a list of text",
        ),
        (
            "Api",
            "StageName: s, Auth: {Authorizers: {X: {FunctionArn: a, DisableFunctionDefaultPermissions: !Sub P}}}",
            "DisableFunctionDefaultPermissions is true or false, written out",
        ),
        ("Api", "StageName: s, Auth: {ResourcePolicy: {AwsAccountBlacklist: a}}", "AwsAccountBlacklist is a list"),
        ("Api", "StageName: s, GatewayResponses: {UNAUTHORIZED: !If [C, {}, {}]}", "UNAUTHORIZED is written out"),
        ("Api", "StageName: s, GatewayResponses: {UNAUTHORIZED: {StatusCode: !Ref P}}", "a number of three digits"),
        ("Api", "StageName: s, GatewayResponses: {UNAUTHORIZED: {ResponseParameters: {Headers:}}}", "says nothing"),
        ("Api", "StageName: s, Models: {User: {type: ''}}", "the model User is written out, with a type"),
        ("Api", "StageName: s, DefinitionUri: s3://bucket", "DefinitionUri is a path, or s3://bucket/key"),
        ("Api", "StageName: s, DefinitionUri: s3://a/b, Models: {A: {type: object}}", "Models works only with"),
        ("Api", "StageName: s, DefinitionUri: s3://a/b, DisableExecuteApiEndpoint: true", "works only with a document"),
        ("Api", "StageName: s, Domain: !If [C, {}, {}]", "Domain is a mapping, written out"),
        ("Api", "StageName: s, Domain: {DomainName: a, CertificateArn: b, Route53: text}", "Route53 is a mapping"),
        (
            "Api",
            "StageName: s, Domain: {DomainName: a, CertificateArn: b, Route53: {HostedZoneId: a, SeparateRecordSetGroup: b}}",
            "SeparateRecordSetGroup is true or false",
        ),
        ("HttpApi", "DefinitionUri: s3://a/b, Tags: {a: b}", "Tags works only with a document in DefinitionBody"),
        (
            "HttpApi",
            "Auth: {Authorizers: {X: {IdentitySource: a, JwtConfiguration: {issuer: a}, AuthorizationScopes: s}}}",
            "is a list",
        ),
        ("HttpApi", "Domain: {DomainName: a, CertificateArn: b, BasePath: ['a b']}", "a BasePath has letters"),
        (
            "HttpApi",
            "Domain: {DomainName: a, CertificateArn: b, MutualTlsAuthentication: {Foo: a}}",
            "has no property Foo",
        ),
    ] {
        is_refused(&api(kind, properties), why);
    }
}

#[test]
fn mistakes_in_a_document_that_sam_writes_into_are_named() {
    let rest = |body: &str, more: &str| {
        api("Api", &format!("StageName: s, {more}, DefinitionBody: {{swagger: '2.0', {body}}}"))
    };
    let http = |body: &str, more: &str| api("HttpApi", &format!("{more}, DefinitionBody: {{openapi: 3.0.1, {body}}}"));
    let asked = "Auth: {DefaultAuthorizer: AWS_IAM}";
    for (text, why) in [
        (rest("paths:", asked), "Auth needs a DefinitionBody with swagger or openapi and paths"),
        (rest("paths: []", "Cors: a"), "Cors needs a DefinitionBody with swagger or openapi and paths"),
        (rest("paths: {/x:}", asked), "/x is a mapping, and here it is nothing"),
        (rest("paths: {/x: {tags: [a]}}", asked), "tags of /x is a mapping, and here it is a list"),
        (rest("paths: {/x: {get: {security: {A: []}}}}", asked), "security is a list of mappings"),
        (rest("paths: {}, securityDefinitions: a", asked), "securityDefinitions is a mapping"),
        (http("paths: {}, tags: a", "FailOnWarnings: false"), "tags of a document is a list"),
        (http("paths: {}, components: a", "FailOnWarnings: false"), "components of a document is a mapping"),
        (http("paths: {}, info: {title: t}", "Name: n"), "Name cannot be set"),
        (http("paths: {}, info: {description: d}", "Description: e"), "Description cannot be set"),
    ] {
        is_refused(&text, why);
    }
    for text in [
        rest("paths: {/x:}", "Name: n"),
        rest("paths: {/x: {tags: [a], parameters: []}}", "Cors: a"),
        http("paths: {}, info: {title: !Ref AWS::StackName}", "Name: n"),
        api("Api", "StageName: s, DefinitionBody: {a: b}"),
    ] {
        assert_eq!(errors(&text), [], "{text}");
    }
}

#[test]
fn mistakes_in_websocket_apis_are_named() {
    let websocket = |more: &str, routes: &str| {
        api("WebSocketApi", &format!("RouteSelectionExpression: a, Routes: {{{routes}}}, {more}"))
    };
    let connect = "$connect: {FunctionArn: !GetAtt F.Arn}";
    for (more, routes, why) in [
        ("IpAddressType: ipv5", connect, "IpAddressType is one of ipv4, dualstack"),
        ("Auth: {AuthType: AWS_IAM, InvokeRole: a}", connect, "beside AuthType AWS_IAM stands nothing else"),
        ("Auth: {AuthType: !Sub P}", connect, "AuthType is one of AWS_IAM, CUSTOM, NONE"),
        ("Domain: {DomainName: a}", connect, "Domain needs CertificateArn"),
        (
            "Domain: {DomainName: a, CertificateArn: b, MutualTlsAuthentication: {TruststoreUri: c}}",
            connect,
            "a WebSocket API has no MutualTlsAuthentication",
        ),
        ("Domain: {DomainName: a, CertificateArn: b, Route53: {A: b}}", connect, "Route53 needs a HostedZoneId"),
        ("Name: n", "a: {FunctionArn: !GetAtt F.Arn, RequestParameters: {A: {}}}", "for the route $connect alone"),
        ("Name: n", "Fn::If: [C, {}, {}]", "the route key Fn::If has letters and digits"),
    ] {
        is_refused(&websocket(more, routes), why);
    }
    assert_eq!(errors(&websocket("Auth: {AuthType: NONE}, IpAddressType: dualstack", connect)), []);
}
