//! The trie: a node per segment, targets where a template ends.
//!
//! A request's path is fixed, so a search visits each node at most once and its cost follows the path's depth, not the
//! number of routes.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;

use percent_encoding::percent_decode_str;

use super::Match;
use super::pattern::{self, Pattern, Segment};
use crate::project::api::{ApiKind, Method};

/// What is looked for.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    method: &'a str,
    sent: &'a str,
    trimmed: &'a str,
    segments: Vec<&'a str>,
    slash: bool,
}

impl<'a> Wanted<'a> {
    pub(super) fn new(method: &'a str, path: &'a str) -> Wanted<'a> {
        let (trimmed, slash) = pattern::trim(path);
        Wanted { method, sent: path, trimmed, segments: pattern::split(trimmed).collect(), slash }
    }

    /// The path from segment `from` on; REST leaves a trailing slash out (A1.4), HTTP keeps it.
    fn rest(&self, from: usize, kind: ApiKind) -> &'a str {
        let whole = match kind {
            ApiKind::Rest => self.trimmed,
            ApiKind::Http => self.sent.trim_start_matches('/'),
        };
        whole.splitn(from + 1, '/').nth(from).unwrap_or_default()
    }
}

/// A route at the end of its template.
#[derive(Debug)]
pub(super) struct Target {
    api: usize,
    route: usize,
    method: Method,
    kind: ApiKind,
    slash: bool,
    strict: bool,
    shape: Box<[u8]>,
    parameters: Vec<(usize, Segment)>,
}

impl Target {
    pub(super) fn new(
        api: usize,
        route: usize,
        method: &Method,
        pattern: &Pattern,
        kind: ApiKind,
        strict: bool,
    ) -> Target {
        let named = |(index, segment): (usize, &Segment)| {
            (!matches!(segment, Segment::Static(_))).then(|| (index, segment.clone()))
        };
        Target {
            api,
            route,
            method: method.clone(),
            kind,
            slash: pattern.slash,
            strict,
            shape: pattern.segments.iter().map(Segment::rank).collect(),
            parameters: pattern.segments.iter().enumerate().filter_map(named).collect(),
        }
    }

    /// Smaller is more specific: full matches before greedy ones, then segment by segment, then by method, then by
    /// precedence.
    pub(super) fn rank(&self) -> impl Ord + '_ {
        (self.shape.last() == Some(&2), &self.shape, self.method == Method::Any, self.api, self.route)
    }

    pub(super) fn matched(&self, wanted: &Wanted) -> Match {
        let value = |(index, segment): &(usize, Segment)| match segment {
            Segment::Greedy(name) => (name.clone(), wanted.rest(*index, self.kind).to_owned()),
            Segment::Static(name) | Segment::Parameter(name) => {
                (name.clone(), wanted.segments.get(*index).copied().unwrap_or_default().to_owned())
            }
        };
        Match { api: self.api, route: self.route, path_parameters: self.parameters.iter().map(value).collect() }
    }

    /// ANY of a REST API is seven methods and no other (A6.4); of an HTTP API it is whatever the client sends.
    fn takes(&self, wanted: &Wanted) -> bool {
        match &self.method {
            Method::Any => self.kind == ApiKind::Http || Method::OF_ANY.contains(&wanted.method),
            Method::One(method) => method == wanted.method,
        }
    }

    fn ends_as(&self, wanted: &Wanted) -> bool {
        !self.strict || self.slash == wanted.slash
    }

    /// Among targets of one node: a named method before ANY, the same ending before the other, the earlier API.
    fn order(&self, other: &Target, wanted: &Wanted) -> Ordering {
        let key = |target: &Target| (target.method == Method::Any, target.slash != wanted.slash, target.api);
        key(self).cmp(&key(other))
    }
}

#[derive(Debug, Default)]
struct Node {
    statics: HashMap<Box<str>, usize>,
    parameter: Option<usize>,
    ends: Vec<usize>,
    greedy: Vec<usize>,
}

/// Routes by segments.
#[derive(Debug)]
pub(super) struct Trie {
    nodes: Vec<Node>,
}

impl Default for Trie {
    fn default() -> Trie {
        Trie { nodes: vec![Node::default()] }
    }
}

impl Trie {
    pub(super) fn insert(&mut self, pattern: &Pattern, target: usize) {
        let mut at = 0;
        for segment in &pattern.segments {
            match segment {
                Segment::Static(name) => at = self.static_child(at, name),
                Segment::Parameter(_) => at = self.parameter_child(at),
                Segment::Greedy(_) => return self.nodes[at].greedy.push(target),
            }
        }
        self.nodes[at].ends.push(target);
    }

    /// REST's order: at each segment static before `{param}` before `{proxy+}`, going back where a branch does not have
    /// the path or the method (A6.1–A6.3).
    pub(super) fn most_specific<'a>(&self, wanted: &Wanted, targets: &'a [Target]) -> Option<&'a Target> {
        self.walk(0, 0, wanted, targets, true)
    }

    /// HTTP's order (B4.2): any full match before any greedy one.
    pub(super) fn full_before_greedy<'a>(&self, wanted: &Wanted, targets: &'a [Target]) -> Option<&'a Target> {
        self.walk(0, 0, wanted, targets, false).or_else(|| self.walk(0, 0, wanted, targets, true))
    }

    fn walk<'a>(
        &self,
        at: usize,
        depth: usize,
        wanted: &Wanted,
        targets: &'a [Target],
        greedy: bool,
    ) -> Option<&'a Target> {
        let node = self.nodes.get(at)?;
        let Some(segment) = wanted.segments.get(depth) else {
            return best(&node.ends, targets, wanted, |target| target.ends_as(wanted));
        };
        let fixed = node.literal(segment).and_then(|next| self.walk(next, depth + 1, wanted, targets, greedy));
        fixed
            .or_else(|| {
                let next = node.parameter.filter(|_| !segment.is_empty())?;
                self.walk(next, depth + 1, wanted, targets, greedy)
            })
            .or_else(|| {
                let some = wanted.segments.get(depth..)?.iter().any(|segment| !segment.is_empty());
                if greedy && some { best(&node.greedy, targets, wanted, |_| true) } else { None }
            })
    }

    fn static_child(&mut self, at: usize, name: &str) -> usize {
        if let Some(&child) = self.nodes[at].statics.get(name) {
            return child;
        }
        let child = self.grow();
        self.nodes[at].statics.insert(name.into(), child);
        child
    }

    fn parameter_child(&mut self, at: usize) -> usize {
        if let Some(child) = self.nodes[at].parameter {
            return child;
        }
        let child = self.grow();
        self.nodes[at].parameter = Some(child);
        child
    }

    fn grow(&mut self) -> usize {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }
}

impl Node {
    /// The static child for a segment as sent, or as it reads when percent-decoded; `%2F` never makes two segments.
    fn literal(&self, segment: &str) -> Option<usize> {
        if let Some(&child) = self.statics.get(segment) {
            return Some(child);
        }
        if !segment.contains('%') {
            return None;
        }
        let decoded: Cow<str> = percent_decode_str(segment).decode_utf8().ok()?;
        self.statics.get(decoded.as_ref()).copied()
    }
}

fn best<'a>(
    candidates: &[usize],
    targets: &'a [Target],
    wanted: &Wanted,
    fits: impl Fn(&Target) -> bool,
) -> Option<&'a Target> {
    let all = candidates.iter().filter_map(|&index| targets.get(index));
    all.filter(|target| target.takes(wanted) && fits(target)).min_by(|one, other| one.order(other, wanted))
}
