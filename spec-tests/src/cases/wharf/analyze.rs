//! Analysis as wharf promises it: the reference's behaviour where the specification is silent, and its weaknesses
//! mended.
use crate::{
    cases::{
        analyze::{by_digest, named, reference, run_with},
        build::layer,
    },
    client::basic,
    flow::Flow,
    image::digest,
    probe::Probe,
    recipe::{Recipe, architecture},
    stage::Outcome,
    suite::{
        Case,
        ground::{PASSWORD, USER},
    },
    tests,
};
use serde_json::{Value, json};

tests! {
    hosts_of_credentials_may_be_written_as_addresses: [] .once();
    a_credential_helper_is_run: [] .once();
    the_file_of_podman_is_read: [] .once();
    a_mirror_on_an_insecure_registry_is_readable: [] .platform(13, 15);
    missing_rights_are_told_by_image_before_anything_is_written: [];
    an_index_leads_to_the_image_of_this_machine: [];
    an_index_on_disk_leads_to_the_image_of_this_machine: [] .platform(12, 15);
    an_image_without_an_operating_system_is_refused: [] .once();
    an_unreadable_name_on_the_registry_of_the_app_is_passed_over: [];
    all_names_that_were_tried_are_told: [];
    layouts_are_named_by_path_and_digest: [] .platform(12, 15);
    a_path_below_the_directory_of_layouts_is_a_reference: [] .platform(12, 15);
    a_run_image_that_went_away_is_told_by_the_restorer: [] .platform(14, 15);
    both_names_of_the_previous_image_are_read: [] .once();
}

/// A build whose image and run image are in the registry that asks for a password.
fn private<'a>(case: &'a Case<'a>) -> Flow<'a> {
    let mut flow = Flow::new(case);
    let registry = &case.ground.private;
    flow.image = registry.name(&case.repository("app"));
    let run = registry.name("shared/run:base");
    flow.stage.set("CNB_RUN_IMAGE", &run);
    flow
}

fn hosts_of_credentials_may_be_written_as_addresses(case: &Case<'_>) {
    let mut flow = private(case);
    let address = case.ground.private.address();
    for host in [
        format!("http://{address}"),
        format!("https://{address}/v2/"),
        format!("{address}/v1"),
    ] {
        let auth = json!({ host: basic(USER, PASSWORD) });
        flow.stage.set("CNB_REGISTRY_AUTH", &auth.to_string());
        case.succeeds("", &flow.analyze(&[]));
    }
}

fn a_credential_helper_is_run(case: &Case<'_>) {
    let mut flow = private(case);
    let helper = "tmp/bin/docker-credential-test";
    let says = json!({"ServerURL": "", "Username": USER, "Secret": PASSWORD});
    let script = format!("#!/bin/sh\ncat > /tmp/asked\necho '{says}'\n");
    flow.stage.write(helper, &script);
    flow.stage.set("PATH", "/tmp/bin:/usr/bin:/bin");
    let address = case.ground.private.address();
    for config in [
        json!({"credHelpers": {&address: "test"}}),
        json!({"credsStore": "test"}),
    ] {
        flow.stage
            .write("tmp/docker/config.json", &config.to_string());
        flow.stage.set("DOCKER_CONFIG", "/tmp/docker");
        case.succeeds("", &flow.analyze(&[]));
        let asked = crate::read(&flow.stage.path("tmp/asked"));
        case.equal("", asked.trim(), address.as_str());
    }
}

fn the_file_of_podman_is_read(case: &Case<'_>) {
    let mut flow = private(case);
    let auth = basic(USER, PASSWORD).replace("Basic ", "");
    let config = json!({"auths": {case.ground.private.address(): {"auth": auth}}});
    for (variable, value) in [
        ("REGISTRY_AUTH_FILE", "/tmp/run/containers/auth.json"),
        ("XDG_RUNTIME_DIR", "/tmp/run"),
    ] {
        flow.stage
            .write("tmp/run/containers/auth.json", &config.to_string());
        flow.stage.set(variable, value);
        case.succeeds("", &flow.analyze(&[]));
        flow.stage.unset(variable);
    }
    case.fails("", &flow.analyze(&[]));
}

/// Analyzes where the open registry has the name `r.example`, too.
fn analyze_by_name(flow: &Flow<'_>, args: &[&str]) -> Outcome {
    let hosts = named(flow, &["r.example"]);
    let words = [&["analyzer"], args, &[flow.image.as_str()]].concat();
    run_with(flow, &hosts.each_ref().map(String::as_str), &words)
}

/// The address of the open registry with the name `r.example`.
fn by_name(case: &Case<'_>) -> String {
    let address = case.ground.registry.address();
    address.replace("127.0.0.1", "r.example")
}

/// The reference looks at mirrors as if no registry were insecure.
fn a_mirror_on_an_insecure_registry_is_readable(case: &Case<'_>) {
    let flow = Flow::new(case);
    let registry = by_name(case);
    let hidden = case.ground.guarded.name("hidden");
    let lines =
        format!("[[images]]\nimage = \"{hidden}\"\nmirrors = [\"{registry}/shared/run:base\"]\n");
    flow.stage.write("cnb/run.toml", &lines);
    let insecure = format!("-insecure-registry={registry}");
    case.succeeds("", &analyze_by_name(&flow, &[&insecure]));
    let start = format!("{registry}/shared/run@sha256:");
    case.contains("", &reference(&flow, "run-image"), &start);
}

fn missing_rights_are_told_by_image_before_anything_is_written(case: &Case<'_>) {
    let flow = Flow::new(case);
    for (flag, rights, words) in [
        (
            "-previous-image",
            "hidden",
            "ensure registry read access to",
        ),
        (
            "-cache-image",
            "read-only",
            "ensure registry read/write access to",
        ),
    ] {
        let image = case.ground.guarded.name(&case.repository(rights));
        let outcome = flow.analyze(&[&format!("{flag}={image}")]);
        case.exit("", &outcome, 32..=32);
        case.contains("", &outcome.stderr, &format!("{words} {image}"));
    }
    let written = flow.stage.path("layers/analyzed.toml").exists();
    case.equal("", written, false);
}

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// An index of run images, of which the one in the middle is for this machine, and that one's digest; `put` stores
/// an image by a name and gives size and digest of its manifest.
fn index(put: impl Fn(&str, &Recipe) -> (usize, String)) -> (Value, String) {
    let mut wanted = String::new();
    let mut manifests = Vec::new();
    for arch in ["s390x", architecture(), "riscv64"] {
        let mut recipe = Recipe::run_image();
        recipe.config["architecture"] = json!(arch);
        let (size, digest) = put(arch, &recipe);
        if arch == architecture() {
            wanted.clone_from(&digest);
        }
        manifests.push(json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": digest,
            "size": size,
            "platform": {"os": "linux", "architecture": arch},
        }));
    }
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
    (index, wanted)
}

fn an_index_leads_to_the_image_of_this_machine(case: &Case<'_>) {
    let flow = Flow::new(case);
    let repository = case.repository("run");
    let registry = &case.ground.registry;
    let (index, wanted) = index(|arch, recipe| {
        let digest = recipe.push(registry, &format!("{repository}:{arch}"));
        let manifest = registry.client().manifest(&repository, &digest);
        (manifest.map_or(0, |(_, bytes)| bytes.len()), digest)
    });
    let bytes = index.to_string().into_bytes();
    registry
        .client()
        .push_manifest(&repository, "all", INDEX, &bytes);
    let run_image = registry.name(&repository);
    flow.analyze(&[&format!("-run-image={run_image}:all")])
        .expect_code(0);
    let expected = format!("{run_image}@{wanted}");
    case.equal("", reference(&flow, "run-image"), expected);
}

/// A build that uses layouts, with the run image of its run file among them.
fn on_disk<'a>(case: &'a Case<'a>) -> Flow<'a> {
    let mut flow = Flow::new(case);
    flow.stage.set("CNB_EXPERIMENTAL_MODE", "quiet");
    flow.stage.set("CNB_USE_LAYOUT", "true");
    flow.stage.set("CNB_LAYOUT_DIR", "/tmp/layouts");
    flow.stage
        .write("cnb/run.toml", "[[images]]\nimage = \"r.example/run:1\"\n");
    let dir = flow.stage.path("tmp/layouts/r.example/run/1");
    Recipe::run_image().write_layout(&dir);
    flow
}

/// The reference refuses an index of several, and takes amd64 on every machine.
fn an_index_on_disk_leads_to_the_image_of_this_machine(case: &Case<'_>) {
    let flow = on_disk(case);
    let dir = flow.stage.path("tmp/layouts/r.example/run/1");
    let (index, wanted) = index(|_, recipe| {
        recipe.write_layout(&dir);
        let index: Value =
            serde_json::from_str(&crate::read(&dir.join("index.json"))).expect("parse index.json");
        let entry = &index["manifests"][0];
        let digest = entry["digest"].as_str().unwrap_or_default();
        let size = entry["size"].as_u64().unwrap_or_default();
        (usize::try_from(size).unwrap_or_default(), digest.to_owned())
    });
    flow.stage
        .write("tmp/layouts/r.example/run/1/index.json", &index.to_string());
    flow.analyze(&[]).expect_code(0);
    let expected = format!("/tmp/layouts/r.example/run/1@{wanted}");
    case.equal("", reference(&flow, "run-image"), expected);
}

fn an_image_without_an_operating_system_is_refused(case: &Case<'_>) {
    let flow = Flow::new(case);
    let mut recipe = Recipe::run_image();
    recipe.config["os"] = json!("");
    let run_image = case.push("run", &recipe);
    let outcome = flow.analyze(&[&format!("-run-image={run_image}")]);
    case.fails("", &outcome);
    case.contains("", &outcome.stderr, &run_image);
}

/// Names of the run image in the file of the Platform API.
fn name_run_image(case: &Case<'_>, flow: &Flow<'_>, image: &str, mirrors: &[&str]) {
    let (file, table) = if case.platform < 12 {
        ("cnb/stack.toml", "[run-image]")
    } else {
        ("cnb/run.toml", "[[images]]")
    };
    let lines = format!("{table}\nimage = \"{image}\"\nmirrors = {mirrors:?}\n");
    flow.stage.write(file, &lines);
}

/// The specification leaves it open; the reference does so on every Platform API.
fn an_unreadable_name_on_the_registry_of_the_app_is_passed_over(case: &Case<'_>) {
    let flow = Flow::new(case);
    let near = case.reference("absent");
    let repository = case.repository("far");
    Recipe::run_image().push(&case.ground.registry, &repository);
    let far = case.ground.guarded.name(&repository);
    for (image, mirror) in [(&near, &far), (&far, &near)] {
        name_run_image(case, &flow, image, &[mirror]);
        flow.analyze(&[]).expect_code(0);
        let start = format!("{far}@sha256:");
        case.contains("", &reference(&flow, "run-image"), &start);
    }
}

fn all_names_that_were_tried_are_told(case: &Case<'_>) {
    let flow = Flow::new(case);
    let absent = case.reference("absent");
    let hidden = case.ground.guarded.name(&case.repository("hidden"));
    name_run_image(case, &flow, &hidden, &[&absent]);
    let outcome = flow.analyze(&[]);
    case.exit("", &outcome, 3..=3);
    for words in ["find accessible run image", &absent, &hidden] {
        case.contains("", &outcome.stderr, words);
    }
}

fn layouts_are_named_by_path_and_digest(case: &Case<'_>) {
    let flow = on_disk(case);
    flow.analyze(&["-previous-image=r.example/run:1"])
        .expect_code(0);
    let dir = flow.stage.path("tmp/layouts/r.example/run/1");
    let digest = crate::image::Image::layout(&dir).digest;
    let expected = format!("/tmp/layouts/r.example/run/1@{digest}");
    let seen = ["image", "run-image"].map(|table| reference(&flow, table));
    case.equal("", seen, [expected.clone(), expected]);
}

fn a_path_below_the_directory_of_layouts_is_a_reference(case: &Case<'_>) {
    let flow = on_disk(case);
    let path = "/tmp/layouts/r.example/other/2";
    Recipe::run_image().write_layout(&flow.stage.path(path));
    flow.analyze(&[&format!("-run-image={path}")])
        .expect_code(0);
    let start = format!("{path}@sha256:");
    case.contains("", &reference(&flow, "run-image"), &start);
    let outside = "-run-image=/tmp/other/r.example/other/2";
    case.fails("", &flow.analyze(&[outside]));
}

fn a_run_image_that_went_away_is_told_by_the_restorer(case: &Case<'_>) {
    let flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    flow.until_detect();
    let hidden = case.ground.guarded.name(&case.repository("hidden"));
    let analyzed = crate::read(&flow.stage.path("layers/analyzed.toml"));
    let run = case.run_image();
    let gone = analyzed
        .replace(&by_digest(case, &run), &format!("{hidden}@{}", digest(b"")))
        .replace(&run, &hidden);
    flow.stage.write("layers/analyzed.toml", &gone);
    name_run_image(case, &flow, &hidden, &[]);
    let outcome = flow.restore(&[]);
    case.fails("", &outcome);
    let words = format!("'{hidden}' is not accessible");
    case.contains("", &outcome.stderr, &words);
}

/// The specification's sample and its prose differ; lifecycles write that of the sample.
fn both_names_of_the_previous_image_are_read(case: &Case<'_>) {
    let script = layer("dep", "launch", &[("file", "content")]);
    let flow = Flow::with(case, &[&Probe::new(case, "example/one").build(&script)]);
    flow.whole();
    flow.next().until_build();
    let analyzed = crate::read(&flow.stage.path("layers/analyzed.toml"));
    for (name, is_known) in [("image", true), ("previous-image", true), ("other", false)] {
        let text = analyzed.replace("[image]", &format!("[{name}]"));
        flow.stage.write("layers/analyzed.toml", &text);
        let outcome = flow.export(&[]);
        outcome.expect_code(0);
        let reuses = outcome.output.contains("Reusing layer 'example/one:dep'");
        case.equal("", (name, reuses), (name, is_known));
    }
}
