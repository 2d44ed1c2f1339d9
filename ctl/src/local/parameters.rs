//! Template parameters in all the forms that the SAM CLI takes: pairs in a text, lists and mappings of a configuration,
//! files (`file://…`) and files that include files (`$include`). What comes later wins.

use std::path::{Path, PathBuf};

use samd_proto::secret::ParameterOverride;
use serde_json::Value;

use super::layers::spelt;
use super::samconfig;
use crate::exit::Failure;
use crate::overrides;

/// The overrides in `value`; relative files are seen from `folder`.
pub(super) fn read(value: &Value, folder: &Path) -> Result<Vec<ParameterOverride>, Failure> {
    let mut reader = Reader { all: Vec::new(), open: Vec::new() };
    reader.value(value, folder)?;
    Ok(reader.all)
}

struct Reader {
    all: Vec<ParameterOverride>,
    /// The files that are being read, outermost first.
    open: Vec<PathBuf>,
}

impl Reader {
    fn value(&mut self, value: &Value, folder: &Path) -> Result<(), Failure> {
        match value {
            Value::Null => Ok(()),
            Value::Array(items) => items.iter().try_for_each(|item| self.value(item, folder)),
            Value::Object(entries) => entries.iter().try_for_each(|(name, value)| self.entry(name, value, folder)),
            Value::String(text) => self.text(text, folder),
            Value::Bool(_) | Value::Number(_) => {
                Err(Failure::Usage(format!("the parameter override `{value}` has not the form K=V")))
            }
        }
    }

    fn text(&mut self, text: &str, folder: &Path) -> Result<(), Failure> {
        if let Some(file) = text.strip_prefix("file://") {
            return self.file(&folder.join(file));
        }
        if text.trim().is_empty() {
            return Ok(());
        }
        for pair in overrides::parse(&[text.to_owned()])? {
            self.put(pair.name, pair.value);
        }
        Ok(())
    }

    fn entry(&mut self, name: &str, value: &Value, folder: &Path) -> Result<(), Failure> {
        match value {
            value if name == "$include" => self.value(value, folder),
            Value::Array(items) => {
                let items = items.iter().filter_map(spelt).map(|item| item.trim().to_owned());
                let listed: Vec<String> = items.filter(|item| !item.is_empty()).collect();
                self.put(name.to_owned(), listed.join(","));
                Ok(())
            }
            Value::Object(_) => Err(Failure::Usage(format!("the parameter {name} is neither a text nor a list"))),
            value => {
                self.put(name.to_owned(), spelt(value).unwrap_or_default());
                Ok(())
            }
        }
    }

    fn file(&mut self, file: &Path) -> Result<(), Failure> {
        let file = file
            .canonicalize()
            .map_err(|error| Failure::Usage(format!("the parameters in {} cannot be read: {error}", file.display())))?;
        if self.open.contains(&file) {
            return Err(Failure::Usage(format!("{} includes itself", file.display())));
        }
        let value = samconfig::read(&file)?;
        let folder = file.parent().unwrap_or(&file).to_path_buf();
        self.open.push(file);
        self.value(&value, &folder)?;
        self.open.pop();
        Ok(())
    }

    fn put(&mut self, name: String, value: String) {
        self.all.retain(|earlier| earlier.name != name);
        self.all.push(ParameterOverride { name, value });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(value: &Value, folder: &Path) -> Vec<(String, String)> {
        read(value, folder).unwrap().into_iter().map(|pair| (pair.name, pair.value)).collect()
    }

    #[test]
    fn each_form_gives_pairs_and_the_last_value_counts() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("base.toml"), "A = 'file'\nList = ['x', ' y ', '']\n").unwrap();
        std::fs::write(folder.path().join("more.yaml"), "$include: file://base.toml\nB: 2\nEmpty:\n").unwrap();
        std::fs::write(folder.path().join("list.json"), r#"["C=3", {"D": true}]"#).unwrap();
        let value = serde_json::json!(["A=typed", "file://more.yaml", [{ "B": "last" }], "file://list.json"]);
        let found = pairs(&value, folder.path());
        let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, [("A", "file"), ("List", "x,y"), ("Empty", ""), ("B", "last"), ("C", "3"), ("D", "true")]);
    }

    #[test]
    fn files_that_include_each_other_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.yaml"), "$include: file://b.yaml\n").unwrap();
        std::fs::write(folder.path().join("b.yaml"), "$include: file://a.yaml\n").unwrap();
        let failure = read(&serde_json::json!("file://a.yaml"), folder.path()).unwrap_err();
        assert!(failure.to_string().contains("includes itself"), "{failure}");
        assert!(read(&serde_json::json!("file://nobody.yaml"), folder.path()).is_err());
        assert!(read(&serde_json::json!(3), folder.path()).is_err());
    }
}
