//! `samctl stop`: stops a project and keeps its settings.

use samd_proto::endpoint::Stop;
use samd_proto::project::StopRequest;

use super::Session;
use crate::cli::NameArgs;
use crate::exit::{Ended, Outcome};

pub(super) fn run(arguments: NameArgs, session: &mut Session<'_>) -> Ended {
    let done = session.connect()?.call::<Stop>(&StopRequest { name: arguments.name.clone() })?;
    session.output().answer(&done, |paint| format!("{} is stopped\n", paint.strong(&arguments.name)))?;
    Ok(Outcome::Done)
}
