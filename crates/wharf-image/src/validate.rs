//! Whether an image is one that every runtime accepts.
use crate::Image;

/// Everything that is wrong with `image`; empty when it is fine. Judges media types of one family, equal counts of
/// layers, diff IDs and history, platform members, unique environment names.
pub fn validate(image: &Image) -> Vec<String> {
    let _ = image;
    todo!()
}
