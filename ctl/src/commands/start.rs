//! `samctl start`: serves a project.

use samd_proto::endpoint::Start;
use samd_proto::project::StartRequest;

use super::{Session, attended};
use crate::cli::StartArgs;
use crate::client::Client;
use crate::exit::{Ended, Failure, Outcome};
use crate::target::{self, StartTarget};
use crate::{settings, show};

pub(super) fn run(arguments: &StartArgs, session: &mut Session<'_>) -> Ended {
    // Mistakes on the command line are said before a daemon is started for them.
    let target = target::start_target(arguments.project.as_deref(), session.surroundings)?;
    let mut request = StartRequest {
        name: String::new(),
        settings: settings::patch(&arguments.settings, session.surroundings)?,
        environment: session.surroundings.environment(),
    };
    let client = session.connect_or_start()?;
    request.name = name(arguments, &target, &client)?;
    if let StartTarget::Path(path) = target {
        request.settings.path = Some(path);
    }
    let mut output = session.output();
    let status = attended::call::<Start>(&client, request, &mut output)?;
    output.findings(&status.diagnostics)?;
    output.answer(&status, |paint| show::project::started(&status, paint))?;
    Ok(Outcome::Done)
}

fn name(arguments: &StartArgs, target: &StartTarget, client: &Client) -> Result<String, Failure> {
    match (&arguments.name, target) {
        (Some(name), StartTarget::Path(_)) => Ok(name.clone()),
        (None, StartTarget::Path(path)) => Ok(target::name_for(path, &target::projects(client)?)),
        (None, StartTarget::Name(name)) => known(name, client),
        (Some(_), StartTarget::Name(name)) => {
            Err(Failure::Usage(format!("there is no {name}; with --name the path of a project is needed")))
        }
    }
}

/// A name that the daemon knows; else the user may have meant a path.
fn known(name: &str, client: &Client) -> Result<String, Failure> {
    let projects = target::projects(client)?;
    if projects.iter().any(|project| project.name == name) {
        return Ok(name.to_owned());
    }
    Err(Failure::Usage(format!("there is neither a file or folder {name} here, nor a project of this name")))
}
