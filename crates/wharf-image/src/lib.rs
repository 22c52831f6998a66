//! An image as an immutable value, drafts of new images, and the store trait.
//!
//! | module | what |
//! |---|---|
//! | [`descriptor`] | content descriptors and media types of layers |
//! | [`family`] | the two families of media types |
//! | [`platform`] | what images run on |
//! | [`image`] | a manifest and its config over the bytes received |
//! | [`index`] | which image of an index serves a platform |
//! | [`draft`] | an image being made; edits change what they name and keep the rest |
//! | [`room`] | how much may be written, and whether an image fits |
//! | [`store`] | where images live: [`ImageStore`] |
//! | [`store_error`] | why a store fails, by what there is to do about it |
//! | [`stored`] | manifests and indexes as a store keeps them |
//! | [`run_image`] | which run image or mirror a build takes, and its target |
//! | [`tag_race`] | two builds on one tag |
//! | [`validate`] | whether an image is one that every runtime accepts |
pub mod descriptor;
pub mod draft;
pub mod family;
mod history;
pub mod image;
pub mod index;
mod json;
pub mod platform;
mod rebase;
pub mod room;
pub mod run_image;
mod seal;
pub mod store;
pub mod store_error;
pub mod stored;
pub mod tag_race;
pub mod validate;

pub use descriptor::Descriptor;
pub use draft::{DraftLayer, ImageDraft, LayerSource, SealedImage};
pub use family::Family;
pub use image::{Image, ImageError, Layer};
pub use platform::Platform;
pub use room::{Freeable, Limited, NoRoom, Room, Rooms};
pub use store::{Access, ImageStore, Transfer, Written};
pub use store_error::{QuotaWords, StoreError, StoreErrorKind};
pub use stored::{Referrer, Stored};
pub use tag_race::{MovedTag, TagRace, TagRaceError, WatchedTags};
