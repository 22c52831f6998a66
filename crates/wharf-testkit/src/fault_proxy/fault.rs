//! What can happen to a request on its way, and who decides when.
use sha2::{Digest as _, Sha256};
use std::{fmt, sync::Arc, time::Duration};

/// How long what is late is late, and what stands still stands still.
const WAIT: Duration = Duration::from_millis(150);
/// Seconds that a client is told to stay away.
const RETRY_AFTER: u64 = 1;

/// Something that happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The registry does its work, and the connection is reset instead of the answer.
    ResetBeforeAnswer,
    /// Half of the request's body passes, then both connections are reset.
    ResetInRequest,
    /// Half of the answer passes, then the connection is reset.
    ResetInAnswer,
    /// Half of the answer passes, then the connection is closed as if that were all.
    Truncated,
    /// Everything passes, but stands still for a time in the middle.
    Stalled(Duration),
    /// Everything passes, but later.
    Late(Duration),
    /// The registry is not asked; the answer has this status.
    Refused(u16),
    /// The registry is not asked; the answer is 429 with a `Retry-After` of so many seconds.
    RateLimited(u64),
}

impl Fault {
    /// One word for counting.
    pub fn name(self) -> &'static str {
        match self {
            Self::ResetBeforeAnswer => "reset-before-answer",
            Self::ResetInRequest => "reset-in-request",
            Self::ResetInAnswer => "reset-in-answer",
            Self::Truncated => "truncated",
            Self::Stalled(_) => "stalled",
            Self::Late(_) => "late",
            Self::Refused(_) => "refused",
            Self::RateLimited(_) => "rate-limited",
        }
    }
}

/// A request that asks for its fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    /// `GET`, `PUT` …
    pub method: &'a str,
    /// Path and query as sent.
    pub target: &'a str,
    /// Whether bytes of a body follow.
    pub has_body: bool,
    /// What it is, whichever upload session it belongs to; see [`identity`].
    pub identity: &'a str,
    /// How many requests of the same identity came before.
    pub earlier: u64,
}

type Choose = dyn Fn(&Asked<'_>) -> Option<Fault> + Send + Sync;

/// Decides which requests meet a fault.
#[derive(Clone)]
pub struct FaultPlan {
    choose: Arc<Choose>,
}

impl FaultPlan {
    /// Nothing ever happens.
    pub fn none() -> Self {
        Self::scripted(|_| None)
    }

    /// What a test wants to happen.
    pub fn scripted(choose: impl Fn(&Asked<'_>) -> Option<Fault> + Send + Sync + 'static) -> Self {
        Self {
            choose: Arc::new(choose),
        }
    }

    /// A fault for a share `rate` (0 to 1) of the requests.
    ///
    /// The seed, what a request is ([`identity`]) and how many of the same came before decide, and nothing else: not
    /// the time, not the port, not what other clients do meanwhile. So clients that ask for the same things meet the
    /// same faults again, however they are scheduled. Only among requests of one identity that are under way at the same time (two
    /// uploads that start in one repository) is it open which one is first.
    pub fn seeded(seed: u64, rate: f64) -> Self {
        Self::scripted(move |asked| {
            let mut hash = Sha256::new();
            hash.update(seed.to_le_bytes());
            hash.update(asked.earlier.to_le_bytes());
            hash.update(asked.identity);
            let draw: [u8; 32] = hash.finalize().into();
            let number = |at: usize| {
                u32::from_le_bytes([draw[at], draw[at + 1], draw[at + 2], draw[at + 3]])
            };
            let is_hit = f64::from(number(0)) < rate * (f64::from(u32::MAX) + 1.0);
            is_hit.then(|| pick(number(4), asked.has_body))
        })
    }

    pub(super) fn choose(&self, asked: &Asked<'_>) -> Option<Fault> {
        (self.choose)(asked)
    }
}

impl fmt::Debug for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultPlan").finish_non_exhaustive()
    }
}

/// All kinds alike, but for bodies that break: few requests have one.
fn pick(number: u32, has_body: bool) -> Fault {
    if has_body && number.is_multiple_of(3) {
        return Fault::ResetInRequest;
    }
    match number / 3 % 9 {
        0 => Fault::ResetBeforeAnswer,
        1 => Fault::ResetInAnswer,
        2 => Fault::Truncated,
        3 => Fault::Stalled(WAIT),
        4 => Fault::Late(WAIT),
        5 => Fault::Refused(500),
        6 => Fault::Refused(502),
        7 => Fault::Refused(503),
        _ => Fault::RateLimited(RETRY_AFTER),
    }
}

/// What a request is: method and target, but for uploads without the session, which is named anew each time.
///
/// `PUT /v2/app/blobs/uploads/f00?_state=x&digest=sha256:aa` is `PUT /v2/app/blobs/uploads/ digest=sha256:aa`.
pub fn identity(method: &str, target: &str) -> String {
    let Some((repository, session)) = target.split_once("/blobs/uploads/") else {
        return format!("{method} {target}");
    };
    let query = session.split_once('?').map_or("", |(_, query)| query);
    let mut kept = String::new();
    for pair in query.split('&') {
        if ["digest=", "mount=", "from="]
            .iter()
            .any(|name| pair.starts_with(name))
        {
            kept = format!("{kept} {pair}");
        }
    }
    format!("{method} {repository}/blobs/uploads/{kept}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(seed: u64, rate: f64) -> Vec<Option<Fault>> {
        let plan = FaultPlan::seeded(seed, rate);
        let fate = |earlier| {
            plan.choose(&Asked {
                method: "PUT",
                target: "/v2/a/blobs/uploads/1",
                has_body: true,
                identity: "PUT /v2/a/blobs/uploads/",
                earlier,
            })
        };
        (0..2000).map(fate).collect()
    }

    #[test]
    fn the_seed_decides_and_the_rate_holds() {
        assert_eq!(fates(7, 0.05), fates(7, 0.05));
        assert_ne!(fates(7, 0.05), fates(8, 0.05));
        assert!(fates(7, 0.0).iter().all(Option::is_none));
        assert!(fates(7, 1.0).iter().all(Option::is_some));
        let hits = fates(7, 0.05).iter().flatten().count();
        assert!((70..130).contains(&hits), "{hits} of 2000");
    }

    #[test]
    fn every_kind_of_fault_has_its_turn() {
        let mut names: Vec<_> = fates(7, 1.0)
            .iter()
            .flatten()
            .map(|fault| fault.name())
            .collect();
        names.sort_unstable();
        names.dedup();
        let expected = [
            "late",
            "rate-limited",
            "refused",
            "reset-before-answer",
            "reset-in-answer",
            "reset-in-request",
            "stalled",
            "truncated",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn an_upload_is_the_same_in_every_session() {
        assert_eq!(
            identity(
                "PUT",
                "/v2/a/blobs/uploads/f00?_state=x%3D&digest=sha256%3Aaa"
            ),
            "PUT /v2/a/blobs/uploads/ digest=sha256%3Aaa"
        );
        assert_eq!(
            identity("POST", "/v2/a/blobs/uploads/?mount=sha256%3Aaa&from=b"),
            "POST /v2/a/blobs/uploads/ mount=sha256%3Aaa from=b"
        );
        assert_eq!(
            identity("POST", "/v2/a/blobs/uploads/"),
            "POST /v2/a/blobs/uploads/"
        );
        assert_eq!(
            identity("HEAD", "/v2/a/manifests/latest"),
            "HEAD /v2/a/manifests/latest"
        );
    }
}
