//! `samctl local …`: the SAM CLI's face. Its options, its conventions, its lines; what runs is samd.
//!
//! In reading order: [`arguments`] says what may be typed; `layers`, `samconfig` and `parameters` find what was not;
//! `unserved` refuses what samd has not; `plan`, with `containers`, makes the project's settings of it. `own` runs the command's daemon,
//! `news` brings what happens, `screen` and `mounts` show it, `foreground` goes on until the end. Then a file for each
//! command: `start_api`, `start_lambda`, `invoke`, and `generate_event` with its data in `sample_events`.

pub mod arguments;
mod containers;
mod foreground;
mod generate_event;
pub(crate) mod help;
mod invoke;
mod layers;
mod mounts;
mod news;
mod own;
mod parameters;
mod plan;
mod samconfig;
mod sample_events;
mod screen;
mod start_api;
mod start_lambda;
mod unserved;

use arguments::LocalCommand;

use crate::Surroundings;
use crate::exit::Ended;

/// Does what was asked for.
pub(crate) fn run(command: &LocalCommand, surroundings: &mut Surroundings) -> Ended {
    match command {
        LocalCommand::StartApi(arguments) => start_api::run(arguments, surroundings),
        LocalCommand::StartLambda(arguments) => start_lambda::run(arguments, surroundings),
        LocalCommand::Invoke(arguments) => invoke::run(arguments, surroundings),
        LocalCommand::GenerateEvent(arguments) => generate_event::run(arguments, surroundings),
    }
}
