use crate::support::Stage;
use std::fs;
use wharf_build::BuildError;
use wharf_spec::api::SbomPaths;
use wharf_testkit::files::write;

#[test]
fn layers_without_types_are_moved_away() {
    let mut stage = Stage::new();
    write(&stage.layers("a/old.ignore/stale"), "");
    stage.buildpack(
        "a",
        &[
            ("old/file", "new"),
            ("old.toml", "[metadata]\nversion = 1\n"),
            ("empty/", ""),
            ("empty.toml", "[types]\nlaunch = false\n"),
            ("absent.toml", ""),
            ("kept/", ""),
            ("kept.toml", "[types]\ncache = true\n"),
        ],
    );
    stage.build().unwrap();
    let mut names: Vec<_> = fs::read_dir(stage.layers("a"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "absent.toml",
            "empty.ignore",
            "empty.toml",
            "kept",
            "kept.toml",
            "old.ignore",
            "old.toml"
        ]
    );
    assert!(stage.layers("a/old.ignore/file").is_file());
    assert!(!stage.layers("a/old.ignore/stale").exists());
}

#[test]
fn flags_outside_of_types_are_an_error() {
    let mut stage = Stage::new();
    stage.buildpack("a", &[("one.toml", "launch = true\n")]);
    assert_eq!(
        stage.message(),
        format!(
            "process layers: '{}' sets 'launch' at top level, it belongs into the table [types]",
            stage.layers("a/one.toml").display()
        )
    );
}

#[test]
fn layers_with_reserved_names_are_an_error() {
    for name in ["build", "launch", "store"] {
        let mut stage = Stage::new();
        let file = format!("{name}.toml");
        stage.buildpack("a", &[(&file, "[types]\nlaunch = true\n")]);
        assert_eq!(
            stage.message(),
            format!(
                "process layers: '{}' has the table [types], but no layer may be called '{name}'; choose another name",
                stage.layers("a").join(file).display()
            )
        );
    }
}

#[test]
fn a_layer_file_that_is_not_toml_is_named_with_line_and_column() {
    let mut stage = Stage::new();
    stage.buildpack("a", &[("one.toml", "[types]\nlaunch = 7\n")]);
    let text = stage.message();
    let start = format!(
        "process layers: parse '{}': TOML parse error at line 2, column 10\n",
        stage.layers("a/one.toml").display()
    );
    assert!(text.starts_with(&start), "{text}");
}

#[test]
fn sbom_files_are_sorted_by_what_they_are_about() {
    let files = [
        ("app.toml", "[types]\nlaunch = true\ncache = true\n"),
        ("app.sbom.cdx.json", "app"),
        ("dep.one.toml", "[types]\nbuild = true\n"),
        ("dep.one.sbom.cdx.json", "dep"),
        ("launch.sbom.cdx.json", "launch"),
        ("build.sbom.cdx.json", "build"),
    ];
    let mut stage = Stage::new();
    write(&stage.layers("sbom/launch/gone/sbom.cdx.json"), "old");
    stage.buildpack("x/y", &files);
    stage.build().unwrap();
    for (path, content) in [
        ("sbom/launch/x_y/sbom.cdx.json", "launch"),
        ("sbom/launch/x_y/app/sbom.cdx.json", "app"),
        ("sbom/cache/x_y/app/sbom.cdx.json", "app"),
        ("sbom/build/x_y/sbom.cdx.json", "build"),
        ("sbom/build/x_y/dep.one/sbom.cdx.json", "dep"),
    ] {
        assert_eq!(fs::read_to_string(stage.layers(path)).unwrap(), content);
    }
    assert!(!stage.layers("sbom/launch/gone").exists());

    let mut stage = Stage::new();
    stage.inputs.sbom_paths = SbomPaths::None;
    stage.buildpack("x/y", &files);
    stage.build().unwrap();
    assert!(!stage.layers("sbom/launch/x_y").exists());
}

#[test]
fn an_sbom_in_an_undeclared_format_is_an_error() {
    let mut stage = Stage::new();
    stage.buildpack("a", &[("launch.sbom.spdx.json", "{}")]);
    assert!(matches!(stage.build(), Err(BuildError::Layer(_))));
    assert_eq!(
        stage.message(),
        format!(
            "process layers: '{}' is of media type 'application/spdx+json', which sbom-formats does not list",
            stage.layers("a/launch.sbom.spdx.json").display()
        )
    );
}
