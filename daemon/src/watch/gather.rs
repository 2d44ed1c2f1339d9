//! One project's task: gathers what the hub notices, leaves out what did not change, and tells.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use notify::EventKind;
use notify::event::{MetadataKind, ModifyKind};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::digests::{Before, Built, Compared, Digests};
use super::gathered::{Gathered, Said, Taken};
use super::hub::Noticed;
use super::ignored::{Ignored, RULES};
use super::wanted::Wanted;
use super::{Told, Touched, Unrest, now};

/// An index that was given up is made anew when nothing has happened for so long.
const CALM: Duration = Duration::from_secs(1);

/// Gathers until nobody listens any more.
pub(super) async fn run(
    mut seen: mpsc::UnboundedReceiver<Noticed>,
    wanted: Arc<Wanted>,
    since: SystemTime,
    (told, unrest): (mpsc::Sender<Told>, Unrest),
    indexing: Arc<Semaphore>,
) {
    let mut gather = Gather::new(wanted, told, unrest, indexing);
    gather.build(since);
    loop {
        let wait = gather.wait();
        tokio::select! {
            noticed = seen.recv() => match noticed {
                Some(noticed) => gather.noticed(noticed).await,
                None => return,
            },
            built = gather.index.ready() => gather.built(built),
            () = tokio::time::sleep(wait) => gather.quiet().await,
        }
        gather.stir();
        if gather.told.is_closed() {
            return;
        }
    }
}

/// An index that is being made.
#[derive(Default)]
struct Index {
    /// One was begun before, so that events may be on their way.
    is_renewed: bool,
    making: Option<BoxFuture<'static, Option<Built>>>,
    /// What happened to files since it was begun.
    meanwhile: HashSet<PathBuf>,
    forgotten: u64,
    /// Since when changes are to be found that nobody watched; until an index was taken over.
    since: Option<SystemTime>,
    /// There is more than can be indexed.
    too_much: bool,
}

impl Index {
    async fn ready(&mut self) -> Option<Built> {
        match &mut self.making {
            Some(making) => {
                let built = making.await;
                self.making = None;
                built
            }
            None => std::future::pending().await,
        }
    }
}

struct Gather {
    wanted: Arc<Wanted>,
    ignored: Arc<Ignored>,
    gathered: Gathered,
    digests: Digests,
    index: Index,
    indexing: Arc<Semaphore>,
    told: mpsc::Sender<Told>,
    unrest: Unrest,
    /// What was gathered, as those see it who would rather wait for it.
    stirred: Option<super::Noticed>,
    /// Who waits until what was gathered is told.
    settling: Vec<oneshot::Sender<()>>,
}

impl Gather {
    fn new(wanted: Arc<Wanted>, told: mpsc::Sender<Told>, unrest: Unrest, indexing: Arc<Semaphore>) -> Gather {
        Gather {
            ignored: Arc::new(Ignored::read(wanted.ruled())),
            wanted,
            gathered: Gathered::default(),
            digests: Digests::default(),
            index: Index::default(),
            indexing,
            told,
            unrest,
            stirred: None,
            settling: Vec::new(),
        }
    }

    fn stir(&mut self) {
        if !self.gathered.is_empty() && self.stirred.is_none() {
            self.stirred = Some(self.unrest.begin());
        }
    }

    /// How long to wait for the next event.
    fn wait(&self) -> Duration {
        if self.gathered.is_empty() { CALM } else { self.gathered.patience(Instant::now()) }
    }

    /// Nothing has happened for as long as it may.
    async fn quiet(&mut self) {
        if !self.gathered.is_empty() {
            self.tell().await;
        } else if !self.digests.is_complete() && !self.index.too_much && self.index.making.is_none() {
            // What changed lately may not have been noticed yet, since nothing else was.
            self.build(now().checked_sub(CALM / 2).unwrap_or(UNIX_EPOCH));
        }
    }

    async fn noticed(&mut self, noticed: Noticed) {
        match noticed {
            Noticed::Event(kind, paths) => {
                paths.iter().filter(|path| !is_only_times(kind, path)).for_each(|path| self.event(kind, path));
            }
            Noticed::Replaced(path) => self.gathered.touch(path, Instant::now()),
            Noticed::Lost => self.lost().await,
            Noticed::Settled(reply) => {
                self.settling.push(reply);
                if self.gathered.is_empty() {
                    self.settled().await;
                }
            }
            Noticed::Turned(wanted, since) => {
                self.ignored = Arc::new(Ignored::read(wanted.ruled()));
                self.wanted = wanted;
                self.build(since);
            }
            Noticed::Degraded(why) => drop(self.told.send(Told::Degraded(why)).await),
        }
    }

    fn event(&mut self, kind: EventKind, path: &Path) {
        if path.file_name().is_some_and(|name| name == RULES) {
            self.ignored = Arc::new(Ignored::read(self.wanted.ruled()));
            return;
        }
        let ignored = self.wanted.around(path).is_none_or(|whole| self.ignored.ignores(whole, path));
        if self.wanted.names(path) || !ignored {
            self.gathered.event(kind, path, Instant::now());
        }
    }

    /// Events were lost: what is there is compared with what was known.
    async fn lost(&mut self) {
        let mut digests = std::mem::take(&mut self.digests);
        let (wanted, ignored) = (self.wanted.clone(), self.ignored.clone());
        let compared = tokio::task::spawn_blocking(move || {
            let changed = digests.after_loss(&wanted, &ignored);
            (digests, changed)
        });
        let changed = match compared.await {
            Ok((digests, changed)) => {
                self.digests = digests;
                changed
            }
            Err(_) => self.wanted.paths().iter().cloned().collect(),
        };
        changed.into_iter().for_each(|path| self.gathered.touch(path, Instant::now()));
    }

    async fn tell(&mut self) {
        let Some(Taken { touched: Touched { paths, noticed }, said }) = self.gathered.take() else { return };
        let stirred = self.stirred.take().unwrap_or_else(|| self.unrest.begin());
        if self.index.making.is_some() {
            self.index.meanwhile.extend(paths.iter().cloned());
        }
        let Compared { changed: paths, doubted } = self.compare(paths, said).await;
        doubted.into_iter().for_each(|path| self.gathered.doubt(path, Instant::now()));
        if !paths.is_empty() {
            // A project that has gone away does not miss it; the loop sees that it has.
            drop(self.told.send(Told::Touched(Touched { paths, noticed }, stirred)).await);
        }
        if self.gathered.is_empty() {
            self.settled().await;
        }
    }

    /// What was gathered when they asked is told.
    async fn settled(&mut self) {
        for reply in std::mem::take(&mut self.settling) {
            drop(self.told.send(Told::Settled(reply)).await);
        }
    }

    /// Files are read on a thread of their own.
    async fn compare(&mut self, paths: Vec<PathBuf>, said: Said) -> Compared {
        let mut digests = std::mem::take(&mut self.digests);
        let all = paths.clone();
        let compared = tokio::task::spawn_blocking(move || {
            let compared = digests.compare(paths, &said);
            (digests, compared)
        });
        match compared.await {
            Ok((digests, compared)) => {
                self.digests = digests;
                compared
            }
            Err(_) => Compared { changed: all, doubted: Vec::new() },
        }
    }

    fn build(&mut self, since: SystemTime) {
        let (wanted, ignored, indexing) = (self.wanted.clone(), self.ignored.clone(), self.indexing.clone());
        let since = self.index.since.map_or(since, |owed| owed.min(since));
        self.index.since = Some(since);
        let renewed = std::mem::replace(&mut self.index.is_renewed, true);
        let quiet = if renewed { since.checked_sub(CALM / 2).unwrap_or(UNIX_EPOCH) } else { since };
        let before = Before { known: self.digests.clone(), since, quiet };
        self.index.meanwhile = self.gathered.paths().cloned().collect();
        self.index.forgotten = self.digests.forgotten();
        self.index.making = Some(Box::pin(async move {
            let _turn = indexing.acquire().await.ok()?;
            tokio::task::spawn_blocking(move || Built::read(&wanted, &ignored, before)).await.ok()
        }));
    }

    fn built(&mut self, built: Option<Built>) {
        let Some(built) = built else { return };
        if self.index.forgotten != self.digests.forgotten() {
            return;
        }
        let meanwhile = std::mem::take(&mut self.index.meanwhile);
        let late = self.digests.take_over(built, &meanwhile);
        self.index.since = None;
        self.index.too_much = !self.digests.is_complete();
        late.into_iter().for_each(|path| self.gathered.touch(path, Instant::now()));
    }
}

/// A folder's times change with its files, which speak for themselves.
fn is_only_times(kind: EventKind, path: &Path) -> bool {
    matches!(kind, EventKind::Modify(ModifyKind::Metadata(MetadataKind::WriteTime))) && path.is_dir()
}
