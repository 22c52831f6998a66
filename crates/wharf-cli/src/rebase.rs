//! `wharf rebase`: an image onto a new run image.
use crate::{
    arguments::{CommonArguments, RebaseArguments},
    builder::registry_tags,
    console::{self, Hint},
    location::{LayoutImage, Location},
    stores::{Found, Stores, host_platform},
    transfer,
};
use anyhow::{Context, Result, anyhow, bail};
use std::sync::Arc;
use tempfile::TempDir;
use wharf_image::{Image, ImageStore};
use wharf_layout::LayoutStore;
use wharf_rebase::RebaseInputs;
use wharf_spec::{
    api::PlatformApi,
    files::report::Report,
    labels::{LIFECYCLE_METADATA, lifecycle::LifecycleMetadata},
    log::{Level, Log},
    reference::Reference,
};

/// Lines of the rebase, as they come.
struct Lines;

impl Log for Lines {
    fn line(&self, level: Level, text: &str) {
        match level {
            Level::Debug => {}
            Level::Info => console::line(text),
            Level::Warn => console::warn(text),
        }
    }
}

/// Runs the command.
pub(crate) fn rebase(common: &CommonArguments, arguments: &RebaseArguments) -> Result<()> {
    let stores = Stores::new(common)?;
    match &arguments.image {
        Location::Registry(reference) => in_registry(&stores, reference, arguments),
        Location::Layout(image) => in_layout(&stores, image, arguments),
    }
}

fn inputs(
    app_image: Reference,
    outputs: Vec<Reference>,
    run_image: Option<Reference>,
    force: bool,
) -> RebaseInputs {
    RebaseInputs {
        app_image,
        outputs,
        run_image,
        force,
        platform: host_platform(),
        features: PlatformApi::LATEST.features(),
    }
}

fn in_registry(stores: &Stores, app: &Reference, arguments: &RebaseArguments) -> Result<()> {
    if !arguments.publish {
        let hint = "--publish confirms that the image in the registry may be replaced";
        bail!(anyhow!("rebase '{app}': it is in a registry").context(Hint(hint.into())));
    }
    let outputs = if arguments.tag.is_empty() {
        vec![app.clone()]
    } else {
        registry_tags(&arguments.tag)?
    };
    let run_image = match &arguments.run_image {
        Some(Location::Registry(reference)) => Some(reference.clone()),
        Some(Location::Layout(_)) => {
            bail!(
                anyhow!("rebase '{app}' on a run image in a directory")
                    .context(Hint("push the run image to the registry first".into()))
            );
        }
        None => None,
    };
    let mut references = outputs.clone();
    references.push(app.clone());
    references.extend(run_image.clone());
    let found = stores.require(&arguments.image, "image")?;
    references.extend(recorded_run_images(&found.image));
    let store = stores.registry(&references)?;
    let inputs = inputs(app.clone(), outputs, run_image, arguments.force);
    let report = wharf_rebase::rebase(&inputs, store.as_ref(), &Lines)?;
    print(&report, None);
    Ok(())
}

/// App and run image are brought into one layout store, rebased there, and the result is copied out.
fn in_layout(stores: &Stores, image: &LayoutImage, arguments: &RebaseArguments) -> Result<()> {
    let app = stores.require(&arguments.image, "image")?;
    let run_location = run_location(&app.image, arguments)?;
    let run_image = stores.require(&run_location, "run image")?;
    let temp = TempDir::with_prefix("wharf-rebase-")?;
    let store: Arc<dyn ImageStore> = Arc::new(LayoutStore::new(temp.path()));
    for found in [&app, &run_image] {
        bring(found, store.as_ref())?;
    }
    let name = &app.reference;
    let inputs = inputs(
        name.clone(),
        vec![name.clone()],
        Some(run_image.reference),
        arguments.force,
    );
    let report = wharf_rebase::rebase(&inputs, store.as_ref(), &Lines)?;
    let rebased = store
        .find(name, &host_platform())?
        .context("find the image that was just written")?;
    let outputs = if arguments.tag.is_empty() {
        vec![Location::Layout(image.clone())]
    } else {
        arguments.tag.clone()
    };
    for output in &outputs {
        let to = stores.open(output)?;
        transfer::copy(&rebased, name, &store, to.store.as_ref(), &[to.reference])
            .with_context(|| format!("write '{output}'"))?;
    }
    print(&report, Some(&outputs));
    Ok(())
}

fn run_location(app: &Image, arguments: &RebaseArguments) -> Result<Location> {
    if let Some(location) = &arguments.run_image {
        return Ok(location.clone());
    }
    let recorded = recorded_run_images(app).into_iter().next();
    recorded.map(Location::Registry).ok_or_else(|| {
        anyhow!("find the run image of '{}'", arguments.image)
            .context(Hint("name it with --run-image".into()))
    })
}

fn bring(found: &Found, store: &dyn ImageStore) -> Result<()> {
    let tags = std::slice::from_ref(&found.reference);
    transfer::copy(&found.image, &found.reference, &found.store, store, tags)
        .with_context(|| format!("copy '{}'", found.reference))?;
    Ok(())
}

/// Names under which the run image of an app was known when it was built.
fn recorded_run_images(app: &Image) -> Vec<Reference> {
    let label = app.label(LIFECYCLE_METADATA).unwrap_or_default();
    let metadata: LifecycleMetadata = serde_json::from_str(label).unwrap_or_default();
    let mut names = vec![metadata.run_image.image];
    names.extend(metadata.run_image.mirrors);
    if let Some(stack) = metadata.stack {
        names.push(stack.run_image.image);
        names.extend(stack.run_image.mirrors);
    }
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

fn print(report: &Report, outputs: Option<&[Location]>) {
    let names: Vec<String> = match outputs {
        Some(outputs) => outputs.iter().map(ToString::to_string).collect(),
        None => report.image.tags.clone(),
    };
    for name in names {
        console::line(format_args!("Rebased    {name}"));
    }
    console::line(format_args!("Digest     {}", report.image.digest));
}
