//! Images on disk in place of a registry, and the consent that this takes.
use super::{reference, sources::Sources};
use crate::{flow::Flow, image::Image, probe::Probe, recipe::Recipe, suite::Case, tests};

tests! {
    layouts_are_switched_on: ["P-AIN-008"] .platform(12, 15);
    the_directory_of_layouts_is_found: ["P-AIN-009", "P-ANALYZE-024"] .platform(12, 15);
    the_run_image_is_looked_up_at_its_path:
        ["P-ANALYZE-025", "P-FANLZ-007", "P-LAYOUT-001", "P-LAYOUT-002"] .platform(12, 15);
    the_previous_image_is_looked_up_at_its_path:
        ["P-ANALYZE-026", "P-FANLZ-003", "P-LAYOUT-001", "P-LAYOUT-002"] .platform(12, 15);
    the_cache_image_stays_in_a_registry: ["P-ANALYZE-016", "P-ANALYZE-019"] .platform(12, 15);
    layouts_take_consent:
        ["P-EXPER-002", "P-EXPER-003", "P-EXPER-004", "P-EXPER-005", "P-EXPER-007"] .platform(12, 15);
    written_layouts_take_consent: ["P-EXPER-007"] .platform(12, 15);
}

/// Where layouts lie.
const ROOT: &str = "/tmp/layouts";
/// Arguments that use them.
const ON: [&str; 2] = ["-layout", "-layout-dir=/tmp/layouts"];

/// A build that may use layouts.
fn consenting<'a>(case: &'a Case<'a>) -> Flow<'a> {
    let mut flow = Flow::new(case);
    flow.stage.set("CNB_EXPERIMENTAL_MODE", "warn");
    flow
}

/// Writes a run image where layouts of this root have [`Case::run_image`].
fn lay_out_run_image(case: &Case<'_>, flow: &Flow<'_>, root: &str) {
    let path = format!("{root}/{}", case.run_image().replace(":base", "/base"));
    Recipe::run_image().write_layout(&flow.stage.path(&path));
}

/// The directory that a reference in `analyzed.toml` names; a digest may follow it.
fn place(flow: &Flow<'_>, table: &str) -> String {
    let reference = reference(flow, table);
    let path = reference.split_once('@').map(|(path, _)| path.to_owned());
    path.unwrap_or(reference)
}

/// The run image is in the registry as well as on disk.
fn layouts_are_switched_on(case: &Case<'_>) {
    let mut flow = consenting(case);
    lay_out_run_image(case, &flow, ROOT);
    flow.stage.set("CNB_LAYOUT_DIR", ROOT);
    for (values, expected) in [
        (["true", "false"], [false, true, false, false]),
        (["false", "true"], [false, false, true, true]),
    ] {
        let input = Sources::new(("-layout", "CNB_USE_LAYOUT"), values);
        let seen = input.each(&mut flow, |flow, args| {
            flow.analyze(args).expect_code(0);
            place(flow, "run-image").starts_with(ROOT)
        });
        case.equal("P-AIN-008", seen, expected);
    }
}

fn the_directory_of_layouts_is_found(case: &Case<'_>) {
    let mut flow = consenting(case);
    let roots = ["/tmp/variable", "/tmp/flag"];
    for root in roots {
        lay_out_run_image(case, &flow, root);
    }
    let input = Sources::new(("-layout-dir", "CNB_LAYOUT_DIR"), roots);
    let seen = input.each(&mut flow, |flow, args| {
        let outcome = flow.analyze(&[&["-layout"], args].concat());
        let place = (outcome.code == 0).then(|| place(flow, "run-image"));
        place.map(|place| roots.map(|root| place.starts_with(&format!("{root}/"))))
    });
    let [variable, flag] = [Some([true, false]), Some([false, true])];
    let expected = [None, variable, flag, flag];
    case.equal("P-AIN-009 P-ANALYZE-024", seen, expected);
}

/// References with the path below the root that each means; `hex` is the digest of the image.
fn references(hex: &str) -> [(String, String); 5] {
    [
        ("r.example/team/app:1", "r.example/team/app/1".to_owned()),
        (
            "r.example:5000/a/b/app",
            "r.example:5000/a/b/app/latest".to_owned(),
        ),
        ("team/app:1", "index.docker.io/team/app/1".to_owned()),
        ("app", "index.docker.io/library/app/latest".to_owned()),
        (
            &*format!("r.example/app@sha256:{hex}"),
            format!("r.example/app/sha256/{hex}"),
        ),
    ]
    .map(|(reference, path)| (reference.to_owned(), path))
}

/// Digest of the manifest of [`Recipe::run_image`], without the algorithm.
fn hex(flow: &Flow<'_>) -> String {
    let dir = flow.stage.path("/tmp/any");
    Recipe::run_image().write_layout(&dir);
    Image::layout(&dir).digest.replace("sha256:", "")
}

fn the_run_image_is_looked_up_at_its_path(case: &Case<'_>) {
    let flow = consenting(case);
    for (reference, path) in references(&hex(&flow)) {
        let path = format!("{ROOT}/{path}");
        let run_image = format!("-run-image={reference}");
        let ids = "P-ANALYZE-025 P-LAYOUT-001 P-LAYOUT-002";
        case.fails(ids, &flow.analyze(&[ON[0], ON[1], &run_image]));
        Recipe::run_image().write_layout(&flow.stage.path(&path));
        case.succeeds(ids, &flow.analyze(&[ON[0], ON[1], &run_image]));
        case.equal("P-ANALYZE-025 P-FANLZ-007", place(&flow, "run-image"), path);
    }
}

fn the_previous_image_is_looked_up_at_its_path(case: &Case<'_>) {
    let flow = consenting(case);
    lay_out_run_image(case, &flow, ROOT);
    for (reference, path) in references(&hex(&flow)) {
        let path = format!("{ROOT}/{path}");
        let previous = format!("-previous-image={reference}");
        let ids = "P-ANALYZE-026 P-FANLZ-003 P-LAYOUT-001 P-LAYOUT-002";
        flow.analyze(&[ON[0], ON[1], &previous]).expect_code(0);
        case.equal(ids, place(&flow, "image"), "");
        Recipe::run_image().write_layout(&flow.stage.path(&path));
        flow.analyze(&[ON[0], ON[1], &previous]).expect_code(0);
        case.equal(ids, place(&flow, "image"), path);
    }
}

fn the_cache_image_stays_in_a_registry(case: &Case<'_>) {
    let flow = consenting(case);
    lay_out_run_image(case, &flow, ROOT);
    let analyze = |rights: &str| {
        let cache = case.ground.guarded.name(&case.repository(rights));
        flow.analyze(&[ON[0], ON[1], &format!("-cache-image={cache}")])
    };
    case.succeeds("P-ANALYZE-016 P-ANALYZE-019", &analyze("writable"));
    case.fails("P-ANALYZE-016", &analyze("read-only"));
    case.fails("P-ANALYZE-019", &analyze("hidden"));
}

/// The words of the warning are open, so that the output with and without it are compared.
fn layouts_take_consent(case: &Case<'_>) {
    let mut flow = Flow::new(case);
    lay_out_run_image(case, &flow, ROOT);
    case.fails("P-EXPER-002 P-EXPER-007", &flow.analyze(&ON));
    let mut with = |mode: &str| {
        flow.stage.set("CNB_EXPERIMENTAL_MODE", mode);
        flow.analyze(&ON)
    };
    case.fails("P-EXPER-004 P-EXPER-007", &with("error"));
    let silent = with("silent");
    case.succeeds("P-EXPER-005", &silent);
    case.lacks("P-EXPER-005", &silent.output.to_lowercase(), "experimental");
    let warned = with("warn");
    case.succeeds("P-EXPER-003", &warned);
    let lines = |output: &str| output.lines().count();
    case.check(
        "P-EXPER-003",
        lines(&warned.output) > lines(&silent.output),
        "a warning that is not there in silence",
        &warned,
    );
}

fn written_layouts_take_consent(case: &Case<'_>) {
    let mut flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    lay_out_run_image(case, &flow, ROOT);
    flow.stage.set("CNB_EXPERIMENTAL_MODE", "warn");
    flow.analyze(&ON).expect_code(0);
    flow.detect(&[]).expect_code(0);
    flow.build(&[]).expect_code(0);
    flow.stage.unset("CNB_EXPERIMENTAL_MODE");
    case.fails("P-EXPER-007", &flow.export(&ON));
    flow.stage.set("CNB_EXPERIMENTAL_MODE", "warn");
    case.succeeds("P-EXPER-007", &flow.export(&ON));
}
