//! Whole builds: the chain of five executables and the creator agree, rebuilds reuse, digests depend on the source
//! alone.
#![expect(clippy::expect_used, reason = "a test that cannot go on ends")]
use spec_tests::{fixture, image::Image, read, registry::Registry, stage::Stage, toml_of};
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

const API: &str = "0.15";

struct Ground {
    registry: Registry,
}

impl Ground {
    fn new() -> Self {
        let registry = Registry::start();
        registry.push(
            &fixture("golden/reference").join(API).join("run-before"),
            "golden/run:base",
        );
        Self { registry }
    }

    fn stage(&self) -> Stage {
        Stage::sample(API, &self.registry.address())
    }

    fn pull(&self, name: &str) -> Image {
        Image::pull(&format!("docker://{}", self.registry.name(name)))
    }
}

fn creator(stage: &Stage, more: &[&str], image: &str) -> String {
    let fixed = [
        "-layers=/layers",
        "-app=/workspace",
        "-cache-dir=/cache",
        "-launcher=/cnb/launcher",
    ];
    let args = [fixed.as_slice(), more, &[image]].concat();
    stage.phase("creator", &args).expect_code(0).output.clone()
}

#[test]
fn chain_and_creator_give_the_same_files_and_the_same_digest() {
    let ground = Ground::new();
    let image = ground.registry.name("app/same");
    let (chain, whole) = (ground.stage(), ground.stage());
    chain.build(&image);
    let first = ground.pull("app/same");
    // The second build must not find the first one.
    ground.registry.delete("app/same", &first.digest);
    creator(&whole, &[], &image);
    assert_eq!(ground.pull("app/same").digest, first.digest);
    for file in [
        "analyzed.toml",
        "group.toml",
        "plan.toml",
        "config/metadata.toml",
        "report.toml",
    ] {
        let path = format!("layers/{file}");
        assert_eq!(read(&whole.path(&path)), read(&chain.path(&path)), "{file}");
    }
}

#[test]
fn an_unchanged_source_uploads_no_layer_and_keeps_the_digest() {
    let ground = Ground::new();
    let image = ground.registry.name("app/again");
    let stage = ground.stage();
    stage.build(&image);
    let first = ground.pull("app/again");
    let next = ground.stage();
    copy(&stage.path("cache"), &next.path("cache"));
    let blobs = ground.registry.blobs();
    next.build(&image);
    assert_eq!(ground.pull("app/again").digest, first.digest);
    assert_eq!(
        ground.registry.blobs(),
        blobs,
        "the second build left new blobs"
    );
}

#[test]
fn digests_do_not_depend_on_time_zone_umask_locale_or_threads() {
    let ground = Ground::new();
    let mut digests = Vec::new();
    for (name, zone, umask, locale, cpus) in [
        ("app/one", "UTC", "022", "C", "0"),
        ("app/two", "Asia/Tokyo", "077", "tr_TR.UTF-8", "0,1"),
        ("app/three", "", "000", "C.UTF-8", "1"),
    ] {
        let mut stage = ground.stage();
        stage.set("TZ", zone);
        stage.set("LC_ALL", locale);
        let image = ground.registry.name(name);
        for (phase, args) in stage.phases(&image) {
            // Buildpacks see the umask too; it is the lifecycle's own files that must not.
            let mask = if phase == "builder" { "022" } else { umask };
            let script =
                format!("umask {mask}; exec taskset -c {cpus} /cnb/lifecycle/{phase} \"$@\"");
            let words: Vec<&str> = ["-c", &script, phase]
                .into_iter()
                .chain(args.iter().map(String::as_str))
                .collect();
            stage.run("/bin/sh", &words).expect_code(0);
        }
        digests.push(ground.pull(name).digest);
    }
    assert_eq!(digests, vec![digests[0].clone(); 3]);
}

#[test]
fn report_has_exactly_one_line_with_the_word_digest() {
    let ground = Ground::new();
    let stage = ground.stage();
    stage.build(&ground.registry.name("app/report"));
    let report = read(&stage.path("layers/report.toml"));
    let lines: Vec<&str> = report
        .lines()
        .filter(|line| line.contains("digest"))
        .collect();
    let digest = ground.pull("app/report").digest;
    assert_eq!(lines, [format!("  digest = \"{digest}\"")], "{report}");
    let table = toml_of(&stage.path("layers/report.toml"));
    assert_eq!(
        table["image"]["tags"][0].as_str(),
        Some(ground.registry.name("app/report").as_str())
    );
}

#[test]
fn a_changed_line_adds_only_the_app_layer() {
    let ground = Ground::new();
    let image = ground.registry.name("app/changed");
    let stage = ground.stage();
    stage.build(&image);
    let first = ground.pull("app/changed").diff_ids();
    let next = ground.stage();
    copy(&stage.path("cache"), &next.path("cache"));
    next.write("workspace/main.txt", "other\n");
    next.build(&image);
    let second = ground.pull("app/changed").diff_ids();
    let new: Vec<_> = second.iter().filter(|id| !first.contains(id)).collect();
    assert_eq!((second.len(), new.len()), (first.len(), 1));
}

#[test]
fn a_cache_image_serves_the_next_build() {
    let ground = Ground::new();
    let image = ground.registry.name("app/cached");
    let cache = format!("-cache-image={}", ground.registry.name("app/cache"));
    let args = [
        "-layers=/layers",
        "-app=/workspace",
        "-launcher=/cnb/launcher",
        &cache,
        &image,
    ];
    ground.stage().phase("creator", &args).expect_code(0);
    let next = ground.stage();
    next.phase("creator", &args).expect_code(0).expect_words(&[
        "Restoring data for \"example/first:deps\" from cache",
        "Reusing cache layer 'example/first:deps'",
    ]);
}

#[test]
fn the_process_types_start_through_the_launcher() {
    let ground = Ground::new();
    let stage = ground.stage();
    stage.build(&ground.registry.name("app/run"));
    let image = ground.pull("app/run");
    let last = image.entries(image.layers().len() - 1);
    let links: Vec<_> = last
        .iter()
        .map(|entry| (entry.path.as_str(), entry.link.as_str()))
        .collect();
    assert_eq!(
        links,
        [
            ("/cnb", ""),
            ("/cnb/process", ""),
            ("/cnb/process/web", "/cnb/lifecycle/launcher"),
            ("/cnb/process/worker", "/cnb/lifecycle/launcher")
        ]
    );
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("list a directory") {
        let path = entry.expect("read a directory entry").path();
        let target = to.join(path.file_name().expect("an entry has a name"));
        if path.is_dir() {
            fs::create_dir_all(&target).expect("make a directory");
            fs::set_permissions(&target, fs::Permissions::from_mode(0o755)).expect("set its mode");
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("copy a file");
        }
    }
}
