//! Subscriptions to the Telemetry API and the Logs API (G2, G3).

use bytes::Bytes;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use tokio::sync::mpsc;

use super::body::whole;
use super::extension::{ask, identifier};
use super::reply::{Reply, error, json, refused_extension};
use super::{Call, ExtensionCall, SubscriptionRefusal};
use crate::lambda::telemetry::{Api, Subscription};

/// Largest subscription.
const MAX_BODY: usize = 64 * 1024;

pub(super) async fn subscribe(api: Api, request: Request<Incoming>, calls: &mpsc::Sender<Call>) -> Reply {
    let id = match identifier(request.headers()) {
        Ok(id) => id,
        Err(anonymous) => return anonymous.reply(),
    };
    let body = whole(request.into_body(), MAX_BODY).await.unwrap_or_default();
    let subscription = match Subscription::parse(api, &body) {
        Ok(subscription) => subscription,
        Err(problems) => return error(StatusCode::BAD_REQUEST, "ValidationError", &problems),
    };
    match ask(calls, |reply| ExtensionCall::Subscribe { id, subscription, reply }).await {
        Ok(Ok(())) => json(StatusCode::OK, Bytes::from_static(b"\"OK\"")),
        Ok(Err(refusal)) => refused(api, &refusal),
        Err(reply) => reply,
    }
}

fn refused(api: Api, refusal: &SubscriptionRefusal) -> Reply {
    let name = api.name();
    match refusal {
        SubscriptionRefusal::Extension(refusal) => refused_extension(refusal),
        SubscriptionRefusal::Closed => {
            let message = format!("{name} API subscription is closed already");
            error(StatusCode::FORBIDDEN, &format!("{name}.SubscriptionClosed"), &message)
        }
        SubscriptionRefusal::OtherApi(other) => {
            let message = format!("the extension uses the {} API already, and may use one of the two", other.name());
            error(StatusCode::FORBIDDEN, &format!("{name}.SubscriptionClosed"), &message)
        }
    }
}
