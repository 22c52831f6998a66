//! JSON beside `/v2/`, on the host of a registry: what adapters of a registry's own API are made of. Connections,
//! certificates, proxies, account, retries and redaction are those of the store it comes from.
use crate::{
    challenge::Challenge,
    credentials::Account,
    failure::Failure,
    location::{self, Target},
    session::{Call, Session},
};
use bytes::Bytes;
use reqwest::{
    Method, Response, StatusCode,
    header::{HeaderMap, LINK},
};
use std::sync::Arc;
use tokio::runtime::Handle;
use wharf_image::StoreErrorKind;

/// Largest answer that is read: a page of artifacts with their labels is a few megabytes.
const ANSWER_LIMIT: usize = 64 << 20;

/// What is done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiMethod {
    /// Read it.
    Get,
    /// Make a new one. Never repeated: an answer that was lost may have been a success.
    Post,
    /// Replace it.
    Put,
    /// Remove it.
    Delete,
}

/// The API of one registry, with one account. Calls block; they must not be made from within an asynchronous task.
#[derive(Debug, Clone)]
pub struct ApiClient {
    pub(crate) session: Arc<Session>,
    pub(crate) runtime: Handle,
}

/// A success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiAnswer {
    /// HTTP status.
    pub status: u16,
    /// The body, as it came.
    pub body: Vec<u8>,
    /// Path and query of the next page (`Link` with `rel="next"`), when it is on this host.
    pub next: Option<String>,
    /// `X-Total-Count`.
    pub total: Option<u64>,
}

/// A request that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ApiFailure {
    /// The server refused. `is_json` tells a server that knows the API from one that only says "404 page not found".
    #[error("the server answered {status}: {detail}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The server's words, without secrets.
        detail: String,
        /// Whether it answered in the form of the API.
        is_json: bool,
    },
    /// There was no answer that means anything.
    #[error(transparent)]
    Store(StoreErrorKind),
}

impl ApiClient {
    /// `host[:port]` of the registry.
    pub fn registry(&self) -> &str {
        self.session.registry()
    }

    /// Name of the token service that the registry refers to. Asking costs nothing once the registry was talked to.
    pub fn token_service(&self) -> Option<String> {
        self.runtime.block_on(async {
            self.session.base().await.ok()?;
            self.session.auth.service().await
        })
    }

    /// Sends a request to `path`, which starts with `/` and is encoded already. Only user and password are sent along,
    /// never a token or a cookie.
    pub fn send(
        &self,
        method: ApiMethod,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Result<ApiAnswer, ApiFailure> {
        let body = body.map(|body| Bytes::from(body.to_string()));
        self.runtime.block_on(self.session.api(method, path, body))
    }
}

impl Session {
    async fn api(
        &self,
        method: ApiMethod,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<ApiAnswer, ApiFailure> {
        let call = self.api_call(method, path, body).await.map_err(of_store)?;
        let mut attempt = 1;
        loop {
            match self.api_once(&call).await {
                Ok(answer) => return answer,
                Err(failure) if method == ApiMethod::Post => return Err(of_store(failure)),
                Err(failure) => self.pause(attempt, failure).await.map_err(of_store)?,
            }
            attempt += 1;
        }
    }

    async fn api_call(
        &self,
        method: ApiMethod,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<Call, Failure> {
        let base = self.base().await?;
        let url = base
            .join(path)
            .map_err(|error| Failure::Final(StoreErrorKind::Unsupported(error.to_string())))?;
        let trusted = location::same_origin(base, &url);
        let method = match method {
            ApiMethod::Get => Method::GET,
            ApiMethod::Post => Method::POST,
            ApiMethod::Put => Method::PUT,
            ApiMethod::Delete => Method::DELETE,
        };
        let call = Call::to(method, Target { url, trusted }, Vec::new())
            .accept("application/json")
            // A project may be called "12", which is also an id.
            .header("x-is-resource-name", "true");
        match body {
            Some(body) => call.document("application/json", body),
            None => Ok(call),
        }
    }

    /// One try; the outer failure is one that may be temporary.
    async fn api_once(&self, call: &Call) -> Result<Result<ApiAnswer, ApiFailure>, Failure> {
        let account = self.auth.account();
        let authorization = match account {
            Account::Password { user, password } => Some(Account::basic_header(user, password)),
            _ => None,
        };
        let mut response = self.follow(call, authorization.as_ref()).await?;
        let status = response.status();
        if status.is_success() {
            let (next, total) = (next_page(&response), total(response.headers()));
            return Ok(match self.http.body(&mut response, ANSWER_LIMIT).await? {
                Some(body) => Ok(ApiAnswer {
                    status: status.as_u16(),
                    body,
                    next,
                    total,
                }),
                None => Err(too_large(status)),
            });
        }
        let is_json = is_json(response.headers());
        let failure = Failure::from_response(response, &account.secrets()).await;
        if failure.is_temporary() {
            return Err(failure);
        }
        Ok(Err(match failure {
            Failure::Answer(answer) => ApiFailure::Refused {
                status: answer.status,
                detail: answer.detail,
                is_json,
            },
            other => of_store(other),
        }))
    }
}

fn of_store(failure: Failure) -> ApiFailure {
    ApiFailure::Store(failure.into_kind())
}

fn too_large(status: StatusCode) -> ApiFailure {
    let detail = format!("the answer has more than {ANSWER_LIMIT} bytes");
    of_store(Failure::protocol(status, &detail))
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(reqwest::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.trim_start().starts_with("application/json"))
}

fn total(headers: &HeaderMap) -> Option<u64> {
    headers.get("x-total-count")?.to_str().ok()?.parse().ok()
}

/// The target of `rel="next"`: `</path?query>; rel="prev" , </path?query>; rel="next"` (RFC 8288).
fn next_page(response: &Response) -> Option<String> {
    let here = response.url();
    let values = response.headers().get_all(LINK).iter();
    let link = values
        .filter_map(|value| value.to_str().ok())
        .find_map(next_in)?;
    let url = here.join(link).ok()?;
    let query = url.query().map(|query| format!("?{query}"));
    // Behind a terminator of TLS the server may believe in another scheme; another host is not asked.
    (url.host() == here.host()).then(|| format!("{}{}", url.path(), query.unwrap_or_default()))
}

fn next_in(value: &str) -> Option<&str> {
    let mut rest = value;
    while let Some(start) = rest.find('<') {
        let target = rest[start + 1..].split('>').next()?;
        rest = &rest[start + 1 + target.len()..];
        let parameters = rest.split('<').next().unwrap_or_default();
        if parameters.replace(['"', ' '], "").contains("rel=next") {
            return Some(target);
        }
    }
    None
}

impl crate::auth::Auth {
    /// The name by which the token service knows the registry.
    async fn service(&self) -> Option<String> {
        match self.challenge().await {
            Some(Challenge::Bearer(bearer)) => bearer.service,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::next_in;

    #[test]
    fn finds_the_next_page_among_links() {
        let both =
            r#"</api?page=1&page_size=50>; rel="prev" , </api?page=3&page_size=50>; rel="next""#;
        assert_eq!(next_in(both), Some("/api?page=3&page_size=50"));
        assert_eq!(next_in("</api?page=2>;rel=next"), Some("/api?page=2"));
        assert_eq!(next_in(r#"</api?page=1>; rel="prev""#), None);
        assert_eq!(next_in("nonsense <"), None);
    }
}
