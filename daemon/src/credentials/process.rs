//! Runs a profile's `credential_process` and reads what it prints.
//!
//! Never shows the output, which is a secret; a failure shows the command's exit status alone. Format:
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>.

use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;

use super::{Credentials, Secret};

/// A command that signs in may ask a service; one that asks a person will not be answered here.
const LIMIT: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    version: u32,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

/// Runs the command. The error completes the sentence "the credential_process of profile x …".
pub(super) async fn run(command: &str) -> Result<Credentials, String> {
    let words = shlex::split(command).filter(|words| !words.is_empty());
    let Some((program, arguments)) = words.as_deref().and_then(<[String]>::split_first) else {
        return Err("is no command: its quotes do not match".to_owned());
    };
    let output = Command::new(program)
        .args(arguments)
        .env_remove("NOTIFY_SOCKET")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(LIMIT, output)
        .await
        .map_err(|_| format!("did not end within {} s", LIMIT.as_secs()))?
        .map_err(|cause| format!("cannot be started ({program}): {cause}"))?;
    if !output.status.success() {
        return Err(format!("failed with {}; run it by hand to see why", output.status));
    }
    parse(&output.stdout)
}

fn parse(stdout: &[u8]) -> Result<Credentials, String> {
    // serde's message may quote a value, and values are secrets: only the place is told.
    let printed: Printed = serde_json::from_slice(stdout).map_err(|cause| {
        format!("printed no credentials as JSON (line {}, column {})", cause.line(), cause.column())
    })?;
    if printed.version != 1 {
        return Err(format!("printed credentials of version {}, and only 1 is known", printed.version));
    }
    Ok(Credentials {
        access_key_id: Secret::new(printed.access_key_id),
        secret_access_key: Secret::new(printed.secret_access_key),
        session_token: printed.session_token.map(Secret::new),
    })
}
