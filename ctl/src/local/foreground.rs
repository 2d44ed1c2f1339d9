//! What the commands that serve do until they are told to end: show what happens.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use samd_proto::endpoint::Status;
use samd_proto::project::{ProjectStatus, StatusRequest};
use samd_proto::reload::{ReloadEvent, ReloadOutcome, ReloadReport};
use samd_proto::{Diagnostic, Severity};

use super::news::{News, Newsroom};
use super::own::OwnDaemon;
use super::screen::{Screen, split};
use crate::exit::{Ended, Failure, Outcome};

/// The project's name in a daemon that has no other. It is `AWS::StackName` too, where the SAM CLI says `local`.
pub(super) const PROJECT: &str = "local";
/// Any free port of this machine.
pub(super) const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// How often to look whether the daemon has ended.
const LOOK: Duration = Duration::from_millis(10);

/// The project as it was started; what was found is shown either way.
pub(super) fn started(
    answer: Result<ProjectStatus, Failure>,
    screen: &mut Screen<'_>,
) -> Result<ProjectStatus, Failure> {
    match answer {
        Ok(status) => {
            screen.findings(&worth_telling(&status))?;
            Ok(status)
        }
        Err(failure) => {
            let (findings, failure) = split(failure);
            screen.findings(&findings)?;
            Err(failure)
        }
    }
}

fn worth_telling(status: &ProjectStatus) -> Vec<Diagnostic> {
    status.diagnostics.iter().filter(|found| found.severity > Severity::Note).cloned().collect()
}

/// A command that serves.
pub(super) struct Foreground<'a> {
    pub(super) news: Newsroom,
    pub(super) daemon: OwnDaemon,
    pub(super) screen: Screen<'a>,
    /// What has been shown.
    pub(super) status: ProjectStatus,
}

impl Foreground<'_> {
    /// Shows what happens until somebody ends it; `remount` shows routes that have changed.
    pub(super) fn serve(
        mut self,
        mut remount: impl FnMut(&ProjectStatus, &mut Screen<'_>) -> Result<(), Failure>,
    ) -> Ended {
        loop {
            match self.news.next() {
                News::Log(event) => self.screen.log(&event)?,
                News::Reload(ReloadEvent::Reload(report)) => {
                    if self.reloaded(&report)? {
                        remount(&self.status, &mut self.screen)?;
                    }
                }
                News::Reload(ReloadEvent::Image(progress)) => self.screen.image(&progress)?,
                News::Reload(ReloadEvent::Lagged { .. } | ReloadEvent::Unknown) | News::Answered(_) => {}
                News::Told => return self.end(),
                News::Gone => return Err(Failure::NoDaemon("samd has ended by itself".to_owned())),
            }
        }
    }

    /// Shows a change; whether routes are among what changed.
    fn reloaded(&mut self, report: &ReloadReport) -> Result<bool, Failure> {
        match &report.outcome {
            ReloadOutcome::Applied { functions, routes } if self.generation() != Some(report.generation) => {
                self.look_again()?;
                for (what, names) in
                    [("added", &functions.added), ("changed", &functions.changed), ("removed", &functions.removed)]
                {
                    if !names.is_empty() {
                        self.screen.say(&format!("Functions {what}: {}", names.join(", ")))?;
                    }
                }
                Ok(!(routes.added.is_empty() && routes.changed.is_empty() && routes.removed.is_empty()))
            }
            ReloadOutcome::Applied { .. } | ReloadOutcome::Unchanged => Ok(false),
            ReloadOutcome::Rejected { diagnostics } => {
                self.screen.findings(diagnostics)?;
                self.screen.say("What was served before these errors still is.")?;
                Ok(false)
            }
        }
    }

    fn generation(&self) -> Option<u64> {
        self.status.running.as_ref().map(|running| running.generation)
    }

    /// What was found in the files since is shown once.
    fn look_again(&mut self) -> Result<(), Failure> {
        let status = self.daemon.client.call::<Status>(&StatusRequest { name: PROJECT.to_owned() })?;
        let mut found = worth_telling(&status);
        found.retain(|finding| !self.status.diagnostics.contains(finding));
        self.status = status;
        self.screen.findings(&found)
    }

    /// Ends the daemon and shows what functions say to the end; who asks twice does not want to wait.
    fn end(self) -> Ended {
        let Foreground { news, daemon, mut screen, .. } = self;
        daemon.end(|| match news.next_within(LOOK) {
            // A screen that is gone is no reason to leave the daemon alone.
            Some(News::Log(event)) => screen.log(&event).map_or(true, |()| true),
            Some(News::Told) => false,
            Some(News::Reload(_) | News::Answered(_) | News::Gone) | None => true,
        });
        Ok(Outcome::Done)
    }
}
