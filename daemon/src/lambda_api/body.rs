//! Reads a request's body into memory, within a size and a time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::fault::Fault;

/// How long a body may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Up to here a body that is too large is read and thrown away, so that the client gets to see why it is refused.
const DISCARD: usize = 64 * 1024 * 1024;

/// The whole body, of at most `limit` bytes.
pub(super) async fn read(body: Incoming, limit: usize, operation: &str) -> Result<Bytes, Fault> {
    let read = tokio::time::timeout(TIMEOUT, gather(body, limit)).await;
    match read.map_err(|_| Fault::broken_off("it did not arrive in time"))? {
        Ok(Some(body)) => Ok(body),
        Ok(None) => Err(Fault::too_large(limit, operation)),
        Err(problem) => Err(Fault::broken_off(&problem.to_string())),
    }
}

/// `None` when there is more than `limit`.
async fn gather(mut body: Incoming, limit: usize) -> Result<Option<Bytes>, hyper::Error> {
    let (mut all, mut size) = (BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        size += data.len();
        if size > DISCARD {
            break;
        }
        if size <= limit {
            all.extend_from_slice(&data);
        }
    }
    Ok((size <= limit).then(|| all.freeze()))
}
