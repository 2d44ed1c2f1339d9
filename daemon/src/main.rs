//! The daemon's executable: flags → log → runtime → run → exit code.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use samd::state::{self, StateError};
use samd::{daemon, telemetry};

/// Runs Amazon API Gateway and AWS Lambda on this machine, as a background daemon steered by samctl.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:\n  samd\n  SAMD_STATE_DIR=/tmp/s SAMD_CONTROL=127.0.0.1:0 samd --log-format json"
)]
struct Flags {
    /// Address of the control port; loopback alone. Port 0 takes any and writes it to the state folder.
    #[arg(long, env = "SAMD_CONTROL", default_value = daemon::DEFAULT_CONTROL)]
    control: SocketAddr,
    /// Address of the Lambda endpoint, by which functions reach each other; loopback alone [default: the one it had,
    /// else 127.0.0.1:7264, else any free one, written to the state folder].
    #[arg(long, env = "SAMD_LAMBDA")]
    lambda: Option<SocketAddr>,
    /// State folder [default: $XDG_STATE_HOME/samd, else ~/.local/state/samd]
    #[arg(long, env = "SAMD_STATE_DIR")]
    state_dir: Option<PathBuf>,
    /// Form of the daemon's own log.
    #[arg(long, env = "SAMD_LOG_FORMAT", default_value = "text")]
    log_format: telemetry::LogFormat,
    /// Threads that serve requests. One is quickest for a developer's load, since nothing has to change threads on its
    /// way; templates, files and interpreters are looked at on threads of their own in any case.
    #[arg(long, env = "SAMD_THREADS", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    threads: u8,
    /// Lives as long as its standard input is open, and takes its state folder with it; says on standard output where the
    /// control port is. For commands that run a daemon of their own.
    #[arg(long)]
    ephemeral: bool,
    /// Folder for what is worth finding again, as in which interpreters there are [default: the state folder]
    #[arg(long, env = "SAMD_CACHE_DIR")]
    cache_dir: Option<PathBuf>,
    /// Levels by target, as in `info,samd::gateway=debug`.
    #[arg(long, env = "SAMD_LOG")]
    log: Option<String>,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    match run(flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("samd: {problem:#}");
            match problem.downcast_ref() {
                Some(StateError::Held { .. }) => ExitCode::from(state::HELD_STATUS),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

/// Threads that read templates and files at once; a hundred projects would otherwise have a hundred when they start.
const MOST_READERS: usize = 16;

fn runtime(threads: u8) -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = match threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if threads > 1 {
        builder.worker_threads(usize::from(threads));
    }
    builder.max_blocking_threads(MOST_READERS).enable_all().build()
}

fn run(flags: Flags) -> anyhow::Result<()> {
    telemetry::init(flags.log_format, flags.log.as_deref())?;
    let state = match flags.state_dir {
        Some(folder) => folder,
        None => state::locate(|name| std::env::var_os(name).map(PathBuf::from))?,
    };
    let runtime = runtime(flags.threads)?;
    let options = daemon::Options {
        cache: flags.cache_dir.unwrap_or_else(|| state.clone()),
        state,
        control: flags.control,
        lambda: flags.lambda,
        ephemeral: flags.ephemeral,
    };
    let outcome = runtime.block_on(daemon::run(options));
    // What a shutdown gave up on ends with the process.
    runtime.shutdown_background();
    outcome
}
