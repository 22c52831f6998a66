//! Whole builds by the creator into OCI layouts: no network, no matter who runs the test.
use crate::support::{
    Outcome, finish,
    place::{Place, add_run_image},
};
use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};
use wharf_layout::LayoutStore;

fn ready() -> Place {
    let place = Place::new();
    let store = LayoutStore::new(place.path("layout"));
    add_run_image(&place, &store, "run.local/base");
    place
}

fn creator(place: &Place, more: &[&str]) -> Command {
    let layout = format!("-layout-dir={}", place.path("layout").display());
    let arguments = [&["-layout", &layout], more, &["app/built"]].concat();
    place.creator(&arguments, &[("CNB_EXPERIMENTAL_MODE", "quiet")])
}

fn create(place: &Place, more: &[&str]) -> Outcome {
    finish(creator(place, more))
}

fn succeeds(outcome: &Outcome) {
    assert_eq!(
        (outcome.status, outcome.stderr.as_str()),
        (Some(0), ""),
        "{}",
        outcome.stdout
    );
}

#[test]
fn the_creator_leaves_an_image_a_report_and_every_handoff_file() {
    let place = ready();
    succeeds(&create(&place, &[]));
    for name in [
        "analyzed.toml",
        "group.toml",
        "plan.toml",
        "config/metadata.toml",
        "report.toml",
    ] {
        let file = fs::metadata(place.path("layers").join(name)).unwrap();
        assert_eq!(file.permissions().mode() & 0o7777, 0o644, "{name}");
    }
    let report = place.read("layers/report.toml");
    let digests: Vec<&str> = report
        .lines()
        .filter(|line| line.contains("digest"))
        .collect();
    assert_eq!(digests.len(), 1, "{report}");
    assert_eq!(
        digests[0].split('"').nth(1).unwrap().len(),
        "sha256:".len() + 64
    );
    let metadata: toml::Table = place.read("layers/config/metadata.toml").parse().unwrap();
    assert_eq!(
        metadata["buildpack-default-process-type"].as_str(),
        Some("web")
    );
    assert!(
        place
            .path("layout/index.docker.io/app/built/latest/index.json")
            .is_file()
    );
}

#[test]
fn a_second_build_reuses_everything_and_has_the_same_digest() {
    let place = ready();
    succeeds(&create(&place, &[]));
    let first = place.read("layers/report.toml");
    let second = create(&place, &["-no-color"]);
    succeeds(&second);
    assert_eq!(place.read("layers/report.toml"), first);
    assert!(
        second
            .stdout
            .contains("Restoring data for \"a/b:tool\" from cache"),
        "{}",
        second.stdout
    );
    assert!(
        second.stdout.contains("Reusing layer 'a/b:tool'"),
        "{}",
        second.stdout
    );
    assert!(!second.stdout.contains("Adding layer"), "{}", second.stdout);
}

#[test]
fn side_by_side_with_the_cache_the_image_is_the_same() {
    let place = ready();
    let results = || {
        [
            place.read("cache/committed/io.buildpacks.lifecycle.cache.metadata"),
            place.read("layers/report.toml"),
        ]
    };
    succeeds(&create(&place, &[]));
    let one_by_one = results();
    for name in ["cache", "layers", "layout/index.docker.io"] {
        fs::remove_dir_all(place.path(name)).unwrap();
    }
    fs::create_dir(place.path("layers")).unwrap();
    fs::create_dir(place.path("cache")).unwrap();
    succeeds(&create(&place, &["-parallel"]));
    assert_eq!(results(), one_by_one);
}

#[test]
fn buildpack_output_keeps_its_percent_signs_and_loses_colour_only_when_asked() {
    let place = ready();
    let coloured = create(&place, &[]);
    assert!(
        coloured.stdout.contains("\u{1b}[32mgreen\u{1b}[0m 100%\n"),
        "{}",
        coloured.stdout
    );
    assert!(
        coloured
            .stdout
            .contains("\u{1b}[36m===> BUILDING\u{1b}[0m\n")
    );
    let plain = create(&place, &["-no-color"]);
    assert!(plain.stdout.contains("green 100%\n"));
    assert!(!plain.stdout.contains('\u{1b}'), "{}", plain.stdout);
}

#[test]
fn failures_of_buildpacks_have_their_status_and_leave_no_image() {
    let cases = [
        (
            "detect",
            "exit 100",
            20,
            "No buildpack groups passed detection.",
        ),
        ("detect", "echo reason; exit 1", 21, "reason"),
        ("build", "echo reason >&2; exit 7", 51, "reason"),
        (
            "build",
            "echo '[[processes]' > $CNB_LAYERS_DIR/launch.toml",
            52,
            "launch.toml': TOML parse error at line 1",
        ),
    ];
    for (program, script, status, words) in cases {
        let place = ready();
        place.script(program, &format!("#!/bin/sh\n{script}\n"));
        let outcome = create(&place, &[]);
        let output = outcome.stdout + &outcome.stderr;
        assert_eq!(outcome.status, Some(status), "{output}");
        assert!(output.contains(words), "{output}");
        assert!(!place.path("layout/index.docker.io/app").exists());
        assert!(!place.path("layers/report.toml").exists());
    }
}

#[test]
fn a_signal_ends_the_buildpack_and_leaves_no_temporary_file() {
    let place = ready();
    place.script("build", "#!/bin/sh\necho process $$\nexec sleep 1000\n");
    let mut child = creator(&place, &[]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let buildpack: u32 = lines
        .find_map(|line| line.unwrap().strip_prefix("process ")?.parse().ok())
        .expect("the buildpack has started");
    let signal = nix::sys::signal::Signal::SIGTERM;
    let process = |id: u32| nix::unistd::Pid::from_raw(id.try_into().unwrap());
    nix::sys::signal::kill(process(child.id()), signal).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    let buildpack = process(buildpack);
    assert_eq!(
        nix::sys::signal::kill(buildpack, None),
        Err(nix::errno::Errno::ESRCH)
    );
    assert_eq!(fs::read_dir(place.path("temporary")).unwrap().count(), 0);
}
