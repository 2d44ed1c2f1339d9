//! How a command can end, and the exit code for each, so that scripts can tell them apart.

use std::io;

use samd_proto::{ApiError, ErrorCode};

/// The daemon refused.
pub const REFUSED: u8 = 1;
/// The command line, or a file that it names, cannot be used.
pub const USAGE: u8 = 2;
/// No daemon answers.
pub const NO_DAEMON: u8 = 3;
/// The template, or a file beside it, has errors.
pub const DIAGNOSTICS: u8 = 4;
/// The function failed.
pub const FUNCTION_ERROR: u8 = 5;
/// The daemon does not know the token.
pub const TOKEN: u8 = 6;
/// Output could not be written.
pub const OUTPUT: u8 = 7;

/// The exit codes as help shows them.
pub const HELP: &str = "Exit codes:
  0  done
  1  the daemon refused, and said why
  2  the command line, or a file that it names, cannot be used
  3  no daemon answers on the control port
  4  the template, or a file beside it, has errors
  5  the function failed
  6  the control token is missing or wrong
  7  the output could not be written";

/// A command that did what it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing more to say.
    Done,
    /// The function ran and failed; its error has been shown.
    FunctionError,
    /// The template has errors; they have been shown.
    Diagnostics,
}

impl Outcome {
    /// Its exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Outcome::Done => 0,
            Outcome::FunctionError => FUNCTION_ERROR,
            Outcome::Diagnostics => DIAGNOSTICS,
        }
    }
}

/// Why a command could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The daemon refused.
    #[error("{0}")]
    Refused(ApiError),
    /// The command line, or a file that it names, cannot be used.
    #[error("{0}")]
    Usage(String),
    /// No daemon answers, or it broke off.
    #[error("{0}")]
    NoDaemon(String),
    /// Output could not be written.
    #[error("the output could not be written: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// Its exit code. A reader that closed the pipe has seen enough, so that is no failure.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Failure::Refused(refusal) => match refusal.code {
                ErrorCode::Diagnostics => DIAGNOSTICS,
                ErrorCode::Unauthorized => TOKEN,
                _ => REFUSED,
            },
            Failure::Usage(_) => USAGE,
            Failure::NoDaemon(_) => NO_DAEMON,
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Failure::Output(_) => OUTPUT,
        }
    }

    /// One word for programs.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Failure::Refused(_) => "refused",
            Failure::Usage(_) => "usage",
            Failure::NoDaemon(_) => "no_daemon",
            Failure::Output(_) => "output",
        }
    }
}

/// What a command gives back.
pub type Ended = Result<Outcome, Failure>;
