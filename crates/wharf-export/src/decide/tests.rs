use super::*;
use crate::collect::CollectedBuildpack;
use std::{collections::BTreeMap, path::PathBuf};
use wharf_layer::{Owner, layers_dir::BuildpackLayer};
use wharf_spec::{
    files::layer_content_metadata::{LayerContentMetadata, LayerTypes},
    labels::lifecycle::{BuildpackLayers, LayerSha},
};

const ONE: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

fn one() -> Digest {
    ONE.parse().unwrap()
}

fn tree(path: &str) -> LayerContent {
    LayerContent::Tree {
        root: PathBuf::from(path),
        owner: Owner { uid: 1, gid: 2 },
    }
}

fn launch_layer_on_disk(name: &str, cache: bool, has_directory: bool) -> BuildpackLayer {
    BuildpackLayer {
        name: name.parse().unwrap(),
        path: PathBuf::from(format!("/layers/some_bp/{name}")),
        has_directory,
        has_metadata: true,
        metadata: LayerContentMetadata {
            types: Some(LayerTypes {
                launch: true,
                build: false,
                cache,
            }),
            ..LayerContentMetadata::default()
        },
    }
}

fn collected(layers: Vec<BuildpackLayer>) -> Collected {
    let layers = layers.into_iter().map(|layer| {
        let content = layer
            .has_directory
            .then(|| tree(layer.path.to_str().unwrap()));
        (layer, content)
    });
    Collected {
        buildpacks: vec![CollectedBuildpack {
            id: "some/bp".parse().unwrap(),
            version: "1.2".into(),
            layers: layers.collect(),
            store: None,
        }],
        ..Collected::default()
    }
}

/// The label of an image in which `layer` has diff ID [`ONE`].
fn recorded_layer(layer: &str) -> LifecycleMetadata {
    let recorded = LayerMetadata {
        sha: ONE.into(),
        launch: true,
        ..LayerMetadata::default()
    };
    LifecycleMetadata {
        buildpacks: vec![BuildpackLayers {
            key: "some/bp".into(),
            version: "1.1".into(),
            layers: BTreeMap::from([(layer.to_owned(), recorded)]),
            store: None,
        }],
        ..LifecycleMetadata::default()
    }
}

fn plan_of(layer: BuildpackLayer, previous: &LifecycleMetadata) -> Result<LayerPlan, String> {
    decide(&collected(vec![layer]), previous)
        .map(|decisions| decisions[0].plan.clone())
        .map_err(|error| error.to_string())
}

#[test]
fn a_layer_with_a_directory_is_hashed_first_when_it_could_be_unchanged() {
    let content = tree("/layers/some_bp/x");
    let nothing = LifecycleMetadata::default();
    for cache in [false, true] {
        let layer = || launch_layer_on_disk("x", cache, true);
        assert_eq!(
            plan_of(layer(), &nothing),
            Ok(LayerPlan::Encode(content.clone()))
        );
        assert_eq!(
            plan_of(layer(), &recorded_layer("other")),
            Ok(LayerPlan::Encode(content.clone()))
        );
        assert_eq!(
            plan_of(layer(), &recorded_layer("x")),
            Ok(LayerPlan::HashFirst(content.clone(), vec![one()]))
        );
    }
}

#[test]
fn a_layer_without_a_directory_is_taken_from_the_previous_image() {
    let layer = |cache| launch_layer_on_disk("x", cache, false);
    assert_eq!(
        plan_of(layer(false), &recorded_layer("x")),
        Ok(LayerPlan::Reuse(one()))
    );
    assert_eq!(
        plan_of(layer(false), &LifecycleMetadata::default()),
        Err("export layer 'some/bp:x': cannot reuse 'some/bp:x', previous image has no metadata for layer 'some/bp:x'".into())
    );
    assert_eq!(
        plan_of(layer(true), &recorded_layer("x")),
        Err("export layer 'some/bp:x': layer 'some/bp:x' is cache=true but has no contents".into())
    );
}

#[test]
fn layers_stand_in_the_order_of_the_reference_with_its_history() {
    let mut all = collected(vec![
        launch_layer_on_disk("a", false, true),
        launch_layer_on_disk("b", false, true),
    ]);
    all.sbom = Some(tree("/layers/sbom/launch"));
    all.app = vec![tree("/workspace/1"), tree("/workspace/2")];
    all.launcher = Some(tree("launcher"));
    all.config = Some(tree("/layers/config"));
    all.process_types = Some(tree("process types"));
    let decisions = decide(&all, &LifecycleMetadata::default()).unwrap();
    let texts: Vec<_> = decisions
        .iter()
        .map(|decision| (decision.name.as_str(), decision.created_by.as_str()))
        .collect();
    assert_eq!(
        texts,
        [
            ("some/bp:a", "Layer: 'a', Created by buildpack: some/bp@1.2"),
            ("some/bp:b", "Layer: 'b', Created by buildpack: some/bp@1.2"),
            (
                "buildpacksio/lifecycle:launch.sbom",
                "Software Bill-of-Materials"
            ),
            ("slice-1", "Application Slice: 1"),
            ("slice-2", "Application Slice: 2"),
            (
                "buildpacksio/lifecycle:launcher",
                "Buildpacks Application Launcher"
            ),
            (
                "buildpacksio/lifecycle:config",
                "Buildpacks Launcher Config"
            ),
            (
                "buildpacksio/lifecycle:process-types",
                "Buildpacks Process Types"
            ),
        ]
    );
}

#[test]
fn an_app_without_slices_is_one_application_layer_that_may_equal_any_previous_slice() {
    let mut all = Collected {
        app: vec![tree("/workspace")],
        ..Collected::default()
    };
    all.launcher = Some(tree("launcher"));
    let previous = LifecycleMetadata {
        app: vec![LayerSha { sha: "old".into() }, LayerSha::new(one())],
        ..LifecycleMetadata::default()
    };
    let decisions = decide(&all, &previous).unwrap();
    assert_eq!(decisions[0].created_by, "Application Layer");
    assert_eq!(
        decisions[0].plan,
        LayerPlan::HashFirst(tree("/workspace"), vec![one()])
    );
    assert_eq!(decisions[1].plan, LayerPlan::Encode(tree("launcher")));
}
