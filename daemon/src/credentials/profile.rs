//! The shared files of the AWS SDKs, parsed: what a profile answers when it is asked for credentials or a region.
//!
//! Pure: gets the files' text. Follows the order of AWS's own SDK for Python: role, web identity, SSO, keys of the
//! credentials file, process, keys of the config file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ini::{Ini, ParseOption};

use super::{Credentials, Secret};
use crate::project::Location;
use crate::template::Diagnostic;

/// A profile's keys and values.
type Section = BTreeMap<String, String>;

/// Both files, a section a profile.
#[derive(Default)]
pub(super) struct Files {
    config: BTreeMap<String, Section>,
    credentials: BTreeMap<String, Section>,
}

/// What a profile has to say about credentials.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Keys.
    Keys(Credentials),
    /// A command that prints them.
    Process(String),
    /// Something that only AWS can answer; completes the sentence "profile x …".
    Offline(&'static str),
    /// Half of what is needed; completes the sentence "profile x …".
    Incomplete(&'static str),
    /// The profile is there and has no credentials.
    Nothing,
    /// There is no such profile.
    Unknown,
}

impl Files {
    /// Parses the files that are there; a file that cannot be parsed is a diagnostic and counts as empty.
    pub(super) fn parse(
        config: Option<(PathBuf, String)>,
        credentials: Option<(PathBuf, String)>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Files {
        let mut sections = |file: Option<(PathBuf, String)>| {
            file.map(|(path, text)| sections(&path, &text, diagnostics)).unwrap_or_default()
        };
        let config = sections(config).into_iter().filter_map(|(name, section)| Some((profile_name(&name)?, section)));
        let config = config.collect();
        Files { config, credentials: sections(credentials) }
    }

    /// The region that a profile names.
    pub(super) fn region(&self, profile: &str) -> Option<String> {
        [&self.config, &self.credentials].into_iter().find_map(|file| file.get(profile)?.get("region")).cloned()
    }

    /// All profiles, by name.
    pub(super) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.config.keys().chain(self.credentials.keys()).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What a profile says about credentials.
    pub(super) fn answer(&self, profile: &str) -> Answer {
        let (config, credentials) = (self.config.get(profile), self.credentials.get(profile));
        if config.is_none() && credentials.is_none() {
            return Answer::Unknown;
        }
        let has = |key: &str| [config, credentials].into_iter().flatten().any(|section| section.contains_key(key));
        let needs_aws = [
            ("role_arn", "assumes a role"),
            ("web_identity_token_file", "assumes a role with a web identity"),
            ("sso_session", "signs in through IAM Identity Center (SSO)"),
            ("sso_start_url", "signs in through IAM Identity Center (SSO)"),
            ("login_session", "signs in through `aws login`"),
        ];
        if let Some((_, what)) = needs_aws.iter().find(|(key, _)| has(key)) {
            return Answer::Offline(what);
        }
        let command =
            || [config, credentials].into_iter().flatten().find_map(|section| section.get("credential_process"));
        credentials
            .and_then(keys)
            .or_else(|| command().map(|command| Answer::Process(command.clone())))
            .or_else(|| config.and_then(keys))
            .unwrap_or(Answer::Nothing)
    }
}

/// The keys of a section; `None` where there are none.
fn keys(section: &Section) -> Option<Answer> {
    let value = |key: &str| section.get(key).filter(|value| !value.is_empty());
    match (value("aws_access_key_id"), value("aws_secret_access_key")) {
        (Some(key), Some(secret)) => Some(Answer::Keys(Credentials {
            access_key_id: Secret::new(key),
            secret_access_key: Secret::new(secret),
            session_token: value("aws_session_token").map(Secret::new),
        })),
        (Some(_), None) => Some(Answer::Incomplete("has an aws_access_key_id but no aws_secret_access_key")),
        (None, Some(_)) => Some(Answer::Incomplete("has an aws_secret_access_key but no aws_access_key_id")),
        (None, None) => None,
    }
}

/// The profile that a section of the config file belongs to: `[profile x]` and `[default]`; others are not profiles.
fn profile_name(section: &str) -> Option<String> {
    match section.split_once(char::is_whitespace) {
        Some(("profile", name)) => Some(name.trim().trim_matches(['"', '\'']).to_owned()),
        None if section == "default" => Some(section.to_owned()),
        _ => None,
    }
}

/// A file's sections. Values are literal: no quotes, no escapes, and indented keys belong to the key above them.
fn sections(path: &Path, text: &str, diagnostics: &mut Vec<Diagnostic>) -> BTreeMap<String, Section> {
    let options = ParseOption {
        enabled_quote: false,
        enabled_escape: false,
        enabled_preserve_key_leading_whitespace: true,
        ..ParseOption::default()
    };
    match Ini::load_from_str_opt(text, options) {
        Ok(ini) => {
            ini.iter().filter_map(|(name, properties)| Some((name?.trim().to_owned(), section(properties)))).collect()
        }
        Err(error) => {
            let location = Location { file: path.to_owned(), line: place(error.line), column: place(error.col) };
            diagnostics.push(
                Diagnostic::error("this file of AWS profiles cannot be parsed, so none of it is used").at(location),
            );
            BTreeMap::new()
        }
    }
}

fn section(properties: &ini::Properties) -> Section {
    let own = properties.iter().filter(|(key, _)| !key.starts_with(char::is_whitespace));
    own.map(|(key, value)| (key.trim().to_ascii_lowercase(), value.trim().to_owned())).collect()
}

fn place(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
