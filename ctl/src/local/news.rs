//! What a command in the foreground waits for: lines of functions, requests, changes, signals; one queue for all of them,
//! so that one thread writes.

use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use samd_proto::endpoint::{Events, Invoke, Logs};
use samd_proto::invoke::{InvokeRequest, InvokeResponse};
use samd_proto::log::{LogEvent, LogsRequest};
use samd_proto::reload::{EventsRequest, ReloadEvent};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::client::Client;
use crate::exit::Failure;

/// Something that happened.
#[derive(Debug)]
pub(super) enum News {
    /// A function printed a line, or a request was answered.
    Log(LogEvent),
    /// A change of configuration ended.
    Reload(ReloadEvent),
    /// The function that was invoked has answered.
    Answered(Box<Result<InvokeResponse, Failure>>),
    /// The user or the system wants the command to end.
    Told,
    /// The daemon is gone.
    Gone,
}

/// The queue.
#[derive(Debug)]
pub(super) struct Newsroom {
    sender: Sender<News>,
    queue: Receiver<News>,
}

impl Newsroom {
    /// A queue that hears of SIGINT, SIGTERM and SIGHUP; from now on these end nothing by themselves.
    pub(super) fn open() -> Result<Newsroom, Failure> {
        let (sender, queue) = mpsc::channel();
        let room = Newsroom { sender, queue };
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        room.report("signals", move |sender| {
            for _ in signals.forever() {
                if sender.send(News::Told).is_err() {
                    return;
                }
            }
        })?;
        Ok(room)
    }

    /// Hears of what the project's functions print and, where `requests` says so, of what is asked of its APIs.
    pub(super) fn follow_logs(&self, client: &Client, project: &str, requests: bool) -> Result<(), Failure> {
        let request = LogsRequest { name: project.to_owned(), follow: true, requests, ..LogsRequest::default() };
        let events = client.follow::<Logs>(&request)?;
        self.report("logs", move |sender| {
            let sent = events.map_while(Result::ok).try_for_each(|event| sender.send(News::Log(event)));
            // The other end is gone when nobody wants to know any more.
            drop(sent.and_then(|()| sender.send(News::Gone)));
        })?;
        Ok(())
    }

    /// Hears of changes of what the project serves; the one that started it comes first.
    pub(super) fn follow_reloads(&self, client: &Client, project: &str) -> Result<(), Failure> {
        let request = EventsRequest { name: Some(project.to_owned()), follow: true };
        let events = client.follow::<Events>(&request)?;
        self.report("changes", move |sender| {
            drop(events.map_while(Result::ok).try_for_each(|event| sender.send(News::Reload(event))));
        })?;
        Ok(())
    }

    /// Invokes a function and hears of its answer.
    pub(super) fn invoke(&self, client: Client, request: InvokeRequest) -> Result<(), Failure> {
        self.report("the invocation", move |sender| {
            drop(sender.send(News::Answered(Box::new(client.call::<Invoke>(&request)))));
        })?;
        Ok(())
    }

    /// The next news; there is always somebody who could bring some.
    pub(super) fn next(&self) -> News {
        self.queue.recv().unwrap_or(News::Gone)
    }

    /// The next news, if there is any within `patience`.
    pub(super) fn next_within(&self, patience: Duration) -> Option<News> {
        self.queue.recv_timeout(patience).ok()
    }

    fn report(&self, name: &str, task: impl FnOnce(Sender<News>) + Send + 'static) -> io::Result<()> {
        let sender = self.sender.clone();
        std::thread::Builder::new().name(name.to_owned()).spawn(move || task(sender)).map(drop)
    }
}
