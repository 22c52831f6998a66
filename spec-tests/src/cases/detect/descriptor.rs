//! `buildpack.toml`, and the API it names.
use super::{given, ready, ready_with, selected};
use crate::{probe::Probe, suite::Case, tests};

tests! {
    an_api_is_a_pair_of_numbers: ["B-API-001", "B-API-002"] .once();
    an_unknown_api_is_an_error: ["B-API-005"];
    every_buildpack_is_treated_by_its_own_api: ["B-API-004"];
    a_group_may_mix_apis: ["B-API-006"];
    a_descriptor_has_an_api: ["B-FBP-001"];
    an_id_is_made_of_letters_digits_dots_slashes_and_dashes: ["B-FBP-002"] .each_buildpack();
    a_version_is_three_numbers: ["B-FBP-007"] .each_buildpack();
    user_variables_are_kept_unless_cleared: ["B-FBP-008"] .each_buildpack();
    licenses_may_be_listed: ["B-FBP-009"] .each_buildpack();
    descriptions_are_ignored: ["B-FBP-015"] .each_buildpack();
}

/// How detection ends with a buildpack that names this API.
fn with_api(case: &Case<'_>, api: &str) -> crate::stage::Outcome {
    let probe = Probe::new(case, "example/probe").api(api);
    ready_with(case, &[&probe]).detect(&[])
}

/// No version with another major number is there yet: `1` and `1.0` are the same unknown one.
fn an_api_is_a_pair_of_numbers(case: &Case<'_>) {
    for api in ["1", "1.0", "0", "0.0"] {
        case.exit("B-API-001", &with_api(case, api), 12..=12);
    }
    case.succeeds(
        "B-API-001 B-API-002",
        &with_api(case, &case.buildpack_api()),
    );
    case.exit(
        "B-API-002",
        &with_api(case, "0.18446744073709551615"),
        12..=12,
    );
    for api in ["0.x", "-1.0", "0.-7", "0.0x7", "0.7.0", "0,7"] {
        case.fails("B-API-002", &with_api(case, api));
    }
}

fn an_unknown_api_is_an_error(case: &Case<'_>) {
    for api in ["99.0", "0.1"] {
        case.exit("B-API-005", &with_api(case, api), 12..=12);
    }
}

/// Before Buildpack API 0.9 a command is text, since then a list; the descriptors are of their time as well.
fn every_buildpack_is_treated_by_its_own_api(case: &Case<'_>) {
    let process = |name: &str, rest: &str| {
        format!("printf '[[processes]]\\ntype = \"{name}\"\\n{rest}\\n' > \"$LAYERS/launch.toml\"")
    };
    let old = Probe::new(case, "example/old")
        .api("0.7")
        .targets("[[stacks]]\nid = \"*\"")
        .build(&process("old", "command = \"true\"\\ndirect = true"));
    let new =
        Probe::new(case, "example/new").build(&process("new", "command = [\"true\", \"new\"]"));
    let flow = ready_with(case, &[&old, &new]);
    case.equal("B-API-004", selected(&flow), ["example/old", "example/new"]);
    case.succeeds("B-API-004", &flow.build(&[]));
    let metadata = flow.layers_toml("config/metadata.toml");
    let processes = metadata["processes"]
        .as_array()
        .expect("processes are a list");
    let mut types: Vec<_> = processes.iter().map(|one| one["type"].as_str()).collect();
    types.sort_unstable();
    case.equal("B-API-004", types, [Some("new"), Some("old")]);
}

/// They may also be refused, but then nothing is selected.
fn a_group_may_mix_apis(case: &Case<'_>) {
    let apis = ["0.7", "0.8", "0.9", "0.10", "0.11", "0.12"];
    let probes = apis.map(|api| {
        Probe::new(case, &format!("example/{}", api.replace('.', "-")))
            .api(api)
            .targets("[[stacks]]\nid = \"*\"")
    });
    let flow = ready_with(case, &probes.each_ref());
    let outcome = flow.detect(&[]);
    let group = flow.stage.path("layers/group.toml");
    let seen = if group.exists() {
        super::members(&flow).len()
    } else {
        0
    };
    let expected = if outcome.code == 0 { apis.len() } else { 0 };
    case.equal("B-API-006", seen, expected);
}

fn a_descriptor_has_an_api(case: &Case<'_>) {
    let probe = Probe::new(case, "example/probe");
    let flow = ready_with(case, &[&probe]);
    let path = format!("{}/buildpack.toml", probe.dir());
    let text = crate::read(&flow.stage.path(&path));
    let without: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("api"))
        .collect();
    flow.stage.write(&path, &without.join("\n"));
    case.fails("B-FBP-001", &flow.detect(&[]));
    flow.stage.write(&path, &text);
    case.succeeds("B-FBP-001", &flow.detect(&[]));
}

fn an_id_is_made_of_letters_digits_dots_slashes_and_dashes(case: &Case<'_>) {
    for id in [
        "io.buildpacks.ruby",
        "Example/With-Dash.2/deep",
        "app2",
        "9",
    ] {
        let probe = Probe::new(case, id);
        case.equal("B-FBP-002", selected(&ready_with(case, &[&probe])), [id]);
    }
}

fn a_version_is_three_numbers(case: &Case<'_>) {
    let versions = ["0.0.0", "1.2.3", "10.20.300"];
    let probes = versions.map(|version| {
        Probe::new(case, &format!("example/{}", version.replace('.', "-"))).version(version)
    });
    let flow = ready_with(case, &probes.each_ref());
    flow.detect(&[]).expect_code(0);
    let group = flow.layers_toml("group.toml");
    let seen = [0, 1, 2].map(|index| group["group"][index]["version"].as_str());
    case.equal("B-FBP-007", seen, versions.map(Some));
}

fn user_variables_are_kept_unless_cleared(case: &Case<'_>) {
    let silent = Probe::new(case, "example/silent");
    let says_no = Probe::new(case, "example/no").info("clear-env = false");
    let clears = Probe::new(case, "example/clears").clear_env();
    let flow = ready_with(case, &[&silent, &says_no, &clears]);
    flow.stage.write("platform/env/FROM_USER", "value");
    flow.detect(&[]).expect_code(0);
    let seen = [&silent, &says_no, &clears]
        .map(|probe| given(&flow, probe).var("FROM_USER").map(str::to_owned));
    let value = Some("value".to_owned());
    case.equal("B-FBP-008", seen, [value.clone(), value, None]);
}

fn licenses_may_be_listed(case: &Case<'_>) {
    let probe = Probe::new(case, "example/probe").info(
        "[[buildpack.licenses]]\ntype = \"Apache-2.0\"\n\
         [[buildpack.licenses]]\nuri = \"https://example.com/license\"\n\
         [[buildpack.licenses]]\ntype = \"MIT\"\nuri = \"https://example.com/mit\"",
    );
    case.equal(
        "B-FBP-009",
        selected(&ready_with(case, &[&probe])),
        ["example/probe"],
    );
}

fn descriptions_are_ignored(case: &Case<'_>) {
    let plain = Probe::new(case, "example/probe");
    let described = Probe::new(case, "example/probe")
        .info("description = \"does much\"\nkeywords = [\"much\", \"more\"]")
        .descriptor("[metadata]\nanything = [1, 2]\n[metadata.deep]\ndeeper = true");
    let [plain, described] = [plain, described].map(|probe| {
        let flow = ready(case);
        flow.order(&[&[&probe]]);
        flow.detect(&[]).expect_code(0);
        flow.layers_toml("group.toml")
    });
    case.equal("B-FBP-015", described, plain);
}
