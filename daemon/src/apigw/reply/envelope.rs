//! Reading what a function returned: the fields of a proxy reply, or a plain value where 2.0 allows one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::super::json;
use super::unescape::unescaped;

/// The reply is not what a proxy integration may return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// A proxy reply with its fields still as they were written. A null is as good as nothing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Strict<'a> {
    #[serde(borrow)]
    status_code: Option<&'a RawValue>,
    #[serde(borrow)]
    headers: Option<&'a RawValue>,
    #[serde(borrow)]
    multi_value_headers: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(borrow)]
    is_base64_encoded: Option<&'a RawValue>,
}

/// As [`Strict`], with whatever else there is ignored, and cookies.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lenient<'a> {
    #[serde(borrow)]
    status_code: Option<&'a RawValue>,
    #[serde(borrow)]
    headers: Option<&'a RawValue>,
    #[serde(borrow)]
    multi_value_headers: Option<&'a RawValue>,
    #[serde(borrow)]
    cookies: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(borrow)]
    is_base64_encoded: Option<&'a RawValue>,
}

/// A proxy reply, understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Envelope {
    /// `None` where the function set none.
    pub(crate) status: Option<u16>,
    /// Single-valued headers, each as text.
    pub(crate) headers: Vec<(String, String)>,
    /// Multi-valued headers.
    pub(crate) multi_value_headers: Vec<(String, Vec<String>)>,
    /// 2.0's cookies.
    pub(crate) cookies: Vec<String>,
    /// The body as text; `None` where there is none.
    pub(crate) body: Option<Bytes>,
    /// The body is base64.
    pub(crate) base64: bool,
}

impl Envelope {
    /// The reading of 1.0: an unknown key makes the whole malformed (A5.1).
    pub(crate) fn strict(payload: &Bytes) -> Result<Envelope, Malformed> {
        let raw: Strict = object(payload)?;
        Ok(Envelope {
            status: raw.status_code.map(status).transpose()?,
            headers: raw.headers.map_or(Ok(Vec::new()), single_headers)?,
            multi_value_headers: raw.multi_value_headers.map_or(Ok(Vec::new()), multi_headers)?,
            cookies: Vec::new(),
            body: raw.body.map(|body| text(body, payload)).transpose()?,
            base64: raw.is_base64_encoded.map_or(Ok(false), boolean)?,
        })
    }

    /// A streamed reply's prelude: as 2.0's reply, with multi-valued headers.
    pub(crate) fn prelude(prelude: &Bytes) -> Result<Envelope, Malformed> {
        Envelope::lenient(prelude, true)
    }

    fn lenient(payload: &Bytes, multi_value: bool) -> Result<Envelope, Malformed> {
        let raw: Lenient = object(payload)?;
        let multi = raw.multi_value_headers.filter(|_| multi_value);
        Ok(Envelope {
            status: raw.status_code.map(status).transpose()?,
            headers: raw.headers.map_or(Ok(Vec::new()), single_headers)?,
            multi_value_headers: multi.map_or(Ok(Vec::new()), multi_headers)?,
            cookies: raw.cookies.map_or(Ok(Vec::new()), parsed)?,
            body: raw.body.map(|body| text(body, payload)).transpose()?,
            base64: raw.is_base64_encoded.map_or(Ok(false), boolean)?,
        })
    }

    /// The body's bytes, decoded where `decode` says so.
    pub(crate) fn bytes(&self, decode: bool) -> Result<Bytes, Malformed> {
        match &self.body {
            None => Ok(Bytes::new()),
            Some(body) if decode => STANDARD.decode(body).map(Bytes::from).map_err(|_| Malformed),
            Some(body) => Ok(body.clone()),
        }
    }
}

/// What 2.0 makes of a payload.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Inferred {
    /// The function spoke in terms of HTTP.
    Envelope(Envelope),
    /// The function returned a value: 200 with this body as JSON.
    Value(Bytes),
}

/// Reads a payload as 2.0 does: with a `statusCode` it is an envelope, without it a value, and a string is sent without
/// its quotes.
pub(crate) fn infer(payload: &Bytes) -> Result<Inferred, Malformed> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Peek<'a> {
        #[serde(borrow)]
        status_code: Option<&'a RawValue>,
    }
    let json: &RawValue = serde_json::from_slice(payload).map_err(|_| Malformed)?;
    let start = json.get().trim_start().bytes().next();
    let has_status = || serde_json::from_str::<Peek>(json.get()).is_ok_and(|peek| peek.status_code.is_some());
    match start {
        Some(b'{') if has_status() => Envelope::lenient(payload, false).map(Inferred::Envelope),
        Some(b'"') => text(json, payload).map(Inferred::Value),
        _ => Ok(Inferred::Value(Bytes::from(json::compact(json.get().as_bytes())))),
    }
}

/// Only an object is a proxy reply; serde would take an array for a struct too.
fn object<'a, T: Deserialize<'a>>(payload: &'a Bytes) -> Result<T, Malformed> {
    if payload.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(Malformed);
    }
    parsed_slice(payload)
}

fn parsed_slice<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, Malformed> {
    serde_json::from_slice(json).map_err(|_| Malformed)
}

fn parsed<'a, T: Deserialize<'a>>(json: &'a RawValue) -> Result<T, Malformed> {
    serde_json::from_str(json.get()).map_err(|_| Malformed)
}

/// An integer, or a string of one. What no HTTP reply can have is malformed.
fn status(json: &RawValue) -> Result<u16, Malformed> {
    let status = match parsed(json)? {
        Value::Number(number) => number.as_f64().filter(|value| value.fract() == 0.0).map(|value| value.to_string()),
        Value::String(text) => Some(text),
        _ => None,
    };
    let status: u16 = status.and_then(|text| text.trim().parse().ok()).ok_or(Malformed)?;
    if (200..=599).contains(&status) { Ok(status) } else { Err(Malformed) }
}

/// A boolean; its name as a string is taken too, as AWS's Java reads it.
fn boolean(json: &RawValue) -> Result<bool, Malformed> {
    match parsed(json)? {
        Value::Bool(value) => Ok(value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.is_empty() || text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(Malformed),
    }
}

/// A JSON string's text: a slice of the payload where nothing is escaped, so that a large body is not copied, and else one
/// copy of it.
fn text(json: &RawValue, payload: &Bytes) -> Result<Bytes, Malformed> {
    let written = json.get().strip_prefix('"').and_then(|text| text.strip_suffix('"')).ok_or(Malformed)?;
    if memchr::memchr(b'\\', written.as_bytes()).is_none() {
        return Ok(payload.slice_ref(written.as_bytes()));
    }
    unescaped(written).map(Bytes::from)
}

fn single_headers(json: &RawValue) -> Result<Vec<(String, String)>, Malformed> {
    let map: Map<String, Value> = parsed(json)?;
    let mut headers = Vec::with_capacity(map.len());
    for (name, value) in map {
        headers.extend(header_text(value)?.map(|value| (name, value)));
    }
    Ok(headers)
}

fn multi_headers(json: &RawValue) -> Result<Vec<(String, Vec<String>)>, Malformed> {
    let map: Map<String, Value> = parsed(json)?;
    let mut headers = Vec::with_capacity(map.len());
    for (name, values) in map {
        let Value::Array(values) = values else { return Err(Malformed) };
        let texts: Vec<Option<String>> = values.into_iter().map(header_text).collect::<Result<_, _>>()?;
        headers.push((name, texts.into_iter().flatten().collect()));
    }
    Ok(headers)
}

/// Strings, booleans and numbers are text (A5.3); a null is no header.
fn header_text(value: Value) -> Result<Option<String>, Malformed> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Bool(_) | Value::Number(_) => Ok(Some(value.to_string())),
        Value::Array(_) | Value::Object(_) => Err(Malformed),
    }
}
