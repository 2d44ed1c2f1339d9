//! How a debugger comes to a sandbox: the interpreter's arguments, the port, and whether one is attached.
//!
//! Python is debugged by debugpy, Node.js by its own inspector; what the user gives as `--debug-args` is added, or takes
//! the place of ours where it names a module or an inspector flag of its own.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;

use crate::project::function::{Function, Package, Runtime};
use crate::project::serving::Debug;

use super::StartError;

/// Python's module that listens for debuggers.
pub(super) const DEBUGPY: &str = "debugpy";
/// An earlier sandbox of the function has the port until it has ended.
const PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN: Duration = Duration::from_millis(20);
/// A connection's state in the kernel's table.
const ESTABLISHED: &str = "01";

/// What stands between the interpreter and the runtime's client for a debugger that comes to `host`; nothing for a
/// function that is not debugged.
#[must_use]
pub(super) fn arguments(function: &Function, host: &str) -> Vec<String> {
    let Some(debug) = &function.serving.debug else { return Vec::new() };
    let at = format!("{host}:{}", debug.port);
    match runtime(function) {
        Some(Runtime::Python { minor }) => python(debug, *minor, &at),
        Some(Runtime::Node { .. }) => node(debug, &at),
        Some(Runtime::Provided(_) | Runtime::Container(_) | Runtime::Unknown(_)) | None => Vec::new(),
    }
}

/// What the user should know of a function that is debugged.
#[must_use]
pub(super) fn note(function: &Function) -> Option<String> {
    let debug = function.serving.debug.as_ref()?;
    Some(match runtime(function) {
        Some(Runtime::Python { .. } | Runtime::Node { .. }) => {
            format!("a debugger may attach to 127.0.0.1:{}; one sandbox serves all requests", debug.port)
        }
        Some(runtime) => format!("debugging is served for Python and Node.js; {runtime} runs without a debugger"),
        None => "debugging is served for Python and Node.js; an image function runs without a debugger".to_owned(),
    })
}

/// Whether the debugger is debugpy, which has to be found; the user may have named a module of his own.
#[must_use]
pub(super) fn needs_debugpy(function: &Function) -> bool {
    let own_module = |debug: &Debug| debug.args.iter().any(|argument| argument == "-m");
    matches!(runtime(function), Some(Runtime::Python { .. }))
        && function.serving.debug.as_ref().is_some_and(|debug| !own_module(debug))
}

/// What to do where debugpy is not found.
#[must_use]
pub(super) fn without_debugpy(python: &str) -> StartError {
    StartError::entry(&format!(
        "{python} has no module {DEBUGPY}; install it beside the project with `{python} -m pip install --target .debugpy {DEBUGPY}` and name the folder with --debugger-path"
    ))
}

fn runtime(function: &Function) -> Option<&Runtime> {
    match &function.package {
        Package::Zip { runtime, .. } => Some(runtime),
        Package::Image { .. } => None,
    }
}

fn python(debug: &Debug, minor: u8, at: &str) -> Vec<String> {
    // The debugger cannot look into modules that the interpreter has frozen.
    let frozen = (minor >= 11).then(|| "-Xfrozen_modules=off".to_owned());
    let own = debug.args.iter().any(|argument| argument == "-m");
    let ours: &[&str] = if own { &[] } else { &["-m", DEBUGPY, "--listen", at] };
    frozen.into_iter().chain(ours.iter().map(ToString::to_string)).chain(debug.args.iter().cloned()).collect()
}

fn node(debug: &Debug, at: &str) -> Vec<String> {
    let is_inspector = |argument: &String| argument.starts_with("--inspect");
    let placed = |argument: &String| match argument.as_str() {
        "--inspect" | "--inspect-brk" | "--inspect-wait" => format!("{argument}={at}"),
        _ => argument.clone(),
    };
    let ours = (!debug.args.iter().any(is_inspector)).then(|| format!("--inspect={at}"));
    ours.into_iter().chain(debug.args.iter().map(placed)).collect()
}

/// Waits until nobody has the function's debug port; at once where it has none.
///
/// # Errors
/// Somebody keeps it.
pub(super) async fn port_is_free(function: &Function, host: IpAddr) -> Result<(), StartError> {
    let Some(debug) = &function.serving.debug else { return Ok(()) };
    let address = SocketAddr::new(host, debug.port);
    let until = Instant::now() + PATIENCE;
    loop {
        match TcpListener::bind(address).await {
            Ok(_free) => return Ok(()),
            Err(problem) if Instant::now() >= until => {
                return Err(StartError::place(format!(
                    "the debug port {address} cannot be had: {problem}; end what has it (an invocation that is still debugged may), or choose another with --debug-port"
                )));
            }
            Err(_) => tokio::time::sleep(BETWEEN).await,
        }
    }
}

/// Whether a debugger is attached to `port`, by the kernel's table of the network that `pid` is in.
#[must_use]
pub(super) fn is_attached(pid: Option<u32>, port: u16) -> bool {
    let table = pid.map(|pid| Path::new("/proc").join(pid.to_string()).join("net/tcp"));
    let table = table.and_then(|table| std::fs::read_to_string(table).ok());
    table.is_some_and(|table| has_connection(&table, port))
}

fn has_connection(table: &str, port: u16) -> bool {
    let end = format!(":{port:04X}");
    table.lines().skip(1).any(|line| {
        let fields: Vec<&str> = line.split_whitespace().take(4).collect();
        matches!(fields.as_slice(), [_, local, _, state] if local.ends_with(&end) && *state == ESTABLISHED)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::function::Environment;

    fn with(runtime: Runtime, args: &[&str]) -> Function {
        let mut function = crate::project::testing::function();
        if let Package::Zip { runtime: own, .. } = &mut function.package {
            *own = runtime;
        }
        let args = args.iter().map(ToString::to_string).collect();
        function.serving.debug =
            Some(Debug { port: 5678, args, debugger_path: None, variables: Environment::default() });
        function
    }

    fn line(runtime: Runtime, args: &[&str]) -> String {
        arguments(&with(runtime, args), "127.0.0.1").join(" ")
    }

    #[test]
    fn python_is_debugged_by_debugpy_or_by_the_users_own_module() {
        let old = Runtime::Python { minor: 9 };
        assert_eq!(line(old.clone(), &[]), "-m debugpy --listen 127.0.0.1:5678");
        assert_eq!(
            line(Runtime::Python { minor: 13 }, &["--wait-for-client"]),
            "-Xfrozen_modules=off -m debugpy --listen 127.0.0.1:5678 --wait-for-client"
        );
        assert_eq!(line(old.clone(), &["-m", "own", "5678"]), "-m own 5678");
        assert!(needs_debugpy(&with(old.clone(), &[])) && !needs_debugpy(&with(old, &["-m", "own"])));
    }

    #[test]
    fn node_has_its_inspector_on_the_port_whichever_flag_asks_for_it() {
        let node = Runtime::Node { major: 22 };
        assert_eq!(line(node.clone(), &[]), "--inspect=127.0.0.1:5678");
        assert_eq!(line(node.clone(), &["--nolazy"]), "--inspect=127.0.0.1:5678 --nolazy");
        assert_eq!(line(node.clone(), &["--inspect-brk"]), "--inspect-brk=127.0.0.1:5678");
        assert_eq!(line(node, &["--inspect=0.0.0.0:9229"]), "--inspect=0.0.0.0:9229");
    }

    #[test]
    fn a_debugger_is_a_connection_to_the_port() {
        let head = "  sl  local_address rem_address   st\n";
        let listening = "   0: 0100007F:162E 00000000:0000 0A 00000000:00000000\n";
        let attached = "   1: 0100007F:162E 0100007F:D431 01 00000000:00000000\n";
        let outgoing = "   2: 0100007F:D431 0100007F:162E 01 00000000:00000000\n";
        assert!(!has_connection(&format!("{head}{listening}{outgoing}"), 5678));
        assert!(has_connection(&format!("{head}{listening}{attached}"), 5678));
    }
}
