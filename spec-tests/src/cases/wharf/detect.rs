//! Detection as wharf promises it: the reference's behaviour where the specification is silent, and its weaknesses
//! mended.
use crate::{
    cases::detect::{
        analyzed,
        exec_env::composite_for,
        failing, given,
        order::composite,
        plan::{outcome, resolve},
        ready, ready_with, selected,
        system::write_system,
    },
    flow::Flow,
    probe::Probe,
    read,
    recipe::architecture,
    stage::Outcome,
    suite::Case,
    tests,
};
use std::path::Path;

tests! {
    a_buildpack_in_several_groups_is_asked_once: [];
    an_id_is_in_a_group_once: [];
    an_optional_member_that_errs_is_remembered: [];
    an_optional_member_for_another_target_is_not_asked: [] .platform(12, 15);
    an_optional_member_for_another_stack_is_not_asked: [] .platform(7, 11) .buildpack(7, 9) .each_buildpack();
    stacks_beside_targets_do_not_count: [] .platform(12, 15) .buildpack(10, 12) .each_buildpack();
    an_optional_member_is_dropped_with_its_last_alternative: [] .each_buildpack();
    many_alternatives_are_not_tried_one_by_one: [] .once();
    a_composite_that_contains_itself_is_an_error: [];
    the_build_plan_file_is_empty_and_private: [];
    the_selected_group_forgets_what_was_optional: [];
    the_distribution_is_that_of_the_build_image: [] .platform(12, 15);
    the_selected_group_is_told: [];
    debug_tells_what_everybody_said: [];
    a_failure_tells_everything: [];
    percent_signs_are_kept: [] .once();
    system_buildpacks_are_told: [] .platform(15, 15);
    the_system_has_its_say_before_composites_are_expanded: [] .platform(15, 15);
    a_system_buildpack_may_be_optional: [] .platform(15, 15);
    a_missing_system_file_names_nobody: [] .platform(15, 15);
    an_environment_has_no_slash: ["P-XENV-002"] .platform(15, 15);
    a_member_for_another_environment_is_left_out: ["B-ORDER-009"] .platform(15, 15);
    production_is_an_environment_like_others: [] .platform(15, 15);
    ids_of_other_characters_are_refused: ["B-FBP-002"] .each_buildpack();
    reserved_ids_are_refused: ["B-FBP-003"] .each_buildpack();
    the_id_sbom_is_refused: ["B-FBP-004"] .buildpack(8, 12) .each_buildpack();
    the_id_generated_is_refused: ["B-FBP-005"] .buildpack(9, 12) .each_buildpack();
}

/// Detection with everything told.
fn debug(flow: &Flow<'_>) -> Outcome {
    flow.detect(&["-no-color", "-log-level=debug"])
}

/// Those of the expected lines that were not said.
fn unsaid<'a>(outcome: &Outcome, expected: &[&'a str]) -> Vec<&'a str> {
    let said = |line: &&&str| !outcome.output.lines().any(|one| one == **line);
    expected.iter().filter(said).copied().collect()
}

fn nobody() -> Vec<&'static str> {
    Vec::new()
}

fn a_buildpack_in_several_groups_is_asked_once(case: &Case<'_>) {
    let (common, good) = (
        Probe::new(case, "example/common"),
        Probe::new(case, "example/good"),
    );
    let bad = failing(case, "example/bad");
    let flow = ready(case);
    flow.order(&[&[&common, &bad], &[&common, &good]]);
    case.equal("", selected(&flow), ["example/common", "example/good"]);
    case.equal("", given(&flow, &common).runs, 1);
}

fn an_id_is_in_a_group_once(case: &Case<'_>) {
    let [one, two] =
        ["1.0.0", "2.0.0"].map(|version| Probe::new(case, "example/a").version(version));
    let flow = ready_with(case, &[&one, &two]);
    case.equal("", selected(&flow), ["example/a"]);
    let record = given(&flow, &one);
    case.equal("", record.runs, 1);
    case.equal(
        "",
        record.var("CNB_BUILDPACK_DIR"),
        Some(one.dir().as_str()),
    );
}

fn an_optional_member_that_errs_is_remembered(case: &Case<'_>) {
    let errs = Probe::new(case, "example/errs").detect("exit 1");
    let fails = failing(case, "example/fails");
    let flow = ready(case);
    flow.install(&[&errs, &fails]);
    flow.order_of(&[vec![errs.optional(), fails.entry()]]);
    case.exit("", &flow.detect(&[]), 21..=21);
}

fn an_optional_member_for_another_target_is_not_asked(case: &Case<'_>) {
    optional_is_not_asked(case, "[[targets]]\nos = \"windows\"");
}

fn an_optional_member_for_another_stack_is_not_asked(case: &Case<'_>) {
    optional_is_not_asked(case, "[[stacks]]\nid = \"other.stack\"");
}

fn optional_is_not_asked(case: &Case<'_>, targets: &str) {
    let foreign = Probe::new(case, "example/foreign").targets(targets);
    let own = Probe::new(case, "example/own");
    let flow = ready(case);
    flow.install(&[&foreign, &own]);
    flow.order_of(&[vec![foreign.optional(), own.entry()]]);
    case.equal("", selected(&flow), ["example/own"]);
    let ran = foreign.record(&flow.stage, "detect").is_some();
    case.equal("", ran, false);
}

fn stacks_beside_targets_do_not_count(case: &Case<'_>) {
    let with = |os: &str, stack: &str| {
        let lines = format!("[[targets]]\nos = \"{os}\"\n[[stacks]]\nid = \"{stack}\"");
        let flow = ready_with(case, &[&Probe::new(case, "example/a").targets(&lines)]);
        flow.detect(&[]).code
    };
    case.equal("", with("linux", "io.buildpacks.stacks.bionic"), 0);
    case.equal("", with("windows", "*"), 21);
}

fn an_optional_member_is_dropped_with_its_last_alternative(case: &Case<'_>) {
    case.equal(
        "",
        resolve(case, &[("a?", "+x | +y -y"), ("b", "")]),
        outcome("a b", &[("y", "a", "a")]),
    );
    case.equal(
        "",
        resolve(case, &[("a?", "+x | -y"), ("b", "")]),
        outcome("b", &[]),
    );
}

/// There are 4^16 combinations, and only the last of them holds.
fn many_alternatives_are_not_tried_one_by_one(case: &Case<'_>) {
    let names: Vec<String> = (0..16).map(|number| format!("example/{number}")).collect();
    let group: Vec<(&str, &str)> = names
        .iter()
        .map(|name| (name.as_str(), "-x | -y | -z |"))
        .collect();
    case.equal("", resolve(case, &group), outcome(&names.join(" "), &[]));
}

fn a_composite_that_contains_itself_is_an_error(case: &Case<'_>) {
    let [a, b] = ["example/a", "example/b"].map(|id| Probe::new(case, id).entry());
    let outer = composite(case, "example/a", &[vec![b]]);
    let inner = composite(case, "example/b", &[vec![a]]);
    let flow = ready_with(case, &[&outer]);
    inner.install(&flow.stage);
    let outcome = flow.detect(&[]);
    case.exit("", &outcome, 22..=22);
    case.contains("", &outcome.output, "example/a@1.0");
}

fn the_build_plan_file_is_empty_and_private(case: &Case<'_>) {
    let probe = Probe::new(case, "example/a").detect("stat -c '%a %s' \"$PLAN\" > \"$R/plan\"");
    let flow = ready_with(case, &[&probe]);
    flow.detect(&[]).expect_code(0);
    let seen = read(&flow.stage.path("record/detect/example_a/plan"));
    case.equal("", seen.as_str(), "600 0\n");
}

fn the_selected_group_forgets_what_was_optional(case: &Case<'_>) {
    let probe = Probe::new(case, "example/a");
    let flow = ready(case);
    flow.install(&[&probe]);
    flow.order_of(&[vec![probe.optional()]]);
    flow.detect(&[]).expect_code(0);
    let group = flow.layers_toml("group.toml");
    let expected = format!(
        "[[group]]\nid = \"example/a\"\nversion = \"1.0\"\napi = \"{}\"\n",
        case.buildpack_api()
    );
    let expected: toml::Table = expected.parse().expect("parse the expected group");
    case.equal("", group, expected);
}

/// The run image says none; the build image does in `/etc/os-release`.
fn the_distribution_is_that_of_the_build_image(case: &Case<'_>) {
    let release = read(Path::new("/etc/os-release"));
    let id = release
        .lines()
        .find_map(|line| line.strip_prefix("ID="))
        .map_or("", |id| id.trim_matches('"'));
    let supports = |name: &str| format!("[[targets]]\n[[targets.distros]]\nname = \"{name}\"");
    let own = Probe::new(case, "example/own").targets(&supports(id));
    let foreign = Probe::new(case, "example/foreign").targets(&supports("plan9"));
    let flow = ready(case);
    let target = format!("os = \"linux\"\narch = \"{}\"\n", architecture());
    flow.stage
        .write("layers/analyzed.toml", &analyzed(case, &target));
    flow.order(&[&[&foreign], &[&own]]);
    case.equal("", selected(&flow), ["example/own"]);
    let record = given(&flow, &own);
    case.equal("", record.var("CNB_TARGET_DISTRO_NAME"), Some(id));
}

/// A group of which one passes, one is left out, and one with a long name passes.
fn mixed<'a>(case: &'a Case<'a>) -> Flow<'a> {
    let a = Probe::new(case, "example/a").detect("echo said by a");
    let out = failing(case, "example/out");
    let long = Probe::new(case, "example/with-a-long-name");
    let flow = ready(case);
    flow.install(&[&a, &out, &long]);
    flow.order_of(&[vec![a.entry(), out.optional(), long.entry()]]);
    flow
}

fn the_selected_group_is_told(case: &Case<'_>) {
    let outcome = mixed(case).detect(&[]);
    let expected = [
        "2 of 3 buildpacks participating",
        "example/a                1.0",
        "example/with-a-long-name 1.0",
    ];
    case.succeeds("", &outcome);
    case.equal("", unsaid(&outcome, &expected), nobody());
    case.lacks("", &outcome.output, "said by a");
}

fn debug_tells_what_everybody_said(case: &Case<'_>) {
    let outcome = debug(&mixed(case));
    let expected = [
        "======== Output: example/a@1.0 ========",
        "said by a",
        "======== Results ========",
        "pass: example/a@1.0",
        "skip: example/out@1.0",
        "pass: example/with-a-long-name@1.0",
        "Resolving plan... (try #1)",
    ];
    case.equal("", unsaid(&outcome, &expected), nobody());
}

fn a_failure_tells_everything(case: &Case<'_>) {
    let passes = Probe::new(case, "example/passes").detect("echo said in passing");
    let fails = failing(case, "example/fails");
    let errs = Probe::new(case, "example/errs").detect("echo said in erring >&2\nexit 7");
    let flow = ready_with(case, &[&passes, &fails, &errs]);
    let outcome = flow.detect(&["-no-color"]);
    let expected = [
        "said in passing",
        "======== Output: example/errs@1.0 ========",
        "said in erring",
        "pass: example/passes@1.0",
        "fail: example/fails@1.0",
        "err:  example/errs@1.0 (7)",
    ];
    case.exit("", &outcome, 21..=21);
    case.equal("", unsaid(&outcome, &expected), nobody());
}

fn percent_signs_are_kept(case: &Case<'_>) {
    let probe = Probe::new(case, "example/a").detect("echo '100% %d %s %!v'");
    let outcome = debug(&ready_with(case, &[&probe]));
    case.equal("", unsaid(&outcome, &["100% %d %s %!v"]), nobody());
}

fn system_buildpacks_are_told(case: &Case<'_>) {
    let [first, second, last] =
        ["system/first", "system/second", "system/last"].map(|id| Probe::new(case, id));
    let flow = ready_with(case, &[&Probe::new(case, "example/a")]);
    flow.install(&[&first, &second, &last]);
    write_system(&flow, &[first.entry(), second.entry()], &[last.entry()]);
    let expected = [
        "Prepending 2 system buildpack(s) to group",
        "Appending 1 system buildpack(s) to group",
    ];
    case.equal("", unsaid(&debug(&flow), &expected), nobody());
}

/// Versions of `example/shared` in the group when a composite brings 2.0.0 and the system 1.0.0.
fn shared_with_system(case: &Case<'_>, before: bool) -> Vec<(String, String)> {
    let [system, own] =
        ["1.0.0", "2.0.0"].map(|version| Probe::new(case, "example/shared").version(version));
    let other = Probe::new(case, "example/other");
    let both = composite(case, "example/both", &[vec![other.entry(), own.entry()]]);
    let flow = ready_with(case, &[&both]);
    flow.install(&[&system, &own, &other]);
    let (pre, post) = if before {
        (vec![system.entry()], Vec::new())
    } else {
        (Vec::new(), vec![system.entry()])
    };
    write_system(&flow, &pre, &post);
    let ids = selected(&flow);
    let group = flow.layers_toml("group.toml");
    let members = group["group"].as_array().into_iter().flatten();
    let versions = members.map(|member| member["version"].as_str().unwrap_or_default().to_owned());
    ids.into_iter().zip(versions).collect()
}

fn the_system_has_its_say_before_composites_are_expanded(case: &Case<'_>) {
    for (before, expected) in [
        (
            true,
            [("example/shared", "1.0.0"), ("example/other", "1.0")],
        ),
        (
            false,
            [("example/other", "1.0"), ("example/shared", "2.0.0")],
        ),
    ] {
        let seen = shared_with_system(case, before);
        let seen: Vec<(&str, &str)> = seen
            .iter()
            .map(|(id, version)| (id.as_str(), version.as_str()))
            .collect();
        case.equal("", seen, expected);
    }
}

fn a_system_buildpack_may_be_optional(case: &Case<'_>) {
    let out = failing(case, "system/out");
    let flow = ready_with(case, &[&Probe::new(case, "example/a")]);
    flow.install(&[&out]);
    write_system(&flow, &[out.optional()], &[]);
    case.equal("", selected(&flow), ["example/a"]);
}

fn a_missing_system_file_names_nobody(case: &Case<'_>) {
    let flow = ready_with(case, &[&Probe::new(case, "example/a")]);
    case.succeeds("", &flow.detect(&["-system=/nowhere/system.toml"]));
}

fn an_environment_has_no_slash(case: &Case<'_>) {
    let mut flow = ready_with(case, &[&Probe::new(case, "example/a")]);
    flow.stage.set("CNB_EXEC_ENV", "test/more");
    case.fails("P-XENV-002", &flow.detect(&[]));
}

fn a_member_for_another_environment_is_left_out(case: &Case<'_>) {
    let flow = composite_for(case, "development");
    case.equal("B-ORDER-009", selected(&flow), ["example/other"]);
}

/// The specification speaks of environments other than the default; the reference makes no difference.
fn production_is_an_environment_like_others(case: &Case<'_>) {
    let limited = Probe::new(case, "example/limited").info("exec-env = [\"test\"]");
    let other = Probe::new(case, "example/other");
    let flow = ready_with(case, &[&limited, &other]);
    case.equal("", selected(&flow), ["example/other"]);
}

/// Detection of a buildpack with each of these ids fails and leaves no group.
fn refuses(case: &Case<'_>, ids: &str, refused: &[&str]) {
    for id in refused {
        let flow = ready_with(case, &[&Probe::new(case, id)]);
        case.fails(ids, &flow.detect(&[]));
        let group = flow.stage.path("layers/group.toml");
        case.check(ids, !group.exists(), "no group.toml", id);
    }
}

fn ids_of_other_characters_are_refused(case: &Case<'_>) {
    refuses(case, "B-FBP-002", &["a b", "a:b", "a@b", "ä"]);
}

fn reserved_ids_are_refused(case: &Case<'_>) {
    refuses(case, "B-FBP-003", &["config", "app"]);
}

fn the_id_sbom_is_refused(case: &Case<'_>) {
    refuses(case, "B-FBP-004", &["sbom"]);
}

fn the_id_generated_is_refused(case: &Case<'_>) {
    refuses(case, "B-FBP-005", &["generated"]);
}
