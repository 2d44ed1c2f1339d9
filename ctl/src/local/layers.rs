//! What an option is worth: what was typed, else its variable, else samconfig. The default is its user's.

use std::path::PathBuf;
use std::str::FromStr;

use serde_json::{Map, Value};

use crate::Surroundings;
use crate::exit::Failure;

/// Where options that were not typed are looked up.
#[derive(Debug)]
pub(super) struct Layers<'a> {
    surroundings: &'a Surroundings,
    config: Map<String, Value>,
}

impl<'a> Layers<'a> {
    /// The environment of `surroundings`, above a configuration.
    pub(super) fn new(surroundings: &'a Surroundings, config: Map<String, Value>) -> Layers<'a> {
        Layers { surroundings, config }
    }

    /// A variable that is set to something.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        let value = self.surroundings.variable(name)?.to_string_lossy().into_owned();
        Some(value).filter(|value| !value.is_empty())
    }

    /// The configuration's value of an option as it stands there.
    pub(super) fn configured(&self, option: &str) -> Option<&Value> {
        self.config.get(option)
    }

    /// A text.
    pub(super) fn text(&self, option: &str, typed: Option<&str>, variable: Option<&str>) -> Option<String> {
        let typed = typed.map(str::to_owned);
        typed.or_else(|| self.variable(variable?)).or_else(|| spelt(self.config.get(option)?))
    }

    /// A path, as seen from the working folder.
    pub(super) fn path(&self, option: &str, typed: Option<&PathBuf>, variable: Option<&str>) -> Option<PathBuf> {
        let typed = typed.cloned();
        typed.or_else(|| self.text(option, None, variable).map(PathBuf::from))
    }

    /// A number or another word with a form of its own.
    pub(super) fn parsed<T: FromStr>(
        &self,
        option: &str,
        typed: Option<T>,
        variable: Option<&str>,
    ) -> Result<Option<T>, Failure> {
        let wrong = |text: &str| Failure::Usage(format!("`{text}` is no value for --{}", option.replace('_', "-")));
        let other = || self.text(option, None, variable).map(|text| text.parse().map_err(|_| wrong(&text))).transpose();
        match typed {
            Some(typed) => Ok(Some(typed)),
            None => other(),
        }
    }

    /// A flag. A variable that says no is no.
    pub(super) fn flag(&self, option: &str, typed: bool, variable: Option<&str>) -> bool {
        typed || self.text(option, None, variable).is_some_and(|text| is_yes(&text))
    }

    /// Texts; a single one in the configuration stands for a list of one, and a variable's are parted by blanks.
    pub(super) fn list(&self, option: &str, typed: &[String], variable: Option<&str>) -> Vec<String> {
        if !typed.is_empty() {
            return typed.to_vec();
        }
        if let Some(text) = variable.and_then(|name| self.variable(name)) {
            return text.split_whitespace().map(str::to_owned).collect();
        }
        match self.config.get(option) {
            Some(Value::Array(items)) => items.iter().filter_map(spelt).collect(),
            Some(single) => spelt(single).into_iter().collect(),
            None => Vec::new(),
        }
    }
}

/// The words that the SAM CLI takes for a flag that is set.
fn is_yes(text: &str) -> bool {
    ["1", "true", "t", "yes", "y", "on"].contains(&text.to_ascii_lowercase().as_str())
}

/// A single value as text.
pub(super) fn spelt(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surroundings(variables: &[(&str, &str)]) -> Surroundings {
        Surroundings {
            variables: variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            ..Surroundings::of_this_process()
        }
    }

    fn config(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn what_was_typed_goes_before_the_variable_before_the_configuration() {
        let around = surroundings(&[("SAM_DOCKER_NETWORK", "variable"), ("EMPTY", "")]);
        let layers = Layers::new(&around, config(serde_json::json!({ "network": "config", "port": 4000 })));
        assert_eq!(layers.text("network", Some("typed"), Some("SAM_DOCKER_NETWORK")).as_deref(), Some("typed"));
        assert_eq!(layers.text("network", None, Some("SAM_DOCKER_NETWORK")).as_deref(), Some("variable"));
        assert_eq!(layers.text("network", None, Some("EMPTY")).as_deref(), Some("config"));
        assert_eq!(layers.parsed("port", None, None).unwrap(), Some(4000_u16));
        assert!(layers.parsed::<u16>("network", None, None).is_err());
    }

    #[test]
    fn flags_and_lists_take_each_of_their_forms() {
        let around = surroundings(&[("YES", "True"), ("NO", "0"), ("PORTS", "1 2")]);
        let layers = Layers::new(&around, config(serde_json::json!({ "on": true, "one": "a", "two": ["a", "b"] })));
        assert!(layers.flag("on", false, None) && layers.flag("x", true, None) && layers.flag("x", false, Some("YES")));
        assert!(!layers.flag("x", false, Some("NO")) && !layers.flag("x", false, None));
        assert_eq!(layers.list("one", &[], None), ["a"]);
        assert_eq!(layers.list("two", &[], None), ["a", "b"]);
        assert_eq!(layers.list("two", &["c".to_owned()], None), ["c"]);
        assert_eq!(layers.list("two", &[], Some("PORTS")), ["1", "2"]);
    }
}
