//! A golden conversation: what a client writes to a project that the real daemon serves, and every byte that comes back.
//!
//! A case is a folder with the project's files and
//!
//! | file | what it is |
//! |---|---|
//! | `requests.txt` | the requests, apart by lines of `----`; `{token:NAME}` is a token of `tokens.json`, `{fill:N}` N letters |
//! | `tokens.json` | `{"authorizer": …, "issuer": …, "tokens": {NAME: {"claims": {…}, "key": "another"}}}`: the keys are pinned |
//! | `upstream.txt` | what the server answers that stands at `UPSTREAM` in the template |
//! | `expected.txt` | the transcript: `!` what is said at start-up, `>` sent, `~` what that server was sent, `<` what came back |
//!
//! Ids, times and ports differ from run to run and are written as `<id>` and the like; all else is as it was on the wire.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use samd::apigw::jwt::{Grant, Minter};
use serde_json::{Map, Value};

use crate::daemon::{Daemon, Project, Reply, eventually};

/// Files of a case that are not the project's.
const OWN: [&str; 4] = ["requests.txt", "tokens.json", "upstream.txt", "expected.txt"];
/// The keys of the issuer whose tokens a case has, and those of somebody else.
const SEEDS: [[u8; 32]; 2] = [[1; 32], [2; 32]];

/// Serves a case's project and has its conversation.
///
/// # Panics
/// The case cannot be read, or its project is not served.
#[must_use]
pub fn transcript(daemon: &Daemon, case: &Path) -> String {
    let name: String = case.file_name().expect("a case has a name").to_string_lossy().chars().take(60).collect();
    let upstream = read(case, "upstream.txt").map(|answer| Upstream::start(on_the_wire(&answer)));
    let tokens = read(case, "tokens.json").map(|text| serde_json::from_str::<Value>(&text).expect("tokens are JSON"));
    let project = project(case, upstream.as_ref());
    let pinned = tokens.as_ref().map(|tokens| pin(&project, tokens));
    let arguments: Vec<&str> = pinned.iter().flat_map(|pinned| ["--jwks", pinned]).collect();
    settled();
    let served = daemon.serve_with(&project, &name, &arguments);
    let mut transcript = findings(daemon, &project);
    for request in read(case, "requests.txt").expect("a case has requests").split("----\n") {
        let sent = on_the_wire(&filled(with_tokens(request, tokens.as_ref())));
        let reply = served.raw(&closing(&sent));
        let seen = upstream.iter().flat_map(|upstream| upstream.seen.try_iter());
        let mask = Mask { sent: &sent, port: served.address.port(), upstream: upstream.as_ref().map(|up| up.port) };
        quote(&mut transcript, '>', request);
        seen.for_each(|seen| quote(&mut transcript, '~', &mask.over(&String::from_utf8_lossy(&seen))));
        quote(&mut transcript, '<', &mask.over(&shown(&reply)));
    }
    assert_eq!(daemon.samctl(&["stop", &name]).code, 0);
    transcript
}

/// What is said of the project at start-up.
fn findings(daemon: &Daemon, project: &Project) -> String {
    let ran = daemon.samctl(&["validate", &project.path().display().to_string(), "--output", "json"]);
    let told: Value = serde_json::from_str(&ran.out).expect("what is validated is told in JSON");
    let all = told["diagnostics"].as_array().expect("a list of findings").iter();
    let mut lines: String = all.filter_map(|one| Some(format!("! {}\n", one["message"].as_str()?))).collect();
    if !lines.is_empty() {
        lines.push('\n');
    }
    lines
}

fn read(case: &Path, file: &str) -> Option<String> {
    fs::read_to_string(case.join(file)).ok()
}

/// The case's other files, with the upstream's address in them.
fn project(case: &Path, upstream: Option<&Upstream>) -> Project {
    let address = upstream.map(|upstream| format!("127.0.0.1:{}", upstream.port)).unwrap_or_default();
    let project = Project::of(&[]);
    for entry in fs::read_dir(case).expect("a case is a folder") {
        let name = entry.expect("a folder can be listed").file_name().into_string().expect("a name in UTF-8");
        if !OWN.contains(&name.as_str()) {
            project.write(&name, &read(case, &name).expect("a text").replace("UPSTREAM", &address));
        }
    }
    project
}

/// Whoever starts a project in the same moment in which its files were written has them read twice, and its functions made
/// twice; a moment is a step of the system's clock.
fn settled() {
    let written = Instant::now();
    eventually("the next moment", || (written.elapsed() > Duration::from_millis(20)).then_some(()));
}

/// Text with line ends as HTTP has them in a head; the body stays as it is, but for the end of the file.
fn on_the_wire(text: &str) -> Vec<u8> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end_matches('\n'), ""));
    let body = body.strip_suffix('\n').unwrap_or(body);
    format!("{}\r\n\r\n{body}", head.replace('\n', "\r\n")).into_bytes()
}

/// The request, as the last of its connection.
fn closing(request: &[u8]) -> Vec<u8> {
    let end = request.windows(4).position(|window| window == b"\r\n\r\n").expect("a request has a head");
    [&request[..end], b"\r\nConnection: close", &request[end..]].concat()
}

/// Writes the issuer's keys into the project; the argument that pins them.
fn pin(project: &Project, tokens: &Value) -> String {
    project.write("keys.json", &Minter::from_seed(&SEEDS[0]).jwks().expect("a key pair"));
    let authorizer = tokens["authorizer"].as_str().expect("whose keys they are");
    format!("{authorizer}={}", project.path().join("keys.json").display())
}

fn with_tokens(request: &str, tokens: Option<&Value>) -> String {
    let mut text = request.to_owned();
    for (name, token) in tokens.and_then(|tokens| tokens["tokens"].as_object()).into_iter().flatten() {
        let claims: Map<String, Value> = token["claims"].as_object().cloned().unwrap_or_default();
        let issuer = tokens.and_then(|tokens| tokens["issuer"].as_str()).unwrap_or_default().to_owned();
        let seed = if token["key"] == "another" { SEEDS[1] } else { SEEDS[0] };
        let grant = Grant { issuer, scopes: Vec::new(), claims };
        let minted = Minter::from_seed(&seed).token(&grant, 1_700_000_000).expect("a token");
        text = text.replace(&format!("{{token:{name}}}"), &minted);
    }
    text
}

/// With as many letters as are asked for.
fn filled(request: String) -> String {
    let Some((before, (length, after))) =
        request.split_once("{fill:").and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    else {
        return request;
    };
    format!("{before}{}{after}", "x".repeat(length.parse().expect("a length")))
}

/// A reply as text: chunks are put together, NULs are visible.
fn shown(reply: &Reply) -> String {
    let chunked = reply.header("Transfer-Encoding").is_some_and(|coding| coding == "chunked");
    let body = if chunked { joined(&reply.body) } else { reply.body.clone() };
    format!("{}{}", reply.head, String::from_utf8_lossy(&body).replace('\0', "\\0"))
}

/// What chunks hold; a stream that was cut says so.
fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let Some(end) = chunks.windows(2).position(|window| window == b"\r\n") else {
            return [&whole[..], b"(cut)"].concat();
        };
        let size = std::str::from_utf8(&chunks[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.expect("a chunk has a size");
        if size == 0 {
            return whole;
        }
        whole.extend_from_slice(&chunks[end + 2..end + 2 + size]);
        chunks = &chunks[end + 4 + size..];
    }
}

fn quote(transcript: &mut String, mark: char, text: &str) {
    for line in text.replace("\r\n", "\n").trim_end_matches('\n').lines() {
        writeln!(transcript, "{}", format!("{mark} {line}").trim_end()).expect("a string takes text");
    }
    transcript.push('\n');
}

/// What differs from run to run.
struct Mask<'a> {
    sent: &'a [u8],
    port: u16,
    upstream: Option<u16>,
}

impl Mask<'_> {
    fn over(&self, text: &str) -> String {
        let text = text.replace(&format!(":{}", self.port), ":<port>");
        let text = match self.upstream {
            Some(port) => text.replace(&format!("127.0.0.1:{port}"), "<upstream>"),
            None => text,
        };
        text.split_inclusive('\n').map(|line| self.line(line)).collect()
    }

    fn line(&self, line: &str) -> String {
        let Some((name, value)) = line.trim_end().split_once(": ") else { return self.traces(line) };
        let end = &line[line.trim_end().len()..];
        let masked = match name.to_ascii_lowercase().as_str() {
            "date" if value.ends_with(" GMT") => "<date>",
            "x-amzn-requestid" | "x-amz-apigw-id" | "apigw-requestid" => "<id>",
            "x-forwarded-port" if *value == self.port.to_string() => "<port>",
            _ => return self.traces(line),
        };
        format!("{name}: {masked}{end}")
    }

    /// Roots and parents of traces that the client did not send.
    fn traces(&self, line: &str) -> String {
        let fresh = |text: &str| !String::from_utf8_lossy(self.sent).contains(text);
        let mut line = line.to_owned();
        for (mark, length) in [("Root=", 35), ("Parent=", 16)] {
            let Some(at) = line.find(mark).map(|at| at + mark.len()) else { continue };
            let value = line.get(at..at + length).unwrap_or_default().to_owned();
            if !value.is_empty() && fresh(&value) {
                line = line.replace(&value, "<fresh>");
            }
        }
        line
    }
}

/// A server that answers whatever it is asked with the same bytes, and tells what it was sent.
struct Upstream {
    port: u16,
    seen: Receiver<Vec<u8>>,
}

impl Upstream {
    fn start(answer: Vec<u8>) -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (tell, seen) = channel();
        std::thread::spawn(move || {
            listener.incoming().flatten().for_each(|stream| serve(stream, &answer, &tell));
        });
        Upstream { port, seen }
    }
}

fn serve(mut stream: TcpStream, answer: &[u8], tell: &Sender<Vec<u8>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a socket can be shared"));
    let (mut all, mut length) = (Vec::new(), 0);
    while !all.ends_with(b"\r\n\r\n") {
        let from = all.len();
        if reader.read_until(b'\n', &mut all).unwrap_or(0) == 0 {
            return;
        }
        let line = String::from_utf8_lossy(&all[from..]).to_ascii_lowercase();
        length = line.strip_prefix("content-length: ").map_or(length, |value| value.trim().parse().expect("a length"));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the whole body");
    // Told before it is answered: whoever reads the answer finds it.
    drop(tell.send([all, body].concat()));
    drop(stream.write_all(answer));
}
