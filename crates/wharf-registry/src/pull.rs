//! Manifests, configs and blobs: bounded, streamed, verified.
use crate::{
    failure::Failure,
    location::Target,
    manifest::{self, Chosen, Kind},
    scope::{Action, Scope},
    session::{Call, Session},
    statistics::Counters,
};
use bytes::Bytes;
use reqwest::{
    Method, Response, StatusCode,
    header::{CONTENT_RANGE, CONTENT_TYPE},
};
use sha2::{Digest as _, Sha256};
use std::{
    io::{self, Read},
    sync::Arc,
};
use tokio::sync::mpsc;
use wharf_image::{Descriptor, Image, Platform, StoreErrorKind};
use wharf_layer::VerifyingReader;
use wharf_spec::{digest::Digest, reference::Reference};

/// Largest manifest; the limit of the registries.
const MANIFEST_LIMIT: usize = 4 << 20;
/// Largest config.
const CONFIG_LIMIT: u64 = 8 << 20;
/// Indices within indices.
const INDEX_DEPTH: u32 = 2;
/// Pieces of a download that wait for their reader.
const CHUNKS: usize = 8;
/// Header with the digest a registry thinks content has.
pub(crate) const CONTENT_DIGEST: &str = "docker-content-digest";

/// A manifest as received.
struct Fetched {
    bytes: Vec<u8>,
    digest: Digest,
    kind: Kind,
}

impl Session {
    /// The image at `reference` for `platform`.
    pub(crate) async fn find_image(
        &self,
        reference: &Reference,
        platform: &Platform,
    ) -> Result<Option<Image>, Failure> {
        let repository = reference.repository();
        let known = reference
            .digest()
            .and_then(|digest| self.known_image(repository, digest));
        let image = if let Some(image) = known {
            image
        } else {
            let fetched = match self.manifest(repository, &reference.identifier()).await {
                Err(failure) if failure.status() == Some(404) => return Ok(None),
                fetched => fetched?,
            };
            verify("manifest", fetched.digest, reference.digest())?;
            let fetched = self.descend(repository, fetched, platform).await?;
            self.complete_image(repository, fetched).await?
        };
        manifest::check_platform(&image.platform(), platform)?;
        Ok(Some(image))
    }

    /// From an index to the manifest for `platform`; a manifest is there already.
    async fn descend(
        &self,
        repository: &str,
        mut fetched: Fetched,
        platform: &Platform,
    ) -> Result<Fetched, Failure> {
        for _ in 0..INDEX_DEPTH {
            if fetched.kind == Kind::Image {
                return Ok(fetched);
            }
            let Chosen { digest, size } = manifest::choose(&fetched.bytes, platform)?;
            fetched = self.manifest(repository, &digest.to_string()).await?;
            verify("manifest", fetched.digest, Some(digest))?;
            verify_size("manifest", fetched.bytes.len() as u64, Some(size))?;
        }
        if fetched.kind == Kind::Image {
            return Ok(fetched);
        }
        let reason = format!("its indices are nested more than {INDEX_DEPTH} deep");
        Err(Failure::Final(StoreErrorKind::Unsupported(reason)))
    }

    /// An image from its manifest and config.
    async fn complete_image(&self, repository: &str, fetched: Fetched) -> Result<Image, Failure> {
        if let Some(image) = self.known_image(repository, fetched.digest) {
            return Ok(image);
        }
        let descriptor = Image::config_descriptor(&fetched.bytes).map_err(StoreErrorKind::Image)?;
        let config = self.small_blob(repository, &descriptor).await?;
        let image = Image::parse(fetched.bytes, config).map_err(StoreErrorKind::Image)?;
        self.learn_image(repository, &image);
        Ok(image)
    }

    async fn manifest(&self, repository: &str, identifier: &str) -> Result<Fetched, Failure> {
        let target = self.manifest_target(repository, identifier).await?;
        let call = Call::to(Method::GET, target, vec![Scope::pull(repository)]);
        let mut response = self.send(&call.accept(manifest::ACCEPTED)).await?;
        let promised = content_digest(&response);
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok().map(str::to_owned));
        let body = self.http.body(&mut response, MANIFEST_LIMIT).await?;
        let bytes = body.ok_or_else(|| too_large("manifest", MANIFEST_LIMIT as u64))?;
        Counters::add(&self.counters().bytes_downloaded, bytes.len() as u64);
        let digest = digest_of(&bytes);
        verify("manifest", digest, promised)?;
        let kind = manifest::kind(&bytes, content_type.as_deref())?;
        Ok(Fetched {
            bytes,
            digest,
            kind,
        })
    }

    /// Whether manifests of the repository can be read; a missing one is fine.
    pub(crate) async fn check_read(&self, reference: &Reference) -> Result<(), Failure> {
        let repository = reference.repository();
        let target = self
            .manifest_target(repository, &reference.identifier())
            .await?;
        let call = Call::to(Method::HEAD, target, vec![Scope::pull(repository)]);
        match self.send(&call.accept(manifest::ACCEPTED)).await {
            Err(failure) if failure.status() != Some(404) => Err(failure),
            _ => Ok(()),
        }
    }

    /// Removes a manifest. A registry that keeps everything, or has nothing, is fine.
    pub(crate) async fn delete_manifest(
        &self,
        repository: &str,
        digest: Digest,
    ) -> Result<(), Failure> {
        self.forget_image(repository, digest);
        let target = self
            .manifest_target(repository, &digest.to_string())
            .await?;
        let scopes = vec![Scope::new(repository, Action::Delete)];
        match self.send(&Call::to(Method::DELETE, target, scopes)).await {
            Ok(_) => Ok(()),
            Err(failure) if matches!(failure.status(), Some(404 | 405)) => Ok(()),
            Err(failure) if failure.is_unsupported() => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// A blob that is held in memory.
    async fn small_blob(
        &self,
        repository: &str,
        descriptor: &Descriptor,
    ) -> Result<Vec<u8>, Failure> {
        if descriptor.size > CONFIG_LIMIT {
            return Err(too_large("config", CONFIG_LIMIT));
        }
        let limit = usize::try_from(descriptor.size).unwrap_or(usize::MAX);
        let mut response = self.blob(repository, descriptor.digest, 0).await?;
        let bytes = self.http.body(&mut response, limit).await?.ok_or_else(|| {
            let actual = format!("more than {limit} bytes");
            mismatch("config", format!("{limit} bytes"), actual)
        })?;
        Counters::add(&self.counters().bytes_downloaded, bytes.len() as u64);
        verify_size("config", bytes.len() as u64, Some(descriptor.size))?;
        verify("config", digest_of(&bytes), Some(descriptor.digest))?;
        Ok(bytes)
    }

    /// The answer with the bytes of a blob from `offset` on.
    async fn blob(
        &self,
        repository: &str,
        digest: Digest,
        offset: u64,
    ) -> Result<Response, Failure> {
        let target = self
            .endpoint(repository, &format!("blobs/{digest}"))
            .await?;
        let call = Call::to(Method::GET, target, vec![Scope::pull(repository)]);
        self.send(&call.at_offset(offset)).await
    }

    /// The bytes of a blob, verified by reading to the end; a transfer that breaks is taken up where it broke.
    pub(crate) async fn open_blob(
        self: Arc<Self>,
        repository: String,
        descriptor: Descriptor,
    ) -> Result<Box<dyn Read + Send>, Failure> {
        let (digest, size) = (descriptor.digest, descriptor.size);
        let response = self.blob(&repository, digest, 0).await?;
        let (sender, pieces) = mpsc::channel(CHUNKS);
        let download = Download {
            session: self,
            repository,
            digest,
            size,
            sender,
        };
        tokio::spawn(download.run(response));
        let reader = DownloadReader {
            pieces,
            current: Bytes::new(),
        };
        Ok(Box::new(VerifyingReader::new(reader, digest, Some(size))))
    }

    pub(crate) async fn manifest_target(
        &self,
        repository: &str,
        identifier: &str,
    ) -> Result<Target, Failure> {
        self.endpoint(repository, &format!("manifests/{identifier}"))
            .await
    }
}

/// The sending side of a download, on the runtime.
struct Download {
    session: Arc<Session>,
    repository: String,
    digest: Digest,
    size: u64,
    sender: mpsc::Sender<io::Result<Bytes>>,
}

impl Download {
    async fn run(self, response: Response) {
        if let Err(failure) = self.transfer(response).await {
            let error = io::Error::other(failure.into_kind());
            // The reader may have lost interest.
            self.sender.send(Err(error)).await.ok();
        }
    }

    async fn transfer(&self, mut response: Response) -> Result<(), Failure> {
        let mut offset = 0;
        let mut attempt = 1;
        loop {
            let before = offset;
            let failure = match self.pieces(response, &mut offset).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            // Patience is for standing still, not for the length of the blob.
            attempt = if offset > before { 1 } else { attempt + 1 };
            self.session.pause(attempt, failure).await?;
            response = self
                .session
                .blob(&self.repository, self.digest, offset)
                .await?;
        }
    }

    /// Passes on what comes; `Ok` when the blob is complete or nobody reads any more.
    async fn pieces(&self, mut response: Response, offset: &mut u64) -> Result<(), Failure> {
        let mut skip = skipped(&response, *offset)?;
        while let Some(mut piece) = self.session.http.chunk(&mut response).await? {
            let length = piece.len() as u64;
            Counters::add(&self.session.counters().bytes_downloaded, length);
            let cut = skip.min(length);
            skip -= cut;
            let piece = piece.split_off(usize::try_from(cut).unwrap_or(usize::MAX));
            *offset += piece.len() as u64;
            if !piece.is_empty() && self.sender.send(Ok(piece)).await.is_err() {
                return Ok(());
            }
            if *offset > self.size {
                // The verifying reader names the fault.
                return Ok(());
            }
        }
        if *offset < self.size {
            return Err(Failure::Connection {
                address: crate::failure::address(response.url()),
                source: format!("the transfer ended after {offset} of {} bytes", self.size).into(),
            });
        }
        Ok(())
    }
}

/// How many bytes of `response` are known already: none, or all before `offset` where ranges are not served.
fn skipped(response: &Response, offset: u64) -> Result<u64, Failure> {
    if response.status() != StatusCode::PARTIAL_CONTENT {
        return Ok(offset);
    }
    let range = response.headers().get(CONTENT_RANGE);
    let start = range
        .and_then(|range| {
            range
                .to_str()
                .ok()?
                .strip_prefix("bytes ")?
                .split('-')
                .next()
        })
        .and_then(|start| start.trim().parse::<u64>().ok());
    if start == Some(offset) {
        return Ok(0);
    }
    Err(Failure::protocol(
        response.status(),
        "it serves another range than was asked for",
    ))
}

/// The receiving side of a download, on the caller's thread.
struct DownloadReader {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl Read for DownloadReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.current = piece?,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.current.len());
        buffer[..length].copy_from_slice(&self.current.split_to(length));
        Ok(length)
    }
}

/// The digest a registry puts on its answer; one of another algorithm counts as none.
pub(crate) fn content_digest(response: &Response) -> Option<Digest> {
    let header = response.headers().get(CONTENT_DIGEST)?;
    header.to_str().ok()?.parse().ok()
}

pub(crate) fn digest_of(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}

pub(crate) fn verify(
    what: &'static str,
    actual: Digest,
    expected: Option<Digest>,
) -> Result<(), Failure> {
    match expected {
        Some(expected) if expected != actual => {
            Err(mismatch(what, expected.to_string(), actual.to_string()))
        }
        _ => Ok(()),
    }
}

fn verify_size(what: &'static str, actual: u64, expected: Option<u64>) -> Result<(), Failure> {
    match expected {
        Some(expected) if expected != actual => Err(mismatch(
            what,
            format!("{expected} bytes"),
            format!("{actual} bytes"),
        )),
        _ => Ok(()),
    }
}

fn mismatch(what: &'static str, expected: String, actual: String) -> Failure {
    Failure::Final(StoreErrorKind::Mismatch {
        what,
        expected,
        actual,
    })
}

fn too_large(what: &'static str, limit: u64) -> Failure {
    mismatch(what, format!("at most {limit} bytes"), "more".to_owned())
}
