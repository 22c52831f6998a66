//! `wharf rebase`: an image onto a new run image.
use crate::{
    arguments::{CommonArguments, RebaseArguments},
    console::{self, Hint},
    environment, fleet,
    location::Location,
    mixed::MixedStore,
    stores::{Stores, host_platform},
};
use anyhow::{Context, Result, anyhow, bail};
use std::sync::Arc;
use wharf_image::{ImageStore, TagRace};
use wharf_rebase::RebaseInputs;
use wharf_spec::{
    api::PlatformApi,
    env_var,
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
    if let Some(command) = &arguments.fleet {
        return fleet::run(common, command);
    }
    let app = arguments
        .image
        .as_ref()
        .context("find an image to rebase")?;
    let stores = Stores::new(common)?;
    let outputs = if arguments.tag.is_empty() {
        vec![app.clone()]
    } else {
        arguments.tag.clone()
    };
    let is_layout = |location: &&Location| matches!(location, Location::Layout(_));
    let (layouts, registries): (Vec<_>, Vec<_>) = outputs.iter().partition(is_layout);
    if !registries.is_empty() && !arguments.publish {
        let hint = "--publish confirms that images in the registry may be replaced";
        bail!(anyhow!("rebase '{app}': it is in a registry").context(Hint(hint.into())));
    }
    let mut credentials = recorded_run_images(&stores, app)?;
    let named = outputs.iter().chain([app]).chain(&arguments.run_image);
    credentials.extend(named.filter_map(|location| match location {
        Location::Registry(reference) => Some(reference.clone()),
        Location::Layout(_) => None,
    }));
    let registry: Arc<dyn ImageStore> = stores.registry(&credentials)?;
    for (outputs, into_layout) in [(registries, false), (layouts, true)] {
        if outputs.is_empty() {
            continue;
        }
        let mut store = MixedStore::new(Arc::clone(&registry), into_layout);
        let inputs = inputs(&mut store, (app, arguments), &outputs)?;
        let report = wharf_rebase::rebase(&inputs, &store, &Lines)?;
        print(&report, &outputs);
    }
    Ok(())
}

fn inputs(
    store: &mut MixedStore,
    (app, arguments): (&Location, &RebaseArguments),
    outputs: &[&Location],
) -> Result<RebaseInputs> {
    let run_image = match &arguments.run_image {
        Some(location) => Some(store.name(location)?),
        None => None,
    };
    Ok(RebaseInputs {
        app_image: store.name(app)?,
        outputs: outputs
            .iter()
            .map(|output| store.name(output))
            .collect::<Result<_>>()?,
        run_image,
        force: arguments.force,
        tag_race: tag_race()?,
        platform: host_platform(),
        features: PlatformApi::LATEST.features(),
    })
}

/// What happens to an app image that somebody else writes meanwhile.
fn tag_race() -> Result<TagRace> {
    let text = environment::text(env_var::TAG_RACE).unwrap_or_default();
    match text.trim() {
        "" => Ok(TagRace::default()),
        text => text.parse().context("read WHARF_TAG_RACE"),
    }
}

/// Names under which the run image of an app was known when it was built: their registries may ask for credentials.
/// What cannot be read now is for the rebase to report.
fn recorded_run_images(stores: &Stores, app: &Location) -> Result<Vec<Reference>> {
    let found = match stores.find(app) {
        Ok(Some(found)) => found,
        Ok(None) => stores.require(app, "image")?,
        // Such as an index without an image for this machine.
        Err(_) => return Ok(Vec::new()),
    };
    let label = found.image.label(LIFECYCLE_METADATA).unwrap_or_default();
    let metadata: LifecycleMetadata = serde_json::from_str(label).unwrap_or_default();
    let mut names = vec![metadata.run_image.image];
    names.extend(metadata.run_image.mirrors);
    if let Some(stack) = metadata.stack {
        names.push(stack.run_image.image);
        names.extend(stack.run_image.mirrors);
    }
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

fn print(report: &Report, outputs: &[&Location]) {
    for name in outputs {
        console::line(format_args!("Rebased    {name}"));
    }
    for platform in &report.image.unchanged {
        console::line(format_args!("Unchanged  {platform}"));
    }
    console::line(format_args!("Digest     {}", report.image.digest));
}
