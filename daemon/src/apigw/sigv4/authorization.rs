//! The parts of a signature, from the Authorization header or from a presigned query.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::SignatureError;
use crate::apigw::Request;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// A signature and what it says of itself.
#[derive(Debug)]
pub(super) struct Authorization {
    pub(super) access_key: String,
    pub(super) date: String,
    pub(super) region: String,
    pub(super) service: String,
    pub(super) signed_headers: Vec<String>,
    pub(super) signature: Vec<u8>,
    pub(super) time: String,
    pub(super) session_token: Option<String>,
    /// Seconds that a presigned URL lives.
    pub(super) lifetime: Option<u64>,
    pub(super) in_query: bool,
}

impl Authorization {
    pub(super) fn of(request: &Request) -> Result<Authorization, SignatureError> {
        match request.header("authorization") {
            Some(header) => from_header(request, header),
            None => from_query(request),
        }
    }

    fn new(
        credential: &str,
        signed_headers: &str,
        signature: &str,
        time: String,
    ) -> Result<Authorization, SignatureError> {
        let scope: Vec<&str> = credential.split('/').collect();
        let [access_key, date, region, service, "aws4_request"] = scope.as_slice() else {
            return Err(SignatureError::Incomplete(
                "Credential must have exactly 5 slash-delimited elements, e.g. \
                 keyid/date/region/service/term"
                    .to_owned(),
            ));
        };
        let signed_headers: Vec<String> = signed_headers.split(';').map(str::to_ascii_lowercase).collect();
        if !signed_headers.iter().any(|name| name == "host") {
            return Err(SignatureError::Incomplete("'Host' must be a 'SignedHeader' in the AWS Authorization.".into()));
        }
        Ok(Authorization {
            access_key: (*access_key).to_owned(),
            date: (*date).to_owned(),
            region: (*region).to_owned(),
            service: (*service).to_owned(),
            signed_headers,
            signature: unhex(signature).ok_or(SignatureError::Mismatch)?,
            time,
            session_token: None,
            lifetime: None,
            in_query: false,
        })
    }
}

fn from_header(request: &Request, header: &str) -> Result<Authorization, SignatureError> {
    let Some(fields) = header.strip_prefix(ALGORITHM) else { return Err(no_signature(header)) };
    let field = |name: &str| {
        let mut fields = fields.split(',').filter_map(|field| field.trim().split_once('='));
        fields.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let parts = (field("Credential"), field("SignedHeaders"), field("Signature"), request.header("x-amz-date"));
    let (Some(credential), Some(signed_headers), Some(signature), Some(time)) = parts else {
        return Err(missing_parts(
            header,
            &[
                ("Credential", parts.0.is_none()),
                ("Signature", parts.2.is_none()),
                ("SignedHeaders", parts.1.is_none()),
            ],
            parts.3.is_none(),
        ));
    };
    let authorization = Authorization::new(credential, signed_headers, signature, time.to_owned())?;
    let session_token = request.header("x-amz-security-token").map(str::to_owned);
    Ok(Authorization { session_token, ..authorization })
}

fn from_query(request: &Request) -> Result<Authorization, SignatureError> {
    let pairs: Vec<_> = form_urlencoded::parse(request.query.as_deref().unwrap_or_default().as_bytes()).collect();
    let field = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.to_string());
    if field("X-Amz-Algorithm").as_deref() != Some(ALGORITHM) {
        return Err(SignatureError::Missing);
    }
    let needed = |name: &str| {
        field(name)
            .ok_or_else(|| SignatureError::Incomplete(format!("AWS query-string parameters must include '{name}'.")))
    };
    let (credential, signed_headers) = (needed("X-Amz-Credential")?, needed("X-Amz-SignedHeaders")?);
    let authorization =
        Authorization::new(&credential, &signed_headers, &needed("X-Amz-Signature")?, needed("X-Amz-Date")?)?;
    // A week is the longest that AWS lets a presigned URL live.
    let lifetime = field("X-Amz-Expires").and_then(|text| text.parse().ok()).map(|seconds: u64| seconds.min(604_800));
    Ok(Authorization { session_token: field("X-Amz-Security-Token"), lifetime, in_query: true, ..authorization })
}

fn no_signature(header: &str) -> SignatureError {
    let digest = STANDARD.encode(Sha256::digest(header.as_bytes()));
    SignatureError::Incomplete(format!(
        "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): \
         '{digest}'."
    ))
}

fn missing_parts(header: &str, parts: &[(&str, bool)], date: bool) -> SignatureError {
    let missing = parts.iter().filter(|(_, missing)| *missing);
    let mut text: String =
        missing.map(|(name, _)| format!("Authorization header requires '{name}' parameter. ")).collect();
    if date {
        text.push_str("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ");
    }
    let digest = STANDARD.encode(Sha256::digest(header.as_bytes()));
    SignatureError::Incomplete(format!("{text}(Hashed with SHA-256 and encoded with Base64) Authorization={digest}"))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair.first()?)? * 16 + digit(pair.get(1)?)?)).collect()
}
