//! Labels of the app image, and `project-metadata.toml`.
use super::{
    ID, LAYERS, analyzed, export_anew, export_to, exported, lifecycle_label, metadata, process,
    ready,
};
use crate::{flow::Flow, image::Image, probe::Probe, recipe::Recipe, suite::Case, tests};
use serde_json::{Value, json};
use std::collections::BTreeSet;

tests! {
    layers_of_the_lifecycle: ["P-LLCM-001", "P-LLCM-003", "P-LLCM-004", "P-EXPORT-030"];
    sbom_layer: ["P-LLCM-002"] .platform(8, 15);
    execution_environment: ["P-LLCM-005"] .platform(15, 15);
    buildpacks_and_their_layers: ["P-LLCM-006", "P-LLCM-007", "P-LLCM-008", "P-LLCM-009", "P-LLCM-010"];
    layer_metadata: ["P-LLCM-011", "P-LLCM-012"] .each_of_both();
    run_image: ["P-LLCM-013", "P-LLCM-014"];
    names_of_the_run_image: ["P-LLCM-015", "P-LLCM-017"] .platform(12, 15);
    stack: ["P-LLCM-016"] .platform(7, 11);
    project_metadata:
        ["P-LPROJ-001", "P-EXPORT-031", "P-FPROJ-002", "P-FPROJ-003", "P-FPROJ-004"];
    project_metadata_may_be_empty: ["P-FPROJ-001"];
}

/// The layer whose diff ID stands at this place of the lifecycle label.
fn layer_at(image: &Image, place: &str) -> BTreeSet<String> {
    let label = lifecycle_label(image);
    let sha = label.pointer(place).and_then(Value::as_str);
    let sha = sha.unwrap_or_else(|| panic!("the label has no {place}: {label:#}"));
    let entries = image.layer(sha).into_iter();
    entries
        .filter(|entry| entry.kind != b'5')
        .map(|entry| entry.path)
        .collect()
}

fn set(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

fn layers_of_the_lifecycle(case: &Case<'_>) {
    let flow = ready(case);
    flow.stage.write("workspace/static/page", "a page\n");
    let slices = "[[slices]]\npaths = [\"static/*\"]\n[[slices]]\npaths = [\"none\"]\n";
    let metadata = metadata(case, &(process(case, "web", "") + slices));
    flow.stage.write("layers/config/metadata.toml", &metadata);
    let image = exported(&flow);
    let label = lifecycle_label(&image);
    let slices = label["app"].as_array().map(Vec::len).unwrap_or_default();
    let app: BTreeSet<String> = (0..slices)
        .flat_map(|slice| layer_at(&image, &format!("/app/{slice}/sha")))
        .collect();
    let expected = set(&["/workspace/app.txt", "/workspace/static/page"]);
    case.equal("P-LLCM-001 P-EXPORT-030", app, expected);
    let of_app = |index: &usize| {
        let mut entries = image.entries(*index).into_iter();
        entries.any(|entry| entry.kind == b'0' && entry.path.starts_with("/workspace/"))
    };
    let with_app = (1..image.layers().len()).filter(of_app).count();
    let enough = slices >= with_app && with_app == 2;
    case.check("P-LLCM-001", enough, "an entry per slice", &label["app"]);
    let config = set(&["/layers/config/metadata.toml"]);
    case.equal("P-LLCM-003", layer_at(&image, "/config/sha"), config);
    let launcher = layer_at(&image, "/launcher/sha");
    let holds = launcher.contains("/cnb/lifecycle/launcher");
    case.check("P-LLCM-004", holds, "the layer of the launcher", &launcher);
}

fn sbom_layer(case: &Case<'_>) {
    let probe = Probe::new(case, ID)
        .sbom_formats(&["application/vnd.cyclonedx+json"])
        .build("echo '{}' > \"$LAYERS/launch.sbom.cdx.json\"");
    let flow = Flow::with(case, &[&probe]);
    let paths = layer_at(&flow.whole(), "/sbom/sha");
    let holds = paths
        .iter()
        .any(|path| path.contains("/sbom/") && path.ends_with("cdx.json"));
    case.check("P-LLCM-002", holds, "the layer with SBOM files", &paths);
}

fn execution_environment(case: &Case<'_>) {
    let mut flow = ready(case);
    case.equal(
        "P-LLCM-005",
        &lifecycle_label(&exported(&flow))["exec-env"],
        "production",
    );
    flow.stage.set("CNB_EXEC_ENV", "test");
    case.equal(
        "P-LLCM-005",
        &lifecycle_label(&exported(&flow))["exec-env"],
        "test",
    );
}

/// Two buildpacks, one with two launch layers and a layer for build alone.
fn buildpacks_and_their_layers(case: &Case<'_>) {
    let flow = ready(case);
    let members = [
        Probe::new(case, ID),
        Probe::new(case, "example/two").version("2.3.4"),
    ];
    let members = members.map(|probe| probe.member()).join(", ");
    flow.stage
        .write("layers/group.toml", &format!("group = [{members}]\n"));
    for (layer, flag) in [("more", "launch"), ("tool", "build")] {
        flow.stage.write(&format!("{LAYERS}/{layer}/file"), layer);
        let types = format!("[types]\n{flag} = true\n");
        flow.stage.write(&format!("{LAYERS}/{layer}.toml"), &types);
    }
    let label = lifecycle_label(&exported(&flow));
    let entries = label["buildpacks"].as_array().cloned().unwrap_or_default();
    case.equal("P-LLCM-006", entries.len(), 2);
    let of = |name: &str| {
        entries
            .iter()
            .map(|entry| entry[name].clone())
            .collect::<Vec<_>>()
    };
    case.equal("P-LLCM-006 P-LLCM-007", of("key"), [ID, "example/two"]);
    case.equal("P-LLCM-008", of("version"), ["1.0", "2.3.4"]);
    let layers: Vec<Vec<String>> = of("layers")
        .iter()
        .map(|layers| {
            let layers = layers.as_object().into_iter().flatten();
            layers.map(|(name, _)| name.clone()).collect()
        })
        .collect();
    let expected: [&[&str]; 2] = [&["dep", "more"], &[]];
    case.equal("P-LLCM-009 P-LLCM-010", layers, expected);
    let is_present = entries.iter().all(|entry| entry["layers"].is_object());
    case.check("P-LLCM-009", is_present, "layers in every entry", &entries);
}

fn layer_metadata(case: &Case<'_>) {
    let flow = ready(case);
    let described = "[types]\nlaunch = true\nbuild = true\ncache = true\n\
        [metadata]\ntext = \"a \\\"<&>\\\" b\"\nnumber = 7\nfraction = 1.5\nyes = true\nlist = [\"a\", \"b\"]\n\
        date = 2020-01-02T03:04:05Z\n[metadata.deep]\ndeeper = { key = \"value\" }\n";
    flow.stage.write(&format!("{LAYERS}/dep.toml"), described);
    let image = exported(&flow);
    let layer = &lifecycle_label(&image)["buildpacks"][0]["layers"]["dep"];
    let expected = json!({
        "text": "a \"<&>\" b",
        "number": 7,
        "fraction": 1.5,
        "yes": true,
        "list": ["a", "b"],
        "date": "2020-01-02T03:04:05Z",
        "deep": {"deeper": {"key": "value"}},
    });
    case.equal("P-LLCM-011", &layer["data"], &expected);
    for flag in ["launch", "build", "cache"] {
        case.equal("P-LLCM-011", &layer[flag], true);
    }
    let paths = layer_at(&image, "/buildpacks/0/layers/dep/sha");
    case.equal("P-LLCM-012", paths, set(&["/layers/example_one/dep/file"]));
    flow.stage
        .write(&format!("{LAYERS}/dep.toml"), "[types]\nlaunch = true\n");
    let layer = &lifecycle_label(&exported(&flow))["buildpacks"][0]["layers"]["dep"];
    let flags = ["launch", "build", "cache"].map(|flag| layer[flag].as_bool());
    case.equal("P-LLCM-011", flags, [Some(true), Some(false), Some(false)]);
}

/// As the analyzer found it.
fn run_image(case: &Case<'_>) {
    let recipe = Recipe::run_image().layer(&[("usr/lib/top", "top")]);
    let name = case.push("run", &recipe);
    let flow = ready(case);
    flow.analyze(&[&format!("-run-image={name}")])
        .expect_code(0);
    let run_image = lifecycle_label(&exported(&flow))["runImage"].clone();
    let base = case.pull(&name);
    let top = base.diff_ids().pop();
    case.equal("P-LLCM-013", run_image["topLayer"].as_str(), top.as_deref());
    let reference = run_image["reference"].as_str().unwrap_or_default();
    let (repository, _) = name.rsplit_once('/').unwrap_or_default();
    let by_digest =
        reference.starts_with(repository) && reference.ends_with(&format!("@{}", base.digest));
    case.check(
        "P-LLCM-014",
        by_digest,
        &format!("{name} by its digest"),
        reference,
    );
}

fn names_of_the_run_image(case: &Case<'_>) {
    let run_image = case.run_image();
    let mut flow = ready(case);
    let run_file = format!(
        "[[images]]\nimage = \"first.example/run\"\nmirrors = [\"first.example/mirror\"]\n\
         [[images]]\nimage = \"{run_image}\"\nmirrors = [\"one.example/mirror\", \"two.example/mirror\"]\n"
    );
    flow.stage.write("cnb/run.toml", &run_file);
    let named = analyzed(&run_image) + &format!("image = \"{run_image}\"\n");
    flow.stage.write("layers/analyzed.toml", &named);
    export_anew(case, &mut flow, &[]).expect_code(0);
    let label = lifecycle_label(&flow.pull());
    let names = |part: &Value| [part["image"].clone(), part["mirrors"].clone()];
    let expected = [
        json!(run_image),
        json!(["one.example/mirror", "two.example/mirror"]),
    ];
    case.equal("P-LLCM-015", names(&label["runImage"]), expected.clone());
    let is_kept = !label["stack"].is_null();
    let stack = if is_kept {
        names(&label["stack"]["runImage"])
    } else {
        expected.clone()
    };
    case.equal("P-LLCM-017", stack, expected);
}

fn stack(case: &Case<'_>) {
    let flow = ready(case);
    let run_image = case.run_image();
    for mirrors in [vec![], vec!["one.example/run", "two.example/run"]] {
        let text = format!("[run-image]\nimage = \"{run_image}\"\nmirrors = {mirrors:?}\n");
        flow.stage.write("cnb/stack.toml", &text);
        let stack = lifecycle_label(&exported(&flow))["stack"].clone();
        case.equal(
            "P-LLCM-016",
            stack["runImage"]["image"].as_str(),
            Some(run_image.as_str()),
        );
        let seen = stack["runImage"]["mirrors"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        case.equal("P-LLCM-016", seen, mirrors);
    }
}

/// The label of an export with this file.
fn project_label(flow: &Flow<'_>, text: &str) -> Value {
    flow.stage.write("layers/project-metadata.toml", text);
    export_to(flow, &[&flow.image]).expect_code(0);
    flow.pull().json_label("io.buildpacks.project.metadata")
}

fn project_metadata(case: &Case<'_>) {
    let flow = ready(case);
    let text = "[source]\ntype = \"git\"\n\
        [source.version]\ncommit = \"0123abc\"\nnumber = 7\n\
        [source.metadata]\nrepository = \"https://a.example/<b>&c\"\nrefs = [\"main\", \"v1\"]\nclean = true\n\
        at = 2020-01-02T03:04:05Z\n[source.metadata.deep.deeper]\nratio = 1.5\n";
    let label = project_label(&flow, text);
    let source = &label["source"];
    case.equal("P-FPROJ-002 P-LPROJ-001", &source["type"], "git");
    let version = json!({"commit": "0123abc", "number": 7});
    case.equal("P-FPROJ-003 P-LPROJ-001", &source["version"], &version);
    let further = json!({
        "repository": "https://a.example/<b>&c",
        "refs": ["main", "v1"],
        "clean": true,
        "at": "2020-01-02T03:04:05Z",
        "deep": {"deeper": {"ratio": 1.5}},
    });
    case.equal("P-FPROJ-004 P-LPROJ-001", &source["metadata"], &further);
    case.equal(
        "P-EXPORT-031",
        source,
        &json!({"type": "git", "version": version, "metadata": further}),
    );
}

fn project_metadata_may_be_empty(case: &Case<'_>) {
    let mut flow = ready(case);
    case.succeeds("P-FPROJ-001", &export_anew(case, &mut flow, &[]));
    flow.pull().json_label("io.buildpacks.project.metadata");
    for (text, key, expected) in [
        ("", "type", json!(null)),
        ("[source]\n", "version", json!(null)),
        ("[source]\ntype = \"git\"\n", "type", json!("git")),
        (
            "[source.version]\nnumber = 1\n",
            "version",
            json!({"number": 1}),
        ),
        (
            "[source.metadata]\nkey = \"value\"\n",
            "metadata",
            json!({"key": "value"}),
        ),
    ] {
        let label = project_label(&flow, text);
        case.equal("P-FPROJ-001", &label["source"][key], &expected);
    }
}
