//! An export that is ended at any moment leaves nothing behind, and the next one does what it would have done.
#![expect(clippy::expect_used, reason = "a test that cannot go on ends")]
use spec_tests::{fixture, image, registry::Registry, stage::Stage};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
    thread,
    time::{Duration, Instant},
};

const API: &str = "0.15";
const ROUNDS: u32 = 24;
/// How `timeout` says that it ended the program.
const ENDED: i32 = 124;

/// The exporter with its arguments, ended by a request after `time`.
fn export(stage: &Stage, args: &[String], time: Duration) -> i32 {
    let mut command = stage.bwrap();
    command
        .args(["timeout", "--signal=TERM"])
        .arg(format!("{:.4}", time.as_secs_f64()))
        .arg("/cnb/lifecycle/exporter")
        .args(args);
    stage.finish(command).code
}

fn names(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.expect("read a directory entry").file_name());
    names
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}

/// Uploads that a registry still has open once it has had time to forget those that were cancelled just now.
fn uploads_left(registry: &Registry) -> usize {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let left = registry.uploads();
        if left == 0 || Instant::now() > deadline {
            return left;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn digest(registry: &Registry, repository: &str) -> Option<String> {
    let manifest = registry.client().manifest(repository, "latest");
    manifest.map(|(_, bytes)| image::digest(&bytes))
}

#[test]
fn an_export_that_is_ended_at_any_moment_leaves_nothing_and_the_next_one_is_whole() {
    let registry = Registry::start();
    let run_image = fixture("golden/reference").join(API).join("run-before");
    registry.push(&run_image, "golden/run:base");
    let stage = Stage::sample(API, &registry.address());
    let phases = stage.phases(&registry.name("app/whole"));
    let [before @ .., (_, args)] = &phases;
    for (phase, args) in before {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        stage.phase(phase, &args).expect_code(0);
    }
    let mut noise = File::open("/dev/urandom")
        .expect("open the random device")
        .take(24 << 20);
    let large = stage.path("layers/example_first/only-launch/large");
    io::copy(
        &mut noise,
        &mut File::create(large).expect("create a large file"),
    )
    .expect("write noise");
    let begin = Instant::now();
    assert_eq!(export(&stage, args, Duration::from_mins(1)), 0);
    let whole_time = begin.elapsed();
    let whole = digest(&registry, "app/whole").expect("it was exported");

    let mut ended = 0;
    for round in 0..ROUNDS {
        let repository = format!("app/ended-{round}");
        let args: Vec<String> = args
            .iter()
            .map(|arg| arg.replace("app/whole", &repository))
            .collect();
        let code = export(&stage, &args, whole_time * (round + 1) / ROUNDS);
        assert!(
            code == 0 || code == ENDED,
            "round {round}: exit code {code}"
        );
        ended += u32::from(code == ENDED);
        assert_eq!(
            names(&stage.path("tmp")),
            [""; 0],
            "round {round}: temporary files"
        );
        assert_eq!(uploads_left(&registry), 0, "round {round}: uploads");
        let tagged = digest(&registry, &repository);
        assert!(
            tagged.is_none() || tagged.as_ref() == Some(&whole),
            "round {round}: {tagged:?} is not the whole image"
        );
    }
    assert!(ended > 0, "no export was ended");
    assert_eq!(export(&stage, args, Duration::from_mins(1)), 0);
    assert_eq!(digest(&registry, "app/whole"), Some(whole));
    let cache = names(&stage.path("cache"));
    assert!(!cache.contains(&"staging".to_owned()), "{cache:?}");
}
