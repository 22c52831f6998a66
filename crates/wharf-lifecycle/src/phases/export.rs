//! `exporter`.
use super::load;
use crate::{
    exit::{Failure, chain},
    handoff,
    inputs::{CacheChoice, Export, InputError},
    phase::Phase,
    session::{self, Session, Stores},
    version,
};
use std::{path::PathBuf, thread};
use wharf_cache::{Cache, CacheTransaction};
use wharf_export::{CacheExportError, ExportInputs, Exported, Handoff};
use wharf_harbor::Previous;
use wharf_spec::{
    encode::toml_text,
    files::{
        analyzed::{Analyzed, RunImage},
        fingerprints::{self, Fingerprints},
        group::Group,
        metadata::BuildMetadata,
        project_metadata::ProjectMetadata,
        run::RunImages,
    },
    log::Log,
    reference::Reference,
};

/// Files of the platform that are read before the phase starts.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) run_images: RunImages,
    pub(crate) project_metadata: ProjectMetadata,
}

/// What earlier phases left.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) analyzed: Analyzed,
    pub(crate) group: Group,
    pub(crate) metadata: BuildMetadata,
}

pub(crate) fn load(inputs: &Export) -> Result<Loaded, Failure> {
    let project_metadata =
        handoff::load_optional(handoff::PROJECT_METADATA, &inputs.project_metadata)
            .map_err(|error| Failure::Load(Phase::Export, error))?;
    Ok(Loaded {
        run_images: load::run_images(Phase::Export, &inputs.run_file)?,
        project_metadata: project_metadata.unwrap_or_default(),
    })
}

pub(crate) fn load_left(inputs: &Export) -> Result<Left, Failure> {
    let failed = |error| Failure::Load(Phase::Export, error);
    Ok(Left {
        group: load::group(Phase::Export, &inputs.group)?,
        analyzed: handoff::load(handoff::ANALYZED, &inputs.analyzed).map_err(failed)?,
        metadata: handoff::load_with(handoff::METADATA, &inputs.metadata, BuildMetadata::parse)
            .map_err(failed)?,
    })
}

/// Refuses a run image that is not the analyzer's: the app would stand on another one than the platform thinks.
pub(crate) fn check_run_image(
    inputs: &Export,
    loaded: &Loaded,
    left: &Left,
) -> Result<(), Failure> {
    let Some(named) = &inputs.run_image else {
        return Ok(());
    };
    let analyzed = left.analyzed.run_image.clone().unwrap_or_default();
    if is_analyzed(named, &analyzed, &loaded.run_images) {
        return Ok(());
    }
    Err(Failure::Inputs(InputError::RunImageUnsupported {
        named: named.to_string(),
        analyzed: if analyzed.image.is_empty() {
            analyzed.reference
        } else {
            analyzed.image
        },
    }))
}

/// Old Platform APIs record no name but a digest; there, the name is in `stack.toml`.
fn is_analyzed(named: &Reference, analyzed: &RunImage, run_images: &RunImages) -> bool {
    let found = load::references([&analyzed.image, &analyzed.reference]);
    let from_stack = analyzed.image.is_empty()
        && load::references(load::names(run_images)).contains(named)
        && found.iter().any(|found| found.same_repository(named));
    found.contains(named) || from_stack
}

pub(crate) fn references(inputs: &Export, left: &Left) -> Vec<Reference> {
    let mut references = inputs.references();
    references.extend(load::references(load::analyzed_names(&left.analyzed)));
    references
}

pub(crate) fn directories(inputs: &Export) -> Vec<PathBuf> {
    match &inputs.cache {
        CacheChoice::Directory(cache) => vec![cache.clone()],
        CacheChoice::Nothing | CacheChoice::Image(_) => Vec::new(),
    }
}

/// Writes the app image, `report.toml` and the next cache. A cache that cannot be written costs a warning.
pub(crate) fn run(
    inputs: &Export,
    loaded: Loaded,
    left: &Left,
    session: &Session<'_>,
    stores: &Stores,
) -> Result<(), Failure> {
    for warning in &inputs.warnings {
        session.console.warn(warning);
    }
    let cache = session
        .cache(&inputs.cache, stores)
        .map_err(Failure::Cache)?;
    let mut told = told(inputs, loaded, session);
    told.rooms = stores.rooms();
    told.fingerprints = fingerprints(inputs, cache.as_deref(), session);
    let handoff = Handoff {
        analyzed: &left.analyzed,
        group: &left.group,
        build_metadata: &left.metadata,
    };
    let store = stores.images.as_ref();
    let export = |cache: Option<&dyn CacheTransaction>| {
        session.console.timed("Exporter", || {
            wharf_export::export(&told, &handoff, (store, cache), session.console)
        })
    };
    let transaction = cache.as_deref().and_then(|cache| begin(cache, session));
    let save_cache = |exported: Option<&Exported>, transaction| {
        session.console.timed("Cache", || {
            export_cache(&told, &left.group, exported, (transaction, session.console));
        });
    };
    let exported = match transaction {
        Some(transaction) if inputs.runs_side_by_side() => {
            let exported = thread::scope(|scope| {
                let _joined_at_the_end = scope.spawn(|| save_cache(None, transaction));
                export(None)
            });
            let exported = exported.map_err(Failure::Export)?;
            save_report(inputs, &exported)?;
            exported
        }
        transaction => {
            let exported = export(transaction.as_deref()).map_err(Failure::Export)?;
            save_report(inputs, &exported)?;
            if let Some(transaction) = transaction {
                save_cache(Some(&exported), transaction);
            }
            exported
        }
    };
    if inputs.prune_previous {
        prune_previous(&left.analyzed, &exported, stores, session.console);
    }
    Ok(())
}

/// Deletes the image that was superseded, if nothing holds it. That it cannot be deleted is no reason to fail.
fn prune_previous(analyzed: &Analyzed, exported: &Exported, stores: &Stores, log: &dyn Log) {
    let previous = analyzed.previous_reference();
    let previous = previous.and_then(|previous| previous.parse::<Reference>().ok());
    let Some((previous, digest)) = previous.and_then(|it| it.digest().map(|digest| (it, digest)))
    else {
        return;
    };
    if digest == exported.digest || !previous.same_repository(&exported.reference) {
        return;
    }
    let keep = |why: &str| log.warn(&format!("Keeping superseded image '{previous}': {why}"));
    let harbor = match stores.harbor.harbor(&previous) {
        Ok(harbor) if stores.in_registry => harbor,
        Ok(_) => return,
        Err(why) => {
            return keep(&format!(
                "{why}, and only Harbor tells which tags are on it"
            ));
        }
    };
    match harbor.delete_superseded(&previous, digest) {
        Ok(Previous::Deleted) => log.info(&format!("Deleted superseded image '{previous}'")),
        Ok(Previous::Kept(why)) => {
            log.info(&format!("Keeping superseded image '{previous}': {why}"));
        }
        Err(error) => keep(&chain(&error)),
    }
}

/// The next contents of the cache. A cache that cannot be written is no reason to fail.
fn begin<'a>(
    cache: &'a dyn Cache,
    session: &Session<'_>,
) -> Option<Box<dyn CacheTransaction + 'a>> {
    match cache.begin() {
        Ok(transaction) => Some(transaction),
        Err(error) => {
            warn(&CacheExportError::Begin(error), session.console);
            None
        }
    }
}

/// What the restorer saw of the layers it put back, and the last build of the app.
fn fingerprints(inputs: &Export, cache: Option<&dyn Cache>, session: &Session<'_>) -> Fingerprints {
    let mut fingerprints = cache.map(Cache::fingerprints).unwrap_or_default();
    let path = inputs.layers.join(fingerprints::FILE_NAME);
    match handoff::load_optional(handoff::FINGERPRINTS, &path) {
        Ok(Some(Fingerprints { seen })) => fingerprints.seen.extend(seen),
        Ok(None) => {}
        // They only save work.
        Err(error) => session
            .console
            .debug(&format!("Reading every layer: {}", chain(&error))),
    }
    fingerprints
}

fn save_report(inputs: &Export, exported: &Exported) -> Result<(), Failure> {
    handoff::save(handoff::REPORT, &inputs.report, toml_text(&exported.report))
        .map_err(load::saving(Phase::Export))
}

fn export_cache(
    told: &ExportInputs,
    group: &Group,
    exported: Option<&Exported>,
    (transaction, log): (Box<dyn CacheTransaction + '_>, &dyn Log),
) {
    if let Err(error) = wharf_export::export_cache(told, group, exported, transaction, log) {
        warn(&error, log);
    }
}

fn warn(error: &CacheExportError, log: &dyn Log) {
    log.warn(&format!("Failed to export cache: {}", chain(error)));
}

fn told(inputs: &Export, loaded: Loaded, session: &Session<'_>) -> ExportInputs {
    ExportInputs {
        outputs: inputs.outputs.clone(),
        layers_dir: inputs.layers.clone(),
        app_dir: inputs.app.clone(),
        launcher: inputs.launcher.clone(),
        launcher_sbom_dir: inputs.launcher_sbom.clone(),
        launcher_info: version::launcher_info(),
        owner: session.owner,
        platform: session::platform(),
        platform_api: session.api,
        created: inputs.created,
        process_type: inputs.process_type.clone(),
        run_images: loaded.run_images,
        project_metadata: loaded.project_metadata,
        exec_env: inputs.exec_env.clone(),
        fingerprints: Fingerprints::default(),
        encoder: session.encoder(),
        cache_limit: inputs.cache_limit,
        tag_race: inputs.tag_race,
        rooms: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_spec::files::run::RunImageMetadata;

    fn accepts(named: &str, image: &str) -> bool {
        let digest = "a".repeat(64);
        let analyzed = RunImage {
            reference: format!("r.io/run@sha256:{digest}"),
            image: image.to_owned(),
            ..RunImage::default()
        };
        let run_images = RunImages {
            images: vec![RunImageMetadata {
                image: "r.io/run:22".to_owned(),
                mirrors: vec!["other.io/run:22".to_owned()],
            }],
        };
        is_analyzed(&named.parse().unwrap(), &analyzed, &run_images)
    }

    #[test]
    fn a_run_image_named_to_the_exporter_is_the_analyzers_by_name_by_digest_or_by_the_stack_file() {
        let digest = "a".repeat(64);
        assert!(accepts(&format!("r.io/run@sha256:{digest}"), ""));
        assert!(accepts("r.io/run:24", "r.io/run:24"));
        assert!(accepts("r.io/run:22", ""));
        assert!(!accepts("r.io/run:22", "r.io/run:24"));
        assert!(!accepts("r.io/run:24", ""));
        assert!(!accepts("other.io/run:22", ""));
    }
}
