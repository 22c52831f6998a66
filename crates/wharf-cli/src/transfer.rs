//! Images from one store to another.
use anyhow::{Context, Result};
use std::{
    io::{self, Read},
    sync::{Arc, atomic::AtomicUsize, atomic::Ordering},
    thread,
};
use wharf_image::{
    Descriptor, DraftLayer, Image, ImageStore, LayerSource, SealedImage, Transfer, Written,
};
use wharf_layer::BlobSource;
use wharf_spec::reference::Reference;

/// Layers on the way at the same time.
const SIDE_BY_SIDE: usize = 4;

/// What became of the layers of an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    /// Bytes sent.
    pub(crate) uploaded: u64,
    /// Layers sent.
    pub(crate) layers: usize,
}

/// A layer of another store.
#[derive(Debug)]
pub(crate) struct RemoteBlob {
    pub(crate) store: Arc<dyn ImageStore>,
    pub(crate) reference: Reference,
    pub(crate) descriptor: Descriptor,
}

impl BlobSource for RemoteBlob {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        self.store
            .open_blob(&self.reference, &self.descriptor)
            .map_err(io::Error::other)
    }
}

/// Has every layer that lies in a repository of `store` come from there by its bytes.
pub(crate) fn take_from(sealed: &mut SealedImage, store: &Arc<dyn ImageStore>) {
    for layer in &mut sealed.layers {
        if let LayerSource::Repository(reference) = &layer.source {
            layer.source = LayerSource::Bytes(Arc::new(RemoteBlob {
                store: Arc::clone(store),
                reference: reference.clone(),
                descriptor: layer.descriptor.clone(),
            }));
        }
    }
}

/// Copies `image`, found at `reference` in `from`, to `tags` in `to`; its bytes stay as they are.
pub(crate) fn copy(
    image: &Image,
    reference: &Reference,
    from: &Arc<dyn ImageStore>,
    to: &dyn ImageStore,
    tags: &[Reference],
) -> Result<(Written, Moved)> {
    let layers = image
        .layers()
        .iter()
        .map(|layer| DraftLayer::from_image(layer, reference, None))
        .collect();
    let mut sealed = SealedImage {
        image: image.clone(),
        layers,
    };
    take_from(&mut sealed, from);
    write(&sealed, to, tags)
}

/// Writes an image to `tags` in `to`, its layers side by side.
pub(crate) fn write(
    sealed: &SealedImage,
    to: &dyn ImageStore,
    tags: &[Reference],
) -> Result<(Written, Moved)> {
    let mut repositories: Vec<&Reference> = Vec::new();
    for tag in tags {
        if !repositories.iter().any(|seen| seen.same_repository(tag)) {
            repositories.push(tag);
        }
    }
    let jobs: Vec<(&Reference, &DraftLayer)> = repositories
        .iter()
        .flat_map(|repository| sealed.layers.iter().map(|layer| (*repository, layer)))
        .collect();
    let next = AtomicUsize::new(0);
    let work = || -> Result<Moved> {
        let mut moved = Moved::default();
        while let Some((repository, layer)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            if to.put_layer(repository, layer)? == Transfer::Uploaded {
                moved.layers += 1;
                moved.uploaded += layer.descriptor.size;
            }
        }
        Ok(moved)
    };
    let outcomes: Vec<Result<Moved>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..SIDE_BY_SIDE).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .filter_map(|worker| worker.join().ok())
            .collect()
    });
    let mut moved = Moved::default();
    for outcome in outcomes {
        let part = outcome.context("write layers")?;
        moved.layers += part.layers;
        moved.uploaded += part.uploaded;
    }
    Ok((to.put_image(sealed, tags)?, moved))
}
