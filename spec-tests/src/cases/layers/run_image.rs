//! The run image that the restorer leaves in `analyzed.toml`.
use crate::{flow::Flow, probe::Probe, recipe::Recipe, suite::Case, tests};

tests! {
    a_missing_reference_is_filled_in: ["P-RESTORE-014"] .platform(12, 13);
    the_reference_becomes_a_digest: ["P-RESTORE-016"] .platform(14, 15);
    mirrors_are_resolved: ["P-RESTORE-015"] .platform(14, 15);
    a_missing_target_is_filled_in: ["P-RESTORE-017"] .platform(12, 15);
}

/// Runs the restorer on an `analyzed.toml` of these lines and gives what it left of `[run-image]`.
fn run_image_after(case: &Case<'_>, flow: &Flow<'_>, analyzed: &str) -> toml::Table {
    flow.until_detect();
    flow.stage.write("layers/analyzed.toml", analyzed);
    let run_file = if case.platform >= 14 {
        vec!["-run=/cnb/run.toml"]
    } else {
        Vec::new()
    };
    flow.restore(&run_file).expect_code(0);
    let analyzed = flow.layers_toml("analyzed.toml");
    let run_image = analyzed.get("run-image").and_then(toml::Value::as_table);
    run_image.expect("there is a run image").clone()
}

/// `repository@digest` of an image.
fn by_digest(case: &Case<'_>, name: &str) -> String {
    let digest = case.pull(name).digest;
    let repository = name.rsplit_once('/').map_or(name, |(host, last)| {
        let end = last.find(':').unwrap_or(last.len());
        &name[..host.len() + 1 + end]
    });
    format!("{repository}@{digest}")
}

fn with_one<'a>(case: &'a Case<'a>) -> Flow<'a> {
    Flow::with(case, &[&Probe::new(case, "example/one")])
}

fn a_missing_reference_is_filled_in(case: &Case<'_>) {
    let flow = with_one(case);
    let run = case.run_image();
    let seen = run_image_after(case, &flow, &format!("[run-image]\nimage = \"{run}\"\n"));
    let expected = by_digest(case, &run);
    case.equal(
        "P-RESTORE-014",
        seen["reference"].as_str(),
        Some(expected.as_str()),
    );
}

fn the_reference_becomes_a_digest(case: &Case<'_>) {
    let run = case.run_image();
    let expected = by_digest(case, &run);
    for lines in [
        format!("image = \"{run}\""),
        format!("image = \"{run}\"\nreference = \"{run}\""),
        format!("image = \"{run}\"\nreference = \"{expected}\""),
    ] {
        let flow = with_one(case);
        let seen = run_image_after(case, &flow, &format!("[run-image]\n{lines}\n"));
        case.equal(
            "P-RESTORE-016",
            seen["reference"].as_str(),
            Some(expected.as_str()),
        );
    }
}

fn mirrors_are_resolved(case: &Case<'_>) {
    let flow = with_one(case);
    let mirror = case.push("mirror", &Recipe::run_image());
    // The image itself is on a registry that asks for a password; the mirror is on the registry of the app.
    let closed = case.ground.private.name("shared/run:base");
    flow.stage.write(
        "cnb/run.toml",
        &format!(
            "[[images]]\nimage = \"{}\"\n[[images]]\nimage = \"{closed}\"\nmirrors = [\"{mirror}\"]\n",
            case.run_image()
        ),
    );
    let seen = run_image_after(
        case,
        &flow,
        &format!(
            "[image]\nreference = \"{}\"\n[run-image]\nimage = \"{closed}\"\n",
            flow.image
        ),
    );
    let expected = by_digest(case, &mirror);
    case.equal(
        "P-RESTORE-015",
        seen["reference"].as_str(),
        Some(expected.as_str()),
    );
}

fn a_missing_target_is_filled_in(case: &Case<'_>) {
    let flow = with_one(case);
    let run = case.run_image();
    let seen = run_image_after(case, &flow, &format!("[run-image]\nimage = \"{run}\"\n"));
    let target = seen["target"].as_table().expect("there is a target");
    let text = |table: &toml::Table, name: &str| table[name].as_str().map(str::to_owned);
    let distro = target["distro"]
        .as_table()
        .expect("there is a distribution");
    case.equal(
        "P-RESTORE-017",
        [
            text(target, "os"),
            text(target, "arch"),
            text(distro, "name"),
            text(distro, "version"),
        ],
        ["linux", crate::recipe::architecture(), "debian", "12"]
            .map(|value| Some(value.to_owned())),
    );
}
