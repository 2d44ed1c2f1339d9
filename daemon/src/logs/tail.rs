//! The end of one invocation's log: from its START line to its REPORT line, the last 4 KB.

use std::time::Duration;

use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{LogEntry, LogSource};

/// Lambda's limit of `X-Amz-Log-Result`.
const MAX_BYTES: usize = 4096;
/// How long to wait for the REPORT line once the invocation has ended; the sandbox writes it at about the same time, and
/// never where the function's SystemLogLevel leaves it out.
const PATIENCE: Duration = Duration::from_millis(250);

/// Collects the log of the invocation `request_id`, which has ended, from a reading of the log that began before it.
///
/// `None` when it left no log at all.
pub async fn collect(past: Vec<LogEntry>, future: Option<Receiver<LogEntry>>, request_id: &str) -> Option<String> {
    let mut tail = Tail::new(request_id);
    for entry in &past {
        tail.push(entry);
    }
    let follow = async {
        let mut future = future?;
        while !tail.complete {
            match future.recv().await {
                Ok(entry) => tail.push(&entry),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => break,
            }
        }
        Some(())
    };
    // Without a REPORT line in time, what has come so far is the answer.
    if tokio::time::timeout(PATIENCE, follow).await.is_err() {
        tracing::debug!(request_id, "an invocation's log has no REPORT line");
    }
    tail.text()
}

/// The lines of one invocation among those of its project.
struct Tail<'a> {
    request_id: &'a str,
    lines: Vec<String>,
    complete: bool,
}

impl<'a> Tail<'a> {
    fn new(request_id: &'a str) -> Tail<'a> {
        Tail { request_id, lines: Vec::new(), complete: false }
    }

    fn push(&mut self, entry: &LogEntry) {
        if self.complete || entry.request_id.as_deref() != Some(self.request_id) {
            return;
        }
        self.complete = entry.source == LogSource::Platform && is_report(&entry.line);
        // Runtime clients put an event of several lines, as a trace, into one by carriage returns; on AWS it has newlines.
        self.lines.push(entry.line.replace('\r', "\n"));
    }

    fn text(self) -> Option<String> {
        let mut text = self.lines.join("\n");
        if text.is_empty() {
            return None;
        }
        text.push('\n');
        Some(last(&text, MAX_BYTES).to_owned())
    }
}

/// Whether a line ends an invocation's log, in the text or the JSON format.
fn is_report(line: &str) -> bool {
    line.starts_with("REPORT ") || line.contains(r#""platform.report""#)
}

/// The last bytes of a text, beginning at a whole character.
fn last(text: &str, bytes: usize) -> &str {
    let mut start = text.len().saturating_sub(bytes);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::FunctionId;
    use std::time::SystemTime;

    fn tail_of(lines: &[(LogSource, &str, Option<&str>)]) -> Option<String> {
        let mut tail = Tail::new("id-1");
        for (source, line, request_id) in lines {
            tail.push(&LogEntry {
                time: SystemTime::UNIX_EPOCH,
                function: FunctionId("F".to_owned()).into(),
                line: (*line).into(),
                source: *source,
                request_id: request_id.map(Into::into),
            });
        }
        tail.text()
    }

    #[test]
    fn a_tail_goes_from_start_to_report_and_has_nothing_of_concurrent_invocations() {
        use LogSource::{Function, Platform};
        let tail = tail_of(&[
            (Platform, "INIT_START Runtime Version: python:3.12", None),
            (Function, "imported", None),
            (Platform, "START RequestId: id-1 Version: $LATEST", Some("id-1")),
            (Function, "hello", Some("id-1")),
            (Platform, "START RequestId: id-2 Version: $LATEST", Some("id-2")),
            (Function, "hello to id-1 from another", Some("id-2")),
            (Platform, "END RequestId: id-1", Some("id-1")),
            (Platform, "REPORT RequestId: id-1\tDuration: 1.00 ms", Some("id-1")),
            (Function, "later", None),
        ]);
        let expected = "START RequestId: id-1 Version: $LATEST\nhello\nEND RequestId: id-1\n\
                        REPORT RequestId: id-1\tDuration: 1.00 ms\n";
        assert_eq!(tail.as_deref(), Some(expected));
    }

    #[test]
    fn an_invocation_without_lines_has_no_tail() {
        assert_eq!(tail_of(&[(LogSource::Function, "of another", Some("id-2"))]), None);
    }

    #[test]
    fn a_tail_is_cut_at_a_whole_character() {
        assert_eq!(last("aéb", 2), "b");
        assert_eq!(last("aéb", 3), "éb");
        assert_eq!(last("ab", 9), "ab");
    }
}
