//! The keys that tokens are signed with: the project's own, and those that issuers publish.
//!
//! ```text
//! issuer ─► /.well-known/openid-configuration ─► jwks_uri ─► keys, kept for two hours
//! ```
//! One request asks for an issuer's keys while the others wait for it. A key that is not among those kept makes them be
//! asked for again, at most once a minute: an issuer on one's own machine starts anew more often than AWS expects.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::apigw::jwt::{MintError, Minter};

use super::outbound::Outbound;

/// How long each of the two documents may take (B6.3).
const PATIENCE: Duration = Duration::from_millis(1500);
/// How long keys are kept (B6.3).
const KEPT: Duration = Duration::from_secs(2 * 60 * 60);
/// How long a failure is: a burst of requests waits for one attempt, not for each its own.
const FAILURE_KEPT: Duration = Duration::from_secs(5);
/// An unknown key makes the keys be asked for again after this.
const SETTLED: Duration = Duration::from_secs(60);
/// A document that is larger is not read.
const LARGEST: usize = 1024 * 1024;

type Keys = Result<Arc<str>, String>;
type Place = Arc<tokio::sync::Mutex<Option<(Keys, Instant)>>>;

/// The keys of a project's issuers; they outlast its generations.
#[derive(Debug)]
pub struct Issuers {
    minter: Minter,
    own: Arc<str>,
    kept: Mutex<HashMap<String, Place>>,
}

impl Issuers {
    /// Keys of a project whose own key pair is made from `seed`.
    ///
    /// # Errors
    /// The key pair cannot be used.
    pub fn new(seed: &[u8; 32]) -> Result<Issuers, MintError> {
        let minter = Minter::from_seed(seed);
        let own = minter.jwks()?.into();
        Ok(Issuers { minter, own, kept: Mutex::default() })
    }

    /// What mints tokens that the project's authorizers accept besides those of their issuers.
    #[must_use]
    pub fn minter(&self) -> &Minter {
        &self.minter
    }

    /// The project's own keys, where `kid` is among them.
    pub(super) fn own(&self, kid: &str) -> Option<Arc<str>> {
        (kid == self.minter.kid()).then(|| self.own.clone())
    }

    /// The JWKS document that should have the key `kid` of `issuer`.
    ///
    /// # Errors
    /// Why the issuer's keys could not be had.
    pub(super) async fn published(&self, outbound: &Outbound, issuer: &str, kid: &str) -> Keys {
        let place =
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).entry(issuer.to_owned()).or_default().clone();
        let mut place = place.lock().await;
        if let Some((keys, at)) = &*place
            && is_fresh(keys, at.elapsed(), kid)
        {
            return keys.clone();
        }
        let keys = fetched(outbound, issuer).await;
        if let Err(problem) = &keys {
            tracing::warn!(issuer, problem, "the keys of an issuer could not be had");
        }
        *place = Some((keys.clone(), Instant::now()));
        keys
    }
}

fn is_fresh(keys: &Keys, age: Duration, kid: &str) -> bool {
    match keys {
        Ok(keys) => age < SETTLED || (age < KEPT && keys.contains(kid)),
        Err(_) => age < FAILURE_KEPT,
    }
}

async fn fetched(outbound: &Outbound, issuer: &str) -> Keys {
    let about = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let document = outbound.get(&about, LARGEST, PATIENCE).await?;
    let document: Value = serde_json::from_slice(&document).map_err(|_| format!("{about} is no JSON"))?;
    let place = document.get("jwks_uri").and_then(Value::as_str);
    let place = place.ok_or_else(|| format!("{about} names no jwks_uri"))?;
    let keys = outbound.get(place, LARGEST, PATIENCE).await?;
    String::from_utf8(keys.into()).map(Arc::from).map_err(|_| format!("{place} is no text"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn the_projects_own_key_asks_no_issuer() {
        let issuers = Issuers::new(&[1; 32]).unwrap();
        let kid = issuers.minter().kid().to_owned();
        assert!(issuers.own(&kid).unwrap().contains(&kid));
        assert_eq!(issuers.own("other"), None);
        assert!(issuers.published(&Outbound::default(), "http://127.0.0.1:1", "other").await.is_err());
    }

    #[test]
    fn keys_are_kept_and_an_unknown_one_asks_again_once_a_minute() {
        let keys: Keys = Ok("{\"keys\":[{\"kid\":\"one\"}]}".into());
        let minute = Duration::from_secs(60);
        assert!(is_fresh(&keys, minute * 119, "one") && !is_fresh(&keys, minute * 120, "one"));
        assert!(is_fresh(&keys, minute / 2, "two") && !is_fresh(&keys, minute, "two"));
        let failure = Err("unreachable".to_owned());
        assert!(is_fresh(&failure, Duration::from_secs(4), "one") && !is_fresh(&failure, minute, "one"));
    }
}
