//! A project's own key pair, for tokens that its authorizers accept besides those of their issuers: what a developer
//! without a network signs in with.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use sha2::{Digest, Sha256};

use super::Grant;

/// An Ed25519 key pair made from a seed. The seed is the secret: whoever has it signs in as anybody.
pub struct Minter {
    key: EncodingKey,
    kid: String,
}

impl std::fmt::Debug for Minter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Minter").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// The key pair could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the project's key pair cannot be used: {0}")]
pub struct MintError(String);

impl Minter {
    /// The key pair of 32 random bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Minter {
        /// What PKCS#8 has before the seed of an Ed25519 key (RFC 8410).
        const PREFIX: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        let der = [PREFIX.as_slice(), seed].concat();
        let digest = Sha256::digest([b"samd".as_slice(), seed].concat());
        let kid = format!("samd-{}", URL_SAFE_NO_PAD.encode(digest.get(..9).unwrap_or_default()));
        Minter { key: EncodingKey::from_ed_der(&der), kid }
    }

    /// The name of the key in headers of tokens.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public key as a JWKS document, for [`super::check`].
    ///
    /// # Errors
    /// [`MintError`] where the key pair cannot be used.
    pub fn jwks(&self) -> Result<String, MintError> {
        let mut jwk =
            Jwk::from_encoding_key(&self.key, Algorithm::EdDSA).map_err(|error| MintError(error.to_string()))?;
        jwk.common.key_id = Some(self.kid.clone());
        serde_json::to_string(&JwkSet { keys: vec![jwk] }).map_err(|error| MintError(error.to_string()))
    }

    /// A token.
    ///
    /// # Errors
    /// [`MintError`] where the key pair cannot be used.
    pub fn token(&self, grant: &Grant, now: u64) -> Result<String, MintError> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.kid.clone());
        encode(&header, &grant.all_claims(now), &self.key).map_err(|error| MintError(error.to_string()))
    }
}
