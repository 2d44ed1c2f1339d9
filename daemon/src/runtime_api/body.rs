//! Bodies of calls, read whole within bounds.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};

/// What an oversize answer may send before the connection is given up; up to here it is read and thrown away, so that
/// the runtime gets to see the 413.
const DISCARD: usize = 64 * 1024 * 1024;

/// Why there is no whole body.
pub(super) enum BodyProblem {
    TooLarge,
    Truncated,
}

/// The whole body, without a copy where it came in one piece. Of one that is too large the rest is read and dropped.
pub(super) async fn whole(mut body: Incoming, most: usize) -> Result<Bytes, BodyProblem> {
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyProblem::Truncated)?.into_data() else { continue };
        size += data.len();
        if size > DISCARD {
            return Err(BodyProblem::TooLarge);
        }
        if size > most {
            continue;
        }
        match &first {
            None => first = Some(data),
            Some(start) => {
                if rest.is_empty() {
                    // Room for all of it at once, so that a large answer is copied here once and never moved.
                    let more = usize::try_from(body.size_hint().lower()).unwrap_or(0).min(most);
                    rest.reserve(start.len() + data.len() + more);
                    rest.extend_from_slice(start);
                }
                rest.extend_from_slice(&data);
            }
        }
    }
    match (size > most, rest.is_empty()) {
        (true, _) => Err(BodyProblem::TooLarge),
        (false, true) => Ok(first.unwrap_or_default()),
        (false, false) => Ok(rest.freeze()),
    }
}
