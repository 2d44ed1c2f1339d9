//! `samctl local invoke`: runs a function once and ends with it. The reply goes to standard output as it is, the log to
//! standard error; a function that failed is no failure of the command, as with the SAM CLI.

use std::io::Write;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use samd_proto::endpoint::Start;
use samd_proto::invoke::{InvokeRequest, InvokeResponse};
use samd_proto::log::{LogEvent, LogSource};
use samd_proto::project::{FunctionStatus, ProjectStatus, StartRequest};

use super::arguments::LocalInvokeArgs;
use super::foreground::{self, PROJECT};
use super::news::{News, Newsroom};
use super::own::{OwnDaemon, Wanted};
use super::plan::Plan;
use super::screen::Screen;
use super::unserved;
use crate::exit::{Ended, Failure, Outcome};
use crate::{Surroundings, commands};

/// The command's name in samconfig.
const COMMAND: &str = "local_invoke";
/// How long the last lines of the log may take once the function has answered.
const LAST_LINES: Duration = Duration::from_millis(500);

pub(super) fn run(arguments: &LocalInvokeArgs, surroundings: &mut Surroundings) -> Ended {
    let news = Newsroom::open()?;
    let mut plan = Plan::of(COMMAND, &arguments.common, surroundings)?;
    unserved::check_invoke(arguments, &plan.layers)?;
    let event = plan.layers.path("event", arguments.event.as_ref(), None);
    let function = plan.layers.text("function_logical_id", arguments.function.as_deref(), None);
    plan.settings.port = Some(foreground::ANY_PORT.port());
    let request =
        StartRequest { name: PROJECT.to_owned(), settings: plan.settings, environment: surroundings.environment() };
    let wanted = Wanted { lambda: foreground::ANY_PORT, debug: plan.debug };
    let log_file = plan.log_file;
    let event = event.as_deref().map(|path| commands::invoke::read_event(path, surroundings)).transpose()?;
    let daemon = OwnDaemon::start(wanted, surroundings)?;
    let mut screen = Screen::new(surroundings, log_file.as_deref())?;
    let status = foreground::started(daemon.client.call::<Start>(&request), &mut screen)?;
    let (function, others) = choose(&status, function.as_deref())?;
    if !others.is_empty() {
        let chosen = &function.id;
        screen
            .say(&format!("Several functions go by this name: {chosen} is invoked, and not {}", others.join(", ")))?;
    }
    screen.say(&invoking(function))?;
    news.follow_logs(&daemon.client, PROJECT, false)?;
    let request = InvokeRequest { name: PROJECT.to_owned(), function: function.id.clone(), event, asynchronous: false };
    news.invoke(daemon.client.clone(), request)?;
    let answer = wait(&news, &mut screen);
    daemon.end(|| news.next_within(Duration::from_millis(10)).is_none_or(|news| !matches!(news, News::Told)));
    match answer? {
        Some(response) => print(&response, surroundings),
        None => Ok(Outcome::Done),
    }
}

/// The function that is meant, the named one or else the only one; and those that go by the same name.
fn choose<'a>(status: &'a ProjectStatus, named: Option<&str>) -> Result<(&'a FunctionStatus, Vec<&'a str>), Failure> {
    let functions = status.running.as_ref().map(|running| running.functions.as_slice()).unwrap_or_default();
    let known = || functions.iter().map(|function| function.id.as_str()).collect::<Vec<_>>().join(", ");
    let options = || format!("Possible options in your template: {}", known());
    match (named, functions) {
        (_, []) => Err(Failure::Usage("the template has no function".to_owned())),
        (Some(named), all) => meant(all, named)
            .ok_or_else(|| Failure::Usage(format!("Function {named} not found in template. {}", options()))),
        (None, [only]) => Ok((only, Vec::new())),
        (None, _) => Err(Failure::Usage(format!(
            "You must provide a function logical ID when there are more than one functions in your template. {}",
            options()
        ))),
    }
}

/// The function of this id, else the first by id that goes by the name, with the others that do.
fn meant<'a>(all: &'a [FunctionStatus], named: &str) -> Option<(&'a FunctionStatus, Vec<&'a str>)> {
    if let Some(function) = all.iter().find(|function| function.id == named) {
        return Some((function, Vec::new()));
    }
    // An ARN stands for the name in it.
    let in_arn = named.strip_prefix("arn:").and_then(|arn| arn.split_once(":function:")).map(|(_, name)| name);
    let name = in_arn.and_then(|name| name.split(':').next()).unwrap_or(named);
    let mut found: Vec<&FunctionStatus> =
        all.iter().filter(|function| function.id == name || function.also.iter().any(|other| other == name)).collect();
    found.sort_by_key(|function| function.id.to_lowercase());
    let (first, others) = found.split_first()?;
    Some((first, others.iter().map(|function| function.id.as_str()).collect()))
}

fn invoking(function: &FunctionStatus) -> String {
    match &function.handler {
        Some(handler) => format!("Invoking {handler} ({})", function.runtime),
        None => format!("Invoking {} ({})", function.id, function.runtime),
    }
}

/// Shows the log until the function has answered and its last line has come; `None` when the user did not wait for it.
fn wait(news: &Newsroom, screen: &mut Screen<'_>) -> Result<Option<InvokeResponse>, Failure> {
    // The report may come before the answer, which alone says whose report is waited for.
    let mut reports = Vec::new();
    let response = loop {
        match news.next() {
            News::Log(event) => {
                screen.log(&event)?;
                reports.extend(report(&event).map(str::to_owned));
            }
            News::Answered(answer) => break (*answer)?,
            News::Told => return Ok(None),
            News::Gone => return Err(Failure::NoDaemon("samd has ended by itself".to_owned())),
            News::Reload(_) => {}
        }
    };
    let until = Instant::now() + LAST_LINES;
    while !reports.iter().any(|report| report.contains(&response.request_id)) {
        let Some(News::Log(event)) = news.next_within(until.saturating_duration_since(Instant::now())) else { break };
        screen.log(&event)?;
        reports.extend(report(&event).map(str::to_owned));
    }
    Ok(Some(response))
}

/// The line, where it is the last one of an invocation.
fn report(event: &LogEvent) -> Option<&str> {
    let LogEvent::Line(line) = event else { return None };
    let report = line.line.starts_with("REPORT ") || line.line.contains("platform.report");
    (line.source == LogSource::Platform && report).then_some(line.line.as_str())
}

fn print(response: &InvokeResponse, surroundings: &mut Surroundings) -> Ended {
    let payload = match (&response.payload, &response.payload_base64) {
        (Some(text), _) => text.0.clone().into_bytes(),
        (None, Some(base64)) => STANDARD
            .decode(&base64.0)
            .map_err(|error| Failure::NoDaemon(format!("the daemon sent a reply that cannot be read: {error}")))?,
        (None, None) => Vec::new(),
    };
    surroundings.out.write_all(&payload)?;
    surroundings.out.write_all(b"\n")?;
    surroundings.out.flush()?;
    Ok(Outcome::Done)
}
