//! Launch layers on the next build: taken from the previous image, replaced, or gone.
use super::{described, flow, has_sbom, layer, next, recorded, sbom_text, sha};
use crate::{image::Image, suite::Case, tests};

tests! {
    metadata_without_a_directory_reuse_the_layer: [
        "B-LAYER-026", "B-LAYER-027", "B-LAYER-028", "B-EXPORT-005",
    ] .each_of_both();
    a_directory_replaces_the_layer: ["B-LAYER-029", "B-LAYER-030", "B-LAYER-031"] .each_of_both();
    layers_that_are_not_for_launch_any_more_are_gone: ["B-LAYER-032"];
    a_layer_of_another_previous_image_is_taken_over: ["B-EXPORT-004", "B-EXPORT-005"];
    nothing_to_reuse_fails: ["B-EXPORT-006"];
    layers_may_stay_for_the_next_local_build: ["B-EXPORT-012"];
}

/// Asserts what the image's SBOM layer says of layers, where the Platform API has one.
#[track_caller]
fn expect_sbom(case: &Case<'_>, ids: &str, image: &Image, content: &str, other: &str) {
    if !has_sbom(case) {
        return;
    }
    let label = image.json_label("io.buildpacks.lifecycle.metadata");
    let sha = label["sbom"]["sha"].as_str();
    let entries = image.layer(sha.expect("the label names the SBOM layer"));
    let has = |content: &str| {
        let text = sbom_text(content);
        entries.iter().any(|entry| entry.content == text.as_bytes())
    };
    case.equal(ids, (has(content), has(other)), (true, false));
}

fn metadata_without_a_directory_reuse_the_layer(case: &Case<'_>) {
    let flow = flow(case, &layer("lib", "l", "first"));
    let first = flow.whole();
    let client = case.ground.registry.client();
    let blob = blob_of(&first, "lib");
    next(case, &flow, &described("lib", "l", "second"));
    let second = flow.whole();
    case.equal(
        "B-LAYER-026 B-EXPORT-005",
        (sha(&second, "lib"), blob_of(&second, "lib")),
        (sha(&first, "lib"), blob.clone()),
    );
    let repository = flow.image.split_once('/').map_or("", |(_, name)| name);
    case.equal(
        "B-LAYER-026",
        crate::image::digest(&client.blob(repository, &blob)),
        blob,
    );
    case.equal(
        "B-LAYER-027",
        &recorded(&second, "lib")["data"]["says"],
        "second",
    );
    expect_sbom(case, "B-LAYER-028", &second, "second", "first");
}

/// Digest of the compressed bytes of a layer.
fn blob_of(image: &Image, name: &str) -> String {
    let sha = sha(image, name);
    let index = image.diff_ids().iter().position(|id| *id == sha);
    let index = index.expect("the layer is one of the image");
    image.layers()[index].0.clone()
}

fn a_directory_replaces_the_layer(case: &Case<'_>) {
    let flow = flow(case, &layer("lib", "l", "first"));
    let first = flow.whole();
    next(case, &flow, &layer("lib", "l", "second"));
    let second = flow.whole();
    case.differ("B-LAYER-029", sha(&second, "lib"), sha(&first, "lib"));
    let entries = second.layer(&sha(&second, "lib"));
    let contents = entries.iter().map(|entry| entry.content.as_slice());
    case.equal(
        "B-LAYER-029",
        contents
            .filter(|content| !content.is_empty())
            .collect::<Vec<_>>(),
        [b"second"],
    );
    let old = second.diff_ids().contains(&sha(&first, "lib"));
    case.equal("B-LAYER-029", old, false);
    case.equal(
        "B-LAYER-030",
        &recorded(&second, "lib")["data"]["says"],
        "second",
    );
    expect_sbom(case, "B-LAYER-031", &second, "second", "first");
}

fn layers_that_are_not_for_launch_any_more_are_gone(case: &Case<'_>) {
    let names = ["deleted", "untouched", "built"];
    let script: String = names.map(|name| layer(name, "l", name)).concat();
    let flow = flow(case, &script);
    let first = flow.whole();
    let script = "rm -f \"$LAYERS/deleted.toml\"\n".to_owned() + &layer("built", "b", "built");
    next(case, &flow, &script);
    let second = flow.whole();
    for name in names {
        let sha = sha(&first, name);
        let seen = (recorded(&second, name), second.diff_ids().contains(&sha));
        case.equal("B-LAYER-032", seen, (serde_json::Value::Null, false));
    }
}

fn a_layer_of_another_previous_image_is_taken_over(case: &Case<'_>) {
    let mut flow = flow(case, &layer("lib", "l", "first"));
    let first = flow.whole();
    let previous = std::mem::replace(&mut flow.image, case.reference("other"));
    next(case, &flow, &described("lib", "l", "second"));
    flow.analyze(&[&format!("-previous-image={previous}")])
        .expect_code(0);
    flow.detect(&[]).expect_code(0);
    flow.restore(&[]).expect_code(0);
    flow.build(&[]).expect_code(0);
    flow.export(&[]).expect_code(0);
    // Reading the image from its own repository, blob by blob, shows that the layer has got there.
    let second = flow.pull();
    case.equal(
        "B-EXPORT-004 B-EXPORT-005",
        (sha(&second, "lib"), second.layer(&sha(&second, "lib"))),
        (sha(&first, "lib"), first.layer(&sha(&first, "lib"))),
    );
}

fn nothing_to_reuse_fails(case: &Case<'_>) {
    let flow = flow(case, &layer("lib", "l", "first"));
    flow.whole();
    // The previous image has other layers, but not this one.
    next(case, &flow, &described("other", "l", "second"));
    let before = flow.pull().digest;
    flow.until_build();
    case.fails("B-EXPORT-006", &flow.export(&[]));
    case.equal("B-EXPORT-006", flow.pull().digest, before);
    // There is no previous image.
    let flow = super::flow(case, &described("lib", "l", "second"));
    flow.until_build();
    case.fails("B-EXPORT-006", &flow.export(&[]));
    case.equal("B-EXPORT-006", case.find(&flow.image).is_none(), true);
}

fn layers_may_stay_for_the_next_local_build(case: &Case<'_>) {
    let flow = flow(case, &layer("lib", "cl", "first"));
    let first = flow.whole();
    // The platform does not empty the layers directory.
    super::probe(case, &described("lib", "cl", "second")).install(&flow.stage);
    let second = flow.whole();
    case.equal("B-EXPORT-012", sha(&second, "lib"), sha(&first, "lib"));
    flow.next().until_restore();
    let found = super::Found::read(case, &flow.stage, "lib");
    case.equal("B-EXPORT-012", found.content.as_deref(), Some("first"));
}
