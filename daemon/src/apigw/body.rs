//! A request's body as events carry it (A4, B1.9, H5.3): text, or base64.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::Request;

/// The body of an event.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct EventBody<'a> {
    /// `None` where the request has no body.
    pub(crate) text: Option<Cow<'a, str>>,
    /// The text is base64.
    #[serde(skip)]
    pub(crate) base64: bool,
}

impl<'a> EventBody<'a> {
    /// REST: base64 where the content type is among the API's binary media types (A4.1).
    pub(crate) fn rest(request: &'a Request, binary_media_types: &[String]) -> EventBody<'a> {
        let content_type = media_type(request.header("content-type").unwrap_or("application/json"));
        EventBody::new(request, is_binary(content_type, binary_media_types))
    }

    /// HTTP: base64 for all that is not known as text (B1.9).
    pub(crate) fn http(request: &'a Request) -> EventBody<'a> {
        EventBody::new(request, !request.header("content-type").is_some_and(is_text))
    }

    /// Function URL: as HTTP, but a body without a content type is text (H5.3).
    pub(crate) fn function_url(request: &'a Request) -> EventBody<'a> {
        EventBody::new(request, !request.header("content-type").is_none_or(is_text))
    }

    fn new(request: &'a Request, binary: bool) -> EventBody<'a> {
        if request.body.is_empty() {
            return EventBody { text: None, base64: false };
        }
        if binary {
            return EventBody { text: Some(Cow::Owned(STANDARD.encode(&request.body))), base64: true };
        }
        // AWS passes what is not UTF-8 with replacement characters instead of switching to base64 (A4.2).
        EventBody { text: Some(String::from_utf8_lossy(&request.body)), base64: false }
    }
}

/// The media type before `;`, without spaces.
pub(crate) fn media_type(header: &str) -> &str {
    header.split(';').next().unwrap_or_default().trim()
}

/// Whether a media type matches an entry of `binaryMediaTypes`: exact, `type/*` or `*/*` (A4.1, A5.12).
pub(crate) fn is_binary(media_type: &str, binary_media_types: &[String]) -> bool {
    binary_media_types.iter().any(|entry| match entry.strip_suffix("/*") {
        Some("*") => true,
        Some(kind) => media_type.split('/').next().is_some_and(|sent| sent.eq_ignore_ascii_case(kind)),
        None => entry.eq_ignore_ascii_case(media_type),
    })
}

fn is_text(content_type: &str) -> bool {
    let media_type = media_type(content_type).to_ascii_lowercase();
    let named = ["application/json", "application/javascript", "application/xml"];
    media_type.starts_with("text/")
        || named.contains(&media_type.as_str())
        || media_type.ends_with("+json")
        || media_type.ends_with("+xml")
}
