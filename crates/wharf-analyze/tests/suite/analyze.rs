//! Analyses end to end, on a strict store in memory.
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use wharf_analyze::{AnalyzeError, AnalyzeInputs, RunImageInput, Stores, analyze};
use wharf_image::{Access, Image, ImageStore};
use wharf_spec::{
    api::{BaseContract, PlatformApi},
    files::{analyzed::Analyzed, run::RunImageMetadata},
    labels::lifecycle::LifecycleMetadata,
    log::Level,
    reference::Reference,
    target::{Distro, Target},
};
use wharf_testkit::{ImageRecipe, MemoryStore, RecordingLog, chain, image_recipe::platform};

fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

fn inputs(layers_dir: &Path) -> AnalyzeInputs {
    AnalyzeInputs {
        output: reference("r.example/app"),
        additional_tags: Vec::new(),
        previous_image: reference("r.example/app"),
        cache_image: None,
        run_image: RunImageInput::Named(reference("r.example/run:1")),
        platform: platform("linux", "amd64"),
        layers_dir: layers_dir.to_owned(),
        restore_sbom: true,
        base_contract: BaseContract::Target,
    }
}

fn run_image() -> ImageRecipe {
    ImageRecipe::new()
        .layer(&[("/etc/os", b"os", 0o644)])
        .label("io.buildpacks.base.id", "some.id")
        .label("io.buildpacks.base.distro.name", "debian")
        .label("io.buildpacks.base.distro.version", "12")
}

fn store() -> MemoryStore {
    let store = MemoryStore::new();
    run_image().push(&store, &[&reference("r.example/run:1")]);
    store
}

fn run(
    inputs: &AnalyzeInputs,
    store: &MemoryStore,
) -> (Result<Analyzed, AnalyzeError>, RecordingLog) {
    let log = RecordingLog::new();
    let stores = Stores {
        images: store,
        caches: store,
    };
    (analyze(inputs, stores, &log), log)
}

fn failure(inputs: &AnalyzeInputs, store: &MemoryStore) -> String {
    chain(&run(inputs, store).0.unwrap_err())
}

/// An app whose SBOM layer was made with layers directory `there`.
fn previous(store: &MemoryStore, there: &str, files: &[(&str, &[u8], u32)]) -> Image {
    let recipe = run_image().layer(files).env("CNB_LAYERS_DIR", there);
    let sbom = recipe.build().image.top_layer().unwrap();
    recipe
        .label(
            "io.buildpacks.lifecycle.metadata",
            &format!(r#"{{"sbom":{{"sha":"{sbom}"}}}}"#),
        )
        .push(store, &[&reference("r.example/app")])
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn describes_the_run_image_and_says_that_there_is_no_previous_image() {
    for api in PlatformApi::ALL {
        let layers = TempDir::new().unwrap();
        let store = store();
        let contract = api.features().base_contract;
        let inputs = AnalyzeInputs {
            base_contract: contract,
            ..inputs(layers.path())
        };
        let (analyzed, log) = run(&inputs, &store);
        let analyzed = analyzed.unwrap();
        let image = store.find(&reference("r.example/run:1"), &inputs.platform);
        let digest = image.unwrap().unwrap().digest();
        let run_image = analyzed.run_image.clone().unwrap();
        assert_eq!(run_image.reference, format!("r.example/run@{digest}"));
        let target = Target {
            id: "some.id".into(),
            os: "linux".into(),
            arch: "amd64".into(),
            arch_variant: String::new(),
            distro: Some(Distro {
                name: "debian".into(),
                version: "12".into(),
            }),
        };
        match contract {
            BaseContract::Target => {
                assert_eq!(run_image.image, "r.example/run:1");
                assert_eq!(run_image.target, Some(target));
            }
            BaseContract::Stack => {
                assert_eq!((run_image.image, run_image.target), (String::new(), None));
            }
        }
        assert_eq!(analyzed.previous_reference(), None);
        assert_eq!(analyzed.metadata, Some(LifecycleMetadata::default()));
        assert_eq!(
            log.lines(Level::Info),
            ["Image with name \"r.example/app\" not found"]
        );
        assert!(!layers.path().join("sbom").exists());
    }
}

#[test]
fn describes_the_previous_image_and_restores_its_sbom_into_this_layers_directory() {
    let layers = TempDir::new().unwrap();
    let store = store();
    let image = previous(
        &store,
        "/elsewhere",
        &[
            (
                "/elsewhere/sbom/launch/some_bp/sbom.cdx.json",
                b"app",
                0o644,
            ),
            (
                "/elsewhere/sbom/launch/some_bp/x/sbom.cdx.json",
                b"layer",
                0o644,
            ),
        ],
    );
    let (analyzed, log) = run(&inputs(layers.path()), &store);
    let analyzed = analyzed.unwrap();
    assert_eq!(
        analyzed.previous_reference(),
        Some(format!("r.example/app@{}", image.digest()).as_str())
    );
    assert_eq!(
        analyzed.metadata.unwrap().sbom.unwrap().diff_id(),
        image.top_layer()
    );
    assert_eq!(
        log.lines(Level::Info),
        ["Restoring data for SBOM from previous image"]
    );
    let launch = layers.path().join("sbom/launch");
    assert_eq!(
        fs::read(launch.join("some_bp/x/sbom.cdx.json")).unwrap(),
        b"layer"
    );
    assert_eq!(names(&layers.path().join("sbom")), ["launch"]);
    // Once more, over what is there.
    run(&inputs(layers.path()), &store).0.unwrap();
    assert_eq!(names(&launch), ["some_bp"]);
}

#[test]
fn the_sbom_stays_where_it_is_when_layers_are_skipped() {
    let layers = TempDir::new().unwrap();
    let store = store();
    previous(&store, "/layers", &[("/layers/sbom/launch/x", b"x", 0o644)]);
    let inputs = AnalyzeInputs {
        restore_sbom: false,
        ..inputs(layers.path())
    };
    run(&inputs, &store).0.unwrap();
    assert_eq!(names(layers.path()), Vec::<String>::new());
    assert_eq!(store.counts().blob_reads, 0);
}

#[test]
fn an_sbom_that_leaves_its_place_is_refused_and_nothing_of_it_stays() {
    let layers = TempDir::new().unwrap();
    let store = store();
    let files: [(&str, &[u8], u32); 2] = [
        ("/layers/sbom/launch/fine", b"x", 0o644),
        ("/layers/evil/bin/build", b"x", 0o755),
    ];
    previous(&store, "/layers", &files);
    let text = failure(&inputs(layers.path()), &store);
    assert!(
        text.starts_with("restore SBOM of previous image 'r.example/app'; -skip-layers builds without it: entry '/layers/evil"),
        "{text}"
    );
    assert_eq!(names(&layers.path().join("sbom")), Vec::<String>::new());
    assert_eq!(names(layers.path()), ["sbom"]);
}

#[test]
fn a_label_that_cannot_be_understood_costs_a_warning() {
    let layers = TempDir::new().unwrap();
    let oversized = format!("\"{}\"", "x".repeat(5 << 20));
    for label in ["{", "7", r#"{"app":7}"#, &oversized] {
        let store = store();
        run_image()
            .label("io.buildpacks.lifecycle.metadata", label)
            .push(&store, &[&reference("r.example/app")]);
        let (analyzed, log) = run(&inputs(layers.path()), &store);
        let analyzed = analyzed.unwrap();
        assert!(analyzed.previous_reference().is_some());
        assert_eq!(analyzed.metadata, Some(LifecycleMetadata::default()));
        let warnings = log.lines(Level::Warn);
        assert_eq!(warnings.len(), 1);
        assert!(
            warnings[0].starts_with(
                "Label 'io.buildpacks.lifecycle.metadata' of 'r.example/app' is ignored: "
            ),
            "{warnings:?}"
        );
    }
}

#[test]
fn a_previous_image_for_another_platform_is_not_used() {
    let layers = TempDir::new().unwrap();
    let store = store();
    run_image()
        .platform("linux", "arm64", None)
        .push(&store, &[&reference("r.example/app")]);
    let (analyzed, log) = run(&inputs(layers.path()), &store);
    assert_eq!(analyzed.unwrap().previous_reference(), None);
    assert_eq!(log.lines(Level::Warn).len(), 1);
}

#[test]
fn every_image_is_checked_once_per_repository() {
    let layers = TempDir::new().unwrap();
    let all = AnalyzeInputs {
        additional_tags: vec![reference("r.example/app:2"), reference("r.example/tag")],
        previous_image: reference("r.example/before"),
        cache_image: Some(reference("cache.example/cache")),
        ..inputs(layers.path())
    };
    let denied = [
        ("r.example/app", Access::Write, "read/write"),
        ("r.example/tag", Access::Write, "read/write"),
        ("r.example/before", Access::Read, "read"),
        ("cache.example/cache", Access::Write, "read/write"),
        ("cache.example/cache", Access::Read, "read"),
    ];
    for (image, access, expected) in denied {
        let store = store();
        store.deny(&reference(image), access);
        let text = failure(&all, &store);
        let start = format!("ensure registry {expected} access to {image}: ");
        assert!(text.starts_with(&start), "{text}");
    }
    let store = store();
    run(&all, &store).0.unwrap();
    // Read and write for each of three repositories; the previous image is read anyway.
    assert_eq!(store.counts().access_checks, 6);
}

#[test]
fn the_cache_image_may_live_elsewhere_than_the_images_of_the_build() {
    let layers = TempDir::new().unwrap();
    let (images, caches) = (store(), MemoryStore::new());
    let cache = reference("r.example/app:cache");
    let inputs = AnalyzeInputs {
        cache_image: Some(cache.clone()),
        ..inputs(layers.path())
    };
    let analyzed = || {
        let stores = Stores {
            images: &images,
            caches: &caches,
        };
        analyze(&inputs, stores, &RecordingLog::new())
    };
    analyzed().unwrap();
    assert_eq!(caches.counts().access_checks, 2);
    caches.deny(&cache, Access::Write);
    let text = chain(&analyzed().unwrap_err());
    let start = "ensure registry read/write access to r.example/app:cache: ";
    assert!(text.starts_with(start), "{text}");
}

#[test]
fn tags_on_two_registries_are_an_error_of_their_own() {
    let inputs = AnalyzeInputs {
        additional_tags: vec![reference("s.example/app")],
        ..inputs(&PathBuf::from("/nowhere"))
    };
    let error = run(&inputs, &store()).0.unwrap_err();
    assert!(matches!(error, AnalyzeError::MultipleRegistries { .. }));
    assert_eq!(
        chain(&error),
        "write 's.example/app' and 'r.example/app': writing to multiple registries is unsupported"
    );
}

fn candidates(image: &str, mirrors: &[&str]) -> RunImageInput {
    RunImageInput::Candidates(RunImageMetadata {
        image: image.into(),
        mirrors: mirrors.iter().map(|name| (*name).into()).collect(),
    })
}

#[test]
fn the_best_readable_name_of_the_run_image_is_taken() {
    let layers = TempDir::new().unwrap();
    let chosen = |run_image: RunImageInput, store: &MemoryStore| {
        let inputs = AnalyzeInputs {
            run_image,
            ..inputs(layers.path())
        };
        let analyzed = run(&inputs, store).0;
        analyzed.map(|analyzed| analyzed.run_image.unwrap().image)
    };
    let store = store();
    run_image().push(&store, &[&reference("o.example/run")]);
    store.reset_counts();
    let near = candidates("o.example/run", &["r.example/run:1"]);
    assert_eq!(chosen(near.clone(), &store).unwrap(), "r.example/run:1");
    // The run image that was found readable is not read again; the other one is the previous image.
    assert_eq!(store.counts().finds, 2);
    store.deny(&reference("r.example/run:1"), Access::Read);
    assert_eq!(chosen(near, &store).unwrap(), "o.example/run");

    let bad = candidates("r.example/run:1", &["o.example/none", "No/Reference"]);
    let error = chosen(bad, &store).unwrap_err();
    assert!(matches!(&error, AnalyzeError::NoRunImage { candidates } if candidates.len() == 3));
    assert_eq!(
        chain(&error),
        "find accessible run image; tried 'r.example/run:1' (read manifest of 'r.example/run:1': access is denied (Read); the account lacks the right for this repository), 'o.example/none' (there is no such image), 'No/Reference' (a repository has lower-case letters and digits, separated by '/', '.', '-', '_' or '__')"
    );
    for mirrors in [[].as_slice(), &["r.example/run:1"]] {
        assert_eq!(
            chain(&chosen(candidates("", mirrors), &store).unwrap_err()),
            "find accessible run image; none is named: give -run-image, or list it in run.toml"
        );
    }
}

#[test]
fn a_missing_run_image_and_one_for_another_platform_are_told_apart() {
    let layers = TempDir::new().unwrap();
    let store = store();
    let with = |run_image: RunImageInput| AnalyzeInputs {
        run_image,
        ..inputs(layers.path())
    };
    let named = |name: &str| with(RunImageInput::Named(reference(name)));
    assert_eq!(
        failure(&named("r.example/none"), &store),
        "find run image 'r.example/none': there is no such image"
    );
    run_image()
        .platform("linux", "s390x", None)
        .push(&store, &[&reference("r.example/run:s390x")]);
    let wanted = "read run image: read manifest of 'r.example/run:s390x': no image for linux/amd64; it offers linux/s390x";
    assert_eq!(failure(&named("r.example/run:s390x"), &store), wanted);
    let listed = with(candidates("r.example/run:s390x", &[]));
    assert_eq!(failure(&listed, &store), wanted);
}
