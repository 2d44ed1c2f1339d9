//! `samctl routes`: the routes of a project, or of a template that nobody starts.

use samd_proto::endpoint::{Routes, RoutesOfTemplate};
use samd_proto::route::{RoutesRequest, RoutesResponse};
use samd_proto::template::{RoutesOfTemplateRequest, TemplateQuery};

use super::Session;
use crate::cli::RoutesArgs;
use crate::exit::{Ended, Failure, Outcome};
use crate::{overrides, settings, show, target};

pub(super) fn run(arguments: &RoutesArgs, session: &mut Session<'_>) -> Ended {
    let response = match &arguments.template {
        Some(template) => of_template(template, arguments, session)?,
        None => of_project(arguments, session)?,
    };
    let mut output = session.output();
    output.findings_beside(&response.diagnostics)?;
    output.answer(&response.routes, |paint| match arguments.template {
        Some(_) => show::project::routes_of_template(&response.routes, paint),
        None => show::project::routes(&response.routes, paint),
    })?;
    Ok(Outcome::Done)
}

fn of_project(arguments: &RoutesArgs, session: &Session<'_>) -> Result<RoutesResponse, Failure> {
    let client = session.connect()?;
    let name = target::named_or_default(arguments.name.as_ref(), &client, session.surroundings)?;
    client.call::<Routes>(&RoutesRequest { name })
}

fn of_template(
    template: &std::path::Path,
    arguments: &RoutesArgs,
    session: &Session<'_>,
) -> Result<RoutesResponse, Failure> {
    let template = template_query(template, arguments, session)?;
    session.connect_or_start()?.call::<RoutesOfTemplate>(&RoutesOfTemplateRequest { template })
}

/// What is asked about a template that nobody starts.
pub(super) fn template_query(
    template: &std::path::Path,
    arguments: &RoutesArgs,
    session: &Session<'_>,
) -> Result<TemplateQuery, Failure> {
    Ok(TemplateQuery {
        path: settings::file(template, session.surroundings)?,
        parameter_overrides: overrides::parse(arguments.parameter_overrides.as_deref().unwrap_or_default())?,
        environment: session.surroundings.environment(),
        ..TemplateQuery::default()
    })
}
