//! What a sandbox prints, cut into lines.
//!
//! Standard output and standard error share one pipe, so their order is kept. `\n` ends a line and `\r` does not (F7.4).
//! A line over [`MAX_LINE`] is cut, as CloudWatch cuts events, so that a function that prints megabytes without a
//! newline takes no more memory than that.

use std::io;

use bytes::BytesMut;
use tokio::net::unix::pipe;
use tokio::sync::mpsc;

/// Longest line, in bytes: CloudWatch's event limit.
pub const MAX_LINE: usize = 256 * 1024;
/// Most read in one go.
const READ: usize = 16 * 1024;
/// Most taken between two looks at anything else.
const DRAIN: usize = 4 * 1024 * 1024;

/// A sandbox's output.
#[derive(Debug)]
pub struct Output {
    source: Source,
    buffer: BytesMut,
    ended: bool,
}

#[derive(Debug)]
enum Source {
    Pipe(pipe::Receiver),
    Channel(mpsc::Receiver<bytes::Bytes>),
    None,
}

impl Output {
    /// From a pipe.
    #[must_use]
    pub fn from_pipe(pipe: pipe::Receiver) -> Output {
        Output { source: Source::Pipe(pipe), buffer: BytesMut::new(), ended: false }
    }

    /// Of nobody.
    #[must_use]
    pub fn none() -> Output {
        Output { source: Source::None, buffer: BytesMut::new(), ended: true }
    }

    /// From pieces that someone else reads.
    #[must_use]
    pub fn from_channel(pieces: mpsc::Receiver<bytes::Bytes>) -> Output {
        Output { source: Source::Channel(pieces), buffer: BytesMut::new(), ended: false }
    }

    /// Waits until there is something to [`Output::take_lines`]; never, after the end. Cancel safe.
    pub async fn readable(&mut self) {
        if self.ended {
            return std::future::pending().await;
        }
        match &mut self.source {
            Source::Pipe(pipe) => {
                if pipe.readable().await.is_err() {
                    self.ended = true;
                }
            }
            Source::Channel(pieces) => match pieces.recv().await {
                Some(piece) => self.buffer.extend_from_slice(&piece),
                None => self.ended = true,
            },
            Source::None => self.ended = true,
        }
    }

    /// Takes what is there now without waiting, and gives each whole line to `sink`.
    pub fn take_lines(&mut self, sink: &mut dyn FnMut(&str)) {
        let mut taken = 0;
        while taken < DRAIN && !self.ended {
            let Some(read) = self.read_now() else { break };
            taken += read;
            self.cut_lines(sink);
        }
        self.cut_lines(sink);
    }

    /// Takes what is there, and the last line also when it has no newline at its end.
    pub fn take_rest(&mut self, sink: &mut dyn FnMut(&str)) {
        self.take_lines(sink);
        if !self.buffer.is_empty() {
            let rest = self.buffer.split();
            give(&rest, sink);
        }
    }

    fn read_now(&mut self) -> Option<usize> {
        match &mut self.source {
            Source::Pipe(pipe) => {
                // Straight from the pipe: what the function wrote before it answered is there, whether or not the
                // runtime has heard of it yet.
                let mut piece = [0; READ];
                match rustix::io::read(&*pipe, &mut piece) {
                    Ok(0) => {
                        self.ended = true;
                        return None;
                    }
                    Ok(read) => {
                        self.buffer.extend_from_slice(piece.get(..read).unwrap_or_default());
                        return Some(read);
                    }
                    // Then the runtime is told that there is nothing, lest it say forever that there is something.
                    Err(_) => self.buffer.reserve(READ),
                }
                match pipe.try_read_buf(&mut self.buffer) {
                    Ok(0) => {
                        self.ended = true;
                        None
                    }
                    Ok(read) => Some(read),
                    Err(problem) if problem.kind() == io::ErrorKind::WouldBlock => None,
                    Err(_) => {
                        self.ended = true;
                        None
                    }
                }
            }
            Source::Channel(pieces) => match pieces.try_recv() {
                Ok(piece) => {
                    self.buffer.extend_from_slice(&piece);
                    Some(piece.len())
                }
                Err(mpsc::error::TryRecvError::Empty) => None,
                Err(mpsc::error::TryRecvError::Disconnected) => {
                    self.ended = true;
                    None
                }
            },
            Source::None => None,
        }
    }

    fn cut_lines(&mut self, sink: &mut dyn FnMut(&str)) {
        loop {
            let newline = memchr::memchr(b'\n', &self.buffer);
            let line = match newline {
                Some(end) if end <= MAX_LINE => self.buffer.split_to(end + 1),
                Some(_) | None if self.buffer.len() > MAX_LINE => self.buffer.split_to(MAX_LINE),
                Some(_) | None => return,
            };
            let line = line.strip_suffix(b"\n").unwrap_or(&line);
            give(line, sink);
        }
    }
}

/// Gives a line, whose bytes are text nearly always.
fn give(line: &[u8], sink: &mut dyn FnMut(&str)) {
    match str::from_utf8(line) {
        Ok(line) => sink(line),
        Err(_) => sink(&String::from_utf8_lossy(line)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let (sender, receiver) = mpsc::channel(16);
        for piece in pieces {
            sender.try_send(bytes::Bytes::copy_from_slice(piece)).unwrap();
        }
        drop(sender);
        let mut output = Output::from_channel(receiver);
        let mut all = Vec::new();
        output.take_rest(&mut |line| all.push(line.to_owned()));
        all
    }

    #[test]
    fn a_newline_ends_a_line_and_a_carriage_return_does_not() {
        assert_eq!(lines(&[b"a\rb\nc", b"d\n", b"e"]), ["a\rb", "cd", "e"]);
        assert_eq!(lines(&[b"\n\n"]), ["", ""]);
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let long = vec![b'x'; MAX_LINE + 10];
        let all = lines(&[&long]);
        assert_eq!(all.iter().map(String::len).collect::<Vec<_>>(), [MAX_LINE, 10]);
    }

    #[test]
    fn bytes_that_are_not_text_do_no_harm() {
        assert_eq!(lines(&[b"\xff\n"]), ["\u{fffd}"]);
    }
}
