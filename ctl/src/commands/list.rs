//! `samctl list`: all projects.

use samd_proto::endpoint::List;
use samd_proto::project::ListRequest;

use super::Session;
use crate::exit::{Ended, Outcome};
use crate::show;

pub(super) fn run(session: &mut Session<'_>) -> Ended {
    let response = session.connect()?.call::<List>(&ListRequest::default())?;
    session.output().answer(&response, |paint| show::project::list(&response.projects, paint))?;
    Ok(Outcome::Done)
}
