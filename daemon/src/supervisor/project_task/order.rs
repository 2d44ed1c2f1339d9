//! The way to a project's task: what it may be ordered, and what the supervisor knows of it without asking.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use crate::logs::LogQuery;
use crate::project::FunctionId;
use crate::supervisor::handle::{CallerEnvironment, LogStream, Patch, ProjectStatus, Refused, ReloadReport};
use crate::supervisor::token::{Minted, TokenWanted};
use crate::worker;

/// What a project is told.
#[derive(Debug)]
pub(in crate::supervisor) enum Order {
    /// Start again what ran when the daemon ended; until it can be, its files are watched.
    Restore {
        owned: BTreeSet<u16>,
    },
    Start {
        patch: Patch,
        caller: CallerEnvironment,
        owned: BTreeSet<u16>,
        answer: oneshot::Sender<Result<ProjectStatus, Refused>>,
    },
    Set {
        patch: Patch,
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
        answer: oneshot::Sender<Result<ProjectStatus, Refused>>,
    },
    Worker {
        function: FunctionId,
        answer: oneshot::Sender<Result<worker::Handle, Refused>>,
    },
    Token {
        wanted: TokenWanted,
        answer: oneshot::Sender<Result<Minted, Refused>>,
    },
    Logs {
        query: LogQuery,
        answer: oneshot::Sender<Result<LogStream, Refused>>,
    },
}

/// What the supervisor may know of a project without asking its task.
#[derive(Debug, Clone)]
pub(super) struct Card {
    pub(super) path: PathBuf,
    pub(super) port: Option<u16>,
}

/// The way to a project's task.
#[derive(Debug)]
pub(in crate::supervisor) struct ProjectHandle {
    pub(super) orders: mpsc::UnboundedSender<Order>,
    pub(super) card: Arc<Mutex<Card>>,
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

    pub(in crate::supervisor) fn port(&self) -> Option<u16> {
        self.card.lock().unwrap_or_else(PoisonError::into_inner).port
    }
}
