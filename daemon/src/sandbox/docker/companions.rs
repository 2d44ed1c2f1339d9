//! Extensions in a container: `/bin/sh` starts what is executable in `/opt/extensions` when the gate opens, tells of it
//! through a pipe, and starts the runtime when the gate opens a second time.
//!
//! ```text
//!  go ─▶ launched A, launched B, complete ─▶ (they register) ─▶ go ─▶ the image's entry point
//!                 ended A 0, runtime 0 ◀─ whenever
//! ```
//! The shell stays the container's first process, so that the runtime's end is not its extensions'. Where the image has
//! no `/opt/extensions` it becomes the entry point at the first `go`.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use tokio::net::unix::pipe;

use crate::lambda::error::Exit;
use crate::project::function::{Function, Package};

use super::super::{Happening, Notice, Output};

/// The pipes' names in the gate's folder.
pub(super) const NOTICES: &str = "notices";
pub(super) const OUTPUT: &str = "extensions";
/// Signals to the first process: the runtime is to end, by SIGTERM or at once.
pub(super) const ASK: &str = "SIGTERM";
pub(super) const FORCE: &str = "SIGUSR1";

/// What the shell does. What it unsets is not for extensions (G1.10).
pub(super) const SCRIPT: &str = r#"exec 4</run/samd/go
read -r _ <&4 || exit 1
[ -d /opt/extensions ] || exec "$0" "$@" 4<&- </dev/null >/run/samd/output 2>&1
exec 3>/run/samd/notices
for extension in /opt/extensions/*; do
  [ -f "$extension" ] && [ -x "$extension" ] || continue
  echo "launched ${extension##*/}" >&3
  (
    cd / && unset _HANDLER _X_AMZN_TRACE_ID _AWS_XRAY_DAEMON_ADDRESS _AWS_XRAY_DAEMON_PORT AWS_EXECUTION_ENV \
      AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME AWS_XRAY_CONTEXT_MISSING AWS_XRAY_DAEMON_ADDRESS \
      LAMBDA_RUNTIME_DIR LAMBDA_TASK_ROOT
    "$extension" </dev/null >/run/samd/extensions 2>&1 3>&- 4<&-
    echo "ended ${extension##*/} $?" >&3
  ) &
done
echo complete >&3
read -r _ <&4 || exit 1
"$0" "$@" </dev/null >/run/samd/output 2>&1 3>&- 4<&- &
runtime=$!
trap 'kill -TERM $runtime' TERM
trap 'kill -KILL $runtime' USR1
while wait $runtime; status=$?; kill -0 $runtime 2>/dev/null; do :; done
echo "runtime $status" >&3
read -r _ <&4
exit $status"#;

/// Whether there may be extensions: in the layers, or in an image that nobody has looked into.
#[must_use]
pub(super) fn may_be_there(function: &Function, layers: &[PathBuf]) -> bool {
    match &function.package {
        Package::Zip { .. } => layers.iter().any(|layer| layer.join("extensions").is_dir()),
        Package::Image { .. } => true,
    }
}

/// What the shell tells, and what the extensions print.
#[derive(Debug)]
pub(super) struct Companions {
    notices: Output,
    told: VecDeque<Happening>,
}

impl Companions {
    /// Reads from the pipe in a gate's folder.
    ///
    /// # Errors
    /// The pipe is not there.
    pub(super) fn open(folder: &Path) -> io::Result<(Companions, Output)> {
        let open = |name: &str| pipe::OpenOptions::new().read_write(true).open_receiver(folder.join(name));
        let notices = Output::from_pipe(open(NOTICES)?);
        Ok((Companions { notices, told: VecDeque::new() }, Output::from_pipe(open(OUTPUT)?)))
    }

    /// Read by somebody else.
    #[must_use]
    pub(super) fn told_by(notices: Output) -> Companions {
        Companions { notices, told: VecDeque::new() }
    }

    /// The next thing that the shell tells. Cancel safe.
    pub(super) async fn next(&mut self) -> Happening {
        loop {
            if let Some(told) = self.told.pop_front() {
                return told;
            }
            self.notices.readable().await;
            let told = &mut self.told;
            self.notices.take_lines(&mut |line| told.extend(parsed(line)));
        }
    }
}

fn parsed(line: &str) -> Option<Happening> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    Some(match word {
        "launched" => Happening::Extension(Notice::Launched(rest.to_owned())),
        "complete" => Happening::Extension(Notice::Complete),
        "ended" => {
            let (name, status) = rest.rsplit_once(' ')?;
            Happening::Extension(Notice::Ended(name.to_owned(), exit(status)))
        }
        "runtime" => Happening::Exit(exit(rest)),
        _ => return None,
    })
}

fn exit(status: &str) -> Exit {
    super::end::exit_of(status.parse().unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shells_words_are_understood() {
        assert_eq!(parsed("launched my ext"), Some(Happening::Extension(Notice::Launched("my ext".into()))));
        let ended = Notice::Ended("my ext".into(), Exit::Signal(9));
        assert_eq!(parsed("ended my ext 137"), Some(Happening::Extension(ended)));
        assert_eq!(parsed("complete"), Some(Happening::Extension(Notice::Complete)));
        assert_eq!(parsed("runtime 1"), Some(Happening::Exit(Exit::Status(1))));
        assert_eq!(parsed("something else"), None);
    }

    #[test]
    fn what_aws_keeps_from_extensions_is_unset() {
        let withheld: Vec<&str> = SCRIPT.split_once("unset ").unwrap().1.split_whitespace().collect();
        for name in crate::lambda::environment::NOT_FOR_EXTENSIONS {
            assert!(withheld.contains(&name), "{name}");
        }
    }
}
