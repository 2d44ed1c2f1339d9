//! `samctl reload`: reads a project again and replaces sandboxes.

use samd_proto::endpoint::Reload;
use samd_proto::reload::{ReloadOutcome, ReloadRequest, ReloadResponse};

use super::Session;
use crate::cli::ReloadArgs;
use crate::exit::{Ended, Outcome};
use crate::{show, target};

pub(super) fn run(arguments: &ReloadArgs, session: &mut Session<'_>) -> Ended {
    let client = session.connect()?;
    let projects = target::projects(&client)?;
    let (name, functions) = target::split(&arguments.words, &projects, &session.surroundings.folder)?;
    let request = ReloadRequest { name: name.clone(), functions: functions.to_vec(), wait: !arguments.no_wait };
    let response = client.call::<Reload>(&request)?;
    let rejected = rejection(&response);
    let mut output = session.output();
    output.findings(rejected.unwrap_or_default())?;
    output.answer(&response, |paint| match &response.report {
        Some(report) => format!("{}\n", show::reload::event(report, paint)),
        None => format!("{} is being reloaded; `samctl events {name}` tells how it went\n", paint.strong(&name)),
    })?;
    Ok(if rejected.is_some() { Outcome::Diagnostics } else { Outcome::Done })
}

/// The findings for which a reload was rejected.
fn rejection(response: &ReloadResponse) -> Option<&[samd_proto::Diagnostic]> {
    match &response.report.as_ref()?.outcome {
        ReloadOutcome::Rejected { diagnostics } => Some(diagnostics),
        ReloadOutcome::Applied { .. } | ReloadOutcome::Unchanged => None,
    }
}
