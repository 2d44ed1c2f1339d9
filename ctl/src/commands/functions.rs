//! `samctl functions`: the functions of a project, or of a template that nobody starts.

use samd_proto::endpoint::{Functions, FunctionsOfTemplate};
use samd_proto::function::{FunctionsOfTemplateRequest, FunctionsRequest, FunctionsResponse};

use super::Session;
use super::routes::template_query;
use crate::cli::RoutesArgs;
use crate::exit::{Ended, Failure, Outcome};
use crate::{show, target};

pub(super) fn run(arguments: &RoutesArgs, session: &mut Session<'_>) -> Ended {
    let response = match &arguments.template {
        Some(template) => {
            let template = template_query(template, arguments, session)?;
            let client = session.connect_or_start()?;
            client.call::<FunctionsOfTemplate>(&FunctionsOfTemplateRequest { template })?
        }
        None => of_project(arguments, session)?,
    };
    let mut output = session.output();
    output.findings_beside(&response.diagnostics)?;
    output.answer(&response.functions, |paint| show::function::table(&response.functions, paint))?;
    Ok(Outcome::Done)
}

fn of_project(arguments: &RoutesArgs, session: &Session<'_>) -> Result<FunctionsResponse, Failure> {
    let client = session.connect()?;
    let name = target::named_or_default(arguments.name.as_ref(), &client, session.surroundings)?;
    client.call::<Functions>(&FunctionsRequest { name })
}
