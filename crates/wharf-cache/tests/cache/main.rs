//! Caches on real directories and stores.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod image;
mod layers;
mod volume;
