//! What AWS's translator takes loads here too, however odd it looks: at most it is warned of, and its routes are those
//! that the translator makes.

use samd::project::routes::routes;
use samd::template::{Diagnostic, Severity};

use super::refused::{api, errors, event, function};
use super::resolve_text;

fn warnings(text: &str) -> Vec<Diagnostic> {
    let diagnostics = resolve_text(text).1;
    diagnostics.into_iter().filter(|found| found.severity == Severity::Warning).collect()
}

/// The template loads, with a warning that says this.
fn is_warned(text: &str, why: &str) {
    assert_eq!(errors(text), [], "{text}");
    let found = warnings(text);
    assert!(found.iter().any(|warning| warning.message.contains(why)), "{text}\n{found:?}");
}

/// `GET /x MyAuth key` of each route.
fn rows(text: &str) -> Vec<String> {
    let (project, diagnostics) = resolve_text(text);
    assert!(diagnostics.iter().all(|found| found.severity < Severity::Error), "{text}\n{diagnostics:?}");
    let row = |row: &samd::project::routes::RouteRow| {
        let authorizer = row.authorizer.as_deref().unwrap_or("-");
        let key = if row.api_key_required { " key" } else { "" };
        format!("{} {} {authorizer}{key}", row.method, row.path)
    };
    routes(&project).iter().map(row).collect()
}

#[test]
fn a_value_that_only_a_deployment_knows_is_warned_of_where_another_kind_is_expected() {
    let parameters = "Parameters: {P: {Type: String}, N: {Type: Number}, S: {Type: 'AWS::SSM::Parameter::Value<String>', \
                      Default: /stored/value}}\n";
    for properties in [
        "Timeout: !Ref P",
        "MemorySize: !Ref N",
        "ReservedConcurrentExecutions: !Ref S",
        "EphemeralStorage: {Size: !Ref N}",
        "Architectures: [!Ref P]",
        "Environment: !Ref P",
        "FunctionUrlConfig: {AuthType: !Ref P}",
        "EventInvokeConfig: {MaximumEventAgeInSeconds: !Ref N}",
        "Events: {E: {Type: Api, Properties: {Path: /x, Method: get, TimeoutInMillis: !Ref N}}}",
    ] {
        let text = format!("{parameters}{}", function(properties));
        assert_eq!(errors(&text), [], "{properties}");
        assert!(!warnings(&text).is_empty(), "{properties}");
    }
    let runtime = function("").replace("python3.12", "!Sub 'python${Version}'");
    is_warned(&format!("Parameters: {{Version: {{Type: String}}}}\n{runtime}"), "is not a runtime");
    // What somebody chose is a mistake.
    let chosen = format!("Parameters: {{P: {{Type: String, Default: many}}}}\n{}", function("Timeout: !Ref P"));
    assert_eq!(errors(&chosen).len(), 1);
}

#[test]
fn what_is_empty_says_nothing() {
    for properties in [
        "AutoPublishAlias: ''",
        "Policies: {}",
        "FunctionUrlConfig: {}",
        "ProvisionedConcurrencyConfig: {}",
        "DeadLetterQueue: {}",
        "CapacityProviderConfig: {}",
        "TenancyConfig: {}, FunctionUrlConfig: {AuthType: NONE}",
        "AutoPublishAlias: live, DeploymentPreference: {Type:}",
        "EventInvokeConfig: {DestinationConfig: {OnSuccess:, OnFailure: {Type: SQS}}}",
        "Events: {E: {Type: Schedule, Properties: {Schedule: rate(1 day), State: '', Enabled: false}}}",
        "Events: {E: {Type: HttpApi, Properties: {Path: '', Method: ''}}}",
        "Events: {E: {Type: Api, Properties: {Path: /x, Method: get, TimeoutInMillis: 0, Auth: {Authorizer: ''}}}}",
    ] {
        assert_eq!(errors(&function(properties)), [], "{properties}");
    }
    let routed = |properties: &str| {
        let event = event("Api", "Path: /x, Method: get, RestApiId: !Ref A");
        format!("{event}  A:\n    Type: AWS::Serverless::Api\n    Properties: {{StageName: s, {properties}}}\n")
    };
    for properties in ["DefinitionBody: {}", "DefinitionUri: {}", "Cors: {}", "Auth: {DefaultAuthorizer: ''}"] {
        assert_eq!(rows(&routed(properties)), ["GET /x -"], "{properties}");
    }
}

#[test]
fn a_key_is_asked_for_by_whatever_is_not_empty() {
    for (asked, row) in [("1", "GET /x - key"), ("text", "GET /x - key"), ("[]", "GET /x -"), ("0", "GET /x -")] {
        let text = format!("Globals: {{Api: {{Auth: {{ApiKeyRequired: {asked}}}}}}}\n");
        assert_eq!(rows(&format!("{text}{}", event("Api", "Path: /x, Method: get"))), [row], "{asked}");
    }
}

#[test]
fn a_default_authorizer_of_a_rest_api_without_authorizers_leaves_its_routes_open() {
    let text =
        format!("Globals: {{Api: {{Auth: {{DefaultAuthorizer: Gone}}}}}}\n{}", event("Api", "Path: /x, Method: get"));
    is_warned(&text, "SAM leaves its routes open to all");
    assert_eq!(rows(&text), ["GET /x -"]);
}

#[test]
fn a_definition_that_sam_cannot_write_into_takes_no_events() {
    let event = event("Api", "Path: /x, Method: get, RestApiId: !Ref A");
    let api = "  A:\n    Type: AWS::Serverless::Api\n    \
               Properties: {StageName: s, MergeDefinitions: true, DefinitionBody: {swagger: '2.0'}}\n";
    assert_eq!(rows(&format!("{event}{api}")), [""; 0]);
}

#[test]
fn an_event_of_an_api_that_is_not_sams_makes_no_route() {
    let text = format!(
        "{}  A: {{Type: AWS::ApiGateway::RestApi}}\n",
        event("Api", "Path: /x, Method: get, RestApiId: !Ref A")
    );
    is_warned(&text, "SAM makes no route there");
    let text = event("Api", "Path: /x, Method: get, RestApiId: !Ref Gone");
    assert!(errors(&text).iter().any(|error| error.message.contains("names Gone")), "{:?}", errors(&text));
}

#[test]
fn the_implicit_api_takes_the_place_of_what_has_its_name() {
    let named = |kind: &str| format!("  ServerlessRestApi: {{Type: {kind}}}\n");
    for kind in ["AWS::ApiGateway::RestApi", "AWS::SQS::Queue"] {
        let text = format!("{}{}", event("Api", "Path: /x, Method: get"), named(kind));
        assert_eq!(rows(&text), ["GET /x -"], "{kind}");
    }
}

#[test]
fn what_cloudformation_alone_refuses_is_warned_of_and_served() {
    let without_type = format!("{}  Odd: {{Properties: {{A: b}}}}\n", function(""));
    is_warned(&without_type, "the resource Odd has no Type");
    let conditional =
        event("Api", "Path: /x, Method: get").replace("    Properties", "    Condition: Gone\n    Properties");
    is_warned(&conditional, "there is no condition Gone");
    assert_eq!(rows(&conditional), ["GET /x -"]);
    let runtime = function("").replace("python3.12", "cobol85");
    is_warned(&runtime, "cobol85 is not a runtime that Lambda has, so this function cannot run");
    is_warned("Resources:\n  F: {Type: AWS::Lambda::Function}\n", "has a Runtime, so this function cannot run");
    is_warned(&function("").replace("python3.12", "nodejs8.10"), "Lambda retired nodejs8.10 long ago");
    let mapped = function("Description: !FindInMap [Regions, !Ref AWS::Region, Name]");
    is_warned(
        &format!("Mappings: {{Regions: {{mars: {{Name: a}}}}}}\n{mapped}"),
        "Mappings has no Regions.us-east-1.Name",
    );
}

#[test]
fn globals_and_what_ignores_them_may_be_of_any_kind_that_sam_has() {
    for globals in [
        "MicrovmImage: {Tags: {a: b}}",
        "NetworkConnector: {PropagateTags: true}",
        "CapacityProvider: {KmsKeyArn: a}",
        "WebSocketApi: {Tags: {a: b}}",
        "Api: {EndpointAccessMode: a}",
    ] {
        let text = format!("Globals: {{{globals}}}\n{}", function(""));
        assert_eq!(errors(&text), [], "{globals}");
    }
    let ignoring = function("").replace("    Properties", "    IgnoreGlobals: [Timeout]\n    Properties");
    assert_eq!(errors(&ignoring), []);
    let text = format!("Globals: {{Function: {{MemorySize: 256}}}}\n{ignoring}");
    assert!(errors(&text).iter().any(|error| error.message == "the Globals have no Timeout"), "{:?}", errors(&text));
}

#[test]
fn functions_that_are_answered_before_sam_reads_the_template_may_stand_anywhere() {
    let parameters = "Parameters: {P: {Type: String, Default: /x}}\n";
    let text = format!("{parameters}{}", event("Api", "Path: !Ref P, Method: get"));
    assert!(
        errors(&text).iter().any(|error| error.message.contains("Path is text, written out")),
        "{:?}",
        errors(&text)
    );
    let answered = format!("Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]\n{text}");
    assert_eq!(rows(&answered), ["GET /x -"]);
    let included = "StageName: s, Auth: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://a/b}}}";
    assert!(errors(&api("Api", included)).iter().all(|error| !error.message.contains("written out")));
}

#[test]
fn an_origin_is_all_of_them_only_where_it_stands_alone() {
    for cors in ["AllowCredentials: true", "AllowCredentials: true, AllowOrigins: [a, '*']", "AllowOrigins: ['*']"] {
        assert_eq!(errors(&api("HttpApi", &format!("CorsConfiguration: {{{cors}}}"))), [], "{cors}");
    }
}

#[test]
fn credentials_of_a_rest_api_are_refused_only_where_all_is_written_out() {
    let parameters = "Parameters: {O: {Type: String, Default: \"'*'\"}}\nConditions: {Y: !Equals [a, a]}\n";
    let cors = |cors: &str| format!("{parameters}{}", api("Api", &format!("StageName: s, Cors: {{{cors}}}")));
    for open in ["AllowCredentials: true", "AllowCredentials: true, AllowOrigin: \"'*'\""] {
        assert_eq!(errors(&cors(open)).len(), 1, "{open}");
    }
    for unseen in [
        "AllowCredentials: true, AllowOrigin: !Ref O",
        "AllowCredentials: !If [Y, true, false]",
        "AllowCredentials: 'true', AllowOrigin: \"'*'\"",
    ] {
        is_warned(&cors(unseen), "browsers let nobody use AllowCredentials");
    }
    assert_eq!(errors(&cors("AllowCredentials: true, AllowOrigin: \"'https://a.example'\"")), []);
}

#[test]
fn a_place_that_only_a_deployment_knows_is_no_mistake() {
    let parameters = "Parameters: {Place: {Type: String}}\nMappings: {Kinds: {known: {runtime: python3.12}}}\n";
    for (resource, why) in [
        ("{Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: !Ref Place}}", "A is not a local file"),
        (
            "{Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: !Sub '${Place}/a.yaml'}}",
            "A is not a local file",
        ),
        ("{Type: AWS::Serverless::Application, Properties: {Location: !Ref Place}}", "A is not a local file"),
        ("{Type: AWS::ApiGateway::RestApi, Properties: {BodyS3Location: !Ref Place}}", "the OpenAPI document is in S3"),
        (
            "{Type: AWS::ApiGatewayV2::Api, Properties: {BodyS3Location: {Bucket: b, Key: k}}}",
            "the OpenAPI document is in S3",
        ),
        (
            "{Type: AWS::Serverless::Function, Properties: {Handler: a.b, Runtime: python3.12, CodeUri: !Ref Place}}",
            "only a deployment knows the code of A",
        ),
        (
            "{Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: !Sub 'layers/${Place}'}}",
            "the layer A has no local content",
        ),
        (
            "{Type: AWS::Serverless::Function, Properties: {Handler: a.b, InlineCode: x, \
             Runtime: !FindInMap [Kinds, !Ref Place, runtime]}}",
            "has a Runtime, so this function cannot run",
        ),
    ] {
        is_warned(&format!("{parameters}Resources:\n  A: {resource}\n"), why);
    }
    assert_eq!(
        errors("Resources:\n  A: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: gone}}\n").len(),
        1
    );
}

#[test]
fn what_hangs_on_a_parameter_that_has_no_value_here_is_no_mistake() {
    let text = |parameter: &str, value: &str| {
        format!(
            "Transform: AWS::LanguageExtensions\nParameters: {{P: {parameter}}}\nMappings: {{M: {{a: {{b: N}}}}, N: {{c: {{d: e, l: [x, y]}}}}}}\n\
             Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties: {{InlineCode: x, Handler: index.h, \
             Runtime: python3.12, Environment: {{Variables: {{AA: {value}}}}}}}\n"
        )
    };
    for value in [
        "!FindInMap [!FindInMap [M, !Ref P, b], c, d]",
        "!Select [1, !Cidr [!Ref P, 2, 8]]",
        "!Length {'Fn::FindInMap': [N, !Ref P, l]}",
        "!Select [0, !FindInMap [N, !Ref P, l]]",
    ] {
        assert_eq!(errors(&text("{Type: String}", value)), [], "{value}");
    }
    let looped = "Transform: AWS::LanguageExtensions\nParameters: {P: {Type: String}}\nMappings: {N: {c: {l: [x]}}}\n\
                  Resources:\n  'Fn::ForEach::L': [V, !FindInMap [N, !Ref P, l], {'A${V}': {Type: AWS::SNS::Topic}}]\n";
    is_warned(looped, "only a deployment knows what V stands for, so this loop makes nothing here");
    assert_eq!(errors(&text("{Type: String, Default: 10.0.0.0/16}", "!Select [1, !Cidr [!Ref P, 2, 8]]")), []);
    for mistake in ["!FindInMap [M, a]", "!Cidr [a, 2, 8]", "!Length {Ref: P}"] {
        assert_eq!(errors(&text("{Type: String, Default: a}", mistake)).len(), 1, "{mistake}");
    }
}
