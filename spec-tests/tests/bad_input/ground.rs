//! A build that stops before the phase under test, and what must be true when that phase has failed.
use spec_tests::{fixture, registry::Registry, stage::Stage};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

pub(crate) const API: &str = "0.15";
const REPOSITORY: &str = "app/bad";

/// A registry with the run image, and a stage with the recorded app and buildpacks.
pub(crate) struct Ground {
    pub(crate) registry: Registry,
    pub(crate) stage: Stage,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let registry = Registry::start();
        let run_image = fixture("golden/reference").join(API).join("run-before");
        registry.push(&run_image, "golden/run:base");
        let stage = Stage::sample(API, &registry.address());
        Self { registry, stage }
    }

    pub(crate) fn image(&self) -> String {
        self.registry.name(REPOSITORY)
    }

    /// Runs the phases before `phase`, which must succeed, and gives its arguments.
    pub(crate) fn before(&self, phase: &str) -> Vec<String> {
        before(&self.stage, &self.image(), phase)
    }

    /// Runs `phase`, which must fail with `code` and one error that has all `words`, and leave nothing behind.
    #[track_caller]
    pub(crate) fn fails(&self, phase: &str, args: &[String], code: i32, words: &[&str]) {
        self.fails_with((phase, args), code, words, &[]);
    }

    /// The same with more options of bubblewrap.
    #[track_caller]
    pub(crate) fn fails_with(
        &self,
        call: (&str, &[String]),
        code: i32,
        words: &[&str],
        options: &[&str],
    ) {
        fails(&self.stage, call, code, words, options);
        assert!(
            self.registry
                .client()
                .manifest(REPOSITORY, "latest")
                .is_none(),
            "an image was written"
        );
    }
}

/// Breaks one thing before `phase` and expects it to fail.
#[track_caller]
pub(crate) fn broken(phase: &str, code: i32, words: &[&str], damage: impl FnOnce(&mut Stage)) {
    let mut ground = Ground::new();
    let args = ground.before(phase);
    damage(&mut ground.stage);
    ground.fails(phase, &args, code, words);
}

/// Runs the phases of a build before `phase`, which must succeed, and gives its arguments.
pub(crate) fn before(stage: &Stage, image: &str, phase: &str) -> Vec<String> {
    for (name, args) in stage.phases(image) {
        if name == phase {
            return args;
        }
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        stage.phase(name, &words).expect_code(0);
    }
    Vec::new()
}

/// Runs a phase with its arguments: it fails, says so once, and leaves neither its files nor temporary ones.
#[track_caller]
pub(crate) fn fails(
    stage: &Stage,
    (phase, args): (&str, &[String]),
    code: i32,
    words: &[&str],
    options: &[&str],
) {
    let cache = files(&stage.path("cache"));
    let mut command = stage.bwrap_with(options);
    command.arg(format!("/cnb/lifecycle/{phase}")).args(args);
    let outcome = stage.finish(command);
    outcome.expect_code(code).expect_words(words);
    let said = |text: &str| outcome.output.matches(text).count();
    // Platforms look for the two lines the reference ends a detection without a group with.
    let errors = 1 + 2 * said("No buildpack groups passed detection.");
    assert_eq!(said("ERROR: "), errors, "{}", outcome.output);
    for file in written_by(phase) {
        let there = stage.path(file).symlink_metadata().is_ok();
        assert!(!there, "the failed {phase} left {file}");
    }
    assert_eq!(files(&stage.path("tmp")), BTreeSet::new());
    assert_eq!(files(&stage.path("cache")), cache, "the cache has changed");
}

fn written_by(phase: &str) -> &'static [&'static str] {
    match phase {
        "analyzer" => &["layers/analyzed.toml"],
        "detector" => &["layers/group.toml", "layers/plan.toml"],
        "builder" => &["layers/config/metadata.toml"],
        "exporter" => &["layers/report.toml"],
        _ => &[],
    }
}

/// All files below a directory.
/// All files but the lock of a cache, which stays once a build has held it.
fn files(dir: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(dir).expect("list a directory") {
        let path = entry.expect("read a directory entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if !path.ends_with("cache/lock") {
            found.insert(path);
        }
    }
    found
}

pub(crate) fn remove(stage: &Stage, inside: &str) {
    fs::remove_file(stage.path(inside)).expect("remove a file");
}

/// Takes every right to a file or directory away, from its owner too.
pub(crate) fn close(stage: &Stage, inside: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(stage.path(inside), fs::Permissions::from_mode(0o000))
        .expect("take the rights away");
}
