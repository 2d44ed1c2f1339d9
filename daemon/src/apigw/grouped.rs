//! Names with several values, in the two forms of events: the last one or all of them, and all joined by commas.
//!
//! Grouping sorts instead of comparing each with each, so that a flood of headers stays cheap.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde::ser::{Serialize, SerializeMap, Serializer};

type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Pairs sorted by name; values of one name keep their order.
#[derive(Debug, Default)]
pub(crate) struct Grouped<'a> {
    pairs: Vec<Pair<'a>>,
    ignore_case: bool,
}

impl<'a> Grouped<'a> {
    /// Headers: names compare in any case, and the first casing stands for all.
    pub(crate) fn headers(pairs: Vec<Pair<'a>>) -> Grouped<'a> {
        Grouped::sorted(pairs, true)
    }

    /// Query string parameters, form-decoded (A1.6).
    pub(crate) fn query(query: Option<&'a str>) -> Grouped<'a> {
        let query = query.unwrap_or_default();
        Grouped::sorted(form_urlencoded::parse(query.as_bytes()).collect(), false)
    }

    /// No pair at all: events then have `null` or no key.
    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// One value each, the last (A1.7, A3.2).
    pub(crate) fn last(&self) -> Last<'_, 'a> {
        Last(self)
    }

    /// All values each, as arrays.
    pub(crate) fn all(&self) -> All<'_, 'a> {
        All(self)
    }

    /// All values each, joined by commas (B1.4, B1.5).
    pub(crate) fn joined(&self) -> Joined<'_, 'a> {
        Joined(self)
    }

    fn sorted(mut pairs: Vec<Pair<'a>>, ignore_case: bool) -> Grouped<'a> {
        pairs.sort_by(|(one, _), (other, _)| compare(one, other, ignore_case));
        Grouped { pairs, ignore_case }
    }

    fn groups(&self) -> impl Iterator<Item = &[Pair<'a>]> {
        self.pairs.chunk_by(|(one, _), (other, _)| compare(one, other, self.ignore_case) == Ordering::Equal)
    }
}

fn compare(one: &str, other: &str, ignore_case: bool) -> Ordering {
    if !ignore_case {
        return one.cmp(other);
    }
    one.bytes().map(|byte| byte.to_ascii_lowercase()).cmp(other.bytes().map(|byte| byte.to_ascii_lowercase()))
}

/// See [`Grouped::last`].
pub(crate) struct Last<'g, 'a>(&'g Grouped<'a>);

/// See [`Grouped::all`].
pub(crate) struct All<'g, 'a>(&'g Grouped<'a>);

/// See [`Grouped::joined`].
pub(crate) struct Joined<'g, 'a>(&'g Grouped<'a>);

impl Serialize for Last<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.0.groups().filter_map(|group| Some((&group.first()?.0, &group.last()?.1))) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Serialize for All<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for group in self.0.groups() {
            if let Some((name, _)) = group.first() {
                map.serialize_entry(name, &Values(group))?;
            }
        }
        map.end()
    }
}

impl Serialize for Joined<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for group in self.0.groups() {
            match group {
                [(name, value)] => map.serialize_entry(name, value)?,
                [(name, _), ..] => map.serialize_entry(name, &joined(group))?,
                [] => {}
            }
        }
        map.end()
    }
}

struct Values<'g, 'a>(&'g [Pair<'a>]);

impl Serialize for Values<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(_, value)| value))
    }
}

fn joined(group: &[Pair<'_>]) -> String {
    let values: Vec<&str> = group.iter().map(|(_, value)| value.as_ref()).collect();
    values.join(",")
}
