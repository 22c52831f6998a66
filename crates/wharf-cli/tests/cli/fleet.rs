//! `wharf rebase plan`, `apply`, `status`, `rollback` and `report` on servers.
use crate::place::Place;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicI32, AtomicU64, Ordering},
    },
};
use wharf_image::{Image, ImageStore, Stored, validate::validate};
use wharf_registry::{Credentials, RegistryOptions, RegistryStore};
use wharf_spec::digest::Digest;
use wharf_testkit::{
    HarborOptions, HarborServer, RegistryServer, RegistryServerOptions,
    fleet::{Fleet, FleetRecipe, Kind, Member},
    harbor::{self, Account},
    image_recipe::platform,
};

const USER: &str = "admin";
const PASSWORD: &str = "secret-word";
/// base64 of admin:secret-word
const AUTH: &str = "YWRtaW46c2VjcmV0LXdvcmQ=";

/// A Harbor with a fleet in it.
pub(crate) struct World {
    pub(crate) place: Place,
    pub(crate) server: HarborServer,
    store: RegistryStore,
    fleet: Fleet,
}

pub(crate) fn world(seed: u64, images: usize, kinds: &[Kind]) -> World {
    let server = HarborServer::start(HarborOptions {
        accounts: vec![Account::admin(USER, PASSWORD)],
        ..HarborOptions::default()
    })
    .unwrap();
    for project in ["base", "team-0", "team-1", "team-2"] {
        server.add_project(project, false);
    }
    let host = server.host();
    let store = RegistryStore::new(RegistryOptions {
        credentials: Credentials::anonymous().with_password(&host, USER, PASSWORD),
        ..RegistryOptions::default()
    })
    .unwrap();
    let recipe = FleetRecipe {
        seed,
        images,
        projects: 3,
        host: &host,
        kinds,
    };
    let fleet = recipe.build(&store);
    let place = Place::new();
    place.write(
        ".docker/config.json",
        &format!("{{\"auths\": {{\"{host}\": {{\"auth\": \"{AUTH}\"}}}}}}"),
    );
    server.reset_counts();
    World {
        place,
        server,
        store,
        fleet,
    }
}

impl World {
    fn plan(&self) -> String {
        let source = format!("harbor://{}", self.server.host());
        let run_image = self.fleet.run_image.to_string();
        let arguments = [
            "rebase",
            "plan",
            &source,
            "--run-image",
            &run_image,
            "--only",
            "**/team-*/**",
            "--out",
            "plan.json",
            "--html",
            "plan.html",
        ];
        self.place.wharf(&arguments).success()
    }

    fn apply(&self, more: &[&str]) -> crate::place::Run {
        let arguments = [&["rebase", "apply", "plan.json", "--as", "ops"], more].concat();
        self.place.wharf(&arguments)
    }

    /// Judges every tag.
    fn judge(&self) {
        judge(&self.store, &self.fleet);
    }
}

pub(crate) fn judge(store: &dyn ImageStore, fleet: &Fleet) {
    for member in &fleet.members {
        for tag in &member.tags {
            if !member.kind.is_rebasable() {
                let stored = store.read_manifest(tag).unwrap().unwrap();
                assert_eq!(stored.digest(), member.digest, "{tag}");
                continue;
            }
            for (at, (architecture, above)) in member.above.iter().enumerate() {
                let wanted = platform("linux", architecture);
                let image = store.find(tag, &wanted).unwrap().unwrap();
                let base = &fleet.new[at];
                assert_eq!(validate(&image), Vec::<String>::new());
                assert_eq!(layers(&image), [layers(base), above.clone()].concat());
            }
        }
    }
}

fn layers(image: &Image) -> Vec<Digest> {
    image.layers().iter().map(|layer| layer.diff_id).collect()
}

#[test]
fn a_harbor_is_planned_from_its_listing_and_rebased_without_a_byte_of_layers() {
    let world = world(1, 22, &Kind::ALL);
    let text = world.plan();
    for line in [
        "Images     22 with 100 tags",
        "  rebase      12",
        "  current     2",
        "  rebuild     6",
        "  foreign     2",
        "Layers     26 mounted, 0 B copied, at most ",
        "at most 2 of 2 base layers are new to it",
    ] {
        assert!(text.contains(line), "{text}");
    }
    // Configs of the run image's two platforms, and of nothing else.
    assert_eq!(world.server.count(harbor::Kind::GetBlob), 2);
    let again = fs::read(world.place.path("plan.json")).unwrap();
    world.plan();
    assert_eq!(fs::read(world.place.path("plan.json")).unwrap(), again);
    world.server.reset_counts();
    let out = world.apply(&["--parallel", "4"]).success();
    assert!(out.ends_with("Done       12 rebased\n"), "{out}");
    world.judge();
    let bytes = world.server.bytes().0;
    assert!(
        bytes < 12 * 4000 + 40_000,
        "{bytes} bytes are more than configs"
    );
    assert_eq!(world.server.violations(), Vec::<String>::new());
    status_report_and_rollback(&world);
}

fn status_report_and_rollback(world: &World) {
    let source = format!("harbor://{}/team-*", world.server.host());
    let run_image = world.fleet.run_image.to_string();
    let status = [
        "rebase",
        "status",
        &source,
        "--run-image",
        &run_image,
        "--metrics",
        "m",
    ];
    // Six images need a rebuild.
    let run = world.place.wharf(&status);
    assert_eq!(run.code, Some(14), "{}", run.err);
    assert!(
        run.out
            .contains("  current     14\n  rebuild     6\n  foreign     2\n"),
        "{}",
        run.out
    );
    let metrics = fs::read_to_string(world.place.path("m")).unwrap();
    assert!(
        metrics.contains("wharf_fleet_images{verdict=\"current\"} 14\n"),
        "{metrics}"
    );
    let report = world
        .place
        .wharf(&["rebase", "report", "plan.json", "--json"])
        .success();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["outcomes"]["rebased"], 12);
    assert_eq!(report["runs"][0]["who"], "ops");
    let back = world
        .place
        .wharf(&["rebase", "rollback", "plan.json"])
        .success();
    assert_eq!(back.matches("has the old image again").count(), 10 + 2 * 40);
    for member in &world.fleet.members {
        let stored = world.store.read_manifest(&member.tags[0]).unwrap().unwrap();
        assert_eq!(stored.digest(), member.digest);
    }
}

#[test]
fn an_image_costs_eight_requests_at_most() {
    let world = world(
        2,
        12,
        &[Kind::Plain, Kind::Docker, Kind::Mixed, Kind::Duplicate],
    );
    world.plan();
    world.server.reset_counts();
    world.apply(&["--parallel", "1"]).success();
    let seen = world.server.seen();
    let of = |name: &str| {
        seen.iter()
            .filter(|seen| seen.target.contains(name))
            .count()
    };
    for at in 0..12 {
        let name = format!("/team-{}/app-{at}/", at % 3);
        // Two reads, a mount, two for the config, the manifest, and reading it back.
        assert_eq!(of(&name), 7, "{name}");
    }
    // What they share: the probe, the run image, and one token for each repository.
    assert!(seen.len() <= 12 * 8 + 8, "{}", seen.len());
}

#[test]
fn killed_at_any_request_it_goes_on_and_does_nothing_twice() {
    let mut points = 0;
    for seed in 0..3 {
        let kinds = [Kind::Plain, Kind::Index, Kind::Docker, Kind::Mixed];
        let total = {
            let world = world(seed, 4, &kinds);
            world.plan();
            world.server.reset_counts();
            world.apply(&["--parallel", "2"]).success();
            world.server.seen().len() as u64
        };
        let world = world(seed, 4, &kinds);
        world.plan();
        let old: BTreeMap<String, Digest> = digests(&world);
        for point in 1..=total {
            kill_at(&world, point);
            points += 1;
            world.server.reset_counts();
            world.apply(&["--parallel", "2"]).success();
            world.judge();
            let lines = fs::read_to_string(world.place.path("plan.json.journal")).unwrap();
            let done = lines
                .lines()
                .filter(|line| line.contains("\"event\":\"done\""));
            assert_eq!(done.count(), 4, "{point}: {lines}");
            reset(&world, &old);
        }
    }
    assert!(points >= 100, "{points} points are too few");
}

fn digests(world: &World) -> BTreeMap<String, Digest> {
    let tags = world.fleet.members.iter().flat_map(|member| &member.tags);
    tags.map(|tag| {
        let stored = world.store.read_manifest(tag).unwrap().unwrap();
        (tag.to_string(), stored.digest())
    })
    .collect()
}

/// Puts every tag back, and forgets the journal.
fn reset(world: &World, old: &BTreeMap<String, Digest>) {
    for (tag, digest) in old {
        let tag: wharf_spec::reference::Reference = tag.parse().unwrap();
        let stored = world.store.read_manifest(&tag.with_digest(*digest));
        let stored = stored.unwrap().unwrap();
        world.store.write_manifest(&stored, &[tag]).unwrap();
    }
    fs::remove_file(world.place.path("plan.json.journal")).unwrap();
}

/// Has the server kill apply when its request number `point` arrives.
fn kill_at(world: &World, point: u64) {
    let process = Arc::new(AtomicI32::new(0));
    let requests = Arc::new(AtomicU64::new(0));
    let (target, count) = (Arc::clone(&process), Arc::clone(&requests));
    world.server.intercept(move |_| {
        if count.fetch_add(1, Ordering::SeqCst) + 1 == point {
            // It does not run before it is known.
            let pid = loop {
                match target.load(Ordering::SeqCst) {
                    0 => std::thread::yield_now(),
                    pid => break pid,
                }
            };
            kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
        }
        None
    });
    let arguments = ["rebase", "apply", "plan.json", "--parallel", "2"];
    let mut child = world
        .place
        .command(&arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    process.store(i32::try_from(child.id()).unwrap(), Ordering::SeqCst);
    child.wait().unwrap();
    world.server.intercept(|_| None);
}

#[test]
fn quotas_immutable_tags_and_moved_tags_fail_one_image_each() {
    let world = world(3, 9, &[Kind::Plain]);
    world.plan();
    world
        .server
        .set_limit("team-1", Some(world.server.used("team-1") + 10));
    world.server.add_immutable_rule("team-2", "app-2", "*");
    let moved = &world.fleet.members[0].tags[0];
    wharf_testkit::fleet::base("9", "amd64").push(&world.store, &[moved]);
    let run = world.apply(&["--json", "--attempts", "1"]);
    assert_eq!(run.code, Some(10), "{}", run.err);
    let lines: Vec<Value> = run
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let outcome = |at: usize| {
        let name = format!("{}/team-{}/app-{at}:latest", world.server.host(), at % 3);
        let line = lines
            .iter()
            .find(|line| line["image"] == name.as_str())
            .unwrap();
        (
            line["outcome"].as_str().unwrap().to_owned(),
            line["detail"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(outcome(0).0, "skipped");
    assert!(outcome(0).1.contains("was moved to sha256:"));
    for at in [1, 4, 7] {
        assert_eq!(outcome(at).0, "failed");
        assert!(
            outcome(at).1.contains("the quota is exceeded"),
            "{:?}",
            outcome(at)
        );
    }
    assert_eq!(outcome(2).0, "failed");
    assert!(
        outcome(2).1.contains("the tag is immutable"),
        "{:?}",
        outcome(2)
    );
    for at in [3, 5, 6, 8] {
        assert_eq!(outcome(at).0, "rebased");
    }
    // With room, and with only what is left.
    world.server.set_limit("team-1", None);
    let run = world.apply(&["--only", "**/team-1/**"]);
    assert!(
        run.out.contains("Done       3 rebased"),
        "{}{}",
        run.out,
        run.err
    );
}

#[test]
fn a_canary_is_looked_at_by_a_command_that_decides() {
    let world = world(4, 4, &[Kind::Plain]);
    world.plan();
    let canary = ["--canary", "1", "--verify-command"];
    let run = world.apply(&[&canary[..], &["false"]].concat());
    assert_eq!(run.code, Some(11), "{}", run.err);
    assert!(
        run.out.ends_with("Done       1 rebased, 3 not begun\n"),
        "{}",
        run.out
    );
    let command = "echo verified >> seen; echo";
    let out = world.apply(&[&canary[..], &[command]].concat()).success();
    assert!(
        out.ends_with("Done       3 rebased, 1 done before\n"),
        "{out}"
    );
    let seen = fs::read_to_string(world.place.path("seen")).unwrap();
    assert_eq!(seen, "verified\n");
    world.judge();
}

#[test]
fn plans_that_cannot_be_trusted_end_before_anything_is_asked() {
    let world = world(5, 2, &[Kind::Plain]);
    world.plan();
    let text = fs::read_to_string(world.place.path("plan.json")).unwrap();
    world.server.reset_counts();
    world
        .place
        .write("plan.json", &text.replacen("latest", "newest", 1));
    let error = world.apply(&[]).failure(1);
    assert!(
        error.contains("the plan was changed after it was made"),
        "{error}"
    );
    world.place.write(
        "plan.json",
        &text.replacen("\"version\": 1", "\"version\": 0", 1),
    );
    let error = world.apply(&[]).failure(1);
    assert!(
        error.contains("make it again with 'wharf rebase plan'"),
        "{error}"
    );
    world.place.write("plan.json", &text);
    world
        .place
        .write("policy.toml", "[[run-images]]\nname = \"other/**\"\n");
    let error = world.apply(&["--policy", "policy.toml"]).failure(1);
    assert!(
        error.contains("failed to use the run image")
            && error.contains("the policy does not allow it"),
        "{error}"
    );
    assert_eq!(world.server.seen().len(), 0);
}

/// An independent client reads what was written.
#[test]
fn a_registry_without_an_api_is_rebased_and_skopeo_reads_every_kind() {
    let registry = RegistryServer::start(&RegistryServerOptions::default()).unwrap();
    let host = registry.host();
    let store = RegistryStore::new(RegistryOptions::default()).unwrap();
    let recipe = FleetRecipe {
        seed: 6,
        images: 11,
        projects: 2,
        host: &host,
        kinds: &Kind::ALL,
    };
    let fleet = recipe.build(&store);
    let place = Place::new();
    let source = format!("registry://{host}/team-*/**");
    let run_image = fleet.run_image.to_string();
    let plan = [
        "rebase",
        "plan",
        &source,
        "--run-image",
        &run_image,
        "--out",
        "plan.json",
    ];
    let out = place.wharf(&plan).success();
    assert!(
        out.contains("  rebase      6\n  current     1\n  rebuild     3\n  foreign     1\n"),
        "{out}"
    );
    // The same from a list.
    let tags = fleet.members.iter().flat_map(|member| &member.tags);
    let list: Vec<String> = tags.map(ToString::to_string).collect();
    place.write("list", &list.join("\n"));
    let from_list = [
        "rebase",
        "plan",
        "file:list",
        "--run-image",
        &run_image,
        "--out",
        "listed.json",
    ];
    place.wharf(&from_list).success();
    assert_eq!(
        fs::read(place.path("plan.json")).unwrap(),
        fs::read(place.path("listed.json")).unwrap()
    );
    place.wharf(&["rebase", "apply", "plan.json"]).success();
    judge(&store, &fleet);
    for member in fleet
        .members
        .iter()
        .filter(|member| member.kind.is_rebasable())
    {
        skopeo_reads(member, &fleet.new[0]);
    }
}

fn skopeo_reads(member: &Member, base: &Image) {
    let output = Command::new("skopeo")
        .args(["inspect", "--tls-verify=false", "--override-arch", "amd64"])
        .arg(format!("docker://{}", member.tags[0]))
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?} {error}", member.kind);
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(read["Labels"]["io.buildpacks.base.released"], "2");
    let found = read["Layers"].as_array().unwrap();
    let base = base.layers().iter();
    let base: Vec<String> = base
        .map(|layer| layer.descriptor.digest.to_string())
        .collect();
    assert_eq!(found[..2], base[..]);
    assert_eq!(found.len(), 2 + member.above[0].1.len());
}

#[test]
fn a_layout_is_planned_and_rebased_where_it_is() {
    let world = world(7, 0, &[Kind::Plain]);
    let store = wharf_layout::LayoutStore::single(world.place.path("images"));
    let host = world.server.host();
    let recipe = FleetRecipe {
        seed: 7,
        images: 1,
        projects: 1,
        host: &host,
        kinds: &[Kind::Plain],
    };
    // In one directory a tag is all that tells images apart; that of the app is `latest`.
    let fleet = recipe.build(&store);
    let run_image = fleet.run_image.to_string();
    let plan = [
        "rebase",
        "plan",
        "oci:images",
        "--run-image",
        &run_image,
        "--tag",
        "latest",
        "--out",
        "plan.json",
    ];
    let out = world.place.wharf(&plan).success();
    assert!(out.contains("  rebase      1\n"), "{out}");
    let out = world.apply(&["--layout", "oci:images"]).success();
    assert!(out.ends_with("Done       1 rebased\n"), "{out}");
    let member = &fleet.members[0];
    let image = store.find(&member.tags[0], &platform("linux", "amd64"));
    let image = image.unwrap().unwrap();
    let expected = [layers(&fleet.new[0]), member.above[0].1.clone()].concat();
    assert_eq!(layers(&image), expected);
    let layout = ["rebase", "rollback", "plan.json", "--layout", "oci:images"];
    world.place.wharf(&layout).success();
    let back = store.read_manifest(&member.tags[0]).unwrap().unwrap();
    assert_eq!(back.digest(), member.digest);
}

#[test]
fn what_refers_to_an_image_is_mentioned_when_it_is_rebased() {
    let world = world(8, 1, &[Kind::Plain]);
    let registry = RegistryServer::start(&RegistryServerOptions::default()).unwrap();
    let anonymous = RegistryStore::new(RegistryOptions::default()).unwrap();
    let recipe = FleetRecipe {
        seed: 8,
        images: 1,
        projects: 1,
        host: &registry.host(),
        kinds: &[Kind::Plain],
    };
    let plain = recipe.build(&anonymous);
    for (store, fleet, has_api) in [
        (&world.store, &world.fleet, true),
        (&anonymous, &plain, false),
    ] {
        let member = &fleet.members[0];
        let image = &member.tags[0];
        let found = store.read_manifest(image).unwrap().unwrap();
        let mut signature: Value = serde_json::from_slice(&found.bytes).unwrap();
        signature["artifactType"] = "application/vnd.example.signature".into();
        signature["subject"] = serde_json::json!({
            "mediaType": found.media_type, "digest": member.digest.to_string(),
            "size": found.bytes.len(),
        });
        let signature = Stored::new(signature.to_string().into_bytes(), &found.media_type);
        let pinned = image.with_digest(signature.digest());
        store.write_manifest(&signature, &[pinned]).unwrap();
        if !has_api {
            let index = serde_json::json!({
                "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
                "manifests": [{
                    "mediaType": signature.media_type, "digest": signature.digest().to_string(),
                    "size": signature.bytes.len(),
                    "artifactType": "application/vnd.example.signature",
                }],
            });
            let tag = format!("{}:sha256-{}", image.name(), member.digest.hex());
            let index = Stored::new(index.to_string().into_bytes(), "");
            store
                .write_manifest(&index, &[tag.parse().unwrap()])
                .unwrap();
        }
        let run_image = fleet.run_image.to_string();
        let image = image.to_string();
        let arguments = ["rebase", &image, "--run-image", &run_image, "--publish"];
        let out = world.place.wharf(&arguments).success();
        let line = format!(
            "{} (application/vnd.example.signature) refers to {} and not to the rebased image\n",
            signature.digest(),
            member.digest
        );
        assert!(out.contains(&line), "{out}");
    }
}
