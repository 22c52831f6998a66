//! The executable as platforms call it: names, flags, variables, exit codes.
use crate::support::{Outcome, command, finish};
use std::{fs, process::Command};
use wharf_lifecycle::version::{COMMIT_AT, UNSTAMPED, VERSION};

const PHASES: [&str; 8] = [
    "analyzer", "detector", "restorer", "builder", "exporter", "creator", "rebaser", "extender",
];

fn run(name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Outcome {
    let mut all = vec![("CNB_PLATFORM_API", "0.15"), ("CNB_NO_COLOR", "true")];
    all.extend(environment);
    finish(command(name, arguments, &all))
}

/// Status and standard error; nothing is on standard output.
fn shown(name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String) {
    let outcome = run(name, arguments, environment);
    assert_eq!(outcome.stdout, "");
    (outcome.status.unwrap(), outcome.stderr)
}

/// The version of an executable that nothing was stamped into.
fn version() -> String {
    format!("{VERSION}+\n")
}

#[test]
fn every_name_prints_the_version_whatever_stands_around_it() {
    let printed = |name: &str, arguments: &[&str]| {
        let outcome = run(name, arguments, &[]);
        (outcome.status, outcome.stdout)
    };
    for phase in PHASES {
        assert_eq!(printed(phase, &["-version"]), (Some(0), version()));
        let path = format!("/cnb/lifecycle/{phase}.bin");
        assert_eq!(printed(&path, &["--version=true"]), (Some(0), version()));
    }
    assert_eq!(
        printed("lifecycle", &["analyze", "-version"]),
        (Some(0), version())
    );
    let bare = finish(command("lifecycle", &["-version"], &[]));
    assert_eq!((bare.status, bare.stdout), (Some(0), version()));
}

#[test]
fn a_commit_written_over_its_room_in_the_executable_is_part_of_the_version() {
    let mut bytes = fs::read(env!("CARGO_BIN_EXE_lifecycle")).unwrap();
    let rooms: Vec<usize> = (0..bytes.len() - UNSTAMPED.len())
        .filter(|&at| bytes[at..].starts_with(&UNSTAMPED))
        .collect();
    assert_eq!(rooms.len(), 1, "rooms for a commit at {rooms:?}");
    let at = rooms[0] + COMMIT_AT;
    bytes[at..at + 12].copy_from_slice(b"0123456789ab");
    let dir = tempfile::tempdir().unwrap();
    let (written, stamped) = (dir.path().join("written"), dir.path().join("analyzer"));
    fs::write(&written, bytes).unwrap();
    // A file this process wrote may still be open in a child that another test just forked, and then cannot be started.
    let mut install = Command::new("install");
    install.arg("-m755").args([&written, &stamped]);
    assert!(install.status().unwrap().success());
    let mut command = Command::new(stamped);
    command.arg("-version").env_clear();
    let outcome = finish(command);
    assert_eq!(
        (outcome.status, outcome.stdout),
        (Some(0), format!("{VERSION}+0123456789ab\n"))
    );
}

#[test]
fn the_usage_goes_to_standard_error_with_status_0_when_asked_for_and_2_when_not() {
    let asked = run("detector", &["-h"], &[]);
    assert_eq!((asked.status, asked.stdout.as_str()), (Some(0), ""));
    assert!(
        asked
            .stderr
            .starts_with("Usage of detector:\n  -analyzed string\n")
    );
    let unknown = run("detector", &["-nonsense"], &[]);
    assert_eq!((unknown.status, unknown.stdout.as_str()), (Some(2), ""));
    assert_eq!(
        unknown.stderr,
        format!("flag provided but not defined: -nonsense\n{}", asked.stderr)
    );
}

#[test]
fn flags_exist_only_in_the_platform_apis_that_have_them() {
    let status =
        |api, flag: &str| run("detector", &[flag, "-h"], &[("CNB_PLATFORM_API", api)]).status;
    assert_eq!(status("0.11", "-run=/r"), Some(2));
    assert_eq!(status("0.12", "-run=/r"), Some(0));
    assert_eq!(status("0.14", "-system=/s"), Some(2));
    assert_eq!(status("0.15", "-system=/s"), Some(0));
}

#[test]
fn a_platform_api_that_is_none_of_ours_is_11() {
    for text in ["99.0", "0.6", "v0.12", "0.12.1", "abc"] {
        let (status, out) = shown("analyzer", &["x"], &[("CNB_PLATFORM_API", text)]);
        assert_eq!(status, 11, "{out}");
        assert!(
            out.contains("please set 'CNB_PLATFORM_API'") && out.contains(text),
            "{out}"
        );
    }
}

#[test]
fn an_unset_platform_api_is_a_warning_and_the_oldest_one() {
    let (status, out) = shown("restorer", &["-group=/none"], &[("CNB_PLATFORM_API", " ")]);
    assert_eq!(status, 1);
    assert!(
        out.starts_with("Warning: CNB_PLATFORM_API is not set, using Platform API 0.7; please set 'CNB_PLATFORM_API'"),
        "{out}"
    );
}

#[test]
fn lifecycle_without_a_phase_or_with_an_unknown_one_is_3() {
    let (status, out) = shown("lifecycle", &[], &[]);
    assert_eq!(status, 3);
    assert!(
        out.contains("failed to parse arguments: no phase is given"),
        "{out}"
    );
    let (status, out) = shown("lifecycle", &["deploy"], &[]);
    assert_eq!(status, 3);
    assert!(
        out.contains("unknown phase 'deploy'; valid phases are analyze, detect"),
        "{out}"
    );
}

#[test]
fn the_extender_says_what_is_missing() {
    let out = shown("extender", &[], &[("CNB_NO_COLOR", "")]);
    let text = "\x1b[31;1mERROR: \x1b[0mfailed to extend: image extensions are not supported yet\n";
    assert_eq!(out, (102, text.to_owned()));
}

#[test]
fn wrong_arguments_are_3() {
    let cases: [(&str, &[&str], &str); 6] = [
        ("detector", &["x"], "received unexpected arguments: x"),
        ("builder", &["x", "y"], "received unexpected arguments: x y"),
        ("analyzer", &[], "received 0 arguments, but expected 1"),
        (
            "creator",
            &["a", "b"],
            "received 2 arguments, but expected 1",
        ),
        ("exporter", &[""], "at least one image argument is required"),
        ("rebaser", &[], "at least one image argument is required"),
    ];
    for (name, arguments, words) in cases {
        let (status, out) = shown(name, arguments, &[]);
        assert_eq!(status, 3, "{name}: {out}");
        assert!(
            out.starts_with(&format!("ERROR: failed to parse arguments: {words}")),
            "{out}"
        );
    }
}

#[test]
fn later_words_with_a_dash_are_warned_of() {
    let (status, out) = shown("analyzer", &["image", "-layers=/x"], &[]);
    assert_eq!(status, 3);
    assert!(
        out.starts_with("Warning: unconsumed flag-like positional arg: -layers=/x"),
        "{out}"
    );
}

fn refused(name: &str, arguments: &str, variable: (&str, &str), (code, words): (i32, &str)) {
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    let (status, out) = shown(name, &arguments, &[variable]);
    assert_eq!(status, code, "{arguments:?}: {out}");
    assert!(out.contains(words), "{out}");
}

const NO_VARIABLE: (&str, &str) = ("UNRELATED", "");

#[test]
fn wrong_values_are_3_and_name_their_origin() {
    let refused = |name, arguments, variable, words| refused(name, arguments, variable, (3, words));
    let daemon = ("CNB_USE_DAEMON", "true");
    refused(
        "analyzer",
        "-daemon x",
        NO_VARIABLE,
        "Docker daemon (-daemon)",
    );
    refused("restorer", "", daemon, "Docker daemon (CNB_USE_DAEMON)");
    let user = ("CNB_USER_ID", "root");
    refused("restorer", "", user, "CNB_USER_ID is 'root'");
    let parallel = ("CNB_PARALLEL_EXPORT", "yes");
    refused("exporter", "x", parallel, "CNB_PARALLEL_EXPORT is 'yes'");
    refused(
        "analyzer",
        "-tag=r.io/b x",
        NO_VARIABLE,
        "multiple registries",
    );
    let quiet = ("CNB_EXPERIMENTAL_MODE", "quiet");
    refused("analyzer", "-layout x", quiet, "-layout-dir");
    refused(
        "analyzer",
        "No/Image",
        NO_VARIABLE,
        "'No/Image' is not an image reference",
    );
}

#[test]
fn refused_features_and_log_levels_are_1() {
    let refused = |arguments, words| refused("analyzer", arguments, NO_VARIABLE, (1, words));
    refused("-layout -layout-dir=/l x", "experimental feature");
    refused("-log-level=loud x", "-log-level is 'loud'");
}

#[test]
fn a_missing_handoff_file_is_named_with_who_writes_it() {
    let (status, out) = shown("restorer", &["-group=/none/group.toml"], &[]);
    assert_eq!(status, 1);
    assert_eq!(
        out,
        "ERROR: failed to initialize restorer: reading inputs: read buildpack group '/none/group.toml': there is no such file; the detector writes it; run it first or give its path with -group\n"
    );
}

#[test]
fn an_unsupported_buildpack_api_in_the_group_is_12() {
    let dir = tempfile::tempdir().unwrap();
    let group = dir.path().join("group.toml");
    std::fs::write(
        &group,
        "[[group]]\nid = \"a/b\"\nversion = \"1\"\napi = \"0.99\"\n",
    )
    .unwrap();
    let flag = format!("-group={}", group.display());
    let (status, out) = shown("restorer", &[&flag], &[]);
    assert_eq!(status, 12, "{out}");
    assert!(
        out.contains("'a/b@1': Buildpack API '0.99' is not supported"),
        "{out}"
    );
}
