//! Manifests, configs and blobs: bounded, streamed, verified.
use crate::{
    download::Download,
    failure::Failure,
    location::Target,
    manifest::{self, Chosen, Kind},
    scope::{Action, Scope},
    session::{Call, Session},
    statistics::Counters,
};
use reqwest::{Method, Response, header::CONTENT_TYPE};
use sha2::{Digest as _, Sha256};
use std::{io::Read, sync::Arc};
use wharf_image::{Descriptor, Image, Platform, StoreErrorKind, Stored};
use wharf_layer::VerifyingReader;
use wharf_spec::{digest::Digest, reference::Reference};

/// Largest manifest; the limit of the registries.
const MANIFEST_LIMIT: usize = 4 << 20;
/// Largest config.
const CONFIG_LIMIT: u64 = 8 << 20;
/// Indices within indices.
const INDEX_DEPTH: u32 = 2;
/// Header with the digest a registry thinks content has.
pub(crate) const CONTENT_DIGEST: &str = "docker-content-digest";

/// A manifest as received.
struct Fetched {
    bytes: Vec<u8>,
    digest: Digest,
    kind: Kind,
    /// `Content-Type` it came with; empty when there was none.
    content_type: String,
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
            self.complete_image(repository, fetched.digest, fetched.bytes)
                .await?
        };
        manifest::check_platform(&image.platform(), platform)?;
        Ok(Some(image))
    }

    /// The manifest or index at `reference`, whatever it is of.
    pub(crate) async fn find_manifest(
        &self,
        reference: &Reference,
    ) -> Result<Option<Stored>, Failure> {
        let identifier = reference.identifier();
        match self.manifest(reference.repository(), &identifier).await {
            Err(failure) if failure.status() == Some(404) => Ok(None),
            Err(failure) => Err(failure),
            Ok(fetched) => {
                verify("manifest", fetched.digest, reference.digest())?;
                Ok(Some(Stored::new(fetched.bytes, &fetched.content_type)))
            }
        }
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
            verify_size("manifest", &fetched.bytes, size)?;
            verify("manifest", fetched.digest, Some(digest))?;
        }
        if fetched.kind == Kind::Image {
            return Ok(fetched);
        }
        let reason = format!("its indices are nested more than {INDEX_DEPTH} deep");
        Err(Failure::Final(StoreErrorKind::Unsupported(reason)))
    }

    /// The image of a manifest that was read.
    pub(crate) async fn image_of(
        &self,
        repository: &str,
        manifest: Stored,
    ) -> Result<Image, Failure> {
        let digest = manifest.digest();
        self.complete_image(repository, digest, manifest.bytes)
            .await
    }

    /// An image from its manifest and config.
    async fn complete_image(
        &self,
        repository: &str,
        digest: Digest,
        manifest: Vec<u8>,
    ) -> Result<Image, Failure> {
        if let Some(image) = self.known_image(repository, digest) {
            return Ok(image);
        }
        let descriptor = Image::config_descriptor(&manifest).map_err(StoreErrorKind::Image)?;
        let config = self.small_blob(repository, &descriptor).await?;
        let image = Image::parse(manifest, config).map_err(StoreErrorKind::Image)?;
        self.learn_image(repository, &image);
        Ok(image)
    }

    async fn manifest(&self, repository: &str, identifier: &str) -> Result<Fetched, Failure> {
        let call = self
            .manifest_call(Method::GET, repository, identifier)
            .await?;
        let (response, body) = self.fetch(&call, MANIFEST_LIMIT).await?;
        let promised = content_digest(&response);
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok().map(str::to_owned));
        let bytes = body.ok_or_else(|| too_large("manifest", MANIFEST_LIMIT as u64))?;
        Counters::add(&self.counters().bytes_downloaded, bytes.len() as u64);
        let digest = digest_of(&bytes);
        verify("manifest", digest, promised)?;
        let kind = manifest::kind(&bytes, content_type.as_deref())?;
        Ok(Fetched {
            bytes,
            digest,
            kind,
            content_type: content_type.unwrap_or_default(),
        })
    }

    /// Whether manifests of the repository can be read; a missing one is fine.
    pub(crate) async fn check_read(&self, reference: &Reference) -> Result<(), Failure> {
        let (repository, identifier) = (reference.repository(), reference.identifier());
        let call = self
            .manifest_call(Method::HEAD, repository, &identifier)
            .await?;
        match self.send(&call).await {
            Err(failure) if failure.status() != Some(404) => Err(failure),
            _ => Ok(()),
        }
    }

    /// The digest of what is at `reference`. A registry that does not tell it is asked for the manifest.
    pub(crate) async fn resolve(&self, reference: &Reference) -> Result<Option<Digest>, Failure> {
        let (repository, identifier) = (reference.repository(), reference.identifier());
        let call = self
            .manifest_call(Method::HEAD, repository, &identifier)
            .await?;
        match self.send(&call).await {
            Err(failure) if failure.status() == Some(404) => Ok(None),
            Err(failure) => Err(failure),
            Ok(response) => match content_digest(&response) {
                Some(digest) => Ok(Some(digest)),
                None => Ok(self
                    .find_manifest(reference)
                    .await?
                    .map(|stored| stored.digest())),
            },
        }
    }

    async fn manifest_call(
        &self,
        method: Method,
        repository: &str,
        identifier: &str,
    ) -> Result<Call, Failure> {
        let target = self.manifest_target(repository, identifier).await?;
        let call = Call::to(method, target, vec![Scope::pull(repository)]);
        Ok(call.accept(manifest::ACCEPTED))
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
        let call = self.blob_call(repository, descriptor.digest).await?;
        let (_, body) = self.fetch(&call, limit).await?;
        let bytes = body.ok_or_else(|| {
            let actual = format!("more than {limit} bytes");
            mismatch("config", format!("{limit} bytes"), actual)
        })?;
        Counters::add(&self.counters().bytes_downloaded, bytes.len() as u64);
        verify_size("config", &bytes, descriptor.size)?;
        verify("config", digest_of(&bytes), Some(descriptor.digest))?;
        Ok(bytes)
    }

    /// The answer with the bytes of a blob from `offset` on.
    pub(crate) async fn blob(
        &self,
        repository: &str,
        digest: Digest,
        offset: u64,
    ) -> Result<Response, Failure> {
        let call = self.blob_call(repository, digest).await?;
        self.send(&call.at_offset(offset)).await
    }

    async fn blob_call(&self, repository: &str, digest: Digest) -> Result<Call, Failure> {
        let target = self
            .endpoint(repository, &format!("blobs/{digest}"))
            .await?;
        Ok(Call::to(Method::GET, target, vec![Scope::pull(repository)]))
    }

    /// The bytes of a blob, verified by reading to the end; a transfer that breaks is taken up where it broke.
    pub(crate) async fn open_blob(
        self: Arc<Self>,
        repository: String,
        descriptor: Descriptor,
    ) -> Result<Box<dyn Read + Send>, Failure> {
        let (digest, size) = (descriptor.digest, descriptor.size);
        let response = self.blob(&repository, digest, 0).await?;
        let reader = Download::start(self, repository, &descriptor, response);
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

fn verify_size(what: &'static str, bytes: &[u8], expected: u64) -> Result<(), Failure> {
    let actual = bytes.len() as u64;
    if actual == expected {
        return Ok(());
    }
    let (expected, actual) = (format!("{expected} bytes"), format!("{actual} bytes"));
    Err(mismatch(what, expected, actual))
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
