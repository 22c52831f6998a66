//! Strict fakes, image recipes and a token issuer for tests.
//!
//! | module | what |
//! |---|---|
//! | [`image_recipe`] | small images, made in memory |
//! | [`memory_store`] | an image store stricter than a registry, which counts what is done to it |
//! | [`recording_log`] | a log that keeps its lines |
//! | [`store_contract`] | what every image store does alike |
pub mod image_recipe;
pub mod memory_store;
pub mod recording_log;
pub mod store_contract;

pub use image_recipe::ImageRecipe;
pub use memory_store::MemoryStore;
pub use recording_log::RecordingLog;
pub use store_contract::store_contract;
