//! What the engine is at that takes its time, told as it goes: pulls and builds of images.
//!
//! Owns what is under way now, and the events of it. Nobody waits for a listener.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;

/// Steps that a listener may lag behind.
const STEPS: usize = 1_024;

/// A step on the way to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The image.
    pub image: String,
    /// How far it is.
    pub step: Step,
}

/// How far an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It is being pulled.
    Pulling(Pull),
    /// It is being built; this is a line of the build's output.
    Building {
        /// The line.
        line: String,
    },
    /// It is here.
    Ready,
    /// It is not coming.
    Failed {
        /// Why, in one sentence.
        reason: String,
    },
}

/// How far a pull is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pull {
    /// Layers known so far.
    pub layers: u32,
    /// Layers that are here.
    pub layers_done: u32,
    /// Bytes that came.
    pub bytes: u64,
    /// Bytes known to be wanted so far.
    pub bytes_total: u64,
}

impl std::fmt::Display for Pull {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let megabytes = |bytes: u64| bytes.div_ceil(1_000_000);
        let (done, all) = (self.layers_done, self.layers);
        write!(f, "{done} of {all} layers, {} of {} MB", megabytes(self.bytes), megabytes(self.bytes_total))
    }
}

/// Work on an image; whoever drops it before its end has given it up, and that is told too.
#[derive(Debug)]
pub struct Work {
    board: Board,
    image: String,
    ended: bool,
}

impl Work {
    /// It has ended: `problem` says why the image is not coming.
    pub fn end(mut self, problem: Option<String>) {
        self.ended = true;
        let step = problem.map_or(Step::Ready, |reason| Step::Failed { reason });
        self.board.tell(&self.image, step);
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if !self.ended {
            let reason = format!("the work on image {} was stopped: nobody waits for it any more", self.image);
            self.board.tell(&self.image, Step::Failed { reason });
        }
    }
}

/// Where progress is told; cheap to clone.
#[derive(Debug, Clone)]
pub struct Board {
    told: broadcast::Sender<Progress>,
    current: Arc<Mutex<BTreeMap<String, Step>>>,
}

impl Default for Board {
    fn default() -> Board {
        Board { told: broadcast::channel(STEPS).0, current: Arc::default() }
    }
}

impl Board {
    /// Work on an image begins.
    #[must_use]
    pub fn begin(&self, image: &str) -> Work {
        Work { board: self.clone(), image: image.to_owned(), ended: false }
    }

    /// Tells how far an image is.
    pub fn tell(&self, image: &str, step: Step) {
        {
            let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            match &step {
                Step::Pulling(_) | Step::Building { .. } => drop(current.insert(image.to_owned(), step.clone())),
                Step::Ready | Step::Failed { .. } => drop(current.remove(image)),
            }
        }
        // Without a listener there is nobody to miss it.
        drop(self.told.send(Progress { image: image.to_owned(), step }));
    }

    /// What is under way now.
    #[must_use]
    pub fn current(&self) -> Vec<Progress> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.iter().map(|(image, step)| Progress { image: image.clone(), step: step.clone() }).collect()
    }

    /// Waits until something is under way.
    pub async fn busy(&self) {
        let mut told = self.follow();
        // A listener that lags behind has heard enough.
        while self.current().is_empty() && !matches!(told.recv().await, Err(broadcast::error::RecvError::Closed)) {}
    }

    /// What comes from now on.
    #[must_use]
    pub fn follow(&self) -> broadcast::Receiver<Progress> {
        self.told.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_way_is_known_until_it_ends_and_each_step_is_told() {
        let (board, pull) = (Board::default(), Pull { layers: 2, layers_done: 1, bytes: 1, bytes_total: 2_000_000 });
        let mut told = board.follow();
        board.tell("a:1", Step::Pulling(pull));
        board.tell("b:1", Step::Building { line: "Step 1".into() });
        assert_eq!(board.current().len(), 2);
        board.tell("a:1", Step::Ready);
        board.tell("b:1", Step::Failed { reason: "no".into() });
        assert!(board.current().is_empty());
        let work = board.begin("c:1");
        board.tell("c:1", Step::Pulling(pull));
        drop(work);
        assert!(board.current().is_empty(), "what was given up is not under way");
        board.begin("d:1").end(None);
        let steps: Vec<Progress> = std::iter::from_fn(|| told.try_recv().ok()).collect();
        assert_eq!(steps.len(), 7);
        assert_eq!(steps[6].step, Step::Ready);
        assert_eq!(pull.to_string(), "1 of 2 layers, 1 of 2 MB");
    }
}
