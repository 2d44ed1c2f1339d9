//! Why a payload is no JSON, in the words of Lambda's own parser (H1.6), Jackson.
//!
//! Pure. Whether it is JSON is decided elsewhere; here the first thing that is wrong gets its words. The words are exact
//! for what stands at the beginning of a payload; further in they name the character and its place.

const SOURCE: &str = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)";
const EXPECTED: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/// The words for `payload`, which `error` says is no JSON.
pub(super) fn problem(payload: &[u8], error: &serde_json::Error) -> String {
    let blank = payload.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let what = match payload.get(blank) {
        None => "No content to map due to end-of-input".to_owned(),
        Some(first) if is_word(*first) && !starts_a_literal(&payload[blank..]) => {
            let word = payload[blank..].iter().take_while(|byte| is_word(**byte)).map(|byte| char::from(*byte));
            format!("Unrecognized token '{}': was expecting {EXPECTED}", word.collect::<String>())
        }
        Some(first) if !starts_a_value(*first) => {
            format!("Unexpected character ({}): expected a valid value {EXPECTED}", described(*first))
        }
        Some(_) if error.is_eof() => "Unexpected end-of-input".to_owned(),
        Some(_) => match character(payload, error) {
            Some(character) => format!("Unexpected character ({})", described(character)),
            None => "Unexpected end-of-input".to_owned(),
        },
    };
    format!("{what}\n at {SOURCE}; line: {}, column: {}]", error.line().max(1), error.column().max(1))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte == b'$'
}

fn starts_a_literal(text: &[u8]) -> bool {
    [&b"null"[..], b"true", b"false"]
        .iter()
        .any(|literal| text.starts_with(literal) && !text.get(literal.len()).is_some_and(|byte| is_word(*byte)))
}

fn starts_a_value(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'{' | b'[' | b'"' | b'-') || is_word(byte)
}

/// The character at the error's place.
fn character(payload: &[u8], error: &serde_json::Error) -> Option<u8> {
    let line = payload.split(|byte| *byte == b'\n').nth(error.line().checked_sub(1)?)?;
    line.get(error.column().saturating_sub(1)).copied()
}

/// As Jackson describes a character: control characters by their code alone.
fn described(byte: u8) -> String {
    if byte < 0x20 || (0x7f..=0x9f).contains(&byte) {
        return format!("(CTRL-CHAR, code {byte})");
    }
    format!("'{}' (code {byte})", char::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem_of(payload: &[u8]) -> String {
        let error = serde_json::from_slice::<serde::de::IgnoredAny>(payload).unwrap_err();
        problem(payload, &error)
    }

    #[test]
    fn the_recorded_words_come_back() {
        assert_eq!(
            problem_of(&[0x99, 0x01]),
            "Unexpected character ((CTRL-CHAR, code 153)): expected a valid value (JSON String, Number, Array, Object or \
             token 'null', 'true' or 'false')\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` \
             disabled); line: 1, column: 1]"
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(problem_of(b"hello world").starts_with("Unrecognized token 'hello': was expecting (JSON String"));
        assert!(problem_of(b" nullish").starts_with("Unrecognized token 'nullish'"));
        assert!(problem_of(b"{\"a\":").starts_with("Unexpected end-of-input"));
        assert!(problem_of(b"{\"a\" 1}").starts_with("Unexpected character ('1' (code 49))"));
        assert!(problem_of(b"'x'").starts_with("Unexpected character (''' (code 39)): expected"));
        assert!(problem_of(b"  ").starts_with("No content"));
    }
}
