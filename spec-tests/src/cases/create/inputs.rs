//! Where the creator takes its inputs from: flag, then variable, then default.
use super::{create_anew, found};
use crate::{
    cases::{
        analyze::{named, run_with, sources::Sources},
        build::{layer, put},
    },
    flow::Flow,
    image::Image,
    probe::{Probe, order_of_runs},
    read,
    recipe::Recipe,
    suite::Case,
    tests, toml_of,
};
use std::fs;

tests! {
    directories: ["P-CIN-001", "P-CIN-002", "P-CIN-010", "P-CIN-015", "P-CREATE-003"];
    cache_directory: ["P-CIN-003"];
    cache_image: ["P-CIN-004"];
    daemon: ["P-CIN-005"];
    user_and_group: ["P-CIN-006", "P-CIN-025"];
    insecure_registries: ["P-CIN-007"] .platform(13, 15);
    launcher: ["P-CIN-009"];
    layouts: ["P-CIN-011", "P-CIN-012"] .platform(12, 15);
    log_level: ["P-CIN-013"];
    order_toml: ["P-CIN-014"];
    previous_image: ["P-CIN-016"];
    process_type_and_files: ["P-CIN-017", "P-CIN-018", "P-CIN-019"];
    run_toml: ["P-CIN-020", "P-CIN-021"] .platform(12, 15);
    skip_restore: ["P-CIN-022"];
    stack_toml: ["P-CIN-021", "P-CIN-023"] .platform(7, 11);
    tags: ["P-CIN-024", "P-CREATE-007"];
}

/// What [`Sources::each`] sees of an input with a default.
const SOURCES: [&str; 4] = ["default", "variable", "flag", "flag"];

/// [`Sources::each`] with several inputs at once: nothing said, all flags, all variables, and both.
fn each<'f, T>(
    inputs: &[Sources<'_>],
    flow: &mut Flow<'f>,
    mut run: impl FnMut(&mut Flow<'f>, &[&str]) -> T,
) -> [T; 4] {
    let written = |input: &Sources<'_>| format!("{}={}", input.flag, input.by_flag);
    let flags: Vec<String> = inputs.iter().map(written).collect();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let nothing = run(flow, &[]);
    let flag = run(flow, &flags);
    for input in inputs {
        flow.stage.set(input.variable, input.by_variable);
    }
    let variable = run(flow, &[]);
    let both = run(flow, &flags);
    [nothing, variable, flag, both]
}

fn directories(case: &Case<'_>) {
    let probe = Probe::new(case, "example/one").build("exit 1");
    let mut flow = Flow::with(case, &[&probe]);
    for mark in ["variable", "flag"] {
        probe.install_below(&flow.stage, &format!("/tmp/{mark}/buildpacks"));
        for dir in ["app", "layers", "platform"] {
            let dir = flow.stage.path(&format!("/tmp/{mark}/{dir}"));
            fs::create_dir_all(dir).expect("make a directory");
        }
    }
    let inputs = [
        Sources::new(
            ("-app", "CNB_APP_DIR"),
            ["/tmp/variable/app", "/tmp/flag/app"],
        ),
        Sources::new(
            ("-buildpacks", "CNB_BUILDPACKS_DIR"),
            ["/tmp/variable/buildpacks", "/tmp/flag/buildpacks"],
        ),
        Sources::new(
            ("-layers", "CNB_LAYERS_DIR"),
            ["/tmp/variable/layers", "/tmp/flag/layers"],
        ),
        Sources::new(
            ("-platform", "CNB_PLATFORM_DIR"),
            ["/tmp/variable/platform", "/tmp/flag/platform"],
        ),
    ];
    let seen = each(&inputs, &mut flow, |flow, args| {
        flow.create(args);
        let given = probe.record(&flow.stage, "build").expect("bin/build ran");
        let variable = |name| given.var(name).unwrap_or_default().to_owned();
        [
            given.cwd.clone(),
            variable("CNB_BUILDPACK_DIR").replace("/example_one/1.0", ""),
            variable("CNB_LAYERS_DIR").replace("/example_one", ""),
            variable("CNB_PLATFORM_DIR"),
        ]
    });
    let defaults = ["/workspace", "/cnb/buildpacks", "/layers", "/platform"];
    let ids = ["P-CIN-001", "P-CIN-002", "P-CIN-010", "P-CIN-015"];
    for (at, input) in inputs.iter().enumerate() {
        let seen = seen.each_ref().map(|all| all[at].as_str());
        let expected = [
            defaults[at],
            input.by_variable,
            input.by_flag,
            input.by_flag,
        ];
        case.equal(&format!("{} P-CREATE-003", ids[at]), seen, expected);
    }
}

/// A buildpack with a layer for the cache that is another one each time.
fn caching(case: &Case<'_>) -> Probe {
    let random = "cat /proc/sys/kernel/random/uuid > \"$LAYERS/dep/file\"";
    Probe::new(case, "example/one").build(&(layer("dep", "cache launch", &[]) + random))
}

fn cache_directory(case: &Case<'_>) {
    let mut flow = Flow::with(case, &[&caching(case)]);
    let places = ["/cache", "/tmp/variable", "/tmp/flag"];
    let [none, variable, flag] = places;
    let input = Sources::new(("-cache-dir", "CNB_CACHE_DIR"), [variable, flag]);
    let seen = input.each(&mut flow, |flow, args| {
        for place in [variable, flag] {
            fs::create_dir_all(flow.stage.path(place)).expect("make a cache directory");
        }
        create_anew(case, flow, args).expect_code(0);
        let is_written = |place: &&str| {
            let mut entries = fs::read_dir(flow.stage.path(place)).expect("list a directory");
            entries.next().is_some()
        };
        let written: Vec<&str> = places.into_iter().filter(is_written).collect();
        for place in [variable, flag] {
            fs::remove_dir_all(flow.stage.path(place)).expect("remove a cache directory");
        }
        written
    });
    let expected = [vec![], vec![variable], vec![flag], vec![flag]];
    case.equal("P-CIN-003", seen, expected);
    let is_empty = fs::read_dir(flow.stage.path(none)).map(|mut entries| entries.next().is_none());
    case.check(
        "P-CIN-003",
        matches!(is_empty, Ok(true)),
        "no cache",
        &is_empty,
    );
}

fn cache_image(case: &Case<'_>) {
    let mut flow = Flow::with(case, &[&caching(case)]);
    let names = ["variable", "flag"].map(|mark| case.reference(mark));
    let input = Sources::new(("-cache-image", "CNB_CACHE_IMAGE"), [&names[0], &names[1]]);
    let digests = || {
        let digest = |name: &String| case.find(name).map(|image| image.digest);
        names.each_ref().map(digest)
    };
    let seen = input.each(&mut flow, |flow, args| {
        let before = digests();
        create_anew(case, flow, args).expect_code(0);
        let after = digests();
        [before[0] != after[0], before[1] != after[1]]
    });
    let [neither, variable, flag] = [[false, false], [true, false], [false, true]];
    case.equal("P-CIN-004", seen, [neither, variable, flag, flag]);
}

/// There is no daemon here: whoever looks for its images fails before detection, which ends the build.
fn daemon(case: &Case<'_>) {
    let probe = Probe::new(case, "example/one").detect("exit 100");
    let mut flow = Flow::with(case, &[&probe]);
    let detects = |flow: &Flow<'_>, args: &[&str]| {
        flow.next().create(args);
        probe.record(&flow.stage, "detect").is_some()
    };
    let input = Sources::new(("-daemon", "CNB_USE_DAEMON"), ["true", "false"]);
    let seen = input.each(&mut flow, |flow, args| detects(flow, args));
    case.equal("P-CIN-005", seen, [true, false, true, true]);
    case.equal("P-CIN-005", detects(&flow, &["-daemon"]), false);
}

/// Layers belong to the build image's user. One who is not root may be refused to become another.
fn user_and_group(case: &Case<'_>) {
    let probe =
        Probe::new(case, "example/one").build(&layer("dep", "launch", &[("file", "content")]));
    let mut flow = Flow::with(case, &[&probe]);
    let owner = |flow: &mut Flow<'_>, args: &[&str]| {
        let outcome = create_anew(case, flow, args);
        (outcome.code == 0).then(|| {
            let entries = flow.pull().entries_above(0);
            let mut files = entries.iter();
            let file = files.find(|entry| entry.path.ends_with("/dep/file"));
            file.map(|entry| (entry.uid, entry.gid))
        })
    };
    let own = Some(Some((1000, 1000)));
    case.equal("P-CIN-006 P-CIN-025", owner(&mut flow, &[]), own);
    let both = ["-uid=1000", "-gid=1000"];
    for (id, flag, variable) in [
        ("P-CIN-025", "-uid=1234", "CNB_USER_ID"),
        ("P-CIN-006", "-gid=1234", "CNB_GROUP_ID"),
    ] {
        case.differ(id, owner(&mut flow, &[flag]), own);
        flow.stage.set(variable, "1234");
        case.differ(id, owner(&mut flow, &[]), own);
        case.equal(id, owner(&mut flow, &both), own);
        flow.stage.set(variable, "1000");
    }
}

/// A registry by a name that is not this machine's own is spoken to through TLS, which the registry here does not do.
fn insecure_registries(case: &Case<'_>) {
    let mut flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    let here = case.ground.registry.address();
    let app = here.replace("127.0.0.1", "app.example");
    flow.image = flow.image.replace(&here, &app);
    let hosts = named(&flow, &["app.example"]);
    let create = |flow: &Flow<'_>, args: &[&str]| {
        let words = [&["creator"], args, &[flow.image.as_str()]].concat();
        run_with(flow, &hosts.each_ref().map(String::as_str), &words).code == 0
    };
    let names = ("-insecure-registry", "CNB_INSECURE_REGISTRIES");
    let seen = Sources::new(names, [&app, &app]).each(&mut flow, |flow, args| create(flow, args));
    case.equal("P-CIN-007", seen, [false, true, true, true]);
    let listed = format!("-insecure-registry={app}");
    let both = ["-insecure-registry=other.example", &listed];
    case.equal("P-CIN-007", create(&flow, &both), true);
}

fn launcher(case: &Case<'_>) {
    let flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    flow.stage.write("tmp/own", "an own launcher\n");
    let launcher = |image: &Image| {
        let entries = image.entries_above(0);
        let mut files = entries.into_iter();
        let file = files.find(|entry| entry.path == "/cnb/lifecycle/launcher");
        file.expect("the image has a launcher").content
    };
    flow.create(&[]).expect_code(0);
    let shipped = fs::read(case.subject.dir.join("launcher")).expect("read the launcher");
    let is_shipped = launcher(&flow.pull()) == shipped;
    case.check(
        "P-CIN-009",
        is_shipped,
        "the lifecycle's launcher",
        is_shipped,
    );
    flow.create(&["-launcher=/tmp/own"]).expect_code(0);
    case.equal("P-CIN-009", launcher(&flow.pull()), *b"an own launcher\n");
}

/// The run image lies in both layout directories, and in the registry.
fn layouts(case: &Case<'_>) {
    let mut flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    flow.stage.set("CNB_EXPERIMENTAL_MODE", "warn");
    let dirs = ["/tmp/variable", "/tmp/flag"];
    for dir in dirs {
        let path = case.run_image().replacen(":base", "/base", 1);
        Recipe::run_image().write_layout(&flow.stage.path(&format!("{dir}/{path}")));
    }
    let written = |flow: &mut Flow<'_>, args: &[&str]| {
        create_anew(case, flow, args).expect_code(0);
        let index = format!("{}/latest/index.json", flow.image);
        let is_there = |dir: &&str| flow.stage.path(&format!("{dir}/{index}")).exists();
        let layouts = dirs.into_iter().filter(is_there);
        let registry = case.find(&flow.image).map(|_| "registry");
        layouts.chain(registry).collect::<Vec<_>>().join(" ")
    };
    flow.stage.set("CNB_LAYOUT_DIR", dirs[0]);
    let input = Sources::new(("-layout", "CNB_USE_LAYOUT"), ["true", "false"]);
    let seen = input.each(&mut flow, written);
    let expected = ["registry", dirs[0], "registry", "registry"];
    case.equal("P-CIN-011", seen, expected);
    let seen = written(&mut flow, &["-layout"]);
    case.equal("P-CIN-011 P-CIN-012", seen, dirs[0]);
    let by_flag = format!("-layout-dir={}", dirs[1]);
    let seen = written(&mut flow, &["-layout", &by_flag]);
    case.equal("P-CIN-012", seen, dirs[1]);
    flow.stage.unset("CNB_LAYOUT_DIR");
    let seen = written(&mut flow, &["-layout", &by_flag]);
    case.equal("P-CIN-012", seen, dirs[1]);
}

/// What is said at which level is open; more is said at `debug` than at `info`.
fn log_level(case: &Case<'_>) {
    let mut flow = Flow::with(case, &[&Probe::new(case, "example/one").detect("exit 100")]);
    let lines = |flow: &Flow<'_>, args: &[&str]| flow.create(args).output.lines().count();
    let info = lines(&flow, &["-log-level=info"]);
    let debug = lines(&flow, &["-log-level=debug"]);
    case.check("P-CIN-013", debug > info, "more at debug", (debug, info));
    let input = Sources::new(("-log-level", "CNB_LOG_LEVEL"), ["debug", "info"]);
    let seen = input.each(&mut flow, |flow, args| lines(flow, args));
    case.equal("P-CIN-013", seen, [info, debug, info, info]);
}

/// The buildpack of an order is named by the order's path; it ends the build.
fn order_toml(case: &Case<'_>) {
    let mut flow = Flow::new(case);
    let places = ["/cnb/order.toml", "/tmp/variable.toml", "/tmp/flag.toml"];
    let by_layers = "/layers/order.toml";
    for place in places.into_iter().chain([by_layers]) {
        let probe = Probe::new(case, &place[1..]).detect("exit 100");
        probe.install(&flow.stage);
        let text = format!("[[order]]\ngroup = [{}]\n", probe.entry());
        flow.stage.write(place, &text);
    }
    let order = read(&flow.stage.path(by_layers));
    let ran = |flow: &Flow<'_>, args: &[&str]| {
        flow.create(args);
        order_of_runs(&flow.stage)
            .join(" ")
            .replacen("detect ", "/", 1)
    };
    let input = Sources::new(("-order", "CNB_ORDER_PATH"), [places[1], places[2]]);
    let seen = input.each(&mut flow, |flow, args| ran(flow.next(), args));
    let expected = [places[0], places[1], places[2], places[2]];
    case.equal("P-CIN-014", seen, expected);
    flow.next().stage.write(by_layers, &order);
    case.equal("P-CIN-014", ran(&flow, &[]), by_layers);
}

/// The metadata of layers is restored from the previous image.
fn previous_image(case: &Case<'_>) {
    let mut flow = Flow::with(case, &[]);
    let built = SOURCES[..3].iter().map(|mark| {
        let metadata = format!("[types]\nlaunch = true\n[metadata]\nmark = \"{mark}\"\n");
        let script = layer("dep", "", &[]) + &put("$LAYERS/dep.toml", &metadata);
        flow.order(&[&[&Probe::new(case, "example/one").build(&script)]]);
        let image = case.reference(mark);
        flow.next().stage.phase("creator", &[&image]).expect_code(0);
        image
    });
    let images: Vec<String> = built.collect();
    // The next build ends before it changes an image.
    let script = "cp \"$LAYERS/dep.toml\" /record/restored.toml; exit 1";
    flow.order(&[&[&Probe::new(case, "example/one").build(script)]]);
    flow.image.clone_from(&images[0]);
    let names = ("-previous-image", "CNB_PREVIOUS_IMAGE");
    let input = Sources::new(names, [&images[1], &images[2]]);
    let seen = input.each(&mut flow, |flow, args| {
        flow.next();
        case.fails("", &flow.create(args));
        let restored = toml_of(&flow.stage.path("record/restored.toml"));
        let mark = restored["metadata"]["mark"].as_str();
        mark.unwrap_or_default().to_owned()
    });
    case.equal("P-CIN-016", seen, SOURCES);
}

fn process_type_and_files(case: &Case<'_>) {
    let process = |kind: &str| format!("[[processes]]\ntype = \"{kind}\"\ncommand = [\"run\"]\n");
    let launch = process("variable") + &process("flag");
    let probe = Probe::new(case, "example/one").build(&put("$LAYERS/launch.toml", &launch));
    let mut flow = Flow::with(case, &[&probe]);
    let projects = ["/tmp/variable.toml", "/tmp/flag.toml"];
    let reports = ["/tmp/variable-report.toml", "/tmp/flag-report.toml"];
    let inputs = [
        Sources::new(("-process-type", "CNB_PROCESS_TYPE"), ["variable", "flag"]),
        Sources::new(("-project-metadata", "CNB_PROJECT_METADATA_PATH"), projects),
        Sources::new(("-report", "CNB_REPORT_PATH"), reports),
    ];
    let files = ["/layers/project-metadata.toml", projects[0], projects[1]];
    let seen = each(&inputs, &mut flow, |flow, args| {
        flow.next();
        for (place, mark) in files.iter().zip(SOURCES) {
            let text = format!("[source]\ntype = \"{mark}\"\n");
            flow.stage.write(place, &text);
        }
        create_anew(case, flow, args).expect_code(0);
        let image = flow.pull();
        let project = image.json_label("io.buildpacks.project.metadata");
        let is_written = |place: &&str| fs::remove_file(flow.stage.path(place)).is_ok();
        let reports = ["/layers/report.toml", reports[0], reports[1]];
        let written: Vec<&str> = reports.into_iter().filter(is_written).collect();
        [
            image.config["config"]["Entrypoint"].to_string(),
            project["source"]["type"].to_string(),
            written.join(" "),
        ]
    });
    let of = |at: usize| seen.each_ref().map(|all| all[at].as_str());
    let entrypoints = ["lifecycle/launcher", "process/variable", "process/flag"];
    let entrypoints = entrypoints.map(|path| format!("[\"/cnb/{path}\"]"));
    let [default, variable, flag] = entrypoints.each_ref().map(String::as_str);
    case.equal("P-CIN-017", of(0), [default, variable, flag, flag]);
    let expected = SOURCES.map(|mark| format!("\"{mark}\""));
    case.equal("P-CIN-018", of(1), expected.each_ref().map(String::as_str));
    let [variable, flag] = reports;
    let expected = ["/layers/report.toml", variable, flag, flag];
    case.equal("P-CIN-019", of(2), expected);
}

/// Which run image the app stands on, given by a file and by a name, each by default, variable, flag, and both;
/// `lines` name a run image in the file.
fn run_images(
    case: &Case<'_>,
    (default, file): (&str, (&str, &str)),
    lines: fn(&str) -> String,
) -> [[String; 4]; 2] {
    let mut flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    let images = ["default", "variable", "flag"]
        .map(|mark| case.push(mark, &Recipe::run_image().label("mark", mark)));
    let files = [default, "/tmp/variable.toml", "/tmp/flag.toml"];
    for (file, image) in files.iter().zip(&images) {
        flow.stage.write(file, &lines(image));
    }
    let base = |flow: &mut Flow<'_>, args: &[&str]| {
        create_anew(case, flow, args).expect_code(0);
        let image = flow.pull();
        image.label("mark").unwrap_or_default().to_owned()
    };
    [
        Sources::new(file, [files[1], files[2]]).each(&mut flow, base),
        Sources::new(("-run-image", "CNB_RUN_IMAGE"), [&images[1], &images[2]])
            .each(&mut flow, base),
    ]
}

fn run_toml(case: &Case<'_>) {
    let file = ("/cnb/run.toml", ("-run", "CNB_RUN_PATH"));
    let lines = |image: &str| format!("[[images]]\nimage = \"{image}\"\n");
    let [by_file, by_name] = run_images(case, file, lines);
    case.equal("P-CIN-020", by_file, SOURCES);
    case.equal("P-CIN-021", by_name, SOURCES);
}

fn stack_toml(case: &Case<'_>) {
    let file = ("/cnb/stack.toml", ("-stack", "CNB_STACK_PATH"));
    let lines = |image: &str| format!("[run-image]\nimage = \"{image}\"\n");
    let [by_file, by_name] = run_images(case, file, lines);
    case.equal("P-CIN-023", by_file, SOURCES);
    case.equal("P-CIN-021", by_name, SOURCES);
}

fn skip_restore(case: &Case<'_>) {
    let script = layer("dep", "cache launch", &[("file", "content")]);
    let mut flow = Flow::with(case, &[&Probe::new(case, "example/one").build(&script)]);
    flow.create(&[]).expect_code(0);
    // The next build ends before it changes an image.
    let script = found() + "exit 1";
    flow.install(&[&Probe::new(case, "example/one").build(&script)]);
    let restored = |flow: &Flow<'_>, args: &[&str]| {
        flow.next().create(args);
        read(&flow.stage.path("record/found")).contains("dep.toml")
    };
    let input = Sources::new(("-skip-restore", "CNB_SKIP_RESTORE"), ["true", "false"]);
    let seen = input.each(&mut flow, |flow, args| restored(flow, args));
    case.equal("P-CIN-022", seen, [true, false, true, true]);
    case.equal("P-CIN-022", restored(&flow, &["-skip-restore"]), false);
}

fn tags(case: &Case<'_>) {
    let mut flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    let names = ["one", "two"].map(|hint| case.reference(hint));
    create_anew(case, &mut flow, &[]).expect_code(0);
    let written = || {
        names
            .each_ref()
            .map(|name| case.find(name).map(|image| image.digest))
    };
    case.equal("P-CIN-024", written(), [None, None]);
    let tags = names.each_ref().map(|name| format!("-tag={name}"));
    create_anew(case, &mut flow, &tags.each_ref().map(String::as_str)).expect_code(0);
    let digest = Some(flow.pull().digest);
    case.equal(
        "P-CIN-024 P-CREATE-007",
        written(),
        [digest.clone(), digest],
    );
    let report = flow.layers_toml("report.toml");
    let listed = report["image"]["tags"]
        .as_array()
        .expect("the report lists tags");
    let mut listed: Vec<&str> = listed.iter().filter_map(toml::Value::as_str).collect();
    listed.sort_unstable();
    let mut expected: Vec<&str> = names
        .iter()
        .chain([&flow.image])
        .map(String::as_str)
        .collect();
    expected.sort_unstable();
    case.equal("P-CREATE-007", listed, expected);
}
