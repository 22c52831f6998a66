//! Layer content as archives: order, owners, kinds of files, files that change while they are read.
use sha2::{Digest as _, Sha256};
use std::{
    ffi::OsStr,
    fs,
    io::{self, Write},
    num::NonZeroUsize,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
};
use wharf_layer::{
    Encoder, LayerContent, LayerError, Method, Owner,
    tar::{Entry, EntryKind, TarWriter},
};
use wharf_spec::digest::Digest;

const OWNER: Owner = Owner {
    uid: 1000,
    gid: 1001,
};

fn tree(root: &Path) -> LayerContent {
    LayerContent::Tree {
        root: root.into(),
        owner: OWNER,
    }
}

fn diff_id(content: &LayerContent) -> Digest {
    let encoder = Encoder::new(NonZeroUsize::MIN, std::env::temp_dir(), Method::default());
    encoder.diff_id(content).unwrap()
}

fn tar(content: &LayerContent) -> Result<Vec<u8>, LayerError> {
    let mut archive = Vec::new();
    content.write_tar(&mut archive).map(|()| archive)
}

/// An archive that starts with the parents of `root` as they are.
struct Expected(TarWriter<Vec<u8>>);

impl Expected {
    fn below(root: &Path) -> Self {
        let mut parents: Vec<&Path> = root.ancestors().skip(1).collect();
        parents.pop();
        let mut expected = Self(TarWriter::new(Vec::new()));
        for parent in parents.into_iter().rev() {
            let metadata = fs::metadata(parent).unwrap();
            let entry = Entry {
                name: parent.as_os_str().as_bytes().to_vec(),
                kind: EntryKind::Directory,
                mode: metadata.mode() & 0o7777,
                uid: metadata.uid(),
                gid: metadata.gid(),
            };
            expected.0.append(&entry, &mut io::empty()).unwrap();
        }
        expected
    }

    fn entry(mut self, path: &Path, kind: EntryKind, mode: u32, mut content: &[u8]) -> Self {
        let entry = Entry {
            name: path.as_os_str().as_bytes().to_vec(),
            kind,
            mode,
            uid: OWNER.uid,
            gid: OWNER.gid,
        };
        self.0.append(&entry, &mut content).unwrap();
        self
    }

    fn dir(self, path: &Path) -> Self {
        self.entry(path, EntryKind::Directory, 0o755, b"")
    }

    fn file(self, path: &Path, content: &[u8]) -> Self {
        let size = content.len() as u64;
        self.entry(path, EntryKind::File { size }, 0o644, content)
    }

    fn end(self) -> Vec<u8> {
        self.0.finish().unwrap()
    }
}

fn make_dir(path: &Path) {
    fs::create_dir_all(path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn make_file(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
}

/// A directory to be a layer, with nothing in it.
fn layer() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap().join("l");
    make_dir(&root);
    (dir, root)
}

#[test]
fn process_types_and_launcher_have_the_diff_ids_of_the_reference() {
    let types = ["web", "worker"].map(|name| name.parse().unwrap()).to_vec();
    let expected = "sha256:c32b6c6d08c5d84a980a518d1dd9093c22b9e003f2b6b468f12fe1e7cd918b3f";
    let links = LayerContent::ProcessTypes { types };
    assert_eq!(diff_id(&links), expected.parse().unwrap());

    let dir = tempfile::tempdir().unwrap();
    let launcher = dir.path().join("some-launcher");
    fs::write(&launcher, "#!/bin/sh\nexec \"$@\"\n").unwrap();
    let expected = "sha256:06323577b710f3df152992d61815a2ec3c42c1ba1ab7545d91b8a8fce3c8da3d";
    let content = LayerContent::Launcher { launcher };
    assert_eq!(diff_id(&content), expected.parse().unwrap());
}

#[test]
fn a_tree_is_written_depth_first_after_its_real_parents() {
    let (_dir, root) = layer();
    make_dir(&root.join("a"));
    make_file(&root.join("a/x"), b"x");
    make_file(&root.join("a.b"), b"second");
    make_dir(&root.join("empty"));
    let expected = Expected::below(&root)
        .dir(&root)
        .dir(&root.join("a"))
        .file(&root.join("a/x"), b"x")
        .file(&root.join("a.b"), b"second")
        .dir(&root.join("empty"))
        .end();
    assert!(tar(&tree(&root)).unwrap() == expected);
    let digest = Digest::from_bytes(Sha256::digest(&expected).into());
    assert_eq!(diff_id(&tree(&root)), digest);
}

#[test]
fn paths_are_written_in_byte_order_without_what_is_below_them() {
    let (_dir, root) = layer();
    make_dir(&root.join("a"));
    make_file(&root.join("a/x"), b"x");
    make_file(&root.join("a/y"), b"left out");
    make_file(&root.join("a.b"), b"second");
    let content = LayerContent::Paths {
        root: root.clone(),
        paths: ["a/x", "a.b", "a", ""]
            .map(|name| root.join(name).components().collect())
            .to_vec(),
        owner: OWNER,
    };
    let expected = Expected::below(&root)
        .dir(&root)
        .dir(&root.join("a"))
        .file(&root.join("a.b"), b"second")
        .file(&root.join("a/x"), b"x")
        .end();
    assert!(tar(&content).unwrap() == expected);
}

#[test]
fn every_kind_of_file_is_written_but_sockets() {
    let (_dir, root) = layer();
    make_file(&root.join("file"), b"one");
    fs::hard_link(root.join("file"), root.join("hard")).unwrap();
    fs::set_permissions(root.join("file"), fs::Permissions::from_mode(0o6751)).unwrap();
    symlink("../any where", root.join("link")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        root.join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    let _socket = UnixListener::bind(root.join("socket")).unwrap();
    let odd = root.join(OsStr::from_bytes(b"\xffodd"));
    make_file(&odd, b"");
    let (file, link) = (
        EntryKind::File { size: 3 },
        EntryKind::Symlink {
            target: b"../any where".to_vec(),
        },
    );
    let expected = Expected::below(&root)
        .dir(&root)
        .entry(&root.join("file"), file.clone(), 0o6751, b"one")
        .entry(&root.join("hard"), file, 0o6751, b"one")
        .entry(&root.join("link"), link, 0o777, b"")
        .entry(&root.join("pipe"), EntryKind::Fifo, 0o600, b"")
        .file(&odd, b"")
        .end();
    assert!(tar(&tree(&root)).unwrap() == expected);
}

#[test]
fn a_root_that_is_no_directory_is_an_error_with_its_path() {
    let (_dir, root) = layer();
    let message = |path: &Path| tar(&tree(path)).unwrap_err().to_string();
    let link = root.with_file_name("link");
    symlink(&root, &link).unwrap();
    assert_eq!(
        message(&link),
        format!(
            "'{}' is a symbolic link, a layer must be a directory",
            link.display()
        )
    );
    let file = root.join("file");
    make_file(&file, b"");
    assert_eq!(
        message(&file),
        format!("'{}' is not a directory", file.display())
    );
    let missing = root.join("missing");
    assert_eq!(
        message(&missing),
        format!("read directory '{}'", missing.display())
    );
    for path in ["relative", "/tmp/../etc"] {
        assert_eq!(
            message(Path::new(path)),
            format!("'{path}' is not an absolute path without '..'")
        );
    }
    assert_eq!(
        message(Path::new("/")),
        "'/' is the root of the file system"
    );
}

#[test]
fn a_missing_launcher_is_named() {
    let launcher = PathBuf::from("/nowhere/launcher");
    let error = tar(&LayerContent::Launcher { launcher }).unwrap_err();
    assert_eq!(error.to_string(), "read launcher '/nowhere/launcher'");
}

#[test]
fn the_spelling_of_the_root_does_not_matter() {
    let (_dir, root) = layer();
    make_file(&root.join("f"), b"f");
    let odd = PathBuf::from(format!("/./{}//", root.display()));
    assert!(tar(&tree(&odd)).unwrap() == tar(&tree(&root)).unwrap());
}

/// Acts once, when the archive has reached the bytes `trigger`.
struct Meddler<F> {
    trigger: &'static [u8],
    act: Option<F>,
}

impl<F: FnOnce()> Write for Meddler<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let reached = bytes
            .windows(self.trigger.len())
            .any(|part| part == self.trigger);
        if reached && let Some(act) = self.act.take() {
            act();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_named() {
    let big = vec![b'a'; 3_000_000];
    let append = |path: &Path| {
        let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(b"more").unwrap();
    };
    let cut = |path: &Path| {
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(2_500_000).unwrap();
    };
    let rewrite = |path: &Path| {
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        let times = fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH);
        file.set_times(times).unwrap();
    };
    let changes: [&dyn Fn(&Path); 3] = [&append, &cut, &rewrite];
    for change in changes {
        let (_dir, root) = layer();
        let path = root.join("file");
        make_file(&path, &big);
        let mut out = Meddler {
            trigger: b"aaaa",
            act: Some(|| change(&path)),
        };
        let error = tree(&root).write_tar(&mut out).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "'{}' changed while it was being read; nothing was written",
                path.display()
            )
        );
    }
}

#[test]
fn a_file_that_vanishes_or_becomes_something_else_is_named() {
    let vanish = |path: &Path| fs::remove_file(path).unwrap();
    let replace = |path: &Path| {
        fs::remove_file(path).unwrap();
        symlink("/etc/passwd", path).unwrap();
    };
    let (_dir, root) = layer();
    let first = [b"trigger".to_vec(), vec![0; 2_000_000]].concat();
    make_file(&root.join("a-first"), &first);
    make_file(&root.join("z-last"), b"content");
    let path = root.join("z-last");
    let mut out = Meddler {
        trigger: b"trigger",
        act: Some(|| vanish(&path)),
    };
    let error = tree(&root).write_tar(&mut out).unwrap_err();
    assert!(matches!(error, LayerError::Changed { path: named } if named == path));

    // A link in place of a file is a consistent tree again, and is not followed.
    make_file(&path, b"content");
    let mut out = Meddler {
        trigger: b"trigger",
        act: Some(|| replace(&path)),
    };
    tree(&root).write_tar(&mut out).unwrap();
    let target = EntryKind::Symlink {
        target: b"/etc/passwd".to_vec(),
    };
    let expected = Expected::below(&root)
        .dir(&root)
        .file(&root.join("a-first"), &first)
        .entry(&path, target, 0o777, b"")
        .end();
    assert!(tar(&tree(&root)).unwrap() == expected);
}

#[test]
fn a_failing_receiver_is_a_write_error() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (_dir, root) = layer();
    let error = tree(&root).write_tar(&mut Full).unwrap_err();
    assert!(
        matches!(error, LayerError::Write(source) if source.kind() == io::ErrorKind::StorageFull)
    );
}

#[test]
fn paths_outside_the_app_are_refused() {
    let (_dir, root) = layer();
    let outside = root.with_file_name("other");
    let content = LayerContent::Paths {
        root,
        paths: vec![outside.clone()],
        owner: OWNER,
    };
    assert_eq!(
        tar(&content).unwrap_err().to_string(),
        format!("'{}' is not below the app directory", outside.display())
    );
}
