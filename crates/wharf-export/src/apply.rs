//! Carries the decisions out.
use crate::{
    Change, Decision, ExportError, ExportInputs, ExportedLayer, Handoff, LayerPlan, Role,
    collect::Collected,
    save, time,
    transfer::{self, Item},
};
use wharf_image::{DraftLayer, Family, Image, ImageDraft, ImageStore, LayerSource};
use wharf_layer::{LayerContent, diff_id};
use wharf_spec::{
    api::{BaseContract, History},
    digest::Digest,
    files::{analyzed::RunImage, run::RunImageMetadata},
    labels::lifecycle::{
        BuildpackLayers, LayerMetadata, LayerSha, LifecycleMetadata, RunImageInfo, StackInfo,
        StoreMetadata,
    },
    log::Log,
    reference::Reference,
};

/// An image and where it was read.
#[derive(Debug)]
pub(crate) struct Located {
    pub(crate) reference: Reference,
    pub(crate) image: Image,
}

/// The image so far.
#[derive(Debug)]
pub(crate) struct Assembled {
    pub(crate) draft: ImageDraft,
    /// Layers above the run image.
    pub(crate) layers: Vec<(Role, Digest)>,
    /// Every layer, for the summary.
    pub(crate) exported: Vec<ExportedLayer>,
}

/// The run image that `analyzed.toml` names.
pub(crate) fn find_base(
    inputs: &ExportInputs,
    handoff: &Handoff<'_>,
    store: &dyn ImageStore,
) -> Result<Located, ExportError> {
    let identifier = handoff
        .analyzed
        .run_image
        .as_ref()
        .map(|run_image| run_image.reference.as_str())
        .filter(|reference| !reference.is_empty())
        .ok_or(ExportError::NoRunImage)?;
    let reference = store
        .locate(identifier)
        .map_err(ExportError::ReadRunImage)?;
    let image = store
        .find(&reference, &inputs.platform)
        .map_err(ExportError::ReadRunImage)?
        .ok_or_else(|| ExportError::RunImageNotFound {
            reference: identifier.to_owned(),
        })?;
    if image.layers().is_empty() {
        return Err(ExportError::EmptyRunImage {
            reference: identifier.to_owned(),
        });
    }
    Ok(Located { reference, image })
}

/// The previous image, to take unchanged layers from. Without it every layer is made anew.
pub(crate) fn find_previous(
    inputs: &ExportInputs,
    handoff: &Handoff<'_>,
    store: &dyn ImageStore,
    log: &dyn Log,
) -> Result<Option<Located>, ExportError> {
    let Some(identifier) = handoff.analyzed.previous_reference() else {
        return Ok(None);
    };
    let reference = store
        .locate(identifier)
        .map_err(ExportError::ReadPrevious)?;
    let image = store
        .find(&reference, &inputs.platform)
        .map_err(ExportError::ReadPrevious)?;
    match image {
        Some(image) => {
            log.info(&format!("Reusing layers from image '{identifier}'"));
            Ok(Some(Located { reference, image }))
        }
        None => {
            log.warn(&format!(
                "Previous image '{identifier}' is gone; no layer can be taken from it"
            ));
            Ok(None)
        }
    }
}

/// Makes every layer and brings it to the repositories of the outputs.
pub(crate) fn assemble(
    inputs: &ExportInputs,
    decisions: &[Decision],
    (base, previous): (&Located, Option<&Located>),
    (store, log): (&dyn ImageStore, &dyn Log),
) -> Result<Assembled, ExportError> {
    let features = inputs.platform_api.features();
    let created = inputs
        .created
        .filter(|_| features.source_date_epoch)
        .unwrap_or(time::DEFAULT);
    let keep_history = features.history == History::Kept;
    let mut draft = ImageDraft::from_base(
        &base.image,
        &base.reference,
        &time::rfc3339(created),
        keep_history,
    );
    let maker = Maker {
        inputs,
        previous,
        family: draft.family(),
        keep_history,
        log,
    };
    let names = |layer: &DraftLayer| Item {
        name: "run image".to_owned(),
        layer: layer.clone(),
    };
    let base_items: Vec<Item> = draft.layers().iter().map(names).collect();
    let mut plan: Vec<(String, Change)> = base_items
        .iter()
        .map(|item| (item.name.clone(), Change::Base))
        .collect();
    let base_count = plan.len();
    let repositories = save::repositories(inputs);
    let done = transfer::run(store, &repositories, |sink| {
        for item in base_items {
            if !sink.send(item) {
                return Ok(());
            }
        }
        let mut app = AppCount::default();
        for decision in decisions {
            if decision.role != Role::App {
                app.report(log);
            }
            let (layer, change) = maker.make(decision)?;
            app.count(decision, change);
            plan.push((decision.name.clone(), change));
            let name = decision.name.clone();
            if !sink.send(Item { name, layer }) {
                return Ok(());
            }
        }
        app.report(log);
        Ok(())
    })?;
    let mut exported = Vec::new();
    let mut layers = Vec::new();
    for (index, ((name, change), done)) in plan.into_iter().zip(done).enumerate() {
        exported.push(ExportedLayer {
            name,
            diff_id: done.layer.diff_id,
            descriptor: done.layer.descriptor.clone(),
            change,
            transfer: done.transfer,
        });
        if let Some(decision) = index.checked_sub(base_count).and_then(|n| decisions.get(n)) {
            layers.push((decision.role.clone(), done.layer.diff_id));
            draft.push_layer(done.layer);
        }
    }
    Ok(Assembled {
        draft,
        layers,
        exported,
    })
}

/// Counts app slices for the two lines about them.
#[derive(Debug, Default)]
struct AppCount {
    reused: usize,
    added: usize,
}

impl AppCount {
    fn count(&mut self, decision: &Decision, change: Change) {
        if decision.role == Role::App {
            match change {
                Change::Reused => self.reused += 1,
                Change::Added | Change::Base => self.added += 1,
            }
        }
    }

    /// Says what was counted, once.
    fn report(&mut self, log: &dyn Log) {
        let Self { reused, added } = std::mem::take(self);
        let all = reused + added;
        if reused > 0 {
            log.info(&format!("Reused {reused}/{all} app layer(s)"));
        }
        if added > 0 {
            log.info(&format!("Added {added}/{all} app layer(s)"));
        }
    }
}

/// Makes one layer after the other.
#[derive(Clone, Copy)]
struct Maker<'a> {
    inputs: &'a ExportInputs,
    previous: Option<&'a Located>,
    family: Family,
    keep_history: bool,
    log: &'a dyn Log,
}

impl Maker<'_> {
    fn make(&self, decision: &Decision) -> Result<(DraftLayer, Change), ExportError> {
        match &decision.plan {
            LayerPlan::Reuse(diff_id) => {
                let reused = self.reuse(decision, *diff_id);
                reused.ok_or_else(|| ExportError::NotInPrevious {
                    layer: decision.name.clone(),
                    diff_id: diff_id.to_string(),
                })
            }
            LayerPlan::HashFirst(content, known) if self.previous.is_some() => {
                let diff_id = diff_id(content).map_err(|source| ExportError::Layer {
                    layer: decision.name.clone(),
                    source,
                })?;
                let reused = if known.contains(&diff_id) {
                    self.reuse(decision, diff_id)
                } else {
                    None
                };
                match reused {
                    Some(reused) => Ok(reused),
                    None => self.encode(decision, content),
                }
            }
            LayerPlan::HashFirst(content, _) | LayerPlan::Encode(content) => {
                self.encode(decision, content)
            }
        }
    }

    fn created_by(&self, decision: &Decision) -> Option<String> {
        self.keep_history.then(|| decision.created_by.clone())
    }

    /// The layer of the previous image, when it has it.
    fn reuse(&self, decision: &Decision, diff_id: Digest) -> Option<(DraftLayer, Change)> {
        let previous = self.previous?;
        let layer = previous
            .image
            .layers()
            .iter()
            .find(|layer| layer.diff_id == diff_id)?;
        self.say("Reusing", decision, diff_id);
        let layer = DraftLayer {
            descriptor: layer.descriptor.clone(),
            diff_id,
            created_by: self.created_by(decision),
            source: LayerSource::Repository(previous.reference.clone()),
        };
        Some((layer, Change::Reused))
    }

    fn encode(
        &self,
        decision: &Decision,
        content: &LayerContent,
    ) -> Result<(DraftLayer, Change), ExportError> {
        let blob = self
            .inputs
            .encoder
            .encode(content)
            .map_err(|source| ExportError::Layer {
                layer: decision.name.clone(),
                source,
            })?;
        self.say("Adding", decision, blob.diff_id);
        let layer = DraftLayer::from_blob(blob, self.family, self.created_by(decision));
        Ok((layer, Change::Added))
    }

    fn say(&self, verb: &str, decision: &Decision, diff_id: Digest) {
        if decision.role != Role::App {
            self.log.info(&format!("{verb} layer '{}'", decision.name));
        }
        self.log
            .debug(&format!("Layer '{}' SHA: {diff_id}", decision.name));
    }
}

/// The value of the lifecycle label.
pub(crate) fn metadata(
    inputs: &ExportInputs,
    handoff: &Handoff<'_>,
    base: &Located,
    (collected, layers): (&Collected, &[(Role, Digest)]),
) -> LifecycleMetadata {
    let mut metadata = LifecycleMetadata {
        buildpacks: collected.buildpacks.iter().map(empty_entry).collect(),
        ..LifecycleMetadata::default()
    };
    for (role, diff_id) in layers {
        let sha = LayerSha::new(*diff_id);
        match role {
            Role::Buildpack { index, layer } => {
                let described = collected.buildpacks.get(*index).and_then(|buildpack| {
                    let mut layers = buildpack.layers.iter();
                    layers.find(|(candidate, _)| candidate.name.as_str() == layer)
                });
                let entry = metadata.buildpacks.get_mut(*index);
                if let (Some((described, _)), Some(entry)) = (described, entry) {
                    entry
                        .layers
                        .insert(layer.clone(), layer_metadata(described, *diff_id));
                }
            }
            Role::Sbom => metadata.sbom = Some(sha),
            Role::App => metadata.app.push(sha),
            Role::Launcher => metadata.launcher = sha,
            Role::Config => metadata.config = sha,
            Role::ProcessTypes => metadata.process_types = sha,
        }
    }
    record_run_image(&mut metadata, inputs, handoff, base);
    metadata
}

fn empty_entry(buildpack: &crate::collect::CollectedBuildpack) -> BuildpackLayers {
    BuildpackLayers {
        key: buildpack.id.to_string(),
        version: buildpack.version.clone(),
        layers: std::collections::BTreeMap::new(),
        store: buildpack.store.as_ref().map(|store| StoreMetadata {
            metadata: store.metadata.clone(),
        }),
    }
}

/// A layer as label and cache metadata describe it.
pub(crate) fn layer_metadata(
    layer: &wharf_layer::layers_dir::BuildpackLayer,
    diff_id: Digest,
) -> LayerMetadata {
    let types = layer.metadata.layer_types();
    LayerMetadata {
        sha: diff_id.to_string(),
        data: layer.metadata.metadata.clone(),
        build: types.build,
        launch: types.launch,
        cache: types.cache,
    }
}

fn record_run_image(
    metadata: &mut LifecycleMetadata,
    inputs: &ExportInputs,
    handoff: &Handoff<'_>,
    base: &Located,
) {
    let none = RunImage::default();
    let run_image = handoff.analyzed.run_image.as_ref().unwrap_or(&none);
    let top_layer = base.image.top_layer().map(|layer| layer.to_string());
    let entry = run_image_entry(inputs, handoff, run_image);
    let mut info = RunImageInfo {
        top_layer: top_layer.unwrap_or_default(),
        reference: run_image.reference.clone(),
        ..RunImageInfo::default()
    };
    if inputs.platform_api.features().base_contract == BaseContract::Target {
        info.image.clone_from(&entry.image);
        info.mirrors.clone_from(&entry.mirrors);
    }
    metadata.run_image = info;
    metadata.stack = (!entry.image.is_empty()).then_some(StackInfo { run_image: entry });
}

/// The entry of `run.toml` that names the run image; else, when extensions chose it or nothing is listed, the bare
/// name; else the first entry.
fn run_image_entry(
    inputs: &ExportInputs,
    handoff: &Handoff<'_>,
    run_image: &RunImage,
) -> RunImageMetadata {
    let wanted = run_image.image.parse::<Reference>().ok();
    let names_it = |entry: &&RunImageMetadata| {
        std::iter::once(&entry.image)
            .chain(&entry.mirrors)
            .any(|name| wanted.is_some() && name.parse::<Reference>().ok() == wanted)
    };
    let listed = inputs.run_images.images.iter().find(names_it);
    let first = inputs
        .run_images
        .images
        .first()
        .filter(|_| handoff.group.group_extensions.is_empty());
    listed
        .or(first)
        .cloned()
        .unwrap_or_else(|| RunImageMetadata {
            image: run_image.image.clone(),
            mirrors: Vec::new(),
        })
}
