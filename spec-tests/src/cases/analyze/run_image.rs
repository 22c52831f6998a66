//! Which run image the build takes, and the files that name run images.
use super::reference;
use crate::{flow::Flow, probe::Probe, recipe::Recipe, suite::Case, tests};
use serde_json::{Value, json};

tests! {
    a_name_on_the_registry_of_the_app_is_preferred: ["P-RUNIMG-001", "P-FSTK-001"] .platform(7, 11);
    without_one_there_the_image_itself_is_taken: ["P-RUNIMG-002", "P-FSTK-001"] .platform(7, 11);
    a_readable_name_on_the_registry_of_the_app_is_preferred:
        ["P-RUNIMG-003", "P-FRUN-001", "P-FRUN-002", "P-FRUN-004"] .platform(12, 15);
    without_one_there_the_first_readable_name_is_taken:
        ["P-RUNIMG-004", "P-FRUN-001", "P-FRUN-004"] .platform(12, 15);
    without_a_usable_name_analysis_fails: ["P-ANALYZE-011"];
    mirrors_need_an_image_in_stack_toml: ["P-FSTK-002"] .platform(7, 11);
    mirrors_need_an_image_in_run_toml: ["P-FRUN-003"] .platform(12, 15);
    mirrors_are_those_of_the_entry_that_names_the_run_image:
        ["P-RUNIMG-005", "P-FRUN-001", "P-FRUN-002"] .platform(12, 15);
    mirrors_are_those_of_the_first_entry_otherwise: ["P-RUNIMG-006"] .platform(12, 15);
}

/// Names of one run image: on the open registry, that of the app; on the guarded one; and where nobody may read it.
struct Names {
    near: String,
    far: String,
    hidden: String,
}

impl Names {
    fn new(case: &Case<'_>) -> Self {
        let push = |rights| {
            let repository = case.repository(rights);
            Recipe::run_image().push(&case.ground.registry, &repository);
            repository
        };
        let guarded = &case.ground.guarded;
        Self {
            near: case.ground.registry.name(&push("near")),
            far: guarded.name(&push("far")),
            hidden: guarded.name(&push("hidden")),
        }
    }
}

/// An image with mirrors in `stack.toml` or `run.toml`.
fn name_run_image(case: &Case<'_>, flow: &Flow<'_>, image: &str, mirrors: &[&str]) {
    let (file, table) = run_file(case);
    let lines = format!("{table}\nimage = \"{image}\"\nmirrors = {mirrors:?}\n");
    flow.stage.write(file, &lines);
}

/// The file that names run images, and the header of its table.
fn run_file(case: &Case<'_>) -> (&'static str, &'static str) {
    if case.platform < 12 {
        ("cnb/stack.toml", "[run-image]")
    } else {
        ("cnb/run.toml", "[[images]]")
    }
}

/// The repository of the run image that is taken for an image with mirrors.
fn taken(case: &Case<'_>, image: &str, mirrors: &[&str]) -> String {
    let flow = Flow::new(case);
    name_run_image(case, &flow, image, mirrors);
    flow.analyze(&[]).expect_code(0);
    let reference = reference(&flow, "run-image");
    let repository = reference.split_once('@').map(|(name, _)| name.to_owned());
    repository.unwrap_or(reference)
}

fn a_name_on_the_registry_of_the_app_is_preferred(case: &Case<'_>) {
    let names = Names::new(case);
    let Names { near, far, .. } = &names;
    for (image, mirrors) in [
        (far, [near.as_str()].as_slice()),
        (far, &[far, near]),
        (near, &[far]),
    ] {
        let ids = "P-RUNIMG-001 P-FSTK-001";
        case.equal(ids, taken(case, image, mirrors), near.as_str());
    }
}

fn without_one_there_the_image_itself_is_taken(case: &Case<'_>) {
    let Names { far, hidden, .. } = Names::new(case);
    let ids = "P-RUNIMG-002 P-FSTK-001";
    case.equal(ids, taken(case, &far, &[]), far.as_str());
    case.equal(ids, taken(case, &far, &[&hidden]), far.as_str());
}

fn a_readable_name_on_the_registry_of_the_app_is_preferred(case: &Case<'_>) {
    let Names { near, far, hidden } = Names::new(case);
    let near = format!("{near}:latest");
    for (image, mirrors) in [
        (&far, [near.as_str()].as_slice()),
        (&hidden, &[&far, &near]),
        (&near, &[&far, &hidden]),
    ] {
        let seen = taken(case, image, mirrors);
        let ids = "P-RUNIMG-003 P-FRUN-001 P-FRUN-002 P-FRUN-004";
        case.equal(ids, format!("{seen}:latest"), near.as_str());
    }
}

fn without_one_there_the_first_readable_name_is_taken(case: &Case<'_>) {
    let [one, other] = [Names::new(case), Names::new(case)];
    for (image, mirrors, expected) in [
        (&one.far, [other.far.as_str()].as_slice(), &one.far),
        (&one.hidden, &[&other.far, &one.far], &other.far),
        (&one.hidden, &[&other.hidden, &one.far], &one.far),
    ] {
        let ids = "P-RUNIMG-004 P-FRUN-001 P-FRUN-004";
        case.equal(ids, taken(case, image, mirrors), expected.as_str());
    }
}

fn without_a_usable_name_analysis_fails(case: &Case<'_>) {
    let flow = Flow::new(case);
    let (file, table) = run_file(case);
    let hidden = Names::new(case).hidden;
    for lines in [
        String::new(),
        format!("{table}\n"),
        format!("{table}\nimage = \"\"\n"),
        format!("{table}\nimage = \"Not A Reference\"\n"),
        format!("{table}\nimage = \"{hidden}\"\nmirrors = [\"{hidden}:2\"]\n"),
    ] {
        flow.stage.write(file, &lines);
        case.fails("P-ANALYZE-011", &flow.analyze(&[]));
    }
    std::fs::remove_file(flow.stage.path(file)).expect("remove the file");
    case.fails("P-ANALYZE-011", &flow.analyze(&[]));
    let named = format!("-run-image={}", case.run_image());
    case.succeeds("P-ANALYZE-011", &flow.analyze(&[&named]));
}

/// A file with mirrors that mirror nothing.
fn mirrors_alone(case: &Case<'_>) -> crate::stage::Outcome {
    let flow = Flow::new(case);
    let (file, table) = run_file(case);
    let lines = format!("{table}\nmirrors = [\"{}\"]\n", case.run_image());
    flow.stage.write(file, &lines);
    flow.analyze(&[])
}

fn mirrors_need_an_image_in_stack_toml(case: &Case<'_>) {
    case.fails("P-FSTK-002", &mirrors_alone(case));
}

fn mirrors_need_an_image_in_run_toml(case: &Case<'_>) {
    case.fails("P-FRUN-003", &mirrors_alone(case));
}

/// Name and mirrors of the run image in the label of an app that is built on `run_image` with these entries of
/// `run.toml`.
fn recorded(case: &Case<'_>, run_image: &str, entries: &[(&str, &[&str])]) -> Value {
    let flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    let entry = |(image, mirrors): &(&str, &[&str])| {
        format!("[[images]]\nimage = \"{image}\"\nmirrors = {mirrors:?}\n")
    };
    let entries: Vec<String> = entries.iter().map(entry).collect();
    flow.stage.write("cnb/run.toml", &entries.concat());
    flow.analyze(&[&format!("-run-image={run_image}")])
        .expect_code(0);
    flow.detect(&[]).expect_code(0);
    flow.build(&[]).expect_code(0);
    flow.export(&[]).expect_code(0);
    let label = flow.pull().json_label("io.buildpacks.lifecycle.metadata");
    json!([label["runImage"]["image"], label["runImage"]["mirrors"]])
}

const OTHER: (&str, &[&str]) = ("a.example/run", &["b.example/run:1", "c.example/run:2"]);

fn mirrors_are_those_of_the_entry_that_names_the_run_image(case: &Case<'_>) {
    let run = case.run_image();
    let by_mirror: (&str, &[&str]) = ("d.example/run:1", &["e.example/run", &run]);
    let by_name: (&str, &[&str]) = (&run, &["f.example/run"]);
    for (entries, (image, mirrors)) in [
        ([OTHER, by_mirror, by_name], by_mirror),
        ([OTHER, by_name, by_mirror], by_name),
    ] {
        let ids = "P-RUNIMG-005 P-FRUN-001 P-FRUN-002";
        let seen = recorded(case, &run, &entries);
        case.equal(ids, seen, json!([image, mirrors]));
    }
}

fn mirrors_are_those_of_the_first_entry_otherwise(case: &Case<'_>) {
    let another: (&str, &[&str]) = ("d.example/run:1", &["e.example/run"]);
    let seen = recorded(case, &case.run_image(), &[OTHER, another]);
    case.equal("P-RUNIMG-006", seen[1].clone(), json!(OTHER.1));
}
