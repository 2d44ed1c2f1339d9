//! `${stageVariables.x}` in the URIs of integrations and authorizers (A10.1).

use std::collections::BTreeMap;

/// Opens a reference; what closes it is `}`.
const OPEN: &str = "${stageVariables.";

/// The URI with its stage variables filled in; one that the stage does not have is empty, as on AWS.
#[must_use]
pub fn filled_in(uri: &str, variables: &BTreeMap<String, String>) -> String {
    let mut whole = String::with_capacity(uri.len());
    let mut rest = uri;
    while let Some((before, (name, after))) =
        rest.split_once(OPEN).and_then(|(before, behind)| Some((before, behind.split_once('}')?)))
    {
        whole.push_str(before);
        whole.push_str(variables.get(name).map_or("", String::as_str));
        rest = after;
    }
    whole.push_str(rest);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_variables_have_their_values_and_unknown_ones_are_empty() {
        let variables = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
        let of = |uri: &str| filled_in(uri, &variables);
        assert_eq!(of("http://${stageVariables.a}/${stageVariables.b}x?${stageVariables.a}"), "http://1/x?1");
        assert_eq!(of("http://x/{id}/${stageVariables.a"), "http://x/{id}/${stageVariables.a", "it is never closed");
    }
}
