//! An image as an immutable value, drafts of new images, and the store trait.
//!
//! | module | what |
//! |---|---|
//! | [`image`] | a manifest and its config over the bytes received |
//! | [`draft`] | an image being made; edits change what they name and keep the rest |
//! | [`store`] | where images live: [`ImageStore`] |
//! | [`run_image`] | which run image or mirror a build takes, and its target |
//! | [`validate`] | whether an image is one that every runtime accepts |
pub mod draft;
pub mod image;
pub mod run_image;
pub mod store;
pub mod validate;

pub use draft::{DraftLayer, ImageDraft, LayerSource, SealedImage};
pub use image::{Descriptor, Family, Image, ImageError, Platform};
pub use store::{Access, ImageStore, StoreError, StoreErrorKind, Transfer, Written};
