//! The control port's token as the guard needs it: compared in constant time, shown to nobody. Where it is kept is the
//! state folder's business.

use std::fmt;

use subtle::ConstantTimeEq;

/// The bearer token of the control port. `Debug` does not show it.
#[derive(Clone)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// The token that callers must send.
    ///
    /// # Panics
    /// When it is empty: an empty token guards nothing, and only a mistake of the caller can make one.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Token {
        let text = text.into();
        assert!(!text.is_empty(), "the control token is empty");
        Token(text)
    }

    /// Whether `candidate` is the token; takes equally long wherever the two differ.
    #[must_use]
    pub fn admits(&self, candidate: &str) -> bool {
        self.0.as_bytes().ct_eq(candidate.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_token_is_admitted_and_nothing_else() {
        let token = Token::new("abc");
        assert!(token.admits("abc"));
        for wrong in ["", "ab", "abcd", "abd", "ABC"] {
            assert!(!token.admits(wrong), "{wrong}");
        }
    }

    #[test]
    fn the_token_is_not_in_debug_output() {
        assert!(!format!("{:?}", Token::new("abc")).contains("abc"));
    }
}
