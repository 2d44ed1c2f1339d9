//! The way out: requests to HTTP servers behind APIs and to issuers of tokens.
//!
//! Never follows a redirect and never retries. What the system trusts is read once, at the first `https` request.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::OnceCell;

use super::intake::{BodyProblem, whole};
use super::upload::Upload;

type Plain = Client<HttpConnector, Payload>;
type Secure = Client<HttpsConnector<HttpConnector>, Payload>;

/// What a request carries: all of it, or what still comes from a client.
pub(crate) type Payload = Either<Full<Bytes>, Upload>;

/// Clients with their connections, kept as long as a project is.
#[derive(Debug)]
pub struct Outbound {
    plain: Plain,
    secure: OnceCell<Secure>,
}

impl Default for Outbound {
    fn default() -> Outbound {
        Outbound { plain: Client::builder(TokioExecutor::new()).build_http(), secure: OnceCell::new() }
    }
}

impl Outbound {
    /// Sends a request and waits for the head of the answer.
    ///
    /// # Errors
    /// Why there is none, in one clause.
    pub(crate) async fn send(&self, request: Request<Payload>) -> Result<Response<Incoming>, String> {
        let answer = match request.uri().scheme_str() {
            Some("https") => self.secure.get_or_try_init(secure).await?.request(request).await,
            Some("http") => self.plain.request(request).await,
            _ => return Err(format!("{} is no http or https URL", request.uri())),
        };
        answer.map_err(|problem| match std::error::Error::source(&problem) {
            Some(cause) => format!("{problem}: {cause}"),
            None => problem.to_string(),
        })
    }

    /// A document of at most `most` bytes, within `patience`.
    ///
    /// # Errors
    /// Why it could not be had, in one clause.
    pub(super) async fn get(&self, url: &str, most: usize, patience: Duration) -> Result<Bytes, String> {
        let uri: Uri = url.parse().map_err(|_| format!("{url} is no URL"))?;
        let request = Request::get(uri).header("accept", "application/json").body(Either::Left(Full::default()));
        let request = request.map_err(|problem| problem.to_string())?;
        let read = async {
            let answer = self.send(request).await.map_err(|problem| format!("{url}: {problem}"))?;
            if answer.status() != 200 {
                return Err(format!("{url} answers {}", answer.status()));
            }
            whole(answer.into_body(), most).await.map_err(|problem| match problem {
                BodyProblem::TooLarge => format!("{url} is larger than {most} bytes"),
                BodyProblem::Broken | BodyProblem::Late => format!("{url} broke off"),
            })
        };
        let late = |_| Err(format!("{url} did not answer within {} ms", patience.as_millis()));
        tokio::time::timeout(patience, read).await.unwrap_or_else(late)
    }
}

async fn secure() -> Result<Secure, String> {
    let roots = tokio::task::spawn_blocking(|| HttpsConnectorBuilder::new().with_native_roots()).await;
    let builder = roots.map_err(|problem| problem.to_string())?.map_err(|problem| problem.to_string())?;
    let connector = builder.https_only().enable_http1().build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}
