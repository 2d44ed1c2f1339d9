//! Hears from the engine what others do to this daemon's containers, as it happens.
//!
//! A container that somebody paused would keep an invocation until its timeout; it is given up instead, and another takes
//! its place. Ends of containers are heard by those who look after them (`container`), not here.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bollard::Docker;
use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::shutdown::Phase;

use super::plan;

/// The containers that are looked out for; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Lookout(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// Somebody listens to the engine.
    is_listening: bool,
    containers: HashMap<String, Watched>,
}

#[derive(Debug)]
struct Watched {
    /// Pauses that the daemon itself has asked for and not heard of.
    own_pauses: u32,
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
        docker: &Docker,
        (id, state): (&str, &Path),
        give_up: CancellationToken,
        tasks: &Phase,
    ) -> Noted {
        let mut inner = self.lock();
        inner.containers.insert(id.to_owned(), Watched { own_pauses: 0, give_up });
        if !std::mem::replace(&mut inner.is_listening, true) {
            let (lookout, docker, end) = (self.clone(), docker.clone(), tasks.token());
            let listening = listen(lookout, docker, state.to_path_buf());
            tasks.spawn("the engine's events", end.run_until_cancelled_owned(listening));
        }
        Noted { lookout: self.clone(), id: id.to_owned() }
    }

    fn heard(&self, event: &EventMessage) {
        let Some(id) = event.actor.as_ref().and_then(|actor| actor.id.as_ref()) else { return };
        let mut inner = self.lock();
        let Some(watched) = inner.containers.get_mut(id) else { return };
        if watched.own_pauses > 0 {
            watched.own_pauses -= 1;
            return;
        }
        tracing::warn!(container = id.get(..12).unwrap_or(id), "somebody paused a container; another takes its place");
        watched.give_up.cancel();
    }
}

impl Noted {
    /// The daemon is about to pause it itself.
    pub(super) fn own_pause(&self) {
        self.count(|pauses| pauses + 1);
    }

    /// It was not paused.
    pub(super) fn no_pause(&self) {
        self.count(|pauses| pauses.saturating_sub(1));
    }

    fn count(&self, change: impl FnOnce(u32) -> u32) {
        if let Some(watched) = self.lookout.lock().containers.get_mut(&self.id) {
            watched.own_pauses = change(watched.own_pauses);
        }
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.lookout.lock().containers.remove(&self.id);
    }
}

/// Ends with the engine; whoever has a container after that has another listen.
async fn listen(lookout: Lookout, docker: Docker, state: PathBuf) {
    let filters = HashMap::from([
        ("type", vec!["container".to_owned()]),
        ("event", vec!["pause".to_owned()]),
        ("label", vec![format!("{}={}", plan::STATE, state.display())]),
    ]);
    let mut events = std::pin::pin!(docker.events(Some(EventsOptionsBuilder::new().filters(&filters).build())));
    while let Some(Ok(event)) = events.next().await {
        lookout.heard(&event);
    }
    lookout.lock().is_listening = false;
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::EventActor;

    #[test]
    fn the_daemons_own_pauses_give_up_nothing() {
        let (lookout, give_up) = (Lookout::default(), CancellationToken::new());
        let watched = Watched { own_pauses: 0, give_up: give_up.clone() };
        lookout.lock().containers.insert("one".into(), watched);
        let noted = Noted { lookout: lookout.clone(), id: "one".into() };
        let actor = |id: &str| Some(EventActor { id: Some(id.to_owned()), ..EventActor::default() });
        let paused = |id: &str| EventMessage { actor: actor(id), ..EventMessage::default() };
        noted.own_pause();
        noted.own_pause();
        noted.no_pause();
        lookout.heard(&paused("one"));
        lookout.heard(&paused("another"));
        assert!(!give_up.is_cancelled());
        lookout.heard(&paused("one"));
        assert!(give_up.is_cancelled());
        drop(noted);
        assert!(lookout.lock().containers.is_empty());
    }
}
