//! What the commands share: the store with the caller's credentials, the new base, plans.
use super::{
    arguments::{FleetArguments, PlanFile},
    harbor::HarborSource,
    registry::RegistrySource,
    source::{Layout, Named, SourceName, read_list},
    threads::PerThread,
};
use crate::{
    arguments::CommonArguments,
    console::Hint,
    location::{LayoutImage, Location},
    mixed::MixedStore,
    stores::Stores,
};
use anyhow::{Context, Result, anyhow};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use wharf_fleet::{
    NewBase, Plan, Source,
    verdict::{OldBase, OldBases},
};
use wharf_harbor::Harbor;
use wharf_image::Image;
use wharf_registry::RegistryStore;
use wharf_spec::reference::Reference;

/// Registries and layouts.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) registry: Arc<RegistryStore>,
    pub(crate) store: MixedStore,
    layouts: Vec<(Reference, PathBuf)>,
}

impl Place {
    /// With accounts for these references, and with these layouts.
    pub(crate) fn new(
        common: &CommonArguments,
        references: &[Reference],
        layouts: &[LayoutImage],
    ) -> Result<Self> {
        let options = Stores::new(common)?.registry_options(references)?;
        let registry = RegistryStore::new(options.clone()).context("open registry")?;
        let registry = Arc::new(registry);
        let images = Arc::new(PerThread::new(Arc::clone(&registry), options));
        let mut store = MixedStore::new(images, !layouts.is_empty());
        let layouts = layouts
            .iter()
            .map(|layout| {
                let name = store.name(&Location::Layout(layout.clone()))?;
                Ok((name, layout.dir.clone()))
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            registry,
            store,
            layouts,
        })
    }

    /// For a plan that is to be made.
    pub(crate) fn for_sources(
        common: &CommonArguments,
        arguments: &FleetArguments,
    ) -> Result<(Self, Vec<String>)> {
        let mut names = Vec::new();
        let mut layouts = Vec::new();
        let mut references = vec![arguments.run_image.clone()];
        references.extend(arguments.from.clone());
        for source in &arguments.source {
            match source {
                SourceName::Harbor(host, _) | SourceName::Registry(host, _) => {
                    references.push(format!("{host}/any").parse()?);
                }
                SourceName::File(path) => {
                    let list = read_list(source);
                    names.extend(list.with_context(|| format!("read '{}'", path.display()))?);
                }
                SourceName::Stdin => names.extend(read_list(source).context("read the list")?),
                SourceName::Layout(layout) => layouts.push(layout.clone()),
                SourceName::Reference(reference) => names.push(reference.to_string()),
            }
        }
        references.extend(repositories(names.iter().filter_map(|name| {
            let reference: Reference = name.parse().ok()?;
            Some(reference.name())
        })));
        Ok((Self::new(common, &references, &layouts)?, names))
    }

    /// The sources that were named; `names` are the references among them.
    pub(crate) fn sources<'a>(
        &'a self,
        arguments: &FleetArguments,
        names: Vec<String>,
    ) -> Result<Vec<Box<dyn Source + 'a>>> {
        let mut sources: Vec<Box<dyn Source + 'a>> = Vec::new();
        for source in &arguments.source {
            match source {
                SourceName::Harbor(host, projects) => {
                    let any: Reference = format!("{host}/any").parse()?;
                    let harbor = Harbor::new(self.registry.api(&any));
                    sources.push(Box::new(HarborSource::new(harbor, projects.clone())));
                }
                SourceName::Registry(host, repositories) => {
                    sources.push(Box::new(RegistrySource {
                        store: Arc::clone(&self.registry),
                        host: host.clone(),
                        repositories: repositories.clone(),
                    }));
                }
                SourceName::File(_)
                | SourceName::Stdin
                | SourceName::Layout(_)
                | SourceName::Reference(_) => {}
            }
        }
        for (name, dir) in &self.layouts {
            sources.push(Box::new(Layout {
                store: &self.store,
                name: name.clone(),
                dir: dir.clone(),
            }));
        }
        if !names.is_empty() {
            let store = &self.store;
            sources.push(Box::new(Named { store, names }));
        }
        Ok(sources)
    }

    /// The new base.
    pub(crate) fn base(&self, reference: &Reference) -> Result<NewBase> {
        let base = NewBase::read(reference, &self.store).context("read the new run image")?;
        base.ok_or_else(|| {
            anyhow!("find run image '{reference}': there is no such image").context(Hint(format!(
                "check the name, and that the account may read {}",
                reference.name()
            )))
        })
    }

    /// The bases that are replaced. One that cannot be read any more is known by its name alone.
    pub(crate) fn old_bases(&self, references: &[Reference]) -> OldBases {
        let known = references.iter().map(|reference| {
            let base = NewBase::read(reference, &self.store).ok().flatten();
            let images = base.as_ref().map_or(&[][..], |base| &base.images);
            let mut digests: Vec<_> = images.iter().map(Image::digest).collect();
            digests.extend(base.as_ref().map(|base| base.digest));
            OldBase {
                reference: reference.clone(),
                digests,
                top_layers: images.iter().filter_map(Image::top_layer).collect(),
                layers: images
                    .iter()
                    .flat_map(Image::layers)
                    .map(|layer| layer.descriptor.digest)
                    .collect(),
            }
        });
        OldBases {
            known: known.collect(),
        }
    }
}

/// One reference for each of these repositories.
fn repositories(names: impl Iterator<Item = String>) -> Vec<Reference> {
    let names: BTreeSet<String> = names.collect();
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

/// The plan of a command.
pub(crate) fn read_plan(file: &PlanFile) -> Result<Plan> {
    let path = file.plan.display();
    let text = fs::read_to_string(&file.plan).with_context(|| format!("read '{path}'"))?;
    Plan::parse(&text, file.accept_edited).with_context(|| format!("read plan '{path}'"))
}

/// Where the journal of a plan is.
pub(crate) fn journal_path(file: &PlanFile) -> PathBuf {
    file.journal.clone().unwrap_or_else(|| {
        let mut path = file.plan.clone().into_os_string();
        path.push(".journal");
        path.into()
    })
}

/// The place in which a plan can be carried out.
pub(crate) fn place_of(common: &CommonArguments, file: &PlanFile, plan: &Plan) -> Result<Place> {
    let mut references = repositories(plan.images.iter().map(|image| image.repository.clone()));
    references.push(plan.run_image.reference.parse()?);
    let layouts = file.layout.iter().filter_map(|location| match location {
        Location::Layout(layout) => Some(layout.clone()),
        Location::Registry(_) => None,
    });
    Place::new(common, &references, &layouts.collect::<Vec<_>>())
}

/// Writes a file as a whole or not at all.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let mut file = tempfile::NamedTempFile::new_in(dir.unwrap_or(Path::new(".")))?;
        std::io::Write::write_all(&mut file, text.as_bytes())?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        file.as_file().set_permissions(mode)?;
        file.persist(path).map(drop).map_err(|error| error.error)
    };
    write().with_context(|| format!("write '{}'", path.display()))
}
