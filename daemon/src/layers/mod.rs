//! Published layers: fetched from Lambda once for each version, with the caller's credentials, and kept.
//!
//! ```text
//!  ARN ─▶ kept already? ─▶ GetLayerVersionByArn (signed) ─▶ its archive, by digest ─▶ unpacked under its version's name
//! ```
//! A version never changes, so one that is kept needs no credentials and no network. It knows nothing of sandboxes.

mod signing;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;
use sha2::{Digest, Sha256};

use crate::apigw::clock;
use crate::credentials;
use crate::gateway::outbound::Outbound;
use crate::project::Function;
use crate::project::function::Package;
use crate::project::layer::LayerContent;
use crate::sandbox::{Delay, unpack};

use self::signing::{Get, Keys};

/// An answer of Lambda's is small.
const MOST_ANSWER: usize = 1024 * 1024;
/// How long the whole of one layer may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// The operation's path.
const LAYERS: &str = "/2018-10-31/layers";

/// Whose layers they are, and where Lambda is.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// The account's variables, with its keys.
    pub account: Arc<BTreeMap<String, String>>,
    /// Lambda's endpoint, where it is not AWS's (`AWS_ENDPOINT_URL_LAMBDA`).
    pub endpoint: Option<String>,
}

/// Layers that were fetched; cheap to clone.
#[derive(Debug, Clone)]
pub struct Layers {
    folder: PathBuf,
    outbound: Arc<Outbound>,
    /// A layer is fetched once, however many functions want it.
    alone: Arc<tokio::sync::Mutex<()>>,
}

impl Layers {
    /// Layers that are kept in `folder` unless the user names another.
    #[must_use]
    pub fn new(folder: PathBuf) -> Layers {
        Layers { folder, outbound: Arc::default(), alone: Arc::default() }
    }

    /// The function with folders of this machine in the place of its published layers.
    ///
    /// # Errors
    /// One cannot be had; the sentence names it and what to do.
    pub async fn localised(
        &self,
        function: &Arc<Function>,
        caller: &Caller,
        delay: &Delay,
    ) -> Result<Arc<Function>, String> {
        let mut local = Function::clone(function);
        let Package::Zip { layers, .. } = &mut local.package else { return Ok(function.clone()) };
        let mut changed = false;
        for layer in layers {
            if let LayerContent::Remote { arn } = &layer.content {
                let folder = self.folder_of(arn, function.hosting.layer_cache.as_deref(), caller, delay).await;
                layer.content = LayerContent::Folder(folder.map_err(|problem| explained(arn, &problem))?);
                changed = true;
            }
        }
        Ok(if changed { Arc::new(local) } else { function.clone() })
    }

    async fn folder_of(
        &self,
        arn: &str,
        cache: Option<&Path>,
        caller: &Caller,
        delay: &Delay,
    ) -> Result<PathBuf, String> {
        let version = Version::parse(arn).ok_or("this is no ARN of a layer version")?;
        let cache = cache.unwrap_or(&self.folder);
        let folder = cache.join(version.folder(arn));
        if !folder.is_dir() {
            delay.expect(arn);
        }
        let _one_at_a_time = self.alone.lock().await;
        if folder.is_dir() {
            return Ok(folder);
        }
        let keys = keys(&caller.account).ok_or("it is fetched from AWS only with credentials, and there are none")?;
        let fetched = tokio::time::timeout(PATIENCE, self.fetch(arn, &version, &keys, caller.endpoint.as_deref()));
        let archive = fetched.await.map_err(|_| format!("it did not come within {} s", PATIENCE.as_secs()))??;
        let place = folder.clone();
        let unpacked = tokio::task::spawn_blocking(move || unpack::archive_as(archive.path(), &place)).await;
        unpacked.map_err(|lost| lost.to_string())?.map_err(|problem| problem.reason)?;
        Ok(folder)
    }

    async fn fetch(
        &self,
        arn: &str,
        version: &Version<'_>,
        keys: &Keys<'_>,
        endpoint: Option<&str>,
    ) -> Result<tempfile::NamedTempFile, String> {
        let own = format!("https://lambda.{}.amazonaws.com", version.region);
        let endpoint = endpoint.unwrap_or(&own).trim_end_matches('/');
        tracing::info!(arn, endpoint, "fetching a layer");
        let host = endpoint.split_once("://").map_or(endpoint, |(_, host)| host);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let get = Get {
            host,
            path: LAYERS,
            query: &[("Arn", arn), ("find", "LayerVersion")],
            region: version.region,
            service: "lambda",
            time: &clock::basic(now),
        };
        let url = format!("{endpoint}{LAYERS}?{}", get.query());
        let answer = self.get(&url, &get.headers(keys)).await?;
        let body = Limited::new(answer, MOST_ANSWER).collect().await.map_err(|problem| problem.to_string())?.to_bytes();
        let described: serde_json::Value =
            serde_json::from_slice(&body).map_err(|_| "Lambda's answer is no JSON".to_owned())?;
        let text = |name: &str| described.pointer(&format!("/Content/{name}")).and_then(serde_json::Value::as_str);
        let location = text("Location").ok_or("Lambda's answer names no Content.Location")?;
        let archive = self.get(location, &[]).await?;
        written(archive, text("CodeSha256")).await
    }

    /// The body of a good answer.
    async fn get(&self, url: &str, headers: &[(&str, String)]) -> Result<Incoming, String> {
        let mut request = Request::get(url).header("accept", "*/*");
        for (name, value) in headers.iter().filter(|(name, _)| *name != "host") {
            request = request.header(*name, value);
        }
        let request = request.body(Either::Left(Full::<Bytes>::default())).map_err(|problem| problem.to_string())?;
        let answer = self.outbound.send(request).await?;
        let place = url.split('?').next().unwrap_or_default();
        let status = answer.status();
        if status.is_success() {
            return Ok(answer.into_body());
        }
        let said = Limited::new(answer.into_body(), MOST_ANSWER).collect().await;
        let said = said.map(|body| body.to_bytes()).unwrap_or_default();
        Err(format!("{place} answers {status}: {}", String::from_utf8_lossy(&said).trim()))
    }
}

/// Writes an archive down as it comes, and compares it with the digest that Lambda told.
async fn written(mut archive: Incoming, digest: Option<&str>) -> Result<tempfile::NamedTempFile, String> {
    let mut file = tempfile::NamedTempFile::new().map_err(|problem| problem.to_string())?;
    let (mut hash, mut size) = (Sha256::new(), 0);
    while let Some(frame) = archive.frame().await {
        let frame = frame.map_err(|problem| format!("the archive broke off: {problem}"))?;
        let Some(piece) = frame.data_ref() else { continue };
        size += piece.len() as u64;
        if size > unpack::MOST_UNPACKED {
            return Err(format!("its archive is over Lambda's {} MB", unpack::MOST_UNPACKED >> 20));
        }
        hash.update(piece);
        let output: &mut File = file.as_file_mut();
        output.write_all(piece).map_err(|problem| problem.to_string())?;
    }
    let is = STANDARD.encode(hash.finalize());
    match digest {
        Some(told) if told != is => Err("its archive is another one than Lambda tells of".to_owned()),
        Some(_) | None => Ok(file),
    }
}

/// The caller's keys, unless they are stand-ins.
fn keys(account: &BTreeMap<String, String>) -> Option<Keys<'_>> {
    let access_key = account.get("AWS_ACCESS_KEY_ID")?;
    (!credentials::is_stand_in(access_key)).then_some(())?;
    let token = account.get("AWS_SESSION_TOKEN").map(String::as_str);
    Some(Keys { access_key, secret: account.get("AWS_SECRET_ACCESS_KEY")?, token })
}

fn explained(arn: &str, problem: &str) -> String {
    format!(
        "layer {arn} is not here: {problem}; let a folder or zip of this machine stand for it with --layer {arn}=PATH"
    )
}

/// A layer version's ARN: `arn:aws:lambda:<region>:<account>:layer:<name>:<version>`.
struct Version<'a> {
    region: &'a str,
    name: &'a str,
    number: &'a str,
}

impl Version<'_> {
    fn parse(arn: &str) -> Option<Version<'_>> {
        let parts: Vec<&str> = arn.split(':').collect();
        let ["arn", _, "lambda", region, _, "layer", name, number] = parts.as_slice() else { return None };
        let plain = |text: &str, more: &[char]| {
            !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || more.contains(&letter))
        };
        let good = plain(region, &['-']) && plain(name, &['-', '_']) && number.parse::<u64>().is_ok();
        good.then_some(Version { region, name, number })
    }

    /// As the SAM CLI names it: versions of the same name in other accounts and regions are others.
    fn folder(&self, arn: &str) -> String {
        let digest: String = Sha256::digest(arn).iter().take(5).map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{}-{digest}", self.name, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_a_layers_or_none() {
        let arn = "arn:aws:lambda:eu-west-1:123456789012:layer:tools:3";
        let version = Version::parse(arn).unwrap();
        assert_eq!((version.region, version.name, version.number), ("eu-west-1", "tools", "3"));
        assert!(version.folder(arn).starts_with("tools-3-"));
        for wrong in [
            "tools",
            "arn:aws:lambda:eu-west-1:123456789012:layer:tools",
            "arn:aws:lambda:eu-west-1:123456789012:layer:../x:3",
            "arn:aws:lambda:eu-west-1.evil.example/:123456789012:layer:tools:3",
            "arn:aws:lambda:eu-west-1:123456789012:function:tools:3",
        ] {
            assert!(Version::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn without_credentials_a_layer_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let layers = Layers::new(folder.path().to_path_buf());
        let account = [("AWS_ACCESS_KEY_ID", "defaultkey"), ("AWS_SECRET_ACCESS_KEY", "defaultsecret")];
        let account = account.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let caller = Caller { account: Arc::new(account.into()), endpoint: None };
        let arn = "arn:aws:lambda:eu-west-1:123456789012:layer:tools:3";
        let mut function = crate::project::testing::function();
        if let Package::Zip { layers, .. } = &mut function.package {
            layers.push(crate::project::Layer { id: arn.into(), content: LayerContent::Remote { arn: arn.into() } });
        }
        let function = Arc::new(function);
        let problem = layers.localised(&function, &caller, &Delay::default()).await.unwrap_err();
        assert!(problem.contains(arn) && problem.contains(&format!("--layer {arn}=PATH")), "{problem}");
        let kept = folder.path().join(Version::parse(arn).unwrap().folder(arn));
        std::fs::create_dir(&kept).unwrap();
        let local = layers.localised(&function, &caller, &Delay::default()).await.unwrap();
        assert!(local.uses(&kept), "a version that is kept needs no credentials");
    }
}
