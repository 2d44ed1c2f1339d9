//! `samctl set`: changes settings of a project, running or not.

use samd_proto::endpoint::Set;
use samd_proto::project::SetRequest;
use samd_proto::settings::SettingsPatch;

use super::{Session, attended};
use crate::cli::SetArgs;
use crate::exit::{Ended, Failure, Outcome};
use crate::{settings, show, target};

pub(super) fn run(arguments: &SetArgs, session: &mut Session<'_>) -> Ended {
    let mut settings = settings::patch(&arguments.settings, session.surroundings)?;
    settings.unset = arguments.unset.iter().copied().map(settings::named).collect();
    if settings == SettingsPatch::default() {
        return Err(Failure::Usage("nothing to set; `samctl set --help` lists the settings".to_owned()));
    }
    let client = session.connect_or_start()?;
    let name = target::named_or_default(arguments.name.as_ref(), &client, session.surroundings)?;
    let mut output = session.output();
    let status = attended::call::<Set>(&client, SetRequest { name, settings }, &mut output)?;
    output.findings(&status.diagnostics)?;
    output.answer(&status, |paint| show::project::started(&status, paint))?;
    Ok(Outcome::Done)
}
