//! The conformance suite: tests, the requirements they show, and the machinery that runs them on any lifecycle.
//!
//! | module | what |
//! |---|---|
//! | [`test`] | a test, the API versions it runs on, the table macro |
//! | [`case`] | one run of a test at one pair of API versions; assertions that name the requirement they show |
//! | [`ground`] | registries and base images that all cases share |
//! | [`subject`] | the lifecycle that is judged |
//! | [`requirements`] | the table of requirements |
//! | [`runner`] | cases side by side, panics caught |
//! | [`report`] | what people and programs read afterwards |
//! | [`bite`] | planted faults, and which test catches them |
//! | [`map`] | `docs/spec-map.md` |
pub mod bite;
pub mod case;
pub mod ground;
pub mod map;
pub mod report;
pub mod requirements;
pub mod runner;
pub mod subject;
pub mod test;

pub use case::Case;
pub use test::{Minor, PLATFORM_APIS, Pair, Test};
