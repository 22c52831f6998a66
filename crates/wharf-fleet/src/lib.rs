//! The rebase of a fleet: a plan that people review, an apply that does exactly that, a journal that survives anything.
//!
//! | module | what |
//! |---|---|
//! | [`candidate`] | an image as a source lists it, and the trait of sources |
//! | [`base`] | the new run image, one image per platform |
//! | [`verdict`] | what becomes of an image, and why; pure |
//! | [`policy`] | what administrators allow |
//! | [`pattern`] | patterns that always match whole names |
//! | [`plan`] | the plan: made, written, read, ordered, shown as text and as a page |
//! | [`journal`] | what was done so far; append-only and synced |
//! | [`apply`] | carries out a plan: canaries, bounded parallelism, back-off, failure budget |
//! | [`rollback`] | puts old digests back under the tags that still are as apply left them |
//! | [`report`] | who did what, when, and why not |
//! | [`metrics`] | the same for Prometheus |
//! | [`clock`] | time, as the edge tells it |
pub mod apply;
pub mod base;
pub mod candidate;
pub mod clock;
pub mod journal;
pub mod metrics;
pub mod pattern;
pub mod plan;
pub mod policy;
pub mod report;
pub mod rollback;
pub mod verdict;

pub use apply::{Applied, ApplyOptions, Outcome, apply};
pub use base::NewBase;
pub use candidate::{Candidate, Content, Facts, ListError, Source};
pub use clock::Clock;
pub use journal::Journal;
pub use pattern::Pattern;
pub use plan::{Plan, PlanError, PlanOptions};
pub use policy::Policy;
pub use rollback::rollback;
pub use verdict::Verdict;
