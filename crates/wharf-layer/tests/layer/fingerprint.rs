//! When files count as unchanged, and above all when they do not.
use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};
use wharf_layer::{LayerContent, Owner};
use wharf_spec::digest::Digest;

const OWNER: Owner = Owner {
    uid: 1000,
    gid: 1000,
};

fn tree(root: &Path) -> LayerContent {
    LayerContent::Tree {
        root: root.into(),
        owner: OWNER,
    }
}

fn layer() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap().join("layer");
    fs::create_dir_all(root.join("bin")).unwrap();
    fs::write(root.join("bin/tool"), "content").unwrap();
    symlink("tool", root.join("bin/link")).unwrap();
    (dir, root)
}

/// The fingerprint once it may be kept.
fn settled(content: &LayerContent) -> Digest {
    let taken = content.fingerprint().unwrap().unwrap();
    taken.settle().unwrap().fingerprint()
}

fn now(content: &LayerContent) -> Digest {
    content.fingerprint().unwrap().unwrap().fingerprint()
}

fn run(program: &str, args: &[&Path]) {
    assert!(Command::new(program).args(args).status().unwrap().success());
}

#[test]
fn files_that_nobody_touches_keep_their_fingerprint() {
    let (_dir, root) = layer();
    let kept = settled(&tree(&root));
    fs::read(root.join("bin/tool")).unwrap();
    assert_eq!(now(&tree(&root)), kept);
}

#[test]
fn every_kind_of_change_shows() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 9] = [
        ("an edit of the same size", |root| {
            fs::write(root.join("bin/tool"), "CONTENT").unwrap();
        }),
        ("an edit whose time is put back", |root| {
            let tool = root.join("bin/tool");
            let before = fs::metadata(&tool).unwrap().modified().unwrap();
            fs::write(&tool, "CONTENT").unwrap();
            let file = fs::OpenOptions::new().write(true).open(&tool).unwrap();
            file.set_modified(before).unwrap();
            let after = fs::metadata(&tool).unwrap().modified().unwrap();
            assert_eq!(after, before);
        }),
        ("touch -r", |root| {
            let (tool, other) = (root.join("bin/tool"), root.join("../other"));
            run("touch", &[Path::new("-r"), &tool, &other]);
            fs::write(&tool, "CONTENT").unwrap();
            run("touch", &[Path::new("-r"), &other, &tool]);
            let time = |path: &Path| fs::metadata(path).unwrap().mtime_nsec();
            assert_eq!(time(&tool), time(&other));
        }),
        ("a backup that is put back", |root| {
            let (bin, backup) = (root.join("bin"), root.join("../backup"));
            run("cp", &[Path::new("-a"), &bin, &backup]);
            fs::remove_dir_all(&bin).unwrap();
            fs::rename(&backup, &bin).unwrap();
        }),
        ("another mode", |root| {
            let mode = fs::Permissions::from_mode(0o700);
            fs::set_permissions(root.join("bin/tool"), mode).unwrap();
        }),
        ("a file that replaces another", |root| {
            fs::write(root.join("../new"), "content").unwrap();
            fs::rename(root.join("../new"), root.join("bin/tool")).unwrap();
        }),
        ("another target of a link", |root| {
            fs::remove_file(root.join("bin/link")).unwrap();
            symlink("loot", root.join("bin/link")).unwrap();
        }),
        ("another name", |root| {
            fs::rename(root.join("bin/tool"), root.join("bin/loot")).unwrap();
        }),
        ("one file more", |root| {
            fs::write(root.join("bin/another"), "").unwrap();
        }),
    ];
    for (what, change) in changes {
        let (_dir, root) = layer();
        let kept = settled(&tree(&root));
        change(&root);
        assert_ne!(now(&tree(&root)), kept, "{what}");
    }
}

#[test]
fn a_change_after_the_newest_that_is_known_ends_the_search() {
    let (_dir, root) = layer();
    let content = tree(&root);
    let taken = content.fingerprint().unwrap().unwrap();
    let (seconds, nanoseconds) = taken.newest();
    assert_eq!(
        content.fingerprint_up_to(Some(taken.newest())).unwrap(),
        Some(taken)
    );
    let before = Some((seconds, nanoseconds - 1));
    assert_eq!(content.fingerprint_up_to(before).unwrap(), None);
}

#[test]
fn a_copied_tree_is_not_the_tree() {
    let (_dir, root) = layer();
    let kept = settled(&tree(&root));
    let moved = root.with_file_name("moved");
    fs::rename(&root, &moved).unwrap();
    run("cp", &[Path::new("-a"), &moved, &root]);
    assert_ne!(now(&tree(&root)), kept);
}

#[test]
fn owner_place_and_the_directories_above_belong_to_it() {
    let (_dir, root) = layer();
    let kept = settled(&tree(&root));
    let other_owner = LayerContent::Tree {
        root: root.clone(),
        owner: Owner { uid: 0, gid: 1000 },
    };
    assert_ne!(now(&other_owner), kept);
    let mode = fs::Permissions::from_mode(0o711);
    fs::set_permissions(root.parent().unwrap(), mode).unwrap();
    assert_ne!(now(&tree(&root)), kept);
}

#[test]
fn an_edit_within_one_tick_of_the_last_is_never_missed() {
    let (_dir, root) = layer();
    let tool = root.join("bin/tool");
    for round in 0..200 {
        fs::write(&tool, format!("{round:03}")).unwrap();
        let Some(kept) = tree(&root).fingerprint().unwrap().unwrap().settle() else {
            continue;
        };
        fs::write(&tool, format!("{:03}", round + 500)).unwrap();
        assert_ne!(now(&tree(&root)), kept.fingerprint(), "round {round}");
    }
}

#[test]
fn what_lies_on_no_disk_of_this_machine_is_not_trusted() {
    // A file system whose change times are made up.
    let content = tree(Path::new("/proc/self/fdinfo"));
    assert_eq!(content.fingerprint().unwrap(), None);
    let launcher = LayerContent::Launcher {
        launcher: "/bin/sh".into(),
    };
    assert_eq!(launcher.fingerprint().unwrap(), None);
}
