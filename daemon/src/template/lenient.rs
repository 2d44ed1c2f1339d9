//! YAML that CloudFormation and the SAM CLI take and that YAML's own rules forbid: lines inside quotes and brackets that
//! stand left of their key, tabs before such lines, a comment that touches what it follows, a dash alone as an item in
//! brackets, JSON's two escapes for one character.
//!
//! The YAML library keeps to the rules. What it refuses is mended in a copy of the text, where the change has no meaning,
//! and the places of what stands behind a change are given as the user wrote them.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Marker, Parser, ScanError};

use super::scalar::with_joined_surrogates;

/// Most bytes that are read while a text is mended: every fault found means to read from the beginning.
const MAX_READ: usize = 32 * 1024 * 1024;

/// A text that the library takes, and by how much its lines moved to the right.
pub(super) struct Mended {
    pub(super) text: String,
    pub(super) moved: Moved,
}

/// A fault, and by how much the lines before it moved.
pub(super) struct Unforgiven {
    pub(super) fault: ScanError,
    pub(super) moved: Moved,
}

/// What was put into lines, by their numbers: from which column on, and by how much what follows moved.
#[derive(Default)]
pub(super) struct Moved(HashMap<usize, Vec<(usize, usize)>>);

impl Moved {
    /// The column, counted from 0, at which the user wrote what stands here.
    pub(super) fn column(&self, marker: Marker) -> usize {
        if self.0.is_empty() {
            return marker.col();
        }
        let moves = self.0.get(&marker.line()).map(Vec::as_slice).unwrap_or_default();
        // The last change first, since each is told in the columns of the text that it found.
        // What stands within a change stands where it was made.
        let before = |column: usize, (from, by): &(usize, usize)| {
            if column > *from { column.saturating_sub(*by).max(*from) } else { column }
        };
        moves.iter().rev().fold(marker.col(), before)
    }

    fn note(&mut self, line: usize, from: usize, by: usize) {
        self.0.entry(line).or_default().push((from, by));
    }
}

/// The text without the faults that may be forgiven, of which `fault` is the first.
///
/// # Errors
/// The first fault that may not be.
pub(super) fn mended(text: &str, mut fault: ScanError) -> Result<Mended, Unforgiven> {
    let Some(mut lines) = Lines::of(text) else { return Err(Unforgiven { fault, moved: Moved::default() }) };
    let mut read = 0;
    while read < MAX_READ && lines.mend(&fault).is_some() {
        let text = lines.text.concat();
        read += text.len();
        match Parser::new_from_str(&text).find_map(Result::err) {
            Some(next) => fault = next,
            None => return Ok(Mended { text, moved: lines.moved }),
        }
    }
    Err(Unforgiven { fault, moved: lines.moved })
}

struct Lines {
    /// The lines with their ends.
    text: Vec<String>,
    moved: Moved,
}

impl Lines {
    /// `None` for a text whose lines the library counts otherwise.
    fn of(text: &str) -> Option<Lines> {
        let bare_return = text.replace("\r\n", "\n").contains('\r');
        let lines = || text.split_inclusive('\n').map(str::to_owned).collect();
        (!bare_return).then(|| Lines { text: lines(), moved: Moved::default() })
    }

    /// Takes one fault away; `None` when it is not one to forgive.
    fn mend(&mut self, fault: &ScanError) -> Option<()> {
        let (line, column) = (fault.marker().line(), fault.marker().col());
        match fault.info() {
            "invalid indentation in quoted scalar" => self.indent_quoted(line, column),
            "tab cannot be used as indentation" => self.replace_tabs(line),
            // The library says these of lines inside brackets alone.
            "invalid indentation" | "invalid indentation in flow construct" => {
                self.indent(line, self.right_of_the_line_before(line)?)
            }
            "comments must be separated from other tokens by whitespace" => self.part_comment(line, column),
            "':' may not precede any of `[{` in flow mapping" => self.part(line, column + 1),
            "plain scalar cannot start with '-' followed by ,[]{}" => self.quote_dash(line, column),
            "while parsing a quoted scalar, found invalid Unicode character escape code" => {
                self.join_surrogates(line, column)
            }
            _ => None,
        }
    }

    fn line(&self, number: usize) -> Option<&String> {
        self.text.get(number.checked_sub(1)?)
    }

    /// Moves a line's text to this column at least; `None` when it stands there already.
    fn indent(&mut self, number: usize, column: usize) -> Option<()> {
        let line = self.text.get_mut(number.checked_sub(1)?)?;
        let by = column.checked_sub(leading(line)).filter(|by| *by > 0)?;
        line.insert_str(0, &" ".repeat(by));
        self.moved.note(number, 0, by);
        Some(())
    }

    /// Moves the further lines of the quoted text that begins here to the right of its beginning.
    fn indent_quoted(&mut self, first: usize, column: usize) -> Option<()> {
        let last = self.end_of_quoted(first, column)?;
        let mut changed = None;
        for number in first + 1..=last {
            if self.line(number).is_some_and(|line| !line.trim().is_empty()) {
                let tabs = self.replace_tabs(number);
                changed = self.indent(number, column + 1).or(tabs).or(changed);
            }
        }
        changed
    }

    /// The line on which the quoted text that begins here ends.
    fn end_of_quoted(&self, first: usize, column: usize) -> Option<usize> {
        let quote = self.line(first)?.chars().nth(column).filter(|quote| matches!(quote, '"' | '\''))?;
        for number in first..=self.text.len() {
            let skipped = if number == first { column + 1 } else { 0 };
            let mut rest = self.line(number)?.chars().skip(skipped).peekable();
            while let Some(character) = rest.next() {
                // A backslash keeps what follows it, and a single quote is doubled.
                let escapes = (quote == '"' && character == '\\') || (quote == '\'' && rest.peek() == Some(&'\''));
                if character == quote && !escapes {
                    return Some(number);
                }
                if escapes && (character == '\\' || character == quote) {
                    rest.next();
                }
            }
        }
        None
    }

    /// Writes the pairs of escapes in the quoted text that begins here as the characters' own.
    fn join_surrogates(&mut self, first: usize, column: usize) -> Option<()> {
        let last = self.end_of_quoted(first, column)?;
        let mut changed = None;
        for line in self.text.get_mut(first.checked_sub(1)?..last)? {
            if let Cow::Owned(joined) = with_joined_surrogates(line) {
                *line = joined;
                changed = Some(());
            }
        }
        changed
    }

    fn replace_tabs(&mut self, number: usize) -> Option<()> {
        let line = self.text.get_mut(number.checked_sub(1)?)?;
        let (blank, rest) = line.split_at(leading(line));
        let spaces = blank.contains('\t').then(|| blank.replace('\t', " ") + rest)?;
        *line = spaces;
        Some(())
    }

    /// A column that is right of the key whose brackets the line before belongs to.
    fn right_of_the_line_before(&self, number: usize) -> Option<usize> {
        let told = |line: &String| !matches!(line.trim_start().chars().next(), None | Some('#'));
        let before = (1..number).rev().find(|earlier| self.line(*earlier).is_some_and(told))?;
        let line = self.line(before)?;
        Some(if self.moved.0.contains_key(&before) { leading(line) } else { line.trim_end().chars().count() })
    }

    /// Puts a space before what stands here.
    fn part(&mut self, number: usize, column: usize) -> Option<()> {
        let line = self.text.get_mut(number.checked_sub(1)?)?;
        let place = line.char_indices().nth(column)?.0;
        line.insert(place, ' ');
        self.moved.note(number, column, 1);
        Some(())
    }

    /// Puts the dash that stands here into quotes: `[-, a]`.
    fn quote_dash(&mut self, number: usize, column: usize) -> Option<()> {
        let line = self.text.get_mut(number.checked_sub(1)?)?;
        let (place, _) = line.char_indices().nth(column).filter(|(_, character)| *character == '-')?;
        line.replace_range(place..=place, "'-'");
        self.moved.note(number, column, 2);
        Some(())
    }

    fn part_comment(&mut self, number: usize, column: usize) -> Option<()> {
        let line = self.text.get_mut(number.checked_sub(1)?)?;
        let place = line.char_indices().skip(column.saturating_sub(1)).find(|(_, character)| *character == '#')?.0;
        let touches = line[..place].ends_with(|character: char| !character.is_whitespace());
        touches.then(|| line.insert(place, ' '))
    }
}

/// How many spaces and tabs a line begins with.
fn leading(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

#[cfg(test)]
mod tests {
    use super::{Marker, Moved};
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::super::node::Node;
    use super::super::yaml::parse;

    fn read(text: &str) -> Node {
        parse(&Arc::new(PathBuf::from("t.yaml")), text).unwrap_or_else(|error| panic!("{text}: {}", error.message))
    }

    fn text_at<'n>(node: &'n Node, path: &[&str]) -> &'n str {
        node.at(path).and_then(Node::as_str).unwrap_or_default()
    }

    #[test]
    fn further_lines_of_quoted_text_may_stand_left_of_their_key() {
        let node = read("A:\n  B: \"one\ntwo\n\n  three\\\n four \\\" five\n\"\n  C: 'it''s\nsix'\n  D: x\n");
        assert_eq!(text_at(&node, &["A", "B"]), "one two\nthreefour \" five ");
        assert_eq!(text_at(&node, &["A", "C"]), "it's six");
        assert_eq!(text_at(&node, &["A", "D"]), "x");
    }

    #[test]
    fn tabs_may_stand_before_further_lines_of_quoted_text() {
        let node = read("A:\n  B: \"one\n\t\ttwo\n\t three\"\n");
        assert_eq!(text_at(&node, &["A", "B"]), "one two three");
    }

    #[test]
    fn lines_in_brackets_may_stand_left_of_their_key() {
        let node = read("A:\n  B: {\n\"c\": 1,\n# said\n\"d\": [\n2\n]\n}\n  E:\n    F: [\nx]\n  G: y\n");
        let list = |path: &[&str]| node.at(path).and_then(Node::as_list).map(<[Node]>::len);
        assert_eq!((list(&["A", "B", "d"]), list(&["A", "E", "F"])), (Some(1), Some(1)));
        assert_eq!(text_at(&node, &["A", "G"]), "y");
    }

    #[test]
    fn brackets_may_touch_the_colon_before_them() {
        let node = read("A: {b:{c:[d]}, e: f}\n");
        assert_eq!(node.at(&["A", "b", "c"]).and_then(Node::as_list).map(<[Node]>::len), Some(1));
        assert_eq!(text_at(&node, &["A", "e"]), "f");
    }

    #[test]
    fn a_comment_may_touch_what_it_follows() {
        let node = read("A: \"x\"#said\nB: [a,#said\n b]# \"said\"\nC: d#e\n");
        assert_eq!((text_at(&node, &["A"]), text_at(&node, &["C"])), ("x", "d#e"));
        assert_eq!(node.at(&["B"]).and_then(Node::as_list).map(<[Node]>::len), Some(2));
    }

    #[test]
    fn one_character_may_have_the_two_escapes_of_json() {
        let node = read("A: [\"a\\ud83d\\ude00\"]\nB: '\\ud83d\\ude00'\n");
        assert_eq!(node.at(&["A"]).and_then(Node::as_list).and_then(|list| list[0].as_str()), Some("a\u{1f600}"));
        assert_eq!(text_at(&node, &["B"]), "\\ud83d\\ude00");
    }

    #[test]
    fn places_are_those_that_the_user_wrote() {
        let node = read("A: {b: \"one\ntwo\", c: d}\n");
        let place = &node.at(&["A", "c"]).expect("a value").mark;
        assert_eq!((place.line, place.column), (2, 10));
        let node = read("A: {x: [y, -, z], b:{c: d}, e: f}\n");
        let column = |path: &[&str]| node.at(path).map(|node| node.mark.column);
        assert_eq!([["A", "x"], ["A", "b"], ["A", "e"]].map(|path| column(&path)), [Some(8), Some(21), Some(32)]);
        let items = node.at(&["A", "x"]).and_then(Node::as_list).unwrap_or_default();
        assert_eq!(items.iter().map(|item| item.mark.column).collect::<Vec<_>>(), [9, 12, 15]);
    }

    #[test]
    fn a_place_within_a_change_is_where_the_change_was_made() {
        let mut moved = Moved::default();
        moved.note(1, 0, 8);
        moved.note(1, 10, 2);
        let columns = [0, 3, 8, 9, 11, 12, 20].map(|column| moved.column(Marker::new(0, 1, column)));
        assert_eq!(columns, [0, 0, 0, 1, 2, 2, 10]);
    }

    #[test]
    fn a_dash_may_be_an_item_in_brackets() {
        let node = read("A: !Join [-, [a, -]]\nB: [-]\n");
        let joined = node.at(&["A", "Fn::Join"]).and_then(Node::as_list).unwrap_or_default();
        assert_eq!((joined[0].as_str(), joined[1].strings()), (Some("-"), vec!["a".to_owned(), "-".to_owned()]));
        assert_eq!(node.get("B").map(Node::strings), Some(vec!["-".to_owned()]));
    }

    #[test]
    fn a_fault_behind_a_forgiven_one_is_the_one_that_is_told() {
        let error =
            parse(&Arc::new(PathBuf::from("t.yaml")), "A: \"one\ntwo\"\nB: [x]]\n").expect_err("a bracket more");
        assert_eq!(error.location.expect("a place").line, 3);
    }

    #[test]
    fn other_faults_are_told_where_they_stand() {
        for text in
            ["A: \"one\ntwo\"\nB: [\n", "A:\n  B: 'one\n\n", "A: {b: \"one\ntwo\" \"three\"}\n", "A: |\n\tx: 'y\nz\n"]
        {
            let error = parse(&Arc::new(PathBuf::from("t.yaml")), text).expect_err(text);
            assert!(error.message.starts_with("this is not valid YAML"), "{}", error.message);
        }
    }
}
