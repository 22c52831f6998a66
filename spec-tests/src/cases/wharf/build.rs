//! Building as wharf promises it: the reference's behaviour where the specification is silent, and its weaknesses
//! mended.
use crate::{
    cases::build::{built, given_after, layer, put, ready, record},
    client::basic,
    flow::Flow,
    probe::{Probe, order_of_runs},
    read,
    suite::{
        Case,
        ground::{PASSWORD, USER},
    },
    tests,
};
use std::fs;
use toml::Value;

tests! {
    a_layer_without_types_is_moved_away: [];
    flags_outside_of_types_are_an_error: [] .each_buildpack();
    the_last_definition_of_a_process_wins: [];
    a_default_that_is_defined_again_without_a_mark_is_none: [];
    metadata_has_tables_labels_and_homepages: [];
    an_old_bill_of_materials_is_a_file: [] .platform(9, 15);
    sbom_files_of_a_layer_with_periods_are_found: [] .platform(9, 15);
    sbom_files_of_another_format_are_an_error: [] .once();
    sbom_files_of_an_earlier_build_are_removed: [];
    the_plan_lies_in_a_directory_named_by_the_buildpack: [];
    listed_variables_and_no_others_reach_buildpacks: [];
    variables_of_newer_apis_are_not_set: [] .each_of_both();
    the_operator_has_no_say_on_older_platforms: [] .platform(7, 10);
    values_with_equal_signs_are_kept: [] .once();
    files_of_layers_have_their_say_after_all_directories: [];
    nobody_replaces_the_lifecycles_own_variables: [];
    numbers_in_the_store_keep_their_type: [];
    credentials_cannot_be_read_out_of_the_lifecycles_process: [] .once();
    what_a_buildpack_leaves_running_is_ended: [] .once();
    a_signal_ends_the_buildpack_and_the_build: [] .once();
    no_temporary_file_is_left: [] .once();
    user_and_operator_files_may_be_links: [] .once();
}

/// A buildpack that writes `launch.toml`.
fn launching(case: &Case<'_>, id: &str, launch: &str) -> Probe {
    Probe::new(case, id).build(&put("$LAYERS/launch.toml", launch))
}

/// A process for `launch.toml`.
fn process(kind: &str, command: &str, lines: &str) -> String {
    format!("[[processes]]\ntype = \"{kind}\"\ncommand = [\"{command}\"]\n{lines}\n")
}

/// Whether a path exists in the stage.
fn exists(flow: &Flow<'_>, path: &str) -> bool {
    fs::symlink_metadata(flow.stage.path(path)).is_ok()
}

fn a_layer_without_types_is_moved_away(case: &Case<'_>) {
    let script = layer("none", "", &[("file", "content")]);
    let flow = built(case, &[&Probe::new(case, "example/one").build(&script)]);
    let file = read(&flow.stage.path("layers/example_one/none.ignore/file"));
    case.equal("", file, "content");
    case.equal("", exists(&flow, "layers/example_one/none"), false);
}

fn flags_outside_of_types_are_an_error(case: &Case<'_>) {
    let script = layer("old", "", &[]) + &put("$LAYERS/old.toml", "launch = true\n");
    let flow = ready(case, &[&Probe::new(case, "example/one").build(&script)]);
    case.fails("", &flow.build(&[]));
}

fn the_last_definition_of_a_process_wins(case: &Case<'_>) {
    let one = process("worker", "first", "") + &process("task", "first", "");
    let two = process("worker", "second", "") + &process("a", "second", "");
    let flow = built(
        case,
        &[
            &launching(case, "example/one", &one),
            &launching(case, "example/two", &two),
        ],
    );
    let metadata = flow.layers_toml("config/metadata.toml");
    let processes = metadata["processes"]
        .as_array()
        .expect("there are processes");
    let seen: Vec<(&str, &str)> = processes
        .iter()
        .map(|process| {
            let text = |key: &str| process[key].as_str().unwrap_or_default();
            (text("type"), text("buildpack-id"))
        })
        .collect();
    let expected = [
        ("a", "example/two"),
        ("task", "example/one"),
        ("worker", "example/two"),
    ];
    case.equal("", seen, expected);
}

fn a_default_that_is_defined_again_without_a_mark_is_none(case: &Case<'_>) {
    let one = launching(
        case,
        "example/one",
        &process("web", "first", "default = true"),
    );
    let two = launching(case, "example/two", &process("web", "second", ""));
    let flow = ready(case, &[&one, &two]);
    let outcome = flow.build(&[]);
    case.succeeds("", &outcome);
    let metadata = flow.layers_toml("config/metadata.toml");
    case.equal(
        "",
        metadata.get("buildpack-default-process-type"),
        None::<&Value>,
    );
    case.contains("", &outcome.output, "Warning: ");
    case.contains("", &outcome.output, "[web]");
}

fn metadata_has_tables_labels_and_homepages(case: &Case<'_>) {
    let launch = process("web", "run", "") + "[[labels]]\nkey = \"k\"\nvalue = \"v\"\n";
    let probe = launching(case, "example/one", &launch);
    let flow = ready(case, &[&probe]);
    let descriptor = "cnb/buildpacks/example_one/1.0/buildpack.toml";
    let text = read(&flow.stage.path(descriptor));
    let text = text.replace("name = ", "homepage = \"https://example.test\"\nname = ");
    flow.stage.write(descriptor, &text);
    flow.build(&[]).expect_code(0);
    let text = read(&flow.stage.path("layers/config/metadata.toml"));
    case.contains("", &text, "[[processes]]");
    let metadata = flow.layers_toml("config/metadata.toml");
    let homepage = Value::from("https://example.test");
    case.equal(
        "",
        metadata["buildpacks"][0].get("homepage"),
        Some(&homepage),
    );
    let label = &metadata["labels"][0];
    case.equal(
        "",
        [&label["key"], &label["value"]],
        [&Value::from("k"), &Value::from("v")],
    );
}

fn an_old_bill_of_materials_is_a_file(case: &Case<'_>) {
    let bom = "[[bom]]\nname = \"dep\"\n[bom.metadata]\nversion = \"1\"\n";
    for (launch, names) in [(bom, vec!["dep"]), ("", Vec::new())] {
        let flow = built(case, &[&launching(case, "example/one", launch)]);
        let metadata = flow.layers_toml("config/metadata.toml");
        case.equal("", metadata.get("bom"), None::<&Value>);
        case.equal("", legacy_names(&flow, "launch"), names);
        case.equal("", legacy_names(&flow, "build"), Vec::<String>::new());
    }
}

/// Names of the entries in `sbom.legacy.json`, which is there even without any.
fn legacy_names(flow: &Flow<'_>, kind: &str) -> Vec<String> {
    let text = read(
        &flow
            .stage
            .path(&format!("layers/sbom/{kind}/sbom.legacy.json")),
    );
    let bom: serde_json::Value = serde_json::from_str(&text).expect("the file is JSON");
    let entries = bom.as_array().into_iter().flatten();
    let names = entries.filter_map(|entry| entry["name"].as_str());
    names.map(str::to_owned).collect()
}

fn sbom_files_of_a_layer_with_periods_are_found(case: &Case<'_>) {
    let script =
        layer("dotted.name", "launch", &[]) + &put("$LAYERS/dotted.name.sbom.cdx.json", "{}");
    let probe = Probe::new(case, "example/one")
        .sbom_formats(&["application/vnd.cyclonedx+json"])
        .build(&script);
    let flow = built(case, &[&probe]);
    let path = "layers/sbom/launch/example_one/dotted.name/sbom.cdx.json";
    case.equal("", read(&flow.stage.path(path)), "{}");
}

fn sbom_files_of_another_format_are_an_error(case: &Case<'_>) {
    for name in [
        "a.sbom.spdx.json",
        "launch.sbom.spdx.json",
        "launch.sbom.other.json",
    ] {
        let script = layer("a", "launch", &[]) + &put(&format!("$LAYERS/{name}"), "{}");
        let probe = Probe::new(case, "example/one")
            .sbom_formats(&["application/vnd.cyclonedx+json"])
            .build(&script);
        case.fails("", &ready(case, &[&probe]).build(&[]));
    }
}

fn sbom_files_of_an_earlier_build_are_removed(case: &Case<'_>) {
    let flow = ready(case, &[&Probe::new(case, "example/one")]);
    let stale = "layers/sbom/launch/example_one/sbom.cdx.json";
    flow.stage.write(stale, "{}");
    flow.build(&[]).expect_code(0);
    case.equal("", exists(&flow, stale), false);
}

fn the_plan_lies_in_a_directory_named_by_the_buildpack(case: &Case<'_>) {
    let probe = Probe::new(case, "example/one");
    let given = record(&built(case, &[&probe]), &probe, "build");
    let is_named = given.args[3].ends_with("/example_one/plan.toml");
    case.check("", is_named, "…/example_one/plan.toml", &given.args[3]);
}

fn listed_variables_and_no_others_reach_buildpacks(case: &Case<'_>) {
    const LISTED: [&str; 7] = [
        "HOSTNAME",
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "NO_PROXY",
        "no_proxy",
    ];
    const OTHERS: [&str; 5] = [
        "FOO",
        "CNB_PLATFORM_API",
        "CNB_USER_ID",
        "DOCKER_CONFIG",
        "LANG",
    ];
    let given = given_after(case, &[], |flow| {
        for name in LISTED {
            flow.stage.set(name, "value");
        }
        for name in ["FOO", "DOCKER_CONFIG", "LANG"] {
            flow.stage.set(name, "value");
        }
    });
    for name in LISTED {
        case.equal("", given.var(name), Some("value"));
    }
    for name in OTHERS {
        case.equal("", given.var(name), None);
    }
}

fn variables_of_newer_apis_are_not_set(case: &Case<'_>) {
    let given = given_after(case, &[], |_| {});
    let mut expected = vec!["CNB_BUILDPACK_DIR", "CNB_STACK_ID"];
    if case.buildpack >= 8 {
        expected.extend(["CNB_BP_PLAN_PATH", "CNB_LAYERS_DIR", "CNB_PLATFORM_DIR"]);
    }
    if case.platform >= 12 && case.buildpack >= 10 {
        expected.extend(["CNB_TARGET_ARCH", "CNB_TARGET_OS"]);
    }
    if case.platform >= 15 && case.buildpack >= 12 {
        expected.push("CNB_EXEC_ENV");
    }
    expected.sort_unstable();
    let names = given.env.keys().map(String::as_str);
    // The distribution is that of the build image where the run image does not tell.
    let seen: Vec<&str> = names
        .filter(|name| name.starts_with("CNB_") && !name.starts_with("CNB_TARGET_DISTRO_"))
        .collect();
    case.equal("", seen, expected);
}

fn the_operator_has_no_say_on_older_platforms(case: &Case<'_>) {
    let given = given_after(case, &[], |flow| {
        flow.stage.write("cnb/build-config/env/FOO", "operator");
    });
    case.equal("", given.var("FOO"), None);
}

fn values_with_equal_signs_are_kept(case: &Case<'_>) {
    let script = layer(
        "a",
        "build",
        &[("env/LAYER", "a=b=c"), ("env/PATH.append", ":/x=y")],
    );
    let given = given_after(case, &[script], |flow| {
        flow.stage.set("HTTP_PROXY", "http://proxy.test?a=b");
        flow.stage.write("platform/env/USER_VALUE", "=x=");
    });
    case.equal("", given.var("LAYER"), Some("a=b=c"));
    case.equal("", given.var("HTTP_PROXY"), Some("http://proxy.test?a=b"));
    case.equal("", given.var("USER_VALUE"), Some("=x="));
    let path = given.var("PATH").unwrap_or_default();
    case.check(
        "",
        path.ends_with(":/x=y"),
        "a path that ends with :/x=y",
        path,
    );
}

/// The directory of the later layer is among what the file of the earlier one replaces.
fn files_of_layers_have_their_say_after_all_directories(case: &Case<'_>) {
    let script = layer("a", "build", &[("env/CPATH.override", "/only")])
        + &layer("b", "build", &[("include/file", "")]);
    let given = given_after(case, &[script], |_| {});
    case.equal("", given.var("CPATH"), Some("/only"));
}

fn nobody_replaces_the_lifecycles_own_variables(case: &Case<'_>) {
    const NAMES: [&str; 4] = [
        "CNB_BUILDPACK_DIR",
        "CNB_LAYERS_DIR",
        "CNB_PLATFORM_DIR",
        "CNB_BP_PLAN_PATH",
    ];
    let files = NAMES.map(|name| format!("env/{name}"));
    let files = files.each_ref().map(|file| (file.as_str(), "/wrong"));
    let given = given_after(case, &[layer("a", "build", &files)], |flow| {
        for name in NAMES {
            flow.stage.write(&format!("platform/env/{name}"), "/wrong");
            let operator = format!("cnb/build-config/env/{name}.override");
            flow.stage.write(&operator, "/wrong");
        }
    });
    for name in NAMES {
        case.differ("", given.var(name), Some("/wrong"));
    }
}

fn numbers_in_the_store_keep_their_type(case: &Case<'_>) {
    let store = "[metadata]\nwhole = 7\nlarge = 9007199254740993\nbroken = 1.5\n";
    let probe = Probe::new(case, "example/one").build(&put("$LAYERS/store.toml", store));
    let flow = Flow::with(case, &[&probe]);
    flow.whole();
    flow.next().until_restore();
    let expected: toml::Table = store.parse().expect("the store is TOML");
    case.equal("", flow.layers_toml("example_one/store.toml"), expected);
}

fn credentials_cannot_be_read_out_of_the_lifecycles_process(case: &Case<'_>) {
    let probe = Probe::new(case, "example/one")
        .build("cat /proc/$PPID/environ > /record/parent 2>/dev/null || true");
    let mut flow = Flow::with(case, &[&probe]);
    let login = basic(USER, PASSWORD);
    let auth = format!("{{\"{}\": \"{login}\"}}", case.ground.private.address());
    flow.stage.set("CNB_REGISTRY_AUTH", &auth);
    flow.create(&[]).expect_code(0);
    case.equal("", read(&flow.stage.path("record/parent")), "");
}

fn what_a_buildpack_leaves_running_is_ended(case: &Case<'_>) {
    let leaving = Probe::new(case, "example/one").build("sleep 30 &\necho $! > /record/left");
    let looking = Probe::new(case, "example/two")
        .build("! kill -0 \"$(cat /record/left)\" 2>/dev/null && echo gone > /record/looked");
    let flow = built(case, &[&leaving, &looking]);
    case.equal("", read(&flow.stage.path("record/looked")), "gone\n");
}

fn a_signal_ends_the_buildpack_and_the_build(case: &Case<'_>) {
    let one = Probe::new(case, "example/one")
        .build("kill -TERM $PPID\nsleep 30\necho late > /record/late");
    let flow = ready(case, &[&one, &Probe::new(case, "example/two")]);
    let outcome = flow.build(&[]);
    case.fails("", &outcome);
    case.equal("", order_of_runs(&flow.stage), ["build example/one"]);
    case.equal("", exists(&flow, "record/late"), false);
    case.equal("", exists(&flow, "layers/config/metadata.toml"), false);
    let left = fs::read_dir(flow.stage.path("tmp")).expect("list /tmp");
    case.equal("", left.count(), 0);
}

fn no_temporary_file_is_left(case: &Case<'_>) {
    for status in [0, 1] {
        let probe = Probe::new(case, "example/one").build(&format!("exit {status}"));
        let flow = ready(case, &[&probe]);
        flow.build(&[]);
        case.equal("", order_of_runs(&flow.stage), ["build example/one"]);
        let left = fs::read_dir(flow.stage.path("tmp")).expect("list /tmp");
        case.equal("", left.count(), 0);
    }
}

/// Kubernetes mounts values as links into a directory `..data`.
fn user_and_operator_files_may_be_links(case: &Case<'_>) {
    let given = given_after(case, &[], |flow| {
        for (dir, name) in [
            ("platform/env", "BY_USER"),
            ("cnb/build-config/env", "BY_OPERATOR"),
        ] {
            flow.stage.write(&format!("{dir}/..2024/{name}"), "linked");
            flow.stage.link("..2024", &format!("{dir}/..data"));
            flow.stage
                .link(&format!("..data/{name}"), &format!("{dir}/{name}"));
        }
    });
    case.equal("", given.var("BY_USER"), Some("linked"));
    case.equal("", given.var("BY_OPERATOR"), Some("linked"));
}
