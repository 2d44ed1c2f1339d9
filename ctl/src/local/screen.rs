//! What a command in the foreground writes, in the SAM CLI's form: its own lines on standard error, functions' output
//! there or in the log file.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use samd_proto::image::{ImageProgress, ImageStep};
use samd_proto::log::{LogEvent, RequestLine};
use samd_proto::{ApiError, Diagnostic};

use crate::Surroundings;
use crate::exit::Failure;
use crate::show::{self, Paint, findings};

/// Where lines go.
pub(super) struct Screen<'a> {
    err: &'a mut dyn Write,
    paint: Paint,
    log_file: Option<File>,
}

impl<'a> Screen<'a> {
    /// The screen of `surroundings`, with functions' output in a file where one was named.
    pub(super) fn new(surroundings: &'a mut Surroundings, log_file: Option<&Path>) -> Result<Screen<'a>, Failure> {
        let open =
            |path: &Path| {
                File::options().create(true).append(true).open(path).map_err(|error| {
                    Failure::Usage(format!("the log file {} cannot be written: {error}", path.display()))
                })
            };
        let log_file = log_file.map(open).transpose()?;
        Ok(Screen { err: &mut surroundings.err, paint: Paint(surroundings.color), log_file })
    }

    /// A line of the command's own.
    pub(super) fn say(&mut self, line: &str) -> Result<(), Failure> {
        writeln!(self.err, "{line}")?;
        Ok(self.err.flush()?)
    }

    /// A line with the time before it, as the SAM CLI's server writes it.
    pub(super) fn say_at(&mut self, time: &Zoned, line: &str) -> Result<(), Failure> {
        self.say(&format!("{} {line}", time.strftime("%Y-%m-%d %H:%M:%S")))
    }

    /// Findings about the user's files.
    pub(super) fn findings(&mut self, found: &[Diagnostic]) -> Result<(), Failure> {
        Ok(self.err.write_all(findings::all(found, self.paint).as_bytes())?)
    }

    /// What came of following the log.
    pub(super) fn log(&mut self, event: &LogEvent) -> Result<(), Failure> {
        match event {
            LogEvent::Line(line) => self.function(&line.line),
            LogEvent::Request(request) => self.request(request),
            LogEvent::Lagged { lost } => self.say(&format!("({lost} lines lost: they came too fast)")),
            LogEvent::Unknown => Ok(()),
        }
    }

    /// How far an image is, when its step is another one than before.
    pub(super) fn image(&mut self, progress: &ImageProgress) -> Result<(), Failure> {
        if progress.step == ImageStep::Pulling && progress.layers_done > 0 {
            return Ok(());
        }
        let line = show::image::text(progress, self.paint);
        self.say(&line)
    }

    fn function(&mut self, line: &str) -> Result<(), Failure> {
        let line = show::lines(line);
        match &mut self.log_file {
            Some(file) => Ok(writeln!(file, "{line}")?),
            None => self.say(&line),
        }
    }

    fn request(&mut self, request: &RequestLine) -> Result<(), Failure> {
        let time = local(request.time_ms);
        let line = access_line(request, &time);
        self.say_at(&time, &line)
    }
}

/// The time on the user's clock.
pub(super) fn local(milliseconds: u64) -> Zoned {
    let time = i64::try_from(milliseconds).ok().and_then(|time| Timestamp::from_millisecond(time).ok());
    time.unwrap_or_default().to_zoned(TimeZone::system())
}

/// One request in the common log format.
fn access_line(request: &RequestLine, time: &Zoned) -> String {
    let RequestLine { client, method, target, version, status, .. } = request;
    let when = time.strftime("%d/%b/%Y %H:%M:%S");
    format!("{client} - - [{when}] \"{method} {} {version}\" {status} -", printable(target))
}

/// What a client sent is not trusted to be fit for a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

/// A refusal of the daemon with its findings told apart, so that they can be shown first.
pub(super) fn split(failure: Failure) -> (Vec<Diagnostic>, Failure) {
    match failure {
        Failure::Refused(ApiError { code, message, diagnostics }) => {
            (diagnostics, Failure::Refused(ApiError { code, message, diagnostics: Vec::new() }))
        }
        other => (Vec::new(), other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_line_of_the_common_log_format() {
        let request = RequestLine {
            time_ms: 1_700_000_000_000,
            client: "127.0.0.1".to_owned(),
            method: "GET".to_owned(),
            target: "/hello?a=\u{1b}".to_owned(),
            version: "HTTP/1.1".to_owned(),
            status: 200,
            duration_us: 1,
        };
        let time = Timestamp::from_millisecond(1_700_000_000_000).unwrap().to_zoned(TimeZone::UTC);
        assert_eq!(
            access_line(&request, &time),
            "127.0.0.1 - - [14/Nov/2023 22:13:20] \"GET /hello?a=? HTTP/1.1\" 200 -"
        );
    }
}
