//! Applies and rollbacks.
use crate::support::{quick, world};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use wharf_fleet::{
    ApplyOptions, Journal, Pattern,
    apply::{Canary, End, NoVerifier, Verifier},
    clock::FixedClock,
    journal::Shard,
    metrics, report,
    rollback::{RollbackMeans, RollbackOptions, TagOutcome, rollback},
};
use wharf_image::{ImageStore, Stored};
use wharf_testkit::fleet::Kind;

#[test]
fn does_what_the_plan_says_and_nothing_else_and_moves_no_bytes() {
    for seed in 0..4 {
        let world = world(seed, 33, &Kind::ALL);
        world.store.reset_counts();
        let applied = world.apply(&quick());
        assert_eq!(applied.end, End::Complete);
        assert_eq!(applied.counts, BTreeMap::from([("rebased", 18)]));
        world.judge();
        let counts = world.store.counts();
        assert_eq!((counts.uploads, counts.blob_reads), (0, 0));
        // Once more does nothing, and asks nothing.
        world.store.reset_counts();
        let again = world.apply(&quick());
        assert_eq!(again.counts, BTreeMap::from([("done before", 18)]));
        assert_eq!(
            world.store.counts(),
            wharf_testkit::memory_store::Counts::default()
        );
    }
}

#[test]
fn a_dry_run_writes_nothing() {
    let world = world(1, 6, &[Kind::Plain, Kind::Mixed]);
    let before = world.tags();
    let applied = world.apply(&ApplyOptions {
        dry_run: true,
        ..quick()
    });
    assert_eq!(applied.counts, BTreeMap::from([("would be rebased", 6)]));
    assert_eq!(world.tags(), before);
    assert!(world.state().images.is_empty());
}

#[test]
fn a_tag_that_was_moved_since_is_skipped_and_said() {
    let world = world(2, 3, &[Kind::Plain]);
    let moved = &world.fleet.members[1].tags[0];
    let pushed = wharf_testkit::fleet::base("9", "amd64").push(&world.store, &[moved]);
    let applied = world.apply(&quick());
    assert_eq!(
        applied.counts,
        BTreeMap::from([("rebased", 2), ("skipped", 1)])
    );
    let now = world.store.read_manifest(moved).unwrap().unwrap();
    assert_eq!(now, Stored::of_image(&pushed));
    let report = report::report(&world.plan, &world.state());
    let line = report.images.iter().find(|line| line.outcome == "skipped");
    let why = format!(
        "tag latest was moved to {} since the plan was made",
        pushed.digest()
    );
    assert_eq!(line.unwrap().why, why);
    let text = metrics::of_report(&report);
    assert!(
        text.contains("wharf_fleet_outcomes{outcome=\"rebased\"} 2\n"),
        "{text}"
    );
}

#[test]
fn only_what_is_meant_and_each_part_once() {
    let world = world(3, 24, &[Kind::Plain]);
    let only = ApplyOptions {
        only: vec![Pattern::new("**/app-7")],
        ..quick()
    };
    assert_eq!(world.apply(&only).counts, BTreeMap::from([("rebased", 1)]));
    let mut all = 0;
    for number in 1..=3 {
        let part = ApplyOptions {
            shard: Shard { number, of: 3 },
            ..quick()
        };
        let applied = world.apply(&part);
        all += applied.count("rebased") + applied.count("done before");
        assert!(applied.count("rebased") > 0);
    }
    assert_eq!(all, 24);
    world.judge();
}

#[test]
fn two_at_once_are_refused_but_parts_of_one_number_are_not() {
    let world = world(4, 2, &[Kind::Plain]);
    let open = |number, of| Journal::open(&world.stem(), Shard { number, of }, &world.plan.digest);
    let (whole, _) = open(1, 1).unwrap();
    assert!(open(1, 1).is_err());
    assert!(open(1, 2).is_err());
    drop(whole);
    let (first, _) = open(1, 2).unwrap();
    let (second, _) = open(2, 2).unwrap();
    assert!(open(1, 2).is_err());
    assert!(open(1, 1).is_err());
    assert!(open(1, 3).is_err());
    drop((first, second));
    assert!(open(1, 3).is_ok());
}

struct Judge(Mutex<Vec<String>>, bool);

impl Verifier for Judge {
    fn verify(&self, reference: &str) -> Result<(), String> {
        self.0.lock().unwrap().push(reference.to_owned());
        if self.1 {
            Ok(())
        } else {
            Err("it does not start".into())
        }
    }
}

#[test]
fn a_refused_canary_leaves_the_others_alone_and_an_accepted_one_is_not_asked_again() {
    let world = world(5, 6, &[Kind::Plain]);
    let options = ApplyOptions {
        canary: Some(Canary::First(2)),
        ..quick()
    };
    let refuses = Judge(Mutex::default(), false);
    let applied = world.apply_with(&world.store, &options, &refuses);
    assert_eq!(applied.end, End::CanaryRejected);
    assert_eq!(
        applied.counts,
        BTreeMap::from([("rebased", 2), ("not begun", 4)])
    );
    assert_eq!(refuses.0.lock().unwrap().len(), 1);
    let accepts = Judge(Mutex::default(), true);
    let applied = world.apply_with(&world.store, &options, &accepts);
    assert_eq!(applied.end, End::Complete);
    assert_eq!(
        applied.counts,
        BTreeMap::from([("done before", 2), ("rebased", 4)])
    );
    assert_eq!(accepts.0.lock().unwrap().len(), 2);
    world.apply_with(&world.store, &options, &accepts);
    assert_eq!(accepts.0.lock().unwrap().len(), 2);
}

#[test]
fn what_was_replaced_stays_in_reach_and_comes_back() {
    let world = world(6, 22, &Kind::ALL);
    let before = world.tags();
    let applied = world.apply(&ApplyOptions {
        keep_tag: Some("pre-rebase-2026-01-31".into()),
        ..quick()
    });
    assert_eq!(applied.count("rebased"), 12);
    for member in world
        .fleet
        .members
        .iter()
        .filter(|member| member.kind.is_rebasable())
    {
        let kept = format!("{}:pre-rebase-2026-01-31", member.tags[0].name());
        let kept = world
            .store
            .read_manifest(&kept.parse().unwrap())
            .unwrap()
            .unwrap();
        assert_eq!(kept.digest(), member.digest);
    }
    // Somebody pushes meanwhile; that stays.
    let moved = &world.fleet.members[0].tags[0];
    let pushed = wharf_testkit::fleet::base("9", "amd64").push(&world.store, &[moved]);
    let outcomes = roll_back(&world);
    let mut expected = before.clone();
    expected.insert(moved.to_string(), pushed.digest());
    assert_eq!(world.tags(), expected);
    let count = |wanted: &TagOutcome| {
        outcomes
            .values()
            .filter(|outcome| *outcome == wanted)
            .count()
    };
    assert_eq!(count(&TagOutcome::Back), 10 + 2 * 40 - 1);
    let why = format!("it was moved to {} since", pushed.digest());
    assert_eq!(outcomes[&moved.to_string()], TagOutcome::Moved(why));
    // And once more finds nothing to do.
    let again = roll_back(&world);
    assert!(!again.values().any(|outcome| *outcome == TagOutcome::Back));
    let report = report::report(&world.plan, &world.state());
    assert_eq!(report.outcomes["rolled-back"], 11);
    assert_eq!(report.runs.len(), 3);
    assert_eq!(report.runs[0].who, "somebody");
}

fn roll_back(world: &crate::support::World) -> BTreeMap<String, TagOutcome> {
    let (journal, state) = Journal::open(&world.stem(), Shard::WHOLE, &world.plan.digest).unwrap();
    let means = RollbackMeans {
        store: &world.store,
        before: &state,
        journal: Some(&journal),
        clock: &FixedClock("2026-01-31T13:00:00Z".into()),
        interrupted: &AtomicBool::new(false),
    };
    let mut outcomes = BTreeMap::new();
    let options = RollbackOptions::default();
    rollback(&world.plan.digest, &options, means, &mut |tag, outcome| {
        outcomes.insert(tag.to_owned(), outcome.clone());
    })
    .unwrap();
    outcomes
}

#[test]
fn the_end_can_be_asked_for() {
    let world = world(7, 4, &[Kind::Plain]);
    let (journal, before) = Journal::open(&world.stem(), Shard::WHOLE, &world.plan.digest).unwrap();
    let means = wharf_fleet::apply::Means {
        store: &world.store,
        base: &world.base,
        before: &before,
        journal: Some(&journal),
        clock: &FixedClock(String::new()),
        verifier: &NoVerifier,
        progress: &wharf_fleet::apply::Silent,
        interrupted: &AtomicBool::new(true),
    };
    let applied = wharf_fleet::apply(&world.plan, &quick(), means).unwrap();
    assert_eq!(applied.end, End::Interrupted);
    assert_eq!(applied.counts, BTreeMap::from([("not begun", 4)]));
}

/// Goes back thirty years, forward ten, and stands still, time and again.
#[derive(Debug, Default)]
struct JumpingClock(AtomicUsize);

impl wharf_fleet::Clock for JumpingClock {
    fn now(&self) -> String {
        let times = [
            "2026-01-31T12:00:00Z",
            "1996-01-31T12:00:00Z",
            "2036-01-31T12:00:00Z",
            "2036-01-31T12:00:00Z",
        ];
        times[self.0.fetch_add(1, Ordering::Relaxed) % times.len()].to_owned()
    }
}

/// What was done is told by the journal's order, not by its times.
#[test]
fn a_clock_that_jumps_changes_nothing_but_the_times_in_the_report() {
    let world = world(8, 12, &[Kind::Plain, Kind::Docker, Kind::Index]);
    let clock = JumpingClock::default();
    let apply = |interrupted: bool| {
        let (journal, before) =
            Journal::open(&world.stem(), Shard::WHOLE, &world.plan.digest).unwrap();
        let means = wharf_fleet::apply::Means {
            store: &world.store,
            base: &world.base,
            before: &before,
            journal: Some(&journal),
            clock: &clock,
            verifier: &NoVerifier,
            progress: &wharf_fleet::apply::Silent,
            interrupted: &AtomicBool::new(interrupted),
        };
        wharf_fleet::apply(&world.plan, &quick(), means).unwrap()
    };
    assert_eq!(apply(true).end, End::Interrupted);
    assert_eq!(apply(false).count("rebased"), 12);
    world.judge();
    assert_eq!(apply(false).count("done before"), 12);
    let report = report::report(&world.plan, &world.state());
    assert_eq!(report.outcomes["rebased"], 12);
    let back = roll_back(&world);
    assert!(back.values().all(|outcome| *outcome == TagOutcome::Back));
}
