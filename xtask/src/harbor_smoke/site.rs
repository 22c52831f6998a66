//! The clients, and what the steps share.
use super::Settings;
use anyhow::{Context, Result};
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use wharf_harbor::{ArtifactQuery, Harbor, HarborRooms, Known, Mode, Quota};
use wharf_image::SealedImage;
use wharf_registry::{Credentials, RegistryOptions, RegistryStore};
use wharf_spec::reference::Reference;
use wharf_testkit::{ImageRecipe, image_recipe};

/// Everything happens below this repository.
const ROOT: &str = "wharf-smoke";

/// A project of a Harbor.
pub(super) struct Site {
    pub(super) project: String,
    host: String,
    /// Differs from run to run, so that nothing is there already.
    pub(super) stamp: String,
    pub(super) store: Arc<RegistryStore>,
    pub(super) harbor: Harbor,
    pub(super) admin: Option<Harbor>,
    /// The administrator's client needs its store.
    _admin_store: Option<RegistryStore>,
}

impl Site {
    pub(super) fn open(settings: &Settings) -> Result<Self> {
        let any: Reference = format!("{}/{}/{ROOT}", settings.host, settings.project)
            .parse()
            .context("understand HARBOR_HOST and HARBOR_PROJECT")?;
        let open = |(user, password): &(String, String)| {
            let credentials = Credentials::anonymous();
            RegistryStore::new(RegistryOptions {
                credentials: credentials.with_password(&settings.host, user, password),
                insecure: if settings.insecure {
                    vec![settings.host.clone()]
                } else {
                    Vec::new()
                },
                ..RegistryOptions::default()
            })
        };
        let store = open(&settings.robot)?;
        let admin_store = settings.admin.as_ref().map(open).transpose()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        Ok(Self {
            project: settings.project.clone(),
            host: settings.host.clone(),
            stamp: format!("{}", now.as_nanos()),
            harbor: Harbor::new(store.api(&any)),
            admin: admin_store
                .as_ref()
                .map(|store| Harbor::new(store.api(&any))),
            store: Arc::new(store),
            _admin_store: admin_store,
        })
    }

    /// `<project>/wharf-smoke/<name>`.
    pub(super) fn reference(&self, name: &str) -> Result<Reference> {
        let text = format!("{}/{}/{ROOT}/{name}", self.host, self.project);
        text.parse().context("name an image")
    }

    /// A repository as the API names it.
    pub(super) fn repository(name: &str) -> String {
        format!("{ROOT}/{name}")
    }

    pub(super) fn rooms(&self) -> HarborRooms {
        HarborRooms::new(Arc::clone(&self.store), Mode::On)
    }

    /// An image that nobody has pushed before.
    pub(super) fn recipe(&self, text: &str) -> ImageRecipe {
        let content = format!("{} {text}", self.stamp).repeat(64);
        ImageRecipe::new()
            .layer(&[("smoke", content.as_bytes(), 0o644)])
            .label("io.example.smoke", text)
    }

    pub(super) fn push(&self, recipe: &ImageRecipe, name: &str) -> Result<SealedImage> {
        let sealed = recipe.build();
        self.send(&sealed, name)?;
        Ok(sealed)
    }

    pub(super) fn send(&self, sealed: &SealedImage, name: &str) -> Result<()> {
        use wharf_image::ImageStore;
        let tag = self.reference(name)?;
        for layer in &sealed.layers {
            self.store.put_layer(&tag, layer)?;
        }
        self.store.put_image(sealed, std::slice::from_ref(&tag))?;
        Ok(())
    }

    /// What the robot may see of the quota.
    pub(super) fn quota(&self) -> Result<Known<Quota>> {
        Ok(match self.harbor.summary(&self.project)? {
            Known::Yes(summary) => summary.quota,
            Known::No(why) => Known::No(why),
        })
    }

    /// Removes all images below the root.
    pub(super) fn clean(&self) -> Result<()> {
        let repositories = self
            .harbor
            .repositories(Some(&self.project))
            .collect_all()?;
        let prefix = format!("{ROOT}/");
        for repository in &repositories {
            let Some((project, name)) = repository.split() else {
                continue;
            };
            if !name.starts_with(&prefix) {
                continue;
            }
            let place = (project, name);
            let artifacts = self.harbor.artifacts(place, &ArtifactQuery::default());
            for artifact in artifacts.collect_all()? {
                self.harbor.delete_artifact(place, artifact.digest)?;
            }
        }
        Ok(())
    }
}

/// Bytes an image adds where none of it is.
pub(super) fn weight(sealed: &SealedImage) -> u64 {
    let layers = sealed.layers.iter().map(|layer| layer.descriptor.size);
    let documents = [sealed.image.config_bytes(), sealed.image.manifest_bytes()];
    let documents = documents.iter().map(|bytes| bytes.len() as u64);
    layers.chain(documents).sum()
}

pub(super) fn platform() -> wharf_image::Platform {
    image_recipe::platform("linux", "amd64")
}
