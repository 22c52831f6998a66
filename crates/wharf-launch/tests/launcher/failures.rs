//! Everything that keeps a process from starting: one line that says what and what to do, and the specified status.

use crate::stage::{Outcome, Stage};
use std::{fs, fs::File};

fn direct(command: &str) -> Stage {
    let process =
        format!("[[processes]]\ntype = \"web\"\ncommand = [\"{command}\"]\ndirect = true\n");
    Stage::new(&process)
}

fn assert_fails(stage: &Stage, args: &[&str], status: i32, cause: &str) {
    assert_eq!(
        stage.launch("web", args),
        Outcome::failure(status, stage.expand(cause))
    );
}

#[test]
fn the_platform_api_must_be_given_and_supported() {
    let cause =
        "please set 'CNB_PLATFORM_API': the image must carry the Platform API it was exported with";
    assert_fails(
        &direct("true").with("CNB_PLATFORM_API", " "),
        &[],
        11,
        cause,
    );
    let cause =
        "read 'CNB_PLATFORM_API': Platform API '0.99' is not supported, supported are 0.7 to 0.15";
    assert_fails(
        &direct("true").with("CNB_PLATFORM_API", "0.99"),
        &[],
        11,
        cause,
    );
    let cause = "read 'CNB_PLATFORM_API': 'v0.12' is not an API version, expected <major>.<minor>";
    assert_fails(
        &direct("true").with("CNB_PLATFORM_API", "v0.12"),
        &[],
        11,
        cause,
    );
}

#[test]
fn every_buildpack_api_must_be_supported() {
    let cause = "check the API of buildpack 'one': Buildpack API '9.9' is not supported, supported are 0.7 to 0.12";
    assert_fails(
        &Stage::new("[[buildpacks]]\nid = \"one\"\napi = \"9.9\"\n"),
        &["x"],
        12,
        cause,
    );
    let cause =
        "check the API of buildpack 'one': '' is not an API version, expected <major>.<minor>";
    assert_fails(
        &Stage::new("[[buildpacks]]\nid = \"one\"\n"),
        &["x"],
        12,
        cause,
    );
}

#[test]
fn metadata_must_be_there_and_be_toml() {
    let stage = direct("true");
    fs::remove_file(stage.path("layers/config/metadata.toml")).unwrap();
    let cause = "read @/layers/config/metadata.toml: no such file or directory; is this an app image, and is \
        'CNB_LAYERS_DIR' its layers directory? Otherwise build the image again";
    assert_fails(&stage, &[], 82, cause);
    stage.write(
        "layers/config/metadata.toml",
        "[[processes]]\n  type = 'web\n",
    );
    let cause = "parse @/layers/config/metadata.toml: line 2, column 14: the string does not end on its line; \
        build the image again";
    assert_fails(&stage, &[], 82, cause);
    let huge = File::create(stage.path("layers/config/metadata.toml")).unwrap();
    huge.set_len(17 << 20).unwrap();
    let cause = "read @/layers/config/metadata.toml: larger than 16777216 bytes; is this an app image, and is \
        'CNB_LAYERS_DIR' its layers directory? Otherwise build the image again";
    assert_fails(&stage, &[], 82, cause);
}

#[test]
fn a_buildpack_id_cannot_lead_out_of_the_layers() {
    let cause = "parse @/layers/config/metadata.toml: '..' is not a buildpack id: it may contain letters, digits, \
        '.', '/' and '-', must not be 'config', 'app', 'sbom' or 'generated', and no part may be '.' or '..'; \
        build the image again";
    assert_fails(
        &Stage::new("[[buildpacks]]\nid = \"..\"\napi = \"0.12\"\n"),
        &["x"],
        82,
        cause,
    );
}

#[test]
fn without_a_process_a_command_is_required() {
    let stage = direct("true");
    let cause = "determine start command: when there is no default process a command is required \
        (or one of these process types as entrypoint: web)";
    for args in [[].as_slice(), &["--"]] {
        let outcome = stage.launch("launcher", args);
        // `--` alone is a command line for the shell, which does not know it.
        if args.is_empty() {
            assert_eq!(outcome, Outcome::failure(82, cause));
        } else {
            assert_eq!(outcome.status, Some(127));
        }
    }
    let cause = "determine start command: process 'web' has no command; build the image again";
    assert_fails(
        &Stage::new("[[processes]]\ntype = \"web\"\ncommand = []\n"),
        &[],
        82,
        cause,
    );
}

#[test]
fn a_command_must_be_found() {
    let cause = "find command 'no-such-command': it is in no directory of PATH (/usr/bin:/bin)";
    assert_fails(&direct("no-such-command"), &[], 82, cause);
    assert_fails(
        &direct("no/such"),
        &[],
        82,
        "find command 'no/such': @/app/no/such is not an executable file",
    );
    let stage = direct("./plain");
    stage.write("app/plain", "");
    assert_fails(
        &stage,
        &[],
        82,
        "find command './plain': @/app/./plain is not an executable file",
    );
    assert_fails(
        &direct("./"),
        &[],
        82,
        "find command './': @/app/./ is not an executable file",
    );
}

#[test]
fn a_relative_directory_of_the_path_is_not_searched() {
    for (search, found) in [
        ("sub:/bin", "sub/tool"),
        (":/bin", "./tool"),
        ("/bin:.", "./tool"),
    ] {
        let stage = direct("tool").with("PATH", search);
        stage
            .script("app/tool", "echo no")
            .script("app/sub/tool", "echo no");
        let cause = format!(
            "find command 'tool': PATH leads to it by the relative path {found}; write './tool' if that is meant"
        );
        assert_fails(&stage, &[], 82, &cause);
    }
    let stage = direct("sub/tool");
    stage.script("app/sub/tool", "echo \"$0\"");
    assert_eq!(stage.launch("web", &[]), Outcome::success("sub/tool\n"));
}

#[test]
fn a_program_the_kernel_refuses_is_named_with_the_reason() {
    let stage = direct("./tool");
    stage.script("app/tool", "");
    let text = fs::read_to_string(stage.path("app/tool")).unwrap();
    fs::write(stage.path("app/tool"), text.replace("/bin/sh", "/no/shell")).unwrap();
    let cause = "execute ./tool: no such file or directory: the interpreter or loader it names is not in the image";
    assert_fails(&stage, &[], 82, cause);
    fs::write(stage.path("app/tool"), "no interpreter line").unwrap();
    let cause =
        "execute ./tool: not an executable format (wrong architecture, or a script without '#!')";
    assert_fails(&stage, &[], 82, cause);
    let stage = direct("true").with("BIG", &"x".repeat(120_000));
    for number in 0..40 {
        stage.write(
            &format!("layers/one/a/env/BIG{number}"),
            &"x".repeat(120_000),
        );
    }
    let metadata = fs::read_to_string(stage.path("layers/config/metadata.toml")).unwrap();
    stage.write(
        "layers/config/metadata.toml",
        &format!("[[buildpacks]]\nid = \"one\"\napi = \"0.12\"\n{metadata}"),
    );
    let outcome = stage.launch("web", &[]);
    assert!(
        outcome.stderr.ends_with(
            "/true: arguments and environment are too large: shorten the largest variables\n"
        ),
        "{outcome:?}"
    );
    assert_eq!(outcome.status, Some(82));
}

#[test]
fn directories_and_variables_must_be_readable() {
    let stage = direct("true");
    fs::remove_dir(stage.path("app")).unwrap();
    let cause = "change to app directory @/app: it is not a directory; is 'CNB_APP_DIR' right?";
    assert_fails(&stage, &[], 82, cause);
    let stage = Stage::new("[[buildpacks]]\nid = \"one\"\napi = \"0.12\"\n");
    stage.write("layers/one/a/env/NUL", "a\0b");
    let cause = "read variable @/layers/one/a/env/NUL: it holds a NUL byte";
    assert_fails(&stage, &["x"], 82, cause);
}

#[test]
fn a_process_type_variable_only_warns() {
    let stage = direct("true").with("CNB_PROCESS_TYPE", "worker");
    let warnings = "Warning: CNB_PROCESS_TYPE is not supported in Platform API 0.15\n\
        Warning: Run with ENTRYPOINT 'worker' to invoke the 'worker' process type\n";
    let expected = Outcome {
        status: Some(0),
        stdout: String::new(),
        stderr: warnings.into(),
    };
    assert_eq!(stage.launch("web", &[]), expected);
}
