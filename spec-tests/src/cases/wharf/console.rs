//! What is said, in which words, and on which stream: platforms and users' scripts look for it.
use crate::{
    cases::layers::{flow, layer, next},
    flow::Flow,
    probe::Probe,
    suite::Case,
    tests,
};

tests! {
    what_buildpacks_say_is_on_standard_output_in_order: [] .once();
    colours_are_there_unless_they_are_refused: [] .once();
    a_failure_begins_with_the_words_of_the_reference: [];
    the_previous_image_is_told: [];
    what_is_restored_is_told: [] .platform(10, 15);
    what_is_cached_is_told: [];
    every_phase_is_timed: [];
}

fn what_buildpacks_say_is_on_standard_output_in_order(case: &Case<'_>) {
    let script = "echo one\necho two >&2\necho three\nprintf four >&2";
    let flow = Flow::with(case, &[&Probe::new(case, "example/one").build(script)]);
    let outcome = flow.create(&[]);
    case.succeeds("", &outcome);
    case.contains("", &outcome.stdout, "one\ntwo\nthree\nfour");
    case.lacks("", &outcome.stderr, "two");
}

/// There is no terminal; the platform's user may have one.
fn colours_are_there_unless_they_are_refused(case: &Case<'_>) {
    let green = "printf '\\033[32mgreen\\033[0m\\n'";
    let mut flow = Flow::with(case, &[&Probe::new(case, "example/one").build(green)]);
    flow.stage.set("SOURCE_DATE_EPOCH", "soon");
    let coloured = flow.create(&[]).output;
    for part in [
        "\u{1b}[36m===> BUILDING\u{1b}[0m\n",
        "\u{1b}[33;1mWarning: \u{1b}[0mIgnoring invalid SOURCE_DATE_EPOCH",
        "\u{1b}[32mgreen\u{1b}[0m\n",
    ] {
        case.contains("", &coloured, part);
    }
    let refused = flow.stage.phase("creator", &["Not A Reference"]).output;
    case.contains("", &refused, "\u{1b}[31;1mERROR: \u{1b}[0mfailed to ");
    let plain = flow.next().create(&["-no-color"]).output;
    for part in ["===> BUILDING\n", "Warning: Ignoring", "green\n"] {
        case.contains("", &plain, part);
    }
    flow.stage.set("CNB_NO_COLOR", "true");
    let refused = flow.stage.phase("creator", &["Not A Reference"]).output;
    case.contains("", &refused, "ERROR: failed to ");
    case.lacks("", &(plain + &refused), "\u{1b}");
}

fn a_failure_begins_with_the_words_of_the_reference(case: &Case<'_>) {
    let flow = Flow::new(case);
    let readable = case.ground.guarded.name(&case.repository("read-only"));
    let cache = format!("-cache-image={readable}");
    let access = format!("ensure registry read/write access to {readable}");
    for (phase, args, words) in [
        ("detector", vec!["surplus"], "parse arguments"),
        ("analyzer", vec!["Not A Reference"], "resolve inputs"),
        ("detector", Vec::new(), "initialize detector: reading order"),
        ("analyzer", vec![cache.as_str(), &flow.image], &access),
    ] {
        let args = [&["-no-color"], &args[..]].concat();
        let outcome = flow.stage.phase(phase, &args);
        case.fails("", &outcome);
        let mut lines = outcome.stderr.lines();
        let error = lines.find(|line| line.starts_with("ERROR: failed to "));
        case.contains("", error.unwrap_or(&outcome.output), words);
    }
}

fn the_previous_image_is_told(case: &Case<'_>) {
    let flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    let told = || flow.analyze(&["-no-color", "-log-level=debug"]).output;
    let missing = format!("Image with name \"{}\" not found\n", flow.image);
    case.contains("", &told(), &missing);
    let digest = flow.whole().digest;
    let found = format!("Found image with identifier \"{}@{digest}\"\n", flow.image);
    case.contains("", &told(), &found);
}

fn what_is_restored_is_told(case: &Case<'_>) {
    let script = layer("both", "cl", "both") + &layer("cached", "c", "cached");
    let flow = flow(case, &script);
    flow.until_detect();
    let told = |args: &[&str]| flow.restore(args).expect_code(0).output.clone();
    case.contains("", &told(&[]), "Layer cache not found\n");
    let skipped = told(&["-skip-layers"]);
    case.contains("", &skipped, "Skipping buildpack layer analysis\n");
    flow.next().whole();
    flow.next().until_detect();
    let text = told(&[]);
    for line in [
        "Restoring metadata for \"example/layers:both\" from app image\n",
        "Restoring metadata for \"example/layers:cached\" from cache\n",
        "Restoring data for \"example/layers:both\" from cache\n",
        "Restoring data for \"example/layers:cached\" from cache\n",
        "Restoring data for SBOM from cache\n",
    ] {
        case.contains("", &text, line);
    }
}

fn what_is_cached_is_told(case: &Case<'_>) {
    let script = layer("lib", "c", "lib");
    let flow = flow(case, &script);
    for verb in ["Adding", "Reusing"] {
        next(case, &flow, &script);
        flow.until_build();
        let line = format!("{verb} cache layer 'example/layers:lib'\n");
        case.contains("", &flow.export(&[]).output, &line);
    }
}

fn every_phase_is_timed(case: &Case<'_>) {
    let flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    let text = flow.create(&["-no-color", "-log-level=debug"]).output;
    for name in [
        "Analyzer", "Detector", "Restorer", "Builder", "Exporter", "Cache",
    ] {
        for words in ["started at", "ran for"] {
            case.contains("", &text, &format!("Timer: {name} {words} "));
        }
    }
    let text = flow
        .stage
        .phase("rebaser", &["-log-level=debug", &flow.image]);
    case.contains("", &text.output, "Timer: Rebaser started at ");
}
