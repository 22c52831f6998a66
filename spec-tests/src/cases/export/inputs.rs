//! Where the exporter takes its inputs from: flag, then variable, then default.
use super::{
    ID, analyzed, content, export_anew, export_to, exported, group, lifecycle_label, metadata,
    process, ready,
};
use crate::{
    cases::analyze::sources::Sources, flow::Flow, image::Image, probe::Probe, read, recipe::Recipe,
    stage::Outcome, suite::Case, tests,
};
use std::fs;

tests! {
    analyzed_toml: ["P-EIN-001"];
    app_directory: ["P-EIN-002"];
    cache_directory: ["P-EIN-003"];
    cache_image: ["P-EIN-004"];
    daemon: ["P-EIN-005"];
    user_and_group: ["P-EIN-007", "P-EIN-023"];
    group_toml: ["P-EIN-008"];
    launcher: ["P-EIN-011", "P-EXPORT-019"];
    layers_directory: ["P-EIN-013"];
    log_level: ["P-EIN-016"];
    parallel: ["P-EIN-017"] .platform(13, 15);
    process_type: ["P-EIN-018"];
    project_metadata: ["P-EIN-019"];
    report: ["P-EIN-020"];
    run_toml: ["P-EIN-021"] .platform(12, 15);
    stack_toml: ["P-EIN-022"] .platform(7, 11);
    metadata_toml: ["P-EIN-025"];
    images: ["P-EIN-026"];
}

/// An input that a flag and a variable may give, and what both say.
struct Input {
    flag: &'static str,
    variable: &'static str,
    by_flag: String,
    by_variable: String,
}

impl Input {
    fn new(flag: &'static str, variable: &'static str, [by_variable, by_flag]: [&str; 2]) -> Self {
        Self {
            flag,
            variable,
            by_flag: by_flag.to_owned(),
            by_variable: by_variable.to_owned(),
        }
    }

    /// A path; `fill` writes what lies at it, once for the default, the variable and the flag, each with its mark.
    fn path(
        flow: &Flow<'_>,
        (flag, variable): (&'static str, &'static str),
        default: &str,
        fill: impl Fn(&Flow<'_>, &str, &str),
    ) -> Self {
        let [by_variable, by_flag] =
            ["variable", "flag"].map(|mark| format!("/tmp/{mark}{default}"));
        fill(flow, default, "default");
        fill(flow, &by_variable, "variable");
        fill(flow, &by_flag, "flag");
        Self {
            flag,
            variable,
            by_flag,
            by_variable,
        }
    }

    /// What `seen` makes of exports without flag and variable, with the variable, with the flag, and with both.
    fn each_source<T>(
        &self,
        case: &Case<'_>,
        flow: &mut Flow<'_>,
        mut seen: impl FnMut(&Flow<'_>, Outcome) -> T,
    ) -> [T; 4] {
        let names = (self.flag, self.variable);
        let sources = Sources::new(names, [&self.by_variable, &self.by_flag]);
        sources.each(flow, |flow, args| {
            let outcome = export_anew(case, flow, args);
            seen(flow, outcome)
        })
    }

    /// The same, of the images of exports that must succeed.
    fn each_image(
        &self,
        case: &Case<'_>,
        flow: &mut Flow<'_>,
        seen: impl Fn(&Image) -> String,
    ) -> [String; 4] {
        self.each_source(case, flow, |flow, outcome| {
            outcome.expect_code(0);
            seen(&flow.pull())
        })
    }
}

/// What [`Input::each_source`] sees of an input with a default.
const SOURCES: [&str; 4] = ["default", "variable", "flag", "flag"];

fn analyzed_toml(case: &Case<'_>) {
    let mut flow = ready(case);
    let names = ("-analyzed", "CNB_ANALYZED_PATH");
    let input = Input::path(&flow, names, "/layers/analyzed.toml", |flow, path, mark| {
        let run_image = case.push(mark, &Recipe::run_image().label("mark", mark));
        flow.stage.write(path, &analyzed(&run_image));
    });
    let seen = input.each_image(case, &mut flow, |image| {
        image.label("mark").unwrap_or_default().to_owned()
    });
    case.equal("P-EIN-001", seen, SOURCES);
}

fn app_directory(case: &Case<'_>) {
    let mut flow = ready(case);
    let names = ("-app", "CNB_APP_DIR");
    let input = Input::path(&flow, names, "/workspace", |flow, path, mark| {
        flow.stage.write(&format!("{path}/mark"), mark);
    });
    let seen = input.each_image(case, &mut flow, |image| content(image, "/workspace/mark"));
    case.equal("P-EIN-002", seen, SOURCES);
}

fn cache_directory(case: &Case<'_>) {
    let mut flow = ready(case);
    let names = ("-cache-dir", "CNB_CACHE_DIR");
    let layer = "[types]\nlaunch = true\ncache = true\n";
    flow.stage.write("layers/example_one/dep.toml", layer);
    let input = Input::path(&flow, names, "/cache", |flow, path, _| {
        fs::create_dir_all(flow.stage.path(path)).expect("make a cache directory");
    });
    let places = [
        ("none", "/cache"),
        ("variable", &input.by_variable),
        ("flag", &input.by_flag),
    ];
    let seen = input.each_source(case, &mut flow, |flow, outcome| {
        outcome.expect_code(0);
        let written = places.map(|(mark, place)| {
            let path = flow.stage.path(place);
            let mut entries = fs::read_dir(&path).expect("list a cache directory");
            let is_written = entries.next().is_some();
            fs::remove_dir_all(&path).expect("remove a cache directory");
            fs::create_dir(&path).expect("make a cache directory");
            if is_written { mark } else { "" }
        });
        written.concat()
    });
    case.equal("P-EIN-003", seen, ["", "variable", "flag", "flag"]);
}

fn cache_image(case: &Case<'_>) {
    let mut flow = ready(case);
    let layer = "[types]\nlaunch = true\ncache = true\n";
    flow.stage.write("layers/example_one/dep.toml", layer);
    let names = [case.reference("variable"), case.reference("flag")];
    let values = [names[0].as_str(), names[1].as_str()];
    let input = Input::new("-cache-image", "CNB_CACHE_IMAGE", values);
    let mut before = [None, None];
    let seen = input.each_source(case, &mut flow, |flow, outcome| {
        outcome.expect_code(0);
        // Another cached layer for the next one, so that a cache image that is written has another digest.
        let number = flow.image.clone();
        flow.stage.write("layers/example_one/dep/file", &number);
        let now = names
            .each_ref()
            .map(|name| case.find(name).map(|image| image.digest));
        let changed = [now[0] != before[0], now[1] != before[1]];
        before = now;
        changed
    });
    let [neither, variable, flag] = [[false, false], [true, false], [false, true]];
    case.equal("P-EIN-004", seen, [neither, variable, flag, flag]);
}

/// There is no Docker daemon: what is meant for it cannot reach the registry.
fn daemon(case: &Case<'_>) {
    let mut flow = ready(case);
    let input = Input::new("-daemon", "CNB_USE_DAEMON", ["true", "false"]);
    let in_registry = |flow: &Flow<'_>, _| case.find(&flow.image).is_some();
    let seen = input.each_source(case, &mut flow, in_registry);
    case.equal("P-EIN-005", seen, [true, false, true, true]);
    flow.stage.unset("CNB_USE_DAEMON");
    let outcome = export_anew(case, &mut flow, &["-daemon"]);
    case.equal("P-EIN-005", in_registry(&flow, outcome), false);
}

/// Files that buildpacks contribute belong to the user of the build image.
fn user_and_group(case: &Case<'_>) {
    let mut flow = ready(case);
    let flags = ["-uid=3456", "-gid=4567"];
    for (has_variables, flags, expected) in [
        (true, &[][..], (1234, 2345)),
        (true, &flags[..], (3456, 4567)),
        (false, &flags[..], (3456, 4567)),
    ] {
        for (variable, value) in [("CNB_USER_ID", "1234"), ("CNB_GROUP_ID", "2345")] {
            flow.stage.unset(variable);
            if has_variables {
                flow.stage.set(variable, value);
            }
        }
        export_anew(case, &mut flow, flags).expect_code(0);
        let entries = flow.pull().entries_above(0);
        let file = entries
            .iter()
            .find(|entry| entry.path.ends_with("/dep/file"));
        let owner = file.map(|file| (file.uid, file.gid));
        case.equal("P-EIN-007 P-EIN-023", owner, Some(expected));
    }
}

fn group_toml(case: &Case<'_>) {
    let mut flow = ready(case);
    let names = ("-group", "CNB_GROUP_PATH");
    let input = Input::path(&flow, names, "/layers/group.toml", |flow, path, mark| {
        let member = Probe::new(case, ID).version(mark).member();
        flow.stage.write(path, &format!("group = [{member}]\n"));
    });
    let seen = input.each_image(case, &mut flow, |image| {
        let label = lifecycle_label(image);
        let version = label["buildpacks"][0]["version"].as_str();
        version.unwrap_or_default().to_owned()
    });
    case.equal("P-EIN-008", seen, SOURCES);
}

fn launcher(case: &Case<'_>) {
    let launcher = |image: &Image| {
        let entries = image.entries_above(0);
        let mut files = entries.into_iter();
        let file = files.find(|entry| entry.path == "/cnb/lifecycle/launcher");
        file.expect("the image has a launcher").content
    };
    let shipped = fs::read(case.subject.dir.join("launcher")).expect("read the launcher");
    let flow = ready(case);
    flow.export(&[]).expect_code(0);
    let is_shipped = launcher(&flow.pull()) == shipped;
    let ids = "P-EIN-011 P-EXPORT-019";
    case.check(ids, is_shipped, "the launcher of the lifecycle", is_shipped);
    case.equal(ids, launcher(&exported(&flow)), *b"a small launcher\n");
}

fn layers_directory(case: &Case<'_>) {
    let mut flow = ready(case);
    let names = ("-layers", "CNB_LAYERS_DIR");
    let input = Input::path(&flow, names, "/layers", |flow, path, mark| {
        let stage = &flow.stage;
        stage.write(&format!("{path}/group.toml"), &group(case));
        stage.write(
            &format!("{path}/analyzed.toml"),
            &analyzed(&case.run_image()),
        );
        let metadata = metadata(case, "");
        stage.write(&format!("{path}/config/metadata.toml"), &metadata);
        stage.write(&format!("{path}/example_one/dep/file"), mark);
        let types = "[types]\nlaunch = true\n";
        stage.write(&format!("{path}/example_one/dep.toml"), types);
    });
    let seen = input.each_image(case, &mut flow, |image| {
        content(image, "/layers/example_one/dep/file")
    });
    case.equal("P-EIN-013", seen, SOURCES);
}

fn log_level(case: &Case<'_>) {
    let mut flow = ready(case);
    let input = Input::new("-log-level", "CNB_LOG_LEVEL", ["debug", "info"]);
    let lines = |outcome: &Outcome| {
        outcome.expect_code(0);
        outcome.output.lines().count()
    };
    let [default, debug, info, both] =
        input.each_source(case, &mut flow, |_, outcome| lines(&outcome));
    case.equal("P-EIN-016", [info, both], [default; 2]);
    case.check("P-EIN-016", debug > info, "more to read", (debug, info));
    let error = lines(&export_anew(case, &mut flow, &["-log-level=error"]));
    case.check("P-EIN-016", error < info, "less to read", (error, info));
}

/// It changes neither the image nor the cache.
fn parallel(case: &Case<'_>) {
    let mut flow = ready(case);
    let layer = "[types]\nlaunch = true\ncache = true\n";
    flow.stage.write("layers/example_one/dep.toml", layer);
    flow.stage.set("CNB_CACHE_DIR", "/cache");
    let input = Input::new("-parallel", "CNB_PARALLEL_EXPORT", ["true", "true"]);
    let seen = input.each_source(case, &mut flow, |flow, outcome| {
        case.succeeds("P-EIN-017", &outcome);
        let cache = files_below(flow, "/cache");
        fs::remove_dir_all(flow.stage.path("/cache/committed")).ok();
        (flow.pull().digest, cache)
    });
    let [first, rest @ ..] = seen;
    let has_files = !first.1.is_empty();
    case.check("P-EIN-017", has_files, "files in the cache", &first.1);
    case.equal("P-EIN-017", rest, [first.clone(), first.clone(), first]);
}

/// Names of all files below a directory.
fn files_below(flow: &Flow<'_>, dir: &str) -> Vec<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(flow.stage.path(dir)).expect("list a directory") {
        let entry = entry.expect("read a directory entry");
        let path = format!("{dir}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().expect("read a type").is_dir() {
            files.extend(files_below(flow, &path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn process_type(case: &Case<'_>) {
    let mut flow = ready(case);
    let processes = [process(case, "variable", ""), process(case, "flag", "")].concat();
    let metadata = metadata(case, &processes);
    flow.stage.write("layers/config/metadata.toml", &metadata);
    let input = Input::new("-process-type", "CNB_PROCESS_TYPE", ["variable", "flag"]);
    let seen = input.each_image(case, &mut flow, |image| {
        image.config["config"]["Entrypoint"].to_string()
    });
    let [variable, flag] = ["variable", "flag"].map(|kind| format!("[\"/cnb/process/{kind}\"]"));
    let none = "[\"/cnb/lifecycle/launcher\"]".to_owned();
    case.equal("P-EIN-018", seen, [none, variable, flag.clone(), flag]);
}

fn project_metadata(case: &Case<'_>) {
    let mut flow = ready(case);
    let names = ("-project-metadata", "CNB_PROJECT_METADATA_PATH");
    let default = "/layers/project-metadata.toml";
    let input = Input::path(&flow, names, default, |flow, path, mark| {
        flow.stage
            .write(path, &format!("[source]\ntype = \"{mark}\"\n"));
    });
    let seen = input.each_image(case, &mut flow, |image| {
        let label = image.json_label("io.buildpacks.project.metadata");
        label["source"]["type"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    });
    case.equal("P-EIN-019", seen, SOURCES);
}

fn report(case: &Case<'_>) {
    let mut flow = ready(case);
    let names = ("-report", "CNB_REPORT_PATH");
    let input = Input::path(&flow, names, "/layers/report.toml", |flow, path, _| {
        let parent = flow.stage.path(path);
        let parent = parent.parent().expect("a file has a parent");
        fs::create_dir_all(parent).expect("make the directory of a report");
    });
    let places = [
        ("default", "/layers/report.toml"),
        ("variable", &input.by_variable),
        ("flag", &input.by_flag),
    ];
    let seen = input.each_source(case, &mut flow, |flow, outcome| {
        outcome.expect_code(0);
        places
            .map(|(mark, place)| {
                let removed = fs::remove_file(flow.stage.path(place));
                if removed.is_ok() { mark } else { "" }
            })
            .concat()
    });
    case.equal("P-EIN-020", seen, SOURCES);
}

fn run_toml(case: &Case<'_>) {
    let mut flow = ready(case);
    let run_image = case.run_image();
    let analyzed = format!("{}image = \"{run_image}\"\n", analyzed(&run_image));
    flow.stage.write("layers/analyzed.toml", &analyzed);
    let input = Input::path(
        &flow,
        ("-run", "CNB_RUN_PATH"),
        "/cnb/run.toml",
        |flow, path, mark| {
            let text = format!(
                "[[images]]\nimage = \"{run_image}\"\nmirrors = [\"{mark}.example/run\"]\n"
            );
            flow.stage.write(path, &text);
        },
    );
    let seen = input.each_image(case, &mut flow, |image| {
        lifecycle_label(image)["runImage"]["mirrors"].to_string()
    });
    case.equal(
        "P-EIN-021",
        seen,
        SOURCES.map(|mark| format!("[\"{mark}.example/run\"]")),
    );
}

fn stack_toml(case: &Case<'_>) {
    let mut flow = ready(case);
    let names = ("-stack", "CNB_STACK_PATH");
    let input = Input::path(&flow, names, "/cnb/stack.toml", |flow, path, mark| {
        let run_image = case.run_image();
        let text =
            format!("[run-image]\nimage = \"{run_image}\"\nmirrors = [\"{mark}.example/run\"]\n");
        flow.stage.write(path, &text);
    });
    let seen = input.each_image(case, &mut flow, |image| {
        lifecycle_label(image)["stack"]["runImage"]["mirrors"].to_string()
    });
    case.equal(
        "P-EIN-022",
        seen,
        SOURCES.map(|mark| format!("[\"{mark}.example/run\"]")),
    );
}

fn metadata_toml(case: &Case<'_>) {
    let flow = ready(case);
    let processes = [process(case, "web", ""), process(case, "worker", "")].concat();
    let label = "[[labels]]\nkey = \"example.key\"\nvalue = \"example value\"\n";
    let metadata = metadata(case, &(processes + label));
    flow.stage.write("layers/config/metadata.toml", &metadata);
    let image = exported(&flow);
    let label = image.json_label("io.buildpacks.build.metadata");
    let types = [
        &label["processes"][0]["type"],
        &label["processes"][1]["type"],
    ];
    case.equal("P-EIN-025", types, ["web", "worker"]);
    case.equal(
        "P-EIN-025",
        image.label("example.key"),
        Some("example value"),
    );
    let in_image = content(&image, "/layers/config/metadata.toml");
    case.equal(
        "P-EIN-025",
        in_image,
        read(&flow.stage.path("layers/config/metadata.toml")),
    );
}

fn images(case: &Case<'_>) {
    let flow = ready(case);
    let names: Vec<String> = (0..3).map(|_| case.reference("app")).collect();
    for count in 1..=3 {
        let args: Vec<&str> = names[..count].iter().map(String::as_str).collect();
        export_to(&flow, &args).expect_code(0);
        let found = names.iter().filter(|name| case.find(name).is_some());
        case.equal("P-EIN-026", found.count(), count);
    }
    let written = names.iter().map(|name| case.pull(name).digest);
    let mut digests: Vec<String> = written.collect();
    digests.dedup();
    case.equal("P-EIN-026", digests.len(), 1);
}
