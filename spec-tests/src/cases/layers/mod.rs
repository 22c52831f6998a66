//! Layers: types, reuse, slices, SBOM files, `<layer>.toml`.
pub mod image;
pub mod restored;
pub mod reuse;
pub mod run_image;
pub mod sbom;
pub mod slices;
pub mod types;

use crate::{
    flow::Flow,
    image::Image,
    probe::Probe,
    stage::Stage,
    suite::{Case, Test},
};
use serde_json::Value;

/// The tables of this part.
pub const TABLES: &[&[Test]] = &[
    types::TESTS,
    reuse::TESTS,
    restored::TESTS,
    slices::TESTS,
    image::TESTS,
    sbom::TESTS,
    run_image::TESTS,
];

/// The buildpack whose layers are looked at.
pub(in crate::cases) const ID: &str = "example/layers";
/// Media type of the SBOM files of [`layer`].
pub(in crate::cases) const CYCLONE_DX: &str = "application/vnd.cyclonedx+json";

/// The buildpack [`ID`] with these lines as `bin/build`.
pub(in crate::cases) fn probe(case: &Case<'_>, script: &str) -> Probe {
    Probe::new(case, ID)
        .sbom_formats(&[CYCLONE_DX])
        .build(script)
}

/// A build of the buildpack [`ID`] with these lines as `bin/build`.
pub(in crate::cases) fn flow<'a>(case: &'a Case<'a>, script: &str) -> Flow<'a> {
    Flow::with(case, &[&probe(case, script)])
}

/// Gives the buildpack other lines for the next build, and empties the layers directory.
pub(in crate::cases) fn next(case: &Case<'_>, flow: &Flow<'_>, script: &str) {
    probe(case, script).install(&flow.stage);
    flow.next();
}

/// Shell lines that leave a layer with one file, an SBOM file and metadata, all of which say `content`. Each letter of
/// `types` sets one: `b`uild, `c`ache, `l`aunch.
pub(in crate::cases) fn layer(name: &str, types: &str, content: &str) -> String {
    directory(name, content) + &described(name, types, content)
}

/// The directory of [`layer`] alone.
pub(in crate::cases) fn directory(name: &str, content: &str) -> String {
    format!("mkdir -p \"$LAYERS/{name}\"\nprintf '%s' '{content}' > \"$LAYERS/{name}/content\"\n")
}

/// The metadata and SBOM file of [`layer`] without the directory.
pub(in crate::cases) fn described(name: &str, types: &str, content: &str) -> String {
    let set = |letter| types.contains(letter);
    format!(
        "cat > \"$LAYERS/{name}.toml\" <<'END'\n\
         [types]\nbuild = {}\ncache = {}\nlaunch = {}\n[metadata]\nsays = \"{content}\"\nEND\n\
         printf '%s' '{}' > \"$LAYERS/{name}.sbom.cdx.json\"\n",
        set('b'),
        set('c'),
        set('l'),
        sbom_text(content),
    )
}

/// Shell lines that leave a `launch.toml` of these tables.
pub(in crate::cases) fn launch_toml(tables: &[String]) -> String {
    let tables = tables.concat();
    format!("cat > \"$LAYERS/launch.toml\" <<'END'\n{tables}END\n")
}

/// Shell lines that leave slices, each of them a TOML list of paths.
pub(in crate::cases) fn slices(lists: &[&str]) -> String {
    let table = |paths: &&str| format!("[[slices]]\npaths = {paths}\n");
    launch_toml(&lists.iter().map(table).collect::<Vec<_>>())
}

/// The SBOM file of [`layer`].
pub(in crate::cases) fn sbom_text(content: &str) -> String {
    format!(r#"{{"bomFormat":"CycloneDX","serialNumber":"{content}"}}"#)
}

/// What lies of one layer of [`ID`] in the layers directory.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::cases) struct Found {
    pub(in crate::cases) metadata: Option<toml::Table>,
    pub(in crate::cases) sbom: Option<String>,
    pub(in crate::cases) content: Option<String>,
}

impl Found {
    /// What restoring left. SBOM files are looked at where the Platform API has them.
    pub(in crate::cases) fn read(case: &Case<'_>, stage: &Stage, name: &str) -> Self {
        let text = |path: &str| {
            let path = stage.path(&format!("layers/example_layers/{path}"));
            std::fs::read_to_string(path).ok()
        };
        let metadata = text(&format!("{name}.toml"));
        Self {
            metadata: metadata.map(|text| text.parse().expect("<layer>.toml is TOML")),
            sbom: text(&format!("{name}.sbom.cdx.json")).filter(|_| has_sbom(case)),
            content: text(&format!("{name}/content")),
        }
    }

    /// A layer of which nothing is there.
    pub(in crate::cases) fn nothing() -> Self {
        Self {
            metadata: None,
            sbom: None,
            content: None,
        }
    }

    /// Metadata without types, and SBOM of what [`layer`] left.
    pub(in crate::cases) fn described(case: &Case<'_>, content: &str) -> Self {
        let metadata = format!("[metadata]\nsays = \"{content}\"\n");
        Self {
            metadata: Some(metadata.parse().expect("it is TOML")),
            sbom: has_sbom(case).then(|| sbom_text(content)),
            content: None,
        }
    }

    /// All that [`layer`] left, except for the types.
    pub(in crate::cases) fn whole(case: &Case<'_>, content: &str) -> Self {
        Self {
            content: Some(content.to_owned()),
            ..Self::described(case, content)
        }
    }
}

/// Whether the Platform API has standard SBOM files.
pub(in crate::cases) fn has_sbom(case: &Case<'_>) -> bool {
    case.platform >= 8
}

/// What the lifecycle label says of a layer of [`ID`]; null for one that it does not name.
pub(in crate::cases) fn recorded(image: &Image, name: &str) -> Value {
    let label = image.json_label("io.buildpacks.lifecycle.metadata");
    let buildpacks = label["buildpacks"].as_array().expect("it lists buildpacks");
    let buildpack = buildpacks.iter().find(|entry| entry["key"] == ID);
    buildpack.map_or(Value::Null, |entry| entry["layers"][name].clone())
}

/// The diff ID that the lifecycle label gives a layer of [`ID`].
pub(in crate::cases) fn sha(image: &Image, name: &str) -> String {
    let layer = recorded(image, name);
    let sha = layer["sha"].as_str();
    sha.unwrap_or_else(|| panic!("the label has no layer {name}"))
        .to_owned()
}
