//! Projects with very many images, cheap in memory: manifests and configs are made when they are read.
use super::{
    HarborServer, manifests,
    state::{Blob, Content, State},
};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use wharf_spec::digest::Digest;

/// An image that a test makes up.
#[derive(Debug, Clone)]
pub struct Fabricated {
    /// `<project>/<name>`; the project must be there.
    pub repository: String,
    /// Its tag; none for an image that was superseded.
    pub tag: Option<String>,
    /// The manifest.
    pub manifest: Vec<u8>,
    /// The config that the manifest names.
    pub config: Vec<u8>,
    /// Layers that the manifest names, with their sizes. Nobody can read them, but they count and can be mounted.
    pub layers: Vec<(Digest, u64)>,
}

/// Makes image number so and so; it must make the same one each time.
pub(crate) type Maker = dyn Fn(u64) -> Fabricated + Send + Sync;

impl HarborServer {
    /// Puts images `0..count` into their repositories, past every quota. About 1 KiB stays in memory for each.
    pub fn fabricate(&self, count: u64, maker: impl Fn(u64) -> Fabricated + Send + Sync + 'static) {
        let maker: Arc<Maker> = Arc::new(maker);
        for index in 0..count {
            let image = maker(index);
            put(&mut self.lock(), &maker, index, image);
        }
    }
}

fn put(state: &mut State, maker: &Arc<Maker>, index: u64, image: Fabricated) {
    let made = |config| Content::Made {
        maker: maker.clone(),
        index,
        config,
    };
    let content_type = "application/vnd.oci.image.manifest.v1+json";
    let Some(mut artifact) = manifests::parse(&image.manifest, content_type) else {
        return;
    };
    let config = Digest::from_bytes(Sha256::digest(&image.config).into());
    let mut parts = vec![
        (artifact.digest, image.manifest.len() as u64, made(false)),
        (config, image.config.len() as u64, made(true)),
    ];
    let layers = image.layers.into_iter();
    parts.extend(layers.map(|(digest, size)| (digest, size, Content::Absent)));
    artifact.content = made(false);
    artifact.size = parts.iter().map(|(_, size, _)| size).sum();
    artifact.blobs.shrink_to_fit();
    for (digest, size, content) in parts {
        state.blobs.entry(digest).or_insert(Blob {
            size,
            content,
            deleting: false,
        });
        state.link(&image.repository, digest);
    }
    manifests::keep(state, &image.repository, artifact, image.tag.as_deref());
}
