//! The AWS credentials and region that functions get, as the SAM CLI would give them.
//!
//! Owns the order in which sources are asked: the caller's variables, then a profile of the shared files, then stand-ins.
//! Secrets live in memory alone: never stored, never logged, and no `Debug` shows them. It never calls AWS: what needs a
//! network (assuming a role, SSO) is said in a diagnostic, with the way that works.
//!
//! Follows <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>.

mod process;
mod profile;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::template::Diagnostic;
use profile::{Answer, Files};

/// Region where nothing names one.
pub const DEFAULT_REGION: &str = "us-east-1";
/// The stand-ins of the SAM CLI: well-formed, and good for nothing at AWS.
const STAND_IN_KEY: &str = "defaultkey";
const STAND_IN_SECRET: &str = "defaultsecret";

/// A value that no log and no error shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Secret {
        Secret(value.into())
    }

    /// The value itself, for the function's environment and nothing else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Credentials as a function gets them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: Secret,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Secret,
    /// `AWS_SESSION_TOKEN`, where there is one.
    pub session_token: Option<Secret>,
}

/// Where credentials came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The caller's variables.
    Caller,
    /// A profile of the shared files.
    Profile(String),
    /// A profile's `credential_process`.
    Process(String),
    /// Stand-ins: there are none.
    StandIn,
}

/// What a project's functions get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The credentials.
    pub credentials: Credentials,
    /// Where they came from.
    pub source: Source,
    /// The region.
    pub region: String,
    /// What the user should know: a profile that is not there, a source that cannot be asked.
    pub diagnostics: Vec<Diagnostic>,
}

impl Resolved {
    /// The variables that a function's environment gets.
    #[must_use]
    pub fn variables(&self) -> BTreeMap<String, String> {
        let credentials = &self.credentials;
        let token = credentials.session_token.as_ref().map(|token| ("AWS_SESSION_TOKEN", token.reveal()));
        [
            ("AWS_ACCESS_KEY_ID", credentials.access_key_id.reveal()),
            ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key.reveal()),
            ("AWS_REGION", self.region.as_str()),
            ("AWS_DEFAULT_REGION", self.region.as_str()),
        ]
        .into_iter()
        .chain(token)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
    }
}

/// Whose credentials are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `--profile`: the caller's keys are then not looked at, as with the AWS CLI.
    pub profile: Option<&'a str>,
    /// `--region`.
    pub region: Option<&'a str>,
    /// Home folder, for `~/.aws`.
    pub home: Option<&'a Path>,
}

/// Finds credentials and region. `caller` holds the caller's variables; it is empty after a restart of the daemon. Reads
/// the shared files anew each time, and runs a profile's `credential_process`.
pub async fn resolve(request: Request<'_>, caller: &BTreeMap<String, String>) -> Resolved {
    let variable = |name: &str| caller.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let mut diagnostics = Vec::new();
    let files = read_files(request.home, &variable, &mut diagnostics);
    let named = request.profile.or(variable("AWS_PROFILE")).or(variable("AWS_DEFAULT_PROFILE"));
    let region = request
        .region
        .or(variable("AWS_REGION"))
        .or(variable("AWS_DEFAULT_REGION"))
        .map(str::to_owned)
        .or_else(|| files.region(named.unwrap_or("default")))
        .unwrap_or_else(|| DEFAULT_REGION.to_owned());
    let from_caller = if request.profile.is_none() { caller_keys(&variable, &mut diagnostics) } else { None };
    let (credentials, source) = match from_caller {
        Some(credentials) => (credentials, Source::Caller),
        None => from_profile(&files, named, &mut diagnostics).await.unwrap_or_else(stand_ins),
    };
    Resolved { credentials, source, region, diagnostics }
}

/// The caller's keys; half a pair is no pair, and worth a word.
fn caller_keys<'a>(
    variable: &impl Fn(&str) -> Option<&'a str>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Credentials> {
    match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
        (Some(key), Some(secret)) => Some(Credentials {
            access_key_id: Secret::new(key),
            secret_access_key: Secret::new(secret),
            session_token: variable("AWS_SESSION_TOKEN").map(Secret::new),
        }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            diagnostics.push(
                Diagnostic::warning("only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set; neither is used")
                    .help("set both, or none to use a profile"),
            );
            None
        }
    }
}

async fn from_profile(
    files: &Files,
    named: Option<&str>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<(Credentials, Source)> {
    let name = named.unwrap_or("default");
    match files.answer(name) {
        Answer::Keys(credentials) => Some((credentials, Source::Profile(name.to_owned()))),
        Answer::Process(command) => match process::run(&command).await {
            Ok(credentials) => Some((credentials, Source::Process(name.to_owned()))),
            Err(why) => {
                diagnostics.push(Diagnostic::error(format!("the credential_process of profile {name} {why}")));
                None
            }
        },
        Answer::Offline(what) => {
            diagnostics.push(offline(name, what));
            None
        }
        Answer::Incomplete(what) => {
            diagnostics.push(Diagnostic::error(format!("profile {name} {what}")));
            None
        }
        Answer::Nothing => None,
        Answer::Unknown => {
            if named.is_some() {
                let known = files.names().join(", ");
                let help =
                    if known.is_empty() { "there are no profiles".to_owned() } else { format!("there are: {known}") };
                diagnostics.push(Diagnostic::error(format!("there is no AWS profile named {name}")).help(help));
            }
            None
        }
    }
}

fn offline(name: &str, what: &str) -> Diagnostic {
    Diagnostic::warning(format!("profile {name} {what}, which needs a call to AWS; functions get stand-in credentials"))
        .help(format!(
            "add `credential_process = aws configure export-credentials --profile {name}` to a profile of its own and use \
             that, or run `eval \"$(aws configure export-credentials --profile {name} --format env)\"` before samctl"
        ))
}

/// Whether an access key is nobody's.
#[must_use]
pub fn is_stand_in(access_key: &str) -> bool {
    access_key == STAND_IN_KEY
}

fn stand_ins() -> (Credentials, Source) {
    let credentials = Credentials {
        access_key_id: Secret::new(STAND_IN_KEY),
        secret_access_key: Secret::new(STAND_IN_SECRET),
        session_token: None,
    };
    (credentials, Source::StandIn)
}

fn read_files<'a>(
    home: Option<&Path>,
    variable: &impl Fn(&str) -> Option<&'a str>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Files {
    let mut read = |name: &str, file: &str| -> Option<(PathBuf, String)> {
        let path = variable(name).map(|path| expand(path, home)).or_else(|| Some(home?.join(".aws").join(file)))?;
        match fs::read_to_string(&path) {
            Ok(text) => Some((path, text)),
            Err(cause) if cause.kind() == ErrorKind::NotFound => None,
            Err(cause) => {
                diagnostics.push(Diagnostic::error(format!("{} cannot be read: {cause}", path.display())));
                None
            }
        }
    };
    let config = read("AWS_CONFIG_FILE", "config");
    let credentials = read("AWS_SHARED_CREDENTIALS_FILE", "credentials");
    Files::parse(config, credentials, diagnostics)
}

/// The SDKs expand a leading `~` in these variables.
fn expand(path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}
