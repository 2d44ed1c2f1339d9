//! A change of configuration in one line.

use samd_proto::reload::{Changes, ReloadOutcome, ReloadReport};

use super::{Paint, findings, time};

/// `applied in 12.3 ms: functions ~Orders +Users; routes +GET /users; after app.py`.
pub(crate) fn outcome(report: &ReloadReport, paint: Paint) -> String {
    let mut text = match &report.outcome {
        ReloadOutcome::Applied { functions, routes } => {
            let parts = [("functions", functions), ("routes", routes)];
            let said: Vec<String> =
                parts.iter().filter_map(|(word, changes)| Some(format!("{word} {}", listed(changes)?))).collect();
            let said = if said.is_empty() { String::new() } else { format!(": {}", said.join("; ")) };
            format!("{} in {}{said}", paint.good("applied"), time::duration(report.duration_us))
        }
        ReloadOutcome::Unchanged => {
            format!("{} in {}", paint.dim("nothing changed"), time::duration(report.duration_us))
        }
        ReloadOutcome::Rejected { diagnostics } => {
            let counted = findings::summary(diagnostics);
            format!("{}: {counted}; generation {} keeps serving", paint.bad("rejected"), report.generation)
        }
    };
    if let Some(files) = files(report) {
        text += &paint.dim(&format!(" (after {files})"));
    }
    text
}

/// An event: when, which project, what.
pub(crate) fn event(report: &ReloadReport, paint: Paint) -> String {
    let when = paint.dim(&time::of_day(report.at_ms));
    format!("{when} {} {}", paint.strong(&report.project), outcome(report, paint))
}

/// `+new ~replaced -gone`; `None` when there is nothing.
fn listed(changes: &Changes) -> Option<String> {
    let marked =
        |mark: char, names: &[String]| names.iter().map(move |name| format!("{mark}{name}")).collect::<Vec<_>>();
    let all = [marked('+', &changes.added), marked('~', &changes.changed), marked('-', &changes.removed)].concat();
    (!all.is_empty()).then(|| all.join(" "))
}

fn files(report: &ReloadReport) -> Option<String> {
    let name = |path: &std::path::PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
    match report.files.as_slice() {
        [] => None,
        [one] => name(one),
        [first, rest @ ..] => Some(format!("{} and {}", name(first)?, findings::plural(rest.len(), "other file"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_in_one_line() {
        let functions = Changes { added: vec!["Users".into()], changed: vec!["Orders".into()], removed: vec![] };
        let report = ReloadReport {
            project: "shop".to_owned(),
            generation: 2,
            at_ms: 0,
            duration_us: 12_345,
            files: vec!["/shop/app.py".into(), "/shop/lib.py".into()],
            outcome: ReloadOutcome::Applied { functions, routes: Changes::default() },
        };
        let expected = "applied in 12.3 ms: functions +Users ~Orders (after app.py and 1 other file)";
        assert_eq!(outcome(&report, Paint(false)), expected);
    }
}
