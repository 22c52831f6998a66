//! SBOM files after exporting: those of buildpacks, and those of the lifecycle itself.
use super::{ID, export_to, exported, lifecycle_label, ready};
use crate::{
    flow::Flow,
    image::{Entry, Image},
    probe::Probe,
    stage::Outcome,
    suite::Case,
    tests,
};
use std::{fs, path::Path};

tests! {
    sbom_files_of_platform_0_8: ["P-EXPORT-011", "P-EXPORT-012", "P-EXPORT-013", "P-EXPORT-040", "P-EXPORT-041", "P-EXPORT-042"]
        .platform(8, 8);
    sbom_files: ["P-EXPORT-011", "P-EXPORT-014", "P-EXPORT-015", "P-EXPORT-040", "P-EXPORT-043", "P-EXPORT-044"]
        .platform(9, 15) .each_of_both();
    legacy_bills_of_materials: ["P-EXPORT-016", "P-EXPORT-045"] .platform(9, 15) .buildpack(7, 8) .each_of_both();
    the_lifecycle_brings_sbom_files: ["P-EXPORT-017", "P-EXPORT-046", "P-EIN-012"] .platform(11, 15);
    a_directory_has_sbom_files_of_the_launcher: ["P-EIN-012", "P-EXPORT-017"] .platform(11, 15);
}

const MEDIA_TYPES: [&str; 3] = [
    "application/vnd.cyclonedx+json",
    "application/spdx+json",
    "application/vnd.syft+json",
];
const EXTENSIONS: [&str; 3] = ["cdx.json", "spdx.json", "syft.json"];

/// A build whose buildpack leaves SBOM files of every format for launch, build, the launch layer `app` and the build
/// layer `tool`.
fn with_sboms<'a>(case: &'a Case<'a>) -> Flow<'a> {
    let mut script = String::new();
    for (layer, flag) in [("app", "launch"), ("tool", "build")] {
        script += &format!(
            "mkdir -p \"$LAYERS/{layer}\"\nprintf '[types]\\n{flag} = true\\n' > \"$LAYERS/{layer}.toml\"\n"
        );
    }
    for name in ["launch", "build", "app", "tool"] {
        for extension in EXTENSIONS {
            script += &format!(
                "printf '{{\"of\":\"{name} {extension}\"}}' > \"$LAYERS/{name}.sbom.{extension}\"\n"
            );
        }
    }
    let probe = Probe::new(case, ID)
        .sbom_formats(&MEDIA_TYPES)
        .build(&script);
    Flow::with(case, &[&probe])
}

fn text_of(name: &str, extension: &str) -> String {
    format!("{{\"of\":\"{name} {extension}\"}}")
}

/// The text of the file in the image's SBOM layer.
fn in_sbom_layer(image: &Image, path: &str) -> Option<String> {
    let label = lifecycle_label(image);
    let entries = image.layer(label["sbom"]["sha"].as_str()?);
    let is_it = |entry: &&Entry| entry.path == format!("/layers/sbom/{path}");
    let entry = entries.iter().find(is_it)?;
    Some(String::from_utf8_lossy(&entry.content).into_owned())
}

/// The text of the file in the layers directory.
fn in_layers(flow: &Flow<'_>, path: &str) -> Option<String> {
    fs::read_to_string(flow.stage.path(&format!("layers/sbom/{path}"))).ok()
}

/// The places of Platform API 0.9, which corrected those that 0.8 names (note N22): 0.8 may have either.
fn sbom_files_of_platform_0_8(case: &Case<'_>) {
    let flow = with_sboms(case);
    let image = flow.whole();
    for extension in EXTENSIONS {
        for (ids, name, places) in [
            (
                "P-EXPORT-011 P-EXPORT-012",
                "launch",
                ["example_one/launch.sbom", "launch/example_one/sbom"],
            ),
            (
                "P-EXPORT-011 P-EXPORT-013",
                "app",
                ["example_one/app/launch.sbom", "launch/example_one/app/sbom"],
            ),
        ] {
            let mut places = places.iter();
            let seen =
                places.find_map(|place| in_sbom_layer(&image, &format!("{place}.{extension}")));
            case.equal(ids, seen, Some(text_of(name, extension)));
        }
        for (ids, name, places) in [
            (
                "P-EXPORT-040 P-EXPORT-041",
                "build",
                ["example_one/build.sbom", "build/example_one/sbom"],
            ),
            (
                "P-EXPORT-040 P-EXPORT-042",
                "tool",
                ["example_one/tool/build.sbom", "build/example_one/tool/sbom"],
            ),
        ] {
            let mut places = places.iter();
            let seen = places.find_map(|place| in_layers(&flow, &format!("{place}.{extension}")));
            case.equal(ids, seen, Some(text_of(name, extension)));
        }
    }
}

fn sbom_files(case: &Case<'_>) {
    let flow = with_sboms(case);
    let image = flow.whole();
    for extension in EXTENSIONS {
        for (ids, name, place) in [
            (
                "P-EXPORT-011 P-EXPORT-014",
                "launch",
                "launch/example_one/sbom",
            ),
            (
                "P-EXPORT-011 P-EXPORT-015",
                "app",
                "launch/example_one/app/sbom",
            ),
        ] {
            let seen = in_sbom_layer(&image, &format!("{place}.{extension}"));
            case.equal(ids, seen, Some(text_of(name, extension)));
        }
        for (ids, name, place) in [
            (
                "P-EXPORT-040 P-EXPORT-043",
                "build",
                "build/example_one/sbom",
            ),
            (
                "P-EXPORT-040 P-EXPORT-044",
                "tool",
                "build/example_one/tool/sbom",
            ),
        ] {
            let seen = in_layers(&flow, &format!("{place}.{extension}"));
            case.equal(ids, seen, Some(text_of(name, extension)));
        }
    }
    let of_build = in_sbom_layer(&image, "build/example_one/sbom.cdx.json");
    case.equal("P-EXPORT-043", of_build, None);
}

/// They may be there; what is there is a list with the entries.
fn legacy_bills_of_materials(case: &Case<'_>) {
    let script = "for kind in launch build; do\n\
        printf '[[bom]]\\nname = \"%s-library\"\\n' \"$kind\" > \"$LAYERS/$kind.toml\"\ndone";
    let flow = Flow::with(case, &[&Probe::new(case, ID).build(script)]);
    let image = flow.whole();
    let place = |kind: &str| format!("{kind}/sbom.legacy.json");
    for (id, kind, seen) in [
        (
            "P-EXPORT-016",
            "launch",
            in_sbom_layer(&image, &place("launch")),
        ),
        ("P-EXPORT-045", "build", in_layers(&flow, &place("build"))),
    ] {
        let seen = seen.unwrap_or_else(|| "null".to_owned());
        let list = serde_json::from_str::<Option<Vec<serde_json::Value>>>(&seen);
        let list = list.ok().map(Option::unwrap_or_default);
        let name = format!("{kind}-library");
        let fits = list.is_some_and(|list| list.iter().all(|entry| entry["name"] == name.as_str()));
        case.check(id, fits, &format!("a list with {name}, or none"), &seen);
    }
}

/// Exports with SBOM files beside the executables: the directory is built anew from what is in it.
fn export_with_shipped_sboms(case: &Case<'_>, flow: &Flow<'_>) -> Outcome {
    let mut options = vec!["--tmpfs".to_owned(), "/cnb/lifecycle".to_owned()];
    let mut bind = |from: &Path, name: &str| {
        let from = from.to_string_lossy().into_owned();
        options.extend([
            "--ro-bind".to_owned(),
            from,
            format!("/cnb/lifecycle/{name}"),
        ]);
    };
    for entry in fs::read_dir(&case.subject.dir).expect("list the lifecycle") {
        let entry = entry.expect("read a directory entry");
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.contains(".sbom.") {
            bind(&entry.path(), &name);
        }
    }
    for name in ["launcher", "lifecycle"] {
        let file = format!("{name}.sbom.cdx.json");
        let inside = format!("tmp/shipped/{file}");
        flow.stage.write(&inside, &text_of(name, "cdx.json"));
        bind(&flow.stage.path(&inside), &file);
    }
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let mut command = flow.stage.bwrap_with(&options);
    command.args([
        "/cnb/lifecycle/exporter",
        "-launcher=/tmp/launcher",
        &flow.image,
    ]);
    flow.stage.finish(command)
}

/// Where the SBOM files of the launcher are in the image.
const OF_LAUNCHER: &str = "launch/buildpacksio_lifecycle/launcher/sbom";

fn the_lifecycle_brings_sbom_files(case: &Case<'_>) {
    let flow = ready(case);
    case.succeeds("P-EXPORT-017", &export_with_shipped_sboms(case, &flow));
    let of_launcher = in_sbom_layer(&flow.pull(), &format!("{OF_LAUNCHER}.cdx.json"));
    let expected = Some(text_of("launcher", "cdx.json"));
    case.equal("P-EXPORT-017 P-EIN-012", of_launcher, expected);
    let of_lifecycle = in_layers(&flow, "build/buildpacksio_lifecycle/sbom.cdx.json");
    case.equal(
        "P-EXPORT-046",
        of_lifecycle,
        Some(text_of("lifecycle", "cdx.json")),
    );
}

fn a_directory_has_sbom_files_of_the_launcher(case: &Case<'_>) {
    let flow = ready(case);
    let of_launcher = |image: &Image| in_sbom_layer(image, &format!("{OF_LAUNCHER}.spdx.json"));
    let text = text_of("launcher", "spdx.json");
    flow.stage
        .write("tmp/elsewhere/launcher.sbom.spdx.json", &text);
    case.differ(
        "P-EIN-012",
        of_launcher(&exported(&flow)),
        Some(text.clone()),
    );
    export_to(&flow, &["-launcher-sbom=/tmp/elsewhere", &flow.image]).expect_code(0);
    case.equal(
        "P-EIN-012 P-EXPORT-017",
        of_launcher(&flow.pull()),
        Some(text),
    );
}
