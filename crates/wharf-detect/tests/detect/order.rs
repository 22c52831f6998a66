use crate::support::{Stage, order};
use wharf_detect::DetectError;
use wharf_spec::{
    api::{BuildpackApi, Extensions},
    files::{parse, system::System},
    log::Level,
};

#[test]
fn a_composite_stands_for_each_of_its_groups_the_leftmost_varying_slowest() {
    let mut stage = Stage::of_groups(&["x y"]);
    stage.descriptor("x", "0.10", &order(&["a b", "c"]));
    stage.descriptor("y", "0.10", &order(&["d", "e"]));
    for id in ["a", "b", "c", "d"] {
        stage.exits(id, 100);
    }
    stage.passing(&["e"]);
    assert!(stage.detect().is_err());
    let blocks = stage.log.lines(Level::Info);
    let mut groups: Vec<String> = Vec::new();
    for line in blocks {
        if line == "======== Results ========" {
            groups.push(String::new());
        } else if let (Some(group), Some((_, name))) = (groups.last_mut(), line.split_once(": ")) {
            group.push_str(name.trim_end_matches("@1"));
        }
    }
    assert_eq!(groups, ["abd", "abe", "cd", "ce"]);
}

#[test]
fn an_optional_composite_is_left_out_at_last() {
    let mut stage = Stage::of_groups(&["x? b"]);
    stage.descriptor("x", "0.10", &order(&["a"]));
    stage.exits("a", 100);
    stage.passing(&["b"]);
    assert_eq!(stage.detected(), ["b"]);
}

#[test]
fn composites_nest_and_an_id_counts_once_in_a_group() {
    let mut stage = Stage::of_groups(&["a x a"]);
    stage.descriptor("x", "0.10", &order(&["y b a"]));
    stage.descriptor("y", "0.10", &order(&["c a"]));
    stage.passing(&["a", "b", "c"]);
    assert_eq!(stage.detected(), ["a", "c", "b"]);
}

#[test]
fn a_composite_that_contains_itself_is_an_error() {
    let mut stage = Stage::of_groups(&["x"]);
    stage.descriptor("x", "0.10", &order(&["a y"]));
    stage.descriptor("y", "0.10", &order(&["x"]));
    stage.passing(&["a"]);
    assert_eq!(
        wharf_testkit::chain(&stage.detect().unwrap_err()),
        "resolve order: composite buildpack 'x@1' contains itself, through x@1, y@1"
    );
}

#[test]
fn an_order_that_explodes_is_an_error() {
    let mut stage = Stage::of_groups(&["x1 x2 x3 x4 x5"]);
    let many: Vec<String> = (0..10).map(|n| format!("a{n}")).collect();
    for composite in 1..=5 {
        let groups: Vec<String> = many.iter().map(|id| format!("{id}-{composite}")).collect();
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        stage.descriptor(&format!("x{composite}"), "0.10", &order(&groups));
        for id in groups {
            stage.exits(id, 100);
        }
    }
    let error = stage.detect().unwrap_err();
    assert!(
        matches!(error, DetectError::TooManyGroups { limit: 10_000 }),
        "{error}"
    );
}

#[test]
fn system_buildpacks_stand_around_a_group_unless_it_has_them() {
    let mut stage = Stage::of_groups(&["a", "post b"]);
    let system = "[[system.pre.buildpacks]]\nid = 'pre'\nversion = '1'\n\
                  [[system.post.buildpacks]]\nid = 'post'\nversion = '1'\noptional = true\n";
    stage.inputs.system = parse::<System>(system).unwrap().system;
    stage.exits("a", 100);
    stage.passing(&["pre", "post", "b"]);
    assert_eq!(stage.detected(), ["pre", "post", "b"]);
    let lines = stage.log.lines(Level::Debug);
    let merged: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("system"))
        .collect();
    assert_eq!(
        merged,
        [
            "Prepending 1 system buildpack(s) to group",
            "Appending 1 system buildpack(s) to group",
            "Prepending 1 system buildpack(s) to group",
        ]
    );
}

#[test]
fn buildpacks_for_another_execution_environment_are_left_out() {
    for api in BuildpackApi::ALL {
        let mut stage = Stage::of_groups(&["a", "a b"]);
        stage.descriptor("a", api.as_str(), "exec-env = ['test']");
        stage.only_script("a", crate::support::Script::default());
        stage.passing(&["b"]);
        stage.inputs.context.exec_env = Some("production".parse().unwrap());
        let expected: &[&str] = if api.features().exec_env {
            &["b"]
        } else {
            &["a"]
        };
        assert_eq!(stage.detected(), expected, "{api}");
        stage.inputs.context.exec_env = Some("test".parse().unwrap());
        assert_eq!(stage.detected(), ["a"]);
        stage.inputs.context.exec_env = None;
        assert_eq!(stage.detected(), ["a"]);
    }
}

#[test]
fn an_entry_of_a_composite_may_be_for_one_execution_environment() {
    let mut stage = Stage::of_groups(&["x"]);
    let order = "[[order]]\n[[order.group]]\nid = 'a'\nversion = '1'\nexec-env = ['test']\n\
                 [[order.group]]\nid = 'b'\nversion = '1'\nexec-env = ['*']\n";
    stage.descriptor("x", "0.12", order);
    stage.passing(&["a", "b"]);
    stage.inputs.context.exec_env = Some("production".parse().unwrap());
    assert_eq!(stage.detected(), ["b"]);
}

#[test]
fn extensions_of_the_order_are_ignored_with_a_warning() {
    let extensions = "[[order-extensions]]\n[[order-extensions.group]]\nid = 'e'\nversion = '1'\n";
    let mut stage = Stage::new(&(order(&["a"]) + extensions));
    stage.passing(&["a"]);
    assert_eq!(stage.detected(), ["a"]);
    assert_eq!(
        stage.log.lines(Level::Warn),
        ["image extensions are not supported yet; the order's extensions are ignored"]
    );
    let mut stage = Stage::new(&(order(&["a"]) + extensions));
    stage.passing(&["a"]);
    stage.inputs.extensions = Extensions::Unknown;
    assert_eq!(stage.detected(), ["a"]);
    assert_eq!(stage.log.lines(Level::Warn), [""; 0]);
}
