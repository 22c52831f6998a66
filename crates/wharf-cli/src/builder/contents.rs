//! Everything that goes into a builder, before any of it is written.
use super::{
    archive::{self, Item, ROOT},
    buildpack::Buildpack,
    config::BuilderConfig,
    lifecycle::Lifecycle,
};
use anyhow::{Result, anyhow, bail};
use std::path::Path;
use wharf_layer::Owner;
use wharf_spec::{
    encode::toml_text,
    files::{
        group::GroupElement,
        lifecycle::LifecycleDescriptor,
        order::{Order, OrderGroup},
        run::{RunImageMetadata, RunImages},
        stack::Stack,
        system::System,
    },
    paths,
};

/// The parts of a builder.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) description: String,
    pub(crate) stack_id: Option<String>,
    pub(crate) buildpacks: Vec<Buildpack>,
    pub(crate) order: Vec<OrderGroup>,
    pub(crate) run_images: Vec<RunImageMetadata>,
    pub(crate) lifecycle_descriptor: LifecycleDescriptor,
    pub(crate) lifecycle: Vec<Item>,
    pub(crate) configuration: Vec<Item>,
}

impl Contents {
    /// Reads buildpacks and lifecycle, and completes the order.
    pub(crate) fn gather(
        config: &BuilderConfig,
        base: &Path,
        lifecycle: &Lifecycle,
    ) -> Result<Self> {
        let mut buildpacks = Vec::new();
        for module in &config.buildpacks {
            let buildpack = Buildpack::load(module, base)?;
            let name = buildpack.full_name();
            if buildpacks
                .iter()
                .any(|other: &Buildpack| other.full_name() == name)
            {
                bail!("use buildpack '{}': {name} is there already", module.uri);
            }
            buildpacks.push(buildpack);
        }
        for member in config.members().chain(composite_members(&buildpacks)) {
            find(&buildpacks, member)?;
        }
        let order = complete(&config.order, &buildpacks)?;
        Ok(Self {
            description: config.description.clone(),
            stack_id: config.stack.as_ref().map(|stack| stack.id.clone()),
            configuration: configuration(config, &order, &buildpacks)?,
            buildpacks,
            order,
            run_images: config.run_images(),
            lifecycle_descriptor: lifecycle.descriptor.clone(),
            lifecycle: lifecycle.entries()?,
        })
    }

    /// The directories of a build: those of the user, and those of the platform.
    pub(crate) fn directories(user: Owner) -> Vec<Item> {
        let root = [
            "/cnb",
            paths::BUILDPACKS_DIR,
            paths::EXTENSIONS_DIR,
            paths::BUILD_CONFIG_DIR,
            "/cnb/build-config/env",
            paths::PLATFORM_DIR,
            "/platform/env",
        ];
        [paths::LAYERS_DIR, paths::APP_DIR]
            .into_iter()
            .map(|path| Item::directory(path, user))
            .chain(root.into_iter().map(|path| Item::directory(path, ROOT)))
            .collect()
    }
}

/// Members of composite buildpacks, unless they are optional: those may be left out of a builder.
fn composite_members(buildpacks: &[Buildpack]) -> impl Iterator<Item = &GroupElement> {
    buildpacks
        .iter()
        .flat_map(|buildpack| &buildpack.descriptor.order)
        .flat_map(|group| &group.group)
        .filter(|member| !member.optional)
}

/// The one buildpack that a member of a group means.
fn find<'a>(buildpacks: &'a [Buildpack], member: &GroupElement) -> Result<&'a Buildpack> {
    let mut matching = buildpacks.iter().filter(|buildpack| {
        let info = &buildpack.descriptor.buildpack;
        info.id == member.id && (member.version.is_empty() || info.version == member.version)
    });
    let wanted = match member.version.as_str() {
        "" => member.id.to_string(),
        version => format!("{}@{version}", member.id),
    };
    match (matching.next(), matching.next()) {
        (Some(buildpack), None) => Ok(buildpack),
        (None, _) => {
            let known: Vec<String> = buildpacks.iter().map(Buildpack::full_name).collect();
            Err(anyhow!(
                "resolve order: no buildpack '{wanted}' among {}",
                known.join(", ")
            ))
        }
        (Some(_), Some(_)) => Err(anyhow!(
            "resolve order: '{wanted}' has several versions, name one"
        )),
    }
}

/// The order with every version filled in.
fn complete(order: &[OrderGroup], buildpacks: &[Buildpack]) -> Result<Vec<OrderGroup>> {
    let member = |member: &GroupElement| -> Result<GroupElement> {
        let info = &find(buildpacks, member)?.descriptor.buildpack;
        Ok(GroupElement {
            version: info.version.clone(),
            ..member.clone()
        })
    };
    order
        .iter()
        .map(|group| {
            let group = group.group.iter().map(member).collect::<Result<_>>()?;
            Ok(OrderGroup { group })
        })
        .collect()
}

fn configuration(
    config: &BuilderConfig,
    order: &[OrderGroup],
    buildpacks: &[Buildpack],
) -> Result<Vec<Item>> {
    let run_images = config.run_images();
    let mut items = variables(config)?;
    items.push(Item::text(paths::ORDER, toml_text(&order_file(order))?));
    let run = RunImages {
        images: run_images.clone(),
    };
    items.push(Item::text(paths::RUN, toml_text(&run)?));
    if let Some(run_image) = run_images.into_iter().next() {
        // For platforms before Platform API 0.12.
        items.push(Item::text(paths::STACK, toml_text(&Stack { run_image })?));
    }
    let mut system = System {
        system: config.system.clone(),
    };
    let (pre, post) = (
        &mut system.system.pre.buildpacks,
        &mut system.system.post.buildpacks,
    );
    if !pre.is_empty() || !post.is_empty() {
        for member in pre.iter_mut().chain(post) {
            member.version = find(buildpacks, member)?
                .descriptor
                .buildpack
                .version
                .clone();
        }
        items.push(Item::text(paths::SYSTEM, toml_text(&system)?));
    }
    Ok(items)
}

fn order_file(order: &[OrderGroup]) -> Order {
    Order {
        order: order.to_vec(),
        order_extensions: Vec::new(),
    }
}

/// The operator's variables as files.
fn variables(config: &BuilderConfig) -> Result<Vec<Item>> {
    let dir = "/cnb/build-config/env";
    let mut items = archive::parents(dir);
    for variable in &config.build.env {
        let name = &variable.name;
        if name.is_empty() || name.contains(['/', '=', '\0']) || name.starts_with('.') {
            bail!("use [[build.env]]: '{name}' is not the name of a variable");
        }
        let path = format!("{dir}/{name}{}", variable.suffix.extension());
        items.push(Item::text(path, variable.value.clone()));
        if let Some(delimiter) = &variable.delim {
            items.push(Item::text(format!("{dir}/{name}.delim"), delimiter.clone()));
        }
    }
    items[1..].sort_by(|a, b| a.path.cmp(&b.path));
    items.dedup_by(|a, b| a.path == b.path);
    Ok(items)
}
