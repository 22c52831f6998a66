//! Images unpacked into the store.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not known as tests"
)]
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    thread,
};
use tempfile::TempDir;
use wharf_image::Image;
use wharf_sandbox::{RootFsStore, rootfs};
use wharf_spec::reference::Reference;
use wharf_testkit::{image_recipe::ImageRecipe, memory_store::MemoryStore};

fn reference() -> Reference {
    "registry.example/base:1".parse().unwrap()
}

fn stored(recipe: &ImageRecipe) -> (MemoryStore, Image) {
    let store = MemoryStore::new();
    let image = recipe.push(&store, &[&reference()]);
    (store, image)
}

fn two_layers() -> ImageRecipe {
    ImageRecipe::new()
        .layer(&[
            ("etc/", b"", 0o755),
            ("etc/kept", b"first", 0o640),
            ("etc/changed", b"first", 0o644),
            ("etc/removed", b"first", 0o644),
            ("old/below/file", b"first", 0o644),
            ("bin/tool", b"#!", 0o4755),
            ("closed/", b"", 0o555),
        ])
        .layer(&[
            ("etc/changed", b"second", 0o644),
            ("etc/.wh.removed", b"", 0o644),
            ("old/.wh..wh..opq", b"", 0o644),
            ("old/new", b"second", 0o644),
        ])
}

/// Every path below `dir`, directories with a slash.
fn listing(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(relative) = open.pop() {
        for entry in fs::read_dir(dir.join(&relative)).unwrap() {
            let path = relative.join(entry.unwrap().file_name());
            let is_directory = dir.join(&path).is_dir();
            found.push(format!(
                "{}{}",
                path.display(),
                if is_directory { "/" } else { "" }
            ));
            if is_directory {
                open.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn stacks_layers_and_applies_whiteouts() {
    let (images, image) = stored(&two_layers());
    let temp = TempDir::new().unwrap();
    let store = RootFsStore::new(temp.path().join("rootfs"));
    let root = store.unpack(&images, &reference(), &image).unwrap();
    let expected = [
        "bin/",
        "bin/tool",
        "closed/",
        "etc/",
        "etc/changed",
        "etc/kept",
        "old/",
        "old/new",
    ];
    assert_eq!(listing(&root), expected);
    assert_eq!(
        fs::read_to_string(root.join("etc/changed")).unwrap(),
        "second"
    );
    let mode = |name: &str| fs::metadata(root.join(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(
        [mode("etc/kept"), mode("closed"), mode("bin/tool")],
        [0o640, 0o555, 0o4755]
    );
    let outside = fs::metadata(temp.path().join("rootfs")).unwrap();
    assert_eq!(outside.permissions().mode() & 0o777, 0o700);
}

#[test]
fn unpacks_once_even_when_asked_from_all_sides() {
    let (images, image) = stored(&two_layers());
    let temp = TempDir::new().unwrap();
    let store = RootFsStore::new(temp.path());
    let unpack = || store.unpack(&images, &reference(), &image).unwrap();
    let roots: Vec<PathBuf> = thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(unpack)).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .collect()
    });
    assert!(roots.iter().all(|root| *root == roots[0]));
    // Nothing is read again: a mark that the first unpacking did not make stays.
    fs::write(roots[0].join("mark"), "").unwrap();
    assert!(unpack().join("mark").exists());
}

#[test]
fn starts_over_where_a_killed_run_stopped() {
    let (images, image) = stored(&two_layers());
    let temp = TempDir::new().unwrap();
    let store = RootFsStore::new(temp.path());
    let root = store.unpack(&images, &reference(), &image).unwrap();
    let unfinished = root.with_extension("unfinished");
    fs::rename(&root, &unfinished).unwrap();
    fs::write(unfinished.join("half"), "").unwrap();
    fs::set_permissions(unfinished.join("etc"), fs::Permissions::from_mode(0o000)).unwrap();
    assert_eq!(store.unpack(&images, &reference(), &image).unwrap(), root);
    assert!(!root.join("half").exists());
    assert!(!unfinished.exists());
}

#[test]
fn images_with_equal_layers_share_a_root_and_others_do_not() {
    let temp = TempDir::new().unwrap();
    let store = RootFsStore::new(temp.path());
    let unpack = |recipe: &ImageRecipe| {
        let (images, image) = stored(recipe);
        store.unpack(&images, &reference(), &image).unwrap()
    };
    let labelled = two_layers().label("only", "the config differs");
    let longer = two_layers().layer(&[("more", b"third", 0o644)]);
    assert_eq!(unpack(&two_layers()), unpack(&labelled));
    assert_ne!(unpack(&two_layers()), unpack(&longer));
}

#[test]
fn leaves_nothing_under_its_name_when_a_layer_is_bad() {
    let (images, image) = stored(&two_layers().raw_layer(vec![7; 1024]));
    let temp = TempDir::new().unwrap();
    let store = RootFsStore::new(temp.path());
    let error = store.unpack(&images, &reference(), &image).unwrap_err();
    let diff_id = image.layers()[2].diff_id;
    assert_eq!(error.to_string(), format!("extract layer {diff_id}"));
    let names = listing(temp.path());
    let complete = names
        .iter()
        .filter(|name| name.len() == 65 && name.ends_with('/'));
    assert_eq!(complete.count(), 0, "{names:?}");
}

#[test]
fn an_image_without_layers_is_refused() {
    let (images, image) = stored(&ImageRecipe::new());
    let temp = TempDir::new().unwrap();
    let error = RootFsStore::new(temp.path())
        .unpack(&images, &reference(), &image)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "unpack 'registry.example/base:1': it has no layers"
    );
}

#[test]
fn reads_files_as_a_process_inside_would() {
    let temp = TempDir::new().unwrap();
    let root = temp.path().join("root");
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::write(root.join("etc/passwd"), "inside").unwrap();
    fs::write(temp.path().join("secret"), "outside").unwrap();
    symlink("/etc/passwd", root.join("absolute")).unwrap();
    symlink("../../../secret", root.join("leaves")).unwrap();
    let read = |path: &str| rootfs::read_file(&root, Path::new(path), 10);
    assert_eq!(read("etc/passwd").as_deref(), Some(&b"inside"[..]));
    assert_eq!(read("/absolute").as_deref(), Some(&b"inside"[..]));
    assert_eq!(read("leaves"), None);
    assert_eq!(rootfs::read_file(&root, Path::new("etc/passwd"), 5), None);
}
