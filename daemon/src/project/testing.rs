//! A function for unit tests.

use std::time::Duration;

use super::function::{Architecture, Code, Environment, Function, FunctionId, LogFormat, Logging, Package, Runtime};

/// A Python function with 128 MB and every default.
pub(crate) fn function() -> Function {
    Function {
        id: FunctionId("Fn".into()),
        name: "Fn".into(),
        arn: "arn:aws:lambda:us-east-1:123456789012:function:Fn".into(),
        package: Package::Zip {
            code: Code::Folder("/code".into()),
            runtime: Runtime::Python { minor: 13 },
            handler: "app.handler".into(),
            layers: Vec::new(),
        },
        environment: Environment::default(),
        timeout: Duration::from_secs(3),
        memory_mb: 128,
        ephemeral_storage_mb: 512,
        architecture: Architecture::X86_64,
        reserved_concurrency: None,
        alias: None,
        logging: Logging {
            format: LogFormat::Text,
            application_level: None,
            system_level: None,
            group: "/aws/lambda/Fn".into(),
        },
        tracing_active: false,
        built_from: None,
        url: None,
        region: "us-east-1".into(),
        per_tenant: false,
        metadata: Default::default(),
        other_events: Vec::new(),
        hosting: Default::default(),
        asynchronous: Default::default(),
        serving: Default::default(),
    }
}
