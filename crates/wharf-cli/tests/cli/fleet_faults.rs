//! A fleet on a registry that fails, goes away, or has lost something.
use crate::{fleet::judge, place::Place};
use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};
use wharf_registry::{RegistryOptions, RegistryStore};
use wharf_testkit::{
    Fault, FaultPlan, FaultProxy, RegistryServer, RegistryServerOptions,
    fleet::{Fleet, FleetRecipe, Kind},
};

/// A fleet at `host`, and a plan for it.
fn planned(place: &Place, store: &RegistryStore, host: &str, images: usize) -> Fleet {
    let recipe = FleetRecipe {
        seed: 9,
        images,
        projects: 2,
        host,
        kinds: &[Kind::Plain, Kind::Docker, Kind::ManyTags],
    };
    let fleet = recipe.build(store);
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
    place.wharf(&plan).success();
    fleet
}

#[test]
fn every_twentieth_request_may_fail() {
    let registry = RegistryServer::start(&RegistryServerOptions::default()).unwrap();
    let failing = Arc::new(AtomicBool::new(false));
    let fails = Arc::clone(&failing);
    let plan = FaultPlan::scripted(move |asked| {
        let mut hash = DefaultHasher::new();
        (asked.identity, asked.earlier).hash(&mut hash);
        let draw = hash.finish();
        let is_hit = fails.load(Ordering::Relaxed) && draw.is_multiple_of(20);
        let fault = match draw / 20 % 4 {
            0 => Fault::Refused(503),
            1 => Fault::ResetBeforeAnswer,
            2 => Fault::Truncated,
            _ => Fault::RateLimited(0),
        };
        is_hit.then_some(fault)
    });
    let proxy = FaultProxy::start(registry.port(), plan).unwrap();
    let store = RegistryStore::new(RegistryOptions::default()).unwrap();
    let place = Place::new();
    let fleet = planned(&place, &store, &proxy.host(), 24);
    failing.store(true, Ordering::Relaxed);
    place.wharf(&["rebase", "apply", "plan.json"]).success();
    failing.store(false, Ordering::Relaxed);
    assert!(proxy.take().faults().values().sum::<usize>() > 3);
    judge(&store, &fleet);
}

#[test]
fn a_registry_that_restarts_in_the_middle_is_waited_for() {
    let data = tempfile::tempdir().unwrap();
    let options = |port| RegistryServerOptions {
        data: Some(data.path().to_owned()),
        port,
        ..RegistryServerOptions::default()
    };
    let registry = RegistryServer::start(&options(None)).unwrap();
    let (host, port) = (registry.host(), registry.port());
    let store = RegistryStore::new(RegistryOptions::default()).unwrap();
    let place = Place::new();
    let fleet = planned(&place, &store, &host, 12);
    // Between the canary and the others the registry is ended, and comes back while they are under way.
    let (middle, gone) = (place.path("middle"), place.path("gone"));
    let applied = thread::scope(|scope| {
        let restarted = scope.spawn(|| {
            wait_for(&middle);
            drop(registry);
            fs::write(&gone, "").unwrap();
            thread::sleep(Duration::from_millis(300));
            RegistryServer::start(&options(Some(port))).unwrap()
        });
        let verify = "touch middle; while [ ! -e gone ]; do sleep 0.02; done; true";
        let apply = [
            "rebase",
            "apply",
            "plan.json",
            "--canary",
            "1",
            "--verify-command",
            verify,
        ];
        let applied = place.wharf(&apply);
        (applied, restarted.join().unwrap())
    });
    applied.0.success();
    judge(&store, &fleet);
}

fn wait_for(path: &Path) {
    while !path.exists() {
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_tag_whose_manifest_is_lost_is_said_and_the_others_are_rebased() {
    let data = tempfile::tempdir().unwrap();
    let registry = RegistryServer::start(&RegistryServerOptions {
        data: Some(data.path().to_owned()),
        ..RegistryServerOptions::default()
    });
    let registry = registry.unwrap();
    let store = RegistryStore::new(RegistryOptions::default()).unwrap();
    let place = Place::new();
    let fleet = planned(&place, &store, &registry.host(), 4);
    let lost = &fleet.members[0].tags[0];
    let repository = data
        .path()
        .join("docker/registry/v2/repositories")
        .join(lost.repository());
    fs::remove_dir_all(repository.join("_manifests/revisions")).unwrap();
    let run_image = fleet.run_image.to_string();
    let source = format!("registry://{}/team-*/**", registry.host());
    let plan = [
        "rebase",
        "plan",
        &source,
        "--run-image",
        &run_image,
        "--out",
        "again.json",
    ];
    let out = place.wharf(&plan).success();
    assert!(out.contains("unreadable  "), "{out}");
    let text = fs::read_to_string(place.path("again.json")).unwrap();
    assert!(text.contains(&lost.name()), "{text}");
    // The plan from before is told what became of it.
    let applied = place.wharf(&["rebase", "apply", "plan.json"]);
    assert_ne!(applied.code, Some(0), "{}", applied.out);
    assert!(applied.out.contains("rebased"), "{}", applied.out);
}
