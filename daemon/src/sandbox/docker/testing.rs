//! A function for the unit tests of this room.

use std::path::PathBuf;
use std::time::Duration;

use crate::project::FunctionId;
use crate::project::function::{Architecture, Code, Environment, Function, LogFormat, Logging, Package, Runtime};

/// A Python function with 256 MB.
pub(super) fn function() -> Function {
    Function {
        id: FunctionId("Fn".into()),
        name: "Fn".into(),
        arn: "arn:aws:lambda:us-east-1:123456789012:function:Fn".into(),
        package: Package::Zip {
            code: Code::Folder(PathBuf::from("/code")),
            runtime: Runtime::Python { minor: 11 },
            handler: "app.handler".into(),
            layers: Vec::new(),
        },
        environment: Environment::default(),
        timeout: Duration::from_secs(3),
        memory_mb: 256,
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
        metadata: std::collections::BTreeMap::new(),
        other_events: Vec::new(),
    }
}
