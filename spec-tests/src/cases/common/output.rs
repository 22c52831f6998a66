//! Which stream what is written to.
use crate::{flow::Flow, probe::Probe, suite::Case, tests};

tests! {
    information_goes_to_standard_output: ["P-LOG-001"];
    errors_go_to_standard_error: ["P-LOG-002"];
    the_entrypoint_is_the_launcher: ["P-PHASE-008"];
}

fn information_goes_to_standard_output(case: &Case<'_>) {
    let probe = Probe::new(case, "example/one").build("echo a line of the build");
    let flow = Flow::with(case, &[&probe]);
    flow.until_restore();
    let outcome = flow.build(&["-log-level=info"]);
    outcome.expect_code(0);
    case.contains("P-LOG-001", &outcome.stdout, "a line of the build");
    let outcome = flow.export(&[]);
    case.check(
        "P-LOG-001",
        !outcome.stdout.trim().is_empty(),
        "words about the export on standard output",
        &outcome,
    );
}

fn errors_go_to_standard_error(case: &Case<'_>) {
    let flow = Flow::new(case);
    let missing = case.reference("missing");
    let outcome = flow.analyze(&[&format!("-run-image={missing}")]);
    case.fails("P-LOG-002", &outcome);
    case.check(
        "P-LOG-002",
        !outcome.stderr.trim().is_empty(),
        "words about the failure on standard error",
        &outcome,
    );
}

fn the_entrypoint_is_the_launcher(case: &Case<'_>) {
    let probe = Probe::new(case, "example/one").build(
        "printf '[[processes]]\\ntype = \"web\"\\ncommand = [\"true\"]\\ndefault = true\\n' > /layers/example_one/launch.toml",
    );
    let flow = Flow::with(case, &[&probe]);
    let image = flow.whole();
    let entrypoint = image.config["config"]["Entrypoint"][0]
        .as_str()
        .unwrap_or_default();
    let entries = image.entries_above(1);
    let found = entries
        .iter()
        .find(|entry| entry.path.trim_start_matches('/') == entrypoint.trim_start_matches('/'));
    let is_launcher = found.is_some_and(|entry| {
        entry.kind == b'0' && entrypoint == "/cnb/lifecycle/launcher"
            || entry.kind == b'2' && entry.link == "/cnb/lifecycle/launcher"
    });
    case.check(
        "P-PHASE-008",
        is_launcher,
        "the launcher or a link to it as the entrypoint",
        (entrypoint, found),
    );
}
