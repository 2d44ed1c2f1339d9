//! `samctl validate`: checks a template without starting anything.

use std::path::Path;

use samd_proto::endpoint::Validate;
use samd_proto::template::{TemplateQuery, ValidateRequest, ValidateResponse};

use super::Session;
use crate::cli::ValidateArgs;
use crate::exit::{Ended, Outcome};
use crate::show::{Paint, findings};
use crate::{overrides, settings};

pub(super) fn run(arguments: &ValidateArgs, session: &mut Session<'_>) -> Ended {
    let around = &*session.surroundings;
    let template = TemplateQuery {
        path: settings::file(arguments.path.as_deref().unwrap_or(Path::new(".")), around)?,
        parameter_overrides: overrides::parse(arguments.parameter_overrides.as_deref().unwrap_or_default())?,
        env_vars: arguments.env_vars.as_deref().map(|path| settings::file(path, around)).transpose()?,
        region: arguments.region.clone(),
        profile: arguments.profile.clone(),
        environment: around.environment(),
    };
    let response = session.connect_or_start()?.call::<Validate>(&ValidateRequest { template })?;
    let mut output = session.output();
    output.findings(&response.diagnostics)?;
    output.answer(&response, |paint| verdict(&response, paint))?;
    Ok(if response.valid { Outcome::Done } else { Outcome::Diagnostics })
}

fn verdict(response: &ValidateResponse, paint: Paint) -> String {
    let contents =
        format!("{}, {}", findings::plural(response.functions, "function"), findings::plural(response.routes, "route"));
    if response.valid {
        format!("{}: {contents}\n", paint.good("valid"))
    } else {
        format!("{}\n", paint.bad("not valid"))
    }
}
