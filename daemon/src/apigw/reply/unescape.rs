//! A JSON string's text, copied once whatever its size.
//!
//! A general parser unescapes into a buffer and copies the text out of it: for a reply of 6 MB that is 6 MB more.

use super::envelope::Malformed;

/// What is written between a string's quotes → the text that it stands for. JSON is checked before; what remains to be
/// refused is half a pair of surrogates.
pub(super) fn unescaped(written: &str) -> Result<String, Malformed> {
    let mut text = String::with_capacity(written.len());
    let mut rest = written;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let (char, after) = character(escape)?;
        text.push(char);
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}

/// What follows a backslash → the character, and what follows that.
fn character(escape: &str) -> Result<(char, &str), Malformed> {
    let mut after = escape.chars();
    let char = match after.next().ok_or(Malformed)? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return utf16(after.as_str()),
        other => other,
    };
    Ok((char, after.as_str()))
}

/// One unit of UTF-16, or a pair of surrogates.
fn utf16(digits: &str) -> Result<(char, &str), Malformed> {
    let (first, after) = unit(digits)?;
    let pair = after.strip_prefix("\\u").filter(|_| (0xd800..0xdc00).contains(&first));
    let Some(second) = pair else { return single(first).map(|char| (char, after)) };
    let (second, after) = unit(second)?;
    match char::decode_utf16([first, second]).next() {
        Some(Ok(char)) => Ok((char, after)),
        _ => Err(Malformed),
    }
}

fn unit(digits: &str) -> Result<(u16, &str), Malformed> {
    let (unit, after) = digits.split_at_checked(4).ok_or(Malformed)?;
    u16::from_str_radix(unit, 16).map(|unit| (unit, after)).map_err(|_| Malformed)
}

fn single(unit: u16) -> Result<char, Malformed> {
    char::from_u32(u32::from(unit)).ok_or(Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_escape_is_what_a_general_parser_makes_of_it() {
        let texts = [
            r#""""#,
            r#""plain""#,
            r#""\"\\\/\b\f\n\r\t""#,
            r#""\u0041\u00e9\u20ac\ud83d\ude00 é€😀""#,
            r#""ends\n""#,
            r#""\\u0041""#,
            r#""\u0000\uffff""#,
            r#""\uD83D\uDE00\uD83D\uDE00""#,
        ];
        for json in texts {
            let expected: String = serde_json::from_str(json).unwrap();
            assert_eq!(unescaped(json.trim_matches('"')).as_deref().ok(), Some(expected.as_str()), "{json}");
        }
    }

    #[test]
    fn every_unit_alone_and_in_a_pair_is_what_a_general_parser_makes_of_it() {
        for unit in 0..=u16::MAX {
            for written in [format!("\\u{unit:04x}"), format!("\\ud800\\u{unit:04X}"), format!("\\u{unit:04x}\\udfff!")]
            {
                let expected = serde_json::from_str::<String>(&format!("\"{written}\"")).ok();
                assert_eq!(unescaped(&written).ok(), expected, "{written}");
            }
        }
    }

    #[test]
    fn half_a_pair_of_surrogates_is_no_text() {
        for json in [r#""\ud83d""#, r#""\ude00""#, r#""\ud83dx""#, r#""\ud83d\u0041""#, r#""\ud83d\n""#] {
            assert!(serde_json::from_str::<String>(json).is_err(), "{json}");
            assert_eq!(unescaped(json.trim_matches('"')), Err(Malformed), "{json}");
        }
    }
}
