//! `creator`: the whole build on one page. The same calls as the chain of executables, and the same files are saved.
use super::{analyze, build, detect, export, restore};
use crate::{
    exit::Failure,
    inputs::{Analyze, Build, Detect, Export, InputError, Resolver, Restore},
    session::{Session, Stores},
};
use std::path::PathBuf;
use wharf_spec::{files::run::RunImages, reference::Reference};

/// The inputs of every phase.
#[derive(Debug)]
pub(crate) struct Create {
    analyze: Analyze,
    detect: Detect,
    restore: Restore,
    build: Build,
    pub(crate) export: Export,
}

impl Create {
    pub(crate) fn resolve(resolver: &Resolver<'_>) -> Result<Self, InputError> {
        Ok(Self {
            analyze: Analyze::resolve(resolver)?,
            detect: Detect::resolve(resolver)?,
            restore: Restore::resolve(resolver)?,
            build: Build::resolve(resolver)?,
            export: Export::resolve(resolver)?,
        })
    }

    pub(crate) fn directories(&self) -> Vec<PathBuf> {
        restore::directories(&self.restore)
    }
}

/// What is read before the first phase starts.
#[derive(Debug)]
pub(crate) struct Loaded {
    run_images: RunImages,
    detect: detect::Loaded,
    export: export::Loaded,
}

pub(crate) fn load(inputs: &Create) -> Result<Loaded, Failure> {
    Ok(Loaded {
        run_images: analyze::load(&inputs.analyze)?,
        detect: detect::load(&inputs.detect)?,
        export: export::load(&inputs.export)?,
    })
}

pub(crate) fn references(inputs: &Create, loaded: &Loaded) -> Vec<Reference> {
    analyze::references(&inputs.analyze, &loaded.run_images)
}

/// Source to image.
pub(crate) fn run(
    inputs: &Create,
    loaded: Loaded,
    session: &Session<'_>,
    stores: &Stores,
) -> Result<(), Failure> {
    let console = session.console;

    console.banner("ANALYZING");
    let mut analyzed = analyze::run(&inputs.analyze, &loaded.run_images, session, stores)?;

    console.banner("DETECTING");
    let detected = detect::run(&inputs.detect, loaded.detect, session, &analyzed)?;

    // Without its layers, older Platform APIs have nothing left to restore.
    if !inputs.restore.skip_layers || session.api.features().store_always_restored {
        console.banner("RESTORING");
        let left = restore::Loaded {
            analyzed,
            group: detected.group.clone(),
            run_images: loaded.run_images,
        };
        analyzed = restore::run(&inputs.restore, &left, session, stores)?;
    }

    console.banner("BUILDING");
    let left = build::Loaded {
        analyzed: analyzed.clone(),
        group: detected.group.clone(),
        plan: detected.plan,
    };
    let metadata = build::run(&inputs.build, left, session)?;

    console.banner("EXPORTING");
    let left = export::Left {
        analyzed,
        group: detected.group,
        metadata,
    };
    export::run(&inputs.export, loaded.export, &left, session, stores)
}
