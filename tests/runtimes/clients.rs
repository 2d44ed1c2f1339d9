//! The clients under test: ours for an interpreter, and AWS's own as `tests/install/runtimes.sh` puts them there.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use samd::project::function::Runtime;
use samd::sandbox::runtimes::{Clients, Interpreter, Interpreters};
use samd_tests::runtime_client::Client;

/// The root of the repository.
pub(super) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The code folder of a language.
pub(super) fn handlers(language: &str) -> PathBuf {
    repository().join("tests/runtimes/handlers").join(language)
}

/// The interpreter of exactly this version, when it is here.
pub(super) fn interpreter(runtime: &Runtime) -> Option<Interpreter> {
    static FOUND: OnceLock<Interpreters> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let home = std::env::var_os("HOME").map(PathBuf::from);
        Interpreters::discover(search_path(), home)
    });
    found.find(runtime).ok().filter(|interpreter| interpreter.note.is_none())
}

/// `PATH`, and after it the interpreters that `tests/install/interpreters.sh` put under target/.
fn search_path() -> std::ffi::OsString {
    let tools = repository().join("target/test-tools");
    let installed = ["python-3.14/usr/bin", "node-18/bin", "node-22/bin", "node-24/bin"].map(|place| tools.join(place));
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::env::split_paths(&path).chain(installed)).expect("no folder has a colon in its name")
}

/// Our client for `runtime` on `interpreter`.
pub(super) fn ours(runtime: &Runtime, interpreter: &Interpreter) -> Client {
    static MADE: OnceLock<Clients> = OnceLock::new();
    let clients = MADE.get_or_init(|| {
        let folder = repository().join("target/test-tools/clients");
        std::fs::create_dir_all(&folder).unwrap();
        Clients::materialise(&folder).unwrap()
    });
    Client { argv: clients.command(runtime, interpreter, &[]), gate: true, folder: clients.folder(runtime) }
}

/// awslambdaric for Python 3.`minor`.
pub(super) fn awslambdaric(minor: u8, handler: &str) -> Client {
    let place = installed(&format!("awslambdaric-3.{minor}"));
    let python = place.join("bin/python");
    Client {
        argv: vec![python.into(), "-m".into(), "awslambdaric".into(), handler.into()],
        gate: false,
        folder: place.join(format!("lib/python3.{minor}/site-packages/awslambdaric")),
    }
}

/// aws-lambda-ric on `node`, in the version that AWS runs `nodejs<major>.x` with.
pub(super) fn aws_lambda_ric(major: u8, node: &Interpreter, handler: &str) -> Client {
    let (place, entry) =
        if major < 24 { ("aws-lambda-ric", "bin/index.mjs") } else { ("aws-lambda-ric-4", "index.mjs") };
    let folder = installed(place).join("node_modules/aws-lambda-ric");
    Client { argv: vec![node.path.clone().into(), folder.join(entry).into(), handler.into()], gate: false, folder }
}

fn installed(name: &str) -> PathBuf {
    let place = repository().join("target/test-tools").join(name);
    assert!(
        place.join("version").is_file(),
        "AWS's own runtime client is not in {}; run tests/install/runtimes.sh first",
        place.display()
    );
    place
}

/// The newest Python that is here.
pub(super) fn any_python() -> (Runtime, Interpreter) {
    let found = (8..=14).rev().map(|minor| Runtime::Python { minor }).find_map(with_interpreter);
    found.expect("no Python from 3.8 on is on this machine")
}

/// The newest Node.js that is here and whose handlers may have callbacks.
pub(super) fn any_node() -> (Runtime, Interpreter) {
    newest_node(&[22, 20, 18, 24])
}

/// Node.js 24, or the newest that is here in its place.
pub(super) fn node_24() -> (Runtime, Interpreter) {
    newest_node(&[24, 22, 20, 18])
}

fn newest_node(majors: &[u8]) -> (Runtime, Interpreter) {
    let found = majors.iter().map(|major| Runtime::Node { major: *major }).find_map(with_interpreter);
    found.expect("no Node.js from 18 on is on this machine")
}

fn with_interpreter(runtime: Runtime) -> Option<(Runtime, Interpreter)> {
    let found = interpreter(&runtime)?;
    Some((runtime, found))
}
