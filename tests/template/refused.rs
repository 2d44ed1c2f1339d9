//! What AWS's translator refuses is an error here too, at the place of the mistake; what it accepts is none.

use samd::template::{Diagnostic, Severity};

use super::resolve_text;

fn errors(text: &str) -> Vec<Diagnostic> {
    let diagnostics = resolve_text(text).1.into_iter();
    diagnostics.filter(|diagnostic| diagnostic.severity == Severity::Error).collect()
}

/// A function with these properties beside those that it needs.
fn function(properties: &str) -> String {
    format!(
        "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    \
         Properties: {{Handler: a.b, Runtime: python3.12, InlineCode: x, {properties}}}\n"
    )
}

fn event(kind: &str, properties: &str) -> String {
    function(&format!("Events: {{E: {{Type: {kind}, Properties: {{{properties}}}}}}}"))
}

fn api(kind: &str, properties: &str) -> String {
    let kind = format!("AWS::Serverless::{kind}");
    format!("{}  A:\n    Type: {kind}\n    Properties: {{{properties}}}\n", function(""))
}

fn is_refused(text: &str, why: &str) {
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
        ("Api", "StageName: x, Models: {User: {properties: {}}}", "User needs type"),
        ("HttpApi", "Auth: {Foo: 1}", "Auth has no property Foo"),
        ("HttpApi", "Auth: {Authorizers: {X: {FunctionArn: a}}}", "X needs an AuthorizerPayloadFormatVersion"),
        ("HttpApi", "Auth: {Authorizers: {X: {JwtConfiguration: {issuer: a}}}}", "X needs an IdentitySource"),
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
        ("Resources:\n  F: {Properties: {}}\n", "the resource F has no Type"),
        ("Resources:\n  F:\n", "the resource F is a mapping"),
        ("Resources: {}\nGlobals: [a]\n", "Globals is a mapping"),
        ("Resources: {}\nGlobals: {Function: [a]}\n", "Globals.Function is a mapping"),
        ("Resources: {}\nParameters: [a]\n", "Parameters is a mapping"),
    ] {
        is_refused(text, why);
    }
}

#[test]
fn what_only_a_deployment_knows_is_no_mistake() {
    for properties in [
        "AutoPublishAlias: !Ref Alias, DeploymentPreference: {Enabled: !Ref Yes}",
        "DeadLetterQueue: !If [C, {Type: SQS, TargetArn: a}, !Ref AWS::NoValue]",
        "FunctionUrlConfig: {AuthType: NONE, Cors: !Ref Cors}",
        "PackageType: !Ref Package, Description:",
        "Tags: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://a/b}}}",
    ] {
        let parameters = "Parameters: {Alias: {Type: String, Default: live}, Yes: {Type: String, Default: 'true'}, \
                          Cors: {Type: String, Default: a}, Package: {Type: String, Default: Zip}}\n\
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
