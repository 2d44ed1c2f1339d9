//! Signature Version 4 (E4, B8): whether a request is signed with a secret that is known here, and by whom.
//!
//! ```text
//! parse ─► credentials by key id ─► time ─► canonical request ─► signature
//! ```
//! The secrets are given; none is kept or printed here. A request that cannot be verified is refused.

mod authorization;
mod canonical;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use super::authorizer::Refused;
use super::caller::IamIdentity;
use super::gateway_response::{self, Refusal, ResponseType};
use super::http_error::{self, HttpError};
use super::{AuthorizerContext, Exchange, Request, clock};
use crate::project::api::ApiKind;

use authorization::Authorization;

/// Credentials that signatures are verified with, and whose they are.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The secret.
    pub secret_access_key: String,
    /// The session token that has to come with temporary credentials.
    pub session_token: Option<String>,
    /// Whose they are; `access_key` is the access key id.
    pub identity: IamIdentity,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("access_key", &self.identity.access_key).finish_non_exhaustive()
    }
}

/// Why a signature is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The request is not signed.
    #[error("Missing Authentication Token")]
    Missing,
    /// The Authorization header is no signature, or lacks a part of one.
    #[error("{0}")]
    Incomplete(String),
    /// Nobody here has that access key id.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// The time of the signature is too far from now, or of its own scope's date.
    #[error("{0}")]
    Time(String),
    /// It is for another region than the API's.
    #[error("Credential should be scoped to a valid region, not '{0}'. ")]
    Region(String),
    /// The signature is another one.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key \
         and signing method. Consult the service documentation for details."
    )]
    Mismatch,
}

/// Seconds that a signature's time may differ from the gateway's.
const SKEW: u64 = 300;

/// Verifies a request's signature, in its header or its query, for a service (`execute-api` or `lambda`) of a region.
///
/// # Errors
/// [`SignatureError`] says why it is refused.
pub fn verify<'a>(
    request: &Request,
    (service, region): (&str, &str),
    known: &'a [Credentials],
) -> Result<&'a IamIdentity, SignatureError> {
    let authorization = Authorization::of(request)?;
    let credentials = known.iter().find(|known| known.identity.access_key == authorization.access_key);
    let credentials = credentials.ok_or(SignatureError::UnknownKey)?;
    if credentials.session_token.as_deref().is_some_and(|token| authorization.session_token.as_deref() != Some(token)) {
        return Err(SignatureError::UnknownKey);
    }
    check_time(&authorization, request.time_ms / 1000)?;
    if authorization.service != service {
        return Err(SignatureError::Mismatch);
    }
    if authorization.region != region {
        return Err(SignatureError::Region(authorization.region));
    }
    let payload = canonical::payload_hash(request).ok_or(SignatureError::Mismatch)?;
    let mut forms = canonical::requests(request, &authorization, &payload);
    if forms.any(|canonical| is_signature(&authorization, &credentials.secret_access_key, &canonical)) {
        Ok(&credentials.identity)
    } else {
        Err(SignatureError::Mismatch)
    }
}

/// Verifies the signature that a route with AWS_IAM asks for. The secrets belong to the API's own account, so that their
/// owner may call whatever no policy denies him.
///
/// # Errors
/// 403 for a request that is not signed by anybody known.
pub fn authorize(exchange: &Exchange, known: &[Credentials]) -> Result<AuthorizerContext, Refused> {
    match verify(exchange.request, ("execute-api", &exchange.context.region), known) {
        Ok(identity) => Ok(AuthorizerContext::Iam(identity.clone())),
        Err(error) => {
            let reply = match exchange.api.kind {
                ApiKind::Rest => gateway_response::reply(exchange, refusal(&error)),
                ApiKind::Http => http_error::reply(exchange, &HttpError::Forbidden),
            };
            Err(Refused { reply, reason: error.to_string() })
        }
    }
}

/// What a REST API says of a request that no route takes: its signature is missing, or what stands in its place is none.
pub(super) fn refusal_without_route(request: &Request) -> Refusal {
    match Authorization::of(request) {
        Err(error @ SignatureError::Incomplete(_)) => refusal(&error),
        Ok(_) | Err(_) => Refusal::from(ResponseType::MissingAuthenticationToken),
    }
}

fn refusal(error: &SignatureError) -> Refusal {
    let (kind, error_type) = match error {
        SignatureError::Missing => return Refusal::from(ResponseType::MissingAuthenticationToken),
        SignatureError::Incomplete(_) => (ResponseType::MissingAuthenticationToken, "IncompleteSignatureException"),
        SignatureError::UnknownKey => (ResponseType::InvalidSignature, "UnrecognizedClientException"),
        SignatureError::Time(_) | SignatureError::Region(_) | SignatureError::Mismatch => {
            (ResponseType::InvalidSignature, "InvalidSignatureException")
        }
    };
    Refusal::saying(kind, error.to_string()).error_type(error_type)
}

fn check_time(authorization: &Authorization, now: u64) -> Result<(), SignatureError> {
    let signed = &authorization.time;
    let unreadable = || SignatureError::Incomplete(format!("{signed} is no date in ISO-8601 basic format"));
    let at = clock::from_basic(signed).ok_or_else(unreadable)?;
    if !signed.starts_with(&authorization.date) {
        return Err(SignatureError::Time(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{signed}'.",
            authorization.date
        )));
    }
    let (current, lifetime) = (clock::basic(now), authorization.lifetime.unwrap_or(SKEW));
    if at + lifetime < now {
        let earliest = clock::basic(now - lifetime);
        return Err(SignatureError::Time(format!(
            "Signature expired: {signed} is now earlier than {earliest} ({current} - {} min.)",
            lifetime / 60
        )));
    }
    if at > now + SKEW {
        let latest = clock::basic(now + SKEW);
        return Err(SignatureError::Time(format!(
            "Signature not yet current: {signed} is still later than {latest} ({current} + {} min.)",
            SKEW / 60
        )));
    }
    Ok(())
}

/// Compares in a time that tells nothing of where two signatures differ.
fn is_signature(authorization: &Authorization, secret: &str, canonical: &str) -> bool {
    let Authorization { date, region, service, time, .. } = authorization;
    let digest = hex(&Sha256::digest(canonical.as_bytes()));
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{date}/{region}/{service}/aws4_request\n{digest}");
    let parts = [date, region, service, "aws4_request"];
    let start = format!("AWS4{secret}").into_bytes();
    let key = parts.iter().fold(start, |key, part| mac(&key, part).finalize().into_bytes().to_vec());
    mac(&key, &to_sign).verify_slice(&authorization.signature).is_ok()
}

fn mac(key: &[u8], text: &str) -> Hmac<Sha256> {
    // An HMAC takes a key of any length.
    #[allow(clippy::expect_used)]
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("a key of any length");
    mac.update(text.as_bytes());
    mac
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
