//! What hyper does not keep of HTTP/1.1: the casing and order of the client's header names, the casing that AWS sends,
//! and the status line `HTTP/1.1` for an HTTP/1.0 client.
//!
//! It stands between the socket and hyper and looks on. Incoming bytes go to hyper untouched, while the heads among
//! them are parsed a second time for their names. In outgoing heads letters change their case and nothing else, so
//! every length stays as hyper made it. Where it loses its way (another protocol, a head that does not parse) it stops
//! looking; hyper's verdict about the message stands either way.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A head longer than this is not looked at; hyper refuses it by itself.
const MOST_HEAD: usize = 64 * 1024;
/// Header lines that a head may have here.
pub const MOST_HEADERS: usize = 256;

/// Header names and raw values, in order and casing of the wire.
pub type RawHeaders = Vec<(String, Vec<u8>)>;

/// What the connection and its requests share.
#[derive(Debug, Default)]
pub struct Heads {
    incoming: VecDeque<RawHeaders>,
    outgoing: VecDeque<OutgoingHead>,
}

/// How a reply's head shall look.
#[derive(Debug)]
pub struct OutgoingHead {
    /// Header names in their casing.
    pub names: Vec<String>,
    /// A reply to HEAD has a length and no body.
    pub bodiless: bool,
}

/// The heads of one connection, shared with its requests.
#[derive(Debug, Clone, Default)]
pub struct SharedHeads(Arc<Mutex<Heads>>);

impl SharedHeads {
    /// The headers of the oldest request that has not been asked for; requests of a connection come in order.
    #[must_use]
    pub fn take_incoming(&self) -> Option<RawHeaders> {
        self.with(|heads| heads.incoming.pop_front())
    }

    /// Says how the next reply's head shall look.
    pub fn put_outgoing(&self, head: OutgoingHead) {
        self.with(|heads| heads.outgoing.push_back(head));
    }

    fn with<T>(&self, act: impl FnOnce(&mut Heads) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The framing of one direction of a connection.
#[derive(Debug)]
enum Framing {
    Head(Vec<u8>),
    Body(u64),
    ChunkSize(Vec<u8>),
    ChunkData(u64),
    Trailers(Vec<u8>),
    Blind,
}

/// What follows a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Follows {
    Nothing,
    Length(u64),
    Chunks,
    Unknown,
}

impl Follows {
    fn framing(self) -> Framing {
        match self {
            Follows::Nothing | Follows::Length(0) => Framing::Head(Vec::new()),
            Follows::Length(length) => Framing::Body(length),
            Follows::Chunks => Framing::ChunkSize(Vec::new()),
            Follows::Unknown => Framing::Blind,
        }
    }
}

impl Framing {
    /// Passes over `bytes` that are not of a head; returns how many it took.
    fn pass(&mut self, bytes: &[u8]) -> usize {
        match self {
            Framing::Head(_) => 0,
            Framing::Blind => bytes.len(),
            Framing::Body(left) | Framing::ChunkData(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= taken as u64;
                if *left == 0 {
                    *self = match self {
                        Framing::ChunkData(_) => Framing::ChunkSize(Vec::new()),
                        _ => Framing::Head(Vec::new()),
                    };
                }
                taken
            }
            Framing::ChunkSize(line) => {
                let Some(taken) = take_line(line, bytes) else { return bytes.len() };
                *self = after_chunk_size(line);
                taken
            }
            Framing::Trailers(line) => {
                let Some(taken) = take_line(line, bytes) else { return bytes.len() };
                *self = if line.is_empty() { Framing::Head(Vec::new()) } else { Framing::Trailers(Vec::new()) };
                taken
            }
        }
    }
}

/// Gathers a line without its end; `None` when the end is not there yet.
fn take_line(line: &mut Vec<u8>, bytes: &[u8]) -> Option<usize> {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let upto = end.unwrap_or(bytes.len());
    if line.len() + upto <= MOST_HEAD {
        line.extend_from_slice(bytes.get(..upto)?);
    }
    end?;
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Some(upto + 1)
}

/// The size line of a chunk; the empty line is the one that ends the data of the chunk before.
fn after_chunk_size(line: &[u8]) -> Framing {
    if line.is_empty() {
        return Framing::ChunkSize(Vec::new());
    }
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let size = std::str::from_utf8(digits).ok().and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    match size {
        Some(0) => Framing::Trailers(Vec::new()),
        Some(size) => Framing::ChunkData(size),
        None => Framing::Blind,
    }
}

/// A connection whose heads are looked at.
#[derive(Debug)]
pub struct Wire<S> {
    socket: S,
    heads: SharedHeads,
    incoming: Framing,
    outgoing: Framing,
    /// The reply's head with its casing, and how much of it is written.
    recased: Option<(Vec<u8>, usize)>,
}

impl<S> Wire<S> {
    /// Looks on at `socket`.
    #[must_use]
    pub fn new(socket: S, heads: SharedHeads) -> Wire<S> {
        Wire { socket, heads, incoming: Framing::Head(Vec::new()), outgoing: Framing::Head(Vec::new()), recased: None }
    }

    fn saw_incoming(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = match &mut self.incoming {
                Framing::Head(head) => {
                    let before = head.len();
                    head.extend_from_slice(bytes);
                    let (taken, next) = incoming_head(head, before, &self.heads);
                    if let Some(next) = next {
                        self.incoming = next;
                    }
                    taken.min(bytes.len())
                }
                other => other.pass(bytes),
            };
            bytes = bytes.get(taken..).unwrap_or_default();
        }
    }

    /// Follows bytes that were written.
    fn saw_outgoing(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = self.outgoing.pass(bytes);
            if taken == 0 {
                return;
            }
            bytes = bytes.get(taken..).unwrap_or_default();
        }
    }

    /// What of `slices`, behind their first `skip` bytes, comes before the next head: a reply that follows another one
    /// in the same buffer begins a write of its own.
    fn until_head<'a>(&self, slices: &'a [IoSlice<'_>], mut skip: usize) -> Vec<IoSlice<'a>> {
        let mut probe = self.outgoing.copy();
        let mut all = Vec::with_capacity(slices.len());
        for slice in slices {
            let skipped = skip.min(slice.len());
            skip -= skipped;
            let bytes = slice.get(skipped..).unwrap_or_default();
            let mut at = 0;
            while at < bytes.len() && !matches!(probe, Framing::Head(_)) {
                at += probe.pass(bytes.get(at..).unwrap_or_default());
            }
            all.push(IoSlice::new(bytes.get(..at).unwrap_or_default()));
            if at < bytes.len() {
                break;
            }
        }
        all
    }

    /// Makes ready to write the head that `bytes` begins with.
    fn recase(&mut self, bytes: &[u8]) {
        let Some(end) = find(bytes, b"\r\n\r\n").map(|at| at + 4) else {
            self.outgoing = Framing::Blind;
            return;
        };
        let mut head = bytes.get(..end).unwrap_or_default().to_vec();
        if head.starts_with(b"HTTP/1.0") {
            head[7] = b'1';
        }
        let interim = head.get(9) == Some(&b'1');
        let wanted = if interim { None } else { self.heads.with(|heads| heads.outgoing.pop_front()) };
        let follows = apply_names(&mut head, wanted.as_ref(), interim);
        self.recased = Some((head, 0));
        self.outgoing = follows.framing();
    }
}

impl Framing {
    fn copy(&self) -> Framing {
        match self {
            Framing::Head(_) => Framing::Head(Vec::new()),
            Framing::Body(left) => Framing::Body(*left),
            Framing::ChunkSize(line) => Framing::ChunkSize(line.clone()),
            Framing::ChunkData(left) => Framing::ChunkData(*left),
            Framing::Trailers(line) => Framing::Trailers(line.clone()),
            Framing::Blind => Framing::Blind,
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// Tries to read a whole head from `head`, of which `before` bytes were there already. Returns how many of the new
/// bytes belong to it, and what follows when it is whole.
fn incoming_head(head: &[u8], before: usize, heads: &SharedHeads) -> (usize, Option<Framing>) {
    if head.len() > MOST_HEAD {
        return (usize::MAX, Some(Framing::Blind));
    }
    // A head that comes letter by letter is not read anew with each letter.
    if before > 0 && !has_end(head.get(before.saturating_sub(3)..).unwrap_or_default()) {
        return (usize::MAX, None);
    }
    let mut lines = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut lines);
    match request.parse(head) {
        Ok(httparse::Status::Complete(end)) => {
            let names = request.headers.iter().map(|line| (line.name.to_owned(), line.value.to_vec())).collect();
            let follows = follows_request(request.method, request.headers);
            heads.with(|heads| heads.incoming.push_back(names));
            (end - before, Some(follows.framing()))
        }
        Ok(httparse::Status::Partial) => (usize::MAX, None),
        Err(_) => (usize::MAX, Some(Framing::Blind)),
    }
}

/// Whether an empty line is among the bytes, with or without carriage returns.
fn has_end(bytes: &[u8]) -> bool {
    find(bytes, b"\n\r\n").is_some() || find(bytes, b"\n\n").is_some()
}

fn follows_request(method: Option<&str>, lines: &[httparse::Header<'_>]) -> Follows {
    if matches!(method, Some("CONNECT" | "PRI")) {
        return Follows::Unknown;
    }
    lines.iter().fold(Follows::Nothing, |follows, line| follows.told_by(line.name.as_bytes(), line.value))
}

impl Follows {
    /// What follows when the head says this too. Chunks go before a length.
    fn told_by(self, name: &[u8], value: &[u8]) -> Follows {
        if self == Follows::Chunks || name.eq_ignore_ascii_case(b"transfer-encoding") {
            return Follows::Chunks;
        }
        if !name.eq_ignore_ascii_case(b"content-length") {
            return self;
        }
        let number = std::str::from_utf8(value).ok().and_then(|text| text.trim().parse().ok());
        number.map_or(Follows::Unknown, Follows::Length)
    }
}

/// Gives the names in a reply's head their casing, and says what follows it.
fn apply_names(head: &mut [u8], wanted: Option<&OutgoingHead>, interim: bool) -> Follows {
    let has_no_body = matches!(head.get(9..12), Some(b"204" | b"304"));
    let mut follows = Follows::Nothing;
    let mut at = find(head, b"\r\n").map_or(head.len(), |end| end + 2);
    while let Some(end) = head.get(at..).and_then(|rest| find(rest, b"\r\n")).map(|end| at + end) {
        let line = head.get_mut(at..end).unwrap_or_default();
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { break };
        let (name, value) = line.split_at_mut(colon);
        follows = follows.told_by(name, value.get(1..).unwrap_or_default());
        if let Some(cased) = wanted.and_then(|wanted| casing(name, &wanted.names)) {
            name.copy_from_slice(cased.as_bytes());
        }
        at = end + 2;
    }
    if interim || has_no_body || wanted.is_some_and(|wanted| wanted.bodiless) {
        return Follows::Nothing;
    }
    // Without a length and without chunks the body ends with the connection (an HTTP/1.0 client's stream).
    if follows == Follows::Nothing { Follows::Unknown } else { follows }
}

/// A name in the casing asked for, as long as it was; those that hyper adds have the casing that AWS sends.
fn casing<'a>(name: &[u8], wanted: &'a [String]) -> Option<&'a str> {
    const OF_HYPER: [&str; 4] = ["Date", "Content-Length", "Transfer-Encoding", "Connection"];
    let mut known = wanted.iter().map(String::as_str).chain(OF_HYPER);
    known.find(|known| known.as_bytes().eq_ignore_ascii_case(name))
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let this = &mut *self;
        let outcome = Pin::new(&mut this.socket).poll_read(cx, buffer);
        if let (Poll::Ready(Ok(())), Some(new)) = (&outcome, buffer.filled().get(before..)) {
            this.saw_incoming(new);
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> Wire<S> {
    /// Writes `slices` (hyper's bytes, in order), with the letters of a head changed; returns how many were taken.
    fn write(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let first = slices.iter().find(|slice| !slice.is_empty()).map_or(&[][..], |slice| slice);
        if self.recased.is_none() && matches!(self.outgoing, Framing::Head(_)) && !first.is_empty() {
            self.recase(first);
        }
        let rest = self.recased.as_ref().map_or(&[][..], |(head, written)| head.get(*written..).unwrap_or_default());
        let own = rest.len();
        let mut all = vec![IoSlice::new(rest)];
        all.extend(self.until_head(slices, own));
        let taken = std::task::ready!(Pin::new(&mut self.socket).poll_write_vectored(cx, &all))?;
        let of_head = taken.min(own);
        if let Some((head, written)) = &mut self.recased {
            *written += of_head;
            if *written == head.len() {
                self.recased = None;
            }
        }
        self.follow(slices, of_head, taken);
        Poll::Ready(Ok(taken))
    }

    /// Follows the bytes `from..to` of what was written.
    fn follow(&mut self, slices: &[IoSlice<'_>], mut from: usize, to: usize) {
        let mut left = to - from;
        for slice in slices {
            let skipped = from.min(slice.len());
            from -= skipped;
            let rest = slice.get(skipped..).unwrap_or_default();
            let taken = rest.len().min(left);
            left -= taken;
            self.saw_outgoing(rest.get(..taken).unwrap_or_default());
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.write(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn sent(replies: &[&[u8]], heads: Vec<OutgoingHead>, piece: usize) -> String {
        let (near, mut far) = tokio::io::duplex(piece);
        let shared = SharedHeads::default();
        heads.into_iter().for_each(|head| shared.put_outgoing(head));
        let mut wire = Wire::new(near, shared);
        let all: Vec<Vec<u8>> = replies.iter().map(|reply| reply.to_vec()).collect();
        let writer = tokio::spawn(async move {
            for reply in all {
                wire.write_all(&reply).await.unwrap();
            }
            wire.shutdown().await.unwrap();
        });
        let mut text = String::new();
        far.read_to_string(&mut text).await.unwrap();
        writer.await.unwrap();
        text
    }

    fn head(names: &[&str]) -> OutgoingHead {
        OutgoingHead { names: names.iter().map(|name| (*name).to_owned()).collect(), bodiless: false }
    }

    #[tokio::test]
    async fn names_get_the_casing_asked_for_and_nothing_else_changes() {
        for piece in [1, 7, 4096] {
            let text = sent(
                &[b"HTTP/1.0 200 OK\r\ntest-multi: a: b\r\ncontent-length: 3\r\ndate: x\r\n\r\nabc"],
                vec![head(&["tesT-Multi"])],
                piece,
            )
            .await;
            assert_eq!(text, "HTTP/1.1 200 OK\r\ntesT-Multi: a: b\r\nContent-Length: 3\r\nDate: x\r\n\r\nabc");
        }
    }

    #[tokio::test]
    async fn replies_in_one_buffer_are_told_apart() {
        let two = b"HTTP/1.1 200 OK\r\nx-a: 1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nx-a: 2\r\ncontent-length: 0\r\n\r\n";
        let text = sent(&[two], vec![head(&["X-A"]), head(&["x-A"])], 4096).await;
        assert!(text.contains("X-A: 1") && text.contains("x-A: 2"), "{text}");
    }

    #[tokio::test]
    async fn requests_keep_their_names_and_bodies_are_not_mistaken_for_heads() {
        let (mut far, near) = tokio::io::duplex(4096);
        let shared = SharedHeads::default();
        let mut wire = Wire::new(near, shared.clone());
        far.write_all(b"POST / HTTP/1.1\r\ntEsT: 1\r\nContent-Length: 18\r\n\r\nGET / HTTP/1.1\r\na:b").await.unwrap();
        far.write_all(b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n0\r\nT: 1\r\n\r\nGET /2 HTTP/1.1\r\nB: 2\r\n\r\n").await.unwrap();
        drop(far);
        let mut all = Vec::new();
        wire.read_to_end(&mut all).await.unwrap();
        let names = || shared.take_incoming().map(|head| head.into_iter().map(|(name, _)| name).collect::<Vec<_>>());
        assert_eq!(names().unwrap(), ["tEsT", "Content-Length"]);
        assert_eq!(names().unwrap(), ["Transfer-Encoding"]);
        assert_eq!(names().unwrap(), ["B"]);
        assert_eq!(names(), None);
    }
}
