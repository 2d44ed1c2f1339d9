//! A Lambda Runtime API that hands out prepared events and records whatever arrives; made of threads and `std::net`
//! alone, so that nothing of the daemon's own takes part.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The largest answer that Lambda takes.
pub const MAX_RESPONSE: usize = 6_291_556;

/// An event to hand out.
#[derive(Debug, Clone, Default)]
pub struct Event {
    /// Its body.
    pub body: Vec<u8>,
    /// Headers besides those that each event has.
    pub headers: Vec<(String, String)>,
}

impl Event {
    /// An event with this body.
    #[must_use]
    pub fn new(body: &str) -> Event {
        Event { body: body.as_bytes().to_vec(), headers: Vec::new() }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Event {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A request as it arrived. Names of headers are in lower case; a header that came twice is joined by commas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arrived {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The headers.
    pub headers: BTreeMap<String, String>,
    /// The body, chunks put together.
    pub body: Vec<u8>,
    /// The trailers of a chunked body.
    pub trailers: BTreeMap<String, String>,
}

impl Arrived {
    /// Whether this asks for the next event.
    #[must_use]
    pub fn is_next(&self) -> bool {
        self.path.ends_with("/runtime/invocation/next")
    }
}

#[derive(Default)]
struct State {
    events: VecDeque<Event>,
    handed_out: usize,
    arrived: Vec<Arrived>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The server; it ends when this is dropped.
pub struct RecordingApi {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl RecordingApi {
    /// Serves `events` in their order, then lets the next request for one wait.
    ///
    /// # Errors
    /// No port can be had.
    pub fn start(events: Vec<Event>) -> io::Result<RecordingApi> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        shared.lock().events = events.into();
        let accepting = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.lock().closed {
                    return;
                }
                let shared = accepting.clone();
                // A connection that breaks is the end of a client; what arrived before is what counts.
                std::thread::spawn(move || drop(serve(stream, &shared)));
            }
        });
        Ok(RecordingApi { address, shared })
    }

    /// `AWS_LAMBDA_RUNTIME_API`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Adds an event.
    pub fn push(&self, event: Event) {
        self.shared.lock().events.push_back(event);
        self.shared.changed.notify_all();
    }

    /// Ends all connections that wait for an event, as a daemon that died would.
    pub fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }

    /// What arrived so far.
    #[must_use]
    pub fn arrived(&self) -> Vec<Arrived> {
        self.shared.lock().arrived.clone()
    }

    /// Waits at most `patience` until `enough` says so of what arrived; tells whether it did.
    #[must_use]
    pub fn wait(&self, patience: Duration, enough: impl Fn(&[Arrived]) -> bool) -> bool {
        let state = self.shared.lock();
        let outcome = self.shared.changed.wait_timeout_while(state, patience, |state| !enough(&state.arrived));
        let (state, _) = outcome.unwrap_or_else(PoisonError::into_inner);
        enough(&state.arrived)
    }
}

impl Drop for RecordingApi {
    fn drop(&mut self) {
        self.close();
        // Wakes the accepting thread, which then sees that it is over.
        drop(TcpStream::connect(self.address));
    }
}

fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut out = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader)? {
        let (is_next, length) = (request.is_next(), request.body.len());
        shared.lock().arrived.push(request);
        shared.changed.notify_all();
        if is_next {
            let Some((number, event)) = next_event(shared) else { return Ok(()) };
            out.write_all(&event_reply(number, &event))?;
        } else if length > MAX_RESPONSE {
            out.write_all(&reply("413 Request Entity Too Large", TOO_LARGE))?;
        } else {
            out.write_all(&reply("202 Accepted", "{\"status\":\"OK\"}\n"))?;
        }
    }
    Ok(())
}

const TOO_LARGE: &str = "{\"errorMessage\":\"Exceeded maximum allowed payload size (6291556 bytes).\",\
                         \"errorType\":\"RequestEntityTooLarge\"}\n";

fn next_event(shared: &Shared) -> Option<(usize, Event)> {
    let state = shared.lock();
    let waited = shared.changed.wait_while(state, |state| state.events.is_empty() && !state.closed);
    let mut state = waited.unwrap_or_else(PoisonError::into_inner);
    let event = state.events.pop_front()?;
    state.handed_out += 1;
    Some((state.handed_out, event))
}

fn event_reply(number: usize, event: &Event) -> Vec<u8> {
    let mut head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
         Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-{number:012}\r\n\
         Lambda-Runtime-Deadline-Ms: 4102444800000\r\n\
         Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:f\r\n\
         Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e70{number};Sampled=0\r\n"
    );
    for (name, value) in &event.headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("Content-Length: {}\r\n\r\n", event.body.len());
    [head.as_bytes(), &event.body].concat()
}

fn reply(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Arrived>> {
    let Some(line) = read_line(reader)? else { return Ok(None) };
    let mut words = line.split(' ').map(str::to_owned);
    let mut request = Arrived {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        headers: read_headers(reader)?,
        ..Arrived::default()
    };
    if request.headers.get("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
        read_chunks(reader, &mut request)?;
    } else {
        let length = request.headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        request.body = vec![0; length];
        reader.read_exact(&mut request.body)?;
    }
    Ok(Some(request))
}

fn read_chunks(reader: &mut impl BufRead, request: &mut Arrived) -> io::Result<()> {
    loop {
        let line = read_line(reader)?.unwrap_or_default();
        let size = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        if size == 0 {
            request.trailers = read_headers(reader)?;
            return Ok(());
        }
        let at = request.body.len();
        request.body.resize(at + size, 0);
        reader.read_exact(&mut request.body[at..])?;
        read_line(reader)?;
    }
}

fn read_headers(reader: &mut impl BufRead) -> io::Result<BTreeMap<String, String>> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    while let Some(line) = read_line(reader)?.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.trim();
        headers
            .entry(name.to_ascii_lowercase())
            .and_modify(|there| *there += &format!(", {value}"))
            .or_insert_with(|| value.to_owned());
    }
    Ok(headers)
}

fn read_line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if reader.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()))
}
