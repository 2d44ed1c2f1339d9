//! Which values a function's variables get (pure): the env-vars file, the caller's shell, the template.
//!
//! The SAM CLI's order: the file's entry for the function, its `Parameters`, the caller's shell, the template. Only
//! variables that the template declares take part. A file is the SAM CLI's JSON, or dotenv, which counts as `Parameters`.
//! The file of `--container-env-vars` is read here too: there variables may stand by themselves, for every function.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde_json::Value as Json;

use super::Location;
use crate::template::Diagnostic;

/// Variables by name.
pub type Variables = BTreeMap<String, String>;

/// Everything that may override a variable of the template.
#[derive(Clone, Default)]
pub struct Overrides {
    /// Entries of the env-vars file by function: logical id, id with nested stacks, or FunctionName.
    pub functions: BTreeMap<String, Variables>,
    /// The env-vars file's `Parameters`.
    pub all: Variables,
    /// The caller's environment.
    pub shell: Variables,
}

/// Values may be secrets: `Debug` shows whose they are and how many.
impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let functions: Vec<&String> = self.functions.keys().collect();
        let (all, shell) = (self.all.len(), self.shell.len());
        f.debug_struct("Overrides").field("functions", &functions).field("all", &all).field("shell", &shell).finish()
    }
}

impl Overrides {
    /// The variables of a function that goes by these names, the first of which has an entry counts.
    #[must_use]
    pub fn apply(&self, declared: Variables, names: &[&str]) -> Variables {
        let entries = names.iter().filter_map(|name| self.functions.get(*name)).find(|entry| !entry.is_empty());
        let value = |name: &String, template: String| {
            let own = entries.and_then(|entry| entry.get(name));
            own.or_else(|| self.all.get(name)).or_else(|| self.shell.get(name)).cloned().unwrap_or(template)
        };
        declared.into_iter().map(|(name, template)| (name.clone(), value(&name, template))).collect()
    }
}

/// Reads an env-vars file's text.
///
/// # Errors
/// What is wrong with it, with line and column.
pub fn parse(file: &Path, text: &str) -> Result<Overrides, Diagnostic> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('{') { parse_json(file, text) } else { parse_dotenv(file, text) }
}

/// Reads the text of a `--container-env-vars` file: dotenv, or JSON of variables and, as in an env-vars file, of objects
/// of them by function.
///
/// # Errors
/// What is wrong with it, with line and column.
pub fn parse_for_debugging(file: &Path, text: &str) -> Result<Overrides, Diagnostic> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.trim_start().starts_with('{') {
        return parse_dotenv(file, text);
    }
    let (grouped, single): (Entries, Entries) =
        entries(file, text)?.into_iter().partition(|(_, value)| value.is_object());
    let mut overrides = by_function(file, text, grouped)?;
    overrides.all.extend(single.iter().map(|(name, value)| (name.clone(), spelt(value))));
    Ok(overrides)
}

type Entries = Vec<(String, Json)>;

fn parse_json(file: &Path, text: &str) -> Result<Overrides, Diagnostic> {
    by_function(file, text, entries(file, text)?)
}

fn entries(file: &Path, text: &str) -> Result<Entries, Diagnostic> {
    let document: BTreeMap<String, Json> = serde_json::from_str(text).map_err(|error| not_json(file, text, &error))?;
    Ok(document.into_iter().collect())
}

fn by_function(file: &Path, text: &str, entries: Entries) -> Result<Overrides, Diagnostic> {
    let mut overrides = Overrides::default();
    for (key, value) in entries {
        let Json::Object(variables) = value else { return Err(no_object(file, text, &key)) };
        let variables = variables.into_iter().map(|(name, value)| (name, spelt(&value))).collect();
        if key == "Parameters" {
            overrides.all = variables;
        } else {
            overrides.functions.insert(key, variables);
        }
    }
    Ok(overrides)
}

fn not_json(file: &Path, text: &str, error: &serde_json::Error) -> Diagnostic {
    let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let (line, column) = if error.is_eof() { end(text) } else { (error.line(), error.column().max(1)) };
    let location = Location { file: file.to_path_buf(), line: narrow(line), column: narrow(column) };
    let said = error.to_string();
    let what = said.split(" at line ").next().unwrap_or_default();
    Diagnostic::error(format!("the file of variables is not valid JSON: {what}")).at(location)
}

/// Line and column behind the last thing that a text says.
fn end(text: &str) -> (usize, usize) {
    let said = text.trim_end();
    let last = said.lines().last().unwrap_or_default();
    (said.lines().count().max(1), last.chars().count() + 1)
}

fn no_object(file: &Path, text: &str, key: &str) -> Diagnostic {
    let (line, column) = place_of(text, &format!("\"{key}\""));
    let location = Location { file: file.to_path_buf(), line, column };
    Diagnostic::error(format!("{key} is not an object of variables"))
        .at(location)
        .path(key)
        .help("write {\"FunctionLogicalId\": {\"NAME\": \"value\"}} or {\"Parameters\": {\"NAME\": \"value\"}}")
}

/// Line and column, from 1, of the first place where `what` stands.
fn place_of(text: &str, what: &str) -> (u32, u32) {
    let before = &text[..text.find(what).unwrap_or_default()];
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

/// A JSON value as a variable: lists, objects and null have no spelling and are empty, as with the SAM CLI.
fn spelt(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Bool(flag) => flag.to_string(),
        Json::Number(number) => number.to_string(),
        Json::Null | Json::Array(_) | Json::Object(_) => String::new(),
    }
}

fn parse_dotenv(file: &Path, text: &str) -> Result<Overrides, Diagnostic> {
    let mut all = Variables::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let assignment = line.strip_prefix("export ").unwrap_or(line).split_once('=');
        let Some((name, value)) = assignment.filter(|(name, _)| is_name(name.trim())) else {
            let line = u32::try_from(number + 1).unwrap_or(u32::MAX);
            let location = Location { file: file.to_path_buf(), line, column: 1 };
            let error = Diagnostic::error("this line of the file of variables is neither NAME=value nor a comment");
            return Err(error.at(location).help("the file is JSON that begins with {, or lines of NAME=value"));
        };
        all.insert(name.trim().to_owned(), unquoted(value.trim()));
    }
    Ok(Overrides { all, ..Overrides::default() })
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

/// A value without its quotes; in double quotes `\n` and the like are read, behind a bare value ` #` begins a comment.
fn unquoted(value: &str) -> String {
    if let Some(inner) = value.strip_prefix('\'').and_then(|rest| rest.split_once('\'')) {
        return inner.0.to_owned();
    }
    match value.strip_prefix('"').and_then(closed) {
        Some(inner) => inner,
        None => value.split(" #").next().unwrap_or_default().trim_end().to_owned(),
    }
}

/// The text up to the closing double quote; `None` when there is none.
fn closed(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return Some(out),
            '\\' => match characters.next()? {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'r' => out.push('\r'),
                other => out.push(other),
            },
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_functions_entry_goes_before_parameters_before_the_shell_before_the_template() {
        let file = r#"{"Parameters": {"A": "all", "B": "all"}, "Fn": {"A": "own"}}"#;
        let mut overrides = parse(Path::new("env.json"), file).unwrap();
        overrides.shell = variables(&[("A", "shell"), ("B", "shell"), ("C", "shell"), ("E", "shell")]);
        let declared = variables(&[("A", "t"), ("B", "t"), ("C", "t"), ("D", "t")]);
        let expected = variables(&[("A", "own"), ("B", "all"), ("C", "shell"), ("D", "t")]);
        assert_eq!(overrides.apply(declared, &["Fn"]), expected);
    }

    #[test]
    fn a_file_for_debugging_has_variables_by_themselves_or_by_function() {
        let text = r#"{"A": "1", "N": 2, "Parameters": {"B": "all"}, "Fn": {"A": "own"}}"#;
        let given = parse_for_debugging(Path::new("debug.json"), text).unwrap();
        assert_eq!(given.all, variables(&[("A", "1"), ("B", "all"), ("N", "2")]));
        assert_eq!(given.functions["Fn"], variables(&[("A", "own")]));
        assert_eq!(parse_for_debugging(Path::new(".env"), "A=1\n").unwrap().all, variables(&[("A", "1")]));
    }

    #[test]
    fn a_dotenv_file_counts_as_parameters() {
        let text = "# comment\nexport A=1\nB='two # not a comment'\nC=\"x\\ny\"\nD=bare # comment\n";
        let overrides = parse(Path::new(".env"), text).unwrap();
        let expected = variables(&[("A", "1"), ("B", "two # not a comment"), ("C", "x\ny"), ("D", "bare")]);
        assert_eq!(overrides.all, expected);
    }

    #[test]
    fn a_bad_file_is_told_with_line_and_column() {
        let error = parse(Path::new("env.json"), "{\n  \"Fn\": {\"A\": }\n}").unwrap_err();
        let location = error.location.unwrap();
        assert_eq!((location.line, location.column), (2, 15));
        let error = parse(Path::new("env.json"), "{\n  \"Fn\": {}\n\n").unwrap_err();
        let location = error.location.unwrap();
        assert_eq!((location.line, location.column), (2, 11), "where it ends too soon");
        let error = parse(Path::new("env.json"), "{\n  \"Fn\": 3\n}").unwrap_err();
        assert_eq!((error.location.unwrap().line, error.path.as_str()), (2, "Fn"));
        let error = parse(Path::new(".env"), "A=1\nwhat is this\n").unwrap_err();
        assert_eq!(error.location.unwrap().line, 2);
    }
}
