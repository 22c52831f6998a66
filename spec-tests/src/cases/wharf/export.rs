//! Exporting as the reference does it where the specification is silent, and without its faults.
use crate::{
    cases::export::{
        ID, LAYERS, analyzed, content, export_anew, export_to, exported, layout, lifecycle_label,
        metadata, process, ready,
    },
    flow::Flow,
    image::Image,
    read,
    recipe::Recipe,
    suite::Case,
    tests,
};
use serde_json::{Value, json};
use std::fs;

tests! {
    layers_are_in_order_and_named_in_the_history: [];
    variables_follow_those_of_the_run_image: [];
    a_path_may_hold_equal_signs_or_be_missing: [] .once();
    the_command_of_the_run_image_is_gone: [] .once();
    labels_of_buildpacks_come_last: [];
    an_image_has_media_types_of_one_family: [] .once();
    the_execution_environment_is_a_label_since_0_15: [];
    the_report_is_written_as_platforms_read_it: [];
    platforms_read_these_lines: [];
    a_creation_time_that_is_none_is_a_warning: [] .platform(9, 15);
    nothing_is_written_when_a_name_cannot_be: [] .once();
    a_missing_run_image_is_named: [] .once();
    a_failure_beside_the_cache_ends_the_export: [] .once();
    a_cache_image_wins_over_a_directory: [] .once();
    an_empty_process_type_is_none: [];
    layouts_need_consent: [] .platform(12, 15);
    every_tag_is_a_layout: [] .platform(12, 15);
    a_layout_is_reported_with_its_digest: [] .once();
    the_index_of_a_run_image_may_have_other_platforms: [] .once();
    layers_are_compressed_as_asked: [] .once();
    an_unknown_compression_is_refused: [] .once();
}

/// An export with two slices, launch SBOM, two launch layers and processes; the SBOM lies where the builder puts it.
fn with_every_layer<'a>(case: &'a Case<'a>) -> Flow<'a> {
    let flow = ready(case);
    flow.stage.write("workspace/rest.txt", "the rest\n");
    let lines = process(case, "web", "") + "[[slices]]\npaths = [\"app.txt\"]\n";
    let metadata = metadata(case, &lines);
    flow.stage.write("layers/config/metadata.toml", &metadata);
    flow.stage
        .write("layers/sbom/launch/example_one/sbom.cdx.json", "{}");
    flow.stage
        .write(&format!("{LAYERS}/a.b/file"), "first by name\n");
    flow.stage
        .write(&format!("{LAYERS}/a.b.toml"), "[types]\nlaunch = true\n");
    flow
}

/// The order and the words of the reference.
fn layers_are_in_order_and_named_in_the_history(case: &Case<'_>) {
    let flow = with_every_layer(case);
    let image = exported(&flow);
    let made_by = |layer: &str| format!("Layer: '{layer}', Created by buildpack: {ID}@1.0");
    let (first, second) = (made_by("a.b"), made_by("dep"));
    let mut expected = vec![
        ("etc/os-release", ""),
        ("/layers/example_one/a.b/file", first.as_str()),
        ("/layers/example_one/dep/file", &second),
        (
            "/layers/sbom/launch/example_one/sbom.cdx.json",
            "Software Bill-of-Materials",
        ),
        ("/workspace/app.txt", "Application Slice: 1"),
        ("/workspace/rest.txt", "Application Slice: 2"),
        ("/cnb/lifecycle/launcher", "Buildpacks Application Launcher"),
        ("/layers/config/metadata.toml", "Buildpacks Launcher Config"),
        ("/cnb/process/web", "Buildpacks Process Types"),
    ];
    if case.platform < 8 {
        expected.remove(3);
    }
    if case.platform < 12 {
        for (_, created_by) in &mut expected {
            *created_by = "";
        }
    }
    case.equal("", image.layers().len(), expected.len());
    let history = &image.config["history"];
    case.equal("", history.as_array().map(Vec::len), Some(expected.len()));
    for (index, (path, created_by)) in expected.iter().enumerate() {
        let is_there = image.entries(index).iter().any(|entry| entry.path == *path);
        case.check("", is_there, &format!("{path} in layer {index}"), index);
        let seen = history[index]["created_by"].as_str().unwrap_or_default();
        case.equal("", seen, *created_by);
        case.equal("", &history[index]["created"], "1980-01-01T00:00:01Z");
    }
    case.equal("", &image.config["created"], "1980-01-01T00:00:01Z");
}

/// An export onto a run image with this environment.
fn onto(case: &Case<'_>, variables: &[&str]) -> Image {
    let mut recipe = Recipe::run_image();
    recipe.config["config"]["Env"] = json!(variables);
    let flow = ready(case);
    let run_image = case.push("run", &recipe);
    flow.stage
        .write("layers/analyzed.toml", &analyzed(&run_image));
    exported(&flow)
}

/// Appended in the reference's order, or in place where the run image has them.
fn variables_follow_those_of_the_run_image(case: &Case<'_>) {
    let api = format!("CNB_PLATFORM_API=0.{}", case.platform);
    let image = onto(case, &["A=1", "PATH=/bin", "CNB_APP_DIR=/other", "B=2"]);
    let expected = json!([
        "A=1",
        "PATH=/cnb/process:/cnb/lifecycle:/bin",
        "CNB_APP_DIR=/workspace",
        "B=2",
        "CNB_LAYERS_DIR=/layers",
        api,
        "CNB_DEPRECATION_MODE=quiet",
    ]);
    case.equal("", &image.config["config"]["Env"], &expected);
}

/// The reference loses what follows the second `=`.
fn a_path_may_hold_equal_signs_or_be_missing(case: &Case<'_>) {
    for (variables, expected) in [
        (
            &["PATH=/a=b/bin:/bin"][..],
            "/cnb/process:/cnb/lifecycle:/a=b/bin:/bin",
        ),
        (&["A=1"][..], "/cnb/process:/cnb/lifecycle"),
    ] {
        case.equal("", onto(case, variables).env("PATH"), Some(expected));
    }
}

fn the_command_of_the_run_image_is_gone(case: &Case<'_>) {
    let mut recipe = Recipe::run_image();
    recipe.config["config"]["Cmd"] = json!(["/bin/sh"]);
    recipe.config["config"]["Entrypoint"] = json!(["/entry", "point"]);
    let flow = ready(case);
    let run_image = case.push("run", &recipe);
    flow.stage
        .write("layers/analyzed.toml", &analyzed(&run_image));
    let image = exported(&flow);
    let entrypoint = json!(["/cnb/lifecycle/launcher"]);
    case.equal("", &image.config["config"]["Entrypoint"], &entrypoint);
    let command = &image.config["config"]["Cmd"];
    let is_gone = command.as_array().is_none_or(Vec::is_empty);
    case.check("", is_gone, "no command", command);
}

/// They may replace labels of the run image and of the lifecycle; characters of HTML are escaped as Go does it.
fn labels_of_buildpacks_come_last(case: &Case<'_>) {
    let flow = ready(case);
    let label =
        |key: &str, value: &str| format!("[[labels]]\nkey = \"{key}\"\nvalue = \"{value}\"\n");
    let lines = [
        label("io.buildpacks.base.distro.name", "other"),
        label("io.buildpacks.project.metadata", "replaced"),
        label("example", "a"),
        label("example", "b"),
    ];
    let metadata = metadata(case, &lines.concat());
    flow.stage.write("layers/config/metadata.toml", &metadata);
    let described = "[types]\nlaunch = true\n[metadata]\ntext = \"<&>\"\n";
    flow.stage.write(&format!("{LAYERS}/dep.toml"), described);
    let image = exported(&flow);
    for (name, expected) in [
        ("io.buildpacks.base.distro.name", "other"),
        ("io.buildpacks.project.metadata", "replaced"),
        ("example", "b"),
    ] {
        case.equal("", image.label(name), Some(expected));
    }
    let text = image
        .label("io.buildpacks.lifecycle.metadata")
        .unwrap_or_default();
    case.contains("", text, r#""data":{"text":"\u003c\u0026\u003e"}"#);
}

/// The reference mixes them (`golden/reference`).
fn an_image_has_media_types_of_one_family(case: &Case<'_>) {
    let mut flow = ready(case);
    for (docker, family) in [(true, "vnd.docker."), (false, "vnd.oci.")] {
        let mut recipe = Recipe::run_image();
        recipe.docker = docker;
        let run_image = case.push("run", &recipe);
        flow.stage
            .write("layers/analyzed.toml", &analyzed(&run_image));
        export_anew(case, &mut flow, &[]).expect_code(0);
        let manifest = flow.pull().manifest;
        let layers = manifest["layers"].as_array().cloned().unwrap_or_default();
        let parts = layers.iter().chain([&manifest, &manifest["config"]]);
        let types = parts.map(|part| part["mediaType"].as_str().unwrap_or_default().to_owned());
        for media_type in types {
            case.contains("", &media_type, family);
        }
    }
}

fn the_execution_environment_is_a_label_since_0_15(case: &Case<'_>) {
    let mut flow = ready(case);
    flow.stage.set("CNB_EXEC_ENV", "test");
    let image = exported(&flow);
    let expected = (case.platform >= 15).then_some("test");
    case.equal("", image.label("io.buildpacks.exec-env"), expected);
    case.equal("", lifecycle_label(&image)["exec-env"].as_str(), expected);
}

/// Platforms look for the line with the digest, not for a key in TOML.
fn the_report_is_written_as_platforms_read_it(case: &Case<'_>) {
    let flow = ready(case);
    let image = exported(&flow);
    let expected = format!(
        "[image]\n  tags = [\"{}\"]\n  digest = \"{}\"\n  manifest-size = {}\n",
        flow.image, image.digest, image.manifest_size
    );
    case.equal("", read(&flow.stage.path("layers/report.toml")), expected);
}

/// Lines that pack's acceptance suite and users' scripts look for.
fn platforms_read_these_lines(case: &Case<'_>) {
    let flow = with_every_layer(case);
    let lines = |args: &[&str]| {
        let outcome = export_to(&flow, args);
        outcome.expect_code(0);
        outcome.output
    };
    let other = format!("{}:other", flow.image);
    let args = ["-process-type=web", "-log-level=debug", &flow.image, &other];
    let text = lines(&args);
    let digest = flow.pull().digest;
    for line in [
        "Adding layer 'example/one:dep'",
        "Added 2/2 app layer(s)",
        "Adding layer 'buildpacksio/lifecycle:launcher'",
        "Adding layer 'buildpacksio/lifecycle:config'",
        "Adding layer 'buildpacksio/lifecycle:process-types'",
        "Adding label 'io.buildpacks.lifecycle.metadata'",
        "Adding label 'io.buildpacks.build.metadata'",
        "Adding label 'io.buildpacks.project.metadata'",
        "Setting default process type 'web'",
        &format!("Saving {}...", flow.image),
        &format!("*** Images ({digest}):"),
        &format!("      {}", flow.image),
        &format!("      {other}"),
        &format!("*** Digest: {digest}"),
        "*** Manifest Size: ",
        "Timer: Exporter started at ",
        "Timer: Exporter ran for ",
    ] {
        case.contains("", &text, line);
    }
    flow.analyze(&[]).expect_code(0);
    flow.stage.write(&format!("{LAYERS}/dep/file"), "changed\n");
    let text = lines(&[&flow.image]);
    for line in [
        &format!("Reusing layers from image '{}@{digest}'", flow.image),
        "Adding layer 'example/one:dep'",
        "Reusing layer 'example/one:a.b'",
        "Reused 2/2 app layer(s)",
        "Reusing layer 'buildpacksio/lifecycle:launcher'",
        "no default process type",
    ] {
        case.contains("", &text, line);
    }
}

fn a_creation_time_that_is_none_is_a_warning(case: &Case<'_>) {
    let mut flow = ready(case);
    for value in ["yesterday", "-1", "1.5", "99999999999999999999"] {
        flow.stage.set("SOURCE_DATE_EPOCH", value);
        let outcome = export_anew(case, &mut flow, &[]);
        outcome.expect_code(0);
        case.contains("", &outcome.output, "Ignoring invalid SOURCE_DATE_EPOCH");
        let created = &flow.pull().config["created"];
        case.equal("", created, "1980-01-01T00:00:01Z");
    }
}

/// Names are judged before anything is read or written.
fn nothing_is_written_when_a_name_cannot_be(case: &Case<'_>) {
    let flow = ready(case);
    let image = flow.image.as_str();
    let by_digest = format!("{image}@sha256:{}", "0".repeat(64));
    let elsewhere = case.ground.private.name("elsewhere/app");
    for (name, reason) in [
        (by_digest.as_str(), "not to a digest"),
        (
            elsewhere.as_str(),
            "writing to multiple registries is unsupported",
        ),
        ("Not A Reference", "Not A Reference"),
    ] {
        let outcome = export_to(&flow, &[image, name]);
        case.exit("", &outcome, 3..=3);
        case.contains("", &outcome.output, reason);
        case.equal("", case.find(image).is_some(), false);
    }
}

/// The reference takes it for an image without layers.
fn a_missing_run_image_is_named(case: &Case<'_>) {
    let flow = ready(case);
    let missing = case.reference("missing");
    flow.stage
        .write("layers/analyzed.toml", &analyzed(&missing));
    let outcome = export_to(&flow, &[&flow.image]);
    case.exit("", &outcome, 62..=62);
    case.contains("", &outcome.output, &missing);
    let forbidden = case.ground.private.name("shared/run:base");
    flow.stage
        .write("layers/analyzed.toml", &analyzed(&forbidden));
    let outcome = export_to(&flow, &[&flow.image]);
    case.exit("", &outcome, 62..=62);
    case.contains("", &outcome.output, &forbidden);
    case.contains("", &outcome.output.to_lowercase(), "unauthorized");
}

/// The reference waits for ever where one of the two fails.
fn a_failure_beside_the_cache_ends_the_export(case: &Case<'_>) {
    let flow = ready(case);
    let cached = "[types]\nlaunch = true\ncache = true\n";
    flow.stage.write(&format!("{LAYERS}/dep.toml"), cached);
    let args = [
        "-parallel",
        "-cache-dir=/cache",
        "-launcher=/missing",
        &flow.image,
    ];
    let outcome = flow.stage.phase("exporter", &args);
    case.exit("", &outcome, 62..=62);
    case.contains("", &outcome.output, "/missing");
    case.equal("", case.find(&flow.image).is_some(), false);
}

fn a_cache_image_wins_over_a_directory(case: &Case<'_>) {
    let flow = ready(case);
    let cached = "[types]\nlaunch = true\ncache = true\n";
    flow.stage.write(&format!("{LAYERS}/dep.toml"), cached);
    let cache = case.reference("cache");
    let by_image = format!("-cache-image={cache}");
    export_to(&flow, &["-cache-dir=/cache", &by_image, &flow.image]).expect_code(0);
    case.equal("", case.find(&cache).is_some(), true);
    let entries = fs::read_dir(flow.stage.path("cache")).expect("list the cache");
    case.equal("", entries.count(), 0);
}

/// Platforms that always give the flag give it empty.
fn an_empty_process_type_is_none(case: &Case<'_>) {
    let flow = ready(case);
    let first = "buildpack-default-process-type = \"web\"\n".to_owned();
    let metadata = metadata(case, &(first + &process(case, "web", "")));
    flow.stage.write("layers/config/metadata.toml", &metadata);
    export_to(&flow, &["-process-type=", &flow.image]).expect_code(0);
    let entrypoint = &flow.pull().config["config"]["Entrypoint"];
    case.equal("", entrypoint, &json!(["/cnb/process/web"]));
}

fn layouts_need_consent(case: &Case<'_>) {
    let mut flow = layout::ready_in(case, "/tmp/layouts");
    let path = format!("/tmp/layouts/{}", layout::RUN_PATH);
    flow.stage.write("layers/analyzed.toml", &analyzed(&path));
    let args = [
        "-layout",
        "-layout-dir=/tmp/layouts",
        "registry.example/app:v1",
    ];
    for mode in [None, Some("error")] {
        flow.stage.unset("CNB_EXPERIMENTAL_MODE");
        if let Some(mode) = mode {
            flow.stage.set("CNB_EXPERIMENTAL_MODE", mode);
        }
        let outcome = export_to(&flow, &args);
        case.exit("", &outcome, 1..=1);
        case.contains("", &outcome.output, "experimental feature");
    }
    for mode in ["warn", "quiet"] {
        flow.stage.set("CNB_EXPERIMENTAL_MODE", mode);
        let outcome = export_to(&flow, &args);
        case.exit("", &outcome, 0..=0);
        let is_told = outcome.output.contains("experimental");
        case.equal("", is_told, mode == "warn");
    }
}

/// The reference takes further tags for paths.
fn every_tag_is_a_layout(case: &Case<'_>) {
    let flow = layout::ready_in(case, "/tmp/layouts");
    let args = ["-layout", "-layout-dir=/tmp/layouts"];
    let names = ["registry.example/team/app:v1", "registry.example/other:v2"];
    layout::export(&flow, &args, &names).expect_code(0);
    let digests = names.map(|name| {
        let path = format!("/tmp/layouts/{}", name.replace(':', "/"));
        let index = read(&flow.stage.path(&format!("{path}/index.json")));
        let index: Value = serde_json::from_str(&index).expect("parse index.json");
        let (_, tag) = name.rsplit_once(':').unwrap_or_default();
        let annotations = &index["manifests"][0]["annotations"];
        case.equal("", &annotations["org.opencontainers.image.ref.name"], tag);
        let image = layout::find(&flow, &path).expect("there is a layout");
        case.equal(
            "",
            content(&image, "/workspace/app.txt").as_str(),
            "an app\n",
        );
        image.digest
    });
    case.equal("", &digests[0], &digests[1]);
}

/// The reference leaves it out.
fn a_layout_is_reported_with_its_digest(case: &Case<'_>) {
    let flow = layout::ready_in(case, "/tmp/layouts");
    let args = ["-layout", "-layout-dir=/tmp/layouts"];
    layout::export(&flow, &args, &["registry.example/app:v1"]).expect_code(0);
    let image = layout::find(&flow, "/tmp/layouts/registry.example/app/v1");
    let digest = image.expect("there is a layout").digest;
    let report = flow.layers_toml("report.toml");
    case.equal(
        "",
        report["image"]["digest"].as_str(),
        Some(digest.as_str()),
    );
}

/// The reference refuses it.
fn the_index_of_a_run_image_may_have_other_platforms(case: &Case<'_>) {
    let flow = layout::ready_in(case, "/tmp/layouts");
    let place = flow
        .stage
        .path(&format!("/tmp/layouts/{}", layout::RUN_PATH));
    let mut other = Recipe::run_image().layer(&[("usr/lib/where", "elsewhere")]);
    other.config["architecture"] = json!("s390x");
    let index = |path: &std::path::Path| -> Value {
        serde_json::from_str(&read(&path.join("index.json"))).expect("parse index.json")
    };
    let mut ours = index(&place)["manifests"][0].clone();
    ours["platform"] = json!({"os": "linux", "architecture": crate::recipe::architecture()});
    other.write_layout(&place);
    let mut both = index(&place);
    both["manifests"][0]["platform"] = json!({"os": "linux", "architecture": "s390x"});
    let manifests = both["manifests"].as_array_mut();
    manifests.expect("an index has manifests").push(ours);
    fs::write(place.join("index.json"), both.to_string()).expect("write the index");
    let args = ["-layout", "-layout-dir=/tmp/layouts"];
    layout::export(&flow, &args, &["registry.example/app:v1"]).expect_code(0);
    let image = layout::find(&flow, "/tmp/layouts/registry.example/app/v1");
    let image = image.expect("there is a layout");
    case.equal(
        "",
        content(&image, "usr/lib/where").as_str(),
        "/tmp/layouts",
    );
}

/// Diff IDs do not depend on it; media types tell readers what to expect.
fn layers_are_compressed_as_asked(case: &Case<'_>) {
    let mut flow = ready(case);
    let usual = exported(&flow);
    for (asked, begin, suffix) in [
        ("gzip", &[0x1f, 0x8b][..], "gzip"),
        ("gzip:9", &[0x1f, 0x8b], "gzip"),
        ("zstd", &[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
        ("zstd:19", &[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
        ("none", b"/cnb", "tar"),
    ] {
        flow.stage.set("WHARF_LAYER_COMPRESSION", asked);
        case.succeeds("", &export_anew(case, &mut flow, &[]));
        let image = flow.pull();
        case.equal("", image.diff_ids(), usual.diff_ids());
        let blob = image.blob(image.layers().len() - 1);
        case.equal("", &blob[..begin.len()], begin);
        let layers = image.manifest["layers"].as_array();
        let media_type = layers.and_then(|layers| layers.last()?["mediaType"].as_str());
        let media_type = media_type.unwrap_or_default();
        case.check("", media_type.ends_with(suffix), suffix, media_type);
    }
}

fn an_unknown_compression_is_refused(case: &Case<'_>) {
    let mut flow = ready(case);
    flow.stage.set("WHARF_LAYER_COMPRESSION", "xz");
    let outcome = export_anew(case, &mut flow, &[]);
    case.exit("", &outcome, 3..=3);
    outcome.expect_words(&[
        "WHARF_LAYER_COMPRESSION",
        "'xz' is no way to compress layers; use gzip[:1-12], zstd[:1-19] or none",
    ]);
}
