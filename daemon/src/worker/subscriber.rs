//! Delivers one subscriber's telemetry in batches, by POST to its server in the sandbox (G2.3).
//!
//! Whatever a slow or absent server loses is counted and told with the next batch; the sandbox never waits for it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::{mpsc, oneshot};

use crate::lambda::telemetry::{Api, Buffer, Event, Subscription};
use crate::shutdown::Phase;

/// Items that may wait for a batch; what comes on top is lost.
const WAITING: usize = 10_000;

/// A subscriber; its task ends when this is dropped and what was gathered is delivered, or the sandbox is gone.
#[derive(Debug)]
pub(super) struct Subscriber {
    /// The extension's name.
    pub(super) name: Arc<str>,
    subscription: Arc<Subscription>,
    items: mpsc::Sender<Item>,
    lost: (u64, u64),
    delivering: tokio::task::AbortHandle,
}

#[derive(Debug)]
enum Item {
    Record(String),
    /// Deliver what is gathered, and say so.
    Flush(oneshot::Sender<()>),
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        // The sandbox has ended, and with it the server.
        self.delivering.abort();
    }
}

impl Subscriber {
    /// Begins to deliver to `place`.
    pub(super) fn spawn(name: Arc<str>, subscription: Subscription, place: IpAddr, tasks: &Phase) -> Subscriber {
        let subscription = Arc::new(subscription);
        let (items, queue) = mpsc::channel(WAITING);
        let delivery = Delivery {
            address: SocketAddr::new(place, subscription.destination.port),
            buffer: Buffer::new(subscription.limits),
            client: Client::builder(TokioExecutor::new()).build_http(),
            subscription: subscription.clone(),
        };
        let delivering = tasks.spawn(format!("telemetry of {name}"), delivery.run(queue)).abort_handle();
        Subscriber { name, subscription, items, lost: (0, 0), delivering }
    }

    pub(super) fn api(&self) -> Api {
        self.subscription.api
    }

    /// Tells it of an event, where it asked for that.
    pub(super) fn tell(&mut self, event: &Event) {
        let Some(item) = event.rendered(&self.subscription) else { return };
        if self.lost.0 > 0 {
            let (records, bytes) = self.lost;
            let dropped = Event::dropped(records, bytes, "the subscriber is too slow", now());
            let told = dropped.rendered(&self.subscription).map(Item::Record).map(|told| self.items.try_send(told));
            if !matches!(told, Some(Err(_))) {
                self.lost = (0, 0);
            }
        }
        let size = item.len() as u64;
        if self.items.try_send(Item::Record(item)).is_err() {
            self.lost = (self.lost.0 + 1, self.lost.1 + size);
        }
    }

    /// Has what is gathered delivered now; the answer comes when it has been.
    pub(super) fn flush(&mut self) -> oneshot::Receiver<()> {
        let (done, delivered) = oneshot::channel();
        // A queue without room is being delivered anyway.
        drop(self.items.try_send(Item::Flush(done)));
        delivered
    }
}

struct Delivery {
    address: SocketAddr,
    subscription: Arc<Subscription>,
    buffer: Buffer,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Delivery {
    async fn run(mut self, mut items: mpsc::Receiver<Item>) {
        loop {
            let due = self.buffer.due();
            tokio::select! {
                item = items.recv() => match item {
                    Some(Item::Record(item)) => if self.buffer.push(item, Instant::now()) { self.deliver().await },
                    Some(Item::Flush(done)) => {
                        self.deliver().await;
                        if done.send(()).is_err() {
                            tracing::debug!("nobody waited for the last telemetry");
                        }
                    }
                    None => return self.deliver().await,
                },
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now).into()), if due.is_some() => self.deliver().await,
            }
        }
    }

    async fn deliver(&mut self) {
        let Some((batch, records, bytes)) = self.buffer.take() else { return };
        let Err(problem) = self.post(batch).await else { return };
        tracing::debug!(address = %self.address, problem, records, "telemetry was not taken");
        let dropped = Event::dropped(records, bytes, &problem, now());
        if let Some(item) = dropped.rendered(&self.subscription) {
            self.buffer.push(item, Instant::now());
        }
    }

    /// There is no deadline: a sandbox that is frozen answers when it goes on.
    async fn post(&self, batch: String) -> Result<(), String> {
        let uri = format!("http://{}{}", self.address, self.subscription.destination.path);
        let host = format!("sandbox.localdomain:{}", self.address.port());
        let request = Request::post(uri).header(header::CONTENT_TYPE, "application/json").header(header::HOST, host);
        let request = request.body(Full::from(batch)).map_err(|problem| problem.to_string())?;
        let answer = self.client.request(request).await.map_err(|problem| problem.to_string())?;
        let status = answer.status();
        // The connection is used again when the answer was read.
        drop(answer.into_body().collect().await);
        if status.is_success() { Ok(()) } else { Err(format!("the subscriber answered {status}")) }
    }
}

fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}
