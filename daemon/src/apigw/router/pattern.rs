//! A route's path template as a list of segments.

use crate::project::api::ApiKind;

/// One segment of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// Literal text.
    Static(String),
    /// `{name}`: one segment that is not empty.
    Parameter(String),
    /// `{name+}`: the rest, at least one segment.
    Greedy(String),
}

/// A template's segments, and whether it ends with a slash that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) segments: Vec<Segment>,
    pub(super) slash: bool,
}

impl Pattern {
    /// Parses `/users/{id}/{rest+}`. REST resources cannot end with a slash, HTTP route keys can.
    pub(super) fn parse(template: &str, kind: ApiKind) -> Pattern {
        let (path, slash) = trim(template);
        let segments = split(path).map(Segment::parse).collect();
        Pattern { segments, slash: slash && kind == ApiKind::Http }
    }
}

impl Segment {
    fn parse(text: &str) -> Segment {
        match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => match name.strip_suffix('+') {
                Some(name) => Segment::Greedy(name.to_owned()),
                None => Segment::Parameter(name.to_owned()),
            },
            None => Segment::Static(text.to_owned()),
        }
    }

    /// Order of specificity (A6.1): static before `{param}` before `{proxy+}`.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Segment::Static(_) => 0,
            Segment::Parameter(_) => 1,
            Segment::Greedy(_) => 2,
        }
    }
}

/// A path without the slashes at its start (A1.2) and one at its end; whether there was one at its end.
pub(super) fn trim(path: &str) -> (&str, bool) {
    let path = path.trim_start_matches('/');
    match path.strip_suffix('/') {
        Some(path) => (path, true),
        None => (path, false),
    }
}

/// Segments of a trimmed path; none of an empty one.
pub(super) fn split(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(move |_| !path.is_empty())
}

/// A template with its parameters' names taken out, so that `/a/{x}` and `/a/{y}` compare equal.
pub(super) fn anonymous(template: &str) -> String {
    let (path, _) = trim(template);
    let mut text = String::with_capacity(path.len() + 1);
    for segment in split(path) {
        text.push('/');
        match Segment::parse(segment) {
            Segment::Static(name) => text.push_str(&name),
            Segment::Parameter(_) => text.push_str("{}"),
            Segment::Greedy(_) => text.push_str("{+}"),
        }
    }
    text
}
