//! What may be typed: the commands and their help; their arguments are in `arguments`. What a command does is in
//! `commands`.

mod arguments;
mod containers;
mod help;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use arguments::*;

use crate::exit;
use crate::local::arguments::LocalCommand;

/// samctl's command line.
#[derive(Debug, Parser)]
#[command(
    name = "samctl",
    version,
    about = "Steers samd: runs API Gateway and Lambda on this machine, from SAM templates",
    after_help = format!("{}\n\n{}", help::SAMCTL, exit::HELP)
)]
pub struct Cli {
    /// Options of all commands.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of all commands.
#[derive(Debug, Args)]
pub struct Global {
    /// Form of the output.
    #[arg(long, global = true, value_enum, default_value_t = OutputFormat::Text, help_heading = "Global options")]
    pub output: OutputFormat,
    /// Address of the daemon's control port [env: SAMD_CONTROL] [default: where the daemon of the state folder says it is].
    #[arg(long, global = true, value_name = "ADDR", help_heading = "Global options")]
    pub control: Option<String>,
}

/// Form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Text,
    /// For programs: the daemon's messages; streams are one JSON object a line.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve a project: a new one by its path, a stopped one by its name; a running one is reconfigured.
    #[command(
        after_help = help::START
    )]
    Start(StartArgs),
    /// Stop a project; its settings stay, and `samctl start NAME` brings it back.
    #[command(after_help = help::STOP)]
    Stop(NameArgs),
    /// Stop a project and forget its settings.
    #[command(after_help = help::REMOVE)]
    Remove(NameArgs),
    /// Read a project again and replace sandboxes, changed or not.
    #[command(after_help = help::RELOAD)]
    Reload(ReloadArgs),
    /// Change settings of a project, running or not.
    #[command(after_help = help::SET)]
    Set(SetArgs),
    /// All projects.
    #[command(after_help = help::LIST)]
    List,
    /// What runs: functions, sandboxes, findings, the last reload.
    #[command(after_help = help::STATUS)]
    Status(OptionalNameArgs),
    /// The routes of a project, or of a template that nobody starts.
    #[command(after_help = help::ROUTES)]
    Routes(RoutesArgs),
    /// The functions of a project, or of a template that nobody starts, with the events that are not served.
    #[command(after_help = help::FUNCTIONS)]
    Functions(RoutesArgs),
    /// What a project's functions print.
    #[command(
        after_help = help::LOGS
    )]
    Logs(LogsArgs),
    /// Changes of configuration: the last of each project, and with --follow those that come.
    #[command(after_help = help::EVENTS)]
    Events(EventsArgs),
    /// Run a function once: its result goes to standard output, its log to standard error.
    #[command(
        after_help = help::INVOKE
    )]
    Invoke(InvokeArgs),
    /// Print a token that a JWT or Cognito authorizer of a project accepts, for an hour, without its issuer.
    #[command(after_help = help::TOKEN)]
    Token(TokenArgs),
    /// The daemon itself.
    #[command(
        subcommand,
        after_help = help::DAEMON
    )]
    Daemon(DaemonCommand),
    /// The SAM CLI's local commands, each with a daemon of its own.
    #[command(subcommand, after_help = crate::local::help::LOCAL)]
    Local(LocalCommand),
    /// Check a template without starting anything.
    #[command(
        after_help = help::VALIDATE
    )]
    Validate(ValidateArgs),
    /// Print a shell's completions.
    #[command(
        after_help = help::COMPLETIONS
    )]
    Completions(CompletionsArgs),
}

/// Commands about the daemon.
#[derive(Debug, Subcommand)]
pub enum DaemonCommand {
    /// Start it in the background, unless it runs.
    #[command(after_help = help::DAEMON_START)]
    Start,
    /// Stop it and wait for its end; projects come back when it starts again.
    #[command(after_help = help::DAEMON_STOP)]
    Stop,
    /// Its version, process, address and state folder.
    #[command(after_help = help::DAEMON_STATUS)]
    Status,
}

#[cfg(test)]
mod tests;
