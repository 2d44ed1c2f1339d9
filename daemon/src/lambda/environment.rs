//! The variables that a function finds (F6), for code at whatever places a driver puts it.
//!
//! Names, defaults and precedence are AWS's. In a container the places are AWS's too; a process sandbox has the real
//! folders in their stead.

use std::collections::BTreeMap;

use crate::project::function::{Function, LogFormat, Package, Runtime};

/// Where a sandbox has things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The code: `/var/task`.
    pub task_root: String,
    /// The layers, laid out as `/opt` is, in the template's order. One entry `/opt` where they are merged.
    pub layers: Vec<String>,
    /// The runtime's own folder: `/var/runtime`.
    pub runtime_dir: String,
    /// Folders that come first on `PATH`: the interpreter's.
    pub interpreter_path: Vec<String>,
    /// Folders that come first on `LD_LIBRARY_PATH`.
    pub interpreter_libraries: Vec<String>,
}

/// What belongs to one sandbox alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxIdentity {
    /// `host:port` of its Runtime API.
    pub runtime_api: String,
    /// Log stream: `YYYY/MM/DD/[$LATEST]<32 hex>`.
    pub log_stream: String,
    /// The project's generation that brought the version of the function for which it is started. No variable tells it.
    pub generation: u64,
}

/// Where functions reach the Lambda service; a customer may send them elsewhere.
pub const LAMBDA_ENDPOINT: &str = "AWS_ENDPOINT_URL_LAMBDA";

/// `$LATEST`, or the version that an alias points to.
#[must_use]
pub fn version(function: &Function) -> &'static str {
    if function.alias.is_some() { "1" } else { "$LATEST" }
}

/// All variables of a sandbox. `account` holds the account's variables: credentials and, where functions may reach
/// each other, the Lambda endpoint.
#[must_use]
pub fn variables(
    function: &Function,
    places: &Places,
    account: &BTreeMap<String, String>,
    identity: &SandboxIdentity,
) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = defaults(function, places);
    all.extend(function.environment.0.iter().filter(|(key, _)| !key.starts_with('_')).map(own));
    let customers = |key: &str| key == LAMBDA_ENDPOINT && all.contains_key(key);
    let account: Vec<_> = account.iter().filter(|(key, _)| !customers(key)).map(own).collect();
    all.extend(account);
    all.extend(reserved(function, places));
    // What the user gives for debugging goes over everything that a sandbox does not need to live.
    all.extend(function.serving.debug.iter().flat_map(|debug| &debug.variables.0).map(own));
    all.insert("AWS_LAMBDA_RUNTIME_API".into(), identity.runtime_api.clone());
    all.insert("AWS_LAMBDA_LOG_STREAM_NAME".into(), identity.log_stream.clone());
    all
}

/// What the platform keeps from extensions, beside everything that begins with an underscore (G1.10).
pub const NOT_FOR_EXTENSIONS: [&str; 7] = [
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_XRAY_CONTEXT_MISSING",
    "AWS_XRAY_DAEMON_ADDRESS",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

/// The variables of a sandbox's external extensions.
#[must_use]
pub fn of_extension(variables: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let kept = |name: &str| !name.starts_with('_') && !NOT_FOR_EXTENSIONS.contains(&name);
    variables.into_iter().filter(|(name, _)| kept(name)).collect()
}

fn own((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}

fn pairs<const N: usize>(pairs: [(&str, String); N]) -> impl Iterator<Item = (String, String)> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value))
}

/// Defaults that the customer may override (F6.1).
fn defaults(function: &Function, places: &Places) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = pairs([
        ("LANG", "en_US.UTF-8".to_owned()),
        ("TZ", ":UTC".to_owned()),
        ("PATH", search_path(places)),
        ("LD_LIBRARY_PATH", library_path(places)),
        ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR".to_owned()),
        ("AWS_XRAY_DAEMON_ADDRESS", "169.254.100.1:2000".to_owned()),
    ])
    .collect();
    match runtime(function) {
        Some(Runtime::Python { minor }) => {
            all.insert("PYTHONPATH".into(), python_path(places, *minor));
            all.insert("LC_CTYPE".into(), "C.UTF-8".into());
        }
        Some(Runtime::Node { major }) => {
            all.insert("NODE_PATH".into(), node_path(places, *major));
        }
        Some(Runtime::Provided(_) | Runtime::Container(_) | Runtime::Unknown(_)) | None => {}
    }
    all
}

/// What the platform sets over anything of the customer's.
fn reserved(function: &Function, places: &Places) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = pairs([
        ("AWS_REGION", function.region.clone()),
        ("AWS_DEFAULT_REGION", function.region.clone()),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory_mb.to_string()),
        ("AWS_LAMBDA_FUNCTION_VERSION", version(function).to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", function.logging.group.clone()),
        ("LAMBDA_RUNTIME_DIR", places.runtime_dir.clone()),
        ("LAMBDA_TASK_ROOT", places.task_root.clone()),
        ("_AWS_XRAY_DAEMON_ADDRESS", "169.254.100.1".to_owned()),
        ("_AWS_XRAY_DAEMON_PORT", "2000".to_owned()),
        // People's code asks for it to tell a local run from a deployed one, as under the SAM CLI.
        ("AWS_SAM_LOCAL", "true".to_owned()),
    ])
    .collect();
    if let Package::Zip { handler, runtime, .. } = &function.package {
        all.insert("_HANDLER".into(), handler.clone());
        if matches!(runtime, Runtime::Python { .. } | Runtime::Node { .. } | Runtime::Container(_)) {
            all.insert("AWS_EXECUTION_ENV".into(), format!("AWS_Lambda_{runtime}"));
        }
    }
    if function.logging.format == LogFormat::Json {
        all.insert("AWS_LAMBDA_LOG_FORMAT".into(), "JSON".into());
        let level = function.logging.application_level.as_deref().unwrap_or("INFO");
        all.insert("AWS_LAMBDA_LOG_LEVEL".into(), level.to_owned());
    }
    all
}

fn runtime(function: &Function) -> Option<&Runtime> {
    match &function.package {
        Package::Zip { runtime, .. } => Some(runtime),
        Package::Image { .. } => None,
    }
}

/// A later layer lies over an earlier one, so on a search path it comes first.
fn in_layers<'a>(places: &'a Places, below: &'a str) -> impl Iterator<Item = String> + 'a {
    places.layers.iter().rev().map(move |layer| format!("{layer}/{below}"))
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(":")
}

fn search_path(places: &Places) -> String {
    let system = ["/usr/local/bin", "/usr/bin/", "/bin"].map(str::to_owned);
    join(places.interpreter_path.iter().cloned().chain(system).chain(in_layers(places, "bin")))
}

fn library_path(places: &Places) -> String {
    let root = &places.task_root;
    let runtime = &places.runtime_dir;
    let own = ["/lib64", "/usr/lib64", runtime, &format!("{runtime}/lib"), root, &format!("{root}/lib")]
        .map(str::to_owned)
        .into_iter();
    join(places.interpreter_libraries.iter().cloned().chain(own).chain(in_layers(places, "lib")))
}

/// Python's clients put the task root first themselves (J2).
fn python_path(places: &Places, minor: u8) -> String {
    let packages = places
        .layers
        .iter()
        .rev()
        .flat_map(|layer| [format!("{layer}/python/lib/python3.{minor}/site-packages"), format!("{layer}/python")]);
    join(packages.chain(std::iter::once(places.runtime_dir.clone())))
}

fn node_path(places: &Places, major: u8) -> String {
    let layers =
        places.layers.iter().rev().flat_map(|layer| {
            [format!("{layer}/nodejs/node{major}/node_modules"), format!("{layer}/nodejs/node_modules")]
        });
    let runtime = &places.runtime_dir;
    join(layers.chain([format!("{runtime}/node_modules"), runtime.clone(), places.task_root.clone()]))
}
