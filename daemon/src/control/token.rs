//! The control port's token: made once, kept in a file that its owner alone may read.
//!
//! Owns the token's file and the comparison. It is never printed and never logged.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use subtle::ConstantTimeEq;

/// The bearer token of the control port. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// A token that is known already, as in a test.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Token {
        Token(text.into())
    }

    /// The token in `file`, or a new one that is written there.
    ///
    /// A file that others could read is no secret any more: its token is replaced. So is one that is too short to be
    /// ours.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn load_or_create(file: &Path) -> io::Result<Token> {
        match private_content(file)? {
            Some(text) if text.len() >= LENGTH => Ok(Token(text)),
            Some(_) | None => create(file),
        }
    }

    /// Whether `candidate` is the token; takes equally long wherever the two differ.
    #[must_use]
    pub fn admits(&self, candidate: &str) -> bool {
        self.0.as_bytes().ct_eq(candidate.as_bytes()).into()
    }
}

/// Characters of a token: two random UUIDs, 244 random bits.
const LENGTH: usize = 64;

/// What a token file holds, unless somebody else may read it.
fn private_content(file: &Path) -> io::Result<Option<String>> {
    let mode = match fs::metadata(file) {
        Ok(metadata) => metadata.permissions().mode(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if mode & 0o077 != 0 {
        return Ok(None);
    }
    Ok(Some(fs::read_to_string(file)?.trim().to_owned()))
}

/// Writes a new token beside its place and moves it there, so that no reader meets half of it.
fn create(file: &Path) -> io::Result<Token> {
    let token = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    super::address_file::write_private(file, &token)?;
    Ok(Token(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_outlasts_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let first = Token::load_or_create(&file).unwrap();
        assert_eq!(first, Token::load_or_create(&file).unwrap());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_token_that_others_could_read_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let first = Token::load_or_create(&file).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert_ne!(first, Token::load_or_create(&file).unwrap());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_cut_token_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        Token::load_or_create(&file).unwrap();
        fs::write(&file, "").unwrap();
        assert!(!Token::load_or_create(&file).unwrap().admits(""));
    }

    #[test]
    fn the_token_is_not_in_debug_output() {
        assert!(!format!("{:?}", Token::new("abc")).contains("abc"));
    }
}
