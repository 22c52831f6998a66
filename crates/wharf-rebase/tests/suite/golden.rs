//! The recorded rebase of the reference lifecycle.
use serde_json::Value;
use wharf_image::{Image, ImageStore, TagRace, validate::validate};
use wharf_rebase::{RebaseInputs, rebase};
use wharf_spec::{api::PlatformApi, reference::Reference};
use wharf_testkit::{MemoryStore, RecordingLog, golden, image_recipe::platform};

fn find(store: &MemoryStore, reference: &Reference) -> Image {
    store
        .find(reference, &platform("linux", "amd64"))
        .unwrap()
        .unwrap()
}

/// A config without its history: the reference forgets what every entry says.
fn without_history(image: &Image) -> Value {
    let mut config = image.config().clone();
    config.remove("history");
    let labels = config["config"]["Labels"].as_object_mut().unwrap();
    let metadata = labels["io.buildpacks.lifecycle.metadata"].as_str().unwrap();
    let metadata: Value = serde_json::from_str(metadata).unwrap();
    labels.insert("io.buildpacks.lifecycle.metadata".into(), metadata);
    config.into()
}

#[test]
fn gives_the_config_of_the_reference_and_layers_in_the_media_types_of_the_app() {
    for api in golden::APIS {
        let store = MemoryStore::new();
        let app: Reference = "127.0.0.1:5055/golden/probe".parse().unwrap();
        let run: Reference = "127.0.0.1:5055/golden/run:base".parse().unwrap();
        let recorded: Reference = "127.0.0.1:5055/golden/recorded".parse().unwrap();
        golden::load_image(api, "first/image", &store, &app);
        golden::load_image(api, "run-after", &store, &run);
        golden::load_image(api, "rebase/image", &store, &recorded);
        let inputs = RebaseInputs {
            app_image: app.clone(),
            outputs: vec![app.clone()],
            run_image: None,
            force: false,
            tag_race: TagRace::Warn,
            platform: platform("linux", "amd64"),
            features: api.parse::<PlatformApi>().unwrap().features(),
        };
        rebase(&inputs, &store, &RecordingLog::new()).unwrap();
        let (ours, theirs) = (find(&store, &app), find(&store, &recorded));
        assert_eq!(without_history(&ours), without_history(&theirs));
        let layers = |image: &Image| -> Vec<_> {
            let layers = image.layers().iter();
            layers
                .map(|layer| (layer.diff_id, layer.descriptor.digest))
                .collect()
        };
        assert_eq!(layers(&ours), layers(&theirs));
        assert_eq!(validate(&ours), Vec::<String>::new());
        assert_ne!(validate(&theirs), Vec::<String>::new());
        let metadata = |image: &Image| {
            image
                .label("io.buildpacks.lifecycle.metadata")
                .map(str::to_owned)
        };
        assert_eq!(metadata(&ours), metadata(&theirs));
    }
}
