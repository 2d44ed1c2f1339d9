//! Names with several values, in the two forms of events: the last one or all of them, and all joined by commas.
//!
//! Few pairs are compared with each other, many are sorted, so that a flood of headers stays cheap.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::project::api::ApiKind;

type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Pairs of one name stand together; values of one name keep their order.
#[derive(Debug, Default)]
pub(crate) struct Grouped<'a> {
    pairs: Vec<Pair<'a>>,
    ignore_case: bool,
}

impl<'a> Grouped<'a> {
    /// Headers: names compare in any case, and the first casing stands for all.
    pub(crate) fn headers(pairs: Vec<Pair<'a>>) -> Grouped<'a> {
        Grouped::new(pairs, true)
    }

    /// Query string parameters, form-decoded (A1.6).
    pub(crate) fn query(kind: ApiKind, query: Option<&'a str>) -> Grouped<'a> {
        Grouped::new(query_pairs(kind, query.unwrap_or_default()).collect(), false)
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

    fn new(pairs: Vec<Pair<'a>>, ignore_case: bool) -> Grouped<'a> {
        Grouped { pairs: together(pairs, ignore_case), ignore_case }
    }

    fn groups(&self) -> impl Iterator<Item = &[Pair<'a>]> {
        self.pairs.chunk_by(|(one, _), (other, _)| same(one, other, self.ignore_case))
    }
}

/// The pairs of a query, form-decoded; on a REST API a semicolon separates them too (A1.9).
pub(crate) fn query_pairs(kind: ApiKind, query: &str) -> impl Iterator<Item = Pair<'_>> {
    let separates = move |character| character == '&' || (character == ';' && kind == ApiKind::Rest);
    query.split(separates).flat_map(|pair| form_urlencoded::parse(pair.as_bytes()))
}

/// So many pairs are quicker to compare with each other than to sort.
const FEW: usize = 32;

fn together(mut pairs: Vec<Pair>, ignore_case: bool) -> Vec<Pair> {
    if pairs.len() > FEW {
        pairs.sort_by(|(one, _), (other, _)| compare(one, other, ignore_case));
        return pairs;
    }
    let mut grouped: Vec<Pair> = Vec::with_capacity(pairs.len());
    for pair in pairs {
        match grouped.iter().rposition(|(name, _)| same(name, &pair.0, ignore_case)) {
            Some(last) => grouped.insert(last + 1, pair),
            None => grouped.push(pair),
        }
    }
    grouped
}

fn same(one: &str, other: &str, ignore_case: bool) -> bool {
    if ignore_case { one.eq_ignore_ascii_case(other) } else { one == other }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(count: usize) -> (String, String) {
        let names = ["X-A", "b", "x-a", "B", "X-a"];
        let filler = (0..count).map(|index| (format!("filler-{index}").into(), "f".into()));
        let pairs = names.iter().enumerate().map(|(index, name)| (Cow::Borrowed(*name), index.to_string().into()));
        let grouped = Grouped::headers(pairs.chain(filler).collect());
        let json: serde_json::Value =
            serde_json::from_slice(&crate::apigw::json::to_vec(&grouped.all())).unwrap_or_default();
        (json["X-A"].to_string(), json["b"].to_string())
    }

    #[test]
    fn few_and_many_headers_are_grouped_alike() {
        assert_eq!(shown(0), ("[\"0\",\"2\",\"4\"]".to_owned(), "[\"1\",\"3\"]".to_owned()));
        assert_eq!(shown(FEW), shown(0));
    }
}
