//! A server that says what a test wants it to say, and remembers what it was asked.
use crate::http::{Handler, Server};
pub use crate::http::{Request, Response};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

/// A request as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// `GET`, `PUT` …
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// Value of `Authorization`.
    pub authorization: Option<String>,
    /// Value of `Content-Length`.
    pub content_length: Option<u64>,
    /// Value of `Range`.
    pub range: Option<String>,
}

/// A server on a free loopback port; it stops when dropped.
#[derive(Debug)]
pub struct ScriptedServer {
    server: Server,
    recorded: Arc<Mutex<Vec<Recorded>>>,
}

impl ScriptedServer {
    /// Answers every request with what `script` returns. A body the script does not read stays unread, as with servers
    /// that refuse early.
    pub fn start(
        script: impl Fn(&mut Request) -> Response + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let recorded = Arc::new(Mutex::new(Vec::new()));
        let record = recorded.clone();
        let handler: Arc<Handler> = Arc::new(move |request: &mut Request| {
            let entry = Recorded {
                method: request.method.clone(),
                target: request.target.clone(),
                authorization: request.header("authorization").map(str::to_owned),
                content_length: request
                    .header("content-length")
                    .and_then(|value| value.parse().ok()),
                range: request.header("range").map(str::to_owned),
            };
            record
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(entry);
            script(request)
        });
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = Server::start(listen, handler)?;
        Ok(Self { server, recorded })
    }

    /// `127.0.0.1:port`.
    pub fn host(&self) -> String {
        self.server.address().to_string()
    }

    /// `http://127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("http://{}", self.host())
    }

    /// All requests so far.
    pub fn recorded(&self) -> Vec<Recorded> {
        self.recorded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How many requests had `method` and a target that starts with `prefix`.
    pub fn count(&self, method: &str, prefix: &str) -> usize {
        let recorded = self.recorded();
        let matching = recorded
            .iter()
            .filter(|request| request.method == method && request.target.starts_with(prefix));
        matching.count()
    }
}
