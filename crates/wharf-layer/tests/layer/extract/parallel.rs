//! Several threads leave what one would leave.
use super::{Archive, listing, options, place};
use proptest::{collection, prelude::*};
use sha2::{Digest as _, Sha256};
use std::{
    fs,
    io::Read,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
};
use wharf_layer::{
    Checksum, Sealer,
    extract::{ExtractError, ExtractOptions, Extracted, Writers, extract_verified},
};
use wharf_spec::digest::Digest;

/// An entry of an archive; names are few, so that entries meet each other in every way.
#[derive(Debug, Clone)]
enum Entry {
    Dir(String, u32),
    File(String, u32, usize),
    Symlink(String, String),
    HardLink(String, String),
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let name = || {
        prop_oneof![
            6 => collection::vec("[a-c]", 1..4).prop_map(|names| names.join("/")),
            3 => (0..400_u32).prop_map(|number| format!("huge/{number}")),
            1 => collection::vec("[x-z]{20,30}", 3..4).prop_map(|names| names.join("/")),
        ]
    };
    let size = prop_oneof![
        30 => 0..3000_usize,
        1 => 262_000..263_000_usize,
        1 => 500_000..900_000_usize,
    ];
    let entry = prop_oneof![
        2 => (name(), 0..0o1000_u32).prop_map(|(name, mode)| Entry::Dir(name, mode | 0o700)),
        8 => (name(), 0..0o10000_u32, size)
            .prop_map(|(name, mode, size)| Entry::File(name, mode | 0o400, size)),
        1 => (name(), "[a-c]{1,3}").prop_map(|(name, target)| Entry::Symlink(name, target)),
        1 => (name(), name()).prop_map(|(name, target)| Entry::HardLink(name, target)),
    ];
    (collection::vec(entry, 0..120), any::<bool>()).prop_map(|(mut entries, dangling)| {
        if !dangling {
            link_to_earlier_files(&mut entries);
        }
        entries
    })
}

/// Or most archives would end at their first hard link.
fn link_to_earlier_files(entries: &mut [Entry]) {
    let mut last = None;
    for entry in entries {
        match entry {
            Entry::File(name, ..) => last = Some(name.clone()),
            Entry::HardLink(name, target) => match last.take() {
                Some(file) if file != *name && !Path::new(&file).starts_with(&*name) => {
                    *target = file;
                }
                _ => *entry = Entry::Symlink(name.clone(), target.clone()),
            },
            _ => {}
        }
    }
}

fn content(at: usize, size: usize) -> Vec<u8> {
    let byte = |index: usize| u8::try_from((index * 31 + index / 509 + at) % 251).unwrap();
    // Holes of sparse files are zeros like any other.
    (0..size)
        .map(|index| {
            if index / 5000 % 3 == 1 {
                0
            } else {
                byte(index)
            }
        })
        .collect()
}

/// The plain way: one entry after the other, with the means of the standard library. Entries that cannot be made end it
/// like the archive that has them.
fn oracle(entries: &[Entry], root: &Path) -> Result<(), ()> {
    fs::create_dir(root).unwrap();
    let mut modes = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let (Entry::Dir(name, _)
        | Entry::File(name, ..)
        | Entry::Symlink(name, _)
        | Entry::HardLink(name, _)) = entry;
        let path = root.join(name);
        if let Entry::HardLink(name, target) = entry {
            if name == target {
                return Err(());
            }
            let target = root.join(target);
            let parent = target.parent().unwrap();
            let parents = parent.ancestors().take_while(|parent| *parent != root);
            if parents.into_iter().any(Path::is_symlink) || target.symlink_metadata().is_err() {
                return Err(());
            }
            if target.symlink_metadata().unwrap().is_dir() {
                return Err(());
            }
        }
        make_way(root, &path, matches!(entry, Entry::Dir(..)), &mut modes);
        match entry {
            Entry::Dir(_, mode) => {
                if !path.is_dir() {
                    fs::create_dir(&path).unwrap();
                }
                modes.retain(|(other, _)| *other != path);
                modes.push((path, *mode));
            }
            Entry::File(_, mode, size) => {
                fs::write(&path, content(at, *size)).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
            }
            Entry::Symlink(_, target) => symlink(target, &path).unwrap(),
            Entry::HardLink(_, target) => fs::hard_link(root.join(target), &path).map_err(drop)?,
        }
    }
    for (path, mode) in modes {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    Ok(())
}

/// Makes parents, and removes what is in the way.
fn make_way(root: &Path, path: &Path, is_dir: bool, modes: &mut Vec<(std::path::PathBuf, u32)>) {
    let parents: Vec<_> = path
        .ancestors()
        .skip(1)
        .take_while(|parent| *parent != root)
        .collect();
    for parent in parents.into_iter().rev() {
        let is_there = parent.symlink_metadata().is_ok();
        if !parent.is_dir() || parent.is_symlink() {
            if is_there {
                fs::remove_file(parent).unwrap();
            }
            fs::create_dir(parent).unwrap();
            modes.push((parent.into(), 0o755));
        }
    }
    match path.symlink_metadata() {
        Ok(found) if found.is_dir() && is_dir => {}
        Ok(found) if found.is_dir() => {
            fs::remove_dir_all(path).unwrap();
            modes.retain(|(other, _)| !other.starts_with(path));
        }
        Ok(_) => fs::remove_file(path).unwrap(),
        Err(_) => {}
    }
}

fn archive(entries: &[Entry]) -> Vec<u8> {
    let add = |archive: Archive, (at, entry): (usize, &Entry)| match entry {
        Entry::Dir(name, mode) => archive.dir(name, *mode),
        Entry::File(name, mode, size) => {
            let kind = tar::EntryType::Regular;
            archive.add(kind, name.as_bytes(), *mode, &content(at, *size))
        }
        Entry::Symlink(name, target) => archive.symlink(name, target),
        Entry::HardLink(name, target) => archive.hard_link(name, target),
    };
    let whole = entries.iter().enumerate().fold(Archive::default(), add);
    whole.end()
}

/// Path, kind, mode, number of names, content.
type Found = (std::path::PathBuf, u32, u64, Vec<u8>);

fn look(root: &Path) -> Vec<Found> {
    let mut found = Vec::new();
    let mut todo = vec![root.to_owned()];
    while let Some(path) = todo.pop() {
        let metadata = path.symlink_metadata().unwrap();
        let mut content = Vec::new();
        let mut names = 0;
        if metadata.is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            todo.extend(entries.map(|entry| entry.unwrap().path()));
        } else if metadata.is_symlink() {
            content = fs::read_link(&path)
                .unwrap()
                .into_os_string()
                .into_encoded_bytes();
        } else {
            names = metadata.nlink();
            content = fs::read(&path).unwrap();
        }
        let name = path.strip_prefix(root).unwrap().to_owned();
        found.push((name, metadata.mode(), names, content));
    }
    found.sort();
    found
}

fn digest(bytes: &[u8]) -> Checksum {
    Checksum::DiffId(Digest::from_bytes(Sha256::digest(bytes).into()))
}

fn seal(bytes: &[u8]) -> Checksum {
    let mut sealer = Sealer::default();
    sealer.update(bytes);
    Checksum::Seal(sealer.finish())
}

fn large() -> ExtractOptions {
    ExtractOptions {
        max_bytes: 1 << 30,
        ..options("/")
    }
}

fn writers() -> Writers {
    Writers::new(4.try_into().unwrap())
}

fn extract(bytes: &[u8], to: &Path) -> Result<Extracted, ExtractError> {
    extract_verified(&writers(), (&mut &*bytes, &digest(bytes)), to, &large())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_archive_becomes_what_a_plain_extraction_makes_of_it(entries in entries()) {
        let place = place();
        let bytes = archive(&entries);
        let plain = place.outside.join("plain");
        match (oracle(&entries, &plain), extract(&bytes, &place.to)) {
            (Ok(()), Ok(done)) => {
                prop_assert_eq!(done.entries, entries.len() as u64);
                let top = |found: Vec<Found>| found.into_iter().skip(1).collect::<Vec<_>>();
                prop_assert_eq!(top(look(&place.to)), top(look(&plain)));
            }
            (Err(()), Err(_)) => {}
            (plain, here) => prop_assert!(false, "{plain:?} {here:?}"),
        }
    }
}

#[test]
fn entries_that_meet_in_flight_end_as_in_the_archive() {
    let place = place();
    let mut all = Archive::default();
    for round in 0..200 {
        all = all
            .file("same", &round.to_string())
            .file("file-then-dir", "x")
            .file("file-then-dir/a", &round.to_string())
            .file("dir-file-dir/b", "gone")
            .file("dir-file-dir", "gone")
            .file("dir-file-dir/a", &round.to_string())
            .file("link-to", &round.to_string())
            .hard_link("linked", "link-to")
            .dir("dir-then-file", 0o755)
            .file("dir-then-file/a", "gone")
            .file("dir-then-file", &round.to_string());
    }
    let bytes = all.end();
    let done = extract_verified(
        &writers(),
        (&mut &*bytes, &digest(&bytes)),
        &place.to,
        &ExtractOptions {
            max_entries: 10_000,
            ..large()
        },
    );
    assert_eq!(done.unwrap().entries, 2200);
    assert_eq!(
        listing(&place.to),
        super::expected(&[
            ("dir-file-dir", "dir 755"),
            ("dir-file-dir/a", "file 644 199"),
            ("dir-then-file", "file 644 199"),
            ("file-then-dir", "dir 755"),
            ("file-then-dir/a", "file 644 199"),
            ("link-to", "file 644 199"),
            ("linked", "file 644 199"),
            ("same", "file 644 199"),
        ])
    );
}

#[test]
fn another_digest_is_an_error_after_the_last_byte() {
    let place = place();
    let bytes = Archive::default().file("f", "x").end();
    for (other, actual) in [
        (digest(b"other"), digest(&bytes)),
        (seal(b"other"), seal(&bytes)),
    ] {
        let error = extract_verified(&writers(), (&mut &*bytes, &other), &place.to, &large());
        assert_eq!(
            error.unwrap_err().to_string(),
            format!("read archive: expected {other}, got bytes of {actual}")
        );
        let done = extract_verified(&writers(), (&mut &*bytes, &actual), &place.to, &large());
        assert_eq!(done.unwrap().entries, 1);
    }
}

#[test]
fn the_first_file_that_cannot_be_written_is_the_error_and_ends_it() {
    let place = place();
    let name = |at: usize| format!("{at}{}", "n".repeat(256));
    let mut all = Archive::default();
    for at in 0..300 {
        all = all.file(&format!("d/{at}"), "fine");
        if at >= 100 {
            all = all.records(&[("path", &name(at))]).file("cut", "");
        }
    }
    let big = "b".repeat(9_000_000);
    let bytes = all.file("big", &big).file("bigger", &big).end();
    match extract(&bytes, &place.to).unwrap_err() {
        ExtractError::Write {
            action: "create file",
            path,
            ..
        } => assert_eq!(path, Path::new(&name(100))),
        other => panic!("{other:?}"),
    }
}

#[test]
fn many_archives_share_few_writers() {
    let place = place();
    let writers = writers();
    let big = "b".repeat(3_000_000);
    std::thread::scope(|scope| {
        for number in 0..6 {
            let (place, writers, big) = (&place, &writers, &big);
            scope.spawn(move || {
                let mut all = Archive::default().file("big", big);
                for at in 0..300 {
                    all = all.file(&format!("{}/{at}", at % 7), &at.to_string());
                }
                let bytes = all.end();
                let to = place.to.join(number.to_string());
                let sum = digest(&bytes);
                let from = (&mut &*bytes as &mut dyn Read, &sum);
                let done = extract_verified(writers, from, &to, &large()).unwrap();
                assert_eq!(done.entries, 301);
                assert_eq!(fs::read_to_string(to.join("3/17")).unwrap(), "17");
                assert_eq!(fs::read_to_string(to.join("big")).unwrap(), *big);
            });
        }
    });
}
