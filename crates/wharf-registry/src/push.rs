//! Blobs and manifests to a registry.
use crate::{
    failure::Failure,
    location::Target,
    pull::{content_digest, verify},
    put_blob::PutBlob,
    scope::Scope,
    session::{Call, Session},
    statistics::Counters,
    uploads::OpenUpload,
};
use bytes::Bytes;
use reqwest::{Method, StatusCode};
use wharf_image::{Image, Stored, Transfer};
use wharf_spec::digest::Digest;

/// What a mount came to.
enum Mount<'a> {
    Done,
    /// An upload was started instead.
    Upload(OpenUpload<'a>),
    Refused,
}

impl Session {
    /// Makes sure a blob is in its repository, by the cheapest way.
    pub(crate) async fn put_blob(&self, blob: &PutBlob) -> Result<Transfer, Failure> {
        let transfer = self.find_way(blob).await?;
        self.learn_blob(&blob.repository, blob.digest);
        let counters = self.counters();
        let counter = match transfer {
            Transfer::Existing => &counters.blobs_existing,
            Transfer::Mounted => &counters.blobs_mounted,
            Transfer::Uploaded => &counters.blobs_uploaded,
        };
        Counters::add(counter, 1);
        Ok(transfer)
    }

    async fn find_way(&self, blob: &PutBlob) -> Result<Transfer, Failure> {
        if self.knows_blob(&blob.repository, blob.digest) {
            return Ok(Transfer::Existing);
        }
        let mut started = None;
        if let Some(from) = &blob.mount_from {
            // A mount succeeds as well where the blob is there, so nobody need ask before.
            match self.mount(blob, from).await? {
                Mount::Done => return Ok(Transfer::Mounted),
                Mount::Upload(upload) => started = Some(upload),
                Mount::Refused => {}
            }
        }
        let is_there = if blob.is_new {
            Ok(false)
        } else {
            self.has_blob(blob).await
        };
        if matches!(is_there, Ok(false)) {
            self.upload(blob, started).await?;
            return Ok(Transfer::Uploaded);
        }
        // Nobody will finish what the mount started.
        if let Some(upload) = started {
            self.cancel_upload(&blob.repository, upload).await;
        }
        is_there.map(|_| Transfer::Existing)
    }

    pub(crate) async fn has_blob(&self, blob: &PutBlob) -> Result<bool, Failure> {
        self.head_blob(&blob.repository, blob.digest, blob.scopes())
            .await
    }

    /// Whether a repository, which may be one to read from only, has a blob.
    pub(crate) async fn finds_blob(
        &self,
        repository: &str,
        digest: Digest,
    ) -> Result<bool, Failure> {
        if self.knows_blob(repository, digest) {
            return Ok(true);
        }
        let found = self
            .head_blob(repository, digest, vec![Scope::pull(repository)])
            .await?;
        if found {
            self.learn_blob(repository, digest);
        }
        Ok(found)
    }

    async fn head_blob(
        &self,
        repository: &str,
        digest: Digest,
        scopes: Vec<Scope>,
    ) -> Result<bool, Failure> {
        let target = self
            .endpoint(repository, &format!("blobs/{digest}"))
            .await?;
        match self.send(&Call::to(Method::HEAD, target, scopes)).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.status() == Some(404) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn mount(&self, blob: &PutBlob, from: &str) -> Result<Mount<'_>, Failure> {
        let mut target = self.endpoint(&blob.repository, "blobs/uploads/").await?;
        target
            .url
            .query_pairs_mut()
            .append_pair("mount", &blob.digest.to_string())
            .append_pair("from", from);
        let mut scopes = blob.scopes();
        scopes.push(Scope::pull(from));
        let _under_way = self.uploads.begin().await;
        match self.send(&post(target, scopes)).await {
            Ok(response) if response.status() == StatusCode::CREATED => Ok(Mount::Done),
            Ok(response) => {
                let target = self.location(&response).await?;
                Ok(Mount::Upload(self.uploads.add(&blob.repository, target)))
            }
            Err(failure) if failure.forbids_writing() => Err(failure),
            // Whoever may not mount may still be allowed to read and upload.
            Err(failure) if !failure.is_temporary() => Ok(Mount::Refused),
            Err(failure) => Err(failure),
        }
    }

    /// Whether blobs can be written: starts an upload and cancels it.
    pub(crate) async fn check_write(&self, repository: &str) -> Result<(), Failure> {
        let upload = self.start_upload(repository).await?;
        self.cancel_upload(repository, upload).await;
        Ok(())
    }

    /// Writes an image's manifest under a tag or digest.
    pub(crate) async fn put_manifest(
        &self,
        repository: &str,
        identifier: &str,
        image: &Image,
    ) -> Result<(), Failure> {
        self.put_stored(repository, identifier, &Stored::of_image(image))
            .await
    }

    /// Writes a manifest or index under a tag or digest.
    pub(crate) async fn put_stored(
        &self,
        repository: &str,
        identifier: &str,
        manifest: &Stored,
    ) -> Result<(), Failure> {
        let target = self.manifest_target(repository, identifier).await?;
        let bytes = Bytes::copy_from_slice(&manifest.bytes);
        let size = bytes.len() as u64;
        let call = Call::to(Method::PUT, target, vec![Scope::push(repository)])
            .document(&manifest.media_type, bytes)?;
        let response = self.send(&call).await.map_err(Failure::while_writing)?;
        Counters::add(&self.counters().bytes_uploaded, size);
        let digest = manifest.digest();
        verify(
            "stored manifest",
            content_digest(&response).unwrap_or(digest),
            Some(digest),
        )
    }
}

pub(crate) fn post(target: Target, scopes: Vec<Scope>) -> Call {
    Call::to(Method::POST, target, scopes).empty_body()
}
