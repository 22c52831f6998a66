//! What has passed.
use super::fault::Fault;
use std::{collections::BTreeMap, time::Duration};

/// A request and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exchange {
    /// `GET`, `PUT` …
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// Bytes that the client says its body has; zero where it does not say.
    pub promised: u64,
    /// Bytes of its body that came.
    pub received: u64,
    /// Bytes of the answer's body that the client was sent.
    pub sent: u64,
    /// Status of the registry's answer, if it was asked and gave one.
    pub status: Option<u16>,
    /// `Location` of the registry's answer.
    pub location: Option<String>,
    /// What happened to it.
    pub fault: Option<Fault>,
    /// Whether the client was sent the whole answer of the registry.
    pub complete: bool,
}

impl Exchange {
    /// The repository it is about; none for the other addresses of a registry.
    pub fn repository(&self) -> Option<&str> {
        repository(&self.target)
    }
}

/// What has passed since the last look.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    /// Method and target of each request, in the order they came.
    pub requests: Vec<String>,
    /// What became of them, in the order they ended.
    pub exchanges: Vec<Exchange>,
    /// Bytes of bodies from clients.
    pub uploaded: u64,
    /// Bytes of bodies to clients.
    pub downloaded: u64,
    /// Time during which the registry owed an answer, one or several.
    pub served: Duration,
}

impl Traffic {
    /// How many requests met each kind of fault.
    pub fn faults(&self) -> BTreeMap<&'static str, usize> {
        let mut faults = BTreeMap::new();
        for fault in self.exchanges.iter().filter_map(|exchange| exchange.fault) {
            *faults.entry(fault.name()).or_default() += 1;
        }
        faults
    }

    /// The requests for people, one a line, digests and sessions shortened.
    pub fn list(&self) -> String {
        let mut text = String::new();
        for request in &self.requests {
            let request = request.split('?').next().unwrap_or_default();
            let (start, end) = request.rsplit_once('/').unwrap_or((request, ""));
            let end: String = end.chars().take(19).collect();
            text += &format!("    {start}/{end}\n");
        }
        text
    }
}

/// The repository a path below `/v2/` is about.
pub(super) fn repository(target: &str) -> Option<&str> {
    let rest = target.strip_prefix("/v2/")?;
    let ends = ["/blobs/", "/manifests/", "/tags/", "/referrers/"];
    ends.iter()
        .find_map(|end| rest.split_once(end).map(|(name, _)| name))
}
