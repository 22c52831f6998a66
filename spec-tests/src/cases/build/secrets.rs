//! What buildpacks and images do not get to see.
use super::record;
use crate::{
    client::basic,
    flow::Flow,
    image::Image,
    probe::{Probe, Record},
    stage::{Outcome, Stage},
    suite::{
        Case,
        ground::{PASSWORD, USER},
    },
    tests,
};
use std::fs;

tests! {
    buildpacks_do_not_see_credentials: ["B-SEC-001", "B-SEC-002", "B-SEC-003", "B-SEC-005"];
    every_phase_may_have_a_container_of_its_own: ["B-SEC-004"];
    bindings_stay_out_of_the_image: ["BI-BUILD-001"];
}

/// A text that nothing else has.
const SECRET: &str = "3b1d9a7f-not-for-everyone";

/// Whether any byte string of an image has this text: its config, or a file or name in its layers.
fn holds(image: &Image, text: &str) -> bool {
    let has = |bytes: &[u8]| {
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    has(image.config.to_string().as_bytes())
        || (0..image.layers().len()).any(|index| has(&image.archive(index)))
}

/// Whether what an executable was given has this text.
fn was_given(given: &Record, text: &str) -> bool {
    given
        .args
        .iter()
        .chain(given.env.values())
        .any(|value| value.contains(text))
}

fn buildpacks_do_not_see_credentials(case: &Case<'_>) {
    let probe = Probe::new(case, "example/one").build("env > made-by-build.txt");
    let mut flow = Flow::with(case, &[&probe]);
    let repository = case.repository("secret");
    flow.image = case.ground.private.name(&repository);
    let login = basic(USER, PASSWORD);
    let auth = format!("{{\"{}\": \"{login}\"}}", case.ground.private.address());
    flow.stage.set("CNB_REGISTRY_AUTH", &auth);
    case.succeeds("B-SEC-005", &flow.create(&[]));
    let encoded = login.trim_start_matches("Basic ");
    for executable in ["detect", "build"] {
        let given = record(&flow, &probe, executable);
        let leaks = was_given(&given, encoded) || given.var("CNB_REGISTRY_AUTH").is_some();
        case.check("B-SEC-001 B-SEC-002", !leaks, "no credentials", given.env);
    }
    let image = Image::find(&case.ground.private, &flow.image).expect("the image was exported");
    case.equal("B-SEC-003", holds(&image, encoded), false);
}

/// One phase of a build.
type Phase = fn(&Flow<'_>) -> Outcome;

/// Removes what is in the directory for temporary files, as it is with every new container.
fn empty_tmp(stage: &Stage) {
    let tmp = stage.path("tmp");
    fs::remove_dir_all(&tmp).expect("remove temporary files");
    fs::create_dir(&tmp).expect("make the directory again");
}

fn every_phase_may_have_a_container_of_its_own(case: &Case<'_>) {
    let flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    let phases: [Phase; 5] = [
        |flow| flow.analyze(&[]),
        |flow| flow.detect(&[]),
        |flow| flow.restore(&[]),
        |flow| flow.build(&[]),
        |flow| flow.export(&[]),
    ];
    for phase in phases {
        case.succeeds("B-SEC-004", &phase(&flow));
        empty_tmp(&flow.stage);
    }
    case.check(
        "B-SEC-004",
        case.find(&flow.image).is_some(),
        "an image",
        &flow.image,
    );
}

fn bindings_stay_out_of_the_image(case: &Case<'_>) {
    let read_it = "cat \"$PLATFORM_DIR/bindings/database/secret/password\" > \"$R/password\"";
    let probe = Probe::new(case, "example/one")
        .detect(read_it)
        .build(read_it);
    let flow = Flow::with(case, &[&probe]);
    for (file, text) in [
        ("metadata/kind", "database"),
        ("metadata/provider", "example"),
        ("secret/password", SECRET),
    ] {
        flow.stage
            .write(&format!("platform/bindings/database/{file}"), text);
    }
    let image = flow.whole();
    for executable in ["detect", "build"] {
        let seen = flow
            .stage
            .path(&format!("record/{executable}/example_one/password"));
        assert_eq!(
            crate::read(&seen),
            SECRET,
            "bin/{executable} cannot read a binding"
        );
    }
    case.equal("BI-BUILD-001", holds(&image, SECRET), false);
}
