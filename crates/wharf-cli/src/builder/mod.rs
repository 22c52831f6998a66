//! `wharf builder create`: a builder image from a `builder.toml`, without a daemon.
//!
//! Layers are added to the build image: the directories of a build, the lifecycle, one layer per buildpack, and one with
//! order, run images and variables. Equal input gives equal bytes, wherever and whenever the image is made.
mod archive;
mod buildpack;
mod config;
mod contents;
mod labels;
mod lifecycle;

use crate::{
    arguments::{CommonArguments, CreateArguments, OutputArguments},
    console::{self, Hint},
    location::{LayoutImage, Location},
    stores::{Found, Opened, Stores},
    transfer,
};
use anyhow::{Context, Result, anyhow, bail};
use config::BuilderConfig;
use contents::Contents;
use std::{env, num::NonZeroUsize, path::Path, thread};
use wharf_image::{DraftLayer, ImageDraft, ImageStore, SealedImage};
use wharf_layer::{Encoder, Method, Owner};
use wharf_spec::{env_var, paths, reference::Reference};

/// Creation time of every builder: no digest depends on when it is made.
const CREATED: &str = "1980-01-01T00:00:01Z";

/// Runs the command.
pub(crate) fn create(common: &CommonArguments, arguments: &CreateArguments) -> Result<()> {
    let config = BuilderConfig::load(&arguments.config)?;
    config.warnings().iter().for_each(console::warn);
    let base_dir = arguments.config.parent().unwrap_or_else(|| Path::new("."));
    let stores = Stores::new(common)?;
    let build_image = build_image(&config, arguments)?;
    let base = stores.require(&build_image, "build image")?;
    let owner = owner(&base)?;
    let lifecycle = lifecycle::open(&config, base_dir, arguments.lifecycle.as_deref())?;
    let contents = Contents::gather(&config, base_dir, &lifecycle)?;
    console::line(format_args!(
        "Building on {build_image} with lifecycle {} and {} buildpacks",
        lifecycle.version(),
        contents.buildpacks.len()
    ));
    let destination = destination(&stores, &arguments.output)?;
    let sealed = assemble(&base, &contents, owner, destination.0.store.as_ref())?;
    write(sealed, &base, destination, &arguments.output)
}

fn build_image(config: &BuilderConfig, arguments: &CreateArguments) -> Result<Location> {
    if let Some(image) = &arguments.build_image {
        return Ok(image.clone());
    }
    let path = arguments.config.display();
    let text = config
        .build_image()
        .ok_or_else(|| anyhow!("find the build image: '{path}' has no [build] image"))?;
    let image: Location = text.parse().with_context(|| format!("parse '{path}'"))?;
    // As every path in the file.
    Ok(match (image, arguments.config.parent()) {
        (Location::Layout(image), Some(base)) => Location::Layout(LayoutImage {
            dir: base.join(&image.dir),
            ..image
        }),
        (image, _) => image,
    })
}

/// The user that builds run as, from the variables every build image has.
fn owner(base: &Found) -> Result<Owner> {
    let id = |name: &str| -> Result<u32> {
        let value = base.image.env(name).ok_or_else(|| {
            anyhow!(
                "use '{}' as build image: it has no variable {name}",
                base.reference
            )
            .context(Hint(format!(
                "a build image sets {} and {} to a user that is not root",
                env_var::USER_ID,
                env_var::GROUP_ID
            )))
        })?;
        value.parse().with_context(|| {
            format!(
                "use '{}' as build image: its {name} is '{value}', not a number",
                base.reference
            )
        })
    };
    Ok(Owner {
        uid: id(env_var::USER_ID)?,
        gid: id(env_var::GROUP_ID)?,
    })
}

fn assemble(
    base: &Found,
    contents: &Contents,
    owner: Owner,
    store: &dyn ImageStore,
) -> Result<SealedImage> {
    let workers = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let encoder = Encoder::new(workers, env::temp_dir(), Method::default());
    let mut draft = ImageDraft::from_base(&base.image, &base.reference, CREATED, true);
    draft.set_family(store.family(draft.family()));
    let family = draft.family();
    let mut push = |name: &str, entries: &[archive::Item]| -> Result<_> {
        let blob =
            archive::encode(&encoder, entries).with_context(|| format!("write layer of {name}"))?;
        let diff_id = blob.diff_id;
        draft.push_layer(DraftLayer::from_blob(
            blob,
            family,
            Some(format!("wharf: {name}")),
        ));
        Ok(diff_id)
    };
    push("directories", &Contents::directories(owner))?;
    push("lifecycle", &contents.lifecycle)?;
    let mut diff_ids = Vec::new();
    for buildpack in &contents.buildpacks {
        diff_ids.push(push(&buildpack.full_name(), &buildpack.entries()?)?);
    }
    push("configuration", &contents.configuration)?;
    for (name, value) in labels::labels(contents, &diff_ids)? {
        draft.set_label(name, &value);
    }
    draft.set_working_dir(paths::LAYERS_DIR);
    draft.set_user(&format!("{}:{}", owner.uid, owner.gid));
    draft.seal().context("assemble the builder image")
}

fn write(
    mut sealed: SealedImage,
    base: &Found,
    (opened, tags): (Opened, Vec<Reference>),
    output: &OutputArguments,
) -> Result<()> {
    let same_registry = tags
        .iter()
        .all(|tag| tag.registry() == base.reference.registry());
    if !same_registry || output.output.is_some() {
        transfer::take_from(&mut sealed, &base.store);
    }
    let (written, moved) = transfer::write(&sealed, opened.store.as_ref(), &tags)?;
    match &output.output {
        Some(location) => console::line(format_args!("Wrote {location}")),
        None => tags
            .iter()
            .for_each(|tag| console::line(format_args!("Pushed {tag}"))),
    }
    console::line(format_args!(
        "Digest {} ({} of {} layers written, {})",
        written.digest,
        moved.layers,
        sealed.layers.len(),
        console::size(moved.uploaded)
    ));
    Ok(())
}

/// The store and names to write to.
pub(crate) fn destination(
    stores: &Stores,
    output: &OutputArguments,
) -> Result<(Opened, Vec<Reference>)> {
    if let Some(location) = &output.output {
        if let Location::Registry(reference) = location {
            bail!(
                anyhow!("write to '{reference}': --output takes oci:DIR[:TAG]").context(Hint(
                    "a registry is written to with --tag and --publish".into()
                ))
            );
        }
        let opened = stores.open(location)?;
        let tags = vec![opened.reference.clone()];
        return Ok((opened, tags));
    }
    let tags = registry_tags(&output.tag)?;
    let reference = tags.first().cloned().context("find where to write to")?;
    let store = stores.registry(&tags)?;
    Ok((Opened { store, reference }, tags))
}

/// Tags that are references to registries.
pub(crate) fn registry_tags(tags: &[Location]) -> Result<Vec<Reference>> {
    tags.iter()
        .map(|tag| match tag {
            Location::Registry(reference) => Ok(reference.clone()),
            Location::Layout(_) => Err(anyhow!("write to '{tag}': --tag takes a reference")
                .context(Hint("a directory is written to with --output".into()))),
        })
        .collect()
}
