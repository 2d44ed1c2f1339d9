//! `samctl status`: one project at length; all of them where none is meant in particular.

use samd_proto::endpoint::Status;
use samd_proto::project::{ProjectStatus, StatusRequest};

use super::Session;
use crate::cli::OptionalNameArgs;
use crate::client::Client;
use crate::exit::{Ended, Failure, Outcome};
use crate::{show, target};

pub(super) fn run(arguments: &OptionalNameArgs, session: &mut Session<'_>) -> Ended {
    let client = session.connect()?;
    let names = names(arguments, &client, session)?;
    let statuses: Vec<ProjectStatus> = names
        .iter()
        .map(|name| client.call::<Status>(&StatusRequest { name: name.clone() }))
        .collect::<Result<_, _>>()?;
    let mut output = session.output();
    match statuses.as_slice() {
        [one] => output.answer(one, |paint| show::project::status(one, paint))?,
        all => output.answer(&all, |paint| {
            let texts: Vec<String> = all.iter().map(|status| show::project::status(status, paint)).collect();
            if texts.is_empty() { show::project::list(&[], paint) } else { texts.join("\n") }
        })?,
    }
    for status in &statuses {
        output.findings(&status.diagnostics)?;
    }
    Ok(Outcome::Done)
}

fn names(arguments: &OptionalNameArgs, client: &Client, session: &Session<'_>) -> Result<Vec<String>, Failure> {
    if let Some(name) = &arguments.name {
        return Ok(vec![name.clone()]);
    }
    let projects = target::projects(client)?;
    match target::default(&projects, &session.surroundings.folder) {
        Ok(name) => Ok(vec![name]),
        Err(_) => Ok(projects.into_iter().map(|project| project.name).collect()),
    }
}
