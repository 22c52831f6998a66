//! What lands where, with which mode, owner and time.
use super::{Archive, expected, listing, options, place, refused};
use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};
use tar::EntryType;
use wharf_layer::extract::{ExtractOptions, Extracted};

#[test]
fn the_stripped_path_lands_on_the_destination_and_its_ancestors_are_skipped() {
    let place = place();
    let done = Archive::default()
        .dir("/layers", 0o755)
        .dir("/layers/bp", 0o700)
        .dir("/layers/bp/l", 0o750)
        .file("/layers/bp/l/a", "A")
        .dir("/layers/bp/l/d", 0o500)
        .file("/layers/bp/l/d/b", "BB")
        .symlink("/layers/bp/l/s", "/anywhere")
        .extract(&place.to, &options("/layers/bp/l"))
        .unwrap();
    assert_eq!(
        done,
        Extracted {
            entries: 5,
            bytes: 3
        }
    );
    assert_eq!(
        listing(&place.to),
        expected(&[
            ("a", "file 644 A"),
            ("d", "dir 500"),
            ("d/b", "file 644 BB"),
            ("s", "link /anywhere"),
        ])
    );
    assert_eq!(fs::metadata(&place.to).unwrap().mode() & 0o7777, 0o750);
}

#[test]
fn names_with_and_without_slash_and_dot_are_the_same() {
    let place = place();
    Archive::default()
        .dir("./", 0o755)
        .dir("etc/", 0o755)
        .file("./etc/a", "1")
        .file("/etc/b", "2")
        .file("etc//c", "3")
        .extract(&place.to, &options("/"))
        .unwrap();
    assert_eq!(
        listing(&place.to),
        expected(&[
            ("etc", "dir 755"),
            ("etc/a", "file 644 1"),
            ("etc/b", "file 644 2"),
            ("etc/c", "file 644 3"),
        ])
    );
}

#[test]
fn modes_are_those_of_the_archive_and_missing_parents_get_755() {
    let place = place();
    Archive::default()
        .add(EntryType::Regular, b"p/q/suid", 0o4711, b"x")
        .add(EntryType::Regular, b"none", 0, b"")
        .dir("sticky", 0o1777)
        .extract(&place.to, &options("/"))
        .unwrap();
    let mode = |name: &str| fs::metadata(place.to.join(name)).unwrap().mode() & 0o7777;
    assert_eq!(
        ["p", "p/q", "p/q/suid", "none", "sticky"].map(mode),
        [0o755, 0o755, 0o4711, 0, 0o1777]
    );
}

#[test]
fn directories_are_filled_before_they_become_unwritable() {
    let place = place();
    Archive::default()
        .dir("a", 0o000)
        .dir("a/b", 0o111)
        .file("a/b/f", "deep")
        .extract(&place.to, &options("/"))
        .unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
    assert_eq!(mode(&place.to.join("a")), 0);
    fs::set_permissions(place.to.join("a"), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(mode(&place.to.join("a/b")), 0o111);
    assert_eq!(fs::read_to_string(place.to.join("a/b/f")).unwrap(), "deep");
    fs::set_permissions(place.to.join("a/b"), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_read_only_directory_on_disk_is_filled_and_stays_read_only() {
    let place = place();
    let locked = place.to.join("locked/inner");
    fs::create_dir_all(&locked).unwrap();
    for dir in [&locked, locked.parent().unwrap()] {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o555)).unwrap();
    }
    Archive::default()
        .file("locked/inner/f", "new")
        .file("locked/g/h", "new")
        .extract(&place.to, &options("/"))
        .unwrap();
    assert_eq!(
        listing(&place.to),
        expected(&[
            ("locked", "dir 555"),
            ("locked/g", "dir 755"),
            ("locked/g/h", "file 644 new"),
            ("locked/inner", "dir 555"),
            ("locked/inner/f", "file 644 new"),
        ])
    );
    // Or a test that is not root could not clean up.
    for dir in [locked.parent().unwrap(), &locked] {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn whatever_is_in_the_way_is_replaced() {
    let place = place();
    Archive::default()
        .file("a/b/c", "tree")
        .file("f", "file")
        .file("a", "now a file")
        .dir("f", 0o755)
        .file("f/g", "now in a directory")
        .symlink("f/g", "now-a-link")
        .extract(&place.to, &options("/"))
        .unwrap();
    assert_eq!(
        listing(&place.to),
        expected(&[
            ("a", "file 644 now a file"),
            ("f", "dir 755"),
            ("f/g", "link now-a-link"),
        ])
    );
}

#[test]
fn long_names_of_both_formats_and_newlines_in_them_are_understood() {
    let place = place();
    let long = format!("d/{}", "n".repeat(180));
    let target = "t".repeat(150);
    Archive::default()
        .records(&[("path", &long), ("mtime", "5.5")])
        .file("cut", "pax")
        .records(&[("path", "new\nline é"), ("comment", "ignored")])
        .file("cut", "newline")
        .add(
            EntryType::GNULongName,
            b"././@LongLink",
            0,
            format!("{long}2\0").as_bytes(),
        )
        .add(
            EntryType::GNULongLink,
            b"././@LongLink",
            0,
            format!("{target}\0").as_bytes(),
        )
        .symlink("cut", "cut")
        .add(EntryType::XGlobalHeader, b"g", 0, b"11 path=no\n")
        .file("plain", "")
        .extract(
            &place.to,
            &ExtractOptions {
                times: true,
                ..options("/")
            },
        )
        .unwrap();
    // Nobody has read it yet.
    let accessed = fs::metadata(place.to.join("plain")).unwrap().atime();
    assert_eq!(accessed, 1_000_000_000);
    assert_eq!(
        listing(&place.to),
        expected(&[
            ("d", "dir 755"),
            (&long, "file 644 pax"),
            (&format!("{long}2"), &format!("link {target}")),
            ("new\nline é", "file 644 newline"),
            ("plain", "file 644 "),
        ])
    );
    let times = |name: &str| {
        let metadata = fs::metadata(place.to.join(name)).unwrap();
        (metadata.mtime(), metadata.mtime_nsec())
    };
    assert_eq!(times(&long), (5, 500_000_000));
    assert_eq!(times("plain"), (1_000_000_000, 0));
}

#[test]
fn the_owner_is_applied_when_asked_for() {
    let place = place();
    let (uid, gid) = {
        let metadata = fs::metadata(&place.outside).unwrap();
        (metadata.uid().to_string(), metadata.gid().to_string())
    };
    let own = [("uid", uid.as_str()), ("gid", gid.as_str())];
    Archive::default()
        .records(&own)
        .dir("d", 0o755)
        .records(&own)
        .file("d/f", "")
        .records(&own)
        .symlink("d/s", "f")
        .extract(
            &place.to,
            &ExtractOptions {
                owners: true,
                ..options("/")
            },
        )
        .unwrap();
    for name in ["d", "d/f", "d/s"] {
        let metadata = fs::symlink_metadata(place.to.join(name)).unwrap();
        assert_eq!(metadata.uid().to_string(), uid);
    }
    let error = Archive::default()
        .records(&[("uid", "4294967296")])
        .file("g", "")
        .extract(
            &place.to,
            &ExtractOptions {
                owners: true,
                ..options("/")
            },
        )
        .unwrap_err();
    assert_eq!(refused(&error), ("g", "has an owner id above 4294967295"));
}
