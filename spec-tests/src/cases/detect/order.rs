//! How an order becomes groups.
use super::{failing, given, ready, ready_with, selected};
use crate::{flow::Flow, probe::Probe, suite::Case, tests};

tests! {
    a_composite_stands_for_its_groups: ["B-ORDER-001"] .each_buildpack();
    the_leftmost_composite_varies_slowest: ["B-ORDER-002"] .each_buildpack();
    nested_composites_are_expanded_depth_first: ["B-ORDER-003", "B-ORDER-004"] .each_buildpack();
    a_group_holds_components_only: ["B-ORDER-004", "B-FBP-013"] .each_buildpack();
    a_composite_needs_its_components: ["B-ORDER-004"];
    a_group_is_tried_without_its_optional_entries: ["B-ORDER-005"] .each_buildpack();
    members_are_named_by_id_and_version: ["P-FORD-001", "B-FBP-012"];
    members_are_required_unless_optional: ["P-FORD-002"];
}

/// A composite buildpack of these groups of entries.
pub fn composite(case: &Case<'_>, id: &str, groups: &[Vec<String>]) -> Probe {
    let order: Vec<String> = groups
        .iter()
        .map(|group| format!("[[order]]\ngroup = [{}]", group.join(", ")))
        .collect();
    Probe::new(case, id)
        .targets("")
        .without_detect()
        .without_build()
        .descriptor(&order.join("\n"))
}

/// `example/<name>` for each letter of each word: `["ab", "c"]` are the groups of `a` and `b`, and of `c`.
fn groups_of(case: &Case<'_>, words: &[&str]) -> Vec<Vec<String>> {
    let group = |word: &&str| word.chars().map(|name| probe(case, name).entry()).collect();
    words.iter().map(group).collect()
}

fn probe(case: &Case<'_>, name: char) -> Probe {
    Probe::new(case, &format!("example/{name}"))
}

/// Buildpacks `example/a` to `example/z` for the letters of `names`; those in `out` do not want to take part.
fn letters<'a>(case: &'a Case<'a>, names: &str, out: &str) -> Flow<'a> {
    let flow = ready(case);
    for name in names.chars() {
        let probe = if out.contains(name) {
            failing(case, &format!("example/{name}"))
        } else {
            probe(case, name)
        };
        probe.install(&flow.stage);
    }
    flow
}

/// The selected members, a letter each.
fn selected_letters(flow: &Flow<'_>) -> String {
    let ids = selected(flow);
    ids.iter()
        .map(|id| id.strip_prefix("example/").unwrap_or(id))
        .collect()
}

/// `[E, O, F]` with `O = [[A, B], [C, D]]` is `[[E, A, B, F], [E, C, D, F]]`.
fn a_composite_stands_for_its_groups(case: &Case<'_>) {
    let o = composite(case, "example/o", &groups_of(case, &["ab", "cd"]));
    for (out, expected) in [("", "eabf"), ("a", "ecdf"), ("b", "ecdf")] {
        let flow = letters(case, "abcdef", out);
        o.install(&flow.stage);
        let group = vec![
            probe(case, 'e').entry(),
            o.entry(),
            probe(case, 'f').entry(),
        ];
        flow.order_of(&[group]);
        case.equal("B-ORDER-001", selected_letters(&flow), expected);
    }
}

/// `[O, P]` with `P = [[E, F], [G, H]]` is `[[A, B, E, F], [A, B, G, H], [C, D, E, F], [C, D, G, H]]`. With nobody
/// but the plan in the way of the first and the last, the two in the middle pass, and the former wins.
fn the_leftmost_composite_varies_slowest(case: &Case<'_>) {
    let o = composite(case, "example/o", &groups_of(case, &["ab", "cd"]));
    let p = composite(case, "example/p", &groups_of(case, &["ef", "gh"]));
    let order = |flow: &Flow<'_>| {
        flow.install(&[&o, &p]);
        flow.order_of(&[vec![o.entry(), p.entry()]]);
    };
    for (out, expected) in [("", "abef"), ("ae", "cdgh")] {
        let flow = letters(case, "abcdefgh", out);
        order(&flow);
        case.equal("B-ORDER-002", selected_letters(&flow), expected);
    }
    let flow = letters(case, "abcdefgh", "");
    probe(case, 'a')
        .plan("provides = [{ name = \"x\" }]")
        .install(&flow.stage);
    probe(case, 'g')
        .plan("requires = [{ name = \"x\" }]")
        .install(&flow.stage);
    order(&flow);
    case.equal("B-ORDER-002", selected_letters(&flow), "abgh");
}

/// `[M, Z]` with `M = [[N, Y], [W]]` and `N = [[P], [Q]]` is `[[P, Y, Z], [Q, Y, Z], [W, Z]]`.
fn nested_composites_are_expanded_depth_first(case: &Case<'_>) {
    let n = composite(case, "example/n", &groups_of(case, &["p", "q"]));
    let m = composite(
        case,
        "example/m",
        &[
            vec![n.entry(), probe(case, 'y').entry()],
            vec![probe(case, 'w').entry()],
        ],
    );
    for (out, expected) in [("", "pyz"), ("p", "qyz"), ("y", "wz")] {
        let flow = letters(case, "pqwyz", out);
        flow.install(&[&n, &m]);
        flow.order_of(&[vec![m.entry(), probe(case, 'z').entry()]]);
        case.equal("B-ORDER-003 B-ORDER-004", selected_letters(&flow), expected);
    }
}

/// A composite has no executables; whatever lies in its `bin` is not run.
fn a_group_holds_components_only(case: &Case<'_>) {
    let component = probe(case, 'a');
    let bare = composite(case, "example/o", &groups_of(case, &["a"]));
    case.equal(
        "B-ORDER-004 B-FBP-013",
        selected(&ready_with_component(case, &bare, &component)),
        ["example/a"],
    );
    let with_detect = bare.detect("exit 1");
    let flow = ready_with_component(case, &with_detect, &component);
    flow.detect(&[]);
    let ran = with_detect.record(&flow.stage, "detect").is_some();
    case.equal("B-FBP-013", ran, false);
}

fn ready_with_component<'a>(case: &'a Case<'a>, composite: &Probe, component: &Probe) -> Flow<'a> {
    let flow = ready_with(case, &[composite]);
    component.install(&flow.stage);
    flow
}

fn a_composite_needs_its_components(case: &Case<'_>) {
    let o = composite(case, "example/o", &groups_of(case, &["a"]));
    let flow = ready_with(case, &[&o]);
    case.fails("B-ORDER-004", &flow.detect(&[]));
}

fn a_group_is_tried_without_its_optional_entries(case: &Case<'_>) {
    let o = composite(case, "example/o", &groups_of(case, &["a", "b"]));
    let group = vec![
        o.optional(),
        probe(case, 'c').optional(),
        probe(case, 'd').entry(),
    ];
    for (out, expected) in [("", "acd"), ("a", "bcd"), ("ab", "cd"), ("abc", "d")] {
        let flow = letters(case, "abcd", out);
        o.install(&flow.stage);
        flow.order_of(std::slice::from_ref(&group));
        case.equal("B-ORDER-005", selected_letters(&flow), expected);
    }
}

/// The id alone is not enough where there are several versions; without an id there is nothing to look for.
fn members_are_named_by_id_and_version(case: &Case<'_>) {
    let [one, two] =
        ["1.0.0", "2.0.0"].map(|version| Probe::new(case, "example/a").version(version));
    let flow = ready(case);
    flow.install(&[&one, &two]);
    let detect_with = |ids: &str, entry: &str, expected: Option<&Probe>| {
        let outcomes = [entry.to_owned(), {
            let o = composite(case, "example/o", &[vec![entry.to_owned()]]);
            o.install(&flow.stage);
            o.entry()
        }]
        .map(|entry| {
            flow.order_of(&[vec![entry]]);
            flow.detect(&[])
        });
        for outcome in outcomes {
            match expected {
                None => case.fails(ids, &outcome),
                Some(probe) => {
                    case.succeeds(ids, &outcome);
                    let seen = given(&flow, probe)
                        .var("CNB_BUILDPACK_DIR")
                        .map(str::to_owned);
                    case.equal(ids, seen, Some(probe.dir()));
                }
            }
        }
    };
    let ids = "P-FORD-001 B-FBP-012";
    detect_with(ids, &one.entry(), Some(&one));
    detect_with(ids, &two.entry(), Some(&two));
    detect_with(ids, "{ id = \"example/a\" }", None);
    detect_with(ids, "{ version = \"1.0.0\" }", None);
}

fn members_are_required_unless_optional(case: &Case<'_>) {
    let fails = failing(case, "example/fails");
    let passes = Probe::new(case, "example/passes");
    let flow = ready(case);
    flow.install(&[&fails, &passes]);
    flow.order_of(&[vec![fails.entry(), passes.entry()]]);
    case.fails("P-FORD-002", &flow.detect(&[]));
    let explicit = fails.optional().replace("true", "false");
    flow.order_of(&[vec![explicit, passes.entry()]]);
    case.fails("P-FORD-002", &flow.detect(&[]));
    flow.order_of(&[vec![fails.optional(), passes.entry()]]);
    case.equal("P-FORD-002", selected(&flow), ["example/passes"]);
}
