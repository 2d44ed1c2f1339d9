//! Values of parameter mappings: `$request.header.x`, static text, and both joined with `${…}`.

use super::json_part;
use crate::apigw::variables::Variables;
use crate::apigw::{Exchange, Reply};

/// A value to map from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expression<'a> {
    /// One variable, which may be absent.
    Variable(&'a str),
    /// Texts and variables one after the other; what is absent is empty.
    Parts(Vec<Part<'a>>),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    Text(&'a str),
    Variable(&'a str),
}

/// What variables are read from.
pub(super) enum Source<'a> {
    Request(&'a Exchange<'a>),
    Reply(&'a Exchange<'a>, &'a Reply),
}

impl<'a> Expression<'a> {
    /// `None` for what is no expression.
    pub(super) fn parse(text: &'a str) -> Option<Expression<'a>> {
        if let Some(name) = text.strip_prefix('$').filter(|name| !name.starts_with('{')) {
            return is_variable(name).then_some(Expression::Variable(name));
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            let (name, after) = behind.split_once('}')?;
            if !is_variable(name) {
                return None;
            }
            parts.push(Part::Text(before));
            parts.push(Part::Variable(name));
            rest = after;
        }
        parts.push(Part::Text(rest));
        Some(Expression::Parts(parts))
    }

    pub(super) fn value(&self, source: &Source) -> Option<String> {
        match self {
            Expression::Variable(name) => source.get(name),
            Expression::Parts(parts) => Some(
                parts
                    .iter()
                    .map(|part| match part {
                        Part::Text(text) => (*text).to_owned(),
                        Part::Variable(name) => source.get(name).unwrap_or_default(),
                    })
                    .collect(),
            ),
        }
    }
}

fn is_variable(name: &str) -> bool {
    let places = ["request.header.", "request.querystring.", "request.path", "request.body", "response.header."];
    let others = ["response.body", "context.", "stageVariables."];
    places.iter().chain(&others).any(|place| name.starts_with(place))
}

impl Source<'_> {
    fn get(&self, name: &str) -> Option<String> {
        let exchange = match self {
            Source::Request(exchange) | Source::Reply(exchange, _) => exchange,
        };
        match (self, name.strip_prefix("response.")) {
            (Source::Request(_), None) => {
                if let Some(path) = name.strip_prefix("request.body") {
                    return json_part(&exchange.request.body, path);
                }
            }
            (Source::Reply(_, reply), Some(name)) => return from_reply(reply, name),
            (Source::Request(_), Some(_)) => return None,
            (Source::Reply(..), None) if name.starts_with("request.") => return None,
            (Source::Reply(..), None) => {}
        }
        Variables { exchange, refusal: None }.get(name)
    }
}

fn from_reply(reply: &Reply, name: &str) -> Option<String> {
    match name.strip_prefix("header.") {
        Some(name) => reply.header(name).map(str::to_owned),
        None => json_part(&reply.body, name.strip_prefix("body")?),
    }
}
