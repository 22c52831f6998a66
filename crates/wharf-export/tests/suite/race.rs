//! Two builds on one tag.
use crate::common::{Stage, reference};
use std::sync::Once;
use wharf_export::{ExportError, Exported, Handoff, export};
use wharf_image::{ImageStore as _, TagRace};
use wharf_spec::{
    api::PlatformApi,
    digest::Digest,
    files::{analyzed::ImageIdentifier, report::MovedTag},
    log::{Level, Log},
};
use wharf_testkit::{ImageRecipe, RecordingLog};

const TAG: &str = "r.example/app";

fn stage() -> Stage {
    let run_image = ImageRecipe::new().layer(&[("etc/base", b"base", 0o644)]);
    let stage = Stage::new(PlatformApi::LATEST, &run_image);
    stage.write("workspace/main", "app", 0o644);
    stage
}

/// Somebody else's image under the tag.
fn write_other(stage: &Stage) -> Digest {
    let other = ImageRecipe::new().layer(&[("app", b"other", 0o644)]);
    other.push(&stage.store, &[&reference(TAG)]);
    held(stage)
}

fn held(stage: &Stage) -> Digest {
    let held = stage.store.resolve(&reference(TAG)).unwrap();
    held.unwrap()
}

fn moved(before: Option<Digest>, now: Digest) -> Vec<MovedTag> {
    vec![MovedTag {
        tag: reference(TAG).to_string(),
        before: before.map_or_else(String::new, |digest| digest.to_string()),
        now: now.to_string(),
    }]
}

/// A stage whose analysis is of `before`, and the image that somebody else wrote since.
fn overtaken() -> (Stage, Digest, Digest) {
    let mut stage = stage();
    let before = stage.export(&RecordingLog::new()).unwrap().digest;
    stage.analyze_again();
    stage.write("workspace/main", "changed", 0o644);
    let other = write_other(&stage);
    (stage, before, other)
}

#[test]
fn a_tag_that_was_moved_since_the_analysis_is_written_and_said() {
    let (stage, before, other) = overtaken();
    let log = RecordingLog::new();
    let exported = stage.export(&log).unwrap();
    assert_eq!(held(&stage), exported.digest);
    assert_eq!(exported.report.image.moved, moved(Some(before), other));
    assert_eq!(
        log.lines(Level::Warn),
        [format!(
            "'{}' held {before} when this began and holds {other} now: another build wrote it meanwhile, and {} \
             replaces its image; WHARF_TAG_RACE=fail leaves such tags alone",
            reference(TAG),
            exported.digest
        )]
    );
}

#[test]
fn a_tag_that_was_moved_is_left_alone_when_that_is_wanted() {
    let (mut stage, before, other) = overtaken();
    stage.inputs.tag_race = TagRace::Fail;
    let error = stage.export(&RecordingLog::new()).unwrap_err();
    let ExportError::TagMoved { written, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(
        error.to_string(),
        format!(
            "save image {written}: '{}' held {before} when this began and holds {other} now; another build wrote it \
             meanwhile, and nothing was replaced: build again, or without WHARF_TAG_RACE=fail",
            reference(TAG)
        )
    );
    assert_eq!(held(&stage), other);
}

/// Moves the tag when the first layer is announced.
struct Meddling<'a> {
    stage: &'a Stage,
    once: Once,
}

impl Log for Meddling<'_> {
    fn line(&self, _level: Level, message: &str) {
        if message.starts_with("Adding") {
            self.once.call_once(|| {
                write_other(self.stage);
            });
        }
    }
}

fn export_while_another_writes(stage: &Stage) -> Result<Exported, ExportError> {
    let handoff = Handoff {
        analyzed: &stage.analyzed,
        group: &stage.group,
        build_metadata: &stage.build_metadata,
    };
    let log = Meddling {
        stage,
        once: Once::new(),
    };
    export(&stage.inputs, &handoff, (&stage.store, None), &log)
}

#[test]
fn a_tag_that_is_moved_while_layers_are_made_is_noticed() {
    for tag_race in [TagRace::Warn, TagRace::Fail, TagRace::Off] {
        let mut stage = stage();
        let before = stage.export(&RecordingLog::new()).unwrap().digest;
        stage.analyze_again();
        stage.write("workspace/main", "changed", 0o644);
        stage.inputs.tag_race = tag_race;
        let exported = export_while_another_writes(&stage);
        match (tag_race, exported) {
            (TagRace::Warn, Ok(exported)) => {
                let [seen] = exported.report.image.moved.as_slice() else {
                    panic!("{:?}", exported.report);
                };
                assert_eq!(seen.before, before.to_string());
                assert_eq!(held(&stage), exported.digest);
            }
            (TagRace::Fail, Err(ExportError::TagMoved { moved, .. })) => {
                assert_eq!(moved[0].before, Some(before));
                assert_eq!(moved[0].now, Some(held(&stage)));
            }
            (TagRace::Off, Ok(exported)) => assert_eq!(exported.report.image.moved, []),
            (_, other) => panic!("{tag_race:?}: {other:?}"),
        }
    }
}

#[test]
fn of_two_first_builds_the_second_is_told() {
    let mut stage = stage();
    // What the analyzer writes when it finds nothing.
    stage.analyzed.previous_image = Some(ImageIdentifier::default());
    let other = write_other(&stage);
    let exported = stage.export(&RecordingLog::new()).unwrap();
    assert_eq!(exported.report.image.moved, moved(None, other));
}

#[test]
fn the_same_image_by_another_build_is_no_loss() {
    let mut stage = stage();
    stage.analyzed.previous_image = Some(ImageIdentifier::default());
    let first = stage.export(&RecordingLog::new()).unwrap();
    let second = stage.export(&RecordingLog::new()).unwrap();
    assert_eq!(first.digest, second.digest);
    assert_eq!(second.report.image.moved, []);
}

#[test]
fn a_previous_image_of_another_name_says_nothing_of_the_tag() {
    let (mut stage, ..) = overtaken();
    if let Some(previous) = &mut stage.analyzed.previous_image {
        previous.image = "r.example/app:before".to_owned();
    }
    let exported = stage.export(&RecordingLog::new()).unwrap();
    assert_eq!(exported.report.image.moved, []);
}
