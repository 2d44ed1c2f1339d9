//! What AWS's translator refuses of functions, and of what stands beside them.

use super::refused::{errors, function, is_refused};

fn resource(kind: &str, properties: &str) -> String {
    format!("{}  A:\n    Type: AWS::Serverless::{kind}\n    Properties: {{{properties}}}\n", function(""))
}

#[test]
fn properties_of_functions_that_do_not_go_together_are_named() {
    for (properties, why) in [
        ("PackageType: !Ref P", "PackageType is one of Zip, Image"),
        ("DeadLetterQueue: {Type: !Ref P, TargetArn: a}", "Type is one of SQS, SNS"),
        ("AutoPublishAlias: !Ref AWS::NoValue", "AutoPublishAlias is text or a Ref of a parameter"),
        ("VersionDeletionPolicy: Delete", "VersionDeletionPolicy needs AutoPublishAlias"),
        ("VersionDeletionPolicy: Keep, AutoPublishAlias: a", "VersionDeletionPolicy is one of Delete, Retain"),
        ("FunctionScalingConfig: {A: 1}", "FunctionScalingConfig needs CapacityProviderConfig"),
        ("CapacityProviderConfig: {Foo: a}", "CapacityProviderConfig needs Arn"),
        ("CapacityProviderConfig: {Arn: a, Foo: a}", "CapacityProviderConfig has no property Foo"),
        ("CapacityProviderConfig: {Arn: a}, VpcConfig: {A: b}", "CapacityProviderConfig and VpcConfig exclude"),
        ("TenancyConfig: {A: b}, FunctionUrlConfig: {AuthType: NONE}", "TenancyConfig has no FunctionUrlConfig"),
        ("TenancyConfig: {A: b}, SnapStart: {ApplyOn: None}", "TenancyConfig has no SnapStart"),
        ("TenancyConfig: {A: b}, Events: {E: {Type: SQS, Properties: {Queue: a}}}", "E is of SQS"),
        ("AutoPublishAlias: a, DeploymentPreference: {Type: b, Hooks: c}", "Hooks is a mapping, and here it is text"),
        ("AutoPublishAlias: a, DeploymentPreference: {Type: b, Alarms: c}", "Alarms is a list, and here it is text"),
        ("FunctionUrlConfig: {AuthType: NONE, Cors: {AllowOrigins:}}", "AllowOrigins says nothing"),
        ("EventInvokeConfig: {DestinationConfig: {OnFailure: {Destination: a}}}", "OnFailure needs a Type"),
        ("Layers: [a, 5]", "an item of Layers is text or a mapping, and here it is a number"),
        ("Layers: [~]", "an item of Layers is text or a mapping, and here it is nothing"),
        ("Tags: {lambda:createdBy: me}", "the tag lambda:createdBy is SAM's own"),
        ("Events: {E-1: {Type: SQS, Properties: {Queue: a}}}", "the event E-1 has other characters"),
        ("Events: !If [C, {E: {Type: AlexaSkill}}, {}]", "Events are written out"),
    ] {
        is_refused(&function(properties), why);
    }
    for (code, why) in [
        ("CodeUri: https://a.example/b.zip", "CodeUri is a path, or s3://bucket/key"),
        ("CodeUri: s3://bucket", "CodeUri is a path, or s3://bucket/key"),
        ("ImageUri: a", "state PackageType: Image"),
    ] {
        is_refused(&function("").replace("InlineCode: x", code), why);
    }
    let conditional = function("").replace("    Properties", "    Condition: !Equals [a, a]\n    Properties");
    is_refused(&conditional, "Condition is the name of a condition");
}

#[test]
fn a_name_that_sam_uses_itself_is_taken() {
    let with = |properties: &str, id: &str| format!("{}  {id}: {{Type: AWS::SQS::Queue}}\n", function(properties));
    let tick = "Events: {Tick: {Type: Schedule, Properties: {Schedule: rate(1 day)}}}";
    for (properties, id) in [
        ("", "FRole"),
        ("AutoPublishAlias: live", "FAliaslive"),
        ("FunctionUrlConfig: {AuthType: NONE}", "FUrl"),
        (tick, "FTick"),
        (tick, "FTickPermission"),
    ] {
        is_refused(&with(properties, id), &format!("SAM makes a resource {id} here"));
    }
    assert_eq!(errors(&with("Role: !GetAtt FRole.Arn", "FRole")), []);
    assert_eq!(errors(&with(tick, "FTock")), []);
}

#[test]
fn an_embedded_connector_is_whole_and_names_its_ends_one_way() {
    for (connectors, why) in [
        ("text", "Connectors is a mapping by name"),
        ("{C:}", "the connector C is a mapping with Properties"),
        ("{C-1: {Properties: {}}}", "the connector C-1 has other characters"),
        ("{C: {Properties: {Permissions: [Write]}}}", "a connector of a resource needs Destination"),
        ("{C: {Properties: {Destination: {Id: F}}}}", "a connector of a resource needs Permissions"),
        ("{C: {Properties: {Destination: {Id: F}, Permissions: []}}}", "Permissions of a connector is empty"),
        ("{C: {Properties: {Destination: [], Permissions: [Write]}}}", "Destination of a connector is empty"),
        ("{C: {Properties: {Destination: {Id: F, Arn: a}, Permissions: [Write]}}}", "has either an Id"),
        ("{C: {Properties: {Destination: {Qualifier: a}, Permissions: [Write]}}}", "needs an Id"),
        ("{C: {Properties: {Destination: {Id: 5}, Permissions: [Write]}}}", "has an Id that is text"),
        (
            "{C: {Properties: {SourceReference: {Id: F}, Destination: {Id: F}, Permissions: [Write]}}}",
            "the source of a connector of a resource is that resource",
        ),
    ] {
        let text = function("").replace("    Properties", &format!("    Connectors: {connectors}\n    Properties"));
        is_refused(&text, why);
    }
}

#[test]
fn what_sam_refuses_of_its_other_resources_is_named() {
    for (kind, properties, why) in [
        ("StateMachine", "Definition: {A: b}, Role: r, Policies: [p]", "Role and Policies exclude each other"),
        ("StateMachine", "Definition: {A: b}, UseAliasAsEventTarget: true", "needs AutoPublishAlias"),
        ("StateMachine", "Definition: {A: b}, DeploymentPreference: {Type: a}", "needs AutoPublishAlias"),
        ("StateMachine", "DefinitionUri: {Bucket: a}", "DefinitionUri needs Bucket and Key"),
        ("StateMachine", "DefinitionUri: !Ref P", "DefinitionUri is text or a mapping, written out"),
        (
            "LayerVersion",
            "ContentUri: a, RetentionPolicy: !If [C, Retain, Delete]",
            "RetentionPolicy is text, written out",
        ),
        ("LayerVersion", "ContentUri: a, CompatibleRuntimes: [5]", "an item of CompatibleRuntimes is text"),
        ("LayerVersion", "ContentUri: 'http://a/b'", "ContentUri is a path, or s3://bucket/key"),
        ("Application", "Location: !Sub a", "SAM resolves no function there"),
        ("Application", "Location: {ApplicationId: a, SemanticVersion: 5}", "SemanticVersion is text"),
        ("Application", "Location: {ApplicationId: !Sub a, SemanticVersion: 1.0.0}", "ApplicationId is text"),
        ("CapacityProvider", "VpcConfig: {}", "VpcConfig needs SubnetIds"),
        ("CapacityProvider", "VpcConfig: {SubnetIds: [a], Foo: b}", "VpcConfig has no property Foo"),
        (
            "CapacityProvider",
            "VpcConfig: {SubnetIds: [a]}, InstanceRequirements: {AllowedTypes: [a], ExcludedTypes: [b]}",
            "AllowedTypes and ExcludedTypes exclude each other",
        ),
        ("GraphQLApi", "Foo: 1", "AWS::Serverless::GraphQLApi has no property Foo"),
        ("MicrovmImage", "Name: a", "AWS::Serverless::MicrovmImage needs CodeUri"),
        ("NetworkConnector", "Name: a", "AWS::Serverless::NetworkConnector needs VpcConfig"),
        ("WebFunction", "Runtime: a", "AWS::Serverless::WebFunction needs AuthType"),
    ] {
        is_refused(&resource(kind, properties), why);
    }
}

#[test]
fn sections_that_say_nothing_are_named() {
    for (section, why) in [
        ("Globals:\n", "Globals is a mapping, and here it is nothing"),
        ("Globals: {Function:}\n", "Globals.Function is a mapping, and here it is nothing"),
        ("Globals: {WebSocketApi: {Routes: {}}}\n", "Routes is no property that Globals.WebSocketApi may have"),
        ("Globals: {CapacityProvider: {Foo: a}}\n", "Foo is no property that Globals.CapacityProvider may have"),
        ("Mappings:\n", "Mappings is a mapping, and here it is nothing"),
    ] {
        let errors = errors(&format!("{section}{}", function("")));
        assert!(errors.iter().any(|error| error.message.contains(why)), "{section}{errors:?}");
    }
    assert_eq!(errors("Resources: {}\n")[0].message, "Resources has no resource, so there is nothing to deploy");
}
