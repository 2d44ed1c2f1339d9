//! What sets a change off: a command, or files; all that was told while another change was applied makes one (pure).

use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use tokio::sync::oneshot;

use crate::project::FunctionId;
use crate::watch::{self, Noticed, Told, Touched};

/// What sets a change off.
pub(super) struct Cause {
    pub(super) began: Instant,
    /// The same moment by the clock that files are dated by.
    pub(super) since: SystemTime,
    pub(super) touched: Vec<PathBuf>,
    pub(super) forced: Option<Vec<FunctionId>>,
}

impl Cause {
    /// A command that was given now.
    pub(super) fn command(forced: Option<Vec<FunctionId>>) -> Cause {
        Cause { began: Instant::now(), since: watch::now(), touched: Vec::new(), forced }
    }

    /// Files that changed.
    pub(super) fn files(began: Instant, touched: Vec<PathBuf>) -> Cause {
        Cause { began, since: watch::now(), touched, forced: None }
    }
}

/// What the watch told, put together.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Files that changed.
    pub(super) touched: Option<Touched>,
    /// Dropped when that is acted upon.
    pub(super) noticed: Vec<Noticed>,
    /// What is not watched as it should be.
    pub(super) degraded: Vec<String>,
    /// Who waits until this has been acted upon.
    pub(super) settling: Vec<oneshot::Sender<()>>,
}

impl Heard {
    /// Everything that was told so far makes one change.
    pub(super) fn of(told: impl Iterator<Item = Told>) -> Heard {
        let mut heard = Heard::default();
        told.for_each(|told| heard.add(told));
        if let Some(all) = &mut heard.touched {
            all.paths.sort();
            all.paths.dedup();
        }
        heard
    }

    fn add(&mut self, told: Told) {
        match (told, &mut self.touched) {
            (Told::Touched(touched, noticed), all) => {
                self.noticed.push(noticed);
                match all {
                    Some(all) => all.paths.extend(touched.paths),
                    None => *all = Some(touched),
                }
            }
            (Told::Degraded(why), _) => self.degraded.push(why),
            (Told::Settled(reply), _) => self.settling.push(reply),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_meanwhile_is_one_change_noticed_when_the_first_was() {
        let first = Instant::now();
        let touched = |paths: &[&str], noticed| {
            Told::Touched(
                Touched { paths: paths.iter().map(PathBuf::from).collect(), noticed },
                crate::watch::Unrest::default().begin(),
            )
        };
        let later = first + std::time::Duration::from_millis(5);
        let told = [touched(&["/b", "/a"], first), Told::Degraded("x".into()), touched(&["/a"], later)];
        let heard = Heard::of(told.into_iter());
        assert_eq!(heard.touched, Some(Touched { paths: vec!["/a".into(), "/b".into()], noticed: first }));
        assert_eq!(heard.degraded, ["x"]);
    }
}
