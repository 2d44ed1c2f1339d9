//! `samctl invoke`: runs a function once. Its payload goes to standard output as it is, its log to standard error.

use std::io::Read;
use std::path::Path;

use samd_proto::endpoint::Invoke;
use samd_proto::invoke::{InvokeRequest, InvokeResponse};
use samd_proto::secret::Text;

use super::Session;
use crate::Surroundings;
use crate::cli::InvokeArgs;
use crate::exit::{Ended, Failure, Outcome};
use crate::{show, target};

pub(super) fn run(arguments: &InvokeArgs, session: &mut Session<'_>) -> Ended {
    let event = arguments.event.as_deref().map(|path| read_event(path, session.surroundings)).transpose()?;
    let client = session.connect_or_start()?;
    let projects = target::projects(&client)?;
    let (name, rest) = target::split(&arguments.words, &projects, &session.surroundings.folder)?;
    let function = match rest {
        [function] => function.clone(),
        [] => return Err(Failure::Usage(format!("which function of {name}? `samctl status {name}` lists them"))),
        [wrong, ..] => return Err(Failure::Usage(format!("no project is named {wrong}"))),
    };
    let request = InvokeRequest { name, function, event, asynchronous: arguments.asynchronous };
    let response = client.call::<Invoke>(&request)?;
    print(&response, session)?;
    Ok(if response.function_error.is_some() { Outcome::FunctionError } else { Outcome::Done })
}

fn print(response: &InvokeResponse, session: &mut Session<'_>) -> Result<(), Failure> {
    let mut output = session.output();
    output.remark(&show::lines(response.log_tail.as_deref().unwrap_or_default()))?;
    output.answer(response, |_| match (&response.payload, &response.payload_base64) {
        (Some(Text(payload)), _) => format!("{payload}\n"),
        (None, Some(Text(base64))) => format!("(not text; base64) {base64}\n"),
        (None, None) => format!("{}\n", response.request_id),
    })?;
    Ok(())
}

/// The event's text, checked here so that a mistake is said with its line.
pub(crate) fn read_event(path: &Path, surroundings: &mut Surroundings) -> Result<Text, Failure> {
    let (text, place) = if path == Path::new("-") {
        let mut text = String::new();
        (surroundings.input.read_to_string(&mut text).map(|_| text), "standard input".to_owned())
    } else {
        (std::fs::read_to_string(surroundings.folder.join(path)), path.display().to_string())
    };
    let text = text.map_err(|error| Failure::Usage(format!("the event cannot be read from {place}: {error}")))?;
    match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
        Ok(_) => Ok(Text(text)),
        Err(error) => Err(Failure::Usage(format!("the event in {place} is not JSON: {error}"))),
    }
}
