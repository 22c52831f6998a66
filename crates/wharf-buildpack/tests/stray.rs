//! Alone in its process, because it kills all children of it.
use std::{
    fs::{self, Permissions},
    io::Read,
    os::unix::fs::PermissionsExt,
    thread,
};
use wharf_buildpack::{BuildpackRunner, Cancel, Exit, ProcessRunner, Request, stray};
use wharf_env::Env;

#[test]
fn a_process_in_a_session_of_its_own_does_not_outlive_the_phase() {
    stray::adopt_orphans().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mode = nix::sys::stat::Mode::from_bits_truncate(0o600);
    for name in ["ready", "held"] {
        nix::unistd::mkfifo(&dir.path().join(name), mode).unwrap();
    }
    let script = dir.path().join("script");
    let body = "#!/bin/sh\nsetsid sh -c 'exec >/dev/null 2>&1 3>held; echo >ready; exec sleep 1000' & read line <ready\n";
    fs::write(&script, body).unwrap();
    fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
    let path = dir.path().join("held");
    let held = thread::spawn(move || {
        let mut held = fs::File::open(path).unwrap();
        held.read_to_end(&mut Vec::new()).unwrap();
    });
    let captured = ProcessRunner::new(Cancel::new())
        .detect(&Request {
            program: script,
            arguments: Vec::new(),
            env: [("PATH", "/usr/bin:/bin")].into_iter().collect::<Env>(),
            working_dir: dir.path().to_owned(),
        })
        .unwrap();
    assert_eq!(captured.exit, Exit::Code(0));
    assert!(!held.is_finished());
    stray::kill_all().unwrap();
    held.join().unwrap();
}
