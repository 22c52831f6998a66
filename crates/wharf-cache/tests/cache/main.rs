//! Caches on real directories and stores.
mod image;
mod layers;
mod volume;
