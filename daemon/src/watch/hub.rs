//! Owns what is watched, for all projects: one thread, one watcher of the system's, whose events go to those concerned.
//!
//! A folder that comes back after it was deleted or renamed is watched again. Where the system refuses, the folder is
//! polled and its projects are told. It never reads a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::SystemTime;

use notify::event::ModifyKind;
use notify::{ErrorKind, Event, EventKind, INotifyWatcher, RecursiveMode};
use tokio::sync::{mpsc, oneshot};

use super::cookies::Cookies;
use super::source::{Source, explained};
use super::wanted::{Folders, Wanted, whole, without_covered};

/// Folders that come while others are armed are armed in so many rounds at most.
const ROUNDS: usize = 16;

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Order {
    /// A project wants to be told.
    Watch {
        id: u64,
        subject: u64,
        wanted: Arc<Wanted>,
        noticed: mpsc::UnboundedSender<Noticed>,
        /// Told when everything is watched.
        armed: oneshot::Sender<()>,
    },
    /// It wants something else.
    Turn { id: u64, wanted: Arc<Wanted>, since: SystemTime, armed: oneshot::Sender<()> },
    /// It does not want to be told any more.
    Forget(u64),
    /// Someone asks whether everything that happened so far was told.
    Settle { subject: u64, reply: oneshot::Sender<()> },
    /// Something happened.
    Event(notify::Result<Event>),
    /// Nobody wants anything any more.
    Stop,
}

/// What a project is told.
#[derive(Debug)]
pub(super) enum Noticed {
    /// Something happened to paths that concern it.
    Event(EventKind, Vec<PathBuf>),
    /// A path that was asked for came or went with a folder above it.
    Replaced(PathBuf),
    /// Events were lost: anything may have changed.
    Lost,
    /// A folder is polled; one sentence.
    Degraded(String),
    /// Everything that happened before this was asked for was noticed.
    Settled(oneshot::Sender<()>),
    /// Something else is watched from now on.
    Turned(Arc<Wanted>, SystemTime),
}

/// Starts the thread.
pub(super) fn spawn(orders: Sender<Order>, queue: Receiver<Order>, cookies: PathBuf) {
    let sink = move || {
        let orders = orders.clone();
        // A hub that has ended needs no events.
        Box::new(move |event| drop(orders.send(Order::Event(event)))) as Box<dyn Fn(_) + Send>
    };
    let running = std::thread::Builder::new().name("watcher".to_owned()).spawn(move || {
        Hub::new(Source::<INotifyWatcher>::new(Box::new(sink)), Cookies::new(Some(cookies))).run(&queue);
    });
    if let Err(problem) = running {
        // The queue is gone with the thread: each watch then says that it does not watch.
        tracing::error!(%problem, "the watcher's thread cannot be started");
    }
}

fn answer(armed: oneshot::Sender<()>) {
    if armed.send(()).is_err() {
        tracing::debug!("nobody waits for a watch any more");
    }
}

struct Subscription {
    subject: u64,
    wanted: Arc<Wanted>,
    noticed: mpsc::UnboundedSender<Noticed>,
}

impl Subscription {
    fn tell(&self, noticed: Noticed) {
        // A project that has gone away has sent, or will send, that it does not want to be told.
        drop(self.noticed.send(noticed));
    }
}

struct Hub<E> {
    source: Source<E>,
    subscriptions: BTreeMap<u64, Subscription>,
    armed: Folders,
    /// Who waits for which cookie.
    cookies: Cookies<(u64, oneshot::Sender<()>)>,
    /// Why folders are not watched by events.
    degraded: BTreeMap<PathBuf, String>,
}

impl<E: notify::Watcher> Hub<E> {
    fn new(source: Source<E>, cookies: Cookies<(u64, oneshot::Sender<()>)>) -> Hub<E> {
        Hub { source, subscriptions: BTreeMap::new(), armed: Folders::new(), cookies, degraded: BTreeMap::new() }
    }

    fn run(mut self, queue: &Receiver<Order>) {
        self.lay_out_cookies();
        while let Ok(order) = queue.recv() {
            match order {
                Order::Watch { id, subject, wanted, noticed, armed } => {
                    self.subscribe(id, Subscription { subject, wanted, noticed });
                    answer(armed);
                }
                Order::Turn { id, wanted, since, armed } => {
                    self.turn(id, wanted, since);
                    answer(armed);
                }
                Order::Forget(id) => {
                    self.subscriptions.remove(&id);
                    self.give_up();
                    self.arm(Hub::wanted);
                }
                Order::Settle { subject, reply } => {
                    if let Some((subject, reply)) = self.cookies.send((subject, reply)) {
                        self.settled(subject, reply);
                    }
                }
                Order::Event(Ok(event)) => self.event(event),
                Order::Event(Err(problem)) => self.problem(&problem),
                Order::Stop => return,
            }
        }
    }

    fn lay_out_cookies(&mut self) {
        let Some(folder) = self.cookies.folder() else { return };
        match self.source.watch_by_events(folder) {
            Ok(()) => self.cookies.try_out(),
            Err(problem) => {
                tracing::debug!(%problem, "what has been noticed cannot be told apart from what has not");
                self.cookies.give_up();
            }
        }
    }

    /// Whoever is not watched for is not answered, and need not wait.
    fn settled(&self, subject: u64, reply: oneshot::Sender<()>) {
        if let Some(asked) = self.subscriptions.values().rev().find(|known| known.subject == subject) {
            asked.tell(Noticed::Settled(reply));
        }
    }

    fn subscribe(&mut self, id: u64, subscription: Subscription) {
        for (folder, why) in &self.degraded {
            if subscription.wanted.concerns(folder) {
                subscription.tell(Noticed::Degraded(why.clone()));
            }
        }
        let wanted = subscription.wanted.clone();
        self.subscriptions.insert(id, subscription);
        self.arm(|_| without_covered(wanted.folders()));
    }

    /// It is told when all is watched: what it reads then cannot change unseen.
    fn turn(&mut self, id: u64, wanted: Arc<Wanted>, since: SystemTime) {
        let Some(known) = self.subscriptions.get(&id) else { return };
        let Subscription { subject, noticed, .. } = known;
        let turned = Subscription { subject: *subject, wanted: wanted.clone(), noticed: noticed.clone() };
        self.subscribe(id, turned);
        self.give_up();
        self.arm(Hub::wanted);
        self.subscriptions[&id].tell(Noticed::Turned(wanted, since));
    }

    /// Watches what is wanted. Folders may come while others are armed: it looks until nothing is new.
    fn arm(&mut self, wanted: impl Fn(&Hub<E>) -> Folders) {
        for _ in 0..ROUNDS {
            let missing: Vec<_> = wanted(self).into_iter().filter(|folder| !self.has(folder)).collect();
            if missing.is_empty() {
                return;
            }
            for (folder, mode) in missing {
                self.watch(&folder, mode);
            }
        }
    }

    fn wanted(&self) -> Folders {
        let mut all = Folders::new();
        for (folder, mode) in self.subscriptions.values().flat_map(|subscription| subscription.wanted.folders()) {
            let known = all.entry(folder).or_insert(mode);
            if mode == RecursiveMode::Recursive {
                *known = mode;
            }
        }
        without_covered(all)
    }

    fn has(&self, (folder, mode): &(PathBuf, RecursiveMode)) -> bool {
        self.armed.get(folder).is_some_and(|armed| armed == mode || *armed == RecursiveMode::Recursive)
            || whole(&self.armed).any(|armed| folder != armed && folder.starts_with(armed))
    }

    /// Gives up what nobody wants; a folder that is watched whole stays while something in it is wanted, so that no event
    /// is lost between two watches.
    fn give_up(&mut self) {
        let wanted = self.wanted();
        let in_use = |folder: &Path| wanted.keys().any(|wanted| wanted.starts_with(folder));
        let idle: Vec<PathBuf> = self.armed.keys().filter(|folder| !in_use(folder)).cloned().collect();
        for folder in idle {
            self.armed.remove(&folder);
            self.degraded.remove(&folder);
            self.source.unwatch(&folder);
        }
    }

    fn watch(&mut self, folder: &Path, mode: RecursiveMode) {
        let outcome = self.source.watch(folder, mode);
        self.armed.insert(folder.to_path_buf(), mode);
        if let Err(why) = outcome {
            self.degrade(folder, why);
        }
    }

    fn degrade(&mut self, folder: &Path, why: String) {
        tracing::warn!("{why}");
        let concerned = |wanted: &Wanted| wanted.concerns(folder) || wanted.below(folder).next().is_some();
        for subscription in self.subscriptions.values().filter(|subscription| concerned(&subscription.wanted)) {
            subscription.tell(Noticed::Degraded(why.clone()));
        }
        self.degraded.insert(folder.to_path_buf(), why);
    }

    fn event(&mut self, event: Event) {
        if event.need_rescan() {
            self.lost();
        }
        if let Some(cookie) = event.paths.first().filter(|path| self.cookies.owns(path)) {
            if let Some((subject, reply)) = self.cookies.came(cookie) {
                self.settled(subject, reply);
            }
            return;
        }
        for subscription in self.subscriptions.values() {
            let paths: Vec<_> = event.paths.iter().filter(|path| subscription.wanted.concerns(path)).cloned().collect();
            if !paths.is_empty() {
                subscription.tell(Noticed::Event(event.kind, paths));
            }
        }
        if matches!(event.kind, EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))) {
            event.paths.iter().for_each(|path| self.came_or_went(path));
        }
    }

    /// A folder that came or went, with all that was asked for below it.
    fn came_or_went(&mut self, path: &Path) {
        let gone: Vec<PathBuf> = self.armed.keys().filter(|folder| folder.starts_with(path)).cloned().collect();
        let concerned = self.subscriptions.values().any(|known| known.wanted.below(path).next().is_some());
        if gone.is_empty() && !(concerned && path.is_dir()) {
            return;
        }
        for folder in gone {
            self.armed.remove(&folder);
            self.source.unwatch(&folder);
        }
        self.arm(Hub::wanted);
        for subscription in self.subscriptions.values() {
            subscription.wanted.below(path).for_each(|below| subscription.tell(Noticed::Replaced(below.clone())));
        }
    }

    fn problem(&mut self, problem: &notify::Error) {
        if matches!(problem.kind, ErrorKind::MaxFilesWatch) {
            self.poll_around(problem);
        } else {
            tracing::warn!(%problem, "file events were lost; what is watched is looked at again");
        }
        self.lost();
    }

    /// A folder that came could not be watched any more: the whole around it is polled, or all when none is named.
    fn poll_around(&mut self, problem: &notify::Error) {
        let around =
            |folder: &Path| problem.paths.is_empty() || problem.paths.iter().any(|path| path.starts_with(folder));
        let short: Vec<PathBuf> = whole(&self.armed).filter(|folder| around(folder)).cloned().collect();
        for folder in short.into_iter().filter(|folder| !self.source.polls(folder)).collect::<Vec<_>>() {
            self.source.unwatch(&folder);
            let why = self.source.poll(&folder, RecursiveMode::Recursive, &explained(problem));
            self.degrade(&folder, why);
        }
    }

    fn lost(&self) {
        self.subscriptions.values().for_each(|subscription| subscription.tell(Noticed::Lost));
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use notify::{Config, WatcherKind};

    use super::*;

    /// A system that has no watches left.
    #[derive(Debug)]
    struct Exhausted;

    impl notify::Watcher for Exhausted {
        fn new<F: notify::EventHandler>(_: F, _: Config) -> notify::Result<Exhausted> {
            Ok(Exhausted)
        }

        fn watch(&mut self, _: &Path, _: RecursiveMode) -> notify::Result<()> {
            Err(notify::Error::new(ErrorKind::MaxFilesWatch))
        }

        fn unwatch(&mut self, _: &Path) -> notify::Result<()> {
            Ok(())
        }

        fn kind() -> WatcherKind {
            WatcherKind::NullWatcher
        }
    }

    #[test]
    fn where_the_limit_is_reached_a_folder_is_polled_and_its_project_is_told() {
        // The folder around it is looked at too, so it is one of the test's own.
        let around = tempfile::tempdir().unwrap();
        let folder = around.path().join("code");
        std::fs::create_dir(&folder).unwrap();
        let (orders, queue) = std::sync::mpsc::channel();
        let sink = {
            let orders = orders.clone();
            move || {
                let orders = orders.clone();
                Box::new(move |event| drop(orders.send(Order::Event(event)))) as Box<dyn Fn(_) + Send>
            }
        };
        let hub = Hub::new(Source::<Exhausted>::new(Box::new(sink)), Cookies::new(None));
        let hub = std::thread::spawn(move || hub.run(&queue));
        let (noticed, mut seen) = mpsc::unbounded_channel();
        let wanted = Arc::new(Wanted::new(vec![folder.clone()], folder.clone()));
        let (armed, is_armed) = oneshot::channel();
        orders.send(Order::Watch { id: 1, subject: 2, wanted, noticed, armed }).unwrap();
        is_armed.blocking_recv().unwrap();
        let Some(Noticed::Degraded(why)) = seen.blocking_recv() else { panic!("it says nothing") };
        assert!(why.contains("max_user_watches"), "{why}");
        let file = folder.join("app.py");
        let until = Instant::now() + Duration::from_secs(20);
        std::fs::write(&file, "1").unwrap();
        loop {
            match seen.try_recv() {
                Ok(Noticed::Event(_, paths)) if paths.contains(&file) => break,
                _ => assert!(Instant::now() < until, "polling sees nothing"),
            }
            std::thread::yield_now();
        }
        orders.send(Order::Stop).unwrap();
        hub.join().unwrap();
    }
}
