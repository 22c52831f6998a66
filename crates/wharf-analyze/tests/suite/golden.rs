//! `analyzed.toml` and SBOM files as the reference lifecycle left them.
use std::{fs, path::Path};
use tempfile::TempDir;
use wharf_analyze::{AnalyzeInputs, RunImageInput, Stores, analyze};
use wharf_spec::{api::PlatformApi, encode::toml_text, reference::Reference};
use wharf_testkit::{MemoryStore, RecordingLog, golden, image_recipe::platform};

fn analyzed_text(api: &str, layers_dir: &Path, store: &MemoryStore) -> String {
    let features = api.parse::<PlatformApi>().unwrap().features();
    let app = app(api);
    let inputs = AnalyzeInputs {
        output: app.clone(),
        additional_tags: Vec::new(),
        previous_image: app,
        cache_image: None,
        run_image: RunImageInput::Named(run_image()),
        platform: platform("linux", "amd64"),
        layers_dir: layers_dir.to_owned(),
        restore_sbom: features.analyzer_restores_sbom,
        base_contract: features.base_contract,
    };
    let stores = Stores {
        images: store,
        caches: store,
    };
    toml_text(&analyze(&inputs, stores, &RecordingLog::new()).unwrap()).unwrap()
}

fn app(api: &str) -> Reference {
    let api = api.replace('.', "-");
    format!("127.0.0.1:5055/golden/probe-{api}")
        .parse()
        .unwrap()
}

fn run_image() -> Reference {
    "127.0.0.1:5055/golden/run:base".parse().unwrap()
}

#[test]
fn analyzed_toml_of_a_first_and_a_second_build_is_that_of_the_reference() {
    for api in golden::APIS {
        let layers = TempDir::new().unwrap();
        let store = MemoryStore::new();
        golden::load_image(api, "run-before", &store, &run_image());
        assert_eq!(
            analyzed_text(api, layers.path(), &store),
            golden::text(api, "first/1-analyzer/analyzed.toml")
        );
        golden::load_image(api, "first/image", &store, &app(api));
        // The reference turns integers into floats on the way through the label.
        assert_eq!(
            analyzed_text(api, layers.path(), &store),
            golden::text(api, "second/1-analyzer/analyzed.toml").replace("n = 7.0", "n = 7")
        );
        for file in [
            "sbom/launch/sbom.legacy.json",
            "sbom/launch/example_first/sbom.cdx.json",
            "sbom/launch/example_first/deps/sbom.cdx.json",
        ] {
            assert_eq!(
                fs::read_to_string(layers.path().join(file)).unwrap(),
                golden::text(api, &format!("second/1-analyzer/{file}"))
            );
        }
    }
}
