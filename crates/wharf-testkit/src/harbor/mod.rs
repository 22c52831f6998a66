//! A server shaped as Harbor: a registry with projects, robots, quotas, immutable tags and proxy projects, its token
//! service, and `/api/v2.0`. It listens on loopback, keeps everything in memory, counts what is asked of it, and notes
//! what a client of Harbor must not do.
//!
//! | module | what |
//! |---|---|
//! | `account` | who there is, and what they may do |
//! | `state` | projects, repositories, artifacts, blobs |
//! | `quota` | the arithmetic of storage |
//! | `token` | the token service, and who sends a request |
//! | `route` | what a path of `/v2/` means |
//! | `blobs`, `uploads`, `manifests`, `removal`, `referrers` | the registry |
//! | `api`, `api_artifacts`, `api_lists`, `documents` | Harbor's API |
//! | `errors` | error bodies |
//! | `strict` | what a client must not do |
//! | `traffic` | what was asked: kinds, counts, bytes |
//! | `scale` | projects with very many images |
//! | `control` | what tests change and look at |
mod account;
mod api;
mod api_artifacts;
mod api_lists;
mod blobs;
mod control;
mod documents;
mod errors;
mod manifests;
mod quota;
mod referrers;
mod removal;
mod route;
mod scale;
mod state;
mod strict;
mod token;
mod traffic;
mod uploads;

pub use account::{Account, Right};
pub use scale::Fabricated;
pub use traffic::{Kind, Seen};

use crate::http::{Handler, Request, Response, Server};
use state::State;
use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

/// How the server behaves.
#[derive(Debug, Clone)]
pub struct HarborOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Who there is.
    pub accounts: Vec<Account>,
    /// Life of tokens.
    pub token_lifetime: Duration,
    /// Whether `/projects/<p>/artifacts` is there (2.11 and later).
    pub project_artifacts: bool,
    /// Whether an upload is refused when it starts in a project that is over its limit (2.9 and later).
    pub early_quota: bool,
    /// Whether `Location` is sent without scheme and host.
    pub relative_locations: bool,
}

impl Default for HarborOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            accounts: Vec::new(),
            token_lifetime: Duration::from_mins(30),
            project_artifacts: true,
            early_quota: true,
            relative_locations: false,
        }
    }
}

/// What a test says before the server does: an answer of its own, or nothing.
pub(crate) type Interceptor = dyn Fn(&Seen) -> Option<Response> + Send + Sync;

/// A running server; it stops when dropped.
pub struct HarborServer {
    server: Server,
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    options: HarborOptions,
    state: Mutex<State>,
    interceptor: Mutex<Option<Arc<Interceptor>>>,
    host: OnceLock<String>,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn intercepted(&self, seen: &Seen) -> Option<Response> {
        let interceptor = self
            .interceptor
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        interceptor.and_then(|interceptor| interceptor(seen))
    }

    fn handle(&self, request: &mut Request) -> Response {
        let mut seen = traffic::look(request);
        self.lock().strict.head(request);
        let response = self
            .intercepted(&seen)
            .unwrap_or_else(|| self.answer(request, &mut seen))
            // Harbor starts a session with everybody; who returns it needs a token against forgery.
            .header("Set-Cookie", "sid=never-return-this; Path=/; HttpOnly")
            .header("X-Request-Id", "a-request-of-the-testkit");
        seen.status = response.status;
        if seen.method != "HEAD" {
            seen.bytes_sent = response.body.len() as u64;
        }
        self.lock().traffic.note(seen);
        response
    }

    fn answer(&self, request: &mut Request, seen: &mut Seen) -> Response {
        if request.header("cookie").is_some() && !matches!(request.method.as_str(), "GET" | "HEAD")
        {
            return errors::error(403, "FORBIDDEN", "CSRF token not found in request");
        }
        let path = request.path().to_owned();
        if path == "/service/token" {
            return token::serve(self, request);
        }
        if let Some(rest) = path.strip_prefix("/api/v2.0/") {
            return api::serve(self, request, rest);
        }
        match route::parse(&path) {
            Some(route) => self.registry(&route, request, seen),
            None => Response::status(404).body("404 page not found\n"),
        }
    }

    fn registry(&self, route: &route::Route, request: &mut Request, seen: &mut Seen) -> Response {
        if let Err(response) = token::authorize(self, route, request) {
            return response;
        }
        let writes = !matches!(request.method.as_str(), "GET" | "HEAD");
        if writes && self.lock().read_only {
            return errors::read_only();
        }
        match &route.to {
            route::To::Base => Response::json(200, &serde_json::json!({})),
            route::To::Catalog => Response::json(200, &self.lock().catalog()),
            route::To::Tags => manifests::tags(self, route, request),
            route::To::Manifest(reference) => manifests::serve(self, route, reference, request),
            route::To::Blob(digest) => blobs::serve(self, route, digest, request),
            route::To::Uploads => uploads::start(self, route, request, seen),
            route::To::Upload(id) => uploads::serve(self, (route, id), request, seen),
            route::To::Referrers(digest) => referrers::serve(self, route, digest, request),
        }
    }
}

impl HarborServer {
    /// Starts a server.
    pub fn start(options: HarborOptions) -> io::Result<Self> {
        let listen = options.listen;
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(options.accounts.clone())),
            options,
            interceptor: Mutex::default(),
            host: OnceLock::new(),
        });
        let inner = shared.clone();
        let handler: Arc<Handler> = Arc::new(move |request: &mut Request| inner.handle(request));
        let server = Server::start(listen, handler)?;
        // Nobody knows the address before it is returned.
        shared.host.set(server.address().to_string()).ok();
        Ok(Self { server, shared })
    }

    /// `127.0.0.1:port`.
    pub fn host(&self) -> String {
        self.server.address().to_string()
    }

    /// Asks `interceptor` first, for every request; what it answers is sent instead. It may change the server.
    pub fn intercept(
        &self,
        interceptor: impl Fn(&Seen) -> Option<Response> + Send + Sync + 'static,
    ) {
        *self
            .shared
            .interceptor
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(interceptor));
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }
}

impl fmt::Debug for HarborServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HarborServer")
            .field("host", &self.host())
            .finish_non_exhaustive()
    }
}
