//! Tokens of a project's own key pair, for an authorizer as it is served now.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::apigw::jwt::{Grant, Minter};
use crate::project::Project;
use crate::project::issuers::authorizer_for;

use super::handle::Refused;

/// The token that somebody asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenWanted {
    /// The authorizer; the only one when absent.
    pub authorizer: Option<String>,
    /// Claims as they were typed.
    pub claims: BTreeMap<String, String>,
    /// Scopes.
    pub scopes: Vec<String>,
}

/// A token, which is a secret, and what it is for.
#[derive(Clone, PartialEq, Eq)]
pub struct Minted {
    /// The token.
    pub token: String,
    /// The authorizer that it was made for.
    pub authorizer: String,
    /// Its issuer.
    pub issuer: String,
}

impl std::fmt::Debug for Minted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Minted").field("authorizer", &self.authorizer).finish_non_exhaustive()
    }
}

/// Makes a token.
///
/// # Errors
/// Why there is none.
pub(super) fn minted(
    minter: &Minter,
    project: &Project,
    wanted: &TokenWanted,
    now: SystemTime,
) -> Result<Minted, Refused> {
    let found = authorizer_for(project, wanted.authorizer.as_deref()).map_err(Refused::NoToken)?;
    let Some(grant) = Grant::of(found.authorizer, &wanted.scopes, &wanted.claims) else {
        return Err(Refused::NoToken(format!("the authorizer {} takes no tokens of an issuer", found.full_name())));
    };
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let token = minter.token(&grant, now).map_err(|problem| Refused::Other(problem.to_string()))?;
    Ok(Minted { token, authorizer: found.full_name(), issuer: grant.issuer })
}
