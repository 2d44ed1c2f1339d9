//! Makes text of answers, or passes them on as JSON.
//!
//! Owns the form of the output: tables, findings, colours. Colours are used on a terminal alone, and never in JSON.

pub(crate) mod findings;
pub(crate) mod function;
pub(crate) mod image;
pub(crate) mod project;
pub(crate) mod reload;
pub(crate) mod table;
pub(crate) mod time;

use std::io::{self, Write};

use owo_colors::{OwoColorize, Style};
use samd_proto::{ApiError, Diagnostic};
use serde::Serialize;

use crate::Surroundings;
use crate::cli::OutputFormat;
use crate::exit::Failure;

/// Where a command's output goes, and in which form.
pub(crate) struct Output<'a> {
    format: OutputFormat,
    color: bool,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
}

impl<'a> Output<'a> {
    /// Output to the surroundings' streams.
    pub(crate) fn new(format: OutputFormat, surroundings: &'a mut Surroundings) -> Output<'a> {
        Output { format, color: surroundings.color, out: &mut surroundings.out, err: &mut surroundings.err }
    }

    /// Whether the output is for programs.
    pub(crate) fn is_json(&self) -> bool {
        self.format == OutputFormat::Json
    }

    /// An answer: as JSON, or as the text that `text` makes of it.
    pub(crate) fn answer<T: Serialize>(&mut self, answer: &T, text: impl FnOnce(Paint) -> String) -> io::Result<()> {
        if self.is_json() {
            let json = serde_json::to_string_pretty(answer)?;
            return writeln!(self.out, "{json}");
        }
        let text = text(Paint(self.color));
        write!(self.out, "{text}")
    }

    /// One event of a stream: a line of JSON, or the text that `text` makes of it. It is shown at once.
    pub(crate) fn event<T: Serialize>(&mut self, event: &T, text: impl FnOnce(Paint) -> String) -> io::Result<()> {
        let line = if self.is_json() { serde_json::to_string(event)? } else { text(Paint(self.color)) };
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }

    /// A remark to standard error, for people.
    pub(crate) fn remark(&mut self, text: &str) -> io::Result<()> {
        if self.is_json() || text.is_empty() {
            return Ok(());
        }
        write!(self.err, "{text}")
    }

    /// What goes on meanwhile, to standard error, for people.
    pub(crate) fn progress(&mut self, text: impl FnOnce(Paint) -> String) -> io::Result<()> {
        let text = text(Paint(self.color));
        self.remark(&text)?;
        self.err.flush()
    }

    /// Findings to standard error, unless the answer holds them as JSON already.
    pub(crate) fn findings(&mut self, findings: &[Diagnostic]) -> io::Result<()> {
        let text = findings::all(findings, Paint(self.color));
        self.remark(&text)
    }

    /// Findings to standard error, whatever the form of the answer: it does not hold them.
    pub(crate) fn findings_beside(&mut self, findings: &[Diagnostic]) -> io::Result<()> {
        write!(self.err, "{}", findings::all(findings, Paint(self.color)))
    }

    /// Why a command failed, to standard error. In JSON it has the daemon's own form of an error.
    pub(crate) fn failure(&mut self, failure: &Failure) -> io::Result<()> {
        if self.is_json() {
            return writeln!(self.err, "{}", failure_json(failure)?);
        }
        if let Failure::Refused(ApiError { diagnostics, .. }) = failure {
            self.findings(diagnostics)?;
        }
        let head = Paint(self.color).bad("error");
        writeln!(self.err, "{head}: {failure}")
    }
}

fn failure_json(failure: &Failure) -> serde_json::Result<String> {
    match failure {
        Failure::Refused(refusal) => serde_json::to_string(refusal),
        other => serde_json::to_string(&serde_json::json!({ "code": other.word(), "message": other.to_string() })),
    }
}

/// A log line for people. Runtimes keep the lines of a stack trace in one entry with carriage returns between them, over
/// which a terminal would write.
pub(crate) fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint(pub(crate) bool);

impl Paint {
    /// Something wrong.
    pub(crate) fn bad(self, text: &str) -> String {
        self.with(text, Style::new().red().bold())
    }

    /// Something to look at.
    pub(crate) fn careful(self, text: &str) -> String {
        self.with(text, Style::new().yellow().bold())
    }

    /// Something as it should be.
    pub(crate) fn good(self, text: &str) -> String {
        self.with(text, Style::new().green())
    }

    /// Something that stands out.
    pub(crate) fn strong(self, text: &str) -> String {
        self.with(text, Style::new().bold())
    }

    /// Something in the background.
    pub(crate) fn dim(self, text: &str) -> String {
        self.with(text, Style::new().dimmed())
    }

    fn with(self, text: &str, style: Style) -> String {
        if self.0 { text.style(style).to_string() } else { text.to_owned() }
    }
}
