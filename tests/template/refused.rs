//! What AWS's translator refuses is an error here too, at the place of the mistake; what it accepts is none.

use samd::template::{Diagnostic, Severity};

use super::resolve_text;

pub(super) fn errors(text: &str) -> Vec<Diagnostic> {
    let diagnostics = resolve_text(text).1.into_iter();
    diagnostics.filter(|diagnostic| diagnostic.severity == Severity::Error).collect()
}

/// A function with these properties beside those that it needs.
pub(super) fn function(properties: &str) -> String {
    format!(
        "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    \
         Properties: {{Handler: a.b, Runtime: python3.12, InlineCode: x, {properties}}}\n"
    )
}

pub(super) fn event(kind: &str, properties: &str) -> String {
    function(&format!("Events: {{E: {{Type: {kind}, Properties: {{{properties}}}}}}}"))
}

pub(super) fn api(kind: &str, properties: &str) -> String {
    let kind = format!("AWS::Serverless::{kind}");
    format!("{}  A:\n    Type: {kind}\n    Properties: {{{properties}}}\n", function(""))
}

pub(super) fn is_refused(text: &str, why: &str) {
    let errors = errors(text);
    let found = errors.iter().find(|error| error.message.contains(why));
    let found = found.unwrap_or_else(|| panic!("{text}\nhas no error {why:?}: {errors:?}"));
    let place = found.location.as_ref().expect("an error has a place");
    assert!(place.line > 1, "{found}");
}

#[test]
fn a_property_that_sam_does_not_have_is_an_error_with_the_one_that_it_may_mean() {
    let errors = errors(&function("Timeot: 3"));
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].message, "AWS::Serverless::Function has no property Timeot");
    assert_eq!(errors[0].help.as_deref(), Some("did you mean Timeout?"));
    assert_eq!(errors[0].location.as_ref().map(|place| (place.line, place.column)), Some((4, 68)));
}

#[test]
fn mistakes_in_functions_are_named() {
    for (properties, why) in [
        ("PackageType: Foo", "PackageType is one of Zip, Image"),
        ("PackageType: Image", "a function of PackageType Image has no Runtime"),
        ("ImageConfig: {Command: [a]}", "a function of PackageType Zip has no ImageConfig"),
        ("CodeUri: {Bucket: b}", "CodeUri needs Key"),
        ("CodeUri: [b]", "CodeUri is text or a mapping, and here it is a list"),
        ("AutoPublishAlias: a b", "AutoPublishAlias has letters"),
        ("AutoPublishAlias: \"12\"", "AutoPublishAlias has letters"),
        ("DeadLetterQueue: {Type: SQ, TargetArn: a}", "Type is one of SQS, SNS"),
        ("DeadLetterQueue: {Type: SQS}", "DeadLetterQueue needs TargetArn"),
        ("DeploymentPreference: {Type: AllAtOnce}", "DeploymentPreference needs AutoPublishAlias"),
        ("AutoPublishAlias: a, DeploymentPreference: {Role: a}", "DeploymentPreference needs a Type"),
        ("ProvisionedConcurrencyConfig: {A: 1}", "ProvisionedConcurrencyConfig needs AutoPublishAlias"),
        ("FunctionUrlConfig: {AuthType: NONE, Cors: {AllowOrigin: a}}", "Cors has no property AllowOrigin"),
        ("FunctionUrlConfig: {AuthType: NONE, Cors: {AllowOrigins: a}}", "AllowOrigins is a list"),
        ("FunctionUrlConfig: {AuthType: NONE, Cors: 3}", "Cors is a mapping, and here it is a number"),
        ("AutoPublishAlias: !Sub 'a${AWS::Region}'", "AutoPublishAlias is text or a Ref of a parameter"),
        ("AutoPublishAlias: !Ref Nope", "AutoPublishAlias is text or a Ref of a parameter"),
        ("AutoPublishAlias: a, AutoPublishCodeSha256: !Sub a", "AutoPublishCodeSha256 is text or a Ref"),
        ("Policies: [{SQSPollerPolicy: {Foo: x}}]", "the policy template SQSPollerPolicy needs QueueName"),
        ("Policies: {SQSPollerPolicy: x}", "SQSPollerPolicy takes a mapping of parameters, and here it is text"),
        ("Policies: [!If [A, {SQSPollerPolicy: {}}, !Ref AWS::NoValue]]", "SQSPollerPolicy needs QueueName"),
        ("Policies: [{SQSPolerPolicy: {QueueName: x}}]", "a policy is the name of one"),
        ("EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: Foo}}}", "Type is one of SQS, SNS"),
        ("EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: Lambda}}}", "OnFailure needs a Destination"),
        ("AutoPublishAliasAllProperties: !Ref X", "no function may stand for it"),
        ("Events: {E: {Properties: {}}}", "the event E has no Type"),
        ("Events: {E: {Type: Apy}}", "AWS::Serverless::Function has no events of type Apy"),
    ] {
        is_refused(&function(properties), why);
    }
}

#[test]
fn mistakes_in_events_are_named() {
    for (kind, properties, why) in [
        ("SQS", "", "an event of type SQS needs Queue"),
        ("SQS", "Queue: a, Foo: 1", "an event of type SQS has no property Foo"),
        ("Schedule", "Schedule: rate(1 minute), State: ENABLED, Enabled: true", "State and Enabled exclude"),
        ("Schedule", "Schedule: rate(1 minute), DeadLetterConfig: {Foo: 1}", "DeadLetterConfig needs an Arn"),
        ("S3", "Events: a, Bucket: photos", "the Bucket of an event is a Ref of a bucket in this template"),
        ("S3", "Events: a, Bucket: !Ref Nope", "the Bucket of an event is a Ref of a bucket in this template"),
        ("HttpApi", "Path: /, Method: get, Auth: {AuthorizationScopes: [a]}", "Auth needs an Authorizer"),
        ("SelfManagedKafka", "Topics: [a]", "needs KafkaBootstrapServers"),
        ("Cognito", "UserPool: a, Trigger: PreSignUp", "UserPool is a Ref"),
        ("Api", "Path: /, Method: get, RequestParameters: [foo.bar]", "a request parameter is method.request"),
        (
            "Api",
            "Path: /, Method: get, RequestParameters: [{method.request.header.A: {Foo: true}}]",
            "a request parameter is Required, Caching",
        ),
    ] {
        is_refused(&event(kind, properties), why);
    }
}

#[test]
fn a_method_that_api_gateway_does_not_know_is_told() {
    let warned = |kind: &str, method: &str| {
        let diagnostics = resolve_text(&event(kind, &format!("Path: /, Method: {method}"))).1;
        diagnostics.iter().any(|one| one.severity == Severity::Warning && one.message.contains("knows no method"))
    };
    for kind in ["Api", "HttpApi"] {
        assert!(warned(kind, "fetch") && warned(kind, "trace"), "{kind}");
        assert!(!warned(kind, "get") && !warned(kind, "ANY") && !warned(kind, "'*'"), "{kind}");
    }
}

#[test]
fn mistakes_in_apis_are_named() {
    for (kind, properties, why) in [
        ("Api", "Name: x", "AWS::Serverless::Api needs StageName"),
        ("Api", "StageName: x, Auth: {Foo: 1}", "Auth has no property Foo"),
        ("Api", "StageName: x, Auth: {Authorizers: {X: a}}", "X is a mapping, and here it is text"),
        ("Api", "StageName: x, Auth: {Authorizers: {X: {FunctionPayloadType: REQUEST}}}", "X needs an Identity"),
        ("Api", "StageName: x, Auth: {UsagePlan: {Foo: 1}}", "UsagePlan needs CreateUsagePlan"),
        ("Api", "StageName: x, Cors: {Foo: 1}", "Cors has no property Foo"),
        ("Api", "StageName: x, DefinitionUri: s3://a/b, Cors: a", "Cors works only with a document in DefinitionBody"),
        ("Api", "StageName: x, DefinitionUri: s3://a/b, MergeDefinitions: true", "MergeDefinitions needs"),
        ("Api", "StageName: x, DefinitionUri: s3://a/b, DefinitionBody: {paths: {}}", "exclude each other"),
        ("Api", "StageName: x, DefinitionBody: {a: b}, Cors: a", "Cors needs a DefinitionBody with swagger or openapi"),
        ("Api", "StageName: x, Domain: {DomainName: a}", "Domain needs CertificateArn"),
        ("Api", "StageName: x, Domain: {DomainName: a, CertificateArn: b, Route53: {A: b}}", "needs a HostedZoneId"),
        ("Api", "StageName: x, GatewayResponses: {UNAUTHORIZED: {StatusCode: x}}", "the StatusCode of UNAUTHORIZED"),
        ("Api", "StageName: x, GatewayResponses: {UNAUTHORIZED: {ResponseParameters: {A: {}}}}", "no property A"),
        ("Api", "StageName: x, OpenApiVersion: three", "OpenApiVersion is a version of OpenAPI"),
        ("Api", "StageName: x, Models: {User: {properties: {}}}", "User needs type"),
        ("HttpApi", "Auth: {Foo: 1}", "Auth has no property Foo"),
        ("HttpApi", "Auth: {Authorizers: {X: {FunctionArn: a}}}", "X needs AuthorizerPayloadFormatVersion"),
        ("HttpApi", "Auth: {Authorizers: {X: {AuthorizerPayloadFormatVersion: '2.0'}}}", "X needs FunctionArn"),
        (
            "HttpApi",
            "Auth: {Authorizers: {X: {FunctionArn: a, AuthorizerPayloadFormatVersion: '2.0', IdentitySource: b}}}",
            "IdentitySource is no property of a Lambda authorizer",
        ),
        ("HttpApi", "Auth: {Authorizers: {X: {JwtConfiguration: {issuer: a}}}}", "X needs IdentitySource"),
        (
            "HttpApi",
            "Auth: {Authorizers: {X: {JwtConfiguration: {issuer: a}, IdentitySource: b, FunctionArn: c}}}",
            "FunctionArn is no property of a JWT authorizer",
        ),
        ("HttpApi", "DefinitionBody: {openapi: 3.0.1, paths: {/a: b}}", "/a is a mapping, and here it is text"),
        ("Api", "StageName: x, DefinitionBody: {swagger: 2.0, paths: {/a: {get: b}}}", "get of /a is a mapping"),
        ("HttpApi", "CorsConfiguration: {AllowCredentials: true, AllowOrigins: ['*']}", "AllowCredentials needs"),
        ("WebSocketApi", "RouteSelectionExpression: a, Routes: {}", "has at least one route"),
        ("WebSocketApi", "RouteSelectionExpression: a, Routes: {$foo: {}}", "the route key $foo"),
        ("StateMachine", "Role: a", "a Definition or a DefinitionUri"),
        ("LayerVersion", "ContentUri: a, RetentionPolicy: Foo", "RetentionPolicy is Retain or Delete"),
        ("SimpleTable", "PrimaryKey: {Type: Foo}", "PrimaryKey needs Name"),
    ] {
        is_refused(&api(kind, properties), why);
    }
}

#[test]
fn mistakes_in_the_frame_of_a_template_are_named() {
    for (text, why) in [
        ("Resources:\n  F-1: {Type: AWS::SNS::Topic}\n", "the logical id F-1"),
        ("Resources:\n  F:\n", "the resource F is a mapping"),
        ("Resources: {}\nGlobals: [a]\n", "Globals is a mapping"),
        ("Resources: {}\nGlobals: {Function: [a]}\n", "Globals.Function is a mapping"),
        ("Resources: {}\nParameters: [a]\n", "Parameters is a mapping"),
    ] {
        is_refused(text, why);
    }
}

#[test]
fn loops_are_for_those_who_ask_for_them_and_go_through_lists() {
    let looped = |collection: &str| {
        let body = "'${N}F': {Type: AWS::SQS::Queue}";
        format!("Resources:\n  'Fn::ForEach::L':\n    - N\n    - {collection}\n    - {{{body}}}\n")
    };
    is_refused(&looped("[A]"), "Fn::ForEach::L is a loop, which only the transform AWS::LanguageExtensions writes out");
    let asked = |text: &str| format!("Transform: AWS::LanguageExtensions\n{text}");
    assert_eq!(errors(&asked(&looped("[A]"))), []);
    assert_eq!(errors(&asked(&looped("[]"))), []);
    for collection in ["!GetAtt T.StreamArn", "A", "{A: B}"] {
        is_refused(&asked(&looped(collection)), "Fn::ForEach repeats for each item of a list");
    }
    let nested = (0..6).rev().fold("{Q: {Type: AWS::SQS::Queue}}".to_owned(), |body, depth| {
        format!("{{'Fn::ForEach::L{depth}': [V{depth}, [a], {body}]}}")
    });
    let text = format!("Transform: AWS::LanguageExtensions\nMetadata: {{}}\nResources: {nested}\n");
    is_refused(&text, "loops nest 5 deep at most, and Fn::ForEach::L5 stands deeper");
}

#[test]
fn what_only_a_deployment_knows_is_no_mistake() {
    for properties in [
        "AutoPublishAlias: !Ref Alias, DeploymentPreference: {Enabled: !Ref Yes}",
        "DeadLetterQueue: !If [C, {Type: SQS, TargetArn: a}, !Ref AWS::NoValue]",
        "FunctionUrlConfig: {AuthType: NONE, Cors: !Ref Cors}",
        "PackageType: Zip, Description:",
        "Tags: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://a/b}}}",
    ] {
        let parameters = "Parameters: {Alias: {Type: String, Default: live}, Yes: {Type: String, Default: 'true'}, \
                          Cors: {Type: String, Default: a}}\n\
                          Conditions: {C: !Equals [a, a]}\n";
        let errors = errors(&format!("{parameters}{}", function(properties)));
        let of_rules = errors.iter().filter(|error| !error.path.ends_with("Cors")).collect::<Vec<_>>();
        assert!(of_rules.is_empty(), "{properties}: {of_rules:?}");
    }
}

#[test]
fn a_mistake_of_the_globals_is_told_once() {
    let globals = "Globals: {Function: {Layers: a}}\n";
    let two = format!(
        "{globals}{}  G: {{Type: AWS::Serverless::Function, Properties: {{Handler: a.b, Runtime: python3.12}}}}\n",
        function("")
    );
    let errors = errors(&two);
    let of_layers = errors.iter().filter(|error| error.message.starts_with("Layers is a list"));
    assert_eq!(of_layers.count(), 1, "{errors:?}");
}

#[test]
fn a_text_that_a_macro_makes_is_no_mistake() {
    let made = "Resources:\n  Host:\n    Type: AWS::EC2::Instance\n    Properties:\n      \
                UserData: {Fn::Sub: {Fn::Transform: {Name: Made, Parameters: {A: b}}}}\n";
    assert_eq!(errors(made), []);
}

/// A table, and what connects the function with it.
fn connected(connector: &str) -> String {
    let table = "  T: {Type: AWS::DynamoDB::Table}\n";
    format!("{}{table}  C: {{Type: AWS::Serverless::Connector, Properties: {{{connector}}}}}\n", function(""))
}

#[test]
fn a_connector_is_between_resources_that_have_one_with_permissions_that_it_has() {
    for (connector, why) in [
        ("Source: {Id: F}, Destination: {Id: Nope}, Permissions: [Read]", "there is no resource Nope"),
        ("Source: {Id: T}, Destination: {Id: T}, Permissions: [Read]", "no connector from AWS::DynamoDB::Table to"),
        ("Source: {Id: F}, Destination: {Id: T}, Permissions: [Foo]", "has the permissions Read, Write"),
        ("Source: {Id: F}, Destination: [{Id: T}, {Id: F}], Permissions: [Read]", "has the permissions Write"),
    ] {
        is_refused(&connected(connector), why);
    }
    let embedded = function("").replace(
        "    Properties",
        "    Connectors: {C: {Properties: {Destination: {Id: Gone}, Permissions: [Read]}}}\n    Properties",
    );
    is_refused(&embedded, "there is no resource Gone");
    for connector in [
        "Source: {Id: F}, Destination: {Id: T}, Permissions: [Read, Write]",
        "Source: {Id: F}, Destination: [{Id: T}, {Type: AWS::SQS::Queue, Arn: a}], Permissions: [Write]",
        "Source: {Id: FRole}, Destination: {Id: T}, Permissions: [Read]",
    ] {
        assert!(errors(&connected(connector)).is_empty(), "{connector}: {:?}", errors(&connected(connector)));
    }
}

#[test]
fn what_sam_needs_of_applications_state_machines_and_policies_is_named() {
    let resource = |kind: &str, properties: &str| {
        format!("{}  A:\n    Type: AWS::Serverless::{kind}\n    Properties: {{{properties}}}\n", function(""))
    };
    for (kind, properties, why) in [
        ("Application", "Location: {ApplicationId: a}", "Location needs SemanticVersion"),
        ("StateMachine", "Definition: {}", "a state machine has a Definition or a DefinitionUri"),
        (
            "StateMachine",
            "DefinitionUri: s3://a/b, Policies: [{SQSPollerPolicy: {}}]",
            "SQSPollerPolicy needs QueueName",
        ),
        (
            "Api",
            "StageName: a, Auth: {ResourcePolicy: {SourceVpcWhitelist: [!Ref X]}}",
            "SourceVpcWhitelist is a list of text",
        ),
    ] {
        is_refused(&resource(kind, properties), why);
    }
}

#[test]
fn what_sam_takes_in_the_same_places_is_no_error() {
    let parameters = "Parameters: {P: {Type: String, Default: live}}\nConditions: {A: !Equals [a, a]}\n";
    let bucket = "  Bucket: {Type: AWS::S3::Bucket}\n";
    for properties in [
        "AutoPublishAlias: !Ref P, AutoPublishCodeSha256: !Ref P",
        "AutoPublishCodeSha256: !Sub unused",
        "Policies: AWSLambdaExecute",
        "Policies: [AWSLambdaExecute, !Ref P, {Statement: []}, {SQSPollerPolicy: {QueueName: !Ref P, More: a}}, {AMIDescribePolicy: {}}]",
        "Policies: [!If [A, {SQSPollerPolicy: {QueueName: a}}, !Ref AWS::NoValue]]",
        "Role: arn:aws:iam::123456789012:role/a, Policies: [{Nothing: {}}]",
        "FunctionUrlConfig: {AuthType: NONE, Cors: {AllowOrigins: [a], AllowCredentials: true, MaxAge: 10}}",
        "FunctionUrlConfig: {AuthType: NONE, Cors: {AllowOrigins: !Split [',', !Ref P]}}",
        "Events: {E: {Type: S3, Properties: {Bucket: !Ref Bucket, Events: s3:ObjectCreated:*}}}",
        "Events: {E: {Type: HttpApi, Properties: {Path: /, Method: get, Auth: {}}}}",
    ] {
        let text = format!("{parameters}{}{bucket}", function(properties));
        assert!(errors(&text).is_empty(), "{properties}: {:?}", errors(&text));
    }
    // Globals stand for the implicit API where an event makes one, and only together with an explicit one where none does.
    let globals = "Globals: {Api: {Domain: {DomainName: a.example}}}\n";
    let implicit = format!("{globals}{}", event("Api", "Path: /, Method: get"));
    assert!(
        errors(&implicit).iter().any(|error| error.message.contains("needs CertificateArn")),
        "{:?}",
        errors(&implicit)
    );
    let plain = format!("{globals}{}", function("Timeout: 3"));
    assert!(errors(&plain).is_empty(), "{:?}", errors(&plain));
    let authorized = "Globals: {HttpApi: {Auth: {DefaultAuthorizer: J, Authorizers: {J: {IdentitySource: $request.header.A, \
                      JwtConfiguration: {issuer: https://a, audience: [b]}}}}}}\n";
    let scoped = event("HttpApi", "Path: /, Method: get, Auth: {AuthorizationScopes: [a]}");
    assert!(errors(&format!("{authorized}{scoped}")).is_empty(), "{:?}", errors(&format!("{authorized}{scoped}")));
}
