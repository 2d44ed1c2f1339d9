//! What AWS's translator refuses of events.

use super::refused::{errors, event, is_refused};

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
