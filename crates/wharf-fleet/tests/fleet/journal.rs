//! Journals.
use crate::support::{quick, state, world};
use std::{
    fs::{self, OpenOptions},
    io::Write,
    thread,
};
use tempfile::TempDir;
use wharf_fleet::{
    Journal,
    journal::{Event, JournalError, Line, Shard},
};
use wharf_testkit::fleet::Kind;

fn done(image: &str) -> Line {
    Line {
        at: "2026-01-31T12:00:00Z".into(),
        event: Event::Done {
            image: image.into(),
            new: "sha256:a".into(),
            tags: vec!["v1".into()],
        },
    }
}

fn began(plan: &str) -> Line {
    Line {
        at: "2026-01-31T11:00:00Z".into(),
        event: Event::Began {
            plan: plan.into(),
            what: "apply".into(),
            who: "somebody".into(),
            shard: "1/1".into(),
        },
    }
}

#[test]
fn a_journal_cut_at_any_byte_is_taken_up() {
    let dir = TempDir::new().unwrap();
    let stem = dir.path().join("journal");
    let (journal, _) = Journal::open(&stem, Shard::WHOLE, "p").unwrap();
    journal.append(&began("p")).unwrap();
    for image in ["r/a@1", "r/b@2", "r/c@3"] {
        journal.append(&done(image)).unwrap();
    }
    drop(journal);
    let whole = fs::read(&stem).unwrap();
    for cut in 0..=whole.len() {
        fs::write(&stem, &whole[..cut]).unwrap();
        let lines = String::from_utf8_lossy(&whole[..cut]).matches('\n').count();
        assert_eq!(state(&stem, "p").images.len(), lines.saturating_sub(1));
        let (journal, before) = Journal::open(&stem, Shard::WHOLE, "p").unwrap();
        assert_eq!(before.images.len(), lines.saturating_sub(1));
        journal.append(&done("r/new@9")).unwrap();
        drop(journal);
        assert!(state(&stem, "p").images.contains_key("r/new@9"), "{cut}");
    }
}

#[test]
fn a_damaged_line_in_the_middle_and_another_plan_are_errors() {
    let dir = TempDir::new().unwrap();
    let stem = dir.path().join("journal");
    let (journal, _) = Journal::open(&stem, Shard::WHOLE, "p").unwrap();
    journal.append(&began("p")).unwrap();
    drop(journal);
    let error = Journal::open(&stem, Shard::WHOLE, "q").unwrap_err();
    assert!(matches!(error, JournalError::OtherPlan { .. }), "{error}");
    let mut file = OpenOptions::new().append(true).open(&stem).unwrap();
    file.write_all(b"{\"at\":\"x\"\n").unwrap();
    drop(file);
    let (journal, number) = match Journal::open(&stem, Shard::WHOLE, "p") {
        Err(JournalError::Damaged { line, .. }) => ((), line),
        other => panic!("{other:?}"),
    };
    assert_eq!((journal, number), ((), 2));
}

#[test]
fn threads_share_a_sync_and_lose_no_line() {
    let dir = TempDir::new().unwrap();
    let stem = dir.path().join("journal");
    let (journal, _) = Journal::open(&stem, Shard::WHOLE, "p").unwrap();
    thread::scope(|scope| {
        for thread in 0..8 {
            let journal = &journal;
            scope.spawn(move || {
                for at in 0..20 {
                    journal
                        .append(&done(&format!("r/{thread}-{at}@1")))
                        .unwrap();
                }
            });
        }
    });
    assert_eq!(state(&stem, "p").images.len(), 160);
}

#[test]
fn a_lost_end_of_the_journal_repeats_no_write() {
    let world = world(1, 8, &[Kind::Plain, Kind::ManyTags]);
    world.apply(&quick());
    let tags = world.tags();
    let text = fs::read_to_string(world.stem()).unwrap();
    // What was announced stays; that it was done is lost.
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("\"event\":\"done\""))
        .collect();
    fs::write(world.stem(), lines.join("\n") + "\n").unwrap();
    world.store.reset_counts();
    let applied = world.apply(&quick());
    assert_eq!(applied.count("rebased"), 8);
    assert_eq!(world.store.counts().image_writes, 0);
    assert_eq!(world.tags(), tags);
}
