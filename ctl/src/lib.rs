//! samctl: the command line that steers samd.
//!
//! The map, in reading order: [`cli`] says what may be typed, `commands` holds one file for each command, mirrored by
//! the daemon's handlers; `target` finds out which project is meant; `client` speaks to the control port, `station` says
//! where it is, `autostart` brings a daemon up; `show` makes text of answers; [`exit`] names the exit codes. [`local`] is a house of its own: the SAM CLI's commands.
//!
//! It decides nothing about what runs: it asks the daemon, and shows what it says.

mod autostart;
pub mod cli;
mod client;
mod commands;
mod containers;
pub mod exit;
pub mod local;
mod overrides;
mod settings;
mod show;
mod station;
mod surroundings;
mod target;

use std::ffi::OsString;

use clap::Parser;

use exit::{Failure, Outcome};
use show::Output;
pub use surroundings::Surroundings;

/// Runs the command in `arguments` (the program's name first) and gives the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>, surroundings: &mut Surroundings) -> u8 {
    let cli = match cli::Cli::try_parse_from(local::arguments::with_long_names(arguments)) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, surroundings),
    };
    let output = cli.global.output;
    match commands::run(cli, surroundings) {
        Ok(outcome) => outcome.code(),
        Err(failure) => {
            let code = failure.code();
            if code != Outcome::Done.code() {
                complain(&failure, output, surroundings);
            }
            code
        }
    }
}

/// Help and version go to standard output, mistakes to standard error.
fn usage(error: &clap::Error, surroundings: &mut Surroundings) -> u8 {
    let text = if surroundings.color { error.render().ansi().to_string() } else { error.render().to_string() };
    let written =
        if error.use_stderr() { write!(surroundings.err, "{text}") } else { write!(surroundings.out, "{text}") };
    match (written, error.use_stderr()) {
        (Ok(()), false) => Outcome::Done.code(),
        (Ok(()), true) | (Err(_), _) => exit::USAGE,
    }
}

/// Says why a command failed. When even that cannot be written, the exit code has to do.
fn complain(failure: &Failure, output: cli::OutputFormat, surroundings: &mut Surroundings) {
    let mut show = Output::new(output, surroundings);
    drop(show.failure(failure));
}
