//! `samctl events`: changes of configuration.

use samd_proto::endpoint::Events;
use samd_proto::reload::{EventsRequest, ReloadEvent, ReloadOutcome};

use super::Session;
use crate::cli::EventsArgs;
use crate::exit::{Ended, Outcome};
use crate::show::{Paint, findings, image, reload};

pub(super) fn run(arguments: EventsArgs, session: &mut Session<'_>) -> Ended {
    let request = EventsRequest { name: arguments.name, follow: arguments.follow };
    let events = session.connect()?.follow::<Events>(&request)?;
    let mut output = session.output();
    for event in events {
        let event = event?;
        output.event(&event, |paint| text(&event, paint))?;
    }
    Ok(Outcome::Done)
}

fn text(event: &ReloadEvent, paint: Paint) -> String {
    match event {
        ReloadEvent::Reload(report) => {
            let head = reload::event(report, paint);
            match &report.outcome {
                ReloadOutcome::Rejected { diagnostics } => {
                    format!("{head}\n{}", findings::all(diagnostics, paint).trim_end())
                }
                ReloadOutcome::Applied { .. } | ReloadOutcome::Unchanged => head,
            }
        }
        ReloadEvent::Image(progress) => image::text(progress, paint),
        ReloadEvent::Lagged { lost } => paint.careful(&format!("({lost} events lost: they came too fast)")),
        ReloadEvent::Unknown => paint.dim("(something that this samctl does not know; a newer one shows it)"),
    }
}
