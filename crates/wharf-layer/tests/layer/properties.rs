//! Properties of random trees: archives read back, blobs do not depend on workers, extraction reproduces.
use proptest::{collection, prelude::*};
use std::{
    collections::BTreeMap,
    fs,
    num::NonZeroUsize,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
};
use wharf_layer::{
    Encoder, LayerContent, Method, Owner,
    extract::{ExtractOptions, extract},
};

/// One thing in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Dir { mode: u32 },
    File { mode: u32, content: Vec<u8> },
    Link { target: String },
}

/// A path and what is there; later nodes do not replace earlier ones.
fn nodes() -> impl Strategy<Value = Vec<(Vec<String>, Node)>> {
    let name = prop_oneof![
        4 => "[a-c.]{1,2}".prop_filter("no dots", |name| name != "." && name != ".."),
        1 => "[ -.0-~é日\n]{1,40}".prop_filter("no dots", |name| name != "." && name != ".."),
        1 => "[x-z]{90,130}",
    ];
    let node = prop_oneof![
        (0_u32..0o1000).prop_map(|mode| Node::Dir { mode: mode | 0o700 }),
        (0_u32..0o10000, collection::vec(any::<u8>(), 0..1500)).prop_map(|(mode, content)| {
            Node::File {
                mode: mode | 0o400,
                content,
            }
        }),
        "[a-zé/. ]{1,130}".prop_map(|target| Node::Link { target }),
    ];
    collection::vec((collection::vec(name, 1..4), node), 0..12)
}

/// Makes the tree as far as its nodes do not contradict each other.
fn make(root: &Path, nodes: &[(Vec<String>, Node)]) {
    fs::create_dir(root).unwrap();
    for (names, node) in nodes {
        let path: PathBuf = root.join(names.iter().collect::<PathBuf>());
        if fs::create_dir_all(path.parent().unwrap()).is_err() || path.symlink_metadata().is_ok() {
            continue;
        }
        let parents = path
            .ancestors()
            .skip(1)
            .take_while(|parent| *parent != root);
        if parents.into_iter().any(Path::is_symlink) {
            continue;
        }
        match node {
            Node::Dir { .. } => fs::create_dir(&path).unwrap(),
            Node::File { content, .. } => fs::write(&path, content).unwrap(),
            Node::Link { target } => symlink(target, &path).unwrap(),
        }
        if let Node::Dir { mode } | Node::File { mode, .. } = node {
            fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
        }
    }
}

/// Everything at and below `root`.
fn look(root: &Path) -> BTreeMap<PathBuf, Node> {
    let mut found = BTreeMap::new();
    let mut todo = vec![root.to_owned()];
    while let Some(path) = todo.pop() {
        let metadata = path.symlink_metadata().unwrap();
        let mode = metadata.mode() & 0o7777;
        let node = if metadata.is_dir() {
            todo.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            Node::Dir { mode }
        } else if metadata.is_symlink() {
            let target = fs::read_link(&path).unwrap().to_str().unwrap().to_owned();
            Node::Link { target }
        } else {
            let content = fs::read(&path).unwrap();
            Node::File { mode, content }
        };
        found.insert(path.strip_prefix(root).unwrap().to_owned(), node);
    }
    found
}

/// What the `tar` crate reads below `root`; newlines in extended records are beyond it.
fn read_back(archive: &[u8], root: &Path) -> BTreeMap<PathBuf, Node> {
    let mut found = BTreeMap::new();
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().into_owned();
        let Ok(path) = path.strip_prefix(root) else {
            continue;
        };
        let path = path.to_owned();
        let mode = entry.header().mode().unwrap();
        let node = match entry.header().entry_type() {
            tar::EntryType::Directory => Node::Dir { mode },
            tar::EntryType::Symlink => {
                let target = entry.link_name().unwrap().unwrap();
                Node::Link {
                    target: target.to_str().unwrap().to_owned(),
                }
            }
            _ => {
                let mut content = Vec::new();
                std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
                Node::File { mode, content }
            }
        };
        found.insert(path, node);
    }
    found
}

fn has_newline(tree: &BTreeMap<PathBuf, Node>) -> bool {
    tree.keys()
        .any(|path| path.to_str().unwrap().contains('\n'))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn archives_and_extraction_reproduce_the_tree(nodes in nodes()) {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        let root = base.join("tree");
        make(&root, &nodes);
        let tree = look(&root);
        let content = LayerContent::Tree { root: root.clone(), owner: Owner { uid: 1, gid: 2 } };
        let mut archive = Vec::new();
        content.write_tar(&mut archive).unwrap();
        if !has_newline(&tree) {
            prop_assert_eq!(&read_back(&archive, &root), &tree);
        }

        let options = ExtractOptions {
            strip: root.clone(),
            whiteouts: false,
            owners: false,
            times: false,
            max_entries: 1000,
            max_bytes: 1 << 20,
        };
        let copy = base.join("copy");
        extract(&mut archive.as_slice(), &copy, &options).unwrap();
        prop_assert_eq!(&look(&copy), &tree);

        // A second time over what is there already.
        extract(&mut archive.as_slice(), &copy, &options).unwrap();
        prop_assert_eq!(&look(&copy), &tree);
    }

    #[test]
    fn blobs_are_equal_for_any_number_of_workers(nodes in nodes(), size in 0_usize..4_000_000) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        make(&root, &nodes);
        fs::create_dir_all(root.join("large")).unwrap();
        let bytes: Vec<u8> = (0..size).map(|i| u8::try_from(i * i % 251).unwrap()).collect();
        fs::write(root.join("large/file"), bytes).unwrap();
        let content = LayerContent::Tree { root, owner: Owner { uid: 1, gid: 2 } };
        let encode = |workers| {
            let workers = NonZeroUsize::new(workers).unwrap();
            let encoder = Encoder::new(workers, dir.path(), Method::default());
            let blob = encoder.encode(&content).unwrap();
            (blob.digest, blob.diff_id, blob.size)
        };
        prop_assert_eq!(encode(1), encode(4));
    }
}
