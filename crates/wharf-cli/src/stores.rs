//! Stores for locations, with the caller's credentials.
use crate::{arguments::CommonArguments, console::Hint, environment, location::Location};
use anyhow::{Context, Result, anyhow};
use std::{env::consts, sync::Arc};
use wharf_image::{Image, ImageStore, Platform};
use wharf_layout::LayoutStore;
use wharf_registry::{
    Credentials, Keychain, ProxySettings, RegistryOptions, RegistryStore, TrustedCertificates,
    options::hosts,
};
use wharf_spec::{env_var, reference::Reference};

/// Opens stores.
#[derive(Debug)]
pub(crate) struct Stores {
    keychain: Keychain,
    insecure: Vec<String>,
}

/// A store and what a location is called in it.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn ImageStore>,
    pub(crate) reference: Reference,
}

/// An image and where it was found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) store: Arc<dyn ImageStore>,
    pub(crate) reference: Reference,
    pub(crate) image: Image,
}

impl Stores {
    /// Reads the sources of credentials.
    pub(crate) fn new(common: &CommonArguments) -> Result<Self> {
        let auth = environment::text(env_var::REGISTRY_AUTH);
        let keychain = Keychain::from_parts(auth.as_deref(), &environment::registry_configs())
            .context("read credentials")?;
        Ok(Self {
            keychain,
            insecure: common.insecure_registry.clone(),
        })
    }

    /// Registries that are reached over plain http or unverified TLS.
    pub(crate) fn insecure(&self) -> &[String] {
        &self.insecure
    }

    /// The accounts for the registries of `references`.
    pub(crate) fn credentials(&self, references: &[Reference]) -> Result<Credentials> {
        self.keychain
            .resolve(references)
            .context("find credentials")
    }

    /// The store of `location`.
    pub(crate) fn open(&self, location: &Location) -> Result<Opened> {
        match location {
            Location::Registry(reference) => Ok(Opened {
                store: self.registry(std::slice::from_ref(reference))?,
                reference: reference.clone(),
            }),
            Location::Layout(image) => Ok(Opened {
                store: Arc::new(LayoutStore::single(&image.dir)),
                reference: image.reference()?,
            }),
        }
    }

    /// One store for references to registries.
    pub(crate) fn registry(&self, references: &[Reference]) -> Result<Arc<dyn ImageStore>> {
        Ok(Arc::new(self.registry_store(references)?))
    }

    /// The same, with all that a registry can do.
    pub(crate) fn registry_store(&self, references: &[Reference]) -> Result<RegistryStore> {
        let options = self.registry_options(references)?;
        RegistryStore::new(options).context("open registry")
    }

    /// What a store is opened with.
    pub(crate) fn registry_options(&self, references: &[Reference]) -> Result<RegistryOptions> {
        Ok(RegistryOptions {
            credentials: self.credentials(references)?,
            insecure: self.insecure.clone(),
            trusted_realms: hosts(&environment::text(env_var::TRUSTED_REALMS).unwrap_or_default()),
            certificates: TrustedCertificates {
                file: environment::variable("SSL_CERT_FILE").map(Into::into),
                directories: environment::variable("SSL_CERT_DIR")
                    .map(|list| environment::directories(&list)),
                extra_pem: Vec::new(),
            },
            certs_dir: environment::variable(env_var::CERTS_DIR).map(Into::into),
            proxies: ProxySettings {
                http: environment::either("HTTP_PROXY", "http_proxy"),
                https: environment::either("HTTPS_PROXY", "https_proxy"),
                no_proxy: environment::either("NO_PROXY", "no_proxy"),
            },
            ..RegistryOptions::default()
        })
    }

    /// The image at `location`, if there is one.
    pub(crate) fn find(&self, location: &Location) -> Result<Option<Found>> {
        let Opened { store, reference } = self.open(location)?;
        let image = store
            .find(&reference, &host_platform())
            .with_context(|| format!("read image '{location}'"))?;
        Ok(image.map(|image| Found {
            store,
            reference,
            image,
        }))
    }

    /// The image at `location`; `what` it is goes into the error when there is none.
    pub(crate) fn require(&self, location: &Location, what: &str) -> Result<Found> {
        self.find(location)?.ok_or_else(|| {
            let hint = match location {
                Location::Registry(reference) => {
                    format!(
                        "check the name, and that the account may read {}",
                        reference.name()
                    )
                }
                Location::Layout(image) => format!(
                    "the directory '{}' must be an OCI layout with the tag '{}'",
                    image.dir.display(),
                    image.tag
                ),
            };
            anyhow!("find {what} '{location}': there is no such image").context(Hint(hint))
        })
    }
}

/// What images must be for, as long as nothing else is asked: this machine.
pub(crate) fn host_platform() -> Platform {
    let architecture = match consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    };
    Platform {
        os: consts::OS.to_owned(),
        architecture: architecture.to_owned(),
        variant: None,
    }
}
