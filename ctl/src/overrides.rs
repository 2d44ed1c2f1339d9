//! Parameter overrides as the SAM CLI takes them: `K=V`, `K="two words"`, `ParameterKey=K,ParameterValue=V`, several in
//! one argument or in several.

use samd_proto::secret::ParameterOverride;

use crate::exit::Failure;

/// Parses what stands after `--parameter-overrides`.
pub(crate) fn parse(arguments: &[String]) -> Result<Vec<ParameterOverride>, Failure> {
    let mut overrides: Vec<ParameterOverride> = Vec::new();
    for argument in arguments {
        for (name, value) in pairs(argument)? {
            // A parameter that is named again takes its last value.
            overrides.retain(|earlier| earlier.name != name);
            overrides.push(ParameterOverride { name, value });
        }
    }
    Ok(overrides)
}

fn pairs(argument: &str) -> Result<Vec<(String, String)>, Failure> {
    if argument.starts_with("file://") {
        return Err(Failure::Usage(format!("`{argument}`: parameter files are not read yet; give K=V")));
    }
    // The shell has taken the quotes away already where the argument is one pair with blanks in its value.
    let words = if is_one_pair(argument) { vec![argument.to_owned()] } else { words(argument)? };
    words.iter().map(|word| pair(word)).collect()
}

/// Whether all of `argument` is one `K=V`: no further word of it has the form of a pair.
fn is_one_pair(argument: &str) -> bool {
    let Some((_, value)) = argument.split_once('=') else { return false };
    !argument.contains('"')
        && value.split_whitespace().skip(1).all(|word| name_of(word).is_none())
        && !argument.starts_with(char::is_whitespace)
}

/// The name of a word that has the form `Name=…`.
fn name_of(word: &str) -> Option<&str> {
    let (name, _) = word.split_once('=')?;
    is_name(name).then_some(name)
}

/// CloudFormation's parameter names are alphanumeric; `::` and the like never begin a pair.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|character| character.is_ascii_alphanumeric() || "_-.".contains(character))
}

/// Words between blanks; double quotes keep blanks together, and a backslash keeps the next character.
fn words(text: &str) -> Result<Vec<String>, Failure> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' => word.get_or_insert_default().extend(characters.next()),
            _ if character.is_whitespace() && !quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    if quoted {
        return Err(Failure::Usage("a parameter override has a quote without its end".to_owned()));
    }
    words.extend(word);
    Ok(words)
}

/// One pair in either form. The value stays out of the message, since it may be a secret.
fn pair(word: &str) -> Result<(String, String), Failure> {
    let long = word.strip_prefix("ParameterKey=").and_then(|rest| rest.split_once(",ParameterValue="));
    let found = long.or_else(|| word.split_once('='));
    match found {
        Some((name, value)) if is_name(name) => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => {
            let shown = word.split('=').next().unwrap_or_default();
            Err(Failure::Usage(format!("the parameter override `{shown}` has not the form K=V")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Vec<(String, String)> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        parse(&arguments).unwrap().into_iter().map(|pair| (pair.name, pair.value)).collect()
    }

    fn pairs_of(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    #[test]
    fn pairs_stand_in_one_argument_or_in_several() {
        let expected = pairs_of(&[("A", "1"), ("B", "two words")]);
        assert_eq!(parsed(&["A=1", "B=two words"]), expected);
        assert_eq!(parsed(&[r#"A=1 B="two words""#]), expected);
        assert_eq!(parsed(&["ParameterKey=A,ParameterValue=1", "ParameterKey=B,ParameterValue=two words"]), expected);
    }

    #[test]
    fn a_value_may_hold_equals_signs_and_be_empty() {
        assert_eq!(parsed(&["A=b=c", "D="]), pairs_of(&[("A", "b=c"), ("D", "")]));
    }

    #[test]
    fn the_last_of_two_values_counts() {
        assert_eq!(parsed(&["A=1", "A=2"]), pairs_of(&[("A", "2")]));
    }

    #[test]
    fn what_is_no_pair_is_refused() {
        assert!(parse(&["A".to_owned()]).is_err());
        assert!(parse(&["A=\"x".to_owned()]).is_err());
        assert!(parse(&["file://p.yaml".to_owned()]).is_err());
    }
}
