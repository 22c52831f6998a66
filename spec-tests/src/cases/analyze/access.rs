//! Which images must be references, exist, or allow to be read or written.
use super::{marked, reference};
use crate::{flow::Flow, recipe::Recipe, suite::Case, tests};

tests! {
    an_image_must_be_a_reference: ["P-ANALYZE-001"];
    a_tag_must_be_a_reference: ["P-ANALYZE-002"];
    tags_are_on_the_registry_of_the_image: ["P-ANALYZE-003"];
    a_previous_image_must_be_a_reference: ["P-ANALYZE-004"];
    nothing_but_the_run_image_has_to_exist: ["P-ANALYZE-012", "P-ANALYZE-013", "P-ANALYZE-014"];
    what_is_exported_must_be_writable: ["P-ANALYZE-015", "P-ANALYZE-016", "P-ANALYZE-017"];
    what_is_read_must_be_readable: ["P-ANALYZE-018", "P-ANALYZE-019", "P-ANALYZE-020"];
}

/// Texts that are no references in anybody's eyes.
const NO_REFERENCES: [&str; 3] = ["Not A Reference", "UPPER", "a/b@sha256:12"];

fn an_image_must_be_a_reference(case: &Case<'_>) {
    let mut flow = Flow::new(case);
    case.succeeds("P-ANALYZE-001", &flow.analyze(&[]));
    let previous = format!("-previous-image={}", flow.image);
    for text in NO_REFERENCES {
        text.clone_into(&mut flow.image);
        case.fails("P-ANALYZE-001", &flow.analyze(&[&previous]));
    }
}

fn a_tag_must_be_a_reference(case: &Case<'_>) {
    let flow = Flow::new(case);
    let tag = format!("-tag={}:1", flow.image);
    case.succeeds("P-ANALYZE-002", &flow.analyze(&[&tag]));
    for text in NO_REFERENCES {
        let tag = format!("-tag={text}");
        case.fails("P-ANALYZE-002", &flow.analyze(&[&tag]));
    }
}

/// The other registry would take the image, too.
fn tags_are_on_the_registry_of_the_image(case: &Case<'_>) {
    let flow = Flow::new(case);
    let same = format!("-tag={}", case.reference("tag"));
    case.succeeds("P-ANALYZE-003", &flow.analyze(&[&same]));
    let there = case.ground.guarded.name(&case.repository("tag"));
    let other = format!("-tag={there}");
    case.fails("P-ANALYZE-003", &flow.analyze(&[&other]));
    case.fails("P-ANALYZE-003", &flow.analyze(&[&same, &other]));
}

fn a_previous_image_must_be_a_reference(case: &Case<'_>) {
    let flow = Flow::new(case);
    for text in NO_REFERENCES {
        let previous = format!("-previous-image={text}");
        case.fails("P-ANALYZE-004", &flow.analyze(&[&previous]));
    }
}

fn nothing_but_the_run_image_has_to_exist(case: &Case<'_>) {
    let flow = Flow::new(case);
    case.succeeds("P-ANALYZE-014", &flow.analyze(&[]));
    let cache = format!("-cache-image={}", case.reference("cache"));
    case.succeeds("P-ANALYZE-013", &flow.analyze(&[&cache]));
    for previous in [
        case.reference("previous"),
        format!("{}:absent", marked(case, "another")),
    ] {
        let previous = format!("-previous-image={previous}");
        case.succeeds("P-ANALYZE-012", &flow.analyze(&[&previous]));
        case.equal("P-ANALYZE-012", reference(&flow, "image"), "");
    }
}

/// A repository of which this user has few rights: `read-only` or `hidden`.
fn guarded(case: &Case<'_>, rights: &str) -> String {
    case.ground.guarded.name(&case.repository(rights))
}

fn what_is_exported_must_be_writable(case: &Case<'_>) {
    let mut flow = Flow::new(case);
    flow.image = guarded(case, "app");
    let writable = guarded(case, "writable");
    let read_only = guarded(case, "read-only");
    for (id, flag) in [("P-ANALYZE-016", "-cache-image"), ("P-ANALYZE-017", "-tag")] {
        let argument = format!("{flag}={writable}");
        case.succeeds(id, &flow.analyze(&[&argument]));
        let argument = format!("{flag}={read_only}");
        case.fails(id, &flow.analyze(&[&argument]));
    }
    let tags = [&writable, &read_only].map(|name| format!("-tag={name}"));
    case.fails("P-ANALYZE-017", &flow.analyze(&[&tags[0], &tags[1]]));
    let previous = format!("-previous-image={read_only}");
    case.succeeds("P-ANALYZE-015", &flow.analyze(&[&previous]));
    flow.image = read_only;
    case.fails("P-ANALYZE-015", &flow.analyze(&[]));
}

/// They exist, so that only rights are missing.
fn what_is_read_must_be_readable(case: &Case<'_>) {
    let flow = Flow::new(case);
    for (id, flag) in [
        ("P-ANALYZE-018", "-previous-image"),
        ("P-ANALYZE-019", "-cache-image"),
        ("P-ANALYZE-020", "-run-image"),
    ] {
        let [open, hidden] = ["open", "hidden"].map(|rights| {
            let repository = case.repository(rights);
            Recipe::run_image().push(&case.ground.registry, &repository);
            flow.analyze(&[&format!("{flag}={}", case.ground.guarded.name(&repository))])
        });
        case.succeeds(id, &open);
        case.fails(id, &hidden);
    }
    let absent = format!("-run-image={}", case.reference("absent"));
    case.fails("P-ANALYZE-020", &flow.analyze(&[&absent]));
}
