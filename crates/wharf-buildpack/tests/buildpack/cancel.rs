use crate::support::{Script, Sink};
use std::time::Duration;
use wharf_buildpack::{BuildpackRunner, Cancel, ProcessRunner, RunError};

/// Cancels once the script has said that it is ready; returns what it said.
fn cancelled(script: &Script, grace: Duration) -> String {
    let cancel = Cancel::new();
    let runner = ProcessRunner::new(cancel.clone()).with_grace(grace);
    let mut sink = Sink::new("ready", || cancel.cancel());
    let error = runner.build(&script.request(), &mut sink).unwrap_err();
    assert!(matches!(error, RunError::Cancelled { path } if path == script.path()));
    String::from_utf8(sink.text).unwrap()
}

#[test]
fn a_cancelled_run_takes_its_process_group_along() {
    let script = Script::new("exec 3>held; sleep 1000 & printf ready; wait");
    let held = script.watch_fifo("held");
    assert_eq!(cancelled(&script, Duration::from_mins(1)), "ready");
    held.join().unwrap();
}

#[test]
fn a_cancelled_script_may_say_why_it_ends() {
    let script =
        Script::new("trap 'echo \" and gone\"; exit 0' TERM; printf ready; while :; do :; done");
    assert_eq!(
        cancelled(&script, Duration::from_mins(1)),
        "ready and gone\n"
    );
}

#[test]
fn a_script_that_ignores_the_request_is_killed() {
    let script =
        Script::new("trap '' TERM; exec 3>held; printf ready; while :; do sleep 1000; done");
    let held = script.watch_fifo("held");
    assert_eq!(cancelled(&script, Duration::from_millis(20)), "ready");
    held.join().unwrap();
}

#[test]
fn nothing_is_started_once_the_token_is_set() {
    let script = Script::new("echo started >mark");
    let cancel = Cancel::new();
    cancel.cancel();
    let error = ProcessRunner::new(cancel)
        .detect(&script.request())
        .unwrap_err();
    assert!(matches!(error, RunError::Cancelled { .. }));
    assert!(!script.dir.path().join("mark").exists());
}
