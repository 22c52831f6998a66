//! The store: sessions by registry, and the synchronous face of what happens on the runtime.
use crate::{
    api::ApiClient,
    credentials::Credentials,
    failure::Failure,
    http::Http,
    options::RegistryOptions,
    put_blob::PutBlob,
    scheme,
    scope::Scope,
    session::{Session, lock},
    statistics::Statistics,
};
use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Read},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::Semaphore,
    task::JoinSet,
};
use wharf_image::{
    Access, Descriptor, DraftLayer, Image, ImageStore, LayerSource, Platform, Referrer,
    SealedImage, StoreError, StoreErrorKind, Stored, Transfer, Written,
};
use wharf_layer::BlobSource;
use wharf_spec::{digest::Digest, reference::Reference};

const WORKERS: usize = 2;

/// Options a store cannot be made from.
#[derive(Debug, thiserror::Error)]
pub enum RegistrySetupError {
    /// The runtime cannot start.
    #[error("start the network runtime")]
    Runtime(#[source] io::Error),
    /// A certificate is none.
    #[error("read certificate authority {index}: it holds no certificate in PEM")]
    Certificate {
        /// Place in [`TrustedCertificates::extra_pem`](crate::TrustedCertificates).
        index: usize,
    },
    /// A certificate for one registry, or its key, cannot be used.
    #[error("read '{}': {problem}", path.display())]
    HostCertificates {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// TLS cannot be set up.
    #[error("set up TLS")]
    Tls(#[source] rustls::Error),
    /// A proxy is not an address. The value is not shown; it may hold a password.
    #[error("set up the proxy: {variable} is not an address")]
    Proxy {
        /// Name of the variable.
        variable: &'static str,
    },
    /// The HTTP client cannot be made.
    #[error("set up the HTTP client")]
    Client(#[source] reqwest::Error),
}

/// Images in registries. Calls block; they must not be made from within an asynchronous task.
pub struct RegistryStore {
    shared: Arc<Shared>,
    /// Present until the store is dropped.
    runtime: Option<Runtime>,
}

/// What blobs of one registry need to be read while another is written.
#[derive(Debug)]
struct Shared {
    options: RegistryOptions,
    credentials: Mutex<Credentials>,
    http: Arc<Http>,
    sessions: Mutex<BTreeMap<(String, String, bool), Arc<Session>>>,
    uploads: Semaphore,
    runtime: Handle,
}

impl RegistryStore {
    /// Makes a store. Threads are started here; no connection is made.
    pub fn new(options: RegistryOptions) -> Result<Self, RegistrySetupError> {
        let http = Arc::new(Http::new(&options)?);
        let mut builder = if options.on_caller {
            Builder::new_current_thread()
        } else {
            Builder::new_multi_thread()
        };
        let runtime = builder
            .worker_threads(WORKERS)
            .thread_name("registry")
            .enable_all()
            .build()
            .map_err(RegistrySetupError::Runtime)?;
        let shared = Shared {
            http,
            sessions: Mutex::default(),
            uploads: Semaphore::new(options.concurrent_uploads.max(1)),
            runtime: runtime.handle().clone(),
            credentials: Mutex::new(options.credentials.clone()),
            options,
        };
        Ok(Self {
            shared: Arc::new(shared),
            runtime: Some(runtime),
        })
    }

    /// Adds accounts for registries that nobody knew of when the store was made.
    pub fn add_credentials(&self, credentials: Credentials) {
        lock(&self.shared.credentials).extend(credentials);
    }

    /// The registry's own API, with connections and account of the images named like `reference`.
    pub fn api(&self, reference: &Reference) -> ApiClient {
        ApiClient {
            session: self.shared.session(reference),
            runtime: self.shared.runtime.clone(),
        }
    }

    /// All repositories of the registry of `reference` that the account may see.
    pub fn catalog(&self, reference: &Reference) -> Result<Vec<String>, StoreError> {
        let session = self.shared.session(reference);
        self.wait("list the repositories of", reference, session.catalog())
    }

    /// All tags of the repository of `reference`; none when there is no such repository.
    pub fn tags(&self, reference: &Reference) -> Result<Vec<String>, StoreError> {
        let session = self.shared.session(reference);
        let tags = session.tags(reference.repository());
        self.wait("list the tags of", reference, tags)
    }

    /// Cancels every upload that is not finished, within `limit`, because the program is about to end. From here on
    /// nothing is uploaded: a call that wants to, or is about to, never returns.
    pub fn cancel_uploads(&self, limit: Duration) {
        let sessions: Vec<_> = lock(&self.shared.sessions).values().cloned().collect();
        self.shared.runtime.block_on(async {
            let mut cancelled = JoinSet::new();
            for session in sessions {
                cancelled.spawn(session.cancel_uploads());
            }
            tokio::time::timeout(limit, cancelled.join_all()).await.ok();
        });
    }

    /// What was sent and received so far.
    pub fn statistics(&self) -> Statistics {
        self.shared.http.counters.read()
    }

    /// Waits for `work`. Unlike a handle, the runtime itself makes it go on where no other thread does.
    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        match &self.runtime {
            Some(runtime) => runtime.block_on(work),
            None => self.shared.runtime.block_on(work),
        }
    }

    /// Waits for `work` and names what was tried.
    fn wait<T>(
        &self,
        action: &'static str,
        reference: &Reference,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, StoreError> {
        let result = self.run(work);
        result.map_err(|failure| StoreError {
            action,
            reference: reference.to_string(),
            kind: failure.into_kind(),
        })
    }

    /// Writes config and manifest into the repository of `tag`. Its layers are in the repository of `first`; where that
    /// is another one they are linked from there.
    fn put_tag(
        &self,
        image: &SealedImage,
        first: &Reference,
        tag: &Reference,
    ) -> Result<(), StoreError> {
        if !tag.same_repository(first) {
            for layer in &image.layers {
                let source = LayerSource::Repository(first.clone());
                let layer = DraftLayer {
                    source,
                    ..layer.clone()
                };
                self.put_layer(tag, &layer)?;
            }
        }
        self.put_config(tag, image)?;
        let session = self.shared.session(tag);
        let identifier = tag.identifier();
        let put = session.put_manifest(tag.repository(), &identifier, &image.image);
        self.wait("write image to", tag, put)
    }
}

impl Shared {
    /// The session for the registry and account of `reference`.
    fn session(&self, reference: &Reference) -> Arc<Session> {
        let name = reference.name();
        let insecure = scheme::is_insecure(&name, &self.options.insecure);
        let (account_key, account) = lock(&self.credentials).account(&name);
        let registry = reference.registry().to_owned();
        lock(&self.sessions)
            .entry((registry, account_key, insecure))
            .or_insert_with(|| {
                Arc::new(Session::new(
                    self.http.clone(),
                    self.options.retry,
                    reference.registry(),
                    account,
                    insecure,
                ))
            })
            .clone()
    }

    /// Blocks until the first bytes of a blob are there.
    fn open_blob(
        &self,
        from: &Reference,
        blob: &Descriptor,
    ) -> Result<Box<dyn Read + Send>, StoreError> {
        let session = self.session(from);
        let work = session.open_blob(from.repository().to_owned(), blob.clone());
        self.runtime.block_on(work).map_err(|failure| StoreError {
            action: "read blob from",
            reference: from.to_string(),
            kind: failure.into_kind(),
        })
    }
}

/// A layer whose bytes are in a repository.
#[derive(Debug)]
struct RemoteBlob {
    shared: Arc<Shared>,
    from: Reference,
    descriptor: Descriptor,
}

impl BlobSource for RemoteBlob {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        let opened = self.shared.open_blob(&self.from, &self.descriptor);
        opened.map_err(io::Error::other)
    }
}

impl ImageStore for RegistryStore {
    fn find(
        &self,
        reference: &Reference,
        platform: &Platform,
    ) -> Result<Option<Image>, StoreError> {
        let session = self.shared.session(reference);
        self.wait(
            "read image",
            reference,
            session.find_image(reference, platform),
        )
    }

    fn read_manifest(&self, reference: &Reference) -> Result<Option<Stored>, StoreError> {
        let session = self.shared.session(reference);
        self.wait("read image", reference, session.find_manifest(reference))
    }

    fn resolve(&self, reference: &Reference) -> Result<Option<Digest>, StoreError> {
        let session = self.shared.session(reference);
        self.wait("read image", reference, session.resolve(reference))
    }

    fn read_image(&self, reference: &Reference, manifest: Stored) -> Result<Image, StoreError> {
        let session = self.shared.session(reference);
        let image = session.image_of(reference.repository(), manifest);
        self.wait("read image", reference, image)
    }

    fn referrers(
        &self,
        reference: &Reference,
        digest: Digest,
    ) -> Result<Vec<Referrer>, StoreError> {
        let session = self.shared.session(reference);
        let work = session.referrers(reference.repository(), digest);
        self.wait("list what refers to", reference, work)
    }

    fn write_manifest(&self, manifest: &Stored, tags: &[Reference]) -> Result<(), StoreError> {
        for tag in tags {
            let session = self.shared.session(tag);
            let identifier = tag.identifier();
            let put = session.put_stored(tag.repository(), &identifier, manifest);
            self.wait("write image to", tag, put)?;
        }
        Ok(())
    }

    fn open_blob(
        &self,
        from: &Reference,
        blob: &Descriptor,
    ) -> Result<Box<dyn Read + Send>, StoreError> {
        self.shared.open_blob(from, blob)
    }

    fn has_blob(&self, at: &Reference, digest: Digest) -> Result<bool, StoreError> {
        let session = self.shared.session(at);
        let work = session.finds_blob(at.repository(), digest);
        self.wait("look for a blob in", at, work)
    }

    fn announce(&self, to: &Reference, from: &Reference) {
        let session = self.shared.session(to);
        // The own right comes first: Harbor may forget it after that of another project.
        let mut scopes = vec![Scope::push(to.repository())];
        if from.registry() == to.registry() && !from.same_repository(to) {
            scopes.push(Scope::pull(from.repository()));
        }
        self.run(async {
            if let Ok(target) = session.endpoint(to.repository(), "").await {
                session.authorization(&target, &scopes).await.ok();
            }
        });
    }

    fn check_access(&self, reference: &Reference, access: Access) -> Result<(), StoreError> {
        let session = self.shared.session(reference);
        match access {
            Access::Read => self.wait("read from", reference, session.check_read(reference)),
            Access::Write => self.wait(
                "write to",
                reference,
                session.check_write(reference.repository()),
            ),
        }
    }

    /// A registry takes no manifest without its blobs, and keeps them as long as the manifest is there.
    fn is_shared(&self, from: &Reference, to: &Reference) -> bool {
        from.same_repository(to)
    }

    fn put_layer(&self, to: &Reference, layer: &DraftLayer) -> Result<Transfer, StoreError> {
        let (source, mount_from): (Arc<dyn BlobSource>, _) = match &layer.source {
            LayerSource::Bytes(source) => (source.clone(), None),
            LayerSource::Repository(from) => {
                let mountable = from.registry() == to.registry() && !from.same_repository(to);
                let remote = RemoteBlob {
                    shared: self.shared.clone(),
                    from: from.clone(),
                    descriptor: layer.descriptor.clone(),
                };
                let mount_from = mountable.then(|| from.repository().to_owned());
                (Arc::new(remote), mount_from)
            }
        };
        let blob = PutBlob {
            repository: to.repository().to_owned(),
            digest: layer.descriptor.digest,
            size: layer.descriptor.size,
            source,
            mount_from,
            is_new: false,
            piece_at: None,
            bytes: None,
        };
        let session = self.shared.session(to);
        self.wait("upload layer to", to, async {
            // The semaphore is never closed; without a permit there would only be more at once.
            let _permit = self.shared.uploads.acquire().await.ok();
            session.put_blob(&blob).await
        })
    }

    fn put_config(&self, to: &Reference, image: &SealedImage) -> Result<(), StoreError> {
        let session = self.shared.session(to);
        let repository = to.repository();
        let config = image.image.config_bytes();
        let digest = crate::pull::digest_of(config);
        let is_known = session
            .known_image(repository, image.image.digest())
            .is_some();
        if is_known || session.knows_blob(repository, digest) {
            return Ok(());
        }
        let blob = PutBlob::config(repository, digest, config);
        self.wait("write image to", to, session.put_blob(&blob))?;
        Ok(())
    }

    fn put_image(&self, image: &SealedImage, tags: &[Reference]) -> Result<Written, StoreError> {
        let elsewhere = |tag: &&Reference| tag.registry() != tags[0].registry();
        if let Some(tag) = tags.iter().find(elsewhere) {
            return Err(StoreError {
                action: "write image to",
                reference: tag.to_string(),
                kind: StoreErrorKind::MultipleRegistries,
            });
        }
        for tag in tags {
            self.put_tag(image, &tags[0], tag)?;
        }
        Ok(Written {
            digest: image.image.digest(),
            manifest_size: image.image.manifest_bytes().len() as u64,
            tags: tags.to_vec(),
        })
    }

    fn identify(&self, reference: &Reference, image: &Image) -> String {
        reference.with_digest(image.digest()).to_string()
    }

    fn delete(&self, reference: &Reference, digest: Digest) -> Result<(), StoreError> {
        let session = self.shared.session(reference);
        let repository = reference.repository();
        self.wait(
            "delete image from",
            reference,
            session.delete_manifest(repository, digest),
        )
    }
}

impl fmt::Debug for RegistryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryStore")
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}

impl Drop for RegistryStore {
    fn drop(&mut self) {
        // Downloads whose readers outlive the store end with an error rather than holding up the program.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
