//! Where artifacts lie.
use crate::{flow::Flow, probe::Probe, suite::Case, tests};
use std::fs;

tests! {
    a_buildpack_is_found_by_its_identifier_and_version: ["D-BPKG-002"];
    a_buildpack_has_its_descriptor_at_its_root: ["D-BPKG-001"];
}

fn a_buildpack_is_found_by_its_identifier_and_version(case: &Case<'_>) {
    let probe = Probe::new(case, "example/one").version("1.2.3");
    let flow = Flow::with(case, &[&probe]);
    flow.until_detect();
    let record = probe.record(&flow.stage, "detect").expect("detect ran");
    case.equal(
        "D-BPKG-002",
        record.var("CNB_BUILDPACK_DIR"),
        Some("/cnb/buildpacks/example_one/1.2.3"),
    );
    let absent = Probe::new(case, "example/one").version("9.9.9");
    flow.order_of(&[vec![absent.entry()]]);
    case.fails("D-BPKG-002", &flow.detect(&[]));
}

fn a_buildpack_has_its_descriptor_at_its_root(case: &Case<'_>) {
    let probe = Probe::new(case, "example/one");
    let flow = Flow::with(case, &[&probe]);
    flow.until_detect();
    let dir = probe.dir();
    let root = flow.stage.path(&format!("{dir}/buildpack.toml"));
    let inside = flow.stage.path(&format!("{dir}/bin/buildpack.toml"));
    fs::rename(root, inside).expect("move the descriptor");
    case.fails("D-BPKG-001", &flow.detect(&[]));
}
