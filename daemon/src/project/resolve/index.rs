//! Which function an ARN, a name or an integration's URI means.

use std::collections::BTreeMap;

use crate::project::{Function, FunctionId, stage_variables};
use crate::template::hashed::HashedMap;

/// Every function of the project by the names that others call it.
pub(super) struct Index<'f> {
    functions: &'f BTreeMap<FunctionId, Function>,
    by_name: HashedMap<String, FunctionId>,
}

impl<'f> Index<'f> {
    pub(super) fn new(functions: &'f BTreeMap<FunctionId, Function>) -> Index<'f> {
        let ids = functions.keys().map(|id| (id.0.clone(), id.clone()));
        // A name that the template states goes before another function's logical id.
        let names = functions.values().map(|function| (function.name.clone(), function.id.clone()));
        Index { functions, by_name: ids.chain(names).collect() }
    }

    /// A function by its id.
    pub(super) fn function(&self, id: &FunctionId) -> Option<&'f Function> {
        self.functions.get(id)
    }

    /// The function behind `uri`: an integration's URI, an ARN with or without a qualifier, or a name. Stage variables in
    /// it have the values of the one stage that is served.
    pub(super) fn find(&self, uri: &str, variables: &BTreeMap<String, String>) -> Option<FunctionId> {
        let uri = stage_variables::filled_in(uri, variables);
        self.by_name.get(function_name(&uri)).cloned()
    }
}

/// `Hello` of `arn:aws:apigateway:…:lambda:path/2015-03-31/functions/arn:aws:lambda:…:function:Hello:live/invocations`.
fn function_name(uri: &str) -> &str {
    let arn = uri.split_once("/functions/").map_or(uri, |(_, rest)| rest);
    let arn =
        arn.strip_suffix("/invocations").or_else(|| arn.strip_suffix("/response-streaming-invocations")).unwrap_or(arn);
    let name = arn.split_once(":function:").map_or(arn, |(_, name)| name);
    name.split_once(':').map_or(name, |(name, _)| name)
}

/// The alias or version that an ARN or a name with a qualifier states.
pub(super) fn qualifier(arn: &str) -> Option<&str> {
    let name = arn.split_once(":function:").map_or(arn, |(_, name)| name);
    name.split_once(':').map(|(_, qualifier)| qualifier)
}

/// Whether the text is the URI of a Lambda function.
pub(super) fn is_lambda(uri: &str) -> bool {
    uri.contains(":function:") || uri.contains(":lambda:path/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_names_its_function() {
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:Hello";
        let path = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions";
        for uri in [
            "Hello".to_owned(),
            arn.to_owned(),
            format!("{arn}:live"),
            format!("{path}/{arn}/invocations"),
            format!("{path}/{arn}:1/invocations"),
            format!("{path}/{arn}/response-streaming-invocations"),
        ] {
            assert_eq!(function_name(&uri), "Hello", "{uri}");
        }
    }
}
