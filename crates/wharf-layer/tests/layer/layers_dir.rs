//! What buildpacks left in their layers directory.
use std::{
    error::Error,
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink, net::UnixListener},
    path::Path,
};
use wharf_layer::{
    LayerError,
    layers_dir::{BuildpackLayer, read},
};
use wharf_spec::files::layer_content_metadata::{LayerContentMetadata, LayerTypes};

fn empty_dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn launch() -> LayerContentMetadata {
    LayerContentMetadata {
        types: Some(LayerTypes {
            launch: true,
            build: false,
            cache: false,
        }),
        ..Default::default()
    }
}

#[test]
fn directories_and_toml_files_are_layers_sorted_by_name() {
    let dir = empty_dir();
    let path = dir.path();
    for name in ["with-both", "a.b", "zz"] {
        fs::create_dir(path.join(name)).unwrap();
    }
    for name in ["with-both.toml", "only-toml.toml"] {
        fs::write(path.join(name), "[types]\nlaunch = true\n").unwrap();
    }
    for name in ["launch.toml", "build.toml", "store.toml"] {
        fs::write(path.join(name), "not even = [toml").unwrap();
    }
    for name in ["zz.sbom.cdx.json", "launch.sbom.spdx.json", "README"] {
        fs::write(path.join(name), "{}").unwrap();
    }
    symlink("/etc", path.join("unrelated-link")).unwrap();
    let layer = |name: &str, has_directory, has_metadata| BuildpackLayer {
        name: name.parse().unwrap(),
        path: path.join(name),
        has_directory,
        has_metadata,
        metadata: if has_metadata {
            launch()
        } else {
            LayerContentMetadata::default()
        },
    };
    assert_eq!(
        read(path).unwrap(),
        [
            layer("a.b", true, false),
            layer("only-toml", false, true),
            layer("with-both", true, true),
            layer("zz", true, false),
        ]
    );
}

#[test]
fn a_directory_with_a_reserved_name_is_an_error() {
    let dir = empty_dir();
    let path = dir.path().join("launch");
    fs::create_dir(&path).unwrap();
    assert_eq!(
        read(dir.path()).unwrap_err().to_string(),
        format!(
            "'{}' is not a layer: the specification reserves its name",
            path.display()
        )
    );
}

#[test]
fn a_missing_directory_has_no_layers() {
    assert_eq!(read(&empty_dir().path().join("missing")).unwrap(), []);
}

#[test]
fn a_link_or_file_in_place_of_a_described_layer_is_an_error() {
    let dir = empty_dir();
    let path = dir.path().join("l");
    fs::write(dir.path().join("l.toml"), "").unwrap();
    let message = || read(dir.path()).unwrap_err().to_string();
    symlink("/", &path).unwrap();
    let named = path.display();
    assert_eq!(
        message(),
        format!("'{named}' is a symbolic link, a layer must be a directory")
    );
    fs::remove_file(&path).unwrap();
    fs::write(&path, "").unwrap();
    assert_eq!(message(), format!("'{named}' is not a directory"));
    fs::remove_file(&path).unwrap();
    let _socket = UnixListener::bind(&path).unwrap();
    assert_eq!(message(), format!("'{named}' is not a directory"));
}

#[test]
fn the_directory_of_the_buildpack_must_be_one() {
    let dir = empty_dir();
    let link = dir.path().join("link");
    symlink("/", &link).unwrap();
    assert_eq!(
        read(&link).unwrap_err().to_string(),
        format!("'{}' is not a directory", link.display())
    );
}

#[test]
fn a_toml_that_is_a_link_or_directory_is_an_error() {
    let dir = empty_dir();
    let toml = dir.path().join("l.toml");
    symlink("/etc/hostname", &toml).unwrap();
    assert_eq!(
        read(dir.path()).unwrap_err().to_string(),
        format!("'{}' is not a file", toml.display())
    );
    fs::remove_file(&toml).unwrap();
    fs::create_dir(&toml).unwrap();
    read(dir.path()).unwrap_err();
}

#[test]
fn flags_at_top_level_are_an_error_that_says_where_they_belong() {
    let dir = empty_dir();
    let toml = dir.path().join("l.toml");
    fs::write(&toml, "cache = false\n[metadata]\nlaunch = true\n").unwrap();
    assert_eq!(
        read(dir.path()).unwrap_err().to_string(),
        format!(
            "'{}' sets 'cache' at top level, it belongs into the table [types]",
            toml.display()
        )
    );
    fs::write(&toml, "[metadata]\nlaunch = true\n").unwrap();
    read(dir.path()).unwrap();
}

#[test]
fn malformed_toml_names_file_line_and_column() {
    let dir = empty_dir();
    let toml = dir.path().join("l.toml");
    for content in ["[types]\nlaunch = maybe\n", "[types]\nlaunch = 1\n"] {
        fs::write(&toml, content).unwrap();
        let error = read(dir.path()).unwrap_err();
        assert_eq!(error.to_string(), format!("parse '{}'", toml.display()));
        let cause = error.source().unwrap().to_string();
        assert!(cause.contains("line 2, column 10"), "{cause}");
    }
    fs::write(&toml, b"a = \"\xff\"").unwrap();
    assert!(matches!(read(dir.path()), Err(LayerError::Parse { path, .. }) if path == toml));
}

#[test]
fn toml_of_unreasonable_size_is_refused() {
    let dir = empty_dir();
    let toml = dir.path().join("l.toml");
    let comment = |bytes: usize| format!("#{}\n", "x".repeat(bytes - 2));
    fs::write(&toml, comment(1024 * 1024)).unwrap();
    read(dir.path()).unwrap();
    fs::write(&toml, comment(1024 * 1024 + 1)).unwrap();
    assert_eq!(
        read(dir.path()).unwrap_err().to_string(),
        format!("'{}' is larger than 1048576 bytes", toml.display())
    );
}

#[test]
fn names_that_are_not_utf8_are_an_error_with_the_path() {
    for name in [&b"\xff"[..], b"\xff.toml"] {
        let dir = empty_dir();
        let path = dir.path().join(OsStr::from_bytes(name));
        if Path::new(OsStr::from_bytes(name)).extension().is_some() {
            fs::write(&path, "").unwrap();
        } else {
            fs::create_dir(&path).unwrap();
        }
        assert_eq!(
            read(dir.path()).unwrap_err().to_string(),
            format!("'{}' has a name that is not UTF-8", path.display())
        );
    }
}
