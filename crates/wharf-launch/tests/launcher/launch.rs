//! Launches with the real executable (platform spec, "Launch").

use crate::stage::{Outcome, Stage};
use std::{
    ffi::OsStr,
    os::unix::{ffi::OsStrExt, process::CommandExt},
    process::{Command, Stdio},
};

const WEB: &str = r#"
[[buildpacks]]
  id = "example/one"
  version = "1"
  api = "0.12"
[[processes]]
  type = "web"
  command = ["printf", "<%s>"]
  args = ["a b", "$HOME"]
  direct = true
  buildpack-id = "example/one"
"#;

/// A stage with one process that shows its environment, sorted.
fn shows_env() -> Stage {
    Stage::new(
        r#"
[[buildpacks]]
  id = "example/one"
  api = "0.12"
[[buildpacks]]
  id = "two"
  api = "0.10"
[[processes]]
  type = "web"
  command = ["env"]
  direct = true
  buildpack-id = "example/one"
"#,
    )
}

#[test]
fn a_process_is_selected_by_name_and_takes_its_default_arguments() {
    let stage = Stage::new(WEB);
    let expected = Outcome::success("<a b><$HOME>");
    assert_eq!(stage.launch("/cnb/process/web", &[]), expected);
    assert_eq!(stage.launch("web", &[]), expected);
}

#[test]
fn users_arguments_replace_default_arguments_since_platform_api_0_10() {
    let stage = Stage::new(WEB);
    assert_eq!(
        stage.launch("web", &["c", "--"]),
        Outcome::success("<c><-->")
    );
    let stage = stage.with("CNB_PLATFORM_API", "0.9");
    assert_eq!(
        stage.launch("web", &["c"]),
        Outcome::success("<a b><$HOME><c>")
    );
    let old = WEB
        .replace("0.12", "0.8")
        .replace(", \"<%s>\"]\n  args = [", "]\n  args = [\"<%s>\", ");
    assert_eq!(
        Stage::new(&old).launch("web", &["c"]),
        Outcome::success("<a b><$HOME><c>")
    );
}

#[test]
fn a_process_without_a_shell_sources_nothing() {
    let stage = Stage::new(WEB);
    stage.write("app/.profile", "echo profile");
    stage.write("layers/example_one/layer/profile.d/a.sh", "echo profile");
    assert_eq!(stage.launch("web", &["c"]), Outcome::success("<c>"));
}

#[test]
fn the_environment_is_that_of_the_container_changed_by_the_layers() {
    let stage = shows_env()
        .with("EMPTY", "")
        .with("KEPT", "x=y\nz")
        .with("CNB_DEPRECATION_MODE", "quiet");
    for (file, content) in [
        ("example_one/a/bin/tool", ""),
        ("example_one/a/lib/library", ""),
        ("example_one/b/bin/tool", ""),
        ("example_one/b/env/BOTH", "env"),
        ("example_one/b/env.launch/BOTH", "launch"),
        ("example_one/b/env.launch/web/BOTH.append", "+web"),
        ("example_one/b/env.launch/worker/BOTH", "worker"),
        ("example_one/b/env.build/BUILD", "no"),
        ("example_one/b/env/EMPTY.default", "filled"),
        ("example_one/b/env/PATH.append", "/last"),
        ("example_one/b/env/PATH.delim", ":"),
        ("two/c/bin/tool", ""),
        ("two/c/env/BOTH.prepend", "two+"),
        ("other/d/env/STRAY", "no"),
    ] {
        stage.write(&format!("layers/{file}"), content);
    }
    let expected = "BOTH=two+launch+web\nEMPTY=filled\nKEPT=x=y\nz\n\
        LD_LIBRARY_PATH=@/layers/example_one/a/lib\n\
        PATH=@/layers/two/c/bin:@/layers/example_one/a/bin:@/layers/example_one/b/bin:/usr/bin:/bin:/last\n";
    assert_eq!(
        stage.launch("web", &[]),
        Outcome::success(stage.expand(expected))
    );
}

#[test]
fn variables_that_are_not_utf_8_pass_unchanged() {
    let stage = shows_env();
    let value = OsStr::from_bytes(b"\xff\xfe");
    let output = stage
        .command("web", &[])
        .env("RAW", value)
        .env("PATH", "/usr/bin")
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"PATH=/usr/bin\nRAW=\xff\xfe\n");
}

#[test]
fn the_process_starts_in_its_working_directory() {
    let metadata = |directory: &str| {
        format!(
            "[[processes]]\ntype = \"web\"\ncommand = [\"pwd\"]\ndirect = true\nworking-dir = \"{directory}\"\n"
        )
    };
    let launch = |directory: &str| {
        let stage = Stage::new(&metadata(directory));
        stage.write("app/sub/file", "");
        let pwd = stage.launch("web", &[]);
        (pwd, stage)
    };
    let (pwd, stage) = launch("");
    assert_eq!(pwd, Outcome::success(stage.expand("@/app\n")));
    let (pwd, stage) = launch("@/layers");
    assert_eq!(pwd, Outcome::success(stage.expand("@/layers\n")));
    // Buildpack API 0.8 has it, whatever the platform speaks.
    let old = stage.with("CNB_PLATFORM_API", "0.7").launch("web", &[]);
    assert_eq!(old, pwd);
    let (pwd, stage) = launch("sub");
    assert_eq!(pwd, Outcome::success(stage.expand("@/app/sub\n")));
    let (pwd, stage) = launch("gone");
    let cause = stage.expand("change to working directory @/app/gone: it is not a directory");
    assert_eq!(pwd, Outcome::failure(82, cause));
}

#[test]
fn a_command_of_the_user_runs_directly_after_two_dashes() {
    let stage = Stage::new(WEB);
    stage.write("app/.profile", "echo profile");
    let direct = stage.launch(
        "/cnb/lifecycle/launcher",
        &["--", "printf", "<%s>", "$HOME", "a b"],
    );
    assert_eq!(direct, Outcome::success("<$HOME><a b>"));
    let pwd = stage.launch("launcher", &["--", "pwd"]);
    assert_eq!(pwd, Outcome::success(stage.expand("@/app\n")));
}

#[test]
fn a_command_of_the_user_runs_through_the_shell_otherwise() {
    let stage = Stage::new(WEB).with("WORD", "a b");
    stage.write("app/.profile", "plain=from-profile; pwd");
    stage.write(
        "layers/example_one/layer/profile.d/a.sh",
        "echo in profile.d",
    );
    let line = stage.launch("launcher", &["printf '<%s>' $WORD $plain && printf '|'"]);
    let profile = stage.expand("in profile.d\n@/app\n");
    assert_eq!(
        line,
        Outcome::success(format!("{profile}<a><b><from-profile>|"))
    );
    let words = stage.launch("launcher", &["printf", "<%s>", "$WORD", "c  d", "$plain"]);
    assert_eq!(
        words,
        Outcome::success(format!("{profile}<a b><c  d><from-profile>"))
    );
    let function = stage.launch("launcher", &["type", "-t", "type"]);
    assert_eq!(function, Outcome::success(format!("{profile}builtin\n")));
}

#[test]
fn an_old_process_runs_through_the_shell_in_its_working_directory() {
    let metadata = "[[buildpacks]]\nid = \"one\"\napi = \"0.8\"\n[[buildpacks]]\nid = \"two\"\napi = \"0.8\"\n\
        [[processes]]\ntype = \"web\"\nbuildpack-id = \"one\"\nworking-dir = \"/\"\n\
        command = [\"echo $said && pwd\"]\n\
        [[processes]]\ntype = \"words\"\nbuildpack-id = \"one\"\ncommand = [\"echo\"]\nargs = [\"$said\"]\n";
    let stage = Stage::new(metadata);
    for file in [
        "one/b/profile.d/web/1",
        "one/b/profile.d/2",
        "one/a/profile.d/2",
        "one/a/profile.d/1",
        "two/a/profile.d/1",
    ] {
        stage.write(&format!("layers/{file}"), &format!("said=\"$said {file}\""));
    }
    stage.write("app/.profile", "said=\"$said app $(basename \"$PWD\")\"");
    let general = "one/a/profile.d/1 one/a/profile.d/2 one/b/profile.d/2 two/a/profile.d/1";
    let web = format!("{general} one/b/profile.d/web/1 app app\n/\n");
    assert_eq!(stage.launch("web", &[]), Outcome::success(web));
    let words = format!(" {general} app app user\n");
    assert_eq!(stage.launch("words", &["user"]), Outcome::success(words));
}

#[test]
fn the_process_takes_the_place_of_the_launcher() {
    let stage = Stage::new(WEB);
    for (args, what) in [
        (vec!["--", "sh", "-c", "echo $$"], "direct"),
        (vec!["sh", "-c", "echo \\$\\$"], "words"),
        (vec!["sh -c 'echo $$'"], "line"),
    ] {
        let child = stage
            .command("launcher", &args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let pid = child.id();
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            format!("{pid}\n"),
            "{what}"
        );
    }
}

#[test]
fn the_status_is_that_of_the_process() {
    let stage = Stage::new(WEB);
    assert_eq!(
        stage
            .launch("launcher", &["--", "sh", "-c", "exit 42"])
            .status,
        Some(42)
    );
    assert_eq!(stage.launch("launcher", &["exit 43"]).status, Some(43));
}

#[test]
fn signals_are_as_a_fresh_process_has_them() {
    let stage = Stage::new(WEB);
    let launcher = stage.command(
        "launcher",
        &["--", "grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"],
    );
    let mut command = Command::new("env");
    command
        .args(["--ignore-signal=PIPE", "--block-signal=TERM"])
        .arg(launcher.get_program());
    command.args(launcher.get_args()).arg0("env");
    command.env_clear().env("PATH", "/usr/bin:/bin");
    command.envs(
        launcher
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let output = command.output().unwrap();
    let status = String::from_utf8_lossy(&output.stdout).into_owned();
    let mask = |name: &str| {
        let text = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap();
        u64::from_str_radix(text.trim(), 16).unwrap()
    };
    let pipe = 1 << (13 - 1);
    assert_eq!(
        (mask("SigBlk:"), mask("SigIgn:") & pipe),
        (0, 0),
        "{status}"
    );
}

#[test]
fn processes_are_chosen_by_execution_environment() {
    let process = |word: &str, exec_env: &str| {
        format!(
            "[[processes]]\ntype = \"web\"\ncommand = [\"echo\", \"{word}\"]\ndirect = true\nexec-env = [{exec_env}]\n"
        )
    };
    let test_first = process("test", "\"test\"") + &process("other", "\"production\", \"stage\"");
    let stage = Stage::new(&test_first);
    assert_eq!(stage.launch("web", &[]), Outcome::success("other\n"));
    let stage = stage.with("CNB_EXEC_ENV", "test");
    assert_eq!(stage.launch("web", &[]), Outcome::success("test\n"));
    let stage = stage.with("CNB_EXEC_ENV", "none");
    let cause = "determine start command: no process of type 'web' runs in the execution environment 'none' \
        (it runs in: test, production, stage); set 'CNB_EXEC_ENV'";
    assert_eq!(stage.launch("web", &[]), Outcome::failure(82, cause));
    let stage = stage.with("CNB_PLATFORM_API", "0.14");
    assert_eq!(stage.launch("web", &[]), Outcome::success("test\n"));
    for everywhere in ["", "\"*\""] {
        let stage = Stage::new(&process("x", everywhere)).with("CNB_EXEC_ENV", "any");
        assert_eq!(stage.launch("web", &[]), Outcome::success("x\n"));
    }
    let stage = Stage::new(&process("x", "")).with("CNB_EXEC_ENV", "a/b");
    let cause = "read 'CNB_EXEC_ENV': 'a/b' is not a valid execution environment: it must not be empty and must not contain '/'";
    assert_eq!(stage.launch("web", &[]), Outcome::failure(82, cause));
}
