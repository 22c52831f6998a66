//! Which request meets which fault, and how that is to end.
use std::time::Duration;
use wharf_testkit::Fault;

/// Longer than any patience with it.
pub(super) const STALL: Duration = Duration::from_millis(1500);

/// The request of an operation that meets the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    HeadManifest,
    GetManifest,
    GetBlob,
    PushExisting,
    StartUpload,
    PutBlob,
    PutManifest,
    Mount,
    Retag,
    Delete,
    Tags,
    Referrers,
    /// All requests of a rebase.
    Rebase,
}

pub(super) const STEPS: [Step; 13] = [
    Step::HeadManifest,
    Step::GetManifest,
    Step::GetBlob,
    Step::PushExisting,
    Step::StartUpload,
    Step::PutBlob,
    Step::PutManifest,
    Step::Mount,
    Step::Retag,
    Step::Delete,
    Step::Tags,
    Step::Referrers,
    Step::Rebase,
];

impl Step {
    pub(super) fn is(self, method: &str, target: &str) -> bool {
        let (wanted, part) = match self {
            Self::HeadManifest => ("HEAD", "/manifests/"),
            Self::GetManifest => ("GET", "/manifests/"),
            Self::GetBlob => ("GET", "/blobs/"),
            Self::PushExisting => ("HEAD", "/blobs/"),
            Self::StartUpload => ("POST", "/blobs/uploads/"),
            Self::PutBlob => ("PUT", "/blobs/uploads/"),
            Self::PutManifest | Self::Retag => ("PUT", "/manifests/"),
            Self::Mount => ("POST", "mount="),
            Self::Delete => ("DELETE", "/manifests/"),
            Self::Tags => ("GET", "/tags/list"),
            Self::Referrers => ("GET", "/referrers/"),
            Self::Rebase => return target.starts_with("/v2/contract/"),
        };
        method == wanted && target.contains(part)
    }

    pub(super) fn writes(self) -> bool {
        matches!(
            self,
            Self::StartUpload | Self::PutBlob | Self::PutManifest | Self::Mount | Self::Retag
        )
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// On the way.
    Way(Fault),
    /// Harbor's answer to a token that is too old, or lacks a scope.
    Unauthorized,
    Status(u16),
    /// With the seconds of `Retry-After`.
    Limited(u64),
    Quota,
    Collected,
    Immutable,
    WrongDigest,
    Shorter,
    Longer,
    Redirect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Often {
    Once,
    Always,
}

/// How a cell is to end, and the most requests of its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Succeeds(usize),
    Fails(&'static str, usize),
}

/// What a cell comes to; `None` where it makes no sense.
pub(super) fn end(step: Step, what: What, often: Often) -> Option<End> {
    use End::{Fails, Succeeds};
    if step == Step::Rebase {
        return of_rebase(what, often);
    }
    let is_once = often == Often::Once;
    let temporary = |kind| Some(if is_once { Succeeds(2) } else { Fails(kind, 3) });
    // Whoever may not mount uploads.
    let last = |kind, most| {
        Some(if step == Step::Mount {
            Succeeds(most)
        } else {
            Fails(kind, most)
        })
    };
    match what {
        What::Way(fault) => on_the_way(step, fault, often),
        What::Status(_) => temporary("server"),
        What::Limited(0) => temporary("rate"),
        What::Limited(_) if !is_once => Some(Fails("rate", 1)),
        What::Unauthorized if is_once => Some(Succeeds(2)),
        What::Unauthorized => last("denied", 2),
        What::Quota if step.writes() && !is_once => Some(Fails("quota", 1)),
        What::Collected => match step {
            Step::PushExisting | Step::Mount => Some(Succeeds(1)),
            Step::PutBlob => temporary("collected"),
            _ => None,
        },
        What::Immutable if !is_once => match step {
            Step::PutManifest | Step::Retag | Step::Delete => Some(Fails("immutable", 1)),
            _ => None,
        },
        What::WrongDigest if !is_once => match step {
            Step::GetManifest | Step::GetBlob | Step::PutBlob | Step::PutManifest | Step::Retag => {
                Some(Fails("mismatch", 1))
            }
            _ => None,
        },
        What::Shorter => match step {
            Step::GetManifest if !is_once => Some(Fails("mismatch", 1)),
            // What comes once more after the same half brings nothing new.
            Step::GetBlob if is_once => Some(Succeeds(2)),
            Step::GetBlob => Some(Fails("unreachable", 4)),
            _ => None,
        },
        What::Longer if !is_once => match step {
            Step::GetManifest | Step::GetBlob => Some(Fails("mismatch", 1)),
            _ => None,
        },
        What::Redirect if !is_once => match step {
            Step::GetManifest | Step::GetBlob => Some(Succeeds(1)),
            _ if step.writes() || step == Step::Delete => last("server", 1),
            _ => None,
        },
        _ => None,
    }
}

/// Each request fails the first time.
pub(super) fn of_rebase(what: What, often: Often) -> Option<End> {
    let is_temporary = matches!(
        what,
        What::Way(Fault::ResetBeforeAnswer | Fault::ResetInAnswer | Fault::Truncated)
            | What::Status(_)
            | What::Limited(0)
    );
    (is_temporary && often == Often::Once).then_some(End::Succeeds(40))
}

pub(super) fn on_the_way(step: Step, fault: Fault, often: Often) -> Option<End> {
    let has_body = matches!(step, Step::PutBlob | Step::PutManifest | Step::Retag);
    if fault == Fault::ResetInRequest && !has_body {
        return None;
    }
    if often == Often::Once {
        return Some(End::Succeeds(2));
    }
    let is_cut = matches!(fault, Fault::ResetInAnswer | Fault::Truncated);
    match step {
        // The registry has taken it, as asking shows.
        Step::PutBlob if is_cut || fault == Fault::ResetBeforeAnswer => Some(End::Succeeds(1)),
        // The whole answer is its head, which comes before anything stands still.
        Step::HeadManifest | Step::PushExisting | Step::Mount | Step::Delete
            if matches!(fault, Fault::Stalled(_)) =>
        {
            Some(End::Succeeds(1))
        }
        // It is gone, and the second answer has the body that breaks off, of a 404.
        Step::Delete if is_cut => Some(End::Succeeds(2)),
        // Each answer brings half of what is missing.
        Step::GetBlob if is_cut => Some(End::Fails("unreachable", 25)),
        _ => Some(End::Fails("unreachable", 3)),
    }
}

pub(super) fn faults() -> Vec<What> {
    let ways = [
        Fault::ResetBeforeAnswer,
        Fault::ResetInRequest,
        Fault::ResetInAnswer,
        Fault::Truncated,
        Fault::Stalled(STALL),
    ];
    let mut faults: Vec<_> = ways.map(What::Way).into();
    faults.extend([500, 502, 503].map(What::Status));
    faults.extend([
        What::Unauthorized,
        What::Limited(0),
        What::Limited(3600),
        What::Quota,
        What::Collected,
        What::Immutable,
        What::WrongDigest,
        What::Shorter,
        What::Longer,
        What::Redirect,
    ]);
    faults
}
