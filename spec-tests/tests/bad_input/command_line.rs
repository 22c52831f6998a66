//! Flags, variables and API versions.
use crate::ground::{Ground, broken};
use spec_tests::{image::Image, read};

#[test]
fn an_unknown_platform_api_is_11() {
    for (api, words) in [
        ("0.99", &["0.99", "0.7", "0.15"] as &[&str]),
        ("nonsense", &["nonsense"]),
    ] {
        broken("analyzer", 11, words, |stage| {
            stage.set("CNB_PLATFORM_API", api);
        });
    }
}

#[test]
fn an_unknown_buildpack_api_is_12() {
    broken("detector", 12, &["0.99", "example/first"], |stage| {
        let path = "cnb/buildpacks/example_first/1.2.3/buildpack.toml";
        let text = read(&stage.path(path)).replacen("0.12", "0.99", 1);
        stage.write(path, &text);
    });
}

#[test]
fn a_typo_in_a_number_is_never_root_nor_zero() {
    for (phase, variable, value) in [
        ("analyzer", "CNB_USER_ID", "1o00"),
        ("exporter", "CNB_USER_ID", "1o00"),
        ("exporter", "CNB_GROUP_ID", "1000x"),
        ("restorer", "CNB_GROUP_ID", "0x3e8"),
    ] {
        broken(phase, 3, &[variable, value], |stage| {
            stage.set(variable, value);
        });
    }
}

/// The reference goes on with its fixed time; so do we, but not in silence.
#[test]
fn a_typo_in_the_time_of_the_image_is_warned_of() {
    let mut ground = Ground::new();
    let args = ground.before("exporter");
    ground.stage.set("SOURCE_DATE_EPOCH", "soon");
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = ground.stage.phase("exporter", &args);
    outcome
        .expect_code(0)
        .expect_words(&["Warning: ", "SOURCE_DATE_EPOCH", "'soon'"]);
    let image = Image::pull(&format!("docker://{}", ground.image()));
    assert_eq!(image.config["created"], "1980-01-01T00:00:01Z");
}

#[test]
fn a_typo_in_a_boolean_is_never_false() {
    for (phase, variable) in [
        ("restorer", "CNB_SKIP_LAYERS"),
        ("analyzer", "CNB_USE_DAEMON"),
        ("analyzer", "CNB_USE_LAYOUT"),
        ("exporter", "CNB_PARALLEL_EXPORT"),
    ] {
        broken(phase, 3, &[variable, "ture"], |stage| {
            stage.set(variable, "ture");
        });
    }
}

#[test]
fn a_daemon_is_refused_with_words() {
    let ground = Ground::new();
    let mut args = ground.before("analyzer");
    args.insert(0, "-daemon".into());
    ground.fails("analyzer", &args, 3, &["-daemon", "registry", "-layout"]);
}

#[test]
fn flags_follow_gos_grammar() {
    let ground = Ground::new();
    let stage = &ground.stage;
    stage
        .phase("detector", &["-no-such-flag"])
        .expect_code(2)
        .expect_words(&["-no-such-flag"]);
    stage.phase("detector", &["-h"]).expect_code(0);
    stage.phase("detector", &["-version"]).expect_code(0);
    stage.phase("detector", &["positional"]).expect_code(3);
    let args = [
        "--layers",
        "/layers",
        "-run-image=",
        "-cache-image=",
        "-tag=",
        "Not A Reference",
    ]
    .map(str::to_owned);
    ground.fails("analyzer", &args, 3, &["Not A Reference"]);
}

#[test]
fn tags_on_two_registries_are_refused_before_anything_is_written() {
    let ground = Ground::new();
    let mut args = ground.before("exporter");
    args.push("other.example/app:1".into());
    let words = ["writing to multiple registries is unsupported"];
    ground.fails("exporter", &args, 3, &words);
}
