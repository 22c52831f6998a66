//! Layers, their archives, and caches, as the reference makes them or ought to.
pub mod archives;
pub mod cache;
pub mod restored;
