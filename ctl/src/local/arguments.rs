//! What may be typed behind `samctl local`: the SAM CLI's options by its names. What an option that was not typed is worth
//! is decided in `layers`, so nothing here has a default.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// The commands behind `samctl local`. Of an option that is typed twice the last one counts, as with the SAM CLI.
#[derive(Debug, Subcommand)]
pub enum LocalCommand {
    /// Serve a template's APIs in the foreground.
    #[command(after_help = super::help::START_API, args_override_self = true)]
    StartApi(Box<StartApiArgs>),
    /// Serve the Lambda service for a template's functions in the foreground, for SDKs and the AWS CLI.
    #[command(after_help = super::help::START_LAMBDA, args_override_self = true)]
    StartLambda(Box<StartLambdaArgs>),
    /// Run a function once: its reply goes to standard output, its log to standard error.
    #[command(after_help = super::help::INVOKE, args_override_self = true)]
    Invoke(Box<LocalInvokeArgs>),
    /// Print a sample event of an AWS service.
    #[command(after_help = super::help::GENERATE_EVENT, disable_help_flag = true)]
    GenerateEvent(GenerateEventArgs),
}

/// Arguments of `local start-api`.
#[derive(Debug, Default, Args)]
pub struct StartApiArgs {
    /// What all local commands share.
    #[command(flatten)]
    pub common: CommonArgs,
    /// What the commands that serve share.
    #[command(flatten)]
    pub service: ServiceArgs,
    /// Folder beside the template whose files are served at / [default: public].
    #[arg(long, short, value_name = "DIR")]
    pub static_dir: Option<PathBuf>,
    /// Ask no authorizer, and check no signature.
    #[arg(long)]
    pub disable_authorizer: bool,
    /// Media type that REST APIs pass as base64, beside those of the template; may be repeated.
    #[arg(long, value_name = "TYPE")]
    pub binary_type: Vec<String>,
    /// Serve HTTPS with this certificate, in PEM.
    #[arg(long, value_name = "FILE")]
    pub ssl_cert_file: Option<PathBuf>,
    /// Its private key, in PEM.
    #[arg(long, value_name = "FILE")]
    pub ssl_key_file: Option<PathBuf>,
}

/// Arguments of `local start-lambda`.
#[derive(Debug, Default, Args)]
pub struct StartLambdaArgs {
    /// The functions that can be invoked [default: all of the template].
    #[arg(value_name = "FUNCTION")]
    pub functions: Vec<String>,
    /// What all local commands share.
    #[command(flatten)]
    pub common: CommonArgs,
    /// What the commands that serve share.
    #[command(flatten)]
    pub service: ServiceArgs,
}

/// Arguments of `local invoke`.
#[derive(Debug, Default, Args)]
pub struct LocalInvokeArgs {
    /// The function, by logical id or name [default: the only one].
    #[arg(value_name = "FUNCTION")]
    pub function: Option<String>,
    /// File with the event, or - for standard input [default: an empty object].
    #[arg(long, short, value_name = "FILE|-")]
    pub event: Option<PathBuf>,
    /// No event; this is what happens anyway.
    #[arg(long, hide = true)]
    pub no_event: bool,
    /// What all local commands share.
    #[command(flatten)]
    pub common: CommonArgs,
    /// Runtime to use instead of the function's own.
    #[arg(long, short, value_name = "RUNTIME")]
    pub runtime: Option<String>,
    /// Tenant of a function with tenant isolation.
    #[arg(long, value_name = "ID")]
    pub tenant_id: Option<String>,
    /// Name of a durable execution.
    #[arg(long, value_name = "NAME")]
    pub durable_execution_name: Option<String>,
    /// Follow links in the code folder; processes always do.
    #[arg(long, overrides_with = "no_mount_symlinks")]
    pub mount_symlinks: bool,
    /// Do not follow them.
    #[arg(long, overrides_with = "mount_symlinks")]
    pub no_mount_symlinks: bool,
}

/// Arguments of `local generate-event`; the services and their events are data.
#[derive(Debug, Args)]
pub struct GenerateEventArgs {
    /// Service, event, and the event's options.
    #[arg(value_name = "SERVICE] [EVENT] [OPTIONS", trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<OsString>,
}

/// Options of the commands that serve.
#[derive(Debug, Default, Args)]
pub struct ServiceArgs {
    /// Address to serve on [default: 127.0.0.1].
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// Port to serve on [default: 3000 for APIs, 3001 for Lambda].
    #[arg(long, short, value_name = "PORT")]
    pub port: Option<u16>,
    /// When functions are initialised [default: LAZY].
    #[arg(long, value_enum, ignore_case = true)]
    pub warm_containers: Option<WarmContainers>,
    /// Function that --debug-port and its companions are for.
    #[arg(long, value_name = "FUNCTION", help_heading = "Debugging")]
    pub debug_function: Option<String>,
    /// Do not watch files: changes need a restart.
    #[arg(long)]
    pub no_watch: bool,
}

/// When functions are initialised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub enum WarmContainers {
    /// At start, all of them.
    Eager,
    /// On first use.
    Lazy,
}

/// Options that all local commands share.
#[derive(Debug, Default, Args)]
pub struct CommonArgs {
    /// The template [default: .aws-sam/build/template.yaml, then template.yaml, template.yml, template.json].
    #[arg(long = "template-file", short, visible_alias = "template", value_name = "FILE")]
    pub template_file: Option<PathBuf>,
    /// Variables for functions: {"Function": {"NAME": "value"}, "Parameters": {"NAME": "value"}}, or dotenv.
    #[arg(long, short = 'n', value_name = "FILE")]
    pub env_vars: Option<PathBuf>,
    /// Template parameters: K=V, ParameterKey=K,ParameterValue=V, or file://PARAMETERS.yaml (.json, .toml).
    #[arg(long, value_name = "K=V", num_args = 1..)]
    pub parameter_overrides: Option<Vec<String>>,
    /// AWS region [default: the environment's, else the profile's, else us-east-1].
    #[arg(long)]
    pub region: Option<String>,
    /// Profile of the shared AWS files [default: the environment's].
    #[arg(long)]
    pub profile: Option<String>,
    /// File to which functions' output goes instead of standard error.
    #[arg(long, short, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// Print the daemon's own log, in detail.
    #[arg(long)]
    pub debug: bool,
    /// Tell extensions of the end; samd always does.
    #[arg(long)]
    pub shutdown: bool,
    /// Where options that are not typed are looked up.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Containers.
    #[command(flatten, next_help_heading = "Containers")]
    pub containers: ContainerArgs,
    /// Debugging.
    #[command(flatten, next_help_heading = "Debugging")]
    pub debugging: DebugArgs,
    /// Options without a meaning here.
    #[command(flatten)]
    pub rest: RestArgs,
}

/// Where options that are not typed are looked up.
#[derive(Debug, Default, Args)]
pub struct ConfigArgs {
    /// Configuration file, relative to the template's folder [default: samconfig.toml, samconfig.yaml or samconfig.yml].
    #[arg(long, value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Environment of the configuration file [default: default].
    #[arg(long, value_name = "NAME")]
    pub config_env: Option<String>,
    /// Write the typed options into the configuration file.
    #[arg(long)]
    pub save_params: bool,
}

/// Options about containers.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Containers")]
pub struct ContainerArgs {
    /// Image to run functions in, for all or as FUNCTION=URI; may be repeated (-ii).
    #[arg(long, value_name = "[FUNCTION=]URI")]
    pub invoke_image: Vec<String>,
    /// Network that containers join.
    #[arg(long, value_name = "NETWORK")]
    pub docker_network: Option<String>,
    /// Host at which containers are reached [default: localhost].
    #[arg(long, value_name = "HOST")]
    pub container_host: Option<String>,
    /// Address on which containers' ports are published [default: 127.0.0.1].
    #[arg(long, value_name = "IP")]
    pub container_host_interface: Option<String>,
    /// Entry of containers' /etc/hosts; may be repeated.
    #[arg(long, value_name = "NAME:IP")]
    pub add_host: Vec<String>,
    /// DNS server of containers; may be repeated.
    #[arg(long, value_name = "IP")]
    pub container_dns: Vec<String>,
    /// The template's folder as a remote engine sees it.
    #[arg(long, short = 'v', value_name = "DIR")]
    pub docker_volume_basedir: Option<String>,
    /// Cache for layers from AWS.
    #[arg(long, value_name = "DIR")]
    pub layer_cache_basedir: Option<PathBuf>,
    /// Build images with layers anew.
    #[arg(long)]
    pub force_image_build: bool,
    /// Pull no image.
    #[arg(long)]
    pub skip_pull_image: bool,
    /// Do not hold functions to their MemorySize, whatever runs them.
    #[arg(long)]
    pub no_memory_limit: bool,
}

/// Options about debugging.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Debugging")]
pub struct DebugArgs {
    /// Port for a debugger; may be repeated.
    #[arg(long, short, value_name = "PORT")]
    pub debug_port: Vec<u16>,
    /// Arguments for the debugger.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub debug_args: Option<String>,
    /// Folder of a debugger, for containers.
    #[arg(long, value_name = "DIR")]
    pub debugger_path: Option<PathBuf>,
    /// Variables for the function that is debugged, over all others: {"NAME": "value"}, or dotenv.
    #[arg(long, value_name = "FILE")]
    pub container_env_vars: Option<PathBuf>,
}

/// Options that have no meaning here, or none yet.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Others")]
pub struct RestArgs {
    /// Hook that prepares a template (terraform).
    #[arg(long, value_name = "NAME")]
    pub hook_name: Option<String>,
    /// Do not prepare it.
    #[arg(long, hide = true, overrides_with = "prepare_infra")]
    pub skip_prepare_infra: bool,
    /// Prepare it.
    #[arg(long, hide = true, overrides_with = "skip_prepare_infra")]
    pub prepare_infra: bool,
    /// Plan for the hook.
    #[arg(long, hide = true, value_name = "FILE")]
    pub terraform_plan_file: Option<PathBuf>,
    /// Expand AWS::LanguageExtensions; samd always does.
    #[arg(long, hide = true, overrides_with = "no_language_extensions")]
    pub language_extensions: bool,
    /// Do not; samd does.
    #[arg(long, hide = true, overrides_with = "language_extensions")]
    pub no_language_extensions: bool,
    /// The SAM CLI's beta features; samd has none.
    #[arg(long, hide = true, overrides_with = "no_beta_features")]
    pub beta_features: bool,
    /// Without them.
    #[arg(long, hide = true, overrides_with = "beta_features")]
    pub no_beta_features: bool,
}

/// The SAM CLI's `-ii` has two letters behind one dash, which no other option has.
pub fn with_long_names(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let long = |argument: OsString| match argument.to_str() {
        Some("-ii") => OsString::from("--invoke-image"),
        _ => argument,
    };
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let local = arguments.get(1).is_some_and(|command| command == "local");
    if local { arguments.into_iter().map(long).collect() } else { arguments }
}
