//! How the commands about fleets end, for scripts.
use std::fmt;

/// An end that is neither success nor an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Some images failed, or were moved since the plan was made.
    Partly,
    /// A canary was refused.
    CanaryRejected,
    /// More images failed than may.
    TooManyFailures,
    /// A signal ended it; the same command goes on where it was.
    Interrupted,
    /// Images stand on old bases.
    OldBases,
}

impl Ended {
    /// The exit status.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Partly => 10,
            Self::CanaryRejected => 11,
            Self::TooManyFailures => 12,
            Self::Interrupted => 13,
            Self::OldBases => 14,
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Partly => "rebase all images: some failed or were moved; 'wharf rebase report' says which",
            Self::CanaryRejected => "rebase the fleet: a canary was refused, nothing else was touched; 'wharf rebase rollback' puts it back",
            Self::TooManyFailures => "rebase the fleet: too many images failed, the others were not begun",
            Self::Interrupted => "rebase the fleet: interrupted; the same command goes on where it was",
            Self::OldBases => "find all images on the new base: some stand on old ones",
        })
    }
}

impl std::error::Error for Ended {}
