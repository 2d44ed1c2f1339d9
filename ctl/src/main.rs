//! samctl steers samd. Everything is in the library, so that tests run the commands in their own process.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut surroundings = samctl::Surroundings::of_this_process();
    ExitCode::from(samctl::run(std::env::args_os(), &mut surroundings))
}
