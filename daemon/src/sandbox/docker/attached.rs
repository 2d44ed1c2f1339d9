//! The gate of a container whose engine does not see this machine's folders: the container's own streams, by way of the
//! engine.
//!
//! ```text
//!  stdin   "go" ─▶ /bin/sh starts the extensions, where there are some ─▶ "go" ─▶ the image's entry point
//!  stdout  what the runtime prints          stderr  what is told of extensions and what they print, a line each
//! ```
//! When the daemon dies its end of the streams goes, and a container that waits ends by itself.

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::query_parameters::AttachContainerOptionsBuilder;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::super::{Output, StartError};
use super::companions::Companions;
use super::container::not_started;

/// Pieces of output that may wait for their reader; then the container's stream fills up.
const PIECES: usize = 64;
/// The gate is opened before the extensions and before the runtime.
const OPENINGS: usize = 2;
/// Begins a line that an extension printed.
const PRINTED: &[u8] = b"printed ";

/// What the shell does; as `companions::SCRIPT` but for its streams. What it unsets is not for extensions (G1.10).
pub(super) const SCRIPT: &str = r#"exec 4<&0 3>&2 </dev/null
read -r _ <&4 || exit 1
[ -d /opt/extensions ] || exec "$0" "$@" 4<&- 3>&- 2>&1
for extension in /opt/extensions/*; do
  [ -f "$extension" ] && [ -x "$extension" ] || continue
  echo "launched ${extension##*/}" >&3
  (
    cd / && unset _HANDLER _X_AMZN_TRACE_ID _AWS_XRAY_DAEMON_ADDRESS _AWS_XRAY_DAEMON_PORT AWS_EXECUTION_ENV \
      AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME AWS_XRAY_CONTEXT_MISSING AWS_XRAY_DAEMON_ADDRESS \
      LAMBDA_RUNTIME_DIR LAMBDA_TASK_ROOT
    { "$extension" 2>&1 3>&- 4<&-; echo "ended ${extension##*/} $?" >&3; } |
      while IFS= read -r line || [ -n "$line" ]; do printf 'printed %s\n' "$line" >&3; done
  ) &
done
echo complete >&3
read -r _ <&4 || exit 1
"$0" "$@" 2>&1 3>&- 4<&- &
runtime=$!
trap 'kill -TERM $runtime' TERM
trap 'kill -KILL $runtime' USR1
while wait $runtime; status=$?; kill -0 $runtime 2>/dev/null; do :; done
echo "runtime $status" >&3
read -r _ <&4
exit $status"#;

/// What comes out of a container by its streams.
pub(super) struct Streams {
    pub(super) output: Output,
    /// Where it waits until it is let go on.
    pub(super) latch: Option<Latch>,
    /// What is told of extensions, and what they print.
    pub(super) companions: Option<(Companions, Output)>,
}

/// Opens the gate.
#[derive(Debug)]
pub(super) struct Latch(mpsc::Sender<()>);

impl Latch {
    /// Lets the container go on.
    pub(super) fn open(&self) {
        if self.0.try_send(()).is_err() {
            tracing::debug!("a container that has ended is not let go on");
        }
    }
}

/// What a container prints from its first byte on; one that `waits` does so until it is let go on.
///
/// # Errors
/// The engine does not give its streams.
pub(super) async fn streams(docker: &Docker, id: &str, waits: bool) -> Result<Streams, StartError> {
    let options = AttachContainerOptionsBuilder::new().stream(true).stdin(waits).stdout(true).stderr(true).build();
    let attached = docker.attach_container(id, Some(options)).await.map_err(|problem| not_started(&problem))?;
    let (printed, output) = channel();
    if !waits {
        // It ends with the container's output, or when nobody reads any more.
        tokio::spawn(pass_on(attached.output, printed, None));
        return Ok(Streams { output, latch: None, companions: None });
    }
    let ((told, notices), (said, of_extensions)) = (channel(), channel());
    tokio::spawn(pass_on(attached.output, printed, Some(Sorter { told, said, rest: BytesMut::new() })));
    let (latch, openings) = mpsc::channel(OPENINGS);
    tokio::spawn(let_go_on(attached.input, openings));
    let companions = Some((Companions::told_by(notices), of_extensions));
    Ok(Streams { output, latch: Some(Latch(latch)), companions })
}

fn channel() -> (mpsc::Sender<Bytes>, Output) {
    let (sender, pieces) = mpsc::channel(PIECES);
    (sender, Output::from_channel(pieces))
}

async fn pass_on(
    mut pieces: impl StreamExt<Item = Result<LogOutput, bollard::errors::Error>> + Unpin,
    printed: mpsc::Sender<Bytes>,
    mut sorter: Option<Sorter>,
) {
    while let Some(Ok(piece)) = pieces.next().await {
        let taken = match (piece, &mut sorter) {
            (LogOutput::StdErr { message }, Some(sorter)) => sorter.take(&message).await,
            (piece, _) => printed.send(piece.into_bytes()).await.is_ok(),
        };
        if !taken {
            return;
        }
    }
}

/// Keeps standard input open until nobody opens the gate any more.
async fn let_go_on(mut input: std::pin::Pin<Box<dyn AsyncWrite + Send>>, mut openings: mpsc::Receiver<()>) {
    while openings.recv().await.is_some() {
        let written = async {
            input.write_all(b"go\n").await?;
            input.flush().await
        };
        if let Err(problem) = written.await {
            tracing::error!(%problem, "a container's gate could not be opened");
            return;
        }
    }
}

/// Tells apart what is told of extensions and what they print.
struct Sorter {
    told: mpsc::Sender<Bytes>,
    said: mpsc::Sender<Bytes>,
    /// A line that has not ended.
    rest: BytesMut,
}

impl Sorter {
    /// `false` when nobody listens any more.
    async fn take(&mut self, piece: &[u8]) -> bool {
        self.rest.extend_from_slice(piece);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let mut line = self.rest.split_to(end + 1).freeze();
            let sent = if line.starts_with(PRINTED) {
                self.said.send(line.split_off(PRINTED.len())).await
            } else {
                self.told.send(line).await
            };
            if sent.is_err() {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_extensions_print_is_told_apart_from_what_is_told_of_them() {
        let ((told, mut notices), (said, mut of_extensions)) = (mpsc::channel(8), mpsc::channel(8));
        let mut sorter = Sorter { told, said, rest: BytesMut::new() };
        for piece in ["launched a\nprin", "ted one\nprinted two", "\ncomplete\n"] {
            assert!(sorter.take(piece.as_bytes()).await);
        }
        for told in ["launched a\n", "complete\n"] {
            assert_eq!(notices.recv().await.unwrap(), told);
        }
        for said in ["one\n", "two\n"] {
            assert_eq!(of_extensions.recv().await.unwrap(), said);
        }
    }

    #[test]
    fn what_aws_keeps_from_extensions_is_unset() {
        let withheld: Vec<&str> = SCRIPT.split_once("unset ").unwrap().1.split_whitespace().collect();
        for name in crate::lambda::environment::NOT_FOR_EXTENSIONS {
            assert!(withheld.contains(&name), "{name}");
        }
    }
}
