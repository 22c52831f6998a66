//! Runs `bin/build` of the group and collects the result (buildpack spec, "Phase #5: Build"; platform spec,
//! "builder").
//!
//! | module | what |
//! |---|---|
//! | [`inputs`] | what the phase is told |
//! | [`error`] | why it fails |
//! | `plan` | which requirements a buildpack is to meet, and which are left |
//! | `output` | what one buildpack has written: `launch.toml`, `build.toml`, checked |
//! | `layers` | its layers: ignored ones moved away, build layers in the environment of the next |
//! | `processes` | the processes of all buildpacks, and the default one |
//! | `bom` | deprecated bills of materials |
mod bom;
pub mod error;
pub mod inputs;
mod layers;
mod output;
mod plan;
mod processes;

pub use error::{BuildError, OutputProblem};
pub use inputs::BuildInputs;

use output::Output;
use plan::Remaining;
use processes::Processes;
use std::{
    fs,
    io::{self, Write},
    path::Path,
};
use wharf_buildpack::{Buildpack, BuildpackRunner, BuildpackStore, Request, RunError, Sources};
use wharf_layer::sbom::{self, SbomFormat};
use wharf_spec::{
    api::{LegacyBom, SbomPaths},
    encode::toml_text,
    files::{group::GroupElement, launch::BomEntry, metadata::BuildMetadata},
    id::full_name,
    log::Log,
};

/// Runs every buildpack of the group in order; their output goes to `out` as it comes.
///
/// Writes below the layers directory only. The result is for `<layers>/config/metadata.toml`, which the caller
/// writes.
pub fn build(
    inputs: &BuildInputs,
    store: &BuildpackStore,
    runner: &dyn BuildpackRunner,
    log: &dyn Log,
    out: &mut dyn Write,
) -> Result<BuildMetadata, BuildError> {
    require_app(&inputs.context.app_dir)?;
    let buildpacks = load_all(inputs, store)?;
    remove_sbom(inputs)?;
    let mut run = Run {
        inputs,
        runner,
        log,
        sources: inputs.context.read_sources()?,
        remaining: Remaining::new(&inputs.plan),
        metadata: BuildMetadata {
            extensions: inputs.group.group_extensions.iter().map(listed).collect(),
            ..BuildMetadata::default()
        },
        processes: Processes::default(),
        launch_bom: Vec::new(),
        build_bom: Vec::new(),
    };
    for (element, buildpack) in inputs.group.group.iter().zip(&buildpacks) {
        run.buildpack(element, buildpack, out)?;
    }
    run.finish()
}

fn require_app(app: &Path) -> Result<(), BuildError> {
    fs::read_dir(app)
        .map(drop)
        .map_err(|source| io_error("list app directory", app, source))
}

/// All of them before anything runs: an unsupported one is no reason to have built half of the app.
fn load_all(inputs: &BuildInputs, store: &BuildpackStore) -> Result<Vec<Buildpack>, BuildError> {
    let group = &inputs.group.group;
    group
        .iter()
        .map(|element| {
            let buildpack = store.load(&element.id, &element.version)?;
            if !element.api.is_empty() {
                let check: Result<wharf_spec::api::BuildpackApi, _> = element.api.parse();
                check.map_err(|source| BuildError::GroupApi {
                    buildpack: full_name(&element.id, &element.version),
                    source,
                })?;
            }
            Ok(buildpack)
        })
        .collect()
}

fn remove_sbom(inputs: &BuildInputs) -> Result<(), BuildError> {
    let path = inputs.layers_dir.join("sbom");
    match fs::remove_dir_all(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(io_error("remove", &path, error))
        }
        _ => Ok(()),
    }
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> BuildError {
    BuildError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

/// As `metadata.toml` lists a buildpack or extension.
fn listed(element: &GroupElement) -> GroupElement {
    GroupElement {
        extension: false,
        optional: false,
        exec_env: Vec::new(),
        ..element.clone()
    }
}

struct Run<'a> {
    inputs: &'a BuildInputs,
    runner: &'a dyn BuildpackRunner,
    log: &'a dyn Log,
    sources: Sources,
    remaining: Remaining,
    metadata: BuildMetadata,
    processes: Processes,
    launch_bom: Vec<BomEntry>,
    build_bom: Vec<BomEntry>,
}

impl Run<'_> {
    fn buildpack(
        &mut self,
        element: &GroupElement,
        buildpack: &Buildpack,
        out: &mut dyn Write,
    ) -> Result<(), BuildError> {
        let name = full_name(&element.id, &element.version);
        self.log
            .debug(&format!("Running build for buildpack {name}"));
        let dir = self.inputs.layers_dir.join(element.id.dir_name());
        fs::create_dir_all(&dir).map_err(|source| io_error("create", &dir, source))?;
        let requested = self.remaining.requested_of(element)?;
        self.run_program(element, buildpack, (&dir, &requested), out)?;
        self.log.debug(&format!("Processing layers of {name}"));
        let found = layers::read(&dir)?;
        if self.inputs.sbom_paths == SbomPaths::ByKind {
            let formats = &buildpack.descriptor.buildpack.sbom_formats;
            let declared: Vec<SbomFormat> = formats
                .iter()
                .filter_map(|text| SbomFormat::from_media_type(text))
                .collect();
            sbom::collect(&self.inputs.layers_dir, &element.id, &found, &declared)?;
        }
        layers::ignore_untyped(&found, self.log)?;
        layers::extend_env(&mut self.sources.base, &found)?;
        let output = Output::read(&dir, element, buildpack.api, &requested)?;
        self.remaining.settle(element, &output.unmet);
        self.take(element, buildpack, output);
        self.log
            .debug(&format!("Finished running build for buildpack {name}"));
        Ok(())
    }

    fn run_program(
        &self,
        element: &GroupElement,
        buildpack: &Buildpack,
        (dir, requested): (&Path, &wharf_spec::files::plan::BuildpackPlan),
        out: &mut dyn Write,
    ) -> Result<(), BuildError> {
        let temp = &self.inputs.context.temp_dir;
        let plans = tempfile::Builder::new()
            .prefix("build-")
            .tempdir_in(temp)
            .map_err(|source| io_error("create a temporary directory in", temp, source))?;
        let plan_dir = plans.path().join(element.id.dir_name());
        fs::create_dir(&plan_dir).map_err(|source| io_error("create", &plan_dir, source))?;
        let plan = plan_dir.join("plan.toml");
        let text = toml_text(requested)?;
        fs::write(&plan, text).map_err(|source| io_error("write", &plan, source))?;
        let context = &self.inputs.context;
        let request = Request::build(context, &self.sources, buildpack, (dir, &plan));
        let name = || full_name(&element.id, &element.version);
        match self.runner.build(&request, out) {
            Ok(exit) if exit.is_success() => Ok(()),
            Ok(exit) => Err(BuildError::Buildpack {
                buildpack: name(),
                exit,
            }),
            Err(RunError::Cancelled { .. }) => Err(BuildError::Cancelled),
            Err(source) => Err(BuildError::Run {
                buildpack: name(),
                source,
            }),
        }
    }

    fn take(&mut self, element: &GroupElement, buildpack: &Buildpack, output: Output) {
        let mut listed = listed(element);
        if listed.api.is_empty() {
            listed.api = buildpack.api.to_string();
        }
        if listed.homepage.is_empty() {
            listed
                .homepage
                .clone_from(&buildpack.descriptor.buildpack.homepage);
        }
        for warning in &output.warnings {
            self.log.warn(warning);
        }
        let exec_env = self.inputs.context.exec_env.as_ref();
        let replaced = self.processes.add(output.processes, exec_env);
        if !replaced.is_empty() {
            self.log.warn(&format!(
                "redefining the following default process types with processes not marked as default: [{}]",
                replaced.join(", ")
            ));
        }
        self.metadata.buildpacks.push(listed);
        self.metadata.labels.extend(output.labels);
        self.metadata.slices.extend(output.slices);
        self.launch_bom.extend(output.launch_bom);
        self.build_bom.extend(output.build_bom);
    }

    fn finish(self) -> Result<BuildMetadata, BuildError> {
        let mut metadata = self.metadata;
        let (processes, default) = self.processes.finish(self.inputs.command_form);
        metadata.processes = processes;
        metadata.buildpack_default_process_type = default;
        match self.inputs.legacy_bom {
            LegacyBom::Label => metadata.bom = self.launch_bom,
            LegacyBom::File => {
                bom::write(&self.inputs.layers_dir, "launch", &self.launch_bom)?;
                bom::write(&self.inputs.layers_dir, "build", &self.build_bom)?;
            }
        }
        for process in &metadata.processes {
            self.log.debug(&format!(
                "Process {}: {} {}",
                process.r#type,
                process.command.join(" "),
                process.args.join(" ")
            ));
        }
        Ok(metadata)
    }
}
