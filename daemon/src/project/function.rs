//! A Lambda function as it should run.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Layer;
use super::asynchronous::Asynchronous;
use super::containers::Hosting;
use super::layer::LayerContent;
use super::serving::Serving;

/// A function's logical id, with its nested stacks before it: `Orders` or `Shop/Orders`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionId(pub String);

impl FunctionId {
    /// The first label of its own host name, in any case: nested stacks are told apart by hyphens, which ids have none of.
    #[must_use]
    pub fn host_label(&self) -> String {
        self.0.replace('/', "-")
    }
}

impl fmt::Display for FunctionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One function, every property resolved and every default filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// Logical id.
    pub id: FunctionId,
    /// The name that Lambda knows it by: `FunctionName` where the template gives one, else the logical id.
    pub name: String,
    /// Unqualified ARN: `arn:aws:lambda:<region>:<account>:function:<name>`.
    pub arn: String,
    /// What runs.
    pub package: Package,
    /// The customer's variables after all overrides. Secret: never printed, so `Debug` shows the names alone.
    pub environment: Environment,
    /// Time that one invocation may take; Lambda's default is 3 s.
    pub timeout: Duration,
    /// MemorySize in MB; Lambda's default is 128.
    pub memory_mb: u32,
    /// Size of /tmp in MB; Lambda's default is 512.
    pub ephemeral_storage_mb: u32,
    /// The processor it asks for.
    pub architecture: Architecture,
    /// ReservedConcurrentExecutions: the most invocations at once; 0 refuses all.
    pub reserved_concurrency: Option<u32>,
    /// AutoPublishAlias: APIs then invoke the alias, and the version is `1` instead of `$LATEST`.
    pub alias: Option<String>,
    /// How it logs.
    pub logging: Logging,
    /// Tracing is `Active`.
    pub tracing_active: bool,
    /// FunctionUrlConfig.
    pub url: Option<FunctionUrl>,
    /// The region in use: `AWS_REGION`.
    pub region: String,
    /// TenancyConfig with `PER_TENANT` isolation.
    pub per_tenant: bool,
    /// The folder that it is built from, when what runs was built here.
    pub built_from: Option<PathBuf>,
    /// Metadata that a build or an image needs (`BuildMethod`, `Dockerfile`, …), verbatim.
    pub metadata: BTreeMap<String, serde_json::Value>,
    /// Events that samd does not serve, named by `samctl functions`: `(event name, type)`.
    pub other_events: Vec<(String, String)>,
    /// Where and how the user's settings want it hosted.
    pub hosting: Hosting,
    /// What happens to its asynchronous invocations.
    pub asynchronous: Asynchronous,
    /// How the user's settings want it served.
    pub serving: Serving,
}

impl Function {
    /// Every name that a user may mean it by: its id, then [`Function::other_names`].
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.id.0.as_str()).chain(self.other_names())
    }

    /// The names beside its id: its logical id without nested stacks, the CDK's id of it, its name in Lambda.
    pub fn other_names(&self) -> impl Iterator<Item = &str> {
        let in_its_stack = self.id.0.rsplit('/').next();
        let path = self.metadata.get("aws:cdk:path").and_then(serde_json::Value::as_str);
        // The construct's own id: `Hello` of `Stack/Hello/Resource`.
        let construct = path.and_then(|path| path.rsplit('/').nth(1));
        let names = in_its_stack.into_iter().chain(construct).chain([self.name.as_str()]);
        let mut told = vec![self.id.0.as_str()];
        names.filter(move |name| {
            let first = !told.contains(name);
            told.push(name);
            first
        })
    }

    /// Whether a user may mean it by `name`; an ARN stands for the name in it.
    #[must_use]
    pub fn goes_by(&self, name: &str) -> bool {
        let named = named_by_arn(name).unwrap_or(name);
        self.names().any(|own| own == named)
    }

    /// The files and folders that it runs: code, archive, layers, what its image is built from.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let (code, context): (Option<&Path>, Option<&Path>) = match &self.package {
            Package::Zip { code: Code::Folder(path) | Code::Archive(path), .. } => (Some(path.as_path()), None),
            Package::Zip { code: Code::Inline(_) | Code::Unavailable(_), .. } => (None, None),
            Package::Image { build, .. } => (None, build.as_ref().map(|build| build.context.as_path())),
        };
        code.into_iter().chain(self.layers()).chain(context)
    }

    /// What is worth watching: what it runs, or what that is built from.
    pub fn watched(&self) -> impl Iterator<Item = &Path> {
        let built = self.built_from.is_some();
        let code = self.files().filter(move |file| !built || self.uses_as_layer(file));
        code.chain(self.built_from.as_deref())
    }

    /// The folders and archives of its layers.
    fn layers(&self) -> impl Iterator<Item = &Path> {
        let layers: &[Layer] = match &self.package {
            Package::Zip { layers, .. } => layers,
            Package::Image { .. } => &[],
        };
        layers.iter().filter_map(|layer| match &layer.content {
            LayerContent::Folder(path) | LayerContent::Archive(path) => Some(path.as_path()),
            LayerContent::Remote { .. } => None,
        })
    }

    /// Whether a path is, or lies in, one of its layers.
    #[must_use]
    pub fn uses_as_layer(&self, path: &Path) -> bool {
        self.layers().any(|layer| path.starts_with(layer))
    }

    /// Whether a path is, or lies in, one of them.
    #[must_use]
    pub fn uses(&self, path: &Path) -> bool {
        self.files().any(|file| path.starts_with(file))
    }
}

/// The function's name in an ARN of Lambda's.
pub(crate) fn named_by_arn(text: &str) -> Option<&str> {
    let (service, rest) = text.split_once(":function:")?;
    rest.split(':').next().filter(|_| service.starts_with("arn:"))
}

/// What a function consists of.
#[derive(Debug, Clone, PartialEq)]
pub enum Package {
    /// Code and layers, run by a managed or custom runtime.
    Zip {
        /// The code.
        code: Code,
        /// The runtime.
        runtime: Runtime,
        /// The handler, as in `app.handler`; empty for custom runtimes that name none.
        handler: String,
        /// Up to five layers, in order.
        layers: Vec<Layer>,
    },
    /// A container image.
    Image {
        /// ImageUri, or the tag that a local build gives; `None` when only Metadata names it.
        uri: Option<String>,
        /// ImageConfig.Command.
        command: Option<Vec<String>>,
        /// ImageConfig.EntryPoint.
        entry_point: Option<Vec<String>>,
        /// ImageConfig.WorkingDirectory.
        working_directory: Option<String>,
        /// How it is built here, where Metadata says so.
        build: Option<ImageBuild>,
    },
}

/// How an image is built: what Metadata says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageBuild {
    /// DockerContext: the folder whose files the build sees.
    pub context: PathBuf,
    /// Dockerfile, below the context.
    pub dockerfile: String,
    /// DockerBuildTarget.
    pub target: Option<String>,
    /// DockerBuildArgs.
    pub args: BTreeMap<String, String>,
    /// DockerTag.
    pub tag: String,
}

/// Where a zip function's code is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// A folder that is served as it stands.
    Folder(PathBuf),
    /// A zip or jar, unpacked before use.
    Archive(PathBuf),
    /// InlineCode: the text, to be served as `index.py` or `index.js`.
    Inline(String),
    /// Nothing local to run; requests are answered with the reason.
    Unavailable(String),
}

/// A Lambda runtime identifier, parsed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Runtime {
    /// `python3.<minor>`.
    Python {
        /// The 3.x minor version.
        minor: u8,
    },
    /// `nodejs<major>.x`.
    Node {
        /// The major version.
        major: u8,
    },
    /// `provided`, `provided.al2`, `provided.al2023` and `go1.x`: the code brings its own `bootstrap`.
    Provided(String),
    /// A runtime of AWS's that only a container can run (Java, .NET, Ruby).
    Container(String),
    /// An identifier that AWS does not have.
    Unknown(String),
}

impl Runtime {
    /// Parses an identifier such as `python3.12`; never fails, an identifier that AWS lacks becomes `Unknown`.
    #[must_use]
    pub fn parse(text: &str) -> Runtime {
        let number = |prefix: &str, suffix: &str| -> Option<u8> {
            text.strip_prefix(prefix)?.strip_suffix(suffix)?.parse().ok()
        };
        if let Some(minor) = number("python3.", "") {
            return Runtime::Python { minor };
        }
        if let Some(major) = number("nodejs", ".x") {
            return Runtime::Node { major };
        }
        match text {
            "provided" | "provided.al2" | "provided.al2023" | "go1.x" => Runtime::Provided(text.to_owned()),
            _ if ["java", "dotnet", "ruby"].iter().any(|family| text.starts_with(family)) => {
                Runtime::Container(text.to_owned())
            }
            _ => Runtime::Unknown(text.to_owned()),
        }
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Runtime::Python { minor } => write!(f, "python3.{minor}"),
            Runtime::Node { major } => write!(f, "nodejs{major}.x"),
            Runtime::Provided(name) | Runtime::Container(name) | Runtime::Unknown(name) => f.write_str(name),
        }
    }
}

/// The processor a function asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// `x86_64`.
    X86_64,
    /// `arm64`.
    Arm64,
}

/// A function's variables. Their values are the user's secrets: `Debug` prints the names alone.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Environment(pub BTreeMap<String, String>);

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// LoggingConfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    /// Text or JSON lines.
    pub format: LogFormat,
    /// ApplicationLogLevel, as in `INFO`; JSON format only.
    pub application_level: Option<String>,
    /// SystemLogLevel, as in `INFO`; JSON format only.
    pub system_level: Option<String>,
    /// The log group; `/aws/lambda/<name>` unless LoggingConfig names another.
    pub group: String,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Plain text.
    Text,
    /// One JSON object a line.
    Json,
}

/// FunctionUrlConfig.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionUrl {
    /// AuthType is AWS_IAM.
    pub iam: bool,
    /// InvokeMode is RESPONSE_STREAM.
    pub streaming: bool,
    /// Cors.
    pub cors: Option<super::api::Cors>,
    /// The logical id of the resource that states it; SAM gives `FunctionUrlConfig` one after the function's.
    pub resource: Option<String>,
    /// The alias that it belongs to, where a resource of its own names one.
    pub alias: Option<String>,
    /// AuthType is NONE, and the function's policy lets nobody in: SAM writes that policy, plain CloudFormation must.
    pub closed: bool,
}
