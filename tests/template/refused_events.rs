//! What AWS's translator refuses of events.

use super::refused::{api, errors, event, function, is_refused};

#[test]
fn what_is_said_of_a_source_that_lambda_polls_is_whole() {
    let kafka = "KafkaBootstrapServers: [a], Topics: [t], SourceAccessConfigurations:";
    for (kind, properties, why) in [
        ("SQS", "Queue: a, FilterCriteria: {Foo: 1}", "FilterCriteria has Filters and nothing else"),
        ("SQS", "Queue: a, ConsumerGroupId: b", "an event of type SQS has no ConsumerGroupId"),
        ("SQS", "Queue: a, DestinationConfig: {OnFailure:}", "DestinationConfig needs OnFailure"),
        ("SQS", "Queue: a, DestinationConfig: {OnFailure: {Type: Foo}}", "is one of SQS, SNS, S3, Kafka"),
        ("MQ", "Broker: a", "an event of type MQ needs SourceAccessConfigurations"),
        ("MQ", "Broker: a, SourceAccessConfigurations: [b]", "its Type one of BASIC_AUTH, VIRTUAL_HOST"),
        ("MQ", "Broker: a, SourceAccessConfigurations: [{Type: BASIC_AUTH}]", "BASIC_AUTH needs a URI"),
        (
            "MQ",
            "Broker: a, SourceAccessConfigurations: [{Type: VIRTUAL_HOST, URI: b}]",
            "has BASIC_AUTH with a URI once",
        ),
        (
            "DocumentDB",
            "Cluster: a, DatabaseName: b, SourceAccessConfigurations: [{Type: VIRTUAL_HOST, URI: c}]",
            "its Type one of BASIC_AUTH",
        ),
        ("MSK", "Stream: a, StartingPosition: b, SchemaRegistryConfig: {A: b}", "needs EventRecordFormat"),
        (
            "MSK",
            "Stream: a, StartingPosition: b, SchemaRegistryConfig: {SchemaRegistryURI: a, EventRecordFormat: XML, \
             SchemaValidationConfigs: [], AccessConfigs: [{Type: a}]}",
            "EventRecordFormat is JSON or SOURCE",
        ),
        ("SelfManagedKafka", &format!("{kafka} [{{Type: FOO, URI: a}}]"), "its Type one of SASL_SCRAM_256_AUTH"),
        (
            "SelfManagedKafka",
            &format!("{kafka} [{{Type: BASIC_AUTH, URI: 5}}]"),
            "BASIC_AUTH needs a URI, which is text",
        ),
        ("SelfManagedKafka", &format!("{kafka} [{{Type: VPC_SUBNET, URI: a}}]"), "need each other"),
        (
            "SelfManagedKafka",
            &format!("{kafka} [{{Type: BASIC_AUTH, URI: a}}, {{Type: SASL_SCRAM_256_AUTH, URI: b}}]"),
            "has one way of identifying the function",
        ),
        ("SelfManagedKafka", "KafkaBootstrapServers: [a], Topics: [t, u]", "has one topic"),
        ("SNS", "Topic: a, SqsSubscription: {QueueArn: b}", "SqsSubscription needs QueueArn and QueueUrl"),
    ] {
        is_refused(&event(kind, properties), why);
    }
    for (kind, properties) in [
        ("SelfManagedKafka", format!("{kafka} [{{Type: IAM_AUTH}}]")),
        ("SelfManagedKafka", format!("{kafka} [{{Type: SASL_SCRAM_256_AUTH, URI: !Ref S}}], ConsumerGroupId: g")),
        ("MQ", "Broker: a, SourceAccessConfigurations: [{Type: BASIC_AUTH, URI: b}, {Type: VIRTUAL_HOST}]".to_owned()),
        ("SQS", "Queue: a, FilterCriteria: {}, DestinationConfig: {OnFailure: {Destination: b}}".to_owned()),
    ] {
        assert_eq!(errors(&event(kind, &properties)), [], "{properties}");
    }
}

#[test]
fn mistakes_in_schedules_and_triggers_are_named() {
    let schedule = "ScheduleExpression: rate(1 day)";
    for (kind, properties, why) in [
        ("ScheduleV2", &*format!("{schedule}, OmitName: true, Name: a"), "OmitName leaves out the Name"),
        (
            "ScheduleV2",
            &*format!("{schedule}, DeadLetterConfig: {{Type: SQS, QueueLogicalId: 5}}"),
            "QueueLogicalId is text",
        ),
        ("Schedule", "Schedule: a, State: ENABLED, Enabled: false", "State and Enabled exclude each other"),
        ("S3", "Events: a, Bucket: !Ref F", "the Bucket of an event is a Ref of a bucket"),
        ("S3", "Events: [a, ~], Bucket: !Ref F", "an item of Events is text, and here it is nothing"),
        ("Cognito", "Trigger: PreSignUp, UserPool: !GetAtt A.Arn", "UserPool is a Ref of a user pool"),
    ] {
        is_refused(&event(kind, properties), why);
    }
    let pool = "  U: {Type: AWS::Cognito::UserPool, Properties: {LambdaConfig: {PreSignUp: a}}}\n";
    let triggered =
        |trigger: &str| format!("{}{pool}", event("Cognito", &format!("UserPool: !Ref U, Trigger: {trigger}")));
    is_refused(&triggered("[PreSignUp]"), "the user pool has the trigger PreSignUp already");
    assert_eq!(errors(&triggered("PostConfirmation")), []);
}

#[test]
fn mistakes_in_routes_are_named() {
    let route = |more: &str| format!("Path: /, Method: get, {more}");
    for (kind, properties, why) in [
        ("Api", "Path: !Sub /x, Method: get".to_owned(), "Path is text, written out"),
        ("HttpApi", "Path: /x, Method: !Ref M".to_owned(), "Method is text, written out"),
        ("HttpApi", route("RouteSettings:"), "RouteSettings say nothing"),
        ("HttpApi", route("Auth: {Authorizer: A, AuthorizationScopes: s}"), "AuthorizationScopes is a list"),
        ("Api", route("Auth: {Authorizer: AWS_IAM, AuthorizationScopes: s}"), "AuthorizationScopes is a list"),
        ("Api", route("Auth: {AuthorizationScopes: [s]}"), "AuthorizationScopes needs an Authorizer"),
        ("Api", route("Auth: {Authorizer: !Ref A}"), "Authorizer is the name of one, written out"),
        ("Api", route("Auth: {ResourcePolicy: {AwsAccountWhitelist: a}}"), "AwsAccountWhitelist is a list"),
        ("Api", route("Auth: {ResourcePolicy: {SourceVpcBlacklist: [!GetAtt V.Id]}}"), "is a list of text"),
        ("Api", route("RequestParameters: [method.request.header]"), "a request parameter is method.request"),
        (
            "Api",
            route("RequestParameters: [{method.request.header.A: yes-please}]"),
            "a mapping of Required and Caching",
        ),
    ] {
        is_refused(&event(kind, &properties), why);
    }
    let api = "  A: {Type: AWS::Serverless::HttpApi, Properties: {DefinitionBody: {swagger: '2.0', paths: {}}}}\n";
    is_refused(&format!("{}{api}", event("HttpApi", &route("ApiId: !Ref A"))), "has no openapi of version 3");
}

#[test]
fn an_event_names_its_api_by_a_ref() {
    for (kind, property) in [("Api", "RestApiId"), ("HttpApi", "ApiId")] {
        let named = |id: &str| {
            let events = event(kind, &format!("Path: /x, Method: get, {property}: {id}"));
            let text = api(kind, if kind == "Api" { "StageName: s" } else { "Description: d" });
            format!("{events}{}", text.strip_prefix(&function("")).expect("the function comes first"))
        };
        for call in ["!Sub '${A}'", "!If [C, !Ref A, !Ref A]", "!Select [0, [!Ref A]]", "!Ref AWS::NoValue"] {
            is_refused(&named(call), &format!("{property} is a Ref of the API"));
        }
        assert_eq!(errors(&named("!Ref A")), [], "{property}");
        let answered =
            format!("Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]\n{}", named("!Sub '${A}'"));
        assert_eq!(errors(&answered), [], "{property}");
    }
}

#[test]
fn a_route_is_claimed_twice_also_where_a_deployment_has_one_of_its_functions() {
    let conditions = "Conditions: {One: !Equals [a, b], Other: !Equals [a, a]}\n";
    for kind in ["Api", "HttpApi"] {
        let claim = |id: &str, condition: &str, path: &str| {
            let text = event(kind, &format!("Path: {path}, Method: GET"));
            let text = text.strip_prefix("Resources:\n").expect("resources").replace("  F:\n", &format!("  {id}:\n"));
            text.replace("    Properties", &format!("    Condition: {condition}\n    Properties"))
        };
        let text =
            |path: &str| format!("{conditions}Resources:\n{}{}", claim("F", "One", "/x"), claim("G", "Other", path));
        is_refused(&text("/x"), "GET /x is defined twice; the first stands at /project/template.yaml:6:");
        assert_eq!(errors(&text("/x")).len(), 1);
        assert_eq!(errors(&text("/y")), []);
        assert_eq!(errors(&text("/x").replace("Condition: One", "Condition: Other")).len(), 1, "it is told once");
    }
}

#[test]
fn properties_are_written_out() {
    let call = "!If [C, {Path: /x, Method: get}, {Path: /y, Method: get}]";
    let text = function(&format!("Events: {{E: {{Type: Api, Properties: {call}}}}}"));
    is_refused(&text, "the Properties of the event E are written out: SAM resolves no Fn::If there");
    for kind in ["Function", "Api", "HttpApi", "StateMachine"] {
        let text = format!("{}  A: {{Type: AWS::Serverless::{kind}, Properties: !If [C, {{}}, {{}}]}}\n", function(""));
        is_refused(&text, "the Properties of A are written out: SAM resolves no Fn::If there");
    }
}
