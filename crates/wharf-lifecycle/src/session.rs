//! What every phase works with once the process is prepared: stores, temporary directory, console.
use crate::{
    console::Console,
    environment::Environment,
    flags::ValueError,
    inputs::{CacheChoice, Images},
    interrupt::Interrupt,
};
use std::{
    collections::BTreeSet,
    io,
    num::NonZeroUsize,
    path::PathBuf,
    sync::{Arc, OnceLock},
    thread,
};
use tempfile::TempDir;
use wharf_cache::{Cache, CacheError, ImageCache, VolumeCache};
use wharf_harbor::HarborRooms;
use wharf_image::{ImageStore, Platform, Rooms};
use wharf_layer::{Encoder, Method, Owner};
use wharf_layout::LayoutStore;
use wharf_registry::{
    Credentials, Observer, ProxySettings, RegistryOptions, RegistrySetupError, RegistryStore,
    TrustedCertificates, options::hosts,
};
use wharf_spec::{
    api::{PlatformApi, StaleCacheImage},
    env_var,
    log::Log,
};

/// Why a session cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// A variable is not text.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The registry client cannot be made.
    #[error(transparent)]
    Registry(#[from] RegistrySetupError),
    /// There is no room for temporary files.
    #[error(
        "create a temporary directory in '{}'; TMPDIR must name a directory this user can write",
        path.display()
    )]
    Temporary {
        /// Where it was to be.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

/// What does not differ between phases.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    pub(crate) console: &'a Console,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) api: PlatformApi,
    pub(crate) environment: Environment,
    pub(crate) owner: Owner,
    /// Threads for work that keeps a processor busy.
    pub(crate) workers: NonZeroUsize,
    /// How layers are compressed.
    pub(crate) compression: Method,
    encoder: OnceLock<Encoder>,
    /// Where images are directories: blobs that are made there need not be copied.
    pub(crate) layout: Option<PathBuf>,
    temporary: Option<TempDir>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(
        (console, interrupt): (&'a Console, &'a Interrupt),
        api: PlatformApi,
        environment: Environment,
        owner: Owner,
    ) -> Self {
        Self {
            console,
            interrupt,
            api,
            environment,
            owner,
            workers: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            compression: Method::default(),
            encoder: OnceLock::new(),
            layout: None,
            temporary: None,
        }
    }

    /// Makes the directory for all temporary files of this process; it is removed at the end, also by a signal.
    pub(crate) fn make_temporary(&mut self) -> Result<(), SessionError> {
        let path = self.temporary_root();
        let made = tempfile::Builder::new()
            .prefix("wharf-")
            .tempdir_in(&path)
            .map_err(|source| SessionError::Temporary { path, source })?;
        self.interrupt.remove_at_end(made.path().to_owned());
        self.temporary = Some(made);
        Ok(())
    }

    fn temporary_root(&self) -> PathBuf {
        self.environment
            .value("TMPDIR")
            .map_or_else(|| PathBuf::from("/tmp"), PathBuf::from)
    }

    pub(crate) fn temporary(&self) -> PathBuf {
        match &self.temporary {
            Some(made) => made.path().to_owned(),
            None => self.temporary_root(),
        }
    }

    /// The encoder of this process; its workers are shared.
    pub(crate) fn encoder(&self) -> Encoder {
        let layout = self.layout.clone().filter(|layout| layout.is_dir());
        let dir = || layout.unwrap_or_else(|| self.temporary());
        let make = || Encoder::new(self.workers, dir(), self.compression);
        self.encoder.get_or_init(make).clone()
    }

    /// Says at level debug what went to and fro and was compressed, however the phase ended.
    pub(crate) fn tell_work(&self, stores: &Stores) {
        let moved = stores.caches.statistics();
        if moved.requests > 0 {
            self.console.debug(&format!(
                "Registry: {} requests, {} retries, {} bytes sent, {} bytes received",
                moved.requests, moved.retries, moved.bytes_uploaded, moved.bytes_downloaded
            ));
        }
        if let Some(encoder) = self.encoder.get() {
            let made = encoder.made();
            let different: BTreeSet<_> = made.iter().collect();
            self.console.debug(&format!(
                "Layers: {} compressed, {} different",
                made.len(),
                different.len()
            ));
        }
    }

    /// The cache that was chosen; none is worth a warning.
    pub(crate) fn cache(
        &self,
        choice: &CacheChoice,
        stores: &Stores,
    ) -> Result<Option<Box<dyn Cache + '_>>, CacheError> {
        match choice {
            CacheChoice::Nothing => Ok(None),
            CacheChoice::Directory(directory) => {
                let cache = VolumeCache::open(directory.clone(), self.console)?;
                Ok(Some(Box::new(cache)))
            }
            CacheChoice::Image(reference) => {
                let stale = self.api.features().stale_cache_image;
                let store: Arc<dyn ImageStore> = stores.caches.clone();
                let cache = ImageCache::new(store, reference.clone(), self.encoder(), self.console)
                    .delete_replaced(stale == StaleCacheImage::Delete)
                    .with_rooms(Arc::clone(&stores.harbor) as Arc<dyn Rooms>);
                Ok(Some(Box::new(cache)))
            }
        }
    }
}

/// What images are read for and written as.
pub(crate) fn platform() -> Platform {
    Platform {
        os: "linux".to_owned(),
        architecture: architecture().to_owned(),
        variant: None,
    }
}

/// OCI's name of the architecture this executable is made for.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
        other => other,
    }
}

/// Where images live.
#[derive(Debug)]
pub(crate) struct Stores {
    /// The images of the build.
    pub(crate) images: Arc<dyn ImageStore>,
    /// Cache images: always in a registry.
    pub(crate) caches: Arc<RegistryStore>,
    /// What only Harbor knows of registries.
    pub(crate) harbor: Arc<HarborRooms>,
    /// Whether the images of the build are in a registry.
    pub(crate) in_registry: bool,
}

impl Stores {
    pub(crate) fn open(
        images: &Images,
        environment: &Environment,
        credentials: Credentials,
        console: &Arc<Console>,
    ) -> Result<Self, SessionError> {
        let registry = Arc::new(RegistryStore::new(RegistryOptions {
            credentials,
            insecure: images.insecure.clone(),
            chunk_size: images.chunk_size,
            transfer_timeout: images.transfer_timeout,
            trusted_realms: hosts(
                environment
                    .text(env_var::TRUSTED_REALMS)?
                    .unwrap_or_default(),
            ),
            certificates: certificates(environment),
            certs_dir: environment.value(env_var::CERTS_DIR).map(PathBuf::from),
            proxies: proxies(environment)?,
            observer: Some(Arc::clone(console) as Arc<dyn Observer>),
            ..RegistryOptions::default()
        })?);
        let harbor = HarborRooms::new(Arc::clone(&registry), images.harbor);
        let in_registry = images.layout.is_none();
        let images: Arc<dyn ImageStore> = match &images.layout {
            Some(root) => Arc::new(LayoutStore::new(root.clone())),
            None => Arc::clone(&registry) as Arc<dyn ImageStore>,
        };
        Ok(Self {
            images,
            caches: registry,
            harbor: Arc::new(harbor),
            in_registry,
        })
    }

    /// Limits of where the images of the build go.
    pub(crate) fn rooms(&self) -> Option<Arc<dyn Rooms>> {
        let harbor = Arc::clone(&self.harbor) as Arc<dyn Rooms>;
        self.in_registry.then_some(harbor)
    }
}

fn certificates(environment: &Environment) -> TrustedCertificates {
    TrustedCertificates {
        file: environment.value("SSL_CERT_FILE").map(PathBuf::from),
        directories: environment
            .value("SSL_CERT_DIR")
            .map(|list| std::env::split_paths(list).collect()),
        extra_pem: Vec::new(),
    }
}

fn proxies(environment: &Environment) -> Result<ProxySettings, ValueError> {
    let either = |upper, lower| -> Result<Option<String>, ValueError> {
        let text = environment.text(upper)?;
        Ok(match text {
            Some(text) => Some(text.to_owned()),
            None => environment.text(lower)?.map(ToOwned::to_owned),
        })
    };
    Ok(ProxySettings {
        http: either("HTTP_PROXY", "http_proxy")?,
        https: either("HTTPS_PROXY", "https_proxy")?,
        no_proxy: either("NO_PROXY", "no_proxy")?,
    })
}
