//! A blob on its way to a repository, whole or in pieces.
use crate::{
    body::{BytesSource, Piece},
    scope::Scope,
};
use bytes::Bytes;
use reqwest::header::HeaderValue;
use std::sync::Arc;
use wharf_layer::BlobSource;
use wharf_spec::digest::Digest;

/// A blob to be put into a repository.
#[derive(Debug, Clone)]
pub(crate) struct PutBlob {
    pub(crate) repository: String,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    /// Its bytes.
    pub(crate) source: Arc<dyn BlobSource>,
    /// The same, where they are in memory.
    pub(crate) bytes: Option<Bytes>,
    /// A repository of this registry that has it.
    pub(crate) mount_from: Option<String>,
    /// Whether it was made just now, so that asking for it would be in vain.
    pub(crate) is_new: bool,
    /// Where it begins in the blob it is a piece of.
    pub(crate) piece_at: Option<u64>,
}

impl PutBlob {
    /// The config of a new image.
    pub(crate) fn config(repository: &str, digest: Digest, bytes: &[u8]) -> Self {
        let bytes = Bytes::copy_from_slice(bytes);
        Self {
            repository: repository.to_owned(),
            digest,
            size: bytes.len() as u64,
            source: Arc::new(BytesSource(bytes.clone())),
            bytes: Some(bytes),
            mount_from: None,
            is_new: true,
            piece_at: None,
        }
    }

    /// The blob in pieces of `size` bytes, the last of what is left.
    pub(crate) fn pieces(&self, size: u64) -> impl Iterator<Item = Self> + '_ {
        let step = usize::try_from(size).unwrap_or(usize::MAX).max(1);
        let starts = (0..self.size).step_by(step);
        starts.map(move |start| self.piece(start, size.min(self.size - start)))
    }

    fn piece(&self, start: u64, size: u64) -> Self {
        let range = usize::try_from(start)
            .ok()
            .zip(usize::try_from(start + size).ok());
        let slice = |(bytes, (from, to)): (&Bytes, (usize, usize))| bytes.slice(from..to);
        Self {
            size,
            source: Arc::new(Piece {
                whole: Arc::clone(&self.source),
                start,
                size,
            }),
            bytes: self.bytes.as_ref().zip(range).map(slice),
            piece_at: Some(start),
            ..self.clone()
        }
    }

    /// Its end, when all pieces are there.
    pub(crate) fn nothing(&self) -> Self {
        Self {
            size: 0,
            bytes: Some(Bytes::new()),
            ..self.clone()
        }
    }

    /// Which bytes it is of the whole: first and last, as the distribution specification writes them.
    pub(crate) fn range(&self) -> Option<HeaderValue> {
        let start = self.piece_at?;
        HeaderValue::from_str(&format!("{start}-{}", start + self.size - 1)).ok()
    }

    pub(crate) fn scopes(&self) -> Vec<Scope> {
        vec![Scope::push(&self.repository)]
    }
}
