//! What the exporter leaves in a cache: seen through the next build's restorer, as the specification leaves the form of
//! caches open.
use super::{ID, lifecycle_label};
use crate::{flow::Flow, probe::Probe, read, suite::Case, tests, toml_of};
use std::{fs, path::Path};

tests! {
    cached_layers_are_stored: ["P-EXPORT-047", "P-EXPORT-049", "P-EXPORT-050"];
    sbom_files_of_cached_layers_are_stored: ["P-EXPORT-048"] .platform(8, 15);
}

/// Lines that leave the layers `tool`, `both` and `app` with a file, metadata and SBOM file; the first two are
/// cached.
const LAYERS: &str = r#"for name in tool both app; do
  mkdir -p "$LAYERS/$name"
  echo "content of $name" > "$LAYERS/$name/file"
  {
    echo '[types]'
    [ $name = app ] || echo 'cache = true'
    [ $name = tool ] || echo 'launch = true'
    [ $name = app ] || echo 'build = true'
    echo '[metadata]'
    echo "of = \"$name\""
  } > "$LAYERS/$name.toml"
  printf '{"of":"%s"}' "$name" > "$LAYERS/$name.sbom.cdx.json"
done"#;

/// A build that is exported with a cache.
fn cached<'a>(case: &'a Case<'a>, cache: &str) -> Flow<'a> {
    let probe = Probe::new(case, ID)
        .sbom_formats(&["application/vnd.cyclonedx+json"])
        .build(LAYERS);
    let flow = Flow::with(case, &[&probe]);
    flow.until_build();
    let args = [cache, &flow.image];
    flow.stage.phase("exporter", &args).expect_code(0);
    flow
}

/// A directory and an image as caches, each as an argument.
fn caches(case: &Case<'_>) -> [String; 2] {
    let image = case.reference("cache");
    [
        "-cache-dir=/cache".to_owned(),
        format!("-cache-image={image}"),
    ]
}

/// The next build's layers after restoring.
fn restore(flow: &Flow<'_>, cache: &str) {
    flow.next().until_detect();
    flow.stage.phase("restorer", &[cache]).expect_code(0);
}

fn cached_layers_are_stored(case: &Case<'_>) {
    let [directory, image] = caches(case);
    for cache in [&directory, &image] {
        let flow = cached(case, cache);
        let diff_id = diff_id_of_both(&flow);
        let is_recorded = match cache.split_once("-cache-image=") {
            Some((_, name)) => case.pull(name).diff_ids().contains(&diff_id),
            None => holds(&flow.stage.path("cache"), &diff_id["sha256:".len()..]),
        };
        let expected = format!("{diff_id} in the cache");
        case.check("P-EXPORT-049", is_recorded, &expected, cache);
        restore(&flow, cache);
        for name in ["tool", "both"] {
            let layer = flow.stage.path(&format!("layers/example_one/{name}"));
            let content = fs::read_to_string(layer.join("file")).unwrap_or_default();
            case.equal("P-EXPORT-047", content, format!("content of {name}\n"));
            let described = toml_of(&layer.with_extension("toml"));
            let of = described
                .get("metadata")
                .and_then(|data| data["of"].as_str());
            case.equal("P-EXPORT-050", of, Some(name));
        }
    }
}

/// The diff ID of the cached layer that is also in the image.
fn diff_id_of_both(flow: &Flow<'_>) -> String {
    let label = lifecycle_label(&flow.pull());
    let sha = label["buildpacks"][0]["layers"]["both"]["sha"].as_str();
    sha.expect("the label has the layer").to_owned()
}

/// Whether a name or a file below a directory holds the text.
fn holds(dir: &Path, text: &str) -> bool {
    let entries = fs::read_dir(dir).expect("list a cache");
    entries
        .map(|entry| entry.expect("read a directory entry").path())
        .any(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_within = || match fs::read(&path) {
                Ok(bytes) => String::from_utf8_lossy(&bytes).contains(text),
                Err(_) => path.is_dir() && holds(&path, text),
            };
            name.contains(text) || is_within()
        })
}

fn sbom_files_of_cached_layers_are_stored(case: &Case<'_>) {
    let [directory, _] = caches(case);
    let flow = cached(case, &directory);
    restore(&flow, &directory);
    for name in ["tool", "both"] {
        let path = format!("layers/example_one/{name}.sbom.cdx.json");
        let text = read(&flow.stage.path(&path));
        case.equal("P-EXPORT-048", text, format!("{{\"of\":\"{name}\"}}"));
    }
}
