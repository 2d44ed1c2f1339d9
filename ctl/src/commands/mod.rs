//! The commands, one file each. A command asks the daemon and shows what it says.

mod attended;
mod completions;
mod daemon;
mod events;
mod functions;
pub(crate) mod invoke;
mod list;
mod logs;
mod reload;
mod remove;
mod routes;
mod set;
mod start;
mod status;
mod stop;
mod token;
mod validate;

use crate::cli::{Cli, Command, OutputFormat};
use crate::client::Client;
use crate::exit::{Ended, Failure};
use crate::show::Output;
use crate::station::Station;
use crate::{Surroundings, autostart, local};

/// Does what was asked for.
pub(crate) fn run(cli: Cli, surroundings: &mut Surroundings) -> Ended {
    if let Command::Completions(arguments) = &cli.command {
        return completions::run(arguments, surroundings);
    }
    if let Command::Local(command) = &cli.command {
        return local::run(command, surroundings);
    }
    let station = Station::new(cli.global.control.as_deref(), surroundings)?;
    let mut session = Session { station, surroundings, format: cli.global.output };
    match cli.command {
        Command::Start(arguments) => start::run(&arguments, &mut session),
        Command::Stop(arguments) => stop::run(arguments, &mut session),
        Command::Remove(arguments) => remove::run(arguments, &mut session),
        Command::Reload(arguments) => reload::run(&arguments, &mut session),
        Command::Set(arguments) => set::run(&arguments, &mut session),
        Command::List => list::run(&mut session),
        Command::Status(arguments) => status::run(&arguments, &mut session),
        Command::Routes(arguments) => routes::run(&arguments, &mut session),
        Command::Functions(arguments) => functions::run(&arguments, &mut session),
        Command::Logs(arguments) => logs::run(&arguments, &mut session),
        Command::Events(arguments) => events::run(arguments, &mut session),
        Command::Invoke(arguments) => invoke::run(&arguments, &mut session),
        Command::Token(arguments) => token::run(&arguments, &mut session),
        Command::Daemon(command) => daemon::run(&command, &mut session),
        Command::Validate(arguments) => validate::run(&arguments, &mut session),
        Command::Local(command) => local::run(&command, session.surroundings),
        Command::Completions(arguments) => completions::run(&arguments, session.surroundings),
    }
}

/// What a command works with.
pub(crate) struct Session<'a> {
    /// Where the daemon is.
    pub(crate) station: Station,
    /// Variables, working folder, streams.
    pub(crate) surroundings: &'a mut Surroundings,
    format: OutputFormat,
}

impl Session<'_> {
    /// The daemon, if it runs.
    pub(crate) fn connect(&self) -> Result<Client, Failure> {
        Client::connect(&self.station)
    }

    /// The daemon, started if need be.
    pub(crate) fn connect_or_start(&self) -> Result<Client, Failure> {
        autostart::connect(&self.station, self.surroundings)
    }

    /// Where output goes.
    pub(crate) fn output(&mut self) -> Output<'_> {
        Output::new(self.format, self.surroundings)
    }
}
