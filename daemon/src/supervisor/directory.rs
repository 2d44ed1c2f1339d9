//! What runs now, by project and function, published for those who invoke by name.
//!
//! A project's task publishes its roster whenever it publishes a snapshot, and takes it back when the project stops.
//! Readers get the newest without asking anyone, so that a call from one function to another never waits for a project
//! that is being reloaded. It never starts or stops anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::gateway::access::AccessLog;
use crate::logs::LogHub;
use crate::project::settings::ProjectName;
use crate::project::{Function, FunctionId};
use crate::worker;

/// A function of a running project.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The function.
    pub function: Arc<Function>,
    /// The way to it, or why it cannot run.
    pub worker: Result<worker::Handle, String>,
}

/// The functions of a running project.
#[derive(Debug)]
pub struct Roster {
    /// The functions by logical id.
    pub functions: BTreeMap<FunctionId, Listed>,
    /// Where they log.
    pub logs: LogHub,
    /// Where those who follow the project hear of requests.
    pub access: AccessLog,
}

impl Roster {
    /// The function of this name; a logical id is a name too, and after them whatever else a user may mean it by.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Listed> {
        let named = self.functions.values().find(|listed| listed.function.name == name);
        named
            .or_else(|| self.functions.values().find(|listed| listed.function.id.0 == name))
            .or_else(|| self.functions.values().find(|listed| listed.function.goes_by(name)))
    }
}

/// A function that was asked for, and whose it is.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its project.
    pub project: ProjectName,
    /// The function.
    pub listed: Listed,
    /// Its project's log.
    pub logs: LogHub,
}

/// The running projects.
pub type Projects = BTreeMap<ProjectName, Arc<Roster>>;

/// What is published.
#[derive(Debug, Clone, Default)]
pub struct Page {
    running: Projects,
    /// Projects that will be among the running ones, or fail to, in a moment.
    starting: BTreeSet<ProjectName>,
}

impl Page {
    /// The running projects.
    #[must_use]
    pub fn projects(&self) -> &Projects {
        &self.running
    }

    /// The function of this name: the caller's own project is asked first, then the others by name.
    #[must_use]
    pub fn find(&self, caller: Option<&ProjectName>, name: &str) -> Option<Found> {
        let own = caller.and_then(|caller| self.running.get_key_value(caller));
        own.into_iter().chain(&self.running).find_map(|(project, roster)| {
            let listed = roster.find(name)?.clone();
            Some(Found { project: project.clone(), listed, logs: roster.logs.clone() })
        })
    }

    /// Whether a project that is starting may change what [`Page::find`] finds.
    fn may_change(&self, caller: Option<&ProjectName>, name: &str) -> bool {
        let own_is_starting = caller.is_some_and(|caller| self.starting.contains(caller));
        own_is_starting || (!self.starting.is_empty() && self.find(caller, name).is_none())
    }
}

/// All running projects; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    page: watch::Sender<Arc<Page>>,
}

impl Directory {
    /// What there is now.
    #[must_use]
    pub fn page(&self) -> Arc<Page> {
        self.page.borrow().clone()
    }

    /// What there is once no project that is starting may have the function, or after `patience`: a call that comes
    /// right after the daemon's start is no mistake.
    pub async fn settled(&self, caller: Option<&ProjectName>, name: &str, patience: Duration) -> Arc<Page> {
        let mut pages = self.page.subscribe();
        let settled = pages.wait_for(|page| !page.may_change(caller, name));
        match tokio::time::timeout(patience, settled).await {
            Ok(Ok(page)) => page.clone(),
            Ok(Err(_)) | Err(_) => self.page(),
        }
    }

    /// The function of this logical id.
    #[must_use]
    pub fn function(&self, project: &ProjectName, function: &FunctionId) -> Option<Listed> {
        self.page().running.get(project)?.functions.get(function).cloned()
    }

    /// Tells when a project was published or taken back.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Arc<Page>> {
        self.page.subscribe()
    }

    fn change(&self, change: impl FnOnce(&mut Page)) {
        self.page.send_modify(|page| change(Arc::make_mut(page)));
    }
}

/// One project's place in the directory; it is empty again when this is dropped, so that workers can end.
#[derive(Debug)]
pub struct Listing {
    directory: Directory,
    project: ProjectName,
}

impl Listing {
    /// A place for `project`, empty as yet.
    #[must_use]
    pub fn new(directory: Directory, project: ProjectName) -> Listing {
        Listing { directory, project }
    }

    /// The project is being started.
    pub fn begin(&self) {
        self.directory.change(|page| {
            page.starting.insert(self.project.clone());
        });
    }

    /// The start is over, however it ended.
    pub fn settle(&self) {
        self.directory.change(|page| {
            page.starting.remove(&self.project);
        });
    }

    /// Whoever looks from now on finds this.
    pub fn publish(&self, roster: Roster) {
        self.directory.change(|page| {
            page.starting.remove(&self.project);
            page.running.insert(self.project.clone(), Arc::new(roster));
        });
    }

    /// Nobody finds anything of this project from now on.
    pub fn retract(&self) {
        self.directory.change(|page| {
            page.starting.remove(&self.project);
            page.running.remove(&self.project);
        });
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        self.retract();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn name(text: &str) -> ProjectName {
        ProjectName(text.to_owned())
    }

    fn empty() -> Roster {
        Roster { functions: BTreeMap::new(), logs: LogHub::default(), access: AccessLog::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_waits_for_its_project_to_start_and_not_longer() {
        let directory = Directory::default();
        let shop = Listing::new(directory.clone(), name("shop"));
        shop.begin();
        let shop_name = name("shop");
        let waiting = directory.settled(Some(&shop_name), "Fn", PATIENCE);
        let (page, ()) = tokio::join!(waiting, async { shop.publish(empty()) });
        assert!(page.projects().contains_key(&shop_name));
        let began = tokio::time::Instant::now();
        directory.settled(Some(&shop_name), "Fn", PATIENCE).await;
        shop.begin();
        shop.settle();
        directory.settled(None, "Fn", PATIENCE).await;
        assert_eq!(began.elapsed(), Duration::ZERO, "where nothing starts nothing is waited for");
        shop.begin();
        directory.settled(None, "Fn", PATIENCE).await;
        assert_eq!(began.elapsed(), PATIENCE);
    }

    #[test]
    fn a_project_that_is_gone_is_not_found() {
        let directory = Directory::default();
        let shop = Listing::new(directory.clone(), name("shop"));
        shop.publish(empty());
        assert_eq!(directory.page().projects().len(), 1);
        drop(shop);
        assert_eq!(directory.page().projects().len(), 0);
    }
}
