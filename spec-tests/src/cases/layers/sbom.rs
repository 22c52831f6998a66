//! SBOM files of buildpacks, and the bills of materials of old.
use super::{CYCLONE_DX, ID, flow, layer};
use crate::{flow::Flow, image::Image, probe::Probe, stage::Stage, suite::Case, tests};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

tests! {
    extensions_stand_for_formats: [
        "B-SBOM-001", "B-SBOM-002", "B-SBOM-003", "B-SBOM-004", "B-SBOM-009",
    ] .platform(8, 15);
    the_app_sbom_has_launch_layers_as_each_build_left_them: [
        "B-SBOM-005", "B-SBOM-006",
    ] .platform(8, 15) .each_of_both();
    the_build_sbom_has_the_other_layers: ["B-SBOM-007", "B-SBOM-008"] .platform(8, 15) .each_of_both();
    bom_entries_are_all_in_one_list: ["B-BOM-001", "B-BOM-002", "B-BOM-003"] .each_of_both();
}

/// Every file below a directory; none when it is missing.
fn files(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    entries
        .map(|entry| entry.expect("read a directory entry").path())
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// The texts of the files that the lifecycle left below `<layers>/sbom` for `kind`: in a directory of that name, or in
/// files that begin with it.
fn collected(stage: &Stage, kind: &str) -> BTreeSet<String> {
    let files = files(&stage.path("layers/sbom"));
    let of_kind = files.iter().filter(|path| {
        path.iter().any(|part| {
            part == kind || part.to_string_lossy().starts_with(&format!("{kind}.sbom."))
        })
    });
    of_kind.map(|path| crate::read(path)).collect()
}

/// The texts of the files in the image's SBOM layer.
fn sbom_layer(image: &Image) -> BTreeSet<String> {
    let label = image.json_label("io.buildpacks.lifecycle.metadata");
    let sha = label["sbom"]["sha"].as_str();
    let entries = image.layer(sha.expect("the label names the SBOM layer"));
    let files = entries.iter().filter(|entry| entry.kind == b'0');
    files
        .map(|entry| String::from_utf8_lossy(&entry.content).into_owned())
        .collect()
}

/// Shell lines that leave an SBOM file whose text is its name.
fn file(name: &str) -> String {
    format!("printf '%s' '{{\"name\":\"{name}\"}}' > \"$LAYERS/{name}\"\n")
}

fn text(name: &str) -> String {
    format!("{{\"name\":\"{name}\"}}")
}

/// A build of a buildpack that declares one format and leaves these files.
fn declaring<'a>(case: &'a Case<'a>, media_type: &str, names: &[&str]) -> Flow<'a> {
    let script: String = names.iter().map(|name| file(name)).collect();
    let probe = Probe::new(case, ID)
        .sbom_formats(&[media_type])
        .build(&script);
    let flow = Flow::with(case, &[&probe]);
    flow.until_restore();
    flow
}

fn extensions_stand_for_formats(case: &Case<'_>) {
    let formats = [
        ("B-SBOM-001", CYCLONE_DX, "cdx.json"),
        ("B-SBOM-002", "application/spdx+json", "spdx.json"),
        ("B-SBOM-003", "application/vnd.syft+json", "syft.json"),
    ];
    for (id, media_type, extension) in formats {
        let name = format!("launch.sbom.{extension}");
        let flow = declaring(case, media_type, &[&name]);
        case.succeeds(id, &flow.build(&[]));
        let launch = collected(&flow.stage, "launch");
        case.equal(id, launch.contains(&text(&name)), true);
        case.equal("B-SBOM-009", launch.contains(&text(&name)), true);
    }
    // What is undeclared or stands for nothing is refused or left out.
    let stray = [
        ("B-SBOM-004 B-SBOM-009", "launch.sbom.spdx.json"),
        ("B-SBOM-004", "launch.sbom.xml.json"),
    ];
    for (ids, name) in stray {
        let flow = declaring(case, CYCLONE_DX, &[name]);
        let refused = flow.build(&[]).code != 0;
        let launch = collected(&flow.stage, "launch");
        let left_out = !launch.contains(&text(name));
        case.check(
            ids,
            refused || left_out,
            "a failure, or no such file",
            launch,
        );
    }
}

fn the_app_sbom_has_launch_layers_as_each_build_left_them(case: &Case<'_>) {
    let script = layer("l", "l", "l") + &layer("bcl", "bcl", "bcl") + &layer("b", "b", "b");
    let first = Probe::new(case, ID)
        .sbom_formats(&[CYCLONE_DX])
        .build(&(script + &file("launch.sbom.cdx.json") + &file("build.sbom.cdx.json")));
    // A later buildpack spoils the first one's files; what its own build left counts.
    let second = Probe::new(case, "example/second").build(
        "for file in /layers/example_layers/*.sbom.cdx.json; do printf spoilt > \"$file\"; done",
    );
    let image = Flow::with(case, &[&first, &second]).whole();
    let seen = sbom_layer(&image);
    for content in ["l", "bcl"] {
        let text = super::sbom_text(content);
        case.check("B-SBOM-005", seen.contains(&text), &text, &seen);
    }
    let launch = text("launch.sbom.cdx.json");
    case.check("B-SBOM-006", seen.contains(&launch), &launch, &seen);
    for other in [super::sbom_text("b"), text("build.sbom.cdx.json")] {
        case.check("B-SBOM-005", !seen.contains(&other), "only the app", &seen);
    }
}

fn the_build_sbom_has_the_other_layers(case: &Case<'_>) {
    let script = ["l", "b", "c", "bc", "none"]
        .map(|types| layer(types, types.trim_start_matches("none"), types))
        .concat();
    let script = script + &file("launch.sbom.cdx.json") + &file("build.sbom.cdx.json");
    let flow = flow(case, &script);
    flow.until_build();
    let seen = collected(&flow.stage, "build");
    for content in ["b", "c", "bc", "none"] {
        let text = super::sbom_text(content);
        case.check("B-SBOM-007", seen.contains(&text), &text, &seen);
    }
    let build = text("build.sbom.cdx.json");
    case.check("B-SBOM-008", seen.contains(&build), &build, &seen);
    for other in [super::sbom_text("l"), text("launch.sbom.cdx.json")] {
        case.check(
            "B-SBOM-007",
            !seen.contains(&other),
            "only the build",
            &seen,
        );
    }
}

/// Names of the entries of a bill of materials, wherever the lifecycle left it.
fn names(list: &Value) -> Vec<String> {
    let entries = list.as_array().into_iter().flatten();
    entries
        .map(|entry| entry["name"].as_str().unwrap_or_default().to_owned())
        .collect()
}

fn legacy_file(stage: &Stage, kind: &str) -> Value {
    let path = stage.path(&format!("layers/sbom/{kind}/sbom.legacy.json"));
    fs::read(path).map_or(Value::Null, |text| {
        serde_json::from_slice(&text).expect("sbom.legacy.json is JSON")
    })
}

/// As JSON what `[build]` of report.toml or metadata.toml has under `bom`.
fn bom_of(table: Option<&toml::Value>) -> Value {
    let bom = table.and_then(|table| table.get("bom"));
    bom.map_or(Value::Null, |bom| {
        serde_json::to_value(bom).expect("it is without dates")
    })
}

fn bom_entries_are_all_in_one_list(case: &Case<'_>) {
    let script = |name: &str| {
        ["launch", "build"]
            .map(|kind| {
                let one = |number: u8| {
                    format!(
                        "[[bom]]\nname = \"{kind}-of-{name}-{number}\"\n[bom.metadata]\nv = \"1\"\n"
                    )
                };
                let tables = one(1) + &one(2);
                format!("cat > \"$LAYERS/{kind}.toml\" <<'END'\n{tables}END\n")
            })
            .concat()
    };
    let first = Probe::new(case, "example/first").build(&script("first"));
    let second = Probe::new(case, "example/second").build(&script("second"));
    let flow = Flow::with(case, &[&first, &second]);
    let image = flow.whole();
    let metadata = toml::Value::Table(flow.layers_toml("config/metadata.toml"));
    let report = flow.layers_toml("report.toml");
    let lists = [
        (
            "B-BOM-001 B-BOM-003",
            "launch",
            image.json_label("io.buildpacks.build.metadata")["bom"].clone(),
        ),
        ("B-BOM-001 B-BOM-003", "launch", bom_of(Some(&metadata))),
        (
            "B-BOM-001 B-BOM-003",
            "launch",
            legacy_file(&flow.stage, "launch"),
        ),
        ("B-BOM-002 B-BOM-003", "build", bom_of(report.get("build"))),
        (
            "B-BOM-002 B-BOM-003",
            "build",
            legacy_file(&flow.stage, "build"),
        ),
    ];
    for (ids, kind, list) in lists {
        let seen = names(&list);
        // Whether there is such a list is the lifecycle's choice; one that is there is whole.
        let expected: Vec<String> = ["first", "second"]
            .iter()
            .flat_map(|name| [1, 2].map(|number| format!("{kind}-of-{name}-{number}")))
            .collect();
        case.check(
            ids,
            seen.is_empty() || seen == expected,
            &format!("no list, or {expected:?}"),
            &list,
        );
    }
}
