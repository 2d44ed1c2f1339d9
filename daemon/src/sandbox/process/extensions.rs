//! External extensions of a process sandbox (G1.1): every executable file directly in a layer's `extensions` folder.
//!
//! They are started when the sandbox is released, each as a process group of its own, and told of by [`Notice`]s. What
//! they mean for the sandbox's life is decided elsewhere.

use std::collections::{BTreeMap, VecDeque};
use std::io::PipeWriter;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::process::{Pid, Signal};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::lambda::error::Exit;

use super::super::Notice;
use super::child::{exit_of, signal_group};

/// Where they are in a layer, and so below `/opt`.
const FOLDER: &str = "extensions";

/// The extensions that layers bring, by name; a later layer's lies over an earlier one's.
#[must_use]
pub(super) fn find(layers: &[String]) -> BTreeMap<String, PathBuf> {
    let folders = layers.iter().map(|layer| Path::new(layer).join(FOLDER));
    let entries = folders.filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let programs = entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()));
    let found: BTreeMap<String, PathBuf> = programs.collect();
    found.into_iter().filter(|(_, path)| is_executable(path)).collect()
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// The extensions of one sandbox.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    waiting: Option<Launch>,
    groups: BTreeMap<String, Pid>,
    running: JoinSet<(String, Exit)>,
    notices: VecDeque<Notice>,
}

/// What is needed to start them.
#[derive(Debug)]
pub(super) struct Launch {
    /// The programs, by name.
    pub(super) programs: BTreeMap<String, PathBuf>,
    /// Their variables.
    pub(super) variables: BTreeMap<String, String>,
    /// Where they print.
    pub(super) output: PipeWriter,
}

impl Extensions {
    /// Extensions that wait for [`Extensions::launch`].
    #[must_use]
    pub(super) fn waiting(launch: Launch) -> Extensions {
        Extensions { waiting: Some(launch), ..Extensions::default() }
    }

    /// Starts them; false where there are none. The notices up to [`Notice::Complete`] tell how it went.
    pub(super) fn launch(&mut self) -> bool {
        let Some(launch) = self.waiting.take() else { return false };
        for (name, program) in &launch.programs {
            let notice = match start(&launch, program) {
                Ok(child) => {
                    self.look_after(name.clone(), child);
                    Notice::Launched(name.clone())
                }
                Err(problem) => Notice::NotLaunched(name.clone(), format!("{}: {problem}", program.display())),
            };
            self.notices.push_back(notice);
        }
        self.notices.push_back(Notice::Complete);
        true
    }

    fn look_after(&mut self, name: String, mut child: Child) {
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        self.groups.extend(pid.map(|pid| (name.clone(), pid)));
        // It ends with the process; when the sandbox is dropped, the process ends with it.
        self.running.spawn(async move { (name, child.wait().await.map_or(Exit::Status(0), exit_of)) });
    }

    /// The next that there is to tell; never, when that is nothing. Cancel safe.
    pub(super) async fn notice(&mut self) -> Notice {
        if let Some(notice) = self.notices.pop_front() {
            return notice;
        }
        match self.running.join_next().await {
            Some(Ok((name, exit))) => {
                if let Some(group) = self.groups.remove(&name) {
                    signal_group(group, Signal::KILL);
                }
                Notice::Ended(name, exit)
            }
            Some(Err(_)) | None => std::future::pending().await,
        }
    }

    /// Signals all of them with what they started.
    pub(super) fn signal(&self, signal: Signal) {
        self.groups.values().for_each(|group| signal_group(*group, signal));
    }

    /// Their process ids.
    pub(super) fn pids(&self) -> impl Iterator<Item = u32> {
        self.groups.values().filter_map(|pid| u32::try_from(pid.as_raw_pid()).ok())
    }
}

fn start(launch: &Launch, program: &Path) -> std::io::Result<Child> {
    let mut command = Command::new(program);
    command.env_clear().envs(&launch.variables).current_dir("/").stdin(Stdio::null());
    command.stdout(Stdio::from(launch.output.try_clone()?)).stderr(Stdio::from(launch.output.try_clone()?));
    command.process_group(0).kill_on_drop(true).spawn()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn extensions_are_the_executable_files_directly_in_the_folder_and_the_last_layers_counts() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        for (layer, name, mode) in
            [(&one, "a", 0o755), (&one, "both", 0o755), (&two, "both", 0o755), (&two, "readme", 0o644)]
        {
            let file = layer.join(FOLDER).join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, "").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        }
        fs::create_dir(two.join(FOLDER).join("folder")).unwrap();
        let layers = [one.to_str().unwrap().to_owned(), two.to_str().unwrap().to_owned()];
        let found: Vec<_> = find(&layers).into_values().collect();
        assert_eq!(found, [one.join(FOLDER).join("a"), two.join(FOLDER).join("both")]);
    }
}
