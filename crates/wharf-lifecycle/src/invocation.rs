//! One invocation from arguments to exit status. The order of steps is the reference's: Platform API, flags, version,
//! console, inputs, privileges, phase.
use crate::{
    console::{Console, Sinks},
    environment::Environment,
    exit::{Failure, chain},
    flags::{self, Asked, RawInputs},
    inputs::{
        Analyze, Build, CacheChoice, Common, Detect, Export, Ids, Images, InputError, Rebase,
        Resolver, Restore, Surroundings, check_positionals, warn_of_dashes,
    },
    interrupt::Interrupt,
    phase::Phase,
    phases::{self, create::Create},
    privileges::{Demand, Prepared, prepare},
    session::{Session, Stores},
    version,
};
use std::{
    ffi::OsString,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};
use wharf_spec::{api::PlatformApi, env_var, log::Log, reference::Reference};

pub(crate) fn run(
    name: &str,
    arguments: Vec<OsString>,
    environment: Environment,
    interrupt: &Interrupt,
) -> u8 {
    let result = begin(name, arguments, environment, interrupt);
    let status = match result {
        Ok(()) => 0,
        Err(failure) => failure.exit_code().code(),
    };
    interrupt.status().unwrap_or(status)
}

/// Up to the console; failures are shown here, as only here it is known how.
fn begin(
    name: &str,
    arguments: Vec<OsString>,
    environment: Environment,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let show = |failure: Failure| {
        Console::plain().error(&format!("failed to {}", chain(&failure)));
        failure
    };
    let arguments = texts(arguments).map_err(show)?;
    if Phase::of_executable(name).is_none()
        && arguments.first().is_some_and(|one| one == "-version")
    {
        say_version();
        return Ok(());
    }
    let api = platform_api(&environment).map_err(show)?;
    let (phase, arguments) = choose(name, arguments).map_err(show)?;
    let (api, warning) = match api {
        Some(api) => (api, None),
        None => (PlatformApi::DEFAULT, Some(unset_warning())),
    };
    let rows = flags::flags_of(phase, api);
    let parsed = match flags::parse(&rows, &arguments) {
        Ok(Asked::Run(parsed)) => parsed,
        Ok(Asked::Version) => {
            say_version();
            return Ok(());
        }
        Ok(Asked::Help) => {
            say_usage("", phase, &rows);
            return Ok(());
        }
        Err(error) => {
            say_usage(&format!("{error}\n"), phase, &rows);
            return Err(Failure::Usage(error));
        }
    };
    let raw = RawInputs::new(phase, api, environment, parsed);
    let common = Common::resolve(&raw).map_err(|error| show(Failure::Inputs(error)))?;
    let console = Console::new(Sinks::standard(), common.threshold, common.colour);
    let console = Arc::new(console);
    let dashes = warn_of_dashes(raw.positionals());
    for text in warning.into_iter().chain(dashes) {
        console.warn(&text);
    }
    run_phase(&raw, &console, interrupt).inspect_err(|failure| {
        console.error(&format!("failed to {}", chain(failure)));
    })
}

fn texts(arguments: Vec<OsString>) -> Result<Vec<String>, Failure> {
    arguments
        .into_iter()
        .enumerate()
        .map(|(index, argument)| {
            argument
                .into_string()
                .map_err(|_| Failure::NotText(index + 1))
        })
        .collect()
}

/// `None` when the platform does not say.
fn platform_api(environment: &Environment) -> Result<Option<PlatformApi>, Failure> {
    let text = environment
        .text(env_var::PLATFORM_API)
        .map_err(Failure::PlatformApiText)?;
    text.map(|text| text.trim().parse())
        .transpose()
        .map_err(Failure::PlatformApi)
}

fn unset_warning() -> String {
    format!(
        "CNB_PLATFORM_API is not set, using Platform API {}; please set 'CNB_PLATFORM_API' to the version the platform speaks",
        PlatformApi::DEFAULT
    )
}

fn choose(name: &str, mut arguments: Vec<String>) -> Result<(Phase, Vec<String>), Failure> {
    if let Some(phase) = Phase::of_executable(name) {
        return Ok((phase, arguments));
    }
    if arguments.is_empty() {
        return Err(Failure::NoPhase);
    }
    let verb = arguments.remove(0);
    match Phase::of_verb(&verb) {
        Some(phase) => Ok((phase, arguments)),
        None => Err(Failure::UnknownPhase { phase: verb }),
    }
}

fn say_version() {
    let _ = writeln!(io::stdout(), "{}", version::text());
}

fn say_usage(before: &str, phase: Phase, rows: &[&'static flags::Row]) {
    let _ = write!(io::stderr(), "{before}{}", flags::usage(phase, rows));
}

/// An invocation whose command line is understood.
struct Run<'a> {
    raw: &'a RawInputs,
    ids: Ids,
    console: &'a Arc<Console>,
    interrupt: &'a Interrupt,
}

fn run_phase(
    raw: &RawInputs,
    console: &Arc<Console>,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    if raw.phase == Phase::Extend {
        return Err(Failure::Extend);
    }
    check_positionals(raw.phase, raw.positionals()).map_err(Failure::Arguments)?;
    let run = Run {
        raw,
        ids: Ids::resolve(raw).map_err(|error| Failure::Inputs(InputError::Value(error)))?,
        console,
        interrupt,
    };
    run.phase()
}

impl Run<'_> {
    fn phase(&self) -> Result<(), Failure> {
        let surroundings = surroundings();
        let resolver = Resolver {
            raw: self.raw,
            surroundings: &surroundings,
        };
        match self.raw.phase {
            Phase::Analyze => self.analyze(&resolver),
            Phase::Detect => self.detect(&resolver),
            Phase::Restore => self.restore(&resolver),
            Phase::Build => self.build(&resolver),
            Phase::Export => self.export(&resolver),
            Phase::Create => self.create(&resolver),
            Phase::Rebase => self.rebase(&resolver),
            Phase::Extend => Err(Failure::Extend),
        }
    }

    fn analyze(&self, resolver: &Resolver<'_>) -> Result<(), Failure> {
        let images = self.images(resolver)?;
        let inputs = Analyze::resolve(resolver).map_err(Failure::Inputs)?;
        let run_images = phases::analyze::load(&inputs)?;
        let references = phases::analyze::references(&inputs, &run_images);
        let directories = phases::analyze::directories(&inputs);
        let prepared = self.prepare(inputs, resolver, (&images, references, directories))?;
        let (inputs, session, stores) = self.connect(prepared, &images)?;
        let done = phases::analyze::run(&inputs, &run_images, &session, &stores);
        session.tell_work(&stores);
        done.map(drop)
    }

    fn detect(&self, resolver: &Resolver<'_>) -> Result<(), Failure> {
        let inputs = Detect::resolve(resolver).map_err(Failure::Inputs)?;
        let prepared = self.prepare_hermetic(inputs)?;
        let loaded = phases::detect::load(&prepared.inputs)?;
        let analyzed = phases::detect::analyzed(&prepared.inputs)?;
        let (inputs, mut session) = self.session(prepared);
        self.make_temporary(&mut session)?;
        phases::detect::run(&inputs, loaded, &session, &analyzed).map(drop)
    }

    fn restore(&self, resolver: &Resolver<'_>) -> Result<(), Failure> {
        let images = self.images(resolver)?;
        let inputs = Restore::resolve(resolver).map_err(Failure::Inputs)?;
        let loaded = phases::restore::load(&inputs)?;
        let references = phases::restore::references(&inputs, &loaded);
        let directories = phases::restore::directories(&inputs);
        let prepared = self.prepare(inputs, resolver, (&images, references, directories))?;
        let (inputs, session, stores) = self.connect(prepared, &images)?;
        let done = phases::restore::run(&inputs, &loaded, &session, &stores);
        session.tell_work(&stores);
        done.map(drop)
    }

    fn build(&self, resolver: &Resolver<'_>) -> Result<(), Failure> {
        let inputs = Build::resolve(resolver).map_err(Failure::Inputs)?;
        let prepared = self.prepare_hermetic(inputs)?;
        let loaded = phases::build::load(&prepared.inputs)?;
        let (inputs, mut session) = self.session(prepared);
        self.make_temporary(&mut session)?;
        phases::build::run(&inputs, loaded, &session).map(drop)
    }

    fn export(&self, resolver: &Resolver<'_>) -> Result<(), Failure> {
        let images = self.images(resolver)?;
        let inputs = Export::resolve(resolver).map_err(Failure::Inputs)?;
        let loaded = phases::export::load(&inputs)?;
        let left = phases::export::load_left(&inputs)?;
        phases::export::check_run_image(&inputs, &loaded, &left)?;
        let references = phases::export::references(&inputs, &left);
        let directories = phases::export::directories(&inputs);
        let prepared = self.prepare(inputs, resolver, (&images, references, directories))?;
        let (inputs, mut session, stores) = self.connect(prepared, &images)?;
        session.compression = inputs.compression;
        self.make_temporary(&mut session)?;
        let done = phases::export::run(&inputs, loaded, &left, &session, &stores);
        session.tell_work(&stores);
        done
    }

    fn create(&self, resolver: &Resolver<'_>) -> Result<(), Failure> {
        let images = self.images(resolver)?;
        let inputs = Create::resolve(resolver).map_err(Failure::Inputs)?;
        let loaded = phases::create::load(&inputs)?;
        let references = phases::create::references(&inputs, &loaded);
        let directories = inputs.directories();
        let prepared = self.prepare(inputs, resolver, (&images, references, directories))?;
        let (inputs, mut session, stores) = self.connect(prepared, &images)?;
        session.compression = inputs.export.compression;
        self.make_temporary(&mut session)?;
        let done = phases::create::run(&inputs, loaded, &session, &stores);
        session.tell_work(&stores);
        done
    }

    fn rebase(&self, resolver: &Resolver<'_>) -> Result<(), Failure> {
        let images = self.images(resolver)?;
        let inputs = Rebase::resolve(resolver).map_err(Failure::Inputs)?;
        let mut references = inputs.references();
        // Which registries the recorded run images are in, the app image says.
        let early = match &inputs.run_image {
            Some(_) => None,
            None => self.open_early(&inputs, &images),
        };
        if let Some(stores) = &early {
            let store = stores.images.as_ref();
            let platform = crate::session::platform();
            let recorded = phases::rebase::recorded_run_images(&inputs, store, &platform);
            references.extend(recorded);
        }
        let prepared = self.prepare(inputs, resolver, (&images, references, Vec::new()))?;
        let (inputs, mut session, stores) = match early {
            Some(stores) => {
                stores.caches.add_credentials(prepared.credentials.clone());
                let (inputs, session) = self.session(prepared);
                (inputs, session, stores)
            }
            None => self.connect(prepared, &images)?,
        };
        session.layout.clone_from(&images.layout);
        self.make_temporary(&mut session)?;
        let done = phases::rebase::run(&inputs, &session, &stores);
        session.tell_work(&stores);
        done
    }

    /// The stores before the process is prepared; what fails now is for the phase to report.
    fn open_early(&self, inputs: &Rebase, images: &Images) -> Option<Stores> {
        let environment = &self.raw.environment;
        let credentials = crate::credentials::resolve(environment, &inputs.references()).ok()?;
        let stores = Stores::open(images, environment, credentials, self.console).ok()?;
        self.interrupt.cancel_uploads_at_end(&stores.caches);
        Some(stores)
    }

    fn images(&self, resolver: &Resolver<'_>) -> Result<Images, Failure> {
        let images = Images::resolve(resolver).map_err(Failure::Inputs)?;
        for warning in &images.warnings {
            self.console.warn(warning);
        }
        Ok(images)
    }

    /// For phases that touch images.
    fn prepare<I>(
        &self,
        inputs: I,
        resolver: &Resolver<'_>,
        (images, references, directories): (&Images, Vec<Reference>, Vec<PathBuf>),
    ) -> Result<Prepared<I>, Failure> {
        let references = match images.layout {
            None => references,
            // Only a cache image is in a registry.
            Some(_) => CacheChoice::resolve(resolver)
                .map_err(Failure::Inputs)?
                .image()
                .cloned()
                .into_iter()
                .collect(),
        };
        self.prepare_for(inputs, references, directories)
    }

    /// For phases that touch none.
    fn prepare_hermetic<I>(&self, inputs: I) -> Result<Prepared<I>, Failure> {
        if self.raw.environment.value(env_var::REGISTRY_AUTH).is_some() {
            self.console.warn(&format!(
                "CNB_REGISTRY_AUTH is set, but the {} needs no credentials; buildpacks are not given it",
                self.raw.phase
            ));
        }
        self.prepare_for(inputs, Vec::new(), Vec::new())
    }

    fn prepare_for<I>(
        &self,
        inputs: I,
        references: Vec<Reference>,
        directories: Vec<PathBuf>,
    ) -> Result<Prepared<I>, Failure> {
        let phase = self.raw.phase;
        let demand = Demand {
            phase,
            ids: self.ids,
            references,
            directories,
        };
        let prepared = prepare(inputs, &demand, self.raw.environment.clone())
            .map_err(|error| Failure::Privileges(phase, error))?;
        for warning in &prepared.warnings {
            self.console.warn(warning);
        }
        self.interrupt.listen();
        Ok(prepared)
    }

    fn session<I>(&self, prepared: Prepared<I>) -> (I, Session<'_>) {
        let session = Session::new(
            (self.console, self.interrupt),
            self.raw.api,
            prepared.environment,
            prepared.owner,
        );
        (prepared.inputs, session)
    }

    fn connect<I>(
        &self,
        prepared: Prepared<I>,
        images: &Images,
    ) -> Result<(I, Session<'_>, Stores), Failure> {
        let credentials = prepared.credentials.clone();
        let (inputs, mut session) = self.session(prepared);
        session.layout.clone_from(&images.layout);
        let stores = Stores::open(images, &session.environment, credentials, self.console)
            .map_err(|error| Failure::Session(self.raw.phase, error))?;
        self.interrupt.cancel_uploads_at_end(&stores.caches);
        Ok((inputs, session, stores))
    }

    fn make_temporary(&self, session: &mut Session<'_>) -> Result<(), Failure> {
        session
            .make_temporary()
            .map_err(|error| Failure::Session(self.raw.phase, error))
    }
}

fn surroundings() -> Surroundings {
    Surroundings {
        // Only relative paths need it.
        working_dir: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
        exists: Path::exists,
    }
}
