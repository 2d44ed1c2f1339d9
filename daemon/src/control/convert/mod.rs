//! Between the wire's types and ours, by hand: neither side changes because the other does.

mod answer;
mod containers;
mod request;

use std::time::{Duration, SystemTime};

pub(super) use answer::{
    Origin, diagnostic, handler, image_event, log_line, project_status, project_summary, refused, reload_event,
    reload_report, request_line, runtime, url,
};
pub(super) use request::{patch, project_name, template_query, time};

/// Milliseconds since 1970; a clock before that counts as 1970.
pub(in crate::control) fn milliseconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, whole_milliseconds)
}

/// A duration in milliseconds; more than fits is the most that does.
pub(in crate::control) fn whole_milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
