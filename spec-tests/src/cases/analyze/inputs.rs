//! Where the analyzer takes its inputs from: flag, then variable, then default.
use super::{
    by_digest, marked, named, reference, run_with,
    sources::{Sources, tell_good_from_bad},
};
use crate::{flow::Flow, suite::Case, tests};
use std::fs;

tests! {
    analyzed_toml: ["P-AIN-001", "P-ANALYZE-021"];
    cache_image: ["P-AIN-002"];
    daemon: ["P-AIN-003"];
    user_and_group: ["P-AIN-004", "P-AIN-018"];
    insecure_registries: ["P-AIN-005"] .platform(13, 15);
    layers: ["P-AIN-007"];
    log_level: ["P-AIN-010"];
    previous_image: ["P-AIN-011", "P-AIN-019"];
    run_toml: ["P-AIN-012", "P-AIN-013", "P-ANALYZE-009"] .platform(12, 15);
    stack_toml: ["P-AIN-014", "P-AIN-016", "P-ANALYZE-010"] .platform(7, 11);
    tags: ["P-AIN-017"];
    an_image_is_needed: ["P-AIN-019"];
}

/// The only one of these files that analysis wrote; it is removed.
fn written(flow: &Flow<'_>, places: &[&str]) -> String {
    let mut found = Vec::new();
    for place in places {
        let path = flow.stage.path(place);
        if path.exists() {
            fs::remove_file(&path).expect("remove analyzed.toml");
            found.push(*place);
        }
    }
    found.join(" ")
}

fn analyzed_toml(case: &Case<'_>) {
    let mut flow = Flow::new(case);
    let places = ["/tmp/variable.toml", "/tmp/flag.toml"];
    let all = ["/layers/analyzed.toml", places[0], places[1]];
    let input = Sources::new(("-analyzed", "CNB_ANALYZED_PATH"), places);
    let seen = input.each(&mut flow, |flow, args| {
        flow.analyze(args).expect_code(0);
        written(flow, &all)
    });
    let expected = [all[0], all[1], all[2], all[2]];
    case.equal("P-AIN-001 P-ANALYZE-021", seen, expected);
}

/// A cache image that may not be read tells which one was looked at.
fn cache_image(case: &Case<'_>) {
    let mut flow = Flow::new(case);
    let good = case.reference("cache");
    let bad = case.ground.guarded.name(&case.repository("hidden"));
    let input = (("-cache-image", "CNB_CACHE_IMAGE"), [&*good, &bad]);
    tell_good_from_bad(case, "P-AIN-002", &mut flow, input, Flow::analyze);
}

/// There is no daemon here: whoever looks for its images fails.
fn daemon(case: &Case<'_>) {
    let mut flow = Flow::new(case);
    let input = (("-daemon", "CNB_USE_DAEMON"), ["false", "true"]);
    tell_good_from_bad(case, "P-AIN-003", &mut flow, input, Flow::analyze);
    case.fails("P-AIN-003", &flow.analyze(&["-daemon"]));
}

/// Root becomes the user of the build image; in a user namespace without others it can only stay root.
fn user_and_group(case: &Case<'_>) {
    let as_root = |flow: &Flow<'_>, args: &[&str]| {
        let words = [&["analyzer"], args, &[flow.image.as_str()]].concat();
        run_with(flow, &["--uid", "0", "--gid", "0"], &words)
    };
    let mut flow = Flow::new(case);
    flow.stage.set("CNB_GROUP_ID", "0");
    let input = (("-uid", "CNB_USER_ID"), ["0", "1234"]);
    tell_good_from_bad(case, "P-AIN-018", &mut flow, input, as_root);
    flow.stage.set("CNB_USER_ID", "0");
    let input = (("-gid", "CNB_GROUP_ID"), ["0", "1234"]);
    tell_good_from_bad(case, "P-AIN-004", &mut flow, input, as_root);
}

/// A registry by a name that is not this machine's own is spoken to through TLS, which the registry here does not do.
fn insecure_registries(case: &Case<'_>) {
    let mut flow = Flow::new(case);
    let here = case.ground.registry.address();
    let [app, run] = ["app.example", "run.example"].map(|name| here.replace("127.0.0.1", name));
    flow.image = flow.image.replace(&here, &app);
    let hosts = named(&flow, &["app.example", "run.example"]);
    let analyze = |flow: &Flow<'_>, args: &[&str]| {
        let words = [&["analyzer"], args, &[flow.image.as_str()]].concat();
        run_with(flow, &hosts.each_ref().map(String::as_str), &words).code == 0
    };
    let names = ("-insecure-registry", "CNB_INSECURE_REGISTRIES");
    let seen = Sources::new(names, [&app, &app]).each(&mut flow, |flow, args| analyze(flow, args));
    case.equal("P-AIN-005", seen, [false, true, true, true]);
    let run_image = format!("-run-image={run}/shared/run:base");
    let flags = [&app, &run].map(|name| format!("-insecure-registry={name}"));
    let seen = [
        analyze(&flow, &[&run_image, &flags[0]]),
        analyze(&flow, &[&run_image, &flags[1]]),
        analyze(&flow, &[&run_image, &flags[0], &flags[1]]),
    ];
    case.equal("P-AIN-005", seen, [false, false, true]);
}

fn layers(case: &Case<'_>) {
    let mut flow = Flow::new(case);
    let places = ["/tmp/variable", "/tmp/flag"];
    let files = places.map(|place| format!("{place}/analyzed.toml"));
    let all = ["/layers/analyzed.toml", &files[0], &files[1]];
    for place in places {
        fs::create_dir_all(flow.stage.path(place)).expect("make a layers directory");
    }
    let input = Sources::new(("-layers", "CNB_LAYERS_DIR"), places);
    let seen = input.each(&mut flow, |flow, args| {
        flow.analyze(args).expect_code(0);
        written(flow, &all)
    });
    case.equal("P-AIN-007", seen, [all[0], all[1], all[2], all[2]]);
}

/// What is said at which level is open; more is said at `debug` than at `info`.
fn log_level(case: &Case<'_>) {
    let mut flow = Flow::new(case);
    let lines = |flow: &Flow<'_>, args: &[&str]| flow.analyze(args).output.lines().count();
    let info = lines(&flow, &["-log-level=info"]);
    let debug = lines(&flow, &["-log-level=debug"]);
    let expected = format!("more than {info} lines at debug");
    case.check("P-AIN-010", debug > info, &expected, debug);
    let names = ("-log-level", "CNB_LOG_LEVEL");
    let input = Sources::new(names, ["debug", "info"]);
    let seen = input.each(&mut flow, |flow, args| lines(flow, args));
    case.equal("P-AIN-010", seen, [info, debug, info, info]);
}

fn previous_image(case: &Case<'_>) {
    let mut flow = Flow::new(case);
    let [own, variable, flag] = ["own", "variable", "flag"].map(|mark| marked(case, mark));
    flow.image.clone_from(&own);
    let names = ("-previous-image", "CNB_PREVIOUS_IMAGE");
    let seen = Sources::new(names, [&variable, &flag]).each(&mut flow, |flow, args| {
        flow.analyze(args).expect_code(0);
        reference(flow, "image")
    });
    let [own, variable, flag] = [own, variable, flag].map(|name| by_digest(case, &name));
    let expected = [&own, &variable, &flag, &flag];
    case.equal("P-AIN-011 P-AIN-019", seen.each_ref(), expected);
}

/// Which run image is described, from a file and from a name, each given by default, variable, flag, and both; `lines`
/// name a run image in the file.
fn run_images(
    case: &Case<'_>,
    (default, file): (&str, (&str, &str)),
    lines: fn(&str) -> String,
) -> [[String; 4]; 2] {
    let mut flow = Flow::new(case);
    let marks = ["default", "variable", "flag"];
    let images = marks.map(|mark| marked(case, mark));
    let digests = images.each_ref().map(|name| by_digest(case, name));
    let files = [default, "/tmp/variable.toml", "/tmp/flag.toml"];
    for (file, image) in files.iter().zip(&images) {
        flow.stage.write(file, &lines(image));
    }
    let described = |flow: &mut Flow<'_>, args: &[&str]| {
        flow.analyze(args).expect_code(0);
        let seen = reference(flow, "run-image");
        let mark = digests.iter().position(|digest| *digest == seen);
        mark.map_or(seen, |at| marks[at].to_owned())
    };
    [
        Sources::new(file, [files[1], files[2]]).each(&mut flow, described),
        Sources::new(("-run-image", "CNB_RUN_IMAGE"), [&images[1], &images[2]])
            .each(&mut flow, described),
    ]
}

fn run_toml(case: &Case<'_>) {
    let file = ("/cnb/run.toml", ("-run", "CNB_RUN_PATH"));
    let lines = |image: &str| format!("[[images]]\nimage = \"{image}\"\n");
    let [by_file, by_name] = run_images(case, file, lines);
    let expected = ["default", "variable", "flag", "flag"];
    case.equal("P-AIN-012 P-ANALYZE-009", by_file, expected);
    case.equal("P-AIN-013", by_name, expected);
}

fn stack_toml(case: &Case<'_>) {
    let file = ("/cnb/stack.toml", ("-stack", "CNB_STACK_PATH"));
    let lines = |image: &str| format!("[run-image]\nimage = \"{image}\"\n");
    let [by_file, by_name] = run_images(case, file, lines);
    let expected = ["default", "variable", "flag", "flag"];
    case.equal("P-AIN-016 P-ANALYZE-010", by_file, expected);
    case.equal("P-AIN-014", by_name, expected);
}

/// Every one of the tags is looked at.
fn tags(case: &Case<'_>) {
    let flow = Flow::new(case);
    let good = format!("-tag={}", case.reference("tag"));
    let other = format!("-tag={}", case.reference("tag"));
    let bad = "-tag=Not A Reference";
    case.succeeds("P-AIN-017", &flow.analyze(&[&good, &other]));
    case.fails("P-AIN-017", &flow.analyze(&[&good, bad]));
    case.fails("P-AIN-017", &flow.analyze(&[bad, &good]));
}

fn an_image_is_needed(case: &Case<'_>) {
    let flow = Flow::new(case);
    case.fails("P-AIN-019", &flow.stage.phase("analyzer", &[]));
}
