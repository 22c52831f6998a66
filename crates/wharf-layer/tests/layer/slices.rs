//! Slices of an app: what is in which layer.
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};
use wharf_layer::{LayerContent, Owner, slices::split};
use wharf_spec::files::launch::Slice;

const OWNER: Owner = Owner {
    uid: 1000,
    gid: 1000,
};

/// An app with these files; a name that ends in a slash is a directory.
fn app(names: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let app = dir.path().join("app");
    fs::create_dir(&app).unwrap();
    for name in names {
        let path = app.join(name);
        if name.ends_with('/') {
            fs::create_dir_all(path).unwrap();
        } else {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
    }
    (dir, app)
}

/// The paths of every layer, relative to the app, which itself is ".".
fn layers(app: &Path, slices: &[&[&str]]) -> Vec<Vec<String>> {
    let slice = |paths: &&[&str]| Slice {
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
    };
    let slices: Vec<Slice> = slices.iter().map(slice).collect();
    let relative = |path: &PathBuf| match path.strip_prefix(app).unwrap().to_str().unwrap() {
        "" => ".".to_owned(),
        name => name.to_owned(),
    };
    let paths = |content: LayerContent| match content {
        LayerContent::Paths { root, paths, owner } => {
            assert_eq!((root.as_path(), owner), (app, OWNER));
            paths.iter().map(relative).collect()
        }
        other => panic!("{other:?}"),
    };
    let split = split(app, &slices, OWNER).unwrap();
    split.into_iter().map(paths).collect()
}

#[test]
fn without_slices_all_is_one_layer_in_byte_order() {
    let (_dir, app) = app(&["a/x", "a.b", "a-"]);
    assert_eq!(layers(&app, &[]), [[".", "a", "a-", "a.b", "a/x"]]);
}

#[test]
fn the_golden_slice_takes_the_subtree_its_parents_and_leaves_the_rest() {
    let (_dir, app) = app(&["bin/run", "main.txt", "public/a.css", "public/img/x.png"]);
    symlink("main.txt", app.join("link")).unwrap();
    assert_eq!(
        layers(&app, &[&["public/**", "*.none"]]),
        [
            vec![
                ".",
                "public",
                "public/a.css",
                "public/img",
                "public/img/x.png"
            ],
            vec![".", "bin", "bin/run", "link", "main.txt"],
        ]
    );
}

#[test]
fn the_first_slice_wins_and_later_ones_repeat_only_parents() {
    let (_dir, app) = app(&["d/a", "d/b", "d/c", "e"]);
    assert_eq!(
        layers(&app, &[&["d/a"], &["d"], &["d/*", "e"]]),
        [
            vec![".", "d", "d/a"],
            vec![".", "d", "d/b", "d/c"],
            vec![".", "e"],
            vec![],
        ]
    );
}

#[test]
fn a_directory_whose_entries_are_all_gone_is_not_brought_again() {
    let (_dir, app) = app(&["d/a", "d/b", "rest"]);
    assert_eq!(
        layers(&app, &[&["d/*"], &["d"]]),
        [vec![".", "d", "d/a", "d/b"], vec![], vec![".", "rest"]]
    );
}

#[test]
fn a_directory_with_something_left_is_in_the_last_layer_too() {
    let (_dir, app) = app(&["d/a", "d/e/", "d/b"]);
    assert_eq!(
        layers(&app, &[&["d/a"], &["d/b"]]),
        [
            vec![".", "d", "d/a"],
            vec![".", "d", "d/b"],
            vec![".", "d", "d/e"],
        ]
    );
}

#[test]
fn a_slice_without_match_and_a_rest_without_files_are_empty_layers() {
    let (_dir, app) = app(&["a"]);
    assert_eq!(
        layers(&app, &[&["missing/*", "*.none"], &["."]]),
        [vec![], vec![".", "a"], vec![]]
    );
}

#[test]
fn links_are_not_followed() {
    let (_dir, app) = app(&["real/file"]);
    symlink("real", app.join("link")).unwrap();
    assert_eq!(
        layers(&app, &[&["link/*"], &["link"]]),
        [vec![], vec![".", "link"], vec![".", "real", "real/file"],]
    );
}

#[test]
fn absolute_patterns_inside_the_app_are_understood() {
    let (_dir, app) = app(&["a/b", "c"]);
    let pattern = format!("{}/a/*", app.display());
    assert_eq!(
        layers(&app, &[&[&pattern]]),
        [vec![".", "a", "a/b"], vec![".", "c"]]
    );
}

#[test]
fn patterns_that_leave_the_app_are_errors_that_name_them() {
    let (_dir, app) = app(&[]);
    for (pattern, reason) in [("../*", "leaves the app directory"), ("[", "is malformed")] {
        let slices = [Slice {
            paths: vec![pattern.to_owned()],
        }];
        let error = split(&app, &slices, OWNER).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("slice pattern '{pattern}' {reason}")
        );
    }
}

#[test]
fn an_empty_layer_is_two_zero_blocks() {
    let (_dir, app) = app(&["a"]);
    let slices = [Slice {
        paths: vec!["none".to_owned()],
    }];
    let layers = split(&app, &slices, OWNER).unwrap();
    let mut archive = Vec::new();
    layers[0].write_tar(&mut archive).unwrap();
    assert_eq!(archive, [0; 1024]);
}
