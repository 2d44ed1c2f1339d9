//! A token that a project's authorizers accept, made on this machine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::secret::Text;

/// Request of `token`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRequest {
    /// The project.
    pub name: String,
    /// The JWT or Cognito authorizer, with its API before a slash or without; the only one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorizer: Option<String>,
    /// Claims, which go before those that are made up. A value that reads as JSON is that (`true`, `3`, `["a"]`), any
    /// other is text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, String>,
    /// Scopes; with some the token is an access token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

/// Response of `token`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenResponse {
    /// The token, for `Authorization: Bearer …`.
    pub token: Text,
    /// The authorizer that it was made for, its API before a slash.
    pub authorizer: String,
    /// Its `iss`.
    pub issuer: String,
}
