//! Who calls, as authorizers, signatures and API keys told it, in the form that events carry.

use serde_json::{Map, Value};

/// What is known of the caller; the default is nobody in particular.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Caller {
    /// What the route's authorizer or signature check said.
    pub authorizer: Option<AuthorizerContext>,
    /// The API key that was used, where the method asks for one.
    pub api_key: Option<UsedKey>,
}

impl Caller {
    /// A caller of whom nothing is known.
    pub const NOBODY: &'static Caller = &Caller { authorizer: None, api_key: None };
}

/// The API key of a request (`identity.apiKey`, `identity.apiKeyId`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedKey {
    /// The key's id.
    pub id: String,
    /// The key's value.
    pub value: String,
}

/// What an authorizer hands to the integration.
#[derive(Debug, Clone, PartialEq)]
pub enum AuthorizerContext {
    /// A Lambda authorizer's result.
    Lambda(LambdaContext),
    /// An HTTP API's JWT authorizer, or a Cognito user pool's: claims as strings.
    Claims {
        /// Claims by name, each a string (B1.8, E5).
        claims: Map<String, Value>,
        /// The route's scopes that the token has; `None` where the route asks for none.
        scopes: Option<Vec<String>>,
    },
    /// A verified Signature Version 4.
    Iam(IamIdentity),
}

/// The result of a Lambda authorizer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LambdaContext {
    /// `principalId`; simple responses have none.
    pub principal_id: Option<String>,
    /// `context`, with its JSON types.
    pub context: Map<String, Value>,
    /// How long the authorizer took, in milliseconds.
    pub integration_latency: u64,
    /// The key for usage plans where the API takes it from the authorizer (E3.6).
    pub usage_identifier_key: Option<String>,
}

/// Who signed a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IamIdentity {
    /// Access key id.
    pub access_key: String,
    /// Account of the caller.
    pub account_id: String,
    /// Unique id of the caller, as in `AIDA…`.
    pub caller_id: String,
    /// ARN of the caller.
    pub user_arn: String,
    /// Unique id of the user.
    pub user_id: String,
}

/// A context value as REST APIs pass it on: always a string (E3.4).
pub(crate) fn stringified(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
