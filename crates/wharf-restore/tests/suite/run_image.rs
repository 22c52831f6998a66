//! The run image, looked at again.
use crate::common::Stage;
use std::error::Error;
use wharf_image::{Access, ImageStore};
use wharf_restore::{RestoreError, Restored, Sources, restore};
use wharf_spec::{
    api::{BaseContract, PlatformApi},
    files::{
        analyzed::RunImage,
        parse,
        run::{RunImageMetadata, RunImages},
    },
    reference::Reference,
};
use wharf_testkit::{ImageRecipe, MemoryStore, RecordingLog, image_recipe::platform};

fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

/// A stage whose run image is listed in `run.toml` with a mirror, and a store with both.
fn stage(api: PlatformApi) -> (Stage, MemoryStore) {
    let mut stage = Stage::new(api);
    let store = MemoryStore::new();
    let recipe = ImageRecipe::new().layer(&[("/etc/os", b"os", 0o644)]);
    let image = recipe.push(&store, &[&reference("r.example/run:1")]);
    recipe.push(&store, &[&reference("m.example/run:1")]);
    stage.analyzed.run_image = Some(RunImage {
        reference: format!("r.example/run@{}", image.digest()),
        image: "r.example/run:1".into(),
        target: Some(image.target()),
        ..RunImage::default()
    });
    stage.inputs.run_images = RunImages {
        images: vec![RunImageMetadata {
            image: "r.example/run:1".into(),
            mirrors: vec!["m.example/run:1".into()],
        }],
    };
    (stage, store)
}

fn run((stage, store): &(Stage, MemoryStore)) -> Result<Restored, RestoreError> {
    let sources = Sources {
        cache: None,
        store: Some(store),
    };
    let log = RecordingLog::new();
    restore(&stage.inputs, &stage.analyzed, &stage.group, sources, &log)
}

fn new_run_image(restored: Restored) -> Option<RunImage> {
    restored.analyzed.and_then(|analyzed| analyzed.run_image)
}

#[test]
fn a_run_image_that_is_still_there_changes_nothing() {
    for api in PlatformApi::ALL {
        let both = stage(api);
        both.1.reset_counts();
        assert_eq!(run(&both).unwrap().analyzed, None);
        let looks = both.1.counts().finds == 1;
        assert_eq!(looks, api.features().restore_resolves_mirrors, "{api}");
    }
}

#[test]
fn a_mirror_takes_the_place_of_a_run_image_that_cannot_be_read_any_more() {
    for api in PlatformApi::ALL {
        let both = stage(api);
        both.1.deny(&reference("r.example/run:1"), Access::Read);
        let before = both.0.analyzed.run_image.clone().unwrap();
        let after = new_run_image(run(&both).unwrap());
        let expected = api.features().restore_resolves_mirrors.then(|| RunImage {
            reference: before.reference.replace("r.example", "m.example"),
            ..before
        });
        assert_eq!(after, expected, "{api}");
    }
}

#[test]
fn a_run_image_that_nobody_has_is_named() {
    let both = stage(PlatformApi::LATEST);
    both.1.deny(&reference("r.example/run:1"), Access::Read);
    both.1.deny(&reference("m.example/run:1"), Access::Read);
    let error = run(&both).unwrap_err();
    assert_eq!(
        error.to_string(),
        "read run image: selected run image 'r.example/run:1' is not accessible"
    );
    let mut unlisted = both;
    unlisted.0.inputs.run_images = parse("").unwrap();
    assert_eq!(run(&unlisted).unwrap().analyzed, None);
    unlisted.0.analyzed.run_image.as_mut().unwrap().target = None;
    let error = run(&unlisted).unwrap_err();
    assert_eq!(error.to_string(), "read run image");
    assert!(
        error
            .source()
            .unwrap()
            .to_string()
            .contains("r.example/run")
    );
}

#[test]
fn a_missing_reference_or_target_is_filled_in_where_targets_exist() {
    for api in PlatformApi::ALL {
        let mut both = stage(api);
        let complete = both.0.analyzed.run_image.clone().unwrap();
        let run_image = both.0.analyzed.run_image.as_mut().unwrap();
        run_image.reference.clear();
        run_image.target = None;
        both.0.inputs.run_images = parse("").unwrap();
        let after = new_run_image(run(&both).unwrap());
        let is_target = api.features().base_contract == BaseContract::Target;
        assert_eq!(after, is_target.then_some(complete), "{api}");
    }
    let store = MemoryStore::new();
    assert!(
        store
            .find(&reference("r.example/run:1"), &platform("linux", "amd64"))
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_tag_becomes_a_digest_where_mirrors_are_resolved_listed_or_not() {
    for api in PlatformApi::ALL {
        for is_listed in [true, false] {
            let mut both = stage(api);
            let complete = both.0.analyzed.run_image.clone().unwrap();
            let run_image = both.0.analyzed.run_image.as_mut().unwrap();
            run_image.reference = "r.example/run:1".into();
            if !is_listed {
                both.0.inputs.run_images = parse("").unwrap();
            }
            let after = new_run_image(run(&both).unwrap());
            let resolves = api.features().restore_resolves_mirrors;
            assert_eq!(after, resolves.then_some(complete), "{api}");
        }
    }
}
