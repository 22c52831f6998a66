//! The launch cache, which only builds with a daemon use.
use crate::{flow::Flow, probe::Probe, suite::Case, tests};

tests! {
    a_launch_cache_is_taken_from_flag_or_variable: ["P-EIN-010", "P-CIN-008"];
    the_analyzer_takes_a_launch_cache: ["P-AIN-006"] .platform(9, 15);
}

fn a_launch_cache_is_taken_from_flag_or_variable(case: &Case<'_>) {
    let mut flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    flow.until_build();
    let given = ["-launch-cache=/cache/launch"];
    case.succeeds("P-EIN-010", &flow.export(&given));
    case.fails(
        "P-EIN-010",
        &flow.export(&["-no-launch-cache=/cache/launch"]),
    );
    case.succeeds("P-CIN-008", &flow.next().create(&given));
    flow.stage.set("CNB_LAUNCH_CACHE_DIR", "/cache/launch");
    case.succeeds("P-CIN-008", &flow.next().create(&[]));
    case.succeeds("P-EIN-010", &flow.export(&[]));
}

fn the_analyzer_takes_a_launch_cache(case: &Case<'_>) {
    let mut flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    case.succeeds("P-AIN-006", &flow.analyze(&["-launch-cache=/cache/launch"]));
    flow.stage.set("CNB_LAUNCH_CACHE_DIR", "/cache/launch");
    case.succeeds("P-AIN-006", &flow.analyze(&[]));
}
