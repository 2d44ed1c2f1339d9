//! Reads a request's body into memory, within a size and a time, and parses it.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use samd_proto::{ApiError, ErrorCode};
use serde::de::DeserializeOwned;

/// The largest body: an event of 6 MB as JSON text within JSON, with room for what escaping adds.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Reads and parses a body; an empty one is an empty object.
pub(super) async fn parse<T: DeserializeOwned>(
    body: impl Stream<Item = Result<impl Buf, warp::Error>>,
) -> Result<T, ApiError> {
    let bytes = tokio::time::timeout(BODY_TIMEOUT, read(body))
        .await
        .map_err(|_| ApiError::new(ErrorCode::RequestTimeout, "the body did not arrive in time"))??;
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
    serde_json::from_slice(text)
        .map_err(|error| ApiError::new(ErrorCode::BadRequest, format!("the body cannot be read: {error}")))
}

async fn read(body: impl Stream<Item = Result<impl Buf, warp::Error>>) -> Result<Bytes, ApiError> {
    let mut body = std::pin::pin!(body);
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.next().await {
        let chunk =
            chunk.map_err(|error| ApiError::new(ErrorCode::BadRequest, format!("the body broke off: {error}")))?;
        if bytes.len() + chunk.remaining() > MAX_BODY {
            return Err(ApiError::new(
                ErrorCode::TooLarge,
                format!("the body is larger than {} MiB", MAX_BODY / 1024 / 1024),
            ));
        }
        append(&mut bytes, chunk);
    }
    Ok(bytes.freeze())
}

fn append(bytes: &mut BytesMut, mut chunk: impl Buf) {
    while chunk.has_remaining() {
        let part = chunk.chunk();
        bytes.extend_from_slice(part);
        let length = part.len();
        chunk.advance(length);
    }
}
