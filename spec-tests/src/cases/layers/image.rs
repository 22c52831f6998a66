//! The parts of the image, its labels, and that the same inputs make the same image.
use super::{flow, launch_toml, layer, sha};
use crate::{
    flow::Flow,
    image::{Entry, Image, digest},
    probe::Probe,
    recipe::Recipe,
    suite::Case,
    tests,
};
use serde_json::Value;
use std::{collections::BTreeSet, fs};

tests! {
    every_layer_is_accounted_for: ["B-EXPORT-009"];
    the_config_layer_has_buildpacks_and_processes: ["B-EXPORT-010", "B-EXPORT-011"] .each_of_both();
    labels_of_buildpacks_are_on_the_image: ["B-LABEL-001", "B-LABEL-002", "B-LABEL-003"] .each_of_both();
    the_same_inputs_make_the_same_image: ["P-REPRO-001", "P-REPRO-002", "P-REPRO-003"];
    the_same_rebase_makes_the_same_image: ["P-REPRO-001"];
    stores_of_different_registries_are_refused_or_told: ["B-EXPORT-001"];
    layers_for_an_execution_environment_are_used_in_it: ["B-FLAYER-003"] .platform(15, 15) .buildpack(12, 12);
}

/// All of `sha` in a JSON value.
fn shas(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str() {
                    Some("") => {}
                    Some(sha) if name == "sha" => {
                        found.insert(sha.to_owned());
                    }
                    _ => shas(member, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|member| shas(member, found)),
        _ => {}
    }
}

fn every_layer_is_accounted_for(case: &Case<'_>) {
    let flow = flow(
        case,
        &(layer("one", "l", "one") + &layer("two", "bcl", "two")),
    );
    let first = flow.whole();
    // The second image has a reused and a new layer.
    super::next(
        case,
        &flow,
        &(super::described("one", "l", "one") + &layer("two", "bcl", "other")),
    );
    let second = flow.whole();
    for image in [&first, &second] {
        let mut expected: BTreeSet<String> = case
            .pull(&case.run_image())
            .diff_ids()
            .into_iter()
            .collect();
        let label = image.json_label("io.buildpacks.lifecycle.metadata");
        for part in ["app", "config", "launcher"] {
            let mut found = BTreeSet::new();
            shas(&label[part], &mut found);
            case.differ("B-EXPORT-009", found, BTreeSet::new());
        }
        shas(&label, &mut expected);
        let seen: BTreeSet<String> = image.diff_ids().into_iter().collect();
        case.equal("B-EXPORT-009", seen, expected);
    }
    case.equal("B-EXPORT-009", sha(&second, "one"), sha(&first, "one"));
}

/// `metadata.toml` of the image's config layer.
fn metadata_toml(image: &Image) -> toml::Table {
    let label = image.json_label("io.buildpacks.lifecycle.metadata");
    let entries = image.layer(label["config"]["sha"].as_str().expect("it has a sha"));
    let is_metadata =
        |entry: &&Entry| entry.path.trim_start_matches('/') == "layers/config/metadata.toml";
    let entry = entries.iter().find(is_metadata);
    let content = &entry.expect("the config layer has metadata.toml").content;
    let text = String::from_utf8_lossy(content);
    text.parse().expect("metadata.toml is TOML")
}

/// Shell lines that leave processes of these types whose command is `command`.
fn processes(case: &Case<'_>, types: &[&str], command: &str) -> String {
    let command = if case.buildpack >= 9 {
        format!("[\"{command}\"]")
    } else {
        format!("\"{command}\"")
    };
    let table = |name: &&str| format!("[[processes]]\ntype = \"{name}\"\ncommand = {command}\n");
    launch_toml(&types.iter().map(table).collect::<Vec<_>>())
}

fn the_config_layer_has_buildpacks_and_processes(case: &Case<'_>) {
    let first = Probe::new(case, "example/z-first").build(&processes(
        case,
        &["web", "only-first"],
        "first",
    ));
    let second = Probe::new(case, "example/a-second").build(&processes(
        case,
        &["web", "only-second"],
        "second",
    ));
    let image = Flow::with(case, &[&first, &second]).whole();
    let metadata = metadata_toml(&image);
    let ids: Vec<_> = metadata["buildpacks"]
        .as_array()
        .expect("it lists buildpacks")
        .iter()
        .map(|buildpack| buildpack["id"].as_str().unwrap_or_default())
        .collect();
    case.equal("B-EXPORT-010", ids, ["example/z-first", "example/a-second"]);
    let command = |process: &toml::Value| match &process["command"] {
        toml::Value::Array(words) => words[0].as_str().unwrap_or_default().to_owned(),
        word => word.as_str().unwrap_or_default().to_owned(),
    };
    let processes: BTreeSet<(String, String)> = metadata["processes"]
        .as_array()
        .expect("it lists processes")
        .iter()
        .map(|process| {
            let name = process["type"].as_str().unwrap_or_default();
            (name.to_owned(), command(process))
        })
        .collect();
    let expected = [
        ("web", "second"),
        ("only-first", "first"),
        ("only-second", "second"),
    ];
    let expected = expected.map(|(name, command)| (name.to_owned(), command.to_owned()));
    case.equal("B-EXPORT-011", processes, BTreeSet::from(expected));
}

fn labels_of_buildpacks_are_on_the_image(case: &Case<'_>) {
    let labels = |list: &[(&str, &str)]| {
        let table = |(key, value): &(&str, &str)| {
            format!("[[labels]]\nkey = \"{key}\"\nvalue = '{value}'\n")
        };
        launch_toml(&list.iter().map(table).collect::<Vec<_>>())
    };
    let odd = "<a> & \"b\" = ü, {}";
    let first = Probe::new(case, "example/z-first").build(&labels(&[
        ("example.odd", odd),
        ("example.both", "first"),
        ("example.empty", ""),
    ]));
    let second = Probe::new(case, "example/a-second").build(&labels(&[
        ("example.both", "second"),
        ("example.second", "yes"),
    ]));
    let image = Flow::with(case, &[&first, &second]).whole();
    case.equal(
        "B-LABEL-001 B-LABEL-003",
        image.label("example.odd"),
        Some(odd),
    );
    case.equal(
        "B-LABEL-001 B-LABEL-003",
        image.label("example.empty"),
        Some(""),
    );
    case.equal(
        "B-LABEL-001 B-LABEL-003",
        image.label("example.second"),
        Some("yes"),
    );
    case.equal("B-LABEL-002", image.label("example.both"), Some("second"));
}

/// A build with something of everything.
fn rich<'a>(case: &'a Case<'a>) -> Flow<'a> {
    let script = layer("lib", "l", "lib")
        + &layer("tool", "bc", "tool")
        + "printf '[[labels]]\\nkey = \"k\"\\nvalue = \"v\"\\n[[slices]]\\npaths = [\"*.css\"]\\n' > \"$LAYERS/launch.toml\"\n"
        + "printf '[metadata]\\nb = 1\\na = 2\\n' > \"$LAYERS/store.toml\"\n";
    let flow = flow(case, &script);
    flow.stage.write("workspace/main.css", "css");
    flow
}

fn the_same_inputs_make_the_same_image(case: &Case<'_>) {
    let first = rich(case).whole();
    let other = rich(case);
    // Same sources at another time, in a directory that was written in another order.
    for file in ["main.css", "app.txt"] {
        let path = other.stage.path(&format!("workspace/{file}"));
        let content = fs::read(&path).expect("read an app file");
        fs::remove_file(&path).expect("remove an app file");
        fs::write(&path, content).expect("write an app file");
        let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_hours(24);
        fs::File::open(&path)
            .and_then(|file| file.set_modified(long_ago))
            .expect("set a file's time");
    }
    let second = other.whole();
    let id = |image: &Image| image.manifest["config"]["digest"].clone();
    let labels = |image: &Image| image.config["config"]["Labels"].clone();
    case.equal("P-REPRO-003", labels(&second), labels(&first));
    case.equal("P-REPRO-001", id(&second), id(&first));
    case.equal("P-REPRO-002", &second.digest, &first.digest);
}

fn the_same_rebase_makes_the_same_image(case: &Case<'_>) {
    let patched = Recipe::run_image().layer(&[("etc/patched", "yes\n")]);
    let rebased = || {
        let repository = case.repository("run");
        Recipe::run_image().push(&case.ground.registry, &repository);
        let run = case.ground.registry.name(&repository);
        (repository, run)
    };
    // Both builds know the run image by one name, which then gets another image.
    let (repository, run) = rebased();
    let flows = [rich(case), rich(case)];
    for flow in &flows {
        flow.stage.write(
            "cnb/stack.toml",
            &format!("[run-image]\nimage = \"{run}\"\n"),
        );
        flow.stage
            .write("cnb/run.toml", &format!("[[images]]\nimage = \"{run}\"\n"));
        flow.whole();
    }
    patched.push(&case.ground.registry, &repository);
    let images = flows.map(|flow| {
        let args = [
            &format!("-run-image={run}") as &str,
            "-report=/layers/report.toml",
            &flow.image,
        ];
        flow.stage.phase("rebaser", &args).expect_code(0);
        flow.pull()
    });
    let id = |image: &Image| image.manifest["config"]["digest"].clone();
    case.equal("P-REPRO-001", id(&images[1]), id(&images[0]));
    let patched = digest(&patched.layers[1]);
    case.equal("P-REPRO-001", &images[0].diff_ids()[1], &patched);
}

fn stores_of_different_registries_are_refused_or_told(case: &Case<'_>) {
    let flow = flow(case, &layer("lib", "l", "lib"));
    flow.until_build();
    // The run image cannot be where both of the new ones go.
    let elsewhere = case.ground.private.name(&case.repository("elsewhere"));
    let outcome = flow.stage.phase("exporter", &[&flow.image, &elsewhere]);
    let text = outcome.output.to_lowercase();
    case.check(
        "B-EXPORT-001",
        outcome.code != 0 || text.contains("warn"),
        "a failure, or a warning about the two registries",
        &outcome,
    );
}

fn layers_for_an_execution_environment_are_used_in_it(case: &Case<'_>) {
    let script = super::directory("lib", "lib")
        + "cat > \"$LAYERS/lib.toml\" <<'END'\n[types]\nlaunch = true\n[metadata]\nexec-env = [\"production\"]\nEND\n";
    let image = flow(case, &script).whole();
    let seen = super::recorded(&image, "lib");
    case.equal(
        "B-FLAYER-003",
        &seen["data"]["exec-env"],
        &serde_json::json!(["production"]),
    );
    case.equal(
        "B-FLAYER-003",
        image.diff_ids().contains(&sha(&image, "lib")),
        true,
    );
}
