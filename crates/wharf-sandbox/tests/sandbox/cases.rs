//! One function per behaviour.
use crate::harness::{Answer, Caller, Place, ended, finish, owner, with_host_programs};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};
use wharf_sandbox::{BindAccess, Exit, Network, SandboxError, Stacking, tree};

type Case = fn(Caller);

pub(crate) const ALL: &[(&str, Case)] = &[
    (
        "has_the_ids_of_the_image_inside_and_the_callers_outside",
        ids,
    ),
    (
        "changes_of_the_root_stay_in_the_scratch_directory",
        isolation,
    ),
    ("a_copied_root_behaves_like_a_stacked_one", copied_root),
    ("returns_the_exit_status", exit_status),
    ("returns_the_signal_that_killed_the_program", killed),
    ("has_no_capabilities_and_no_way_to_new_ones", privileges),
    ("sees_only_its_own_processes", processes),
    ("cannot_write_to_settings_of_the_kernel", kernel_settings),
    ("cannot_write_through_a_read_only_bind", read_only_bind),
    ("writes_through_a_read_write_bind", read_write_bind),
    ("binds_single_files", file_bind),
    ("has_the_given_environment_and_no_input", environment),
    ("has_a_minimal_dev", devices),
    ("has_the_hosts_resolver_configuration", resolver),
    ("sees_no_network_when_there_is_none", no_network),
    ("dies_with_the_process_that_started_it", parent_death),
    ("takes_everything_it_started_along", strays),
    ("forwards_signals_to_the_program", signals),
    (
        "starts_in_the_working_directory_with_the_host_name",
        working_dir,
    ),
    ("links_in_the_image_do_not_lead_outside", hostile_links),
    ("says_which_bind_is_missing", missing_bind),
    ("refuses_to_fork_a_process_with_threads", threads),
    ("is_removed_with_all_it_left", removal),
];

fn ids(caller: Caller) {
    let place = Place::new(caller);
    let shared = place.directory("shared");
    let sandbox = place
        .sandbox("one")
        .bind(&shared, "/shared", BindAccess::ReadWrite);
    assert_eq!(place.run(&sandbox, "ids", ""), ended("1000:1001\n", 0));
    let sandbox = place
        .sandbox("two")
        .bind(&shared, "/shared", BindAccess::ReadWrite);
    assert_eq!(place.run(&sandbox, "write", "/shared/file"), ended("", 0));
    assert_eq!(owner(&shared.join("file")), caller.uid());
}

fn isolation(caller: Caller) {
    let place = Place::new(caller);
    place.file("lower/kept", "below");
    let first = place.sandbox("one");
    assert_eq!(place.run(&first, "write", "/kept"), ended("", 0));
    assert_eq!(
        fs::read_to_string(place.path("lower/kept")).unwrap(),
        "below"
    );
    let second = place.sandbox("two");
    assert_eq!(place.run(&second, "read", "/kept"), ended("below", 0));
}

fn copied_root(caller: Caller) {
    let place = Place::new(caller);
    let file = place.file("lower/kept", "below");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("kept", place.path("lower/link")).unwrap();
    let copied = |scratch| {
        let mut sandbox = place.sandbox(scratch);
        sandbox.root.stacking = Stacking::Copy;
        sandbox
    };
    assert_eq!(
        place.run(&copied("one"), "read", "/link"),
        ended("below", 0)
    );
    assert_eq!(place.run(&copied("two"), "write", "/link"), ended("", 0));
    assert_eq!(fs::read_to_string(&file).unwrap(), "below");
    let (output, answer) = place.shell(
        copied("three"),
        "stat -c %a,%u /kept; rm /kept; ls -A /kept 2>&1",
    );
    assert_eq!(output.lines().next(), Some("640,1000"));
    assert_eq!(answer, Answer::Ended(Exit::Code(2)));
}

fn exit_status(caller: Caller) {
    let place = Place::new(caller);
    for code in [0, 7, 255] {
        let sandbox = place.sandbox(&format!("exit {code}"));
        assert_eq!(
            place.run(&sandbox, "exit", &code.to_string()),
            ended("", code)
        );
    }
    assert_eq!(
        place.run(&place.sandbox("panic"), "panic", "").1,
        ended("", 101).1
    );
}

fn killed(caller: Caller) {
    let place = Place::new(caller);
    let expected = Answer::Ended(Exit::Signal(Signal::SIGTERM as i32));
    assert_eq!(place.run(&place.sandbox("one"), "raise", "").1, expected);
    let expected = Answer::Ended(Exit::Signal(Signal::SIGKILL as i32));
    assert_eq!(place.shell(place.sandbox("two"), "kill -9 $$").1, expected);
}

fn privileges(caller: Caller) {
    let place = Place::new(caller);
    let none = "0000000000000000";
    let expected = format!(
        "CapInh:{none}\nCapPrm:{none}\nCapEff:{none}\nCapBnd:{none}\nCapAmb:{none}\nNoNewPrivs:1\n"
    );
    assert_eq!(
        place.run(&place.sandbox("one"), "privileges", ""),
        ended(&expected, 0)
    );
    // The id 0 inside is no exception.
    let mut root = place.sandbox("two");
    root.user.uid = 0;
    let script = "id -u; grep CapEff /proc/self/status; mount -t tmpfs none /tmp 2>/dev/null || echo refused";
    let expected = format!("0\nCapEff:\t{none}\nrefused\n");
    assert_eq!(place.shell(root, script), ended(&expected, 0));
}

fn processes(caller: Caller) {
    let place = Place::new(caller);
    assert_eq!(
        place.run(&place.sandbox("one"), "processes", ""),
        ended("2 of 2\n", 0)
    );
}

fn kernel_settings(caller: Caller) {
    let place = Place::new(caller);
    for (index, path) in ["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger"]
        .iter()
        .enumerate()
    {
        let sandbox = place.sandbox(&format!("scratch {index}"));
        let (output, answer) = place.run(&sandbox, "write", path);
        let refusals = ["ReadOnlyFilesystem\n", "PermissionDenied\n", "NotFound\n"];
        assert!(refusals.contains(&output.as_str()), "{output}");
        assert_eq!(answer, Answer::Ended(Exit::Code(1)));
    }
}

fn read_only_bind(caller: Caller) {
    let place = Place::new(caller);
    let shared = place.directory("shared");
    place.file("shared/file", "outside");
    let sandbox = |scratch| {
        place
            .sandbox(scratch)
            .bind(&shared, "/a/b", BindAccess::ReadOnly)
    };
    assert_eq!(
        place.run(&sandbox("one"), "read", "/a/b/file"),
        ended("outside", 0)
    );
    let refused = ended("ReadOnlyFilesystem\n", 1);
    assert_eq!(place.run(&sandbox("two"), "write", "/a/b/file"), refused);
    assert_eq!(place.run(&sandbox("three"), "write", "/a/b/new"), refused);
}

fn read_write_bind(caller: Caller) {
    let place = Place::new(caller);
    let shared = place.directory("shared");
    let sandbox = place
        .sandbox("one")
        .bind(&shared, "/shared", BindAccess::ReadWrite);
    assert_eq!(place.run(&sandbox, "write", "/shared/new"), ended("", 0));
    assert_eq!(
        fs::read_to_string(shared.join("new")).unwrap(),
        "written inside"
    );
}

fn file_bind(caller: Caller) {
    let place = Place::new(caller);
    let file = place.file("file", "one file");
    let sandbox = place
        .sandbox("one")
        .bind(&file, "/deep/inside/name", BindAccess::ReadOnly);
    assert_eq!(
        place.run(&sandbox, "read", "/deep/inside/name"),
        ended("one file", 0)
    );
}

fn environment(caller: Caller) {
    let place = Place::new(caller);
    let expected = "GIVEN=by the caller\nPATH=/usr/bin:/bin\n";
    assert_eq!(
        place.run(&place.sandbox("one"), "environment", ""),
        ended(expected, 0)
    );
    assert_eq!(place.run(&place.sandbox("two"), "stdin", ""), ended("", 0));
}

fn devices(caller: Caller) {
    let place = Place::new(caller);
    let script = "echo x > /dev/null && head -c 3 /dev/zero | wc -c && head -c 5 /dev/urandom | wc -c && echo y > /dev/shm/y && echo z > /tmp/z && cat /tmp/z && ls /dev/sda 2>/dev/null || echo no disks";
    assert_eq!(
        place.shell(place.sandbox("one"), script),
        ended("3\n5\nz\nno disks\n", 0)
    );
}

fn resolver(caller: Caller) {
    let place = Place::new(caller);
    place.directory("lower/etc");
    symlink(
        "/run/nowhere/resolv.conf",
        place.path("lower/etc/resolv.conf"),
    )
    .unwrap();
    for name in ["/etc/resolv.conf", "/etc/hosts"] {
        let expected = fs::read_to_string(name);
        let (output, answer) = place.run(&place.sandbox(&name.replace('/', "_")), "read", name);
        match expected {
            Ok(expected) => assert_eq!((output, answer), ended(&expected, 0)),
            Err(_) => assert_eq!(answer, ended("", 1).1),
        }
    }
}

fn no_network(caller: Caller) {
    let place = Place::new(caller);
    let mut sandbox = place.sandbox("one");
    sandbox.network = Network::None;
    let script = "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '";
    assert_eq!(place.shell(sandbox, script), ended("lo\n", 0));
}

fn parent_death(caller: Caller) {
    let place = Place::new(caller);
    let mut child = place.start(&place.sandbox("one"), "wait", "");
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    child.kill().unwrap();
    // The end comes when the last process that holds the pipe is gone.
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
    child.wait().unwrap();
}

fn strays(caller: Caller) {
    let place = Place::new(caller);
    // Would keep the output open for ever if it lived on.
    let script = "(trap '' TERM HUP; exec sleep 100000) & (setsid sleep 100000 &) ; echo started";
    assert_eq!(
        place.shell(place.sandbox("one"), script),
        ended("started\n", 0)
    );
}

fn signals(caller: Caller) {
    let place = Place::new(caller);
    let sandbox = with_host_programs(place.sandbox("one"));
    let script =
        "trap 'echo asked; exit 42' TERM; echo ready; while :; do sleep 100000 & wait; done";
    let mut child = place.start(&sandbox, "shell", script);
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).unwrap();
    output.read_to_string(&mut line).unwrap();
    assert_eq!(line, "ready\nasked\n");
    assert_eq!(finish(child).1, Answer::Ended(Exit::Code(42)));
}

fn working_dir(caller: Caller) {
    let place = Place::new(caller);
    let mut sandbox = place.sandbox("one");
    sandbox.working_dir = "/made/on the way".into();
    sandbox.hostname = "named".into();
    let expected = ended("/made/on the way\nnamed\n", 0);
    assert_eq!(place.shell(sandbox, "pwd; uname -n"), expected);
}

fn hostile_links(caller: Caller) {
    let place = Place::new(caller);
    let outside = place.directory("outside");
    for name in ["etc", "tmp", "proc", "dev", "shared"] {
        symlink(&outside, place.path("lower").join(name)).unwrap();
    }
    let file = place.file("file", "");
    let sandbox = place
        .sandbox("one")
        .bind(&file, "/shared/file", BindAccess::ReadWrite);
    let _ = place.run(&sandbox, "ids", "");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

fn missing_bind(caller: Caller) {
    let place = Place::new(caller);
    let missing = place.path("missing");
    let sandbox = place
        .sandbox("one")
        .bind(&missing, "/shared", BindAccess::ReadOnly);
    let message = format!(
        "bind into sandbox '{}': No such file or directory (os error 2)",
        missing.display()
    );
    assert_eq!(
        place.run(&sandbox, "ids", ""),
        (String::new(), Answer::Failed(message))
    );
}

fn threads(caller: Caller) {
    let place = Place::new(caller);
    let sandbox = place.sandbox("one");
    // The second thread lives until the question is answered.
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || receiver.recv());
        let error = sandbox.run(|| 0).unwrap_err();
        assert!(
            matches!(error, SandboxError::Threads { threads: 2.. }),
            "{error}"
        );
        drop(sender);
    });
}

fn removal(caller: Caller) {
    let place = Place::new(caller);
    let script = "mkdir -p /a/b && echo x > /a/b/c && chmod 0 /a/b /a && ln -s / /link";
    let sandbox = place.sandbox("one");
    assert_eq!(place.shell(sandbox, script), ended("", 0));
    let scratch = place.path("one");
    tree::remove(&scratch).unwrap();
    assert!(!Path::new(&scratch).exists());
}
