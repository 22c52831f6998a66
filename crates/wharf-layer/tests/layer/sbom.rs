//! SBOM files from beside layers to below `<layers>/sbom` and back.
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};
use wharf_layer::{
    layers_dir::{self, BuildpackLayer},
    sbom::{SbomFile, SbomFormat, SbomKind, SbomSubject, collect, distribute, find},
};
use wharf_spec::id::BuildpackId;

struct Layers {
    dir: tempfile::TempDir,
    buildpack: BuildpackId,
}

impl Layers {
    /// The layers directory of one buildpack with these files.
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("example_bp")).unwrap();
        for (name, content) in files {
            fs::write(dir.path().join("example_bp").join(name), content).unwrap();
        }
        Self {
            dir,
            buildpack: "example/bp".parse().unwrap(),
        }
    }

    fn root(&self) -> &Path {
        self.dir.path()
    }

    fn own(&self) -> PathBuf {
        self.root().join("example_bp")
    }

    fn layers(&self) -> Vec<BuildpackLayer> {
        layers_dir::read(&self.own()).unwrap()
    }

    fn collect(&self, declared: &[SbomFormat]) -> Result<Vec<String>, String> {
        let written = collect(self.root(), &self.buildpack, &self.layers(), declared);
        let relative = |path: &PathBuf| {
            path.strip_prefix(self.root())
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        };
        written
            .map(|written| written.iter().map(relative).collect())
            .map_err(|error| error.to_string())
    }
}

const LAUNCH: &str = "[types]\nlaunch = true\n";
const LAUNCH_AND_CACHE: &str = "[types]\nlaunch = true\ncache = true\n";
const BUILD_AND_CACHE: &str = "[types]\nbuild = true\ncache = true\n";

#[test]
fn files_go_where_their_layer_goes() {
    let layers = Layers::new(&[
        ("l.toml", LAUNCH),
        ("lc.toml", LAUNCH_AND_CACHE),
        ("bc.toml", BUILD_AND_CACHE),
        ("none.toml", ""),
        ("l.sbom.cdx.json", "l"),
        ("lc.sbom.spdx.json", "lc"),
        ("bc.sbom.syft.json", "bc"),
        ("none.sbom.cdx.json", "none"),
        ("launch.sbom.cdx.json", "launch"),
        ("build.sbom.cdx.json", "build"),
        ("unknown.sbom.cdx.json", "left alone"),
    ]);
    assert_eq!(
        layers.collect(&SbomFormat::ALL).unwrap(),
        [
            "sbom/build/example_bp/bc/sbom.syft.json",
            "sbom/cache/example_bp/bc/sbom.syft.json",
            "sbom/build/example_bp/sbom.cdx.json",
            "sbom/launch/example_bp/l/sbom.cdx.json",
            "sbom/launch/example_bp/sbom.cdx.json",
            "sbom/launch/example_bp/lc/sbom.spdx.json",
            "sbom/cache/example_bp/lc/sbom.spdx.json",
            "sbom/build/example_bp/none/sbom.cdx.json",
        ]
    );
    let copy = layers
        .root()
        .join("sbom/cache/example_bp/lc/sbom.spdx.json");
    assert_eq!(fs::read_to_string(&copy).unwrap(), "lc");
    assert_eq!(
        fs::metadata(&copy).unwrap().permissions().mode() & 0o7777,
        0o644
    );
}

#[test]
fn names_with_dots_belong_to_the_longest_layer() {
    let layers = Layers::new(&[
        ("a.toml", LAUNCH),
        ("a.b.toml", LAUNCH),
        ("a.sbom.x.toml", LAUNCH),
        ("a.sbom.toml", LAUNCH),
        ("a.sbom.cdx.json", ""),
        ("a.sbom.sbom.cdx.json", ""),
        ("a.b.sbom.cdx.json", ""),
        ("a.b.c.sbom.cdx.json", "of nobody"),
        ("a.sbom.x.sbom.cdx.json", ""),
    ]);
    let file = |name: &str, layer: &str| SbomFile {
        path: layers.own().join(name),
        subject: SbomSubject::Layer(layer.parse().unwrap()),
        format: SbomFormat::CycloneDx,
    };
    assert_eq!(
        find(&layers.own(), &layers.layers()).unwrap(),
        [
            file("a.b.sbom.cdx.json", "a.b"),
            file("a.sbom.cdx.json", "a"),
            file("a.sbom.sbom.cdx.json", "a.sbom"),
            file("a.sbom.x.sbom.cdx.json", "a.sbom.x"),
        ]
    );
}

#[test]
fn an_unknown_or_undeclared_format_is_an_error_and_nothing_is_written() {
    let layers = Layers::new(&[
        ("l.toml", LAUNCH),
        ("a.toml", LAUNCH),
        ("a.sbom.cdx.json", ""),
    ]);
    let odd = layers.own().join("l.sbom.xyz.json");
    fs::write(&odd, "").unwrap();
    assert_eq!(
        layers.collect(&SbomFormat::ALL).unwrap_err(),
        format!(
            "'{}' is in no SBOM format, expected the extension cdx.json, spdx.json or syft.json",
            odd.display()
        )
    );
    fs::remove_file(&odd).unwrap();
    let spdx = layers.own().join("l.sbom.spdx.json");
    fs::write(&spdx, "").unwrap();
    assert_eq!(
        layers.collect(&[SbomFormat::CycloneDx]).unwrap_err(),
        format!(
            "'{}' is of media type 'application/spdx+json', which sbom-formats does not list",
            spdx.display()
        )
    );
    assert!(!layers.root().join("sbom").exists());
}

#[test]
fn a_link_is_not_an_sbom() {
    let layers = Layers::new(&[("l.toml", LAUNCH)]);
    let link = layers.own().join("l.sbom.cdx.json");
    symlink("/etc/passwd", &link).unwrap();
    assert_eq!(
        layers.collect(&SbomFormat::ALL).unwrap_err(),
        format!("'{}' is not a file", link.display())
    );
}

#[test]
fn media_types_stand_for_formats() {
    let names = SbomFormat::ALL.map(|format| (format.media_type(), format.extension()));
    assert_eq!(
        names,
        [
            ("application/vnd.cyclonedx+json", "cdx.json"),
            ("application/spdx+json", "spdx.json"),
            ("application/vnd.syft+json", "syft.json"),
        ]
    );
    for format in SbomFormat::ALL {
        assert_eq!(
            SbomFormat::from_media_type(format.media_type()),
            Some(format)
        );
    }
    assert_eq!(SbomFormat::from_media_type("text/plain"), None);
}

#[test]
fn restored_files_come_back_beside_their_layer() {
    let layers = Layers::new(&[("a.b.toml", LAUNCH), ("a.b.sbom.cdx.json", "old")]);
    layers.collect(&SbomFormat::ALL).unwrap();
    let own = layers.own().join("a.b.sbom.cdx.json");
    fs::remove_file(&own).unwrap();
    let layer = "a.b".parse().unwrap();
    let back = |kind| distribute(layers.root(), kind, &layers.buildpack, &layer).unwrap();
    assert_eq!(back(SbomKind::Cache), Vec::<PathBuf>::new());
    assert_eq!(back(SbomKind::Launch), std::slice::from_ref(&own));
    assert_eq!(fs::read_to_string(&own).unwrap(), "old");
    assert_eq!(
        fs::metadata(&own).unwrap().permissions().mode() & 0o7777,
        0o644
    );
}

#[test]
fn restored_links_are_not_followed() {
    let layers = Layers::new(&[("secret", "outside")]);
    let dir = layers.root().join("sbom/launch/example_bp/l");
    fs::create_dir_all(&dir).unwrap();
    symlink(layers.own().join("secret"), dir.join("sbom.cdx.json")).unwrap();
    let linked = layers.root().join("sbom/launch/example_bp/m");
    fs::create_dir(layers.root().join("elsewhere")).unwrap();
    fs::write(layers.root().join("elsewhere/sbom.cdx.json"), "outside").unwrap();
    symlink(layers.root().join("elsewhere"), linked).unwrap();
    for name in ["l", "m"] {
        let layer = name.parse().unwrap();
        let written = distribute(layers.root(), SbomKind::Launch, &layers.buildpack, &layer);
        assert_eq!(written.unwrap(), Vec::<PathBuf>::new());
    }
}
