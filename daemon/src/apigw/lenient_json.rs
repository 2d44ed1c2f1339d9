//! The sloppy JSON that MOCK integrations accept for their status (D5.2): bare or single-quoted names, stray commas.

/// The integer `statusCode` of an object; `None` where there is none, where it is quoted, or where the text is no object.
pub(crate) fn status_code(text: &str) -> Option<u16> {
    let mut reader = Reader { rest: text.trim() };
    reader.take('{')?;
    let mut status = None;
    loop {
        reader.skip(|c| c.is_whitespace() || c == ',');
        if reader.take('}').is_some() {
            break;
        }
        let name = reader.word()?;
        reader.skip(char::is_whitespace);
        reader.take(':')?;
        reader.skip(char::is_whitespace);
        let value = reader.value()?;
        if name.text == "statusCode" {
            status = Some(value);
        }
    }
    let status = status.filter(|value| reader.rest.trim().is_empty() && !value.quoted)?;
    status.text.parse().ok().filter(|code| (200..=599).contains(code))
}

struct Word<'a> {
    text: &'a str,
    quoted: bool,
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn take(&mut self, wanted: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(wanted)?;
        Some(())
    }

    fn skip(&mut self, unwanted: impl Fn(char) -> bool) {
        self.rest = self.rest.trim_start_matches(unwanted);
    }

    /// A quoted text, which ends with the quote that it began with, or everything up to a delimiter.
    fn word(&mut self) -> Option<Word<'a>> {
        let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (text, rest) = match quote {
            Some(quote) => self.rest.strip_prefix(quote)?.split_once(quote)?,
            None => {
                let end = self.rest.find(|c: char| c.is_whitespace() || ":,{}[]\"'".contains(c))?;
                self.rest.split_at(end)
            }
        };
        self.rest = rest;
        (quote.is_some() || !text.is_empty()).then_some(Word { text, quoted: quote.is_some() })
    }

    /// As [`Reader::word`]; objects and lists are passed over.
    fn value(&mut self) -> Option<Word<'a>> {
        if !self.rest.starts_with(['{', '[']) {
            return self.word();
        }
        let mut depth = 0_usize;
        for (at, c) in self.rest.char_indices() {
            match c {
                '{' | '[' => depth += 1,
                '}' | ']' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.rest = self.rest.get(at + 1..)?;
                return Some(Word { text: "", quoted: true });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::status_code;

    #[test]
    fn what_aws_accepted_is_accepted() {
        let accepted = [
            r#"{"statusCode" : 200}"#,
            "{statusCode: 200}",
            "{ statusCode: 200 }",
            "{'statusCode': 200, '': ''}",
            r#"{"statusCode": 200 , }"#,
            r#"{"a": {"b": [1]}, "statusCode": 200,}"#,
            "\n{\n \"statusCode\": 200\n}\n",
        ];
        for text in accepted {
            assert_eq!(status_code(text), Some(200), "{text}");
        }
    }

    #[test]
    fn what_aws_refused_is_refused() {
        let refused = [
            r#"{"statusCode": "200"}"#,
            r#"{"statusCode': 200 }"#,
            r#"{statusCode": 200}"#,
            "statusCode: 200",
            "{statusCode: 200",
            "statusCode: 200}",
            "{}",
            "",
            "{statusCode: 20000}",
            "{:",
            "{\u{e9}",
        ];
        for text in refused {
            assert_eq!(status_code(text), None, "{text}");
        }
    }
}
