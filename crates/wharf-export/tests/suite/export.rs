//! Exports end to end, on a strict store in memory.
use crate::common::{Stage, reference};
use serde_json::Value;
use std::fs;
use wharf_export::{Change, Exported};
use wharf_image::{Access, Family, Image, Transfer, validate::validate};
use wharf_layer::{Encoder, LayerContent, Method};
use wharf_spec::{
    api::{BaseContract, History, PlatformApi, SbomPaths},
    files::{fingerprints::Seen, metadata::Process, parse},
    log::Level,
};
use wharf_testkit::{ImageRecipe, RecordingLog, chain};

fn run_image() -> ImageRecipe {
    ImageRecipe::new()
        .layer(&[("/etc/os", b"os", 0o644)])
        .created_by("make os")
        .env("PATH", "/bin")
        .env("BASE", "a=b")
        .user("1000:1000")
}

const GROUP: &str = "[[group]]\nid = \"some/bp\"\nversion = \"1.2\"\napi = \"0.12\"\n";

/// A build with two launch layers, one of them cached, and a small app.
fn stage(api: PlatformApi) -> Stage {
    let mut stage = Stage::new(api, &run_image());
    stage.set_group(GROUP);
    stage.write("layers/some_bp/a/file", "a", 0o644);
    stage.write(
        "layers/some_bp/a.toml",
        "[types]\nlaunch = true\ncache = true\n[metadata]\nn = 7\n",
        0o644,
    );
    stage.write("layers/some_bp/b/file", "b", 0o644);
    stage.write("layers/some_bp/b.toml", "[types]\nlaunch = true\n", 0o644);
    stage.write("layers/some_bp/not-launch/file", "c", 0o644);
    stage.write(
        "layers/some_bp/not-launch.toml",
        "[types]\nbuild = true\n",
        0o644,
    );
    stage.write("workspace/main", "app", 0o644);
    stage.build_metadata.processes = ["web", "worker"].map(process).to_vec();
    stage
}

fn latest() -> Stage {
    stage(PlatformApi::LATEST)
}

fn process(name: &str) -> Process {
    Process {
        r#type: name.into(),
        command: vec!["run".into()],
        ..Process::default()
    }
}

fn export(stage: &Stage) -> Exported {
    stage.export(&RecordingLog::new()).unwrap()
}

/// The message of a failed export, which has tagged nothing.
fn failure(stage: &Stage) -> String {
    stage.store.reset_counts();
    let error = stage.export(&RecordingLog::new()).unwrap_err();
    assert_eq!(stage.store.counts().image_writes, 0);
    chain(&error)
}

fn config<'a>(image: &'a Image, name: &str) -> &'a Value {
    &image.config()["config"][name]
}

fn label(image: &Image) -> Value {
    serde_json::from_str(image.label("io.buildpacks.lifecycle.metadata").unwrap()).unwrap()
}

fn changes(exported: &Exported) -> Vec<(&str, Change)> {
    let layers = exported.layers.iter();
    layers
        .map(|layer| (layer.name.as_str(), layer.change))
        .collect()
}

#[test]
fn every_platform_api_makes_its_own_choices() {
    for api in PlatformApi::ALL {
        let features = api.features();
        let mut stage = stage(api);
        stage.write("layers/sbom/launch/some_bp/sbom.cdx.json", "{}", 0o644);
        stage.inputs.created = Some(1_000_000_000);
        export(&stage);
        let image = stage.image("r.example/app");
        assert_eq!(validate(&image), Vec::<String>::new());

        let layers = stage.path("layers");
        let app = stage.path("workspace");
        assert_eq!(
            config(&image, "Env"),
            &serde_json::json!([
                "PATH=/cnb/process:/cnb/lifecycle:/bin",
                "BASE=a=b",
                format!("CNB_LAYERS_DIR={}", layers.display()),
                format!("CNB_APP_DIR={}", app.display()),
                format!("CNB_PLATFORM_API={api}"),
                "CNB_DEPRECATION_MODE=quiet",
            ])
        );
        assert_eq!(config(&image, "WorkingDir"), app.to_str().unwrap());
        assert_eq!(config(&image, "User"), "1000:1000");

        let created = if features.source_date_epoch {
            "2001-09-09T01:46:40Z"
        } else {
            "1980-01-01T00:00:01Z"
        };
        assert_eq!(image.config()["created"], created);
        let entry = &image.config()["history"][1];
        assert_eq!(entry["created"], created);
        let text = entry.get("created_by").and_then(Value::as_str);
        match features.history {
            History::Kept => {
                assert_eq!(text, Some("Layer: 'a', Created by buildpack: some/bp@1.2"));
            }
            History::Blank => assert_eq!(text.unwrap_or_default(), ""),
        }
        let exec_env = image.label("io.buildpacks.exec-env");
        assert_eq!(exec_env, features.exec_env.then_some("production"));
        let is_target = features.base_contract == BaseContract::Target;
        assert_eq!(
            image.label("io.buildpacks.rebasable"),
            is_target.then_some("true")
        );
        assert_eq!(
            label(&image).get("sbom").is_some(),
            features.sbom_paths == SbomPaths::ByKind
        );
        assert_eq!(
            label(&image)["buildpacks"][0]["layers"]["a"]["data"]["n"],
            7
        );
    }
}

#[test]
fn the_entrypoint_is_what_was_asked_for_else_the_default_else_the_launcher() {
    let entrypoint = |asked_for: Option<&str>, default: Option<&str>| {
        let mut stage = latest();
        stage.inputs.process_type = asked_for.map(str::to_owned);
        stage.build_metadata.buildpack_default_process_type = default.map(str::to_owned);
        let log = RecordingLog::new();
        stage.export(&log).map_err(|error| chain(&error))?;
        let lines = log.lines(Level::Info);
        let line = lines
            .iter()
            .find(|line| line.contains("default process type"));
        let image = stage.image("r.example/app");
        let entrypoint = config(&image, "Entrypoint")[0].as_str().unwrap().to_owned();
        assert_eq!(image.config()["config"].get("Cmd"), None);
        Ok((entrypoint, line.unwrap().clone()))
    };
    let is = |path: &str, line: &str| Ok((path.to_owned(), line.to_owned()));
    let web = || is("/cnb/process/web", "Setting default process type 'web'");
    let worker = || {
        is(
            "/cnb/process/worker",
            "Setting default process type 'worker'",
        )
    };
    assert_eq!(entrypoint(None, Some("web")), web());
    assert_eq!(entrypoint(Some("worker"), Some("web")), worker());
    assert_eq!(entrypoint(Some(""), Some("web")), web());
    assert_eq!(
        entrypoint(None, None),
        is("/cnb/lifecycle/launcher", "no default process type")
    );
    assert_eq!(
        entrypoint(Some("wbe"), Some("web")),
        Err("set default process type: process type 'wbe' does not exist, choose one of: web, worker".to_owned())
    );
}

#[test]
fn only_what_changed_is_added_and_uploaded() {
    let mut stage = latest();
    let first = export(&stage);
    stage.analyze_again();
    stage.write("layers/some_bp/b/file", "B", 0o644);
    stage.write("workspace/main", "APP", 0o644);
    stage.store.reset_counts();
    let second = export(&stage);
    assert_ne!(first.digest, second.digest);
    assert_eq!(
        changes(&second),
        [
            ("run image", Change::Base),
            ("some/bp:a", Change::Reused),
            ("some/bp:b", Change::Added),
            ("slice-1", Change::Added),
            ("buildpacksio/lifecycle:launcher", Change::Reused),
            ("buildpacksio/lifecycle:config", Change::Reused),
            ("buildpacksio/lifecycle:process-types", Change::Reused),
        ]
    );
    assert_eq!(stage.store.counts().uploads, 2);
    let transfers = second
        .layers
        .iter()
        .filter(|layer| layer.transfer == Transfer::Uploaded);
    assert_eq!(transfers.count(), 2);
}

#[test]
fn layers_of_a_previous_image_elsewhere_are_mounted() {
    let mut stage = latest();
    export(&stage);
    stage.analyze_again();
    stage.inputs.outputs = vec![reference("r.example/renamed")];
    stage.store.reset_counts();
    export(&stage);
    let counts = stage.store.counts();
    assert_eq!((counts.uploads, counts.mounts), (0, 7));
}

#[test]
fn a_launch_layer_without_directory_comes_from_the_previous_image() {
    let mut stage = latest();
    export(&stage);
    stage.analyze_again();
    fs::remove_dir_all(stage.path("layers/some_bp/b")).unwrap();
    stage.write(
        "layers/some_bp/b.toml",
        "[types]\nlaunch = true\n[metadata]\nnew = true\n",
        0o644,
    );
    let exported = export(&stage);
    assert_eq!(changes(&exported)[2], ("some/bp:b", Change::Reused));
    let image = stage.image("r.example/app");
    let layer = &label(&image)["buildpacks"][0]["layers"]["b"];
    assert_eq!(layer["data"], serde_json::json!({ "new": true }));
    assert_eq!(layer["sha"], image.layers()[2].diff_id.to_string());
}

#[test]
fn a_launch_layer_without_directory_is_an_error_when_nobody_has_its_content() {
    let mut stage = latest();
    fs::remove_dir_all(stage.path("layers/some_bp/b")).unwrap();
    assert_eq!(
        failure(&stage),
        "export layer 'some/bp:b': cannot reuse 'some/bp:b', previous image has no metadata for layer 'some/bp:b'"
    );
    stage.write("layers/some_bp/b/file", "b", 0o644);
    export(&stage);
    stage.analyze_again();
    fs::remove_dir_all(stage.path("layers/some_bp/a")).unwrap();
    assert_eq!(
        failure(&stage),
        "export layer 'some/bp:a': layer 'some/bp:a' is cache=true but has no contents"
    );
    stage.write("layers/some_bp/a/file", "a", 0o644);
    fs::remove_dir_all(stage.path("layers/some_bp/b")).unwrap();
    let recorded = stage.analyzed.metadata.as_mut().unwrap();
    let layer = recorded.buildpacks[0].layers.get_mut("b").unwrap();
    layer.sha = format!("sha256:{}", "0".repeat(64));
    assert_eq!(
        failure(&stage),
        format!(
            "export layer 'some/bp:b': cannot reuse 'some/bp:b', previous image has no layer sha256:{}",
            "0".repeat(64)
        )
    );
}

#[test]
fn a_previous_image_that_is_gone_costs_a_warning() {
    let mut stage = latest();
    let first = export(&stage);
    stage.analyze_again();
    let gone = format!("r.example/gone@{}", first.digest);
    stage
        .analyzed
        .previous_image
        .as_mut()
        .unwrap()
        .reference
        .clone_from(&gone);
    let log = RecordingLog::new();
    let second = stage.export(&log).unwrap();
    assert_eq!(second.digest, first.digest);
    assert_eq!(
        log.lines(Level::Warn),
        [format!(
            "Previous image '{gone}' is gone; no layer can be taken from it"
        )]
    );
}

#[test]
fn a_run_image_that_is_missing_is_named() {
    let mut stage = latest();
    stage.analyzed.run_image.as_mut().unwrap().reference = "r.example/none:1".into();
    assert_eq!(
        failure(&stage),
        "find run image 'r.example/none:1': there is no such image; it may have been deleted since the analysis"
    );
    stage.analyzed.run_image = None;
    assert_eq!(
        failure(&stage),
        "find run image: analyzed.toml names none; run the analyzer first"
    );
    let empty = Stage::new(PlatformApi::LATEST, &ImageRecipe::new());
    assert!(failure(&empty).ends_with("image has no layers"));
}

#[test]
fn every_output_gets_the_same_image_in_every_repository() {
    let mut stage = latest();
    let names = ["r.example/app:1", "r.example/app:2", "r.example/copy"];
    stage.inputs.outputs = names.iter().map(|name| reference(name)).collect();
    let exported = export(&stage);
    assert_eq!(exported.report.image.tags, names);
    for name in names {
        assert_eq!(stage.image(name).digest(), exported.digest);
    }
    stage.inputs.outputs.push(reference("s.example/app"));
    assert_eq!(
        failure(&stage),
        "write 's.example/app' and 'r.example/app:1': writing to multiple registries is unsupported"
    );
}

#[test]
fn an_upload_that_fails_ends_the_export_and_nothing_is_tagged() {
    let stage = latest();
    stage.store.deny(&reference("r.example/app"), Access::Write);
    let text = failure(&stage);
    assert!(
        text.starts_with(
            "export layer 'run image': write layer to 'r.example/app': access is denied"
        ),
        "{text}"
    );
    assert_eq!(fs::read_dir(stage.path("temp")).unwrap().count(), 0);
}

#[test]
fn a_broken_layer_file_is_named_and_nothing_is_tagged() {
    let stage = latest();
    stage.write("layers/some_bp/b.toml", "[types]\nlaunch = 1\n", 0o644);
    let text = failure(&stage);
    let path = stage.path("layers/some_bp/b.toml");
    assert!(
        text.contains(path.to_str().unwrap()) && text.contains("line 2"),
        "{text}"
    );
}

#[test]
fn store_toml_is_recorded_and_never_read_through_a_link() {
    let stage = latest();
    stage.write("layers/some_bp/store.toml", "[metadata]\nseen = 3\n", 0o644);
    export(&stage);
    assert_eq!(
        label(&stage.image("r.example/app"))["buildpacks"][0]["store"],
        serde_json::json!({ "metadata": { "seen": 3 } })
    );
    let store = stage.path("layers/some_bp/store.toml");
    fs::remove_file(&store).unwrap();
    stage.write("secret", "password", 0o600);
    std::os::unix::fs::symlink(stage.path("secret"), &store).unwrap();
    assert_eq!(
        failure(&stage),
        format!("read '{}': it is not a regular file", store.display())
    );
}

#[test]
fn sbom_files_of_lifecycle_and_launcher_are_exported_where_the_api_says_so() {
    for api in PlatformApi::ALL {
        let stage = stage(api);
        stage.write("cnb/launcher.sbom.cdx.json", "launcher", 0o600);
        stage.write("cnb/lifecycle.sbom.spdx.json", "lifecycle", 0o600);
        let exported = export(&stage);
        let launcher =
            stage.path("layers/sbom/launch/buildpacksio_lifecycle/launcher/sbom.cdx.json");
        let lifecycle = stage.path("layers/sbom/build/buildpacksio_lifecycle/sbom.spdx.json");
        let expected = api.features().lifecycle_sboms;
        assert_eq!(
            fs::read_to_string(launcher).is_ok_and(|text| text == "launcher"),
            expected
        );
        assert_eq!(
            fs::read_to_string(lifecycle).is_ok_and(|text| text == "lifecycle"),
            expected
        );
        let has_layer = exported
            .layers
            .iter()
            .any(|layer| layer.name.ends_with("launch.sbom"));
        assert_eq!(has_layer, expected, "{api}");
    }
}

#[test]
fn buildpack_labels_come_last_and_a_base_without_path_gets_no_empty_element() {
    let base = ImageRecipe::new().layer(&[("/etc/os", b"os", 0o644)]);
    let mut stage = Stage::new(
        PlatformApi::LATEST,
        &base.label("io.buildpacks.rebasable", "false"),
    );
    stage.build_metadata.labels = vec![wharf_spec::files::launch::Label {
        key: "io.buildpacks.project.metadata".into(),
        value: "mine".into(),
    }];
    export(&stage);
    let image = stage.image("r.example/app");
    assert_eq!(image.label("io.buildpacks.project.metadata"), Some("mine"));
    assert_eq!(image.label("io.buildpacks.rebasable"), Some("false"));
    assert_eq!(image.env("PATH"), Some("/cnb/process:/cnb/lifecycle"));
}

#[test]
fn the_family_of_the_base_is_the_family_of_the_image() {
    for family in [Family::Docker, Family::Oci] {
        let mut stage = Stage::new(
            PlatformApi::LATEST,
            &run_image().family(family).annotation("of.the.base", "kept"),
        );
        stage.set_group(GROUP);
        stage.write("workspace/main", "app", 0o644);
        export(&stage);
        let image = stage.image("r.example/app");
        assert_eq!(image.family(), family);
        assert_eq!(validate(&image), Vec::<String>::new());
    }
}

#[test]
fn the_run_image_is_recorded_with_the_mirrors_of_the_entry_that_names_it() {
    let recorded = |run_toml: &str, group: &str| {
        let mut stage = latest();
        stage.set_group(group);
        stage.inputs.run_images = parse(run_toml).unwrap();
        export(&stage);
        let label = label(&stage.image("r.example/app"));
        let entry = |value: &Value| (value["image"].clone(), value["mirrors"].clone());
        assert_eq!(
            entry(&label["runImage"]),
            entry(&label["stack"]["runImage"])
        );
        format!(
            "{} {}",
            label["runImage"]["image"], label["runImage"]["mirrors"]
        )
    };
    let two = "[[images]]\nimage = \"r.example/first\"\n[[images]]\nimage = \"r.example/second\"\nmirrors = [\"r.example/run:1\"]\n";
    let other = "[[images]]\nimage = \"r.example/first\"\nmirrors = [\"m.example/first\"]\n";
    let extended = format!("{GROUP}[[group-extensions]]\nid = \"some/ext\"\nversion = \"1\"\n");
    assert_eq!(
        recorded(two, GROUP),
        r#""r.example/second" ["r.example/run:1"]"#
    );
    assert_eq!(
        recorded(other, GROUP),
        r#""r.example/first" ["m.example/first"]"#
    );
    assert_eq!(recorded(other, &extended), r#""r.example/run:1" null"#);
    assert_eq!(recorded("", GROUP), r#""r.example/run:1" null"#);
}

#[test]
fn files_with_a_known_fingerprint_are_not_read_and_all_others_are() {
    let mut stage = latest();
    export(&stage);
    stage.analyze_again();
    stage.write("layers/some_bp/b/file", "B", 0o644);
    let content = LayerContent::Tree {
        root: stage.path("layers/some_bp/b"),
        owner: stage.inputs.owner,
    };
    let recorded = stage.analyzed.metadata.as_ref().unwrap();
    let sha = recorded.buildpacks[0].layers["b"].sha.clone();
    let taken = content.fingerprint().unwrap().unwrap();
    stage.inputs.fingerprints.seen.push(Seen {
        root: stage.path("layers/some_bp/b").to_str().unwrap().to_owned(),
        fingerprint: taken.fingerprint(),
        newest: taken.newest(),
        diff_id: sha.parse().unwrap(),
    });
    // The diff ID is not theirs: had they been read, that would show.
    assert_eq!(changes(&export(&stage))[2], ("some/bp:b", Change::Reused));
    stage.write("layers/some_bp/b/file", "C", 0o644);
    assert_eq!(changes(&export(&stage))[2], ("some/bp:b", Change::Added));
}

#[test]
fn the_digest_does_not_depend_on_the_number_of_workers_or_a_slash_at_the_end() {
    let mut stage = latest();
    let first = export(&stage);
    let workers = 4.try_into().unwrap();
    stage.inputs.encoder = Encoder::new(workers, stage.path("temp"), Method::default());
    stage.inputs.app_dir = format!("{}/", stage.inputs.app_dir.display()).into();
    stage.inputs.layers_dir = format!("{}/", stage.inputs.layers_dir.display()).into();
    assert_eq!(export(&stage).digest, first.digest);
}
