//! Strict fakes, image recipes and a token issuer for tests.
//!
//! | module | what |
//! |---|---|
//! | [`error_text`] | errors with their causes |
//! | [`fault_proxy`] | a server before a registry that loses, delays and refuses some of what passes, and counts |
//! | [`files`] | files that tests make |
//! | [`fleet`] | fleets of apps with oddities, made from a seed |
//! | [`golden`] | recorded outputs of the reference lifecycle |
//! | [`harbor`] | a server shaped as Harbor: projects, robots, quotas, its API |
//! | [`image_recipe`] | small images, made in memory |
//! | [`memory_store`] | an image store stricter than a registry, which counts what is done to it |
//! | [`recording_log`] | a log that keeps its lines |
//! | [`store_contract`] | what every image store does alike |
//! | [`registry_server`] | Debian's `docker-registry` on a loopback port, in every mode of authentication |
//! | [`token_issuer`] | a token service that behaves as Harbor's |
//! | [`scripted_server`] | a server that says what a test wants it to say |
//! | [`certificates`] | certificates from an authority of their own |
pub mod certificates;
pub mod error_text;
pub mod fault_proxy;
pub mod files;
pub mod fleet;
pub mod golden;
pub mod harbor;
mod http;
pub mod image_recipe;
pub mod memory_store;
pub mod recording_log;
pub mod registry_server;
pub mod scripted_server;
pub mod store_contract;
pub mod token_issuer;

pub use error_text::chain;
pub use fault_proxy::{Fault, FaultPlan, FaultProxy};
pub use harbor::{HarborOptions, HarborServer};
pub use image_recipe::ImageRecipe;
pub use memory_store::MemoryStore;
pub use recording_log::RecordingLog;
pub use registry_server::{Authentication, RegistryServer, RegistryServerOptions};
pub use scripted_server::ScriptedServer;
pub use store_contract::store_contract;
pub use token_issuer::{TokenIssuer, TokenIssuerOptions};
