//! The app image: base, layers, config.
use super::{
    ID, LAYERS, analyzed, content, export_anew, export_to, exported, metadata, process, ready,
};
use crate::{
    flow::Flow,
    image::{Entry, Image},
    probe::Probe,
    recipe::Recipe,
    suite::Case,
    tests,
};
use serde_json::{Value, json};
use std::{
    fs::File,
    time::{Duration, SystemTime},
};

tests! {
    images_are_tags_on_one_registry: ["P-EXPORT-001", "P-EXPORT-002", "P-EXPORT-003"];
    every_tag_gets_the_same_image: ["P-EXPORT-005", "P-FREP-001", "P-EXPORT-039"];
    the_run_image_is_the_base: ["P-EXPORT-004", "P-EXPORT-007", "P-EXPORT-008"];
    config_of_the_run_image_is_kept: ["P-EXPORT-010"];
    the_app_is_in_the_image: ["P-EXPORT-018"];
    launcher_layers: ["P-EXPORT-020", "P-EXPORT-021"];
    entrypoint: ["P-EXPORT-022", "P-EXPORT-023", "P-EXPORT-024", "P-EXPORT-025"];
    environment: ["P-EXPORT-026", "P-EXPORT-027", "P-EXPORT-028", "P-EXPORT-029"];
    files_have_one_time: ["P-EXPORT-035"];
    the_created_time_is_a_constant: ["P-EXPORT-036"] .platform(7, 8);
    the_created_time_is_a_constant_or_as_asked_for:
        ["P-EXPORT-037", "P-EXPORT-038", "P-EIN-024"] .platform(9, 15);
    a_run_image_may_forbid_rebasing: ["P-EXPORT-034"] .platform(12, 15);
    bindings_stay_out_of_the_image: ["BI-BUILD-001"];
}

fn images_are_tags_on_one_registry(case: &Case<'_>) {
    let flow = ready(case);
    case.fails("P-EXPORT-001", &export_to(&flow, &[]));
    let image = flow.image.as_str();
    let by_digest = format!("{image}@sha256:{}", "0".repeat(64));
    for name in [by_digest.as_str(), "Not A Reference", "UPPER/CASE:tag:tag"] {
        case.fails("P-EXPORT-002", &export_to(&flow, &[name]));
        case.fails("P-EXPORT-002", &export_to(&flow, &[image, name]));
    }
    let elsewhere = case.ground.private.name("elsewhere/app");
    case.fails("P-EXPORT-003", &export_to(&flow, &[image, &elsewhere]));
}

fn every_tag_gets_the_same_image(case: &Case<'_>) {
    let flow = ready(case);
    let other = case.reference("other");
    let tagged = format!("{}:v2", flow.image);
    let names = [flow.image.as_str(), &tagged, &other];
    export_to(&flow, &names).expect_code(0);
    let digests = names.map(|name| case.pull(name).digest);
    case.equal("P-EXPORT-005", &digests[1..], [digests[0].as_str(); 2]);
    let report = flow.layers_toml("report.toml");
    let image = report.get("image").and_then(toml::Value::as_table);
    let tags = image.and_then(|image| image.get("tags")?.as_array().cloned());
    let mut tags: Vec<String> = tags
        .unwrap_or_default()
        .iter()
        .map(|tag| without_latest(tag.as_str().unwrap_or_default()))
        .collect();
    tags.sort();
    let mut expected = names.map(str::to_owned);
    expected.sort();
    case.equal("P-FREP-001 P-EXPORT-039", tags, expected);
}

fn without_latest(tag: &str) -> String {
    tag.trim_end_matches(":latest").to_owned()
}

fn the_run_image_is_the_base(case: &Case<'_>) {
    let mut flow = ready(case);
    for docker in [false, true] {
        let mut recipe = Recipe::run_image()
            .layer(&[("usr/lib/first", "first")])
            .layer(&[("usr/lib/second", if docker { "docker" } else { "oci" })]);
        recipe.docker = docker;
        let run_image = case.push("run", &recipe);
        let base = case.pull(&run_image);
        flow.stage
            .write("layers/analyzed.toml", &analyzed(&run_image));
        export_anew(case, &mut flow, &[]).expect_code(0);
        let image = flow.pull();
        let below = |image: &Image| (image.diff_ids()[..3].to_vec(), image.layers()[..3].to_vec());
        let ids = "P-EXPORT-004 P-EXPORT-007 P-EXPORT-008";
        case.equal(ids, below(&image), below(&base));
    }
}

fn config_of_the_run_image_is_kept(case: &Case<'_>) {
    let mut recipe = Recipe::run_image().label("example.label", "kept");
    let kept = json!({
        "User": "1234:2345",
        "ExposedPorts": {"8080/tcp": {}},
        "Volumes": {"/data": {}},
        "StopSignal": "SIGUSR1",
    });
    let config = recipe.config["config"].as_object_mut();
    let config = config.expect("a recipe has a config");
    config.extend(kept.as_object().cloned().unwrap_or_default());
    let path = "PATH=/opt/bin:/usr/bin";
    config.insert("Env".into(), json!([path, "KEPT=a=b c", "EMPTY="]));
    let run_image = case.push("run", &recipe);
    let flow = ready(case);
    flow.stage
        .write("layers/analyzed.toml", &analyzed(&run_image));
    let image = exported(&flow);
    for (name, value) in kept.as_object().into_iter().flatten() {
        case.equal("P-EXPORT-010", &image.config["config"][name], value);
    }
    for (name, value) in [("KEPT", "a=b c"), ("EMPTY", "")] {
        case.equal("P-EXPORT-010", image.env(name), Some(value));
    }
    for label in ["example.label", "io.buildpacks.base.distro.name"] {
        let expected = recipe.config["config"]["Labels"][label].as_str();
        case.equal("P-EXPORT-010", image.label(label), expected);
    }
    for name in ["os", "architecture"] {
        case.equal("P-EXPORT-010", &image.config[name], &recipe.config[name]);
    }
}

fn the_app_is_in_the_image(case: &Case<'_>) {
    let flow = ready(case);
    flow.stage.write("workspace/bin/run", "#!/bin/sh\n");
    flow.stage.link("bin/run", "workspace/start");
    let image = exported(&flow);
    let label = super::lifecycle_label(&image);
    let layers = label["app"].as_array().cloned().unwrap_or_default();
    let mut seen: Vec<(String, String)> = layers
        .iter()
        .flat_map(|layer| image.layer(layer["sha"].as_str().unwrap_or_default()))
        .filter(|entry| entry.kind != b'5')
        .map(|entry| (entry.path.clone(), text(&entry) + &entry.link))
        .collect();
    seen.sort();
    let expected = [
        ("/workspace/app.txt", "an app\n"),
        ("/workspace/bin/run", "#!/bin/sh\n"),
        ("/workspace/start", "bin/run"),
    ];
    let expected = expected.map(|(path, content)| (path.to_owned(), content.to_owned()));
    case.equal("P-EXPORT-018", seen, expected);
}

fn text(entry: &Entry) -> String {
    String::from_utf8_lossy(&entry.content).into_owned()
}

/// Replaces the processes of `config/metadata.toml`.
fn set_processes(case: &Case<'_>, flow: &Flow<'_>, first_line: &str, kinds: &[&str]) {
    let processes = kinds.iter().map(|kind| process(case, kind, ""));
    let processes: String = processes.collect();
    let metadata = metadata(case, &format!("{first_line}\n{processes}"));
    flow.stage.write("layers/config/metadata.toml", &metadata);
}

fn launcher_layers(case: &Case<'_>) {
    let mut flow = ready(case);
    for kinds in [vec!["web", "a.b-c_9", "worker"], vec![]] {
        set_processes(case, &flow, "", &kinds);
        export_anew(case, &mut flow, &[]).expect_code(0);
        let image = flow.pull();
        let entries = image.entries_above(0);
        let links = entries.iter().filter_map(|entry| {
            let name = entry.path.strip_prefix("/cnb/process/")?;
            Some((name, entry.kind, entry.link.as_str()))
        });
        let mut links: Vec<_> = links.collect();
        links.sort_unstable();
        let mut expected: Vec<_> = kinds
            .iter()
            .map(|kind| (*kind, b'2', "/cnb/lifecycle/launcher"))
            .collect();
        expected.sort_unstable();
        case.equal("P-EXPORT-020", links, expected);
        let written = crate::read(&flow.stage.path("layers/config/metadata.toml"));
        let path = "/layers/config/metadata.toml";
        case.equal("P-EXPORT-021", content(&image, path), written);
    }
}

fn entrypoint(case: &Case<'_>) {
    let mut flow = ready(case);
    let default = "buildpack-default-process-type = \"worker\"";
    let launcher = "/cnb/lifecycle/launcher";
    for (id, first_line, flag, expected) in [
        ("P-EXPORT-022", "", "-process-type=web", "/cnb/process/web"),
        (
            "P-EXPORT-022",
            default,
            "-process-type=web",
            "/cnb/process/web",
        ),
        (
            "P-EXPORT-024",
            default,
            "-log-level=info",
            "/cnb/process/worker",
        ),
        ("P-EXPORT-025", "", "-log-level=info", launcher),
    ] {
        set_processes(case, &flow, first_line, &["web", "worker"]);
        export_anew(case, &mut flow, &[flag]).expect_code(0);
        let image = flow.pull();
        case.equal(
            id,
            &image.config["config"]["Entrypoint"],
            &json!([expected]),
        );
    }
    set_processes(case, &flow, default, &["web", "worker"]);
    let outcome = export_anew(case, &mut flow, &["-process-type=missing"]);
    case.fails("P-EXPORT-023", &outcome);
    case.equal("P-EXPORT-023", case.find(&flow.image).is_some(), false);
}

fn environment(case: &Case<'_>) {
    let mut flow = ready(case);
    let base = "/usr/local/bin:/usr/bin:/bin";
    for (layers, app) in [("/layers", "/workspace"), ("/tmp/layers", "/tmp/my app")] {
        flow.stage.write(&format!("{app}/app.txt"), "an app\n");
        let from = flow.stage.path("layers");
        flow.stage.copy(&from, "/tmp/layers");
        let (by_layers, by_app) = (format!("-layers={layers}"), format!("-app={app}"));
        export_anew(case, &mut flow, &[&by_layers, &by_app]).expect_code(0);
        let image = flow.pull();
        case.equal("P-EXPORT-026", image.env("CNB_LAYERS_DIR"), Some(layers));
        case.equal("P-EXPORT-027", image.env("CNB_APP_DIR"), Some(app));
        case.equal("P-EXPORT-029", &image.config["config"]["WorkingDir"], app);
        let path = image.env("PATH").unwrap_or_default();
        let holds = path.starts_with("/cnb/process:") && path.ends_with(&format!(":{base}"));
        let expected = format!("/cnb/process, then the end {base}");
        case.check("P-EXPORT-028", holds, &expected, path);
    }
}

/// Sets the time of files that become part of layers.
fn touch(flow: &Flow<'_>, seconds: u64) {
    let dep = format!("{LAYERS}/dep/file");
    for (path, seconds) in [
        ("workspace/app.txt", seconds),
        (dep.as_str(), seconds + 12_345),
        ("layers/config/metadata.toml", seconds + 54_321),
    ] {
        let file = File::options().append(true).open(flow.stage.path(path));
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        file.and_then(|file| file.set_modified(time))
            .expect("set the time of a file");
    }
}

fn files_have_one_time(case: &Case<'_>) {
    let mut flow = ready(case);
    let times = [1_000_000_000, 1_600_000_000].map(|seconds| {
        touch(&flow, seconds);
        export_anew(case, &mut flow, &[]).expect_code(0);
        let entries = flow.pull().entries_above(1);
        let mut times: Vec<u64> = entries.iter().map(|entry| entry.mtime).collect();
        times.sort_unstable();
        times.dedup();
        times
    });
    let [first, second] = times;
    case.equal("P-EXPORT-035", first.len(), 1);
    case.equal("P-EXPORT-035", second, first);
}

/// What `created` is, and that it is not the time of the export.
fn created(case: &Case<'_>, flow: &mut Flow<'_>, id: &str) -> String {
    export_anew(case, flow, &[]).expect_code(0);
    let created = flow.pull().config["created"].clone();
    let created = created.as_str().unwrap_or_default().to_owned();
    let yesterday = ["-u", "-d", "yesterday", "+%Y-%m-%dT%H:%M:%SZ"];
    let yesterday = flow.stage.run("/bin/date", &yesterday).stdout;
    let is_past = !created.is_empty() && created < yesterday;
    case.check(id, is_past, "a time long ago", &created);
    created
}

/// Two exports with other contents.
fn created_twice(case: &Case<'_>, flow: &mut Flow<'_>, id: &str) -> String {
    let first = created(case, flow, id);
    flow.stage.write("workspace/another.txt", "another\n");
    case.equal(id, created(case, flow, id), first.as_str());
    first
}

fn the_created_time_is_a_constant(case: &Case<'_>) {
    let mut flow = ready(case);
    created_twice(case, &mut flow, "P-EXPORT-036");
}

fn the_created_time_is_a_constant_or_as_asked_for(case: &Case<'_>) {
    let mut flow = ready(case);
    let constant = created_twice(case, &mut flow, "P-EXPORT-038 P-EIN-024");
    for (seconds, expected) in [
        ("1700000000", "2023-11-14T22:13:20Z"),
        ("1582934400", "2020-02-29T00:00:00Z"),
    ] {
        flow.stage.set("SOURCE_DATE_EPOCH", seconds);
        let seen = created(case, &mut flow, "P-EXPORT-037");
        case.equal("P-EXPORT-037 P-EIN-024", seen.as_str(), expected);
        case.differ("P-EIN-024", seen.as_str(), constant.as_str());
    }
}

fn a_run_image_may_forbid_rebasing(case: &Case<'_>) {
    let label = "io.buildpacks.rebasable";
    let run_image = case.push("run", &Recipe::run_image().label(label, "false"));
    let flow = ready(case);
    flow.stage
        .write("layers/analyzed.toml", &analyzed(&run_image));
    case.equal("P-EXPORT-034", exported(&flow).label(label), Some("false"));
}

fn bindings_stay_out_of_the_image(case: &Case<'_>) {
    let script = "mkdir -p \"$LAYERS/dep\"\nprintf '[types]\\nlaunch = true\\n' > \"$LAYERS/dep.toml\"\n\
                  wc -c < \"$PLATFORM_DIR/bindings/database/password\" > \"$LAYERS/dep/size\"";
    let flow = Flow::with(case, &[&Probe::new(case, ID).build(script)]);
    let secret = "a-secret-nobody-may-see";
    let binding = "platform/bindings/database";
    flow.stage
        .write(&format!("{binding}/type"), "database-of-bindings");
    flow.stage.write(&format!("{binding}/password"), secret);
    let image = flow.whole();
    let size = content(&image, "/dep/size");
    case.equal("BI-BUILD-001", size.trim(), secret.len().to_string());
    let holds =
        |bytes: &[u8], part: &str| bytes.windows(part.len()).any(|at| at == part.as_bytes());
    let mut parts: Vec<Vec<u8>> = (1..image.layers().len())
        .map(|at| image.archive(at))
        .collect();
    parts.push(Value::to_string(&image.config).into_bytes());
    for part in [secret, "database-of-bindings", binding] {
        let found = parts.iter().any(|bytes| holds(bytes, part));
        case.check("BI-BUILD-001", !found, "an image without the binding", part);
    }
}
