//! The way to a project's task: what it may be ordered, and what the supervisor knows of it without asking.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use crate::gateway::access::AccessLog;
use crate::logs::{LogHub, LogQuery};
use crate::project::FunctionId;
use crate::sandbox::progress::Board;
use crate::supervisor::actor::Restoring;
use crate::supervisor::handle::{CallerEnvironment, LogStream, Patch, ProjectStatus, Refused, ReloadReport};
use crate::supervisor::token::{Minted, TokenWanted};
use crate::supervisor::view::View;
use crate::worker;

/// What a project is told.
#[derive(Debug)]
pub(in crate::supervisor) enum Order {
    /// Start again what ran when the daemon ended; until it can be, its files are watched.
    Restore {
        owned: BTreeSet<u16>,
        /// Dropped when that is done.
        restoring: Restoring,
    },
    Start {
        patch: Box<Patch>,
        caller: CallerEnvironment,
        owned: BTreeSet<u16>,
        answer: oneshot::Sender<Result<ProjectStatus, Refused>>,
    },
    Set {
        patch: Box<Patch>,
        owned: BTreeSet<u16>,
        answer: oneshot::Sender<Result<ProjectStatus, Refused>>,
    },
    Stop {
        answer: oneshot::Sender<Result<(), Refused>>,
    },
    Reload {
        functions: Vec<FunctionId>,
        answer: oneshot::Sender<Result<ReloadReport, Refused>>,
    },
    Status {
        answer: oneshot::Sender<ProjectStatus>,
    },
    Worker {
        function: FunctionId,
        answer: oneshot::Sender<Result<worker::Handle, Refused>>,
    },
    Token {
        wanted: TokenWanted,
        answer: oneshot::Sender<Result<Minted, Refused>>,
    },
}

/// What the supervisor may know of a project without asking its task.
#[derive(Debug, Clone)]
pub(super) struct Card {
    pub(super) path: PathBuf,
    pub(super) port: Option<u16>,
    pub(super) view: View,
}

/// The way to a project's task.
#[derive(Debug, Clone)]
pub(in crate::supervisor) struct ProjectHandle {
    pub(super) orders: mpsc::UnboundedSender<Order>,
    pub(super) card: Arc<Mutex<Card>>,
    pub(super) logs: LogHub,
    pub(super) access: AccessLog,
}

impl ProjectHandle {
    /// Sends an order. Orders come from the supervisor's bounded mailbox, one for each of its commands.
    pub(in crate::supervisor) fn send(&self, order: Order) {
        // A task that has ended drops the order, and its sender learns that the daemon is stopping.
        drop(self.orders.send(order));
    }

    pub(in crate::supervisor) fn path(&self) -> PathBuf {
        self.card.lock().unwrap_or_else(PoisonError::into_inner).path.clone()
    }

    /// How it stands when what was ordered before is done; or as it is, where images keep its task from answering.
    pub(in crate::supervisor) async fn status(self, board: Board) -> Result<ProjectStatus, Refused> {
        let (answer, turn) = oneshot::channel();
        self.send(Order::Status { answer });
        tokio::select! {
            biased;
            status = turn => status.map_err(|_| Refused::Stopping),
            () = board.busy() => {
                let view = self.card.lock().unwrap_or_else(PoisonError::into_inner).view.clone();
                Ok(view.status(&board.current()).await)
            }
        }
    }

    /// Its log, also while its task is at work.
    ///
    /// # Errors
    /// It is asked for a function that neither runs nor has printed anything.
    pub(in crate::supervisor) fn read_log(&self, query: LogQuery) -> Result<LogStream, Refused> {
        let (past, future) = self.logs.read(&query);
        if let Some(function) = query.function.as_ref().filter(|_| past.is_empty()) {
            self.known(function)?;
        }
        let requests = (query.follow && query.requests).then(|| self.access.follow());
        Ok(LogStream { past, future, requests, query })
    }

    fn known(&self, function: &FunctionId) -> Result<(), Refused> {
        let card = self.card.lock().unwrap_or_else(PoisonError::into_inner);
        match &card.view.running {
            Some(running) if !running.functions.contains_key(function) => {
                let known: Vec<&str> = running.functions.keys().map(|id| id.0.as_str()).collect();
                let (project, function) = (card.view.settings.name.clone(), function.clone());
                Err(Refused::UnknownFunction { project, function, known: known.join(", ") })
            }
            Some(_) | None => Ok(()),
        }
    }

    pub(in crate::supervisor) fn port(&self) -> Option<u16> {
        self.card.lock().unwrap_or_else(PoisonError::into_inner).port
    }
}
