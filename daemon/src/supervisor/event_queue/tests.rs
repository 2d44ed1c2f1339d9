//! The queue against a worker that answers as it is told, on a paused clock.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::*;
use crate::gateway::access::AccessLog;
use crate::lambda::Failure;
use crate::logs::LogHub;
use crate::project::asynchronous::Asynchronous;
use crate::shutdown::Shutdown;
use crate::supervisor::directory::{Listing, Roster};
use crate::worker::{self, Reply, handle::Message as Order};

type Call = (Instant, Invocation, oneshot::Sender<Reply>);

struct Scene {
    folder: tempfile::TempDir,
    store: Store,
    queue: EventQueue,
    listing: Listing,
    shutdown: Shutdown,
    calls: mpsc::UnboundedReceiver<Call>,
    worker: worker::Handle,
}

fn name() -> ProjectName {
    ProjectName("shop".to_owned())
}

fn id() -> FunctionId {
    FunctionId("Orders".to_owned())
}

fn function(reserved_concurrency: Option<u32>) -> Arc<Function> {
    Arc::new(Function { id: id(), reserved_concurrency, ..crate::project::testing::function() })
}

fn invocation(request_id: &str) -> Invocation {
    Invocation {
        request_id: request_id.to_owned(),
        event: "{\"n\":1}".into(),
        invoked_arn: "arn".into(),
        trace_id: String::new(),
        client_context: None,
        cognito_identity: None,
        tenant_id: None,
    }
}

fn told() -> FunctionId {
    FunctionId("Told".to_owned())
}

fn failed() -> Outcome {
    Outcome::Failed(Failure { error_type: "E".to_owned(), payload: "{}".into(), timed_out: false })
}

impl Scene {
    fn new() -> Scene {
        Scene::on(tempfile::tempdir().unwrap())
    }

    /// On what an earlier queue left in the store.
    fn on(folder: tempfile::TempDir) -> Scene {
        let opened = Store::open(folder.path(), SystemTime::now()).unwrap();
        let (sender, calls) = mpsc::unbounded_channel();
        let (mailbox, mut orders) = mpsc::channel(64);
        tokio::spawn(async move {
            while let Some(order) = orders.recv().await {
                if let Order::Invoke { invocation, reply } = order {
                    drop(sender.send((Instant::now(), invocation, reply)));
                }
            }
        });
        let (directory, mut shutdown) = (Directory::default(), Shutdown::default());
        let phase = shutdown.phase("requests", Duration::ZERO);
        let queue = EventQueue::spawn(opened.store.clone(), directory.clone(), &phase, opened.saved.invocations);
        let listing = Listing::new(directory, name());
        Scene { folder, store: opened.store, queue, listing, shutdown, calls, worker: worker::Handle::new(mailbox) }
    }

    fn publish(&self, reserved_concurrency: Option<u32>) {
        let listed = Listed { function: function(reserved_concurrency), worker: Ok(self.worker.clone()) };
        self.listing.publish(Roster {
            functions: [(id(), listed)].into(),
            logs: LogHub::default(),
            access: AccessLog::default(),
        });
    }

    /// With this EventInvokeConfig, and a function `Told` beside it.
    fn publish_with(&self, asynchronous: Asynchronous) {
        let one = |function: Function| {
            (function.id.clone(), Listed { function: Arc::new(function), worker: Ok(self.worker.clone()) })
        };
        let own = Function { asynchronous, ..(*function(None)).clone() };
        let told = Function { id: told(), ..crate::project::testing::function() };
        self.listing.publish(Roster {
            functions: [one(own), one(told)].into(),
            logs: LogHub::default(),
            access: AccessLog::default(),
        });
    }

    async fn accept(&self, request_id: &str) {
        self.queue.accept(name(), id(), invocation(request_id)).await.unwrap();
    }

    /// The next attempt, answered by `outcome`.
    async fn attempt(&mut self, outcome: Outcome) -> (Instant, String) {
        let (at, invocation, reply) = self.calls.recv().await.unwrap();
        reply.send(Reply::Whole(outcome)).unwrap();
        (at, invocation.request_id)
    }

    /// Ends the queue in order, and tells which events are still in the store, with their failed attempts.
    async fn end(self) -> (tempfile::TempDir, Vec<(String, u32)>) {
        self.shutdown.run(Duration::from_secs(60), |_| {}).await;
        self.store.close().await;
        let opened = Store::open(self.folder.path(), SystemTime::now()).unwrap();
        let left = opened.saved.invocations.iter().map(|saved| (saved.invocation.request_id.clone(), saved.attempts));
        let left = left.collect();
        opened.store.close().await;
        (self.folder, left)
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_fails_is_run_three_times_with_one_id_and_then_given_up() {
    let mut scene = Scene::new();
    scene.publish(None);
    scene.accept("id-1").await;
    let mut attempts = Vec::new();
    for _ in 0..3 {
        attempts.push(scene.attempt(failed()).await);
    }
    let waits: Vec<u64> = attempts.windows(2).map(|pair| (pair[1].0 - pair[0].0).as_secs()).collect();
    assert_eq!(waits, [60, 120]);
    assert!(attempts.iter().all(|(_, id)| id == "id-1"));
    tokio::time::sleep(Duration::from_secs(4_000)).await;
    assert!(scene.calls.try_recv().is_err(), "there is no fourth attempt");
    assert_eq!(scene.end().await.1, []);
}

#[tokio::test(start_paused = true)]
async fn an_event_is_in_the_store_until_it_has_run() {
    let mut scene = Scene::new();
    scene.accept("id-1").await;
    let (folder, left) = {
        scene.calls.close();
        scene.end().await
    };
    assert_eq!(left, [("id-1".to_owned(), 0)], "it could not run, and is kept");
    let mut again = Scene::on(folder);
    again.publish(None);
    assert_eq!(again.attempt(Outcome::Returned("null".into())).await.1, "id-1");
    assert_eq!(again.end().await.1, []);
}

#[tokio::test(start_paused = true)]
async fn failed_attempts_are_counted_across_a_restart() {
    let mut scene = Scene::new();
    scene.publish(None);
    scene.accept("id-1").await;
    scene.attempt(failed()).await;
    scene.attempt(failed()).await;
    // The second failure has been taken note of once the third attempt is there; the daemon stops in its midst.
    let third = scene.calls.recv().await.unwrap();
    let ended = tokio::spawn(async move { scene.end().await });
    tokio::task::yield_now().await;
    third.2.send(Reply::Whole(failed())).unwrap();
    let (folder, left) = ended.await.unwrap();
    assert_eq!(left, [("id-1".to_owned(), 2)], "what a stopping daemon did to the third is no failure");
    let mut again = Scene::on(folder);
    again.publish(None);
    again.attempt(failed()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(again.end().await.1, [], "the third was the last");
}

#[tokio::test(start_paused = true)]
async fn a_throttle_is_no_error_and_is_tried_again_after_a_second() {
    let mut scene = Scene::new();
    scene.publish(Some(1));
    scene.accept("id-1").await;
    let throttled = || Outcome::Throttled { reason: "ReservedFunctionConcurrentInvocationLimitExceeded" };
    let first = scene.attempt(throttled()).await.0;
    let second = scene.attempt(throttled()).await.0;
    let third = scene.attempt(Outcome::Returned("1".into())).await.0;
    assert_eq!(((second - first).as_secs(), (third - second).as_secs()), (1, 2));
    assert_eq!(scene.end().await.1, []);
}

#[tokio::test(start_paused = true)]
async fn one_function_has_a_bounded_share_at_a_time() {
    let mut scene = Scene::new();
    scene.publish(None);
    for number in 0..AT_ONCE + 3 {
        scene.accept(&format!("id-{number}")).await;
    }
    let mut calls = Vec::new();
    for _ in 0..AT_ONCE {
        calls.push(scene.calls.recv().await.unwrap());
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(scene.calls.try_recv().is_err(), "the others wait");
    for (_, _, reply) in calls {
        reply.send(Reply::Whole(Outcome::Returned("1".into()))).unwrap();
    }
    for _ in 0..3 {
        scene.attempt(Outcome::Returned("1".into())).await;
    }
    assert_eq!(scene.end().await.1, []);
}

#[tokio::test(start_paused = true)]
async fn events_of_a_removed_project_are_forgotten() {
    let scene = Scene::new();
    scene.accept("id-1").await;
    scene.queue.forget(name());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(scene.end().await.1, []);
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_function_does_not_run_for_six_hours_is_given_up() {
    let scene = Scene::new();
    scene.accept("id-1").await;
    tokio::time::sleep(MAX_AGE + Duration::from_secs(1)).await;
    scene.listing.retract();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(scene.end().await.1, []);
}

#[tokio::test(start_paused = true)]
async fn more_events_than_there_is_memory_for_are_refused() {
    let scene = Scene::new();
    let mut large = invocation("id-1");
    large.event = format!("\"{}\"", "x".repeat(ROOM * 1024)).into();
    assert!(matches!(scene.queue.accept(name(), id(), large).await, Err(Refused::QueueFull)));
    assert_eq!(scene.end().await.1, []);
}

#[tokio::test(start_paused = true)]
async fn destinations_are_told_of_what_has_run_and_of_what_was_given_up() {
    let mut scene = Scene::new();
    let tells =
        Asynchronous { retries: 0, on_success: Some(told()), on_failure: Some(told()), ..Asynchronous::default() };
    scene.publish_with(tells);
    for (outcome, condition) in
        [(Outcome::Returned("7".into()), "\"condition\":\"Success\""), (failed(), "\"condition\":\"RetriesExhausted\"")]
    {
        scene.accept("id-1").await;
        assert_eq!(scene.attempt(outcome).await.1, "id-1");
        let (_, record, reply) = scene.calls.recv().await.unwrap();
        let text = String::from_utf8_lossy(&record.event).into_owned();
        assert!(text.contains(condition) && text.contains("\"requestId\":\"id-1\""), "{text}");
        assert!(text.contains("\"approximateInvokeCount\":1"), "{text}");
        assert_ne!(record.request_id, "id-1");
        reply.send(Reply::Whole(Outcome::Returned("null".into()))).unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(scene.end().await.1, []);
}

#[tokio::test(start_paused = true)]
async fn a_functions_own_age_and_retries_hold() {
    let mut scene = Scene::new();
    let once = Asynchronous { retries: 1, ..Asynchronous::default() };
    scene.publish_with(once);
    scene.accept("id-1").await;
    scene.attempt(failed()).await;
    scene.attempt(failed()).await;
    let young = Asynchronous { max_age: Duration::from_secs(59), ..Asynchronous::default() };
    scene.publish_with(young);
    scene.accept("id-2").await;
    scene.attempt(failed()).await;
    tokio::time::sleep(Duration::from_secs(4_000)).await;
    assert!(scene.calls.try_recv().is_err(), "neither is tried again");
    assert_eq!(scene.end().await.1, []);
}
