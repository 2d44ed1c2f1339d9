//! JSON as this room writes and reads it.

use serde::Serialize;

/// A value as JSON bytes.
///
/// # Panics
/// Never for the values of this room: their map keys are strings and a vector takes every byte.
pub(crate) fn to_vec<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(2048);
    #[allow(clippy::expect_used)]
    serde_json::to_writer(&mut bytes, value).expect("string keys into a vector");
    bytes
}

/// Valid JSON without the spaces between its tokens; numbers and strings stay as they are written.
pub(crate) fn compact(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for &byte in json {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
        } else if byte.is_ascii_whitespace() {
            continue;
        } else {
            in_string = byte == b'"';
        }
        out.push(byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::compact;

    #[test]
    fn only_the_space_between_tokens_goes() {
        let json = br#"{ "a b" : [1.50, "x \" y\\" , {"n" : null}] }"#;
        assert_eq!(compact(json), br#"{"a b":[1.50,"x \" y\\",{"n":null}]}"#);
    }
}
