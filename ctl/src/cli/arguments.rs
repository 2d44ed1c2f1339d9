//! The arguments of each command.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

pub use super::containers::ContainerArgs;

/// Arguments of `start`.
#[derive(Debug, Args)]
pub struct StartArgs {
    /// A template, a folder that holds one, or the name of a project [default: the current folder].
    #[arg(value_name = "PATH|NAME")]
    pub project: Option<String>,
    /// Name of the project [default: the folder's name].
    #[arg(long)]
    pub name: Option<String>,
    /// What to set.
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// A project's settings.
#[derive(Debug, Default, Args)]
pub struct SettingsArgs {
    /// Port to serve on [default: the first free one from 3000; the project keeps it].
    #[arg(long, short)]
    pub port: Option<u16>,
    /// Address to serve on [default: 127.0.0.1].
    #[arg(long, value_name = "IP")]
    pub host: Option<String>,
    /// Template, where it is not the one that the folder has.
    #[arg(long, short, value_name = "FILE")]
    pub template: Option<PathBuf>,
    /// Variables for functions: the SAM CLI's JSON, or dotenv.
    #[arg(long, short = 'n', value_name = "FILE")]
    pub env_vars: Option<PathBuf>,
    /// Template parameters: K=V, or ParameterKey=K,ParameterValue=V; they replace all earlier ones.
    #[arg(long, value_name = "K=V", num_args = 1..)]
    pub parameter_overrides: Option<Vec<String>>,
    /// What runs functions [default: auto].
    #[arg(long, value_enum)]
    pub sandbox: Option<Sandbox>,
    /// When functions are initialised [default: lazy].
    #[arg(long, value_enum)]
    pub warm: Option<Warm>,
    /// AWS region [default: the environment's, else the profile's, else us-east-1].
    #[arg(long)]
    pub region: Option<String>,
    /// Profile of the shared AWS files [default: the environment's].
    #[arg(long)]
    pub profile: Option<String>,
    /// Most sandboxes of a function that reserves no concurrency of its own [default: 10].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_concurrency: Option<u32>,
    /// How long an unused sandbox lives, as in 90s or 15m [default: 15m].
    #[arg(long, value_name = "TIME")]
    pub idle_expiry: Option<String>,
    /// Do not tell functions the Lambda endpoint's address (AWS_ENDPOINT_URL_LAMBDA), by which they reach each other.
    #[arg(long, overrides_with = "lambda_endpoint")]
    pub no_lambda_endpoint: bool,
    /// Tell it again; this is the default.
    #[arg(long, overrides_with = "no_lambda_endpoint")]
    pub lambda_endpoint: bool,
    /// Port on which a debugger may attach to one function; 0 ends debugging.
    #[arg(long, short, value_name = "PORT")]
    pub debug_port: Option<u16>,
    /// The function to be debugged [default: the only one].
    #[arg(long, value_name = "FUNCTION")]
    pub debug_function: Option<String>,
    /// Arguments for the debugger or the interpreter, as in --wait-for-client or --inspect-brk.
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub debug_args: Option<String>,
    /// Folder that holds the debugger, as `pip install --target FOLDER debugpy` makes it.
    #[arg(long, value_name = "FOLDER")]
    pub debugger_path: Option<PathBuf>,
    /// Variables for the function that is debugged, over all others: {"NAME": "value"}, or dotenv.
    #[arg(long, value_name = "FILE")]
    pub container_env_vars: Option<PathBuf>,
    /// Do not hold functions to their MemorySize.
    #[arg(long, overrides_with = "memory_limit")]
    pub no_memory_limit: bool,
    /// Hold them to it; this is the default.
    #[arg(long, overrides_with = "no_memory_limit")]
    pub memory_limit: bool,
    /// Freeze sandboxes between invocations, as AWS does.
    #[arg(long, overrides_with = "no_freeze")]
    pub freeze: bool,
    /// Let them go on with what they do; this is the default.
    #[arg(long, overrides_with = "freeze")]
    pub no_freeze: bool,
    /// Build functions that have a build step (Metadata BuildMethod esbuild, makefile, go or rust-cargolambda, or a
    /// --build-command) when their sources change.
    #[arg(long, overrides_with = "no_build")]
    pub build: bool,
    /// Serve what `sam build` or the user builds; this is the default.
    #[arg(long, overrides_with = "build")]
    pub no_build: bool,
    /// Shell command that builds a function into the folder $ARTIFACTS_DIR, with --build; replaces all earlier ones.
    #[arg(long, value_name = "FUNCTION=COMMAND")]
    pub build_command: Option<Vec<String>>,
    /// Have replies carry X-Samd-Generation, the number of the configuration that answered.
    #[arg(long, overrides_with = "no_tell_generation")]
    pub tell_generation: bool,
    /// Leave it out again; this is the default.
    #[arg(long, overrides_with = "tell_generation")]
    pub no_tell_generation: bool,
    /// Take the keys of a token issuer from a JWKS file and ask nobody; the issuer is named by its URL or by the
    /// authorizer that trusts it. They replace all earlier ones.
    #[arg(long, value_name = "AUTHORIZER=FILE", conflicts_with = "no_jwks")]
    pub jwks: Option<Vec<String>>,
    /// Ask issuers for their keys again; this is the default.
    #[arg(long)]
    pub no_jwks: bool,
    /// What concerns containers alone.
    #[command(flatten)]
    pub containers: ContainerArgs,
}

/// What runs functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sandbox {
    /// The function's own runtime as a child process.
    Process,
    /// A container per sandbox.
    Docker,
    /// Containers where an engine answers and the image is there, else processes.
    Auto,
}

/// When functions are initialised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub enum Warm {
    /// At start, before the first request.
    Eager,
    /// On first use.
    Lazy,
}

/// A project that has to be named.
#[derive(Debug, Args)]
pub struct NameArgs {
    /// The project.
    pub name: String,
}

/// A project that may be left out.
#[derive(Debug, Args)]
pub struct OptionalNameArgs {
    /// The project [default: the current folder's, or the only one].
    pub name: Option<String>,
}

/// Arguments of `reload`.
#[derive(Debug, Args)]
pub struct ReloadArgs {
    /// The project [default: the current folder's, or the only one], then functions [default: all].
    #[arg(value_name = "NAME] [FUNCTION")]
    pub words: Vec<String>,
    /// Wait until the new code is ready, or why it is not is known; this is what happens anyway.
    #[arg(long, conflicts_with = "no_wait")]
    pub wait: bool,
    /// Return at once; `samctl events` tells how it went.
    #[arg(long)]
    pub no_wait: bool,
}

/// Arguments of `set`.
#[derive(Debug, Args)]
pub struct SetArgs {
    /// The project [default: the current folder's, or the only one].
    pub name: Option<String>,
    /// What to set.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Take a setting back to its default: the name of its option, several with commas.
    #[arg(long, value_enum, value_name = "OPTION", value_delimiter = ',')]
    pub unset: Vec<Unset>,
}

/// A setting that can be taken back, by the name of its option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Unset {
    /// --template.
    Template,
    /// --host.
    Host,
    /// --port.
    Port,
    /// --env-vars.
    EnvVars,
    /// --parameter-overrides.
    ParameterOverrides,
    /// --sandbox.
    Sandbox,
    /// --warm.
    Warm,
    /// --region.
    Region,
    /// --profile.
    Profile,
    /// --max-concurrency.
    MaxConcurrency,
    /// --idle-expiry.
    IdleExpiry,
    /// --build-command.
    BuildCommand,
}

/// Arguments of `routes` and `functions`.
#[derive(Debug, Args)]
pub struct RoutesArgs {
    /// The project [default: the current folder's, or the only one].
    #[arg(conflicts_with = "template")]
    pub name: Option<String>,
    /// A template that nobody has to start.
    #[arg(long, short, value_name = "FILE")]
    pub template: Option<PathBuf>,
    /// Template parameters, with --template.
    #[arg(long, value_name = "K=V", num_args = 1.., requires = "template")]
    pub parameter_overrides: Option<Vec<String>>,
}

/// Arguments of `logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// The project [default: the current folder's, or the only one], then a function [default: all].
    #[arg(value_name = "NAME] [FUNCTION", num_args = 0..=2)]
    pub words: Vec<String>,
    /// Go on with what comes.
    #[arg(long, short)]
    pub follow: bool,
    /// Not older than this: 10m, 2h, or a time such as 2026-01-31T12:00:00Z.
    #[arg(long, short, value_name = "TIME")]
    pub since: Option<String>,
}

/// Arguments of `events`.
#[derive(Debug, Args)]
pub struct EventsArgs {
    /// The project [default: all].
    pub name: Option<String>,
    /// Go on with what comes.
    #[arg(long, short)]
    pub follow: bool,
}

/// Arguments of `invoke`.
#[derive(Debug, Args)]
pub struct InvokeArgs {
    /// The project [default: the current folder's, or the only one], then the function.
    #[arg(value_name = "NAME] [FUNCTION", num_args = 1..=2, required = true)]
    pub words: Vec<String>,
    /// File with the event, or - for standard input [default: an empty object].
    #[arg(long, short, value_name = "FILE|-")]
    pub event: Option<PathBuf>,
    /// Do not wait for the result.
    #[arg(long = "async")]
    pub asynchronous: bool,
}

/// Arguments of `token`.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// The project [default: the current folder's, or the only one].
    pub name: Option<String>,
    /// The JWT or Cognito authorizer, as in Users or ShopApi/Users [default: the only one].
    #[arg(long, short, value_name = "NAME")]
    pub authorizer: Option<String>,
    /// A claim: sub=ann, admin=true, 'groups=["a","b"]'.
    #[arg(long = "claim", short = 'c', value_name = "NAME=VALUE")]
    pub claims: Vec<String>,
    /// A scope; with some it is an access token, for a user pool.
    #[arg(long = "scope", short = 's', value_name = "SCOPE")]
    pub scopes: Vec<String>,
}

/// Arguments of `validate`.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// A template, or a folder that holds one [default: the current folder].
    #[arg(value_name = "FILE")]
    pub path: Option<PathBuf>,
    /// Template parameters.
    #[arg(long, value_name = "K=V", num_args = 1..)]
    pub parameter_overrides: Option<Vec<String>>,
    /// Variables for functions.
    #[arg(long, short = 'n', value_name = "FILE")]
    pub env_vars: Option<PathBuf>,
    /// AWS region.
    #[arg(long)]
    pub region: Option<String>,
    /// Profile of the shared AWS files.
    #[arg(long)]
    pub profile: Option<String>,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}
