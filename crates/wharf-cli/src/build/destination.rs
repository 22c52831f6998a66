//! Where the image goes, and where the phases that touch images find the others.
//!
//! For a registry that is the registry itself. For a directory the phases work in layout mode, on layouts in the local
//! store: run image and previous image are brought there first, the result is copied out last.
use super::{builder_image::BuilderImage, plan::Directories};
use crate::{
    arguments::BuildArguments,
    builder,
    console::Hint,
    local::LocalStore,
    location::{LayoutImage, Location},
    stores::{Found, Opened, Stores, host_platform},
    transfer,
};
use anyhow::{Context, Result, anyhow};
use std::{collections::BTreeSet, ffi::OsString, fs, path::PathBuf, sync::Arc};
use wharf_image::{Image, ImageStore};
use wharf_layout::LayoutStore;
use wharf_spec::{files::report::Report, reference::Reference};

/// A previous image under this name in the layouts, when it is not the one that is replaced.
const PREVIOUS: &str = "layout.invalid/previous:latest";

/// Where the image goes.
#[derive(Debug)]
pub(crate) struct Destination {
    /// Where the phases write it, and under which names.
    store: Arc<dyn ImageStore>,
    pub(crate) tags: Vec<Reference>,
    /// The image whose layers are reused.
    previous: Reference,
    /// A name for what is kept between builds of this app.
    pub(crate) name: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Registry,
    Layout {
        /// Root of the layouts the phases work in.
        layouts: PathBuf,
        /// Where the user wants the image.
        output: LayoutImage,
    },
}

/// The image that was made.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) image: Image,
    pub(crate) location: Location,
    pub(crate) tags: Vec<Reference>,
}

impl Destination {
    /// From the command line.
    pub(crate) fn choose(
        stores: &Stores,
        local: &LocalStore,
        arguments: &BuildArguments,
    ) -> Result<Self> {
        let (opened, tags) = builder::destination(stores, &arguments.output)?;
        let Opened { store, reference } = opened;
        let Some(Location::Layout(output)) = &arguments.output.output else {
            let previous = match &arguments.previous_image {
                Some(Location::Registry(previous)) => previous.clone(),
                Some(Location::Layout(_)) => {
                    return Err(anyhow!(
                        "use a previous image in a directory for an image in a registry"
                    ));
                }
                None => reference.clone(),
            };
            return Ok(Self {
                // Versions of an app are tags of one repository.
                name: reference.name(),
                store,
                tags,
                previous,
                kind: Kind::Registry,
            });
        };
        let output = LayoutImage {
            dir: std::path::absolute(&output.dir)?,
            tag: output.tag.clone(),
        };
        let layouts = local.layouts(&output.dir.to_string_lossy());
        let app = arguments
            .app
            .canonicalize()
            .with_context(|| format!("read the app '{}'", arguments.app.display()))?;
        Ok(Self {
            // A directory may have versions of one app or different apps.
            name: format!("{} to oci:{}", app.display(), output.dir.display()),
            store: Arc::new(LayoutStore::new(&layouts)),
            tags,
            previous: match arguments.previous_image {
                Some(_) => PREVIOUS.parse()?,
                None => reference,
            },
            kind: Kind::Layout { layouts, output },
        })
    }

    /// Root of the layouts, when the phases work in some.
    pub(crate) fn layouts(&self) -> Option<&PathBuf> {
        match &self.kind {
            Kind::Registry => None,
            Kind::Layout { layouts, .. } => Some(layouts),
        }
    }

    /// The previous image, when it is not the one the phases take by themselves.
    pub(crate) fn previous_reference(&self) -> Option<&Reference> {
        (self.tags.first() != Some(&self.previous)).then_some(&self.previous)
    }

    /// Brings what the phases need to where they look for it. Returns the run image to name on their command lines.
    pub(crate) fn prepare(
        &self,
        stores: &Stores,
        arguments: &BuildArguments,
        builder: &BuilderImage,
    ) -> Result<Option<Reference>> {
        let Kind::Layout { layouts, output } = &self.kind else {
            return match &arguments.run_image {
                Some(Location::Registry(reference)) => Ok(Some(reference.clone())),
                Some(Location::Layout(_)) => Err(anyhow!(
                    "use a run image in a directory for an image in a registry"
                )
                .context(Hint("push the run image to that registry first".into()))),
                None => Ok(None),
            };
        };
        fs::create_dir_all(layouts).with_context(|| format!("create '{}'", layouts.display()))?;
        let previous = match &arguments.previous_image {
            Some(location) => stores.require(location, "previous image").map(Some)?,
            None => stores.find(&Location::Layout(output.clone()))?,
        };
        if let Some(previous) = previous {
            self.bring(&previous, &self.previous)?;
        }
        let location = match &arguments.run_image {
            Some(location) => location.clone(),
            None => default_run_image(builder, arguments)?,
        };
        let run_image = stores.require(&location, "run image")?;
        self.bring(&run_image, &run_image.reference)?;
        Ok(Some(run_image.reference))
    }

    /// Copies an image into the layouts, unless it is there.
    fn bring(&self, found: &Found, name: &Reference) -> Result<()> {
        let there = self.store.find(name, &host_platform()).ok().flatten();
        if there.is_some_and(|image| image.digest() == found.image.digest()) {
            return Ok(());
        }
        transfer::copy(
            &found.image,
            &found.reference,
            &found.store,
            self.store.as_ref(),
            std::slice::from_ref(name),
        )
        .with_context(|| format!("copy '{}' into the local store", found.reference))?;
        Ok(())
    }

    /// The image whose layers will be reused.
    pub(crate) fn previous(&self) -> Result<Option<Image>> {
        self.store
            .find(&self.previous, &host_platform())
            .with_context(|| format!("read previous image '{}'", self.previous))
    }

    /// Finds the image that the exporter wrote and brings it to where the user wants it.
    pub(crate) fn finish(&self, directories: &Directories) -> Result<Finished> {
        let first = self.tags.first().context("find the name of the image")?;
        let report: Report = crate::files::read_toml(&directories.report())?;
        // By its digest, so that a build of someone else at the same time is not taken for ours.
        let written = match report.image.digest.parse() {
            Ok(digest) => first.with_digest(digest),
            Err(_) => first.clone(),
        };
        let image = self
            .store
            .find(&written, &host_platform())
            .with_context(|| format!("read image '{written}'"))?
            .with_context(|| format!("find image '{written}' that was just written"))?;
        let location = match &self.kind {
            Kind::Registry => Location::Registry(first.clone()),
            Kind::Layout { layouts, output } => {
                let location = Location::Layout(output.clone());
                let to = LayoutStore::single(&output.dir);
                transfer::copy(&image, &written, &self.store, &to, &self.tags)
                    .with_context(|| format!("write '{location}'"))?;
                // What cannot be removed only takes room.
                let _ = prune(&LayoutStore::new(layouts).directory(first), &image);
                location
            }
        };
        Ok(Finished {
            image,
            location,
            tags: self.tags.clone(),
        })
    }
}

fn default_run_image(builder: &BuilderImage, arguments: &BuildArguments) -> Result<Location> {
    let image = builder.run_images.first().ok_or_else(|| {
        anyhow!(
            "find a run image: builder '{}' names none",
            arguments.builder
        )
        .context(Hint("name one with --run-image".into()))
    })?;
    image
        .image
        .parse()
        .with_context(|| format!("use the run image of '{}'", arguments.builder))
}

/// Removes blobs of images that were replaced.
fn prune(layout: &std::path::Path, image: &Image) -> Result<()> {
    let config = wharf_image::Image::config_descriptor(image.manifest_bytes())?;
    let wanted: BTreeSet<OsString> = image
        .layers()
        .iter()
        .map(|layer| layer.descriptor.digest)
        .chain([image.digest(), config.digest])
        .map(|digest| digest.hex().into())
        .collect();
    for entry in fs::read_dir(layout.join("blobs/sha256"))? {
        let entry = entry?;
        if !wanted.contains(&entry.file_name()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
