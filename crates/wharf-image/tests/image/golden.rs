//! What the reference lifecycle wrote, read back and made anew.
use crate::{json, reference};
use serde_json::Value;
use std::fs;
use wharf_image::{DraftLayer, Image, ImageDraft, validate::validate};
use wharf_testkit::golden;

fn load(api: &str, name: &str) -> Image {
    let manifest = fs::read(golden::path(api, name).join("manifest.json")).unwrap();
    let config = Image::config_descriptor(&manifest).unwrap();
    let config = fs::read(golden::path(api, name).join(config.digest.hex())).unwrap();
    Image::parse(manifest, config).unwrap()
}

fn created_by(image: &Image, number: usize) -> Option<String> {
    Some(
        image.config()["history"][number]
            .get("created_by")?
            .as_str()?
            .to_owned(),
    )
}

#[test]
fn builds_the_config_of_the_reference_from_its_base() {
    for api in golden::APIS {
        let (base, expected) = (load(api, "run-before"), load(api, "first/image"));
        let keep_history = created_by(&expected, 0).is_some();
        let mut draft = ImageDraft::from_base(
            &base,
            &reference("r.example/run:1"),
            "1980-01-01T00:00:01Z",
            keep_history,
        );
        for (number, layer) in expected
            .layers()
            .iter()
            .enumerate()
            .skip(base.layers().len())
        {
            let at = reference("r.example/app:1");
            draft.push_layer(DraftLayer::from_image(
                layer,
                &at,
                created_by(&expected, number),
            ));
        }
        for name in [
            "CNB_LAYERS_DIR",
            "CNB_APP_DIR",
            "CNB_PLATFORM_API",
            "CNB_DEPRECATION_MODE",
            "PATH",
        ] {
            draft.set_env(name, expected.env(name).unwrap());
        }
        for (name, value) in expected.labels().unwrap() {
            draft.set_label(name, value.as_str().unwrap());
        }
        draft.set_working_dir("/workspace");
        draft.set_entrypoint(&["/cnb/process/web".into()]);
        let sealed = draft.seal().unwrap();
        // Equal as text: members stand in the same order, and labels are escaped alike.
        let text = |image: &Image| String::from_utf8(image.config_bytes().to_vec()).unwrap();
        assert_eq!(
            json(sealed.image.config_bytes()),
            json(expected.config_bytes()),
            "{api}"
        );
        let order = |image: &Image| image.config().keys().cloned().collect::<Vec<String>>();
        assert_eq!(order(&sealed.image), order(&expected), "{api}");
        assert_eq!(
            text(&sealed.image).len(),
            text(&expected).trim_end().len(),
            "{api}"
        );
        assert_eq!(validate(&sealed.image), Vec::<String>::new());
    }
}

#[test]
fn rebases_the_image_of_the_reference_and_repairs_its_media_types() {
    for api in golden::APIS {
        let (base, new_base) = (load(api, "run-before"), load(api, "run-after"));
        let (app, expected) = (load(api, "first/image"), load(api, "rebase/image"));
        assert_ne!(
            validate(&expected),
            Vec::<String>::new(),
            "the reference mixes media types"
        );
        let (at, base_at) = (reference("r.example/app:1"), reference("r.example/run:1"));
        let top = base.top_layer().unwrap();
        let draft = ImageDraft::rebase(&app, &at, top, &new_base, &base_at).unwrap();
        let image = draft.seal().unwrap().image;
        assert_eq!(validate(&image), Vec::<String>::new());
        let diff_ids = |image: &Image| {
            image
                .layers()
                .iter()
                .map(|layer| layer.diff_id)
                .collect::<Vec<_>>()
        };
        assert_eq!(diff_ids(&image), diff_ids(&expected), "{api}");
        let run = |image: &Image| {
            let mut config = image.config()["config"].clone();
            config.as_object_mut().unwrap().remove("Labels");
            config
        };
        assert_eq!(run(&image), run(&expected), "{api}");
        let own =
            |image: &Image, name: &str| image.config().get(name).cloned().unwrap_or(Value::Null);
        for name in ["os", "architecture", "created", "variant"] {
            assert_eq!(own(&image, name), own(&expected, name), "{api} {name}");
        }
        let of_app = app.layers().len() - base.layers().len();
        let kept = |image: &Image| {
            (0..of_app)
                .rev()
                .map(|back| created_by(image, image.layers().len() - 1 - back))
                .collect::<Vec<_>>()
        };
        assert_eq!(kept(&image), kept(&app), "{api}");
    }
}
