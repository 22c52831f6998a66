//! Which phase runs with which command line, sees which directories, and has which variables.
use super::{builder_image::BuilderImage, destination::Destination, phase::Phase};
use crate::{
    arguments::BuildArguments, environment, files, local::BuildArea, stores::Stores, volume::Volume,
};
use anyhow::Result;
use std::{
    fs,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};
use wharf_sandbox::{BindAccess, Root, Sandbox, Stacking};
use wharf_spec::{
    api::RunImageSource,
    encode::toml_text,
    env_var,
    files::{
        run::{RunImageMetadata, RunImages},
        stack::Stack,
    },
    paths,
    reference::Reference,
};

const CACHE_DIR: &str = "/cache";
const LAYOUT_DIR: &str = "/layout-repo";
/// Seen by the exporter alone, so that what is read here afterwards is nobody else's.
const REPORT_DIR: &str = "/run/wharf/report";
const REPORT: &str = "report.toml";
/// The run image of the command line.
const RUN_DEFINITION: &str = "/run/wharf/run.toml";
/// The host's certificate authorities, which the phases that talk to registries trust as we do.
const CERTIFICATES: &str = "/run/wharf/certificates.pem";

/// The directories that phases have in common.
#[derive(Debug)]
pub(crate) struct Directories {
    pub(crate) app: PathBuf,
    pub(crate) platform: PathBuf,
    layers: PathBuf,
    report: PathBuf,
    cache: PathBuf,
    layouts: Option<PathBuf>,
}

impl Directories {
    /// Makes them in `area`.
    pub(crate) fn make(
        area: &BuildArea,
        cache: PathBuf,
        destination: &Destination,
    ) -> Result<Self> {
        Ok(Self {
            app: area.directory("workspace")?,
            platform: area.directory("platform")?,
            layers: area.directory("layers")?,
            report: area.directory("report")?,
            cache,
            layouts: destination.layouts().cloned(),
        })
    }

    /// `report.toml` of the exporter.
    pub(crate) fn report(&self) -> PathBuf {
        self.report.join(REPORT)
    }
}

/// Everything that decides about the phases.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) arguments: &'a BuildArguments,
    pub(crate) builder: &'a BuilderImage,
    pub(crate) destination: &'a Destination,
    pub(crate) directories: &'a Directories,
    pub(crate) run_image: Option<&'a Reference>,
    pub(crate) stores: &'a Stores,
    pub(crate) area: &'a BuildArea,
}

/// A phase as a row of the plan.
struct Row {
    name: &'static str,
    title: &'static str,
    /// Whether it reads and writes images. Such a phase has credentials and runs nobody's code but ours; another has
    /// none and may.
    images: bool,
    binds: Vec<(PathBuf, &'static str, BindAccess)>,
    arguments: Vec<String>,
}

impl Plan<'_> {
    /// The phases in their order.
    pub(crate) fn phases(&self) -> Result<Vec<Phase>> {
        let rows = [
            self.analyze(),
            self.detect(),
            self.restore(),
            self.build(),
            self.export(),
        ];
        rows.into_iter().map(|row| self.phase(row)).collect()
    }

    fn analyze(&self) -> Row {
        let mut arguments = words(["-layers", paths::LAYERS_DIR]);
        if let Some(run_image) = self.run_image {
            arguments.extend(words(["-run-image", &run_image.to_string()]));
        }
        if let Some(previous) = self.destination.previous_reference() {
            arguments.extend(words(["-previous-image", &previous.to_string()]));
        }
        arguments.extend(self.run_definition());
        for tag in self.destination.tags.iter().skip(1) {
            arguments.extend(words(["-tag", &tag.to_string()]));
        }
        arguments.extend(self.image_arguments());
        arguments.extend(self.destination.tags.first().map(ToString::to_string));
        Row {
            name: "analyzer",
            title: "ANALYZING",
            images: true,
            // Only a look whether the image can be written, but one that a read-only mount would belie.
            binds: self.layers(BindAccess::ReadWrite),
            arguments,
        }
    }

    fn detect(&self) -> Row {
        Row {
            name: "detector",
            title: "DETECTING",
            images: false,
            binds: self.source(BindAccess::ReadWrite),
            arguments: source_arguments(),
        }
    }

    fn restore(&self) -> Row {
        let mut arguments = words(["-layers", paths::LAYERS_DIR, "-cache-dir", CACHE_DIR]);
        let api = self.builder.platform_api.features();
        if api.restore_resolves_mirrors {
            arguments.extend(self.run_definition());
        }
        arguments.extend(self.image_arguments());
        let mut binds = self.layers(BindAccess::ReadOnly);
        binds.push(self.cache());
        Row {
            name: "restorer",
            title: "RESTORING",
            images: true,
            binds,
            arguments,
        }
    }

    fn build(&self) -> Row {
        Row {
            name: "builder",
            title: "BUILDING",
            images: false,
            binds: self.source(BindAccess::ReadWrite),
            arguments: source_arguments(),
        }
    }

    fn export(&self) -> Row {
        let report = format!("{REPORT_DIR}/{REPORT}");
        let mut arguments = words([
            "-app",
            paths::APP_DIR,
            "-layers",
            paths::LAYERS_DIR,
            "-cache-dir",
            CACHE_DIR,
            "-report",
            &report,
        ]);
        if let Some(process) = &self.arguments.default_process {
            arguments.extend(words(["-process-type", process]));
        }
        arguments.extend(self.run_definition());
        arguments.extend(self.image_arguments());
        arguments.extend(self.destination.tags.iter().map(ToString::to_string));
        let app = self.directories.app.clone();
        let mut binds = self.layers(BindAccess::ReadWrite);
        binds.push(self.cache());
        binds.push((app, paths::APP_DIR, BindAccess::ReadOnly));
        let report = self.directories.report.clone();
        binds.push((report, REPORT_DIR, BindAccess::ReadWrite));
        Row {
            name: "exporter",
            title: "EXPORTING",
            images: true,
            binds,
            arguments,
        }
    }

    /// The run image of the command line as the definition of run images. Without it the image would record the
    /// builder's run image, and be rebased onto that one day.
    fn run_definition(&self) -> Vec<String> {
        let flag = match self.builder.platform_api.features().run_image_source {
            RunImageSource::RunToml => "-run",
            RunImageSource::StackToml => "-stack",
        };
        if self.arguments.run_image.is_some() {
            words([flag, RUN_DEFINITION])
        } else {
            Vec::new()
        }
    }

    /// Writes what [`Plan::run_definition`] names.
    fn write_run_definition(&self, path: &Path) -> Result<()> {
        let image = self.run_image.map(ToString::to_string).unwrap_or_default();
        let run_image = RunImageMetadata {
            image,
            mirrors: Vec::new(),
        };
        let text = match self.builder.platform_api.features().run_image_source {
            RunImageSource::RunToml => toml_text(&RunImages {
                images: vec![run_image],
            }),
            RunImageSource::StackToml => toml_text(&Stack { run_image }),
        };
        files::write(path, text?.as_bytes())
    }

    /// Flags of the phases that read or write images.
    fn image_arguments(&self) -> Vec<String> {
        let user = self.builder.user;
        let mut arguments = words(["-uid", &user.uid.to_string(), "-gid", &user.gid.to_string()]);
        if self.directories.layouts.is_some() {
            arguments.extend(words(["-layout", "-layout-dir", LAYOUT_DIR]));
        }
        if self.builder.platform_api.features().insecure_registries {
            for registry in self.stores.insecure() {
                arguments.extend(words(["-insecure-registry", registry]));
            }
        }
        arguments
    }

    fn layers(&self, layouts: BindAccess) -> Vec<(PathBuf, &'static str, BindAccess)> {
        let layers = self.directories.layers.clone();
        let mut binds = vec![(layers, paths::LAYERS_DIR, BindAccess::ReadWrite)];
        if let Some(dir) = &self.directories.layouts {
            binds.push((dir.clone(), LAYOUT_DIR, layouts));
        }
        binds
    }

    fn cache(&self) -> (PathBuf, &'static str, BindAccess) {
        (
            self.directories.cache.clone(),
            CACHE_DIR,
            BindAccess::ReadWrite,
        )
    }

    /// What the phases see that run buildpacks.
    fn source(&self, app: BindAccess) -> Vec<(PathBuf, &'static str, BindAccess)> {
        let directories = self.directories;
        vec![
            (
                directories.layers.clone(),
                paths::LAYERS_DIR,
                BindAccess::ReadWrite,
            ),
            (directories.app.clone(), paths::APP_DIR, app),
            (
                directories.platform.clone(),
                paths::PLATFORM_DIR,
                BindAccess::ReadOnly,
            ),
        ]
    }

    fn phase(&self, row: Row) -> Result<Phase> {
        let root = Root {
            lower: self.builder.root.clone(),
            scratch: self.area.directory(row.name)?,
            stacking: Stacking::Overlay,
        };
        let mut sandbox = Sandbox::new(root, self.builder.user);
        sandbox.hostname = "wharf".into();
        sandbox.working_dir = if row.images {
            paths::LAYERS_DIR.into()
        } else {
            paths::APP_DIR.into()
        };
        for (source, target, access) in row.binds {
            sandbox = sandbox.bind(source, target, access);
        }
        if !row.images {
            for Volume {
                source,
                target,
                access,
            } in &self.arguments.volume
            {
                sandbox = sandbox.bind(source, target, *access);
            }
        }
        for (name, value) in self.variables() {
            sandbox = sandbox.variable(name, value);
        }
        if row.images && self.arguments.run_image.is_some() {
            let path = self.area.path().join("run.toml");
            self.write_run_definition(&path)?;
            sandbox = sandbox.bind(path, RUN_DEFINITION, BindAccess::ReadOnly);
        }
        if row.images {
            sandbox = self.with_registry_access(sandbox)?;
        }
        let mut arguments = self.log_level();
        arguments.extend(row.arguments);
        Ok(Phase {
            name: row.name,
            title: row.title,
            sandbox,
            arguments,
        })
    }

    fn log_level(&self) -> Vec<String> {
        if self.arguments.verbose {
            words(["-log-level", "debug"])
        } else {
            Vec::new()
        }
    }

    /// Variables of every phase.
    fn variables(&self) -> Vec<(String, String)> {
        let mut variables = self.builder.environment();
        let mut set = |name: &str, value: String| {
            variables.retain(|(other, _)| other != name);
            variables.push((name.to_owned(), value));
        };
        set(env_var::PLATFORM_API, self.builder.platform_api.to_string());
        if self.directories.layouts.is_some() {
            set(env_var::EXPERIMENTAL_MODE, "quiet".into());
        }
        if !io::stdout().is_terminal() || environment::variable("NO_COLOR").is_some() {
            set(env_var::NO_COLOR, "true".into());
        }
        if let Some(epoch) = environment::text(env_var::SOURCE_DATE_EPOCH) {
            set(env_var::SOURCE_DATE_EPOCH, epoch);
        }
        for (name, value) in environment::proxies() {
            set(name, value);
        }
        let own = [
            env_var::HARBOR,
            env_var::TAG_RACE,
            env_var::TRUSTED_REALMS,
            env_var::UPLOAD_CHUNK_SIZE,
            env_var::TRANSFER_TIMEOUT,
        ];
        for name in own {
            if let Some(value) = environment::text(name) {
                set(name, value);
            }
        }
        if self.arguments.prune_previous {
            set(env_var::PRUNE_PREVIOUS, "true".into());
        }
        variables
    }

    /// Adds credentials and certificate authorities.
    fn with_registry_access(&self, sandbox: Sandbox) -> Result<Sandbox> {
        if self.directories.layouts.is_some() {
            return Ok(sandbox);
        }
        let mut references = self.destination.tags.clone();
        references.extend(self.run_image.cloned());
        references.extend(self.destination.previous_reference().cloned());
        for image in &self.builder.run_images {
            let names = [&image.image].into_iter().chain(&image.mirrors);
            references.extend(names.filter_map(|name| name.parse().ok()));
        }
        let credentials = self.stores.credentials(&references)?;
        let sandbox = match credentials.registry_auth() {
            Some(auth) => sandbox.variable(env_var::REGISTRY_AUTH, auth),
            None => sandbox,
        };
        let Some(bundle) = environment::certificate_bundle() else {
            return Ok(sandbox);
        };
        // Bound by a copy: what is bound must belong to the caller or be readable by everybody.
        let copy = self.area.path().join("certificates.pem");
        fs::copy(&bundle, &copy)?;
        Ok(sandbox
            .bind(copy, CERTIFICATES, BindAccess::ReadOnly)
            .variable("SSL_CERT_FILE", CERTIFICATES))
    }
}

fn source_arguments() -> Vec<String> {
    words([
        "-app",
        paths::APP_DIR,
        "-layers",
        paths::LAYERS_DIR,
        "-platform",
        paths::PLATFORM_DIR,
    ])
}

fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    words.into_iter().map(ToOwned::to_owned).collect()
}
