use crate::support::{Script, Sink, request};
use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    time::Duration,
};
use wharf_buildpack::{
    BuildpackRunner, Cancel, Captured, Exit, ProcessRunner, Request, RunError,
    process::CAPTURE_LIMIT,
};
use wharf_testkit::files::write;

fn runner() -> ProcessRunner {
    ProcessRunner::new(Cancel::new())
}

fn detect(request: &Request) -> (Exit, String) {
    let Captured { exit, output } = runner().detect(request).unwrap();
    (exit, String::from_utf8(output).unwrap())
}

fn passed(output: &str) -> (Exit, String) {
    (Exit::Code(0), output.to_owned())
}

#[test]
fn a_program_sees_only_the_environment_it_is_given() {
    let mut request = request("/usr/bin/env", Path::new("/"));
    request.env = [("A", "1\n"), ("B", "x=y")].into_iter().collect();
    assert_eq!(detect(&request), passed("A=1\n\nB=x=y\n"));
}

#[test]
fn a_program_gets_arguments_and_working_directory_and_no_input() {
    let script = Script::new("printf '%s|' \"$@\"; pwd; cat");
    let mut request = script.request();
    request.arguments = vec!["a b".into(), String::new().into()];
    let dir = script.dir.path().canonicalize().unwrap();
    assert_eq!(
        detect(&request),
        passed(&format!("a b||{}\n", dir.display()))
    );
}

#[test]
fn both_streams_keep_their_order() {
    let script = Script::new("echo a; echo b >&2; printf c; echo d >&2");
    assert_eq!(detect(&script.request()), passed("a\nb\ncd\n"));
}

#[test]
fn output_comes_through_before_its_line_is_complete() {
    let script = Script::new("printf ready; read answer <go; echo \" $answer\"");
    let go = script.make_fifo("go");
    let mut sink = Sink::new("ready", || fs::write(&go, "yes\n").unwrap());
    let exit = runner().build(&script.request(), &mut sink).unwrap();
    assert_eq!(
        (exit, String::from_utf8(sink.text).unwrap()),
        passed("ready yes\n")
    );
}

#[test]
fn statuses_and_signals_are_told_apart() {
    let exit = |body: &str| detect(&Script::new(body).request()).0;
    assert_eq!(exit("exit 100"), Exit::Code(100));
    assert_eq!(exit("kill -9 $$"), Exit::Signal(9));
    assert_eq!(Exit::Signal(9).code(), -1);
}

#[test]
fn a_missing_program_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bin/detect");
    let error = runner().detect(&request(&path, dir.path())).unwrap_err();
    assert!(matches!(error, RunError::Missing { path: named } if named == path));
}

#[test]
fn a_program_without_execute_bits_is_named() {
    let script = Script::new("exit 0");
    fs::set_permissions(script.path(), Permissions::from_mode(0o644)).unwrap();
    let error = runner().detect(&script.request()).unwrap_err();
    assert!(matches!(error, RunError::NotExecutable { path } if path == script.path()));
    let error = runner()
        .detect(&request(script.dir.path(), script.dir.path()))
        .unwrap_err();
    assert!(matches!(error, RunError::NotExecutable { path } if path == script.dir.path()));
}

#[test]
fn a_missing_interpreter_is_not_a_missing_program() {
    let script = Script::new("");
    write(&script.path(), "#!/no/such/interpreter\n");
    let error = runner().detect(&script.request()).unwrap_err();
    assert!(matches!(error, RunError::Spawn { path, .. } if path == script.path()));
}

#[test]
fn captured_output_is_cut_off_with_a_note() {
    let script = Script::new(&format!(
        "head -c {} /dev/zero | tr '\\0' x",
        CAPTURE_LIMIT + 1000
    ));
    let (exit, output) = detect(&script.request());
    let expected = "x".repeat(CAPTURE_LIMIT) + "\n[1000 more bytes of output left out]\n";
    assert_eq!(exit, Exit::Code(0));
    assert!(output == expected, "{} bytes", output.len());
}

#[test]
fn a_filter_may_finish_the_output_after_the_script() {
    let script = Script::new(
        "mkfifo lines; (while read line; do echo \"[$line]\"; done <lines) & exec >lines; echo one; echo two",
    );
    assert_eq!(detect(&script.request()), passed("[one]\n[two]\n"));
}

#[test]
fn what_a_script_leaves_behind_is_killed() {
    let script = Script::new("exec 3>held; sleep 1000 >/dev/null 2>&1 & exit 3");
    let held = script.watch_fifo("held");
    assert_eq!(detect(&script.request()), (Exit::Code(3), String::new()));
    held.join().unwrap();
}

#[test]
fn what_a_script_leaves_behind_cannot_hold_its_output_open() {
    let script = Script::new("exec 3>held; sleep 1000 & echo done");
    let held = script.watch_fifo("held");
    let runner = runner().with_grace(Duration::from_millis(20));
    let captured = runner.detect(&script.request()).unwrap();
    assert_eq!(
        captured,
        Captured {
            exit: Exit::Code(0),
            output: b"done\n".to_vec()
        }
    );
    held.join().unwrap();
}

#[test]
fn descriptors_of_the_lifecycle_stay_with_it() {
    use nix::fcntl::{FcntlArg, FdFlag, fcntl};
    let secret = File::open("/dev/null").unwrap();
    fcntl(&secret, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    let script = Script::new("exec ls /proc/self/fd");
    // The last one is the directory itself.
    assert_eq!(detect(&script.request()), passed("0\n1\n2\n3\n"));
    drop(secret);
}

#[test]
fn output_that_cannot_be_passed_on_ends_the_run() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let script = Script::new("exec 3>held; echo text; exec sleep 1000");
    let held = script.watch_fifo("held");
    let error = runner().build(&script.request(), &mut Full).unwrap_err();
    assert!(matches!(error, RunError::Output { .. }), "{error:?}");
    held.join().unwrap();
}
