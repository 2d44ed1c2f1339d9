//! Hears from the engine what others do to this daemon's containers, as it happens.
//!
//! A container that somebody paused would keep an invocation until its timeout; it is given up instead, and another takes
//! its place. Ends of containers are heard by those who look after them (`container`), not here.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::shutdown::Phase;

use super::super::engine::{Engine, back};
use super::plan;

/// The containers that are looked out for; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Lookout(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// The engines, by address, to which somebody listens.
    listening: HashSet<String>,
    containers: HashMap<String, Watched>,
}

#[derive(Debug)]
struct Watched {
    /// The address of its engine.
    engine: String,
    /// The daemon itself pauses it between invocations.
    is_frozen: bool,
    give_up: CancellationToken,
}

/// A container that is looked out for, until this is dropped.
#[derive(Debug)]
pub(super) struct Noted {
    lookout: Lookout,
    id: String,
}

impl Lookout {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks out for a container of the daemon of the state folder `state`; `give_up` is cancelled when it is paused.
    pub(super) fn watch(
        &self,
        engine: &Engine,
        (id, state): (&str, &Path),
        give_up: CancellationToken,
        tasks: &Phase,
    ) -> Noted {
        let mut inner = self.lock();
        let address = engine.address.clone();
        inner.containers.insert(id.to_owned(), Watched { engine: address.clone(), is_frozen: false, give_up });
        if inner.listening.insert(address) {
            let (lookout, engine, end) = (self.clone(), engine.clone(), tasks.token());
            let listening = listen(lookout, engine, state.to_path_buf());
            tasks.spawn("the engine's events", end.run_until_cancelled_owned(listening));
        }
        Noted { lookout: self.clone(), id: id.to_owned() }
    }

    /// Whether there is a container to look out for; where there is none, nobody listens to the engine from now on.
    fn is_needed(&self, engine: &str) -> bool {
        let mut inner = self.lock();
        let is_needed = inner.containers.values().any(|watched| watched.engine == engine);
        if !is_needed {
            inner.listening.remove(engine);
        }
        is_needed
    }

    fn heard(&self, event: &EventMessage) {
        let Some(id) = event.actor.as_ref().and_then(|actor| actor.id.as_ref()) else { return };
        let inner = self.lock();
        let Some(watched) = inner.containers.get(id).filter(|watched| !watched.is_frozen) else { return };
        tracing::warn!(container = id.get(..12).unwrap_or(id), "somebody paused a container; another takes its place");
        watched.give_up.cancel();
    }
}

impl Noted {
    /// The daemon is about to pause it itself, and resumes it for the next invocation, whoever else paused it. An engine
    /// may tell of one pause twice, when the container is resumed at once.
    pub(super) fn is_frozen(&self) {
        if let Some(watched) = self.lookout.lock().containers.get_mut(&self.id) {
            watched.is_frozen = true;
        }
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.lookout.lock().containers.remove(&self.id);
    }
}

/// Goes on when an engine is back whose containers went on; else whoever has a container after that has another listen.
async fn listen(lookout: Lookout, engine: Engine, state: PathBuf) {
    let filters = HashMap::from([
        ("type", vec!["container".to_owned()]),
        ("event", vec!["pause".to_owned()]),
        ("label", vec![format!("{}={}", plan::STATE, state.display())]),
    ]);
    let options = EventsOptionsBuilder::new().filters(&filters).build();
    while lookout.is_needed(&engine.address) {
        let mut events = std::pin::pin!(engine.docker.events(Some(options.clone())));
        while let Some(Ok(event)) = events.next().await {
            lookout.heard(&event);
        }
        back(&engine.docker).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::EventActor;

    #[test]
    fn a_pause_gives_up_what_the_daemon_does_not_freeze_itself() {
        let (lookout, actor) =
            (Lookout::default(), |id: &str| EventActor { id: Some(id.to_owned()), ..EventActor::default() });
        let noted = ["one", "frozen"].map(|id| {
            let give_up = CancellationToken::new();
            let watched = Watched { engine: String::new(), is_frozen: false, give_up: give_up.clone() };
            lookout.lock().containers.insert(id.into(), watched);
            (Noted { lookout: lookout.clone(), id: id.into() }, give_up)
        });
        noted[1].0.is_frozen();
        for id in ["frozen", "frozen", "another", "one"] {
            assert!(!noted[0].1.is_cancelled());
            lookout.heard(&EventMessage { actor: Some(actor(id)), ..EventMessage::default() });
        }
        assert!(noted[0].1.is_cancelled() && !noted[1].1.is_cancelled());
        drop(noted);
        assert!(lookout.lock().containers.is_empty());
    }
}
