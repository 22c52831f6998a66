//! A cache image.
use std::sync::Arc;
use wharf_image::ImageStore;
use wharf_layer::Encoder;
use wharf_spec::reference::Reference;

/// An image whose layers are cached layers and whose label holds the metadata.
#[derive(Debug)]
pub struct ImageCache {
    /// Where the image lives.
    pub store: Arc<dyn ImageStore>,
    /// Its name.
    pub reference: Reference,
    /// Makes blobs of layers that are not in the store.
    pub encoder: Encoder,
    /// Whether the replaced image is deleted after a commit (Platform API < 0.13).
    pub delete_replaced: bool,
}
