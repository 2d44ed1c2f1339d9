//! `samctl logs`: what a project's functions print.

use samd_proto::endpoint::Logs;
use samd_proto::log::{LogEvent, LogLine, LogSource, LogsRequest};

use super::Session;
use crate::cli::LogsArgs;
use crate::exit::{Ended, Failure, Outcome};
use crate::show::{self, Paint, time};
use crate::{settings, target};

pub(super) fn run(arguments: &LogsArgs, session: &mut Session<'_>) -> Ended {
    let since_ms =
        arguments.since.as_deref().map(|since| settings::since_ms(since, jiff::Timestamp::now())).transpose()?;
    let client = session.connect()?;
    let projects = target::projects(&client)?;
    let (name, rest) = target::split(&arguments.words, &projects, &session.surroundings.folder)?;
    let function = match rest {
        [] => None,
        [function] => Some(function.clone()),
        [wrong, ..] => return Err(Failure::Usage(format!("no project is named {wrong}"))),
    };
    let several = function.is_none();
    let mut output = session.output();
    for event in
        client.follow::<Logs>(&LogsRequest { name, function, since_ms, follow: arguments.follow, requests: false })?
    {
        let event = event?;
        output.event(&event, |paint| text(&event, several, paint))?;
    }
    Ok(Outcome::Done)
}

fn text(event: &LogEvent, several: bool, paint: Paint) -> String {
    match event {
        LogEvent::Line(line) => line_text(line, several, paint),
        LogEvent::Lagged { lost } => paint.careful(&format!("({lost} lines lost: they came too fast)")),
        // Requests are not asked for here.
        LogEvent::Request(_) | LogEvent::Unknown => {
            paint.dim("(something that this samctl does not know; a newer one shows it)")
        }
    }
}

/// The time, the function where there are several, the line.
fn line_text(line: &LogLine, several: bool, paint: Paint) -> String {
    let when = paint.dim(&time::of_day(line.time_ms));
    let whose = if several { format!(" {}", paint.strong(&line.function)) } else { String::new() };
    let said = match line.source {
        LogSource::Function => show::lines(&line.line),
        LogSource::Platform => paint.dim(line.line.trim_end()),
    };
    format!("{when}{whose} {said}")
}
