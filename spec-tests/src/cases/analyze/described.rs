//! What `analyzed.toml` says of the previous image and the run image, and the SBOM of the previous image.
use super::{by_digest, marked, reference, run_with, sources::Sources};
use crate::{
    flow::Flow,
    probe::Probe,
    read,
    recipe::{Recipe, architecture},
    stage::Stage,
    suite::Case,
    tests,
};
use serde_json::{Value, json};
use std::{fs, path::Path};

tests! {
    the_previous_image_is_described: ["P-ANALYZE-022", "P-FANLZ-001", "P-FANLZ-002"];
    the_run_image_is_described: ["P-ANALYZE-023", "P-FANLZ-005", "P-FANLZ-006"];
    the_metadata_of_the_previous_image_are_kept: ["P-FANLZ-004", "P-ANALYZE-022"];
    the_run_image_keeps_the_name_it_was_given: ["P-FANLZ-008"] .platform(12, 15);
    no_run_image_is_extended_yet: ["P-FANLZ-009"] .platform(12, 15);
    the_target_of_the_run_image_is_described: ["P-FANLZ-010"] .platform(12, 15);
    a_distribution_that_no_label_names_is_that_of_os_release: ["P-FANLZ-011"] .platform(12, 15);
    the_stack_bionic_is_ubuntu_18_04: ["P-FANLZ-012"] .platform(12, 15);
    the_sbom_of_the_previous_image_is_restored: ["P-AIN-015", "P-ANALYZE-007", "P-ANALYZE-008"] .platform(9, 15);
}

fn the_previous_image_is_described(case: &Case<'_>) {
    let mut flow = Flow::new(case);
    flow.image = marked(case, "app");
    let expected = by_digest(case, &flow.image);
    let tagged = format!("{}:latest", flow.image);
    for name in [flow.image.clone(), tagged, expected.clone()] {
        let previous = format!("-previous-image={name}");
        flow.analyze(&[&previous]).expect_code(0);
        let ids = "P-ANALYZE-022 P-FANLZ-001 P-FANLZ-002";
        case.equal(ids, reference(&flow, "image"), expected.as_str());
    }
}

fn the_run_image_is_described(case: &Case<'_>) {
    let flow = Flow::new(case);
    let name = marked(case, "run");
    let expected = by_digest(case, &name);
    let tagged = format!("{name}:latest");
    for name in [name, tagged, expected.clone()] {
        let run_image = format!("-run-image={name}");
        flow.analyze(&[&run_image]).expect_code(0);
        let ids = "P-ANALYZE-023 P-FANLZ-005 P-FANLZ-006";
        case.equal(ids, reference(&flow, "run-image"), expected.as_str());
    }
}

/// The label of an app image; what buildpacks leave as metadata of a layer may be of any shape.
fn label() -> Value {
    let sha = |letter: &str| format!("sha256:{}", letter.repeat(64));
    json!({
        "app": [{"sha": sha("1")}, {"sha": sha("2")}],
        "buildpacks": [
            {
                "key": "example/one",
                "version": "1.2.3",
                "layers": {
                    "deps": {
                        "sha": sha("3"),
                        "build": false,
                        "launch": true,
                        "cache": true,
                        "data": {"text": "a \"b\"\n", "number": 7, "half": 1.5, "list": ["a", "b"], "deep": {"yes": true}}
                    },
                    "bare": {"sha": sha("4"), "build": false, "launch": true, "cache": false}
                }
            },
            {"key": "example/two", "version": "0.0.1", "layers": {}}
        ],
        "config": {"sha": sha("5")},
        "launcher": {"sha": sha("6")},
        "runImage": {"topLayer": sha("7"), "reference": "r.example/run@".to_owned() + &sha("8")}
    })
}

/// TOML and JSON alike: keys and strings as they are, numbers by value.
fn plain(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => json!(text),
        toml::Value::Integer(number) => json!(number),
        // A number without a fraction may be written as either kind.
        toml::Value::Float(number) if number.fract() == 0.0 => {
            json!(format!("{number}").parse::<i64>().ok())
        }
        toml::Value::Float(number) => json!(number),
        toml::Value::Boolean(bit) => json!(bit),
        toml::Value::Datetime(time) => json!(time.to_string()),
        toml::Value::Array(list) => list.iter().map(plain).collect(),
        toml::Value::Table(table) => {
            let members = table
                .iter()
                .map(|(name, value)| (name.clone(), plain(value)));
            Value::Object(members.collect())
        }
    }
}

/// The members that are spelt alike in label and file, and layer by layer what buildpacks gave: `data` in the label,
/// and under this or another name in the file.
fn essence(metadata: &Value, data: &[&str]) -> Value {
    let layer = |layer: &Value| {
        let mut given = data.iter().map(|name| &layer[name]);
        let given = given.find(|value| !value.is_null());
        json!([
            layer["sha"],
            layer["build"],
            layer["launch"],
            layer["cache"],
            given
        ])
    };
    let buildpack = |buildpack: &Value| {
        let layers = buildpack["layers"].as_object().cloned().unwrap_or_default();
        let layers: serde_json::Map<String, Value> = layers
            .iter()
            .map(|(name, value)| (name.clone(), layer(value)))
            .collect();
        json!([buildpack["key"], buildpack["version"], layers])
    };
    let buildpacks = metadata["buildpacks"].as_array().map(Vec::as_slice);
    let buildpacks: Vec<Value> = buildpacks
        .unwrap_or_default()
        .iter()
        .map(buildpack)
        .collect();
    json!([
        metadata["app"],
        buildpacks,
        metadata["config"],
        metadata["launcher"]
    ])
}

fn the_metadata_of_the_previous_image_are_kept(case: &Case<'_>) {
    let label = label();
    let image = Recipe::run_image().label("io.buildpacks.lifecycle.metadata", &label.to_string());
    let flow = Flow::new(case);
    let previous = format!("-previous-image={}", case.push("previous", &image));
    flow.analyze(&[&previous]).expect_code(0);
    let metadata = plain(&flow.layers_toml("analyzed.toml")["metadata"]);
    let seen = essence(&metadata, &["data", "metadata"]);
    case.equal(
        "P-FANLZ-004 P-ANALYZE-022",
        seen,
        essence(&label, &["data"]),
    );
}

/// `run-image` of `analyzed.toml`.
fn run_image_of(flow: &Flow<'_>) -> Value {
    plain(&flow.layers_toml("analyzed.toml")["run-image"])
}

fn the_run_image_keeps_the_name_it_was_given(case: &Case<'_>) {
    let flow = Flow::new(case);
    let name = marked(case, "run");
    for name in [format!("{name}:latest"), by_digest(case, &name), name] {
        flow.analyze(&[&format!("-run-image={name}")])
            .expect_code(0);
        case.equal("P-FANLZ-008", &run_image_of(&flow)["image"], &json!(name));
    }
    flow.analyze(&[]).expect_code(0);
    let image = &run_image_of(&flow)["image"];
    case.equal("P-FANLZ-008", image, &json!(case.run_image()));
}

fn no_run_image_is_extended_yet(case: &Case<'_>) {
    let flow = Flow::new(case);
    flow.analyze(&[]).expect_code(0);
    let extend = run_image_of(&flow)["extend"].clone();
    let holds = extend.is_null() || extend == json!(false);
    case.check("P-FANLZ-009", holds, "false, or nothing", extend);
}

/// Target of this run image as `[os, arch, variant, name, version]`.
fn target_of(case: &Case<'_>, recipe: &Recipe) -> Value {
    let flow = Flow::new(case);
    let run_image = format!("-run-image={}", case.push("run", recipe));
    flow.analyze(&[&run_image]).expect_code(0);
    let target = &run_image_of(&flow)["target"];
    let variant = [&target["variant"], &target["arch-variant"]];
    let variant = variant.into_iter().find(|value| !value.is_null());
    json!([
        target["os"],
        target["arch"],
        variant,
        target["distro"]["name"],
        target["distro"]["version"]
    ])
}

fn the_target_of_the_run_image_is_described(case: &Case<'_>) {
    let arch = architecture();
    let mut recipe = Recipe::run_image();
    let seen = target_of(case, &recipe);
    case.equal(
        "P-FANLZ-010",
        seen,
        json!(["linux", arch, null, "debian", "12"]),
    );
    recipe.config["variant"] = json!("v2");
    let recipe = recipe.label("io.buildpacks.base.distro.version", "13");
    let seen = target_of(case, &recipe);
    case.equal(
        "P-FANLZ-010",
        seen,
        json!(["linux", arch, "v2", "debian", "13"]),
    );
}

/// Build image and run image are of one distribution: where it is looked up is open.
fn a_distribution_that_no_label_names_is_that_of_os_release(case: &Case<'_>) {
    let os_release = "ID=\"madeup\"\nNAME=\"Made Up\"\nVERSION_ID='1.2'\n";
    let recipe = Recipe::empty().layer(&[("etc/os-release", os_release)]);
    let probe = Probe::new(case, "example/one");
    let flow = Flow::with(case, &[&probe]);
    flow.stage.write("tmp/os-release", os_release);
    let file = flow.stage.path("tmp/os-release").display().to_string();
    let options = ["--ro-bind", &file, "/etc/os-release"];
    let run_image = format!("-run-image={}", case.push("run", &recipe));
    run_with(&flow, &options, &["analyzer", &run_image, &flow.image]).expect_code(0);
    run_with(&flow, &options, &["detector"]).expect_code(0);
    let record = probe.record(&flow.stage, "detect").expect("detect ran");
    let distro = ["NAME", "VERSION"].map(|part| record.var(&format!("CNB_TARGET_DISTRO_{part}")));
    case.equal("P-FANLZ-011", distro, [Some("madeup"), Some("1.2")]);
}

/// The specification prints arm64 here, for images that are of amd64; that is left open.
fn the_stack_bionic_is_ubuntu_18_04(case: &Case<'_>) {
    let recipe = Recipe::empty().label("io.buildpacks.stack.id", "io.buildpacks.stacks.bionic");
    let seen = target_of(case, &recipe);
    let os_and_distro = json!([seen[0], seen[3], seen[4]]);
    case.equal(
        "P-FANLZ-012",
        os_and_distro,
        json!(["linux", "ubuntu", "18.04"]),
    );
}

/// Text of the SBOM file of the previous image's layer.
const SBOM: &str = r#"{"bomFormat":"CycloneDX","serialNumber":"previous"}"#;

/// Whether a file below the layers directory has the text [`SBOM`].
fn sbom_is_there(stage: &Stage) -> bool {
    fn any(dir: &Path) -> bool {
        let entries = fs::read_dir(dir).expect("list a directory");
        let mut paths = entries.map(|entry| entry.expect("read a directory entry").path());
        paths.any(|path| {
            if path.is_dir() {
                any(&path)
            } else {
                read(&path) == SBOM
            }
        })
    }
    any(&stage.path("layers"))
}

fn the_sbom_of_the_previous_image_is_restored(case: &Case<'_>) {
    let script = format!(
        "mkdir \"$LAYERS/dep\"\nprintf '[types]\\nlaunch = true\\n' > \"$LAYERS/dep.toml\"\n\
         printf '%s' '{SBOM}' > \"$LAYERS/dep.sbom.cdx.json\""
    );
    let probe = Probe::new(case, "example/one")
        .sbom_formats(&["application/vnd.cyclonedx+json"])
        .build(&script);
    let mut flow = Flow::with(case, &[&probe]);
    flow.until_detect();
    flow.build(&[]).expect_code(0);
    flow.export(&[]).expect_code(0);
    let mut restored = |values| {
        Sources::new(("-skip-layers", "CNB_SKIP_LAYERS"), values).each(&mut flow, |flow, args| {
            flow.next().analyze(args).expect_code(0);
            sbom_is_there(&flow.stage)
        })
    };
    let ids = "P-AIN-015 P-ANALYZE-007 P-ANALYZE-008";
    case.equal(ids, restored(["true", "false"]), [true, false, true, true]);
    case.equal(ids, restored(["false", "true"]), [true, true, false, false]);
}
