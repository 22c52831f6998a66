//! Exporting to OCI layouts, and over plain HTTP.
use super::{analyzed, content, export_to, lifecycle_label, ready};
use crate::{flow::Flow, image::Image, recipe::Recipe, stage::Outcome, suite::Case, tests};

tests! {
    the_path_follows_from_the_reference: ["P-EXPORT-051"] .platform(12, 15);
    layout_mode: ["P-EIN-014"] .platform(12, 15);
    layout_directory: ["P-EIN-015"] .platform(12, 15);
    insecure_registries: ["P-EIN-009"] .platform(13, 15);
}

/// The name of a run image in layouts.
pub(in crate::cases) const RUN_IMAGE: &str = "registry.example/team/run:base";
/// Its path below the layout directory.
pub(in crate::cases) const RUN_PATH: &str = "registry.example/team/run/base";

/// An export that may write layouts, with the run image in this directory of layouts.
pub(in crate::cases) fn ready_in<'a>(case: &'a Case<'a>, dir: &str) -> Flow<'a> {
    let mut flow = ready(case);
    flow.stage.set("CNB_EXPERIMENTAL_MODE", "warn");
    put_run_image(&flow, dir);
    flow
}

fn put_run_image(flow: &Flow<'_>, dir: &str) {
    let recipe = Recipe::run_image().layer(&[("usr/lib/where", dir)]);
    recipe.write_layout(&flow.stage.path(&format!("{dir}/{RUN_PATH}")));
}

/// Analyzes and exports these names with these arguments.
pub(in crate::cases) fn export(flow: &Flow<'_>, args: &[&str], names: &[&str]) -> Outcome {
    let run_image = format!("-run-image={RUN_IMAGE}");
    let analyzer = [args, &[&run_image, names[0]]].concat();
    flow.stage.phase("analyzer", &analyzer).expect_code(0);
    export_to(flow, &[args, names].concat())
}

/// The image at a path below a directory of layouts, when there is one.
pub(in crate::cases) fn find(flow: &Flow<'_>, path: &str) -> Option<Image> {
    let path = flow.stage.path(path);
    path.join("index.json")
        .is_file()
        .then(|| Image::layout(&path))
}

fn the_path_follows_from_the_reference(case: &Case<'_>) {
    let flow = ready_in(case, "/tmp/layouts");
    let args = ["-layout", "-layout-dir=/tmp/layouts"];
    for (name, path) in [
        (
            "registry.example/team/app:v1",
            "registry.example/team/app/v1",
        ),
        (
            "registry.example:5000/team/app",
            "registry.example:5000/team/app/latest",
        ),
        ("127.0.0.1:1/a/b/c:d", "127.0.0.1:1/a/b/c/d"),
    ] {
        case.succeeds("P-EXPORT-051", &export(&flow, &args, &[name]));
        let image = find(&flow, &format!("/tmp/layouts/{path}"));
        let app = image
            .as_ref()
            .map(|image| content(image, "/workspace/app.txt"));
        case.equal("P-EXPORT-051", app.as_deref(), Some("an app\n"));
        let base = image.as_ref().map(|image| content(image, "usr/lib/where"));
        case.equal("P-EXPORT-051", base.as_deref(), Some("/tmp/layouts"));
        let label = image.map(|image| lifecycle_label(&image));
        let is_labelled = label.is_some_and(|label| label["app"].is_array());
        case.check("P-EXPORT-051", is_labelled, "a lifecycle label", path);
    }
}

/// Whether the image went into a layout: it names a registry that is there.
fn layout_mode(case: &Case<'_>) {
    let mut flow = ready_in(case, "/tmp/layouts");
    flow.stage.set("CNB_LAYOUT_DIR", "/tmp/layouts");
    let of_registry = analyzed(&case.run_image());
    let of_layout = analyzed(&format!("/tmp/layouts/{RUN_PATH}"));
    for (variable, flag, is_layout) in [
        (None, None, false),
        (Some("true"), None, true),
        (None, Some("-layout"), true),
        (Some("true"), Some("-layout=false"), false),
        (Some("false"), Some("-layout"), true),
    ] {
        flow.stage.unset("CNB_USE_LAYOUT");
        if let Some(value) = variable {
            flow.stage.set("CNB_USE_LAYOUT", value);
        }
        let left = if is_layout { &of_layout } else { &of_registry };
        flow.stage.write("layers/analyzed.toml", left);
        let args: Vec<&str> = flag.into_iter().collect();
        case.succeeds("P-EIN-014", &super::export_anew(case, &mut flow, &args));
        let in_layout = find(&flow, &format!("/tmp/layouts/{}/latest", flow.image)).is_some();
        let in_registry = case.find(&flow.image).is_some();
        case.equal(
            "P-EIN-014",
            [in_layout, in_registry],
            [is_layout, !is_layout],
        );
    }
}

fn layout_directory(case: &Case<'_>) {
    let mut flow = ready_in(case, "/tmp/variable");
    put_run_image(&flow, "/tmp/flag");
    for (variable, flag, expected) in [
        (true, false, "/tmp/variable"),
        (false, true, "/tmp/flag"),
        (true, true, "/tmp/flag"),
    ] {
        flow.stage.unset("CNB_LAYOUT_DIR");
        if variable {
            flow.stage.set("CNB_LAYOUT_DIR", "/tmp/variable");
        }
        let args: &[&str] = if flag {
            &["-layout", "-layout-dir=/tmp/flag"]
        } else {
            &["-layout"]
        };
        let name = format!("registry.example/app:v{variable}{flag}");
        case.succeeds("P-EIN-015", &export(&flow, args, &[&name]));
        let path = name.replace(':', "/");
        for dir in ["/tmp/variable", "/tmp/flag"] {
            let is_there = find(&flow, &format!("{dir}/{path}")).is_some();
            case.equal("P-EIN-015", is_there, dir == expected);
        }
    }
}

/// A registry without TLS under a name that clients do not take for this machine.
fn insecure_registries(case: &Case<'_>) {
    let mut flow = ready(case);
    flow.stage.name_this_machine("registry.test");
    let address = case.ground.registry.address();
    let (_, port) = address.rsplit_once(':').unwrap_or_default();
    let registry = format!("registry.test:{port}");
    let run_image = case.run_image().replace(&address, &registry);
    flow.stage
        .write("layers/analyzed.toml", &analyzed(&run_image));
    let flag = format!("-insecure-registry={registry}");
    let other = "-insecure-registry=other.test";
    for (variable, flags, succeeds) in [
        (None, vec![], false),
        (None, vec![other], false),
        (None, vec![flag.as_str()], true),
        (None, vec![other, flag.as_str()], true),
        (Some(registry.as_str()), vec![], true),
        (Some("other.test"), vec![flag.as_str()], true),
    ] {
        flow.stage.unset("CNB_INSECURE_REGISTRIES");
        if let Some(value) = variable {
            flow.stage.set("CNB_INSECURE_REGISTRIES", value);
        }
        let here = case.reference("app");
        let there = here.replace(&address, &registry);
        let outcome = export_to(&flow, &[&flags[..], &[&there]].concat());
        let seen = (outcome.code == 0, case.find(&here).is_some());
        case.equal("P-EIN-009", seen, (succeeds, succeeds));
    }
}
