//! Builds that are asked or forced to end.
use crate::build::{BUILD_COMMAND, CREATE_BUILDER, place_to_build};
use crate::place::Place;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdout, Stdio},
};

/// A build that waits in `bin/detect` for ever.
fn waiting() -> (Place, Child, BufReader<ChildStdout>) {
    let place = place_to_build();
    let detect = "#!/bin/sh\nhold() { while :; do sleep 1000 & wait; done; }\nhold &\necho waiting >> marks\nhold\n";
    place.program("source/example-first/bin/detect", detect);
    place.wharf(&CREATE_BUILDER).success();
    let mut child = place
        .command(&BUILD_COMMAND)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("DETECTING") {
        line.clear();
        assert_ne!(out.read_line(&mut line).unwrap(), 0);
    }
    (place, child, out)
}

fn builds(place: &Place) -> usize {
    fs::read_dir(place.path(".cache/wharf/builds"))
        .unwrap()
        .count()
}

#[test]
fn a_signal_ends_the_phase_and_cleans_up() {
    let (place, mut child, mut out) = waiting();
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).unwrap();
    // The end of the output comes when the last process of the sandbox is gone.
    out.read_to_string(&mut String::new()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert_eq!(builds(&place), 0);
    assert!(!place.path("out").exists());
}

#[test]
fn what_a_killed_build_leaves_is_removed_at_the_next_start() {
    let (place, mut child, mut out) = waiting();
    child.kill().unwrap();
    out.read_to_string(&mut String::new()).unwrap();
    child.wait().unwrap();
    assert_eq!(builds(&place), 2);
    place
        .wharf(&[
            "build",
            "app",
            "--builder",
            "oci:nowhere",
            "--output",
            "oci:out",
        ])
        .failure(1);
    assert_eq!(builds(&place), 0);
}
