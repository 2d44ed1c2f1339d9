//! The import rules of the house, kept: what each room may not name. Reads the sources as text.

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms that take values and return values, and nothing else.
const PURE: [&str; 6] = ["template", "project", "apigw", "vtl", "websocket", "lambda"];
/// What a pure room never names: effects, the clock, randomness.
const EFFECTS: [&str; 16] = [
    "tokio::",
    "warp::",
    "bollard::",
    "notify::",
    "sled::",
    "tracing::",
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::process",
    "std::env",
    "std::thread",
    "SystemTime::now",
    "Instant::now",
    "rand::",
    "Uuid::new",
];
/// Crates that one place alone may name.
const KEPT: [(&str, &[&str]); 6] = [
    ("bollard::", &["sandbox"]),
    ("notify::", &["watch"]),
    ("sled::", &["store"]),
    ("samd_proto", &["control"]),
    ("saphyr_parser", &["template/yaml", "template/scalar", "template/lenient"]),
    ("crate::supervisor", &["supervisor", "control", "lambda_api", "daemon"]),
];
/// Rooms that must not know each other.
const STRANGERS: [(&str, &str); 4] = [
    ("sandbox", "crate::gateway"),
    ("sandbox", "crate::apigw"),
    ("sandbox", "crate::project::api"),
    ("gateway", "crate::sandbox"),
];

/// The rules that a source breaks; `module` is its path under `daemon/src` without `.rs`.
fn violations(module: &str, source: &str) -> Vec<String> {
    let code = code(source);
    let within = |room: &str| module == room || module.starts_with(&format!("{room}/"));
    let pure = PURE.iter().filter(|room| within(room)).flat_map(|_| EFFECTS);
    let kept = KEPT.iter().filter(|(_, homes)| !homes.iter().any(|home| within(home))).map(|(name, _)| *name);
    let strange = STRANGERS.iter().filter(|(room, _)| within(room)).map(|(_, other)| *other);
    pure.chain(kept).chain(strange).filter(|name| names(&code, name)).map(|name| format!("{module}: {name}")).collect()
}

/// A source without its comments and unit tests, imports spelled out: `use std::{fs, env}` names `std::fs`.
fn code(source: &str) -> String {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let lines = lines.map(|line| line.split(" // ").next().unwrap_or_default());
    let text: String = lines.flat_map(|line| [line, "\n"]).collect();
    let grouped = text.split("use ").skip(1).filter_map(|import| import.split_once(';')?.0.split_once("::{"));
    let spelled = grouped.flat_map(|(base, names)| {
        names.split([',', '{', '}']).map(move |name| format!("{base}::{}::\n", name.trim())).collect::<Vec<_>>()
    });
    let spelled: String = spelled.collect();
    text + &spelled
}

/// Whether the code names it as a whole word: `notify::` is not named by `sd_notify::`.
fn names(code: &str, name: &str) -> bool {
    let word = |letter: char| letter.is_alphanumeric() || letter == '_';
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back().is_none_or(|letter| !word(letter) && letter != '.');
        let inside =
            !code[..at].ends_with("crate::") && !code[..at].ends_with("super::") && !code[..at].ends_with("self::");
        let after = name.ends_with(':') || !code[at + name.len()..].starts_with(word) || name.ends_with("Tcp");
        before && inside && (after || name.ends_with("Udp"))
    })
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let own = files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    own.chain(folders.iter().flat_map(|folder| sources(folder))).collect()
}

#[test]
fn every_room_keeps_to_its_imports() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../daemon/src");
    let sources = sources(&root);
    assert!(sources.len() > 20, "the sources were not found");
    let broken: Vec<String> = sources
        .iter()
        .flat_map(|path| {
            let module = path.strip_prefix(&root).unwrap().with_extension("").to_string_lossy().into_owned();
            let room = module.strip_suffix("/mod").unwrap_or(&module).to_owned();
            violations(&room, &fs::read_to_string(path).unwrap())
        })
        .collect();
    assert!(broken.is_empty(), "import rules broken:\n{}", broken.join("\n"));
}

#[test]
fn the_rules_can_be_broken() {
    let cases = [
        ("lambda/pool", "use tokio::sync::mpsc;", "tokio::"),
        ("apigw", "use std::{\n    fmt,\n    fs,\n};", "std::fs"),
        ("project/diff", "fn now() -> SystemTime { std::time::SystemTime::now() }", "SystemTime::now"),
        ("template/resource", "let tree: saphyr_parser::Event = x;", "saphyr_parser"),
        ("vtl", "use std::net::TcpStream;", "std::net::Tcp"),
        ("gateway/pipeline", "use crate::{sandbox, project};", "crate::sandbox"),
        ("gateway", "use sled::Db;", "sled::"),
        ("worker/actor", "use crate::supervisor::Handle;", "crate::supervisor"),
        ("loader", "use samd_proto::Status;", "samd_proto"),
        ("sandbox/docker", "use crate::project::api::Api;", "crate::project::api"),
    ];
    for (module, source, rule) in cases {
        assert!(violations(module, source).iter().any(|found| found.ends_with(rule)), "{module}: {source}");
    }
}

#[test]
fn what_is_allowed_breaks_no_rule() {
    let cases = [
        ("store/database", "sled::Config::new()"),
        ("template/yaml", "use saphyr_parser::Event;"),
        ("systemd", "sd_notify::notify(false, &[])"),
        ("lambda", "use std::time::Duration; // tokio::time has one as well\n"),
        ("project/settings", "use std::net::{IpAddr, Ipv4Addr};"),
        ("sandbox/process", "use crate::project::FunctionId;"),
        ("lambda/pool", "fn f() {}\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n"),
    ];
    for (module, source) in cases {
        assert_eq!(violations(module, source), Vec::<String>::new(), "{module}: {source}");
    }
}
