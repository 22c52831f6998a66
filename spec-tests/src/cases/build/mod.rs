//! Building: inputs, what `bin/build` is given, environments, `build.toml`, `store.toml`.
pub mod inputs;
pub mod interface;
pub mod layer_paths;
pub mod modification;
pub mod output;
pub mod plan;
pub mod provided;
pub mod reuse;
pub mod secrets;

use crate::{
    flow::Flow,
    probe::{Probe, Record},
    suite::{Case, Test},
};

/// The tables of this part.
pub const TABLES: &[&[Test]] = &[
    inputs::TESTS,
    interface::TESTS,
    layer_paths::TESTS,
    modification::TESTS,
    output::TESTS,
    plan::TESTS,
    provided::TESTS,
    reuse::TESTS,
    secrets::TESTS,
];

/// What analysis leaves behind, with these lines as the run image's target.
pub fn analyzed(case: &Case<'_>, target: &str) -> String {
    format!(
        "[run-image]\nreference = \"{}\"\n[run-image.target]\n{target}\n",
        case.run_image()
    )
}

/// `group.toml` with these members.
pub fn group(probes: &[&Probe]) -> String {
    let members: Vec<String> = probes.iter().map(|probe| probe.member()).collect();
    format!("group = [{}]\n", members.join(", "))
}

/// A build of these buildpacks that the builder may begin: the files of the earlier phases are there, without any
/// requirement in the plan.
pub fn ready<'a>(case: &'a Case<'a>, probes: &[&Probe]) -> Flow<'a> {
    let flow = Flow::new(case);
    flow.install(probes);
    flow.stage.write("layers/group.toml", &group(probes));
    flow.stage.write("layers/plan.toml", "");
    let target = "os = \"linux\"\narch = \"amd64\"";
    let analyzed = analyzed(case, target);
    flow.stage.write("layers/analyzed.toml", &analyzed);
    flow
}

/// The same after the builder has succeeded.
pub fn built<'a>(case: &'a Case<'a>, probes: &[&Probe]) -> Flow<'a> {
    let flow = ready(case, probes);
    flow.build(&[]).expect_code(0);
    flow
}

/// The buildpacks `example/0`, `example/1` … whose `bin/build` are these scripts, and `example/last` behind them.
pub fn chain(case: &Case<'_>, scripts: &[String]) -> Vec<Probe> {
    let numbered = scripts
        .iter()
        .enumerate()
        .map(|(number, script)| Probe::new(case, &format!("example/{number}")).build(script));
    numbered.chain([Probe::new(case, "example/last")]).collect()
}

/// What the buildpack after these scripts is given by the builder; `prepare` gets the stage ready for it.
pub fn given_after(
    case: &Case<'_>,
    scripts: &[String],
    prepare: impl FnOnce(&mut Flow<'_>),
) -> Record {
    let probes = chain(case, scripts);
    let probes: Vec<&Probe> = probes.iter().collect();
    let mut flow = ready(case, &probes);
    prepare(&mut flow);
    flow.build(&[]).expect_code(0);
    record(&flow, probes[probes.len() - 1], "build")
}

/// What an executable of a buildpack was given; the test ends when it did not run.
pub fn record(flow: &Flow<'_>, probe: &Probe, executable: &str) -> Record {
    probe
        .record(&flow.stage, executable)
        .unwrap_or_else(|| panic!("bin/{executable} of {} did not run", probe.dir()))
}

/// Shell lines that write a file byte by byte as it is here; `path` may use variables.
pub fn put(path: &str, content: &str) -> String {
    let (dir, _) = path.rsplit_once('/').unwrap_or((".", path));
    let quoted = content.replace('\'', r"'\''");
    format!("mkdir -p \"{dir}\"\nprintf %s '{quoted}' > \"{path}\"\n")
}

/// Shell lines that make a layer. `types` are the flags that are set, separated by spaces; `files` lie in its
/// directory.
pub fn layer(name: &str, types: &str, files: &[(&str, &str)]) -> String {
    let mut lines = format!("mkdir -p \"$LAYERS/{name}\"\n");
    lines += &typed(name, types);
    for (path, content) in files {
        lines += &put(&format!("$LAYERS/{name}/{path}"), content);
    }
    lines
}

/// Shell lines that write `<layer>.toml` with these flags set.
pub fn typed(name: &str, types: &str) -> String {
    let mut descriptor = "[types]\n".to_owned();
    for flag in types.split_whitespace() {
        descriptor += &format!("{flag} = true\n");
    }
    put(&format!("$LAYERS/{name}.toml"), &descriptor)
}
