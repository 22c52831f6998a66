//! An image store over OCI image layout directories (platform spec, "OCI Image Layout"; OCI image specification,
//! "Image Layout").
//!
//! | module | what |
//! |---|---|
//! | [`store`] | [`LayoutStore`], the image store |
//! | `place` | which directory a reference means, and back |
//! | `directory` | one layout directory: its index and the blobs it has |
//! | `incoming` | files that are being written, and what is left of those whose writer was killed |
//! | `put` | layers and images into directories |
//! | `select` | which image of an index serves a platform |
//! | `write` | blobs and indexes written so that nobody sees them half |
mod directory;
mod incoming;
mod place;
mod put;
mod select;
pub mod store;
mod write;

pub use store::LayoutStore;
