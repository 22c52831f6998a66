//! Rebases end to end, on a strict store in memory.
use serde_json::Value;
use std::error::Error;
use wharf_image::{Access, Image, ImageStore, TagRace, validate::validate};
use wharf_rebase::{Problem, RebaseError, RebaseInputs, rebase};
use wharf_spec::{
    api::{BaseContract, PlatformApi},
    files::report::{ImageReport, Report},
    log::{Level, Log},
    reference::Reference,
};
use wharf_testkit::{ImageRecipe, MemoryStore, RecordingLog, image_recipe::platform};

const API: &str = "0.13";

pub(crate) fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

pub(crate) fn base(version: &str) -> ImageRecipe {
    ImageRecipe::new()
        .layer(&[("/etc/os", b"os", 0o644)])
        .layer(&[("/etc/version", version.as_bytes(), 0o644)])
        .env("PATH", "/bin")
        .label("io.buildpacks.base.distro.name", "debian")
        .label("io.buildpacks.base.distro.version", "12")
        .label("io.buildpacks.stack.id", "some.stack")
        .label("io.buildpacks.stack.mixins", r#"["git","run:curl"]"#)
        .label("io.buildpacks.base.released", version)
        .label("maintainer", version)
}

/// An app on `old`, built under Platform API `api`.
pub(crate) fn app(old: &Image, api: &str) -> ImageRecipe {
    let label = format!(
        r#"{{"app":[],"runImage":{{"topLayer":"{}","reference":"r.example/run@{}","image":"r.example/run:1","mirrors":["m.example/run"]}},"stack":{{"runImage":{{"image":"r.example/run:1"}}}},"of-the-future":{{"x":"<1>"}}}}"#,
        old.top_layer().unwrap(),
        old.digest(),
    );
    base("1")
        .layer(&[("/layers/x", b"x", 0o644)])
        .created_by("Layer: 'x'")
        .layer(&[("/workspace/app", b"app", 0o644)])
        .env("CNB_PLATFORM_API", api)
        .label("io.buildpacks.lifecycle.metadata", &label)
        .label("io.buildpacks.base.gone", "in the new base")
        .annotation("some.annotation", "kept")
        .user("1000:1000")
        .entrypoint(&["/cnb/process/web"])
}

pub(crate) fn inputs() -> RebaseInputs {
    RebaseInputs {
        app_image: reference("r.example/app"),
        outputs: vec![reference("r.example/app")],
        run_image: None,
        force: false,
        tag_race: TagRace::Warn,
        platform: platform("linux", "amd64"),
        features: PlatformApi::LATEST.features(),
    }
}

/// A store with an app on run image 1, and run image `new` under its tag.
fn store(api: &str, new: &ImageRecipe) -> MemoryStore {
    let store = MemoryStore::new();
    let run = reference("r.example/run:1");
    let old = base("1").push(&store, &[&run]);
    app(&old, api).push(&store, &[&reference("r.example/app")]);
    new.push(&store, &[&run]);
    store.reset_counts();
    store
}

fn find(store: &MemoryStore, name: &str) -> Image {
    store
        .find(&reference(name), &platform("linux", "amd64"))
        .unwrap()
        .unwrap()
}

fn problems(store: &MemoryStore, inputs: &RebaseInputs) -> Vec<Problem> {
    match rebase(inputs, store, &RecordingLog::new()) {
        Err(RebaseError::Refused { problems }) => problems,
        other => panic!("{other:?}"),
    }
}

#[test]
fn swaps_the_run_image_and_changes_nothing_else() {
    for api in PlatformApi::ALL {
        let new = base("2").label("io.buildpacks.base.id", "some.target");
        let store = store(api.as_str(), &new);
        let before = find(&store, "r.example/app");
        let new = find(&store, "r.example/run:1");
        let report = rebase(&inputs(), &store, &RecordingLog::new()).unwrap();
        let after = find(&store, "r.example/app");
        assert_eq!(validate(&after), Vec::<String>::new());

        let ids = |image: &Image| -> Vec<_> { image.layers().iter().map(|l| l.diff_id).collect() };
        let expected = [ids(&new), ids(&before)[2..].to_vec()].concat();
        assert_eq!(ids(&after), expected);
        assert_eq!(after.env("PATH"), Some("/bin"));
        assert_eq!(after.user(), "1000:1000");
        assert_eq!(
            after.manifest().get("annotations"),
            before.manifest().get("annotations")
        );
        assert_eq!(after.label("maintainer"), Some("1"));
        assert_eq!(after.label("io.buildpacks.base.released"), Some("2"));
        assert_eq!(after.label("io.buildpacks.base.id"), Some("some.target"));
        assert_eq!(after.label("io.buildpacks.base.gone"), None);
        assert_eq!(
            report,
            Report {
                build: None,
                image: ImageReport {
                    tags: vec!["r.example/app".into()],
                    image_id: String::new(),
                    digest: after.digest().to_string(),
                    manifest_size: after.manifest_bytes().len() as u64,
                    moved: Vec::new(),
                    unchanged: Vec::new(),
                },
            }
        );
    }
}

#[test]
fn records_the_new_base_and_keeps_members_it_does_not_know() {
    let store = store(API, &base("2"));
    let new = find(&store, "r.example/run:1");
    rebase(&inputs(), &store, &RecordingLog::new()).unwrap();
    let after = find(&store, "r.example/app");
    let label = after.label("io.buildpacks.lifecycle.metadata").unwrap();
    assert_eq!(
        label,
        format!(
            r#"{{"app":[],"runImage":{{"topLayer":"{}","reference":"r.example/run@{}","image":"r.example/run:1","mirrors":["m.example/run"]}},"stack":{{"runImage":{{"image":"r.example/run:1"}}}},"of-the-future":{{"x":"\u003c1\u003e"}}}}"#,
            new.top_layer().unwrap(),
            new.digest(),
        )
    );
}

#[test]
fn moves_no_bytes_that_the_store_can_mount() {
    let store = store(API, &base("2"));
    rebase(&inputs(), &store, &RecordingLog::new()).unwrap();
    let counts = store.counts();
    assert_eq!((counts.uploads, counts.blob_reads), (0, 0));
    assert_eq!((counts.mounts, counts.existing), (1, 3));
}

#[test]
fn rebasing_twice_onto_the_same_base_gives_the_same_digest() {
    let store = store(API, &base("2"));
    let first = rebase(&inputs(), &store, &RecordingLog::new()).unwrap();
    let second = rebase(&inputs(), &store, &RecordingLog::new()).unwrap();
    assert_eq!(first, second);
}

#[test]
fn writes_every_output_and_leaves_the_previous_image_alone() {
    let store = store(API, &base("2"));
    let before = find(&store, "r.example/app");
    let outputs = ["r.example/other:1", "r.example/other:2", "r.example/third"];
    let inputs = RebaseInputs {
        outputs: outputs.iter().map(|name| reference(name)).collect(),
        ..inputs()
    };
    let log = RecordingLog::new();
    let report = rebase(&inputs, &store, &log).unwrap();
    assert_eq!(report.image.tags, outputs);
    for output in outputs {
        assert_eq!(
            find(&store, output).digest().to_string(),
            report.image.digest
        );
    }
    assert_eq!(find(&store, "r.example/app").digest(), before.digest());
    assert_eq!(
        log.lines(Level::Info),
        [
            "Rebasing r.example/app on run image r.example/run:1".to_owned(),
            "Saving r.example/other:1...".to_owned(),
            format!("*** Images ({}):", report.image.digest),
            "      r.example/other:1".to_owned(),
            "      r.example/other:2".to_owned(),
            "      r.example/third".to_owned(),
        ]
    );
}

#[test]
fn refuses_another_target_without_force_and_takes_it_over_with_force() {
    let new = base("2")
        .platform("linux", "amd64", Some("v3"))
        .label("io.buildpacks.base.distro.version", "13");
    let store = store(API, &new);
    let what: Vec<_> = problems(&store, &inputs())
        .into_iter()
        .map(|problem| problem.to_string())
        .collect();
    assert_eq!(
        what,
        [
            "new base image has architecture variant 'v3' but the app image has ''; use -force to rebase nevertheless",
            "new base image has distribution version '13' but the app image has '12'; use -force to rebase nevertheless",
        ]
    );
    let log = RecordingLog::new();
    let forced = RebaseInputs {
        force: true,
        ..inputs()
    };
    rebase(&forced, &store, &log).unwrap();
    assert_eq!(log.lines(Level::Warn), what);
    let after = find(&store, "r.example/app");
    let target = after.target();
    assert_eq!(target.arch_variant, "v3");
    assert_eq!(target.distro.unwrap().version, "13");
}

#[test]
fn images_for_other_machines_are_rebased_as_well() {
    let new = base("2").platform("linux", "arm64", None);
    let other_machine = RebaseInputs {
        platform: platform("linux", "s390x"),
        force: true,
        ..inputs()
    };
    let store = store(API, &new);
    rebase(&other_machine, &store, &RecordingLog::new()).unwrap();
    let rebased = store.find(&reference("r.example/app"), &platform("linux", "arm64"));
    assert_eq!(rebased.unwrap().unwrap().target().arch, "arm64");
    let unforced = RebaseInputs {
        force: false,
        ..other_machine
    };
    rebase(&unforced, &store, &RecordingLog::new()).unwrap();
}

#[test]
fn refuses_an_image_that_says_it_is_not_rebasable() {
    for (value, is_refused) in [("false", true), ("nonsense", true), ("true", false)] {
        let store = MemoryStore::new();
        let run = reference("r.example/run:1");
        let old = base("1").push(&store, &[&run]);
        app(&old, API)
            .label("io.buildpacks.rebasable", value)
            .push(&store, &[&reference("r.example/app")]);
        base("2").push(&store, &[&run]);
        if is_refused {
            assert_eq!(problems(&store, &inputs()), [Problem::NotRebasable]);
        } else {
            rebase(&inputs(), &store, &RecordingLog::new()).unwrap();
        }
    }
}

#[test]
fn a_run_image_that_is_not_recorded_needs_force_and_is_then_recorded() {
    let store = store(API, &base("2"));
    base("3").push(&store, &[&reference("r.example/elsewhere")]);
    let asked = RebaseInputs {
        run_image: Some(reference("r.example/elsewhere")),
        ..inputs()
    };
    assert_eq!(
        problems(&store, &asked),
        [Problem::UnknownRunImage {
            reference: "r.example/elsewhere".into()
        }]
    );
    let forced = RebaseInputs {
        force: true,
        ..asked
    };
    rebase(&forced, &store, &RecordingLog::new()).unwrap();
    let after = find(&store, "r.example/app");
    let label = after.label("io.buildpacks.lifecycle.metadata").unwrap();
    let label: Value = serde_json::from_str(label).unwrap();
    assert_eq!(label["runImage"]["image"], "r.example/elsewhere");
    assert_eq!(label["runImage"].get("mirrors"), None);
    assert_eq!(label["stack"]["runImage"]["image"], "r.example/elsewhere");
}

#[test]
fn older_lifecycle_apis_take_any_run_image_and_older_apps_compare_stacks() {
    for api in PlatformApi::ALL {
        let other_stack = base("2").label("io.buildpacks.stack.id", "other.stack");
        let fewer_mixins = base("2").label("io.buildpacks.stack.mixins", r#"["git"]"#);
        let run = |new: &ImageRecipe| {
            let store = store(api.as_str(), new);
            rebase(&inputs(), &store, &RecordingLog::new()).map_err(|error| error.to_string())
        };
        match api.features().base_contract {
            BaseContract::Target => {
                assert!(run(&other_stack).is_ok());
                assert!(run(&fewer_mixins).is_ok());
            }
            BaseContract::Stack => {
                assert_eq!(
                    run(&other_stack),
                    Err("rebase: incompatible stack: 'other.stack' is not compatible with 'some.stack'".into())
                );
                assert_eq!(
                    run(&fewer_mixins),
                    Err("rebase: new base image lacks mixins of the app image: curl".into())
                );
            }
        }
        let store = store(api.as_str(), &base("2"));
        base("3").push(&store, &[&reference("r.example/elsewhere")]);
        let asked = RebaseInputs {
            run_image: Some(reference("r.example/elsewhere")),
            features: api.features(),
            ..inputs()
        };
        let is_ok = rebase(&asked, &store, &RecordingLog::new()).is_ok();
        let takes_any = api.features().base_contract == BaseContract::Stack;
        assert_eq!(is_ok, takes_any, "{api}");
    }
}

#[test]
fn a_mirror_is_taken_when_the_recorded_name_cannot_be_read() {
    let store = store(API, &base("2"));
    base("4").push(&store, &[&reference("m.example/run")]);
    store.deny(&reference("r.example/run"), Access::Read);
    rebase(&inputs(), &store, &RecordingLog::new()).unwrap();
    let after = find(&store, "r.example/app");
    assert_eq!(after.label("io.buildpacks.base.released"), Some("4"));
}

#[test]
fn errors_name_what_is_missing() {
    let error = |inputs: &RebaseInputs, store: &MemoryStore| {
        let error = rebase(inputs, store, &RecordingLog::new()).unwrap_err();
        match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        }
    };
    let full = store(API, &base("2"));
    let missing = RebaseInputs {
        run_image: Some(reference("r.example/none")),
        ..inputs()
    };
    assert_eq!(
        error(&missing, &full),
        "access run image 'r.example/none': there is no such image, or none of its mirrors can be read"
    );
    assert_eq!(
        error(&inputs(), &MemoryStore::new()),
        "access image to rebase 'r.example/app': there is no such image"
    );
    let two = RebaseInputs {
        outputs: vec![reference("r.example/app"), reference("s.example/app")],
        ..inputs()
    };
    assert_eq!(
        error(&two, &full),
        "write 's.example/app' and 'r.example/app': writing to multiple registries is unsupported"
    );
    let plain = MemoryStore::new();
    base("1").push(&plain, &[&reference("r.example/app")]);
    assert_eq!(
        error(&inputs(), &plain),
        "read label io.buildpacks.lifecycle.metadata of 'r.example/app'; only images made by a lifecycle can be rebased: the image has no such label"
    );
    let stranger = MemoryStore::new();
    let run = reference("r.example/run:1");
    let other = base("other").push(&stranger, &[&run]);
    app(&other, API).push(&stranger, &[&reference("r.example/app")]);
    base("2").push(&stranger, &[&run]);
    assert_eq!(
        error(&inputs(), &stranger),
        format!(
            "rebase 'r.example/app': it has no layer '{}', which its metadata record as the top of its run image",
            other.top_layer().unwrap()
        )
    );
    assert_eq!(stranger.counts().image_writes, 3);
}

/// Builds the app anew when the rebase is about to write it.
struct Meddling<'a>(&'a MemoryStore);

impl Log for Meddling<'_> {
    fn line(&self, _level: Level, text: &str) {
        if text.starts_with("Saving") {
            let run = find(self.0, "r.example/run:1");
            let app = app(&run, API).label("built", "meanwhile");
            app.push(self.0, &[&reference("r.example/app")]);
        }
    }
}

#[test]
fn an_app_that_is_built_while_it_is_rebased_is_not_replaced_in_silence() {
    for tag_race in [TagRace::Warn, TagRace::Fail, TagRace::Off] {
        let store = store(API, &base("2"));
        let read = find(&store, "r.example/app").digest();
        let asked = RebaseInputs {
            tag_race,
            ..inputs()
        };
        let rebased = rebase(&asked, &store, &Meddling(&store));
        let built = find(&store, "r.example/app").label("built").is_some();
        match (tag_race, rebased) {
            (TagRace::Warn, Ok(report)) => {
                let [moved] = report.image.moved.as_slice() else {
                    panic!("{report:?}");
                };
                assert_eq!(moved.before, read.to_string());
                assert!(!built);
            }
            (TagRace::Fail, Err(RebaseError::TagMoved { moved, .. })) => {
                assert_eq!(moved[0].before, Some(read));
                assert!(built);
            }
            (TagRace::Off, Ok(report)) => {
                assert_eq!(report.image.moved, []);
                assert!(!built);
            }
            (_, other) => panic!("{tag_race:?}: {other:?}"),
        }
    }
}
