//! Where the restorer takes its inputs from: flag, then variable, then default.
use crate::{
    cases::analyze::{
        by_digest, named, run_with,
        sources::{Sources, tell_good_from_bad},
    },
    flow::Flow,
    probe::Probe,
    recipe::{Recipe, architecture},
    suite::Case,
    tests,
};
use std::fs;

tests! {
    analyzed_toml: ["P-RIN-001"];
    cache_directory: ["P-RIN-003"];
    cache_image: ["P-RIN-004"];
    daemon: ["P-RIN-005"] .platform(12, 15);
    user_and_group: ["P-RIN-006", "P-RIN-013"];
    group_toml: ["P-RIN-007"];
    insecure_registries: ["P-RIN-008"] .platform(13, 15);
    layers: ["P-RIN-010"];
    log_level: ["P-RIN-011"];
    skip_layers: ["P-RIN-012"];
    run_toml: ["P-RIN-014"] .platform(14, 15);
}

const ID: &str = "example/one";

/// What analysis and detection leave: a group of one buildpack, and a run image of which all is known.
fn ready<'a>(case: &'a Case<'a>) -> Flow<'a> {
    let flow = Flow::new(case);
    let run_image = case.run_image();
    write_handoff(
        case,
        &flow,
        "/layers",
        [&run_image, &by_digest(case, &run_image)],
    );
    flow
}

/// Writes `group.toml` and `analyzed.toml` with this name and reference of the run image.
fn write_handoff(case: &Case<'_>, flow: &Flow<'_>, dir: &str, [name, reference]: [&str; 2]) {
    let member = Probe::new(case, ID).member();
    let group = format!("group = [{member}]\n");
    flow.stage.write(&format!("{dir}/group.toml"), &group);
    let mut analyzed = format!("[run-image]\nreference = \"{reference}\"\n");
    if case.platform >= 12 {
        analyzed += &format!(
            "image = \"{name}\"\n[run-image.target]\nos = \"linux\"\narch = \"{}\"\n",
            architecture()
        );
    }
    flow.stage.write(&format!("{dir}/analyzed.toml"), &analyzed);
}

/// Writes an `analyzed.toml` with nothing but name and reference of the run image.
fn write_reference(flow: &Flow<'_>, reference: &str) {
    let lines = format!("[run-image]\nreference = \"{reference}\"\nimage = \"{reference}\"\n");
    flow.stage.write("layers/analyzed.toml", &lines);
}

/// Tells an input from files by what happens when the one that counts is not TOML: by flag, variable, and default.
fn by_broken_file(case: &Case<'_>, id: &str, (flag, variable): (&str, &str), default: &str) {
    let mut flow = ready(case);
    let text = crate::read(&flow.stage.path(default));
    flow.stage.write("/tmp/good.toml", &text);
    flow.stage.write("/tmp/bad.toml", "this is not TOML");
    let input = ((flag, variable), ["/tmp/good.toml", "/tmp/bad.toml"]);
    tell_good_from_bad(case, id, &mut flow, input, Flow::restore);
    flow.stage.write(default, "this is not TOML");
    case.fails(id, &flow.restore(&[]));
}

fn analyzed_toml(case: &Case<'_>) {
    let names = ("-analyzed", "CNB_ANALYZED_PATH");
    by_broken_file(case, "P-RIN-001", names, "/layers/analyzed.toml");
}

fn group_toml(case: &Case<'_>) {
    let names = ("-group", "CNB_GROUP_PATH");
    by_broken_file(case, "P-RIN-007", names, "/layers/group.toml");
}

/// Files without a path of their own are in the layers directory.
fn layers(case: &Case<'_>) {
    let mut flow = ready(case);
    let run_image = case.run_image();
    let reference = by_digest(case, &run_image);
    for place in ["/tmp/good", "/tmp/bad"] {
        write_handoff(case, &flow, place, [&run_image, &reference]);
    }
    flow.stage.write("/tmp/bad/group.toml", "this is not TOML");
    let input = (("-layers", "CNB_LAYERS_DIR"), ["/tmp/good", "/tmp/bad"]);
    let restore = |flow: &Flow<'_>, args: &[&str]| flow.restore(args);
    tell_good_from_bad(case, "P-RIN-010", &mut flow, input, restore);
    flow.stage.write("/layers/group.toml", "this is not TOML");
    case.fails("P-RIN-010", &flow.restore(&[]));
}

/// A build that put one layer into the cache.
fn cached<'a>(case: &'a Case<'a>, cache: &str) -> Flow<'a> {
    let probe = Probe::new(case, ID).build(
        "mkdir \"$LAYERS/dep\"\ntouch \"$LAYERS/dep/file\"\n\
         printf '[types]\\nbuild = true\\ncache = true\\n' > \"$LAYERS/dep.toml\"",
    );
    let flow = Flow::with(case, &[&probe]);
    flow.until_detect();
    flow.build(&[]).expect_code(0);
    flow.stage
        .phase("exporter", &[cache, &flow.image])
        .expect_code(0);
    flow
}

/// Whether restoring brings the layer of [`cached`] back.
fn restored(flow: &Flow<'_>, args: &[&str]) -> bool {
    let dir = flow.stage.path("layers/example_one");
    if dir.exists() {
        fs::remove_dir_all(&dir).expect("remove the buildpack's layers");
    }
    flow.stage.phase("restorer", args).expect_code(0);
    dir.join("dep/file").exists()
}

/// A cache of which only one place has something.
fn by_full_and_empty(
    case: &Case<'_>,
    id: &str,
    flow: &mut Flow<'_>,
    (names, [full, empty]): ((&str, &str), [&str; 2]),
) {
    for (values, expected) in [
        ([full, empty], [false, true, false, false]),
        ([empty, full], [false, false, true, true]),
    ] {
        let seen = Sources::new(names, values).each(flow, |flow, args| restored(flow, args));
        case.equal(id, seen, expected);
    }
}

fn cache_directory(case: &Case<'_>) {
    let mut flow = cached(case, "-cache-dir=/cache");
    fs::create_dir(flow.stage.path("/tmp/empty")).expect("make a cache directory");
    let input = (("-cache-dir", "CNB_CACHE_DIR"), ["/cache", "/tmp/empty"]);
    by_full_and_empty(case, "P-RIN-003", &mut flow, input);
}

fn cache_image(case: &Case<'_>) {
    let [full, empty] = ["full", "empty"].map(|hint| case.reference(hint));
    let mut flow = cached(case, &format!("-cache-image={full}"));
    let input = (("-cache-image", "CNB_CACHE_IMAGE"), [&*full, &empty]);
    by_full_and_empty(case, "P-RIN-004", &mut flow, input);
}

fn skip_layers(case: &Case<'_>) {
    let mut flow = cached(case, "-cache-dir=/cache");
    let names = ("-skip-layers", "CNB_SKIP_LAYERS");
    for (values, expected) in [
        (["true", "false"], [true, false, true, true]),
        (["false", "true"], [true, true, false, false]),
    ] {
        let seen = Sources::new(names, values).each(&mut flow, |flow, args| {
            restored(flow, &[&["-cache-dir=/cache"], args].concat())
        });
        case.equal("P-RIN-012", seen, expected);
    }
}

/// A run image of which nothing but the name is known has to be looked up; no daemon has it, as there is none.
fn daemon(case: &Case<'_>) {
    let mut flow = ready(case);
    let restore = |flow: &Flow<'_>, args: &[&str]| {
        write_reference(flow, &by_digest(case, &case.run_image()));
        flow.restore(args)
    };
    let input = (("-daemon", "CNB_USE_DAEMON"), ["false", "true"]);
    tell_good_from_bad(case, "P-RIN-005", &mut flow, input, restore);
    case.fails("P-RIN-005", &restore(&flow, &["-daemon"]));
}

/// Root becomes the user of the build image; in a user namespace without others it can only stay root.
fn user_and_group(case: &Case<'_>) {
    let as_root = |flow: &Flow<'_>, args: &[&str]| {
        let words = [&["restorer", "-cache-dir=/cache"], args].concat();
        run_with(flow, &["--uid", "0", "--gid", "0"], &words)
    };
    let mut flow = ready(case);
    flow.stage.set("CNB_GROUP_ID", "0");
    let input = (("-uid", "CNB_USER_ID"), ["0", "1234"]);
    tell_good_from_bad(case, "P-RIN-013", &mut flow, input, as_root);
    flow.stage.set("CNB_USER_ID", "0");
    let input = (("-gid", "CNB_GROUP_ID"), ["0", "1234"]);
    tell_good_from_bad(case, "P-RIN-006", &mut flow, input, as_root);
}

/// The run image, of which nothing but the name is known, is on a registry by a name that is not this machine's own:
/// it is spoken to through TLS, which the registry here does not do.
fn insecure_registries(case: &Case<'_>) {
    let mut flow = ready(case);
    let here = case.ground.registry.address();
    let there = here.replace("127.0.0.1", "run.example");
    let run_image = by_digest(case, &case.run_image()).replace(&here, &there);
    let hosts = named(&flow, &["run.example"]);
    let restore = |flow: &Flow<'_>, args: &[&str]| {
        write_reference(flow, &run_image);
        let words = [&["restorer", "-cache-dir=/cache"], args].concat();
        run_with(flow, &hosts.each_ref().map(String::as_str), &words).code == 0
    };
    let names = ("-insecure-registry", "CNB_INSECURE_REGISTRIES");
    let seen =
        Sources::new(names, [&there, &there]).each(&mut flow, |flow, args| restore(flow, args));
    case.equal("P-RIN-008", seen, [false, true, true, true]);
    let flags = ["other.example", &there].map(|name| format!("-insecure-registry={name}"));
    let both = restore(&flow, &[&flags[0], &flags[1]]);
    case.equal("P-RIN-008", both, true);
}

/// What is said at which level is open; more is said at `debug` than at `info`.
fn log_level(case: &Case<'_>) {
    let mut flow = cached(case, "-cache-dir=/cache");
    let lines = |flow: &Flow<'_>, args: &[&str]| {
        let layers = flow.stage.path("layers/example_one");
        fs::remove_dir_all(layers).expect("remove the buildpack's layers");
        let outcome = flow.restore(args);
        outcome.expect_code(0);
        outcome.output.lines().count()
    };
    let info = lines(&flow, &["-log-level=info"]);
    let debug = lines(&flow, &["-log-level=debug"]);
    let expected = format!("more than {info} lines at debug");
    case.check("P-RIN-011", debug > info, &expected, debug);
    let names = ("-log-level", "CNB_LOG_LEVEL");
    let seen =
        Sources::new(names, ["debug", "info"]).each(&mut flow, |flow, args| lines(flow, args));
    case.equal("P-RIN-011", seen, [info, debug, info, info]);
}

/// The run image may not be read any more: a file that lists it, and no other name of it, leaves no choice.
fn run_toml(case: &Case<'_>) {
    let mut flow = ready(case);
    let repository = case.repository("hidden");
    let digest = Recipe::run_image().push(&case.ground.registry, &repository);
    let hidden = case.ground.guarded.name(&repository);
    let reference = format!("{hidden}@{digest}");
    write_handoff(case, &flow, "/layers", [&hidden, &reference]);
    let listing = |image: &str| format!("[[images]]\nimage = \"{image}\"\n");
    flow.stage
        .write("/tmp/good.toml", &listing(&case.run_image()));
    flow.stage.write("/tmp/bad.toml", &listing(&hidden));
    let input = (
        ("-run", "CNB_RUN_PATH"),
        ["/tmp/good.toml", "/tmp/bad.toml"],
    );
    let restore = |flow: &Flow<'_>, args: &[&str]| flow.restore(args);
    tell_good_from_bad(case, "P-RIN-014", &mut flow, input, restore);
    flow.stage.write("/cnb/run.toml", &listing(&hidden));
    case.fails("P-RIN-014", &flow.restore(&[]));
}
