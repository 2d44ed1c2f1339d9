//! What comes through the gateway's socket: load, and bytes that no honest client sends.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use samd_tests::daemon::{Daemon, Project, Reply, Served, eventually, read_reply};

const PLAIN: &str = "
def handler(event, context):
    print('asked for', event['path'])
    return {'statusCode': 200, 'body': event['path']}
";

fn plain() -> (Daemon, Project, Served) {
    let (daemon, project) = (Daemon::start(), Project::python(PLAIN));
    let served = daemon.serve(&project, "plain");
    assert_eq!(served.get("/x").text(), "/x");
    (daemon, project, served)
}

/// The daemon's memory in KiB.
fn resident(daemon: &Daemon) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Answers each request with who it was and what came with it, and with as many bytes as were asked for.
const TELL: &str = "
exports.handler = async (event) => {
    const { id, size } = event.queryStringParameters;
    const body = event.body || '';
    let sum = 0;
    for (let at = 0; at < body.length; at += 97) sum = (sum * 31 + body.charCodeAt(at)) % 65521;
    return { statusCode: 200, headers: { 'X-Id': id }, body: `${id} ${body.length} ${sum} ` + id[id.length - 1].repeat(Number(size)) };
};
";

const TELL_TEMPLATE: &str = "
Transform: AWS::Serverless-2016-10-31
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: app.handler
      Runtime: nodejs20.x
      Timeout: 60
      MemorySize: 512
      Events: {Any: {Type: Api, Properties: {Path: /tell, Method: post}}}
";

/// Bytes that request `id` carries: most few, some many, now and then more than a function takes or the gateway does.
fn sizes(id: usize) -> (usize, usize) {
    match id % 1000 {
        7 => (5_000_000, 10),
        107 => (10, 5_000_000),
        207 => (10_400_000, 10),
        307 => (11_000_000, 10),
        n if n % 100 == 1 => (300_000, 100_000),
        n => (n * 4, (n * 13) % 4096),
    }
}

fn told(id: usize, length: usize, size: usize) -> String {
    let sum = body(id, length).iter().step_by(97).fold(0u32, |sum, byte| (sum * 31 + u32::from(*byte)) % 65521);
    format!("{id} {length} {sum} {}", (id % 10).to_string().repeat(size))
}

/// Letters that are others for each of 26 requests.
fn body(id: usize, length: usize) -> &'static [u8] {
    static LETTERS: OnceLock<Vec<u8>> = OnceLock::new();
    let letters = || (0..11_100_000).map(|at| b'a' + u8::try_from(at / 97 % 26).unwrap()).collect();
    let from = id % 26 * 97;
    &LETTERS.get_or_init(letters)[from..from + length]
}

/// One request on a connection that is kept; `None` where the server closed it, as it may behind a refusal.
fn exchange(stream: &mut TcpStream, id: usize) -> Option<Reply> {
    let (length, size) = sizes(id);
    let head = format!("POST /tell?id={id}&size={size} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    // Who is refused hears so before everything is sent.
    drop(stream.write_all(body(id, length)));
    let mut first = [0];
    (stream.peek(&mut first).ok()? > 0).then(|| read_reply(stream))
}

/// How many requests make a load: 2,000, or as many thousand as `SAMD_LOAD` says. Measured with 10.
fn requests() -> usize {
    std::env::var("SAMD_LOAD").map_or(2, |thousands| thousands.parse().expect("SAMD_LOAD is a number")) * 1000
}

#[test]
fn thousands_of_requests_of_mixed_sizes_each_get_their_own_reply() {
    let requests = requests();
    let daemon = Daemon::start();
    let project = Project::of(&[("template.yaml", TELL_TEMPLATE), ("src/app.js", TELL)]);
    let served = daemon.serve_with(&project, "load", &["--max-concurrency", "4"]);
    let (next, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                let mut stream = served.connect();
                loop {
                    let id = next.fetch_add(1, Ordering::SeqCst);
                    if id >= requests {
                        return;
                    }
                    let (length, size) = sizes(id);
                    let reply = exchange(&mut stream, id).unwrap_or_else(|| {
                        stream = served.connect();
                        exchange(&mut stream, id).expect("a reply on a fresh connection")
                    });
                    if length > 6 * 1024 * 1024 {
                        assert_eq!(reply.status, 413, "{id}: {}", reply.head);
                        refused.fetch_add(1, Ordering::SeqCst);
                        stream = served.connect();
                        continue;
                    }
                    assert_eq!((reply.status, reply.header("X-Id")), (200, Some(id.to_string().as_str())), "{id}");
                    assert!(reply.text() == told(id, length, size), "{id}: another's reply, or a part of it");
                }
            });
        }
    });
    assert_eq!(refused.load(Ordering::SeqCst), requests / 500, "bodies over the limits");
    let idle = eventually("memory is given back", || Some(resident(&daemon)).filter(|kib| *kib < 600 * 1024));
    println!("{idle} KiB after the load");
}

#[test]
fn a_thousand_slow_clients_keep_nobody_out() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let (daemon, _project, served) = plain();
    let before = resident(&daemon);
    let mut slow: Vec<TcpStream> = Vec::new();
    for number in 0..1500 {
        let mut stream = served.connect();
        let start: &[u8] = match number % 3 {
            0 => b"",
            1 => b"GET /x HTTP/1.1\r\nHost: x\r\nX-Slow: a",
            _ => b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc",
        };
        stream.write_all(start).unwrap();
        slow.push(stream);
    }
    for _ in 0..20 {
        assert_eq!(served.get("/y").text(), "/y");
    }
    // Each goes on as slowly as it began; nobody else waits for it.
    for stream in &mut slow {
        drop(stream.write_all(b"b"));
    }
    assert_eq!(served.get("/y").text(), "/y");
    let grown = resident(&daemon).saturating_sub(before);
    assert!(grown < 128 * 1024, "{grown} KiB for 1500 clients");
}

/// Sends bytes and reads until the server has closed.
fn all_of(served: &Served, bytes: &[u8]) -> String {
    let mut stream = served.connect();
    drop(stream.write_all(bytes));
    drop(stream.shutdown(std::net::Shutdown::Write));
    let mut all = Vec::new();
    drop(stream.read_to_end(&mut all));
    String::from_utf8_lossy(&all).into_owned()
}

#[test]
fn what_two_servers_could_read_as_different_requests_is_refused_and_ends_the_connection() {
    let (daemon, _project, served) = plain();
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    let heads = [
        ("both lengths", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("both lengths, the other way", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
        ("two lengths", "Content-Length: 0\r\nContent-Length: 5\r\n\r\n"),
        ("a signed length", "Content-Length: +0\r\n\r\n"),
        ("a list of lengths", "Content-Length: 0, 5\r\n\r\n"),
        ("a length in hex", "Content-Length: 0x0\r\n\r\n"),
        ("another coding last", "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        ("another coding", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        ("a folded line", "X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n"),
        ("a folded length", "Content-Length:\r\n 0\r\n\r\n"),
        ("a space before the colon", "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
        ("a chunk of no size", "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"),
        ("a signed chunk", "Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n"),
        ("a chunk that is longer than it says", "Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n"),
        ("a chunk of endless size", "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
    ];
    for (what, head) in heads {
        let told = all_of(&served, format!("POST /x HTTP/1.1\r\nHost: x\r\n{head}{smuggled}").as_bytes());
        assert!(told.starts_with("HTTP/1.1 400 "), "{what}: {told}");
        assert_eq!(told.matches("HTTP/1.1 ").count(), 1, "{what}: {told}");
    }
    assert_eq!(served.get("/x").text(), "/x");
    assert!(!daemon.logs("plain").contains("/smuggled"), "{}", daemon.logs("plain"));
}

#[test]
fn heads_that_cannot_be_are_refused_and_odd_ones_are_served() {
    let (_daemon, _project, served) = plain();
    let status = |head: &[u8]| all_of(&served, &[head, b"\r\nHost: x\r\nConnection: close\r\n\r\n"].concat());
    let refused: [(&[u8], &str); 8] = [
        (b"GET /a\0b HTTP/1.1", "400"),
        (b"GET /x HTTP/1.1\r\nX-A: a\0b", "400"),
        (b"GET /x HTTP/1.1\r\nX\0A: b", "400"),
        (b"GET /x HTTP/1.1\r\nno colon", "400"),
        (b"GET /x HTTP/9.9", "400"),
        (b"GET  HTTP/1.1", "400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400"),
        (b"G\xffT /x HTTP/1.1", "400"),
    ];
    for (head, expected) in refused {
        let told = status(head);
        assert!(told.starts_with(&format!("HTTP/1.1 {expected} ")), "{}: {told}", String::from_utf8_lossy(head));
    }
    let long = format!("GET /{} HTTP/1.1", "a".repeat(20_000));
    assert!(status(long.as_bytes()).starts_with("HTTP/1.1 431 "));
    let longer = format!("GET /{} HTTP/1.1", "a".repeat(200_000));
    let told = status(longer.as_bytes());
    assert!(told.starts_with("HTTP/1.1 414 ") || told.starts_with("HTTP/1.1 431 "), "{}", &told[..60.min(told.len())]);
    // A1.9: API Gateway refuses a `%` that begins no escape; only function URLs take it (golden H5.2).
    for path in ["/%", "/%zz", "/a%2", "/%%41", "/a?%zz=%&=&&", "/a?b=%", "/a?b=%4"] {
        let told = status(format!("GET {path} HTTP/1.1").as_bytes());
        assert!(told.starts_with("HTTP/1.1 400 "), "{path}: {told}");
        assert!(told.ends_with("{\"message\":\"Bad Request\"}"), "{path}: {told}");
    }
    for path in ["/%00", "/%ff%fe", "/..%2f..%2fetc", "/../../x", "/a?=&&", "/a?b=%ff"] {
        let told = status(format!("GET {path} HTTP/1.1").as_bytes());
        assert!(told.starts_with("HTTP/1.1 200 "), "{path}: {told}");
        assert!(told.ends_with(path.split('?').next().unwrap()), "{path}: the path is as it was sent: {told}");
    }
}

#[test]
fn a_request_that_does_not_name_one_host_is_refused_and_ends_the_connection() {
    let (daemon, _project, served) = plain();
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    for head in [
        "GET /x HTTP/1.1\r\n",
        "GET /x HTTP/1.1\r\nHost: x\r\nHost: x\r\n",
        "GET /x HTTP/1.1\r\nHost: x\r\nX-A: b\r\nhost: y\r\n",
        "GET /x HTTP/1.0\r\nHost: x\r\nHost: y\r\n",
        "GET /x HTTP/1.1\r\nHost: x y\r\n",
        "GET /x HTTP/1.1\r\nHost: x/y\r\n",
        "GET /x HTTP/1.1\r\nHost: x@y\r\n",
        "GET /x HTTP/1.1\r\nHost: x:y\r\n",
        "GET /x HTTP/1.1\r\nHost: x\u{e4}\r\n",
        "GET http://x/x HTTP/1.1\r\n",
        "GET http://x/x HTTP/1.1\r\nHost: x y\r\n",
    ] {
        let told = all_of(&served, format!("{head}\r\n{smuggled}").as_bytes());
        assert!(told.starts_with("HTTP/1.1 400 "), "{head}: {told}");
        assert_eq!(told.matches("HTTP/1.1 ").count(), 1, "{head}: {told}");
    }
    for head in ["GET /x HTTP/1.0\r\n", "GET /x HTTP/1.1\r\nHost: [::1]:80\r\n", "GET /x HTTP/1.1\r\nHost:\r\n"] {
        let told = all_of(&served, format!("{head}Connection: close\r\n\r\n").as_bytes());
        assert!(told.starts_with("HTTP/1.1 200 "), "{head}: {told}");
    }
    assert!(!daemon.logs("plain").contains("/smuggled"), "{}", daemon.logs("plain"));
}

#[test]
fn the_host_of_an_absolute_target_goes_before_the_header() {
    let (_daemon, _project, served) = plain();
    let told = |target: &str, host: &str| {
        all_of(&served, format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())
    };
    let url = "Nope.lambda-url.localhost";
    assert!(told("/x", url).starts_with("HTTP/1.1 403 "), "a function URL that there is not");
    assert!(told("http://localhost/x", url).starts_with("HTTP/1.1 200 "));
    assert!(told(&format!("http://{url}/x"), "localhost").starts_with("HTTP/1.1 403 "));
}

/// The beginning of an HTTP/2 connection, and frames of it.
mod h2 {
    pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    /// `GET path` that ends its stream.
    pub(super) fn get(stream: u32, path: &str) -> Vec<u8> {
        let mut block = vec![0x82, 0x86, 0x04, u8::try_from(path.len()).unwrap()];
        block.extend(path.as_bytes());
        block.extend([0x01, 1, b'x']);
        frame(1, 0x5, stream, &block)
    }

    pub(super) fn reset(stream: u32) -> Vec<u8> {
        frame(3, 0, stream, &8u32.to_be_bytes())
    }
}

/// Talks HTTP/2 until the server has had enough; returns what kinds of frames it sent.
fn http_2(served: &Served, pieces: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut stream = served.connect();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut reading = stream.try_clone().unwrap();
    let reader = thread::spawn(move || {
        let (mut kinds, mut head) = (Vec::new(), [0; 9]);
        while reading.read_exact(&mut head).is_ok() {
            kinds.push(head[3]);
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            if reading.read_exact(&mut payload).is_err() {
                break;
            }
        }
        kinds
    });
    let start = [h2::PREFACE, &h2::frame(4, 0, 0, &[])].concat();
    drop(stream.write_all(&start));
    for piece in pieces {
        if stream.write_all(&piece).is_err() {
            break;
        }
    }
    drop(stream.shutdown(std::net::Shutdown::Write));
    reader.join().unwrap()
}

#[test]
fn a_flood_of_http_2_streams_that_are_reset_harms_nobody_else() {
    const GOAWAY: u8 = 7;
    let (daemon, _project, served) = plain();
    let before = resident(&daemon);
    let streams = (0..20_000u32).map(|number| 2 * number + 1);
    let kinds = thread::scope(|scope| {
        let flood = scope.spawn(|| {
            let pieces = streams.map(|stream| [h2::get(stream, "/flood"), h2::reset(stream)].concat());
            http_2(&served, pieces)
        });
        for _ in 0..10 {
            assert_eq!(served.get("/y").text(), "/y");
        }
        flood.join().unwrap()
    });
    assert!(kinds.contains(&GOAWAY), "the connection is given up: {} frames", kinds.len());
    let grown = resident(&daemon).saturating_sub(before);
    assert!(grown < 128 * 1024, "{grown} KiB");
    assert_eq!(served.get("/y").text(), "/y");
}

#[test]
fn http_2_frames_that_cannot_be_end_their_connection_alone() {
    let (daemon, _project, served) = plain();
    let before = resident(&daemon);
    let endless = (0..10_000).map(|number| match number {
        0 => h2::frame(1, 0, 1, &[0x82, 0x86, 0x84]),
        _ => h2::frame(9, 0, 1, &[&[0x40, 4][..], b"more", &[0x7f, 0xa1, 0x1f], &[b'a'; 4096]].concat()),
    });
    http_2(&served, endless);
    http_2(&served, std::iter::once(h2::frame(0, 0, 1, &[0; 100])));
    http_2(&served, std::iter::once(h2::frame(1, 0x5, 1, &[0xff; 64])));
    http_2(&served, (0..10_000).map(|_| h2::frame(6, 0, 0, &[0; 8])));
    http_2(&served, (0..10_000).map(|_| h2::frame(4, 0, 0, &[])));
    http_2(&served, std::iter::once(h2::frame(8, 0, 0, &[0; 4])));
    assert_eq!(served.get("/y").text(), "/y");
    let grown = resident(&daemon).saturating_sub(before);
    assert!(grown < 128 * 1024, "{grown} KiB");
}
