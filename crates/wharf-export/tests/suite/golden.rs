//! Image config, labels and cache metadata as the reference lifecycle left them.
use crate::common::{Stage, reference};
use serde_json::Value;
use std::{fs, path::Path, process::Command};
use wharf_cache::{Cache, VolumeCache};
use wharf_export::{Change, Exported, export_cache};
use wharf_image::{Image, ImageStore, validate::validate};
use wharf_spec::{
    api::PlatformApi,
    files::{metadata::BuildMetadata, parse},
    log::Level,
};
use wharf_testkit::{MemoryStore, RecordingLog, golden, image_recipe::platform};

/// The recorded build before its export: files as the builder left them, layers made by the recorded buildpack.
fn stage(api: &str) -> Stage {
    let store = MemoryStore::new();
    let run = reference("127.0.0.1:5055/golden/run:base");
    golden::load_image(api, "run-before", &store, &run);
    let platform_api: PlatformApi = api.parse().unwrap();
    let mut stage = Stage::on(platform_api, store, &run);
    copy_tree(&golden::path(api, "first/4-builder"), &stage.path("layers"));
    copy_tree(
        &golden::path(api, "inputs/workspace"),
        &stage.path("workspace"),
    );
    let build = golden::path(api, "inputs/cnb/buildpacks/example_first/1.2.3/bin/build");
    let status = Command::new("/bin/sh")
        .arg(build)
        .args([stage.path("layers/example_first"), "/".into(), "/".into()])
        .status();
    assert!(status.unwrap().success());
    stage.set_group(&golden::text(api, "first/4-builder/group.toml"));
    let metadata = golden::text(api, "first/4-builder/config/metadata.toml");
    stage.build_metadata = BuildMetadata::parse(&metadata).unwrap();
    stage.analyzed = parse(&golden::text(api, "first/1-analyzer/analyzed.toml")).unwrap();
    stage.inputs.run_images = parse(&golden::text(api, "inputs/cnb/run.toml")).unwrap();
    let project = golden::text(api, "inputs/project-metadata.toml");
    stage.inputs.project_metadata = parse(&project).unwrap();
    stage
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy_tree(&entry.path(), &target);
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path()).unwrap(), &target).unwrap();
        } else {
            fs::write(&target, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

/// Our config with the recorded diff IDs and directories in the place of ours, which differ because entries of
/// layers carry the path of the temporary directory, and without what the specification wants in labels but the
/// reference leaves out.
fn in_recorded_words(stage: &Stage, ours: &Image, recorded: &Image) -> Value {
    let mut text = String::from_utf8(ours.config_bytes().to_vec()).unwrap();
    assert_eq!(ours.layers().len(), recorded.layers().len());
    for (our, their) in ours.layers().iter().zip(recorded.layers()) {
        text = text.replace(&our.diff_id.to_string(), &their.diff_id.to_string());
    }
    for directory in ["layers", "workspace"] {
        let ours = stage.path(directory);
        text = text.replace(ours.to_str().unwrap(), &format!("/{directory}"));
    }
    for left_out in [
        r#",\"api\":\"0.10\""#,
        r#",\"api\":\"0.12\""#,
        r#"\"exec-env\":\"production\","#,
    ] {
        text = text.replace(left_out, "");
    }
    serde_json::from_str(&text).unwrap()
}

#[test]
fn image_config_and_labels_are_those_of_the_reference() {
    for api in golden::APIS {
        let stage = stage(api);
        let log = RecordingLog::new();
        let exported = stage.export(&log).unwrap();
        let recorded = reference("127.0.0.1:5055/golden/recorded");
        golden::load_image(api, "first/image", &stage.store, &recorded);
        let recorded = stage
            .store
            .find(&recorded, &platform("linux", "amd64"))
            .unwrap()
            .unwrap();
        let ours = stage.image("r.example/app");
        assert_eq!(
            in_recorded_words(&stage, &ours, &recorded),
            Value::Object(recorded.config().clone())
        );
        assert_eq!(validate(&ours), Vec::<String>::new());
        assert_eq!(exported.report.image.tags, ["r.example/app"]);
        assert_eq!(
            log.lines(Level::Info),
            [
                "Adding layer 'example/first:deps'",
                "Adding layer 'example/first:only-launch'",
                "Adding layer 'buildpacksio/lifecycle:launch.sbom'",
                "Added 2/2 app layer(s)",
                "Adding layer 'buildpacksio/lifecycle:launcher'",
                "Adding layer 'buildpacksio/lifecycle:config'",
                "Adding layer 'buildpacksio/lifecycle:process-types'",
                // The recorded run image is on a registry of its own.
                "Copied 1 layer(s) of the run image or previous image; with all images in one store they are linked",
                "Adding label 'io.buildpacks.lifecycle.metadata'",
                "Adding label 'io.buildpacks.build.metadata'",
                "Adding label 'io.buildpacks.project.metadata'",
                if api == "0.15" {
                    "Adding label 'io.buildpacks.exec-env'"
                } else {
                    "Adding label 'example.label'"
                },
            ]
            .into_iter()
            .map(str::to_owned)
            .chain((api == "0.15").then(|| "Adding label 'example.label'".to_owned()))
            .chain([
                "Setting default process type 'web'".to_owned(),
                "Saving r.example/app...".to_owned(),
                format!("*** Images ({}):", exported.digest),
                "      r.example/app".to_owned(),
            ])
            .collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_second_export_of_the_same_build_uploads_nothing_and_gives_the_same_digest() {
    for api in golden::APIS {
        let mut stage = stage(api);
        let first = stage.export(&RecordingLog::new()).unwrap();
        stage.analyze_again();
        stage.store.reset_counts();
        let log = RecordingLog::new();
        let second = stage.export(&log).unwrap();
        assert_eq!(second.digest, first.digest);
        assert_eq!(stage.store.counts().uploads, 0);
        let changes: Vec<_> = second.layers.iter().map(|layer| layer.change).collect();
        assert_eq!(
            changes,
            [vec![Change::Base], vec![Change::Reused; 8]].concat()
        );
        let lines = log.lines(Level::Info);
        assert_eq!(
            lines[1..8],
            [
                "Reusing layer 'example/first:deps'",
                "Reusing layer 'example/first:only-launch'",
                "Reusing layer 'buildpacksio/lifecycle:launch.sbom'",
                "Reused 2/2 app layer(s)",
                "Reusing layer 'buildpacksio/lifecycle:launcher'",
                "Reusing layer 'buildpacksio/lifecycle:config'",
                "Reusing layer 'buildpacksio/lifecycle:process-types'",
            ]
        );
    }
}

/// Cache metadata with every diff ID masked.
fn masked(text: &str) -> String {
    let mut parts = text.split("\"sha256:");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| text + "\"sha256:…" + &part[64..])
}

#[test]
fn cache_metadata_are_those_of_the_reference_and_a_second_export_reuses_every_layer() {
    for api in golden::APIS {
        let stage = stage(api);
        let exported = stage.export(&RecordingLog::new()).unwrap();
        let export = |exported: Option<&Exported>| {
            let log = RecordingLog::new();
            let cache = VolumeCache::open(stage.path("cache"), &log).unwrap();
            export_cache(
                &stage.inputs,
                &stage.group,
                exported,
                cache.begin().unwrap(),
                &log,
            )
            .unwrap();
            drop(cache);
            let file = "cache/committed/io.buildpacks.lifecycle.cache.metadata";
            (
                log.lines(Level::Info),
                fs::read_to_string(stage.path(file)).unwrap(),
            )
        };
        let lines = |verb: &str| {
            [
                "example/first:deps",
                "example/first:tool",
                "buildpacksio/lifecycle:cache.sbom",
            ]
            .map(|name| format!("{verb} cache layer '{name}'"))
        };
        let (first_lines, first) = export(Some(&exported));
        assert_eq!(first_lines, lines("Adding"));
        let recorded = "first/cache/committed/io.buildpacks.lifecycle.cache.metadata";
        assert_eq!(
            masked(first.trim_end()),
            masked(golden::text(api, recorded).trim_end())
        );
        let (second_lines, second) = export(None);
        assert_eq!(second_lines, lines("Reusing"));
        assert_eq!(second, first);
    }
}
