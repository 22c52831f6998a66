//! One registry: its address, its account, and requests that authenticate, follow redirects and try again.
use crate::{
    auth::Auth,
    credentials::Account,
    failure::Failure,
    http::Http,
    location::{self, Target},
    options::RetryPolicy,
    scheme,
    scope::Scope,
    secret::Secret,
    statistics::Counters,
    token::secret_header,
    uploads::Uploads,
};
use bytes::Bytes;
use reqwest::{
    Method, Request, Response, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, RANGE},
};
use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::OnceCell;
use wharf_image::{Image, StoreErrorKind};
use wharf_spec::digest::Digest;

const REDIRECTS: usize = 5;
/// Images kept in memory.
const KNOWN_IMAGES: usize = 32;

/// A registry with one account.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) http: Arc<Http>,
    pub(crate) auth: Auth,
    pub(crate) retry: RetryPolicy,
    registry: String,
    insecure: bool,
    base: OnceCell<Url>,
    /// Uploads that were started and are not finished.
    pub(crate) uploads: Uploads,
    known_blobs: Mutex<HashSet<(String, Digest)>>,
    images: Mutex<VecDeque<((String, Digest), Image)>>,
}

/// A request without an upload's body; it can be sent any number of times.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) target: Target,
    pub(crate) scopes: Vec<Scope>,
    headers: HeaderMap,
    body: Option<Bytes>,
}

impl Call {
    /// A call to the registry or to where it sent us.
    pub(crate) fn to(method: Method, target: Target, scopes: Vec<Scope>) -> Self {
        Self {
            method,
            target,
            scopes,
            headers: HeaderMap::new(),
            body: None,
        }
    }

    pub(crate) fn accept(mut self, types: &'static str) -> Self {
        self.headers.insert(ACCEPT, HeaderValue::from_static(types));
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// Asks for the bytes from `offset` on.
    pub(crate) fn at_offset(mut self, offset: u64) -> Self {
        if offset > 0 {
            let range = HeaderValue::from_str(&format!("bytes={offset}-"));
            self.headers.extend(range.ok().map(|range| (RANGE, range)));
        }
        self
    }

    pub(crate) fn document(mut self, media_type: &str, body: Bytes) -> Result<Self, Failure> {
        let media_type = HeaderValue::from_str(media_type).map_err(|_| {
            let reason = format!("media type '{media_type}' cannot be sent");
            Failure::Final(StoreErrorKind::Unsupported(reason))
        })?;
        self.headers.insert(CONTENT_TYPE, media_type);
        self.body = Some(body);
        Ok(self)
    }

    /// Sends `Content-Length: 0`, which some servers insist on.
    pub(crate) fn empty_body(mut self) -> Self {
        self.body = Some(Bytes::new());
        // The client leaves it out for a body without bytes.
        self.headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
        self
    }

    fn request(&self, target: &Target, authorization: Option<&Secret>) -> Result<Request, Failure> {
        let mut request = Request::new(self.method.clone(), target.url.clone());
        *request.headers_mut() = self.headers.clone();
        if let Some(value) = authorization.filter(|_| target.trusted) {
            request
                .headers_mut()
                .insert(AUTHORIZATION, secret_header(value)?);
        }
        *request.body_mut() = self.body.clone().map(Into::into);
        Ok(request)
    }
}

impl Session {
    pub(crate) fn new(
        http: Arc<Http>,
        retry: RetryPolicy,
        registry: &str,
        account: Account,
        insecure: bool,
    ) -> Self {
        Self {
            auth: Auth::new(http.clone(), account, insecure),
            http,
            retry,
            registry: registry.to_owned(),
            insecure,
            base: OnceCell::new(),
            uploads: Uploads::default(),
            known_blobs: Mutex::default(),
            images: Mutex::default(),
        }
    }

    /// `host[:port]` as references name it.
    pub(crate) fn registry(&self) -> &str {
        &self.registry
    }

    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.http.counters
    }

    pub(crate) fn client(&self) -> &reqwest::Client {
        self.http.client(&self.registry, self.insecure)
    }

    /// The address below `/v2/<repository>/`.
    pub(crate) async fn endpoint(&self, repository: &str, path: &str) -> Result<Target, Failure> {
        let base = self.base().await?;
        let url = base
            .join(&format!("v2/{repository}/{path}"))
            .map_err(|error| Failure::Final(StoreErrorKind::Unsupported(error.to_string())))?;
        Ok(Target { url, trusted: true })
    }

    /// Where the `Location` of `response` leads.
    pub(crate) async fn location(&self, response: &Response) -> Result<Target, Failure> {
        let base = self.base().await?;
        location::target(base, response.url(), response.headers())
            .map_err(|refusal| Failure::protocol(response.status(), refusal.describe()))
    }

    /// Sends `call` until it succeeds, fails for good, or the policy says enough.
    pub(crate) async fn send(&self, call: &Call) -> Result<Response, Failure> {
        let mut attempt = 1;
        loop {
            match self.send_once(call).await {
                Err(failure) => self.pause(attempt, failure).await?,
                success => return success,
            }
            attempt += 1;
        }
    }

    /// [`Session::send`] with the whole body of the answer, `None` when it is larger than `limit`. An answer that breaks
    /// off is asked for again like one that did not come.
    pub(crate) async fn fetch(
        &self,
        call: &Call,
        limit: usize,
    ) -> Result<(Response, Option<Vec<u8>>), Failure> {
        let mut attempt = 1;
        loop {
            match self.fetch_once(call, limit).await {
                Err(failure) => self.pause(attempt, failure).await?,
                success => return success,
            }
            attempt += 1;
        }
    }

    async fn fetch_once(
        &self,
        call: &Call,
        limit: usize,
    ) -> Result<(Response, Option<Vec<u8>>), Failure> {
        let mut response = self.send_once(call).await?;
        let body = self.http.body(&mut response, limit).await?;
        Ok((response, body))
    }

    /// Waits before the next attempt, or gives the failure back when there is none.
    pub(crate) async fn pause(&self, attempt: u32, failure: Failure) -> Result<(), Failure> {
        let Some(wait) = self.retry.wait_after(attempt, &failure) else {
            return Err(failure);
        };
        Counters::add(&self.counters().retries, 1);
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Sends `call` once, or twice when the first answer asks for other credentials.
    pub(crate) async fn send_once(&self, call: &Call) -> Result<Response, Failure> {
        let mut renewed = false;
        loop {
            let authorization = self.authorization(&call.target, &call.scopes).await?;
            let response = self.follow(call, authorization.as_ref()).await?;
            let refused = response.status() == StatusCode::UNAUTHORIZED;
            if refused && !renewed && self.may_retry(&response, authorization.as_ref()).await {
                renewed = true;
                continue;
            }
            return self.accept(response, authorization.as_ref()).await;
        }
    }

    /// The `Authorization` for `target`; none for anyone but the registry.
    pub(crate) async fn authorization(
        &self,
        target: &Target,
        scopes: &[Scope],
    ) -> Result<Option<Secret>, Failure> {
        if !target.trusted {
            return Ok(None);
        }
        self.auth.header(self.base().await?, scopes).await
    }

    /// Whether a 401 calls for other credentials. Challenges of other hosts are never answered.
    pub(crate) async fn may_retry(&self, response: &Response, used: Option<&Secret>) -> bool {
        let own = self
            .base
            .get()
            .is_some_and(|base| location::same_origin(base, response.url()));
        own && self.auth.renew(response.headers(), used).await
    }

    /// A success, or the failure the answer stands for. `used` was sent to get it.
    pub(crate) async fn accept(
        &self,
        response: Response,
        used: Option<&Secret>,
    ) -> Result<Response, Failure> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status.is_redirection() {
            return Err(Failure::protocol(
                status,
                "it redirects where that is not supported",
            ));
        }
        let mut secrets = self.auth.account().secrets();
        secrets.extend(used.map(Secret::value));
        let failure = Failure::from_response(response, &secrets).await;
        if status == StatusCode::UNAUTHORIZED {
            return Err(self.auth.judge(self.base().await?, failure).await);
        }
        Err(failure)
    }

    /// Sends and follows redirects of reads, with credentials for the registry alone.
    pub(crate) async fn follow(
        &self,
        call: &Call,
        authorization: Option<&Secret>,
    ) -> Result<Response, Failure> {
        let read = matches!(call.method, Method::GET | Method::HEAD);
        let mut target = call.target.clone();
        for _ in 0..=REDIRECTS {
            let request = call.request(&target, authorization)?;
            let response = self.http.send(self.client(), request).await?;
            if !read || !response.status().is_redirection() {
                return Ok(response);
            }
            target = self.location(&response).await?;
        }
        Err(Failure::protocol(
            StatusCode::FOUND,
            "it redirects in circles",
        ))
    }

    /// The address of the registry, found by asking.
    pub(crate) async fn base(&self) -> Result<&Url, Failure> {
        self.base.get_or_try_init(|| self.find_base()).await
    }

    async fn find_base(&self) -> Result<Url, Failure> {
        let candidates = scheme::candidates(&self.registry, self.insecure);
        let mut attempt = 1;
        loop {
            match self.probe(&candidates).await {
                Err(failure) => self.pause(attempt, failure).await?,
                found => return found,
            }
            attempt += 1;
        }
    }

    /// The first candidate that answers. Plain http is no way out of a certificate that is refused.
    async fn probe(&self, candidates: &[Url]) -> Result<Url, Failure> {
        let mut last = Failure::Final(StoreErrorKind::Unsupported(format!(
            "'{}' is not the address of a registry",
            self.registry
        )));
        for base in candidates {
            let Ok(url) = base.join("v2/") else { continue };
            let answer = self
                .http
                .send(self.client(), Request::new(Method::GET, url))
                .await;
            match answer {
                Ok(response) => {
                    self.auth.learn(response.headers()).await;
                    return Ok(base.clone());
                }
                Err(failure) if failure.blames_certificate() => return Err(failure),
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    pub(crate) fn knows_blob(&self, repository: &str, digest: Digest) -> bool {
        lock(&self.known_blobs).contains(&(repository.to_owned(), digest))
    }

    pub(crate) fn learn_blob(&self, repository: &str, digest: Digest) {
        lock(&self.known_blobs).insert((repository.to_owned(), digest));
    }

    pub(crate) fn known_image(&self, repository: &str, digest: Digest) -> Option<Image> {
        lock(&self.images)
            .iter()
            .find(|((known, of), _)| known == repository && *of == digest)
            .map(|(_, image)| image.clone())
    }

    pub(crate) fn learn_image(&self, repository: &str, image: &Image) {
        let key = (repository.to_owned(), image.digest());
        let mut images = lock(&self.images);
        // One command needs a few; a fleet of thousands must not stay in memory.
        if images.len() == KNOWN_IMAGES {
            images.pop_front();
        }
        images.push_back((key, image.clone()));
    }

    /// Forgets an image that is to go, and what is known of its blobs.
    pub(crate) fn forget_image(&self, repository: &str, digest: Digest) {
        lock(&self.images).retain(|((known, of), _)| known != repository || *of != digest);
        lock(&self.known_blobs).retain(|(known, _)| known != repository);
    }
}

/// The sets stay whole whatever a panicking thread was doing.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
