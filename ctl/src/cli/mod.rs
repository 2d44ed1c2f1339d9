//! What may be typed: the commands and their help; their arguments are in `arguments`. What a command does is in
//! `commands`.

mod arguments;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use arguments::*;

use crate::exit;

/// samctl's command line.
#[derive(Debug, Parser)]
#[command(
    name = "samctl",
    version,
    about = "Steers samd: runs API Gateway and Lambda on this machine, from SAM templates",
    after_help = "Examples:\n  samctl start                     serve the project in this folder\n  samctl status                    what runs\n  samctl logs --follow             what its functions print\n\nSAMD_STATE_DIR names the state folder; SAMD_AUTOSTART=0 keeps samctl from starting samd.",
    after_long_help = exit::HELP,
    propagate_version = true
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
    /// Address of the daemon's control port [default: the running daemon's, else 127.0.0.1:7263].
    #[arg(long, global = true, env = "SAMD_CONTROL", value_name = "ADDR", help_heading = "Global options")]
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
        after_help = "Examples:\n  samctl start\n  samctl start ./shop --port 3000\n  samctl start shop\n  samctl start ./shop --parameter-overrides Stage=dev 'Title=Two words' --env-vars env.json"
    )]
    Start(StartArgs),
    /// Stop a project; its settings stay, and `samctl start NAME` brings it back.
    #[command(after_help = "Examples:\n  samctl stop shop")]
    Stop(NameArgs),
    /// Stop a project and forget its settings.
    #[command(after_help = "Examples:\n  samctl remove shop")]
    Remove(NameArgs),
    /// Read a project again and replace sandboxes, changed or not.
    #[command(after_help = "Examples:\n  samctl reload\n  samctl reload shop Orders --wait")]
    Reload(ReloadArgs),
    /// Change settings of a project, running or not.
    #[command(after_help = "Examples:\n  samctl set shop --port 3001\n  samctl set --warm eager --max-concurrency 4")]
    Set(SetArgs),
    /// All projects.
    #[command(after_help = "Examples:\n  samctl list\n  samctl list --output json")]
    List,
    /// What runs: functions, sandboxes, findings, the last reload.
    #[command(after_help = "Examples:\n  samctl status\n  samctl status shop --output json")]
    Status(OptionalNameArgs),
    /// The routes of a project, or of a template that nobody starts.
    #[command(after_help = "Examples:\n  samctl routes shop\n  samctl routes --template template.yaml")]
    Routes(RoutesArgs),
    /// What a project's functions print.
    #[command(
        after_help = "Examples:\n  samctl logs shop\n  samctl logs shop Orders --follow\n  samctl logs --since 10m"
    )]
    Logs(LogsArgs),
    /// Changes of configuration: the last of each project, and with --follow those that come.
    #[command(after_help = "Examples:\n  samctl events\n  samctl events shop --follow --output json")]
    Events(EventsArgs),
    /// Run a function once: its result goes to standard output, its log to standard error.
    #[command(
        after_help = "Examples:\n  samctl invoke shop Orders --event event.json\n  echo '{\"id\": 1}' | samctl invoke Orders --event -\n  samctl invoke shop Orders --async"
    )]
    Invoke(InvokeArgs),
    /// The daemon itself.
    #[command(
        subcommand,
        after_help = "Examples:\n  samctl daemon start\n  samctl daemon status --output json\n  samctl daemon stop"
    )]
    Daemon(DaemonCommand),
    /// Check a template without starting anything.
    #[command(
        after_help = "Examples:\n  samctl validate\n  samctl validate template.yaml --parameter-overrides Stage=dev"
    )]
    Validate(ValidateArgs),
    /// Print a shell's completions.
    #[command(
        after_help = "Examples:\n  samctl completions bash > ~/.local/share/bash-completion/completions/samctl\n  samctl completions fish > ~/.config/fish/completions/samctl.fish"
    )]
    Completions(CompletionsArgs),
}

/// Commands about the daemon.
#[derive(Debug, Subcommand)]
pub enum DaemonCommand {
    /// Start it in the background, unless it runs.
    #[command(after_help = "Examples:\n  samctl daemon start\n  SAMD_CONTROL=127.0.0.1:0 samctl daemon start")]
    Start,
    /// Stop it and wait for its end; projects come back when it starts again.
    #[command(after_help = "Examples:\n  samctl daemon stop")]
    Stop,
    /// Its version, process, address and state folder.
    #[command(after_help = "Examples:\n  samctl daemon status\n  samctl daemon status --output json")]
    Status,
}

#[cfg(test)]
mod tests;
