//! Findings as a good compiler shows them: what, where, the line itself, what to do.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use samd_proto::{Diagnostic, Location, Severity};

use super::Paint;

/// The lines of the files that findings are in, each file read once; none of a file that cannot be read here.
#[derive(Default)]
struct Sources<'f>(HashMap<&'f Path, Vec<String>>);

/// All findings, a blank line after each, then how many there are; nothing for none.
pub(crate) fn all(findings: &[Diagnostic], paint: Paint) -> String {
    let mut sources = Sources::default();
    let mut text: String = findings.iter().map(|finding| one(finding, &mut sources, paint) + "\n").collect();
    if findings.len() > 1 {
        text.push_str(&summary(findings));
        text.push('\n');
    }
    text
}

/// `2 errors, 1 warning`.
pub(crate) fn summary(findings: &[Diagnostic]) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let counts =
        [Severity::Error, Severity::Warning, Severity::Note].map(|severity| (count(severity), severity.as_str()));
    let said = counts.iter().filter(|(number, _)| *number > 0).map(|(number, word)| plural(*number, word));
    said.collect::<Vec<_>>().join(", ")
}

/// `1 error`, `2 errors`.
pub(crate) fn plural(number: usize, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}

fn one<'f>(finding: &'f Diagnostic, sources: &mut Sources<'f>, paint: Paint) -> String {
    let severity = match finding.severity {
        Severity::Error => paint.bad("error"),
        Severity::Warning => paint.careful("warning"),
        Severity::Note => paint.strong("note"),
    };
    let mut text = format!("{severity}: {}\n", paint.strong(&finding.message));
    let gutter = finding.location.as_ref().map_or(1, |location| location.line.to_string().len());
    if let Some(location) = &finding.location {
        text += &place(location, sources, gutter, paint);
    }
    let blank = " ".repeat(gutter);
    if !finding.path.is_empty() {
        text += &format!("{blank} {} in: {}\n", paint.dim("="), finding.path);
    }
    if let Some(help) = &finding.help {
        text += &format!("{blank} {} help: {help}\n", paint.dim("="));
    }
    text
}

/// File, line and column, and the line itself when the file can be read here.
fn place<'f>(location: &'f Location, sources: &mut Sources<'f>, gutter: usize, paint: Paint) -> String {
    let blank = " ".repeat(gutter);
    let at = format!("{}:{}:{}", location.file.display(), location.line, location.column);
    let arrow = paint.dim("-->");
    let bar = paint.dim("|");
    let Some(line) = sources.line(location) else { return format!("{blank}{arrow} {at}\n") };
    let caret = format!("{}{}", " ".repeat(column_width(&line, location.column)), paint.bad("^"));
    let number = paint.dim(&location.line.to_string());
    format!("{blank}{arrow} {at}\n{blank} {bar}\n{number} {bar} {}\n{blank} {bar} {caret}\n", untabbed(&line))
}

impl<'f> Sources<'f> {
    fn line(&mut self, location: &'f Location) -> Option<String> {
        let lines = self.0.entry(&location.file).or_insert_with(|| {
            let text = fs::read_to_string(&location.file).unwrap_or_default();
            text.lines().map(str::to_owned).collect()
        });
        let line = lines.get(usize::try_from(location.line).ok()?.checked_sub(1)?)?;
        // Control characters would reach the user's terminal.
        let shown = |character: char| if character.is_control() && character != '\t' { '·' } else { character };
        Some(line.chars().map(shown).collect())
    }
}

/// A tab counts four columns here, so that the caret stands below its character.
fn untabbed(line: &str) -> String {
    line.replace('\t', "    ")
}

fn column_width(line: &str, column: u32) -> usize {
    let before = usize::try_from(column).unwrap_or(1).saturating_sub(1);
    line.chars().take(before).map(|character| if character == '\t' { 4 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_shows_its_line_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("template.yaml");
        fs::write(&file, "Resources:\n  Hello:\n\tRuntime: pyton3.12\n").unwrap();
        let finding = Diagnostic {
            severity: Severity::Error,
            location: Some(Location { file: file.clone(), line: 3, column: 11 }),
            path: "Resources.Hello.Properties.Runtime".to_owned(),
            message: "AWS has no runtime pyton3.12".to_owned(),
            help: Some("did you mean python3.12?".to_owned()),
        };
        let expected = format!(
            "error: AWS has no runtime pyton3.12\n --> {}:3:11\n  |\n3 |     Runtime: pyton3.12\n  |              ^\n  = in: \
             Resources.Hello.Properties.Runtime\n  = help: did you mean python3.12?\n\n",
            file.display()
        );
        assert_eq!(all(&[finding], Paint(false)), expected);
    }

    #[test]
    fn a_finding_whose_file_is_gone_still_names_its_place() {
        let finding = Diagnostic {
            severity: Severity::Warning,
            location: Some(Location { file: "/nowhere/t.yaml".into(), line: 12, column: 1 }),
            path: String::new(),
            message: "odd".to_owned(),
            help: None,
        };
        assert_eq!(one(&finding, &mut Sources::default(), Paint(false)), "warning: odd\n  --> /nowhere/t.yaml:12:1\n");
    }

    #[test]
    fn several_findings_are_counted() {
        let finding = |severity| Diagnostic {
            severity,
            location: None,
            path: String::new(),
            message: "m".to_owned(),
            help: None,
        };
        let findings = [finding(Severity::Error), finding(Severity::Error), finding(Severity::Note)];
        assert_eq!(summary(&findings), "2 errors, 1 note");
    }
}
