//! `samctl remove`: stops a project and forgets it.

use samd_proto::endpoint::Remove;
use samd_proto::project::RemoveRequest;

use super::Session;
use crate::cli::NameArgs;
use crate::exit::{Ended, Outcome};

pub(super) fn run(arguments: NameArgs, session: &mut Session<'_>) -> Ended {
    let done = session.connect()?.call::<Remove>(&RemoveRequest { name: arguments.name.clone() })?;
    session.output().answer(&done, |paint| format!("{} is forgotten\n", paint.strong(&arguments.name)))?;
    Ok(Outcome::Done)
}
