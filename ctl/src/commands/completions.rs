//! `samctl completions`: a shell's completions.

use clap::CommandFactory;

use crate::Surroundings;
use crate::cli::{Cli, CompletionsArgs};
use crate::exit::{Ended, Outcome};

pub(super) fn run(arguments: &CompletionsArgs, surroundings: &mut Surroundings) -> Ended {
    // The generator panics when it cannot write, so it writes to memory first.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "samctl", &mut script);
    surroundings.out.write_all(&script)?;
    Ok(Outcome::Done)
}
