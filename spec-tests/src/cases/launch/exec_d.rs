//! Programs of layers that run before the process and give it variables.
use super::stand::{Launch, Process};
use crate::{suite::Case, tests};

tests! {
    programs_run_in_the_app_by_their_absolute_paths:
        ["P-LAUNCH-026", "B-EXECD-001", "B-EXECD-002", "B-EXECD-003"] .each_of_both();
    programs_see_the_variables_of_layers: ["P-LAUNCH-025"] .each_of_both();
    programs_see_what_earlier_ones_set: ["P-LAUNCH-027"] .each_of_both();
    programs_run_by_buildpack_layer_and_name: ["P-LAUNCH-026", "P-LAUNCH-028"] .each_of_both();
    programs_for_the_process_run_last: ["P-LAUNCH-029", "P-LAUNCH-030"] .each_of_both();
    programs_run_before_a_command_of_the_user: ["P-LAUNCH-026", "P-LAUNCH-027"];
    a_failing_program_ends_the_launch: ["B-EXECD-005", "P-EXIT-017"] .each_of_both();
    standard_output_sets_nothing: ["B-EXECD-006"] .each_of_both();
    output_is_any_number_of_strings_by_bare_keys:
        ["B-EXECD-007", "B-EXECD-008", "B-EXECD-009", "B-EXECD-010"] .each_of_both();
    output_that_is_not_strings_ends_the_launch: ["B-EXECD-007"];
}

/// An app whose layer `example_one/a` has these lines of shell as its only program.
fn showing_env_after(case: &Case<'_>, program: &str) -> Launch {
    let launch = Launch::showing_env(case, &["example/one"]);
    launch.layer(
        "example_one/a/exec.d/program",
        &format!("#!/bin/sh\n{program}\n"),
    );
    launch
}

fn programs_run_in_the_app_by_their_absolute_paths(case: &Case<'_>) {
    let program = r#"printf 'SELF = "%s"\nDIRECTORY = "%s"\n' "$0" "$(pwd -P)" >&3"#;
    let env = showing_env_after(case, program).env();
    let value = |name: &str| env.get(name).map(String::as_str);
    case.equal(
        "B-EXECD-001 B-EXECD-003",
        value("SELF"),
        Some("/layers/example_one/a/exec.d/program"),
    );
    case.equal(
        "P-LAUNCH-026 B-EXECD-002 B-EXECD-003",
        value("DIRECTORY"),
        Some("/workspace"),
    );
}

fn programs_see_the_variables_of_layers(case: &Case<'_>) {
    let program = r#"printf 'SEEN = "%s %s %s"\n' "$GENERAL" "$SPECIAL" "$(other)" >&3"#;
    let launch = showing_env_after(case, program);
    launch.layers(&[
        ("example_one/b/env/GENERAL", "general"),
        ("example_one/b/env.launch/web/SPECIAL", "special"),
        ("example_one/b/bin/other", "#!/bin/sh\necho found\n"),
    ]);
    case.equal(
        "P-LAUNCH-025",
        launch.env().get("SEEN").map(String::as_str),
        Some("general special found"),
    );
}

fn programs_see_what_earlier_ones_set(case: &Case<'_>) {
    let launch = Launch::showing_env(case, &["example/one", "example/two"]);
    launch.layer("example_one/a/env/VALUE", "layer");
    let adds = "#!/bin/sh\nprintf 'VALUE = \"%s %s\"\\n' \"$VALUE\" \"${0##*/}\" >&3\n";
    for path in [
        "example_one/a/exec.d/1",
        "example_one/a/exec.d/2",
        "example_one/a/exec.d/web/4",
        "example_two/a/exec.d/3",
    ] {
        launch.layer(path, adds);
    }
    case.equal(
        "P-LAUNCH-027",
        launch.env()["VALUE"].as_str(),
        "layer 1 2 3 4",
    );
}

fn programs_run_by_buildpack_layer_and_name(case: &Case<'_>) {
    let launch = Launch::showing_env(case, &["example/two", "example/one"]);
    let expected = [
        "example_two/a/exec.d/1",
        "example_two/a/exec.d/2",
        "example_two/b/exec.d/0",
        "example_one/a/exec.d/10",
        "example_one/a/exec.d/9",
    ];
    launch.scripts_that_tell_their_order(&expected);
    launch.web(&[]);
    case.equal(
        "P-LAUNCH-026 P-LAUNCH-028",
        launch.recorded("order"),
        expected,
    );
}

fn programs_for_the_process_run_last(case: &Case<'_>) {
    let launch = Launch::showing_env(case, &["example/two", "example/one"]);
    let expected = [
        "example_two/b/exec.d/z",
        "example_one/a/exec.d/z",
        "example_two/a/exec.d/web/1",
        "example_two/a/exec.d/web/2",
        "example_two/b/exec.d/web/0",
        "example_one/a/exec.d/web/1",
    ];
    launch.scripts_that_tell_their_order(&expected);
    launch.scripts_that_tell_their_order(&["example_one/a/exec.d/worker/1"]);
    launch.web(&[]);
    case.equal(
        "P-LAUNCH-029 P-LAUNCH-030",
        launch.recorded("order"),
        expected,
    );
}

fn programs_run_before_a_command_of_the_user(case: &Case<'_>) {
    let launch = showing_env_after(case, "echo 'WORD = \"of the program\"' >&3");
    launch.layer(
        "example_one/a/exec.d/web/program",
        "#!/bin/sh\necho 'WORD = \"of web\"' >&3\n",
    );
    for args in [["--", "printenv", "WORD"].as_slice(), &["printenv WORD"]] {
        let outcome = launch.command(args);
        case.equal(
            "P-LAUNCH-026 P-LAUNCH-027",
            (outcome.code, outcome.stdout.as_str()),
            (0, "of the program\n"),
        );
    }
}

fn a_failing_program_ends_the_launch(case: &Case<'_>) {
    for status in ["1", "255"] {
        let launch = Launch::new(case, &[Process::new("web", &["touch", "/record/launched"])]);
        launch.layer(
            "example_one/a/exec.d/program",
            &format!("#!/bin/sh\necho 'A = \"b\"' >&3\nexit {status}\n"),
        );
        case.exit(
            "B-EXECD-005 P-EXIT-017",
            &launch.process("web", &[]),
            80..=89,
        );
        case.check(
            "B-EXECD-005",
            !launch.stage.path("record/launched").exists(),
            "no process",
            "one was launched",
        );
    }
}

fn standard_output_sets_nothing(case: &Case<'_>) {
    let program = "echo 'OF_OUTPUT = \"a\"'\necho 'no TOML'\necho 'B = \"c\"' >&3";
    let launch = showing_env_after(case, program);
    let printed = launch.web(&[]);
    // What a program logs may be passed on or not: the process's own output is the last.
    let environ = printed.rsplit('\n').next().unwrap_or_default();
    let env = crate::probe::environment(environ.as_bytes());
    case.equal(
        "B-EXECD-006",
        (env.get("OF_OUTPUT"), env.get("B").map(String::as_str)),
        (None, Some("c")),
    );
}

fn output_is_any_number_of_strings_by_bare_keys(case: &Case<'_>) {
    let output = [
        r#"A = "plain""#,
        r#"lower_1 = "quote \" backslash \\ tab \t line \n é \u00e9""#,
        r#"_X9 = """#,
        r#"EQUALS = "a=b $HOME `pwd` 'c'""#,
    ];
    let program = format!("cat >&3 <<'END'\n{}\nEND", output.join("\n"));
    let launch = showing_env_after(case, &program);
    launch.layer("example_one/b/exec.d/none", "#!/bin/sh\n");
    launch.layer(
        "example_one/b/exec.d/one",
        "#!/bin/sh\nprintf 'ONE = \"1\"' >&3\n",
    );
    let env = launch.env();
    let value = |name: &str| env.get(name).map(String::as_str);
    case.equal(
        "B-EXECD-007 B-EXECD-008 B-EXECD-009",
        ["A", "_X9", "ONE"].map(value),
        [Some("plain"), Some(""), Some("1")],
    );
    case.equal(
        "B-EXECD-008 B-EXECD-009 B-EXECD-010",
        ["lower_1", "EQUALS"].map(value),
        [
            Some("quote \" backslash \\ tab \t line \n é é"),
            Some("a=b $HOME `pwd` 'c'"),
        ],
    );
}

fn output_that_is_not_strings_ends_the_launch(case: &Case<'_>) {
    for output in ["A = 1", "[A]\nb = \"c\"", "A = [\"b\"]", "A = b", "no TOML"] {
        let launch = showing_env_after(case, &format!("cat >&3 <<'END'\n{output}\nEND"));
        case.fails("B-EXECD-007", &launch.process("web", &[]));
    }
}
