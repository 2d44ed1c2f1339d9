//! The end of one invocation's log: from its START line to its REPORT line, the last 4 KB.

use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;

use crate::logs::{LogEntry, LogSource};
use crate::supervisor::handle::LogStream;

/// Lambda's limit of `X-Amz-Log-Result`.
const MAX_BYTES: usize = 4096;
/// How long to wait for the REPORT line once the invocation has ended; the sandbox writes it at about the same time, and
/// never where the function's SystemLogLevel leaves it out.
const PATIENCE: Duration = Duration::from_millis(250);

/// Collects the log of the invocation `request_id`, which has ended, from a stream that began before it.
///
/// `None` when it left no log at all.
pub(super) async fn collect(log: LogStream, request_id: &str) -> Option<String> {
    let mut tail = Tail::new(request_id);
    for entry in &log.past {
        tail.push(entry);
    }
    let follow = async {
        let mut future = log.future?;
        while !tail.complete {
            match future.recv().await {
                Ok(entry) if log.query.matches(&entry) => tail.push(&entry),
                Ok(_) | Err(RecvError::Lagged(_)) => {}
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

/// The lines of one invocation among those of its function.
///
/// Entries do not say whose invocation they belong to: lines of the platform and JSON lines name it, and any line of the
/// function counts from START to REPORT. With concurrent invocations of one function it may hold lines of the others.
struct Tail<'a> {
    request_id: &'a str,
    lines: Vec<String>,
    begun: bool,
    complete: bool,
}

impl<'a> Tail<'a> {
    fn new(request_id: &'a str) -> Tail<'a> {
        Tail { request_id, lines: Vec::new(), begun: false, complete: false }
    }

    fn push(&mut self, entry: &LogEntry) {
        let named = entry.line.contains(self.request_id);
        let ours = match entry.source {
            LogSource::Platform => named,
            LogSource::Function => named || self.begun,
        };
        if self.complete || !ours {
            return;
        }
        self.begun = true;
        self.complete = entry.source == LogSource::Platform && is_report(&entry.line);
        self.lines.push(entry.line.to_string());
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

    fn tail_of(lines: &[(LogSource, &str)]) -> Option<String> {
        let mut tail = Tail::new("id-1");
        for (source, line) in lines {
            tail.push(&LogEntry {
                time: SystemTime::UNIX_EPOCH,
                function: FunctionId("F".to_owned()),
                line: (*line).into(),
                source: *source,
            });
        }
        tail.text()
    }

    #[test]
    fn a_tail_goes_from_start_to_report() {
        use LogSource::{Function, Platform};
        let tail = tail_of(&[
            (Platform, "INIT_START Runtime Version: python:3.12"),
            (Function, "imported"),
            (Platform, "START RequestId: id-1 Version: $LATEST"),
            (Function, "hello"),
            (Platform, "START RequestId: id-2 Version: $LATEST"),
            (Platform, "END RequestId: id-1"),
            (Platform, "REPORT RequestId: id-1\tDuration: 1.00 ms"),
            (Function, "later"),
        ]);
        let expected = "START RequestId: id-1 Version: $LATEST\nhello\nEND RequestId: id-1\n\
                        REPORT RequestId: id-1\tDuration: 1.00 ms\n";
        assert_eq!(tail.as_deref(), Some(expected));
    }

    #[test]
    fn json_lines_count_where_the_platform_is_silent() {
        use LogSource::Function;
        let tail = tail_of(&[
            (Function, r#"{"message":"no","requestId":"id-0"}"#),
            (Function, r#"{"message":"yes","requestId":"id-1"}"#),
        ]);
        assert_eq!(tail.as_deref(), Some("{\"message\":\"yes\",\"requestId\":\"id-1\"}\n"));
    }

    #[test]
    fn a_tail_is_cut_at_a_whole_character() {
        assert_eq!(last("aéb", 2), "b");
        assert_eq!(last("aéb", 3), "éb");
        assert_eq!(last("ab", 9), "ab");
    }
}
