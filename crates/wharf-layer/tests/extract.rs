//! Archives into directories: what lands where, what is refused, and that nothing ever leaves the destination.
use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
};
use tar::{EntryType, Header};
use wharf_layer::extract::{ExtractError, ExtractOptions, Extracted, extract};

/// An archive put together header by header, as hostile as it likes.
#[derive(Default)]
struct Archive(Vec<u8>);

impl Archive {
    fn add(mut self, kind: EntryType, name: &[u8], mode: u32, link: &[u8], content: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        let long = |text: &[u8], field: &mut [u8]| {
            let shared = text.len().min(field.len());
            field[..shared].copy_from_slice(&text[..shared]);
        };
        long(name, &mut header.as_old_mut().name);
        long(link, &mut header.as_old_mut().linkname);
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(1000);
        header.set_gid(1000);
        header.set_mtime(1_000_000_000);
        header.set_size(content.len() as u64);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn file(self, name: &str, content: &str) -> Self {
        self.add(
            EntryType::Regular,
            name.as_bytes(),
            0o644,
            b"",
            content.as_bytes(),
        )
    }

    fn dir(self, name: &str, mode: u32) -> Self {
        self.add(EntryType::Directory, name.as_bytes(), mode, b"", b"")
    }

    fn symlink(self, name: &str, target: &str) -> Self {
        self.add(
            EntryType::Symlink,
            name.as_bytes(),
            0o777,
            target.as_bytes(),
            b"",
        )
    }

    fn hard_link(self, name: &str, target: &str) -> Self {
        self.add(
            EntryType::Link,
            name.as_bytes(),
            0o644,
            target.as_bytes(),
            b"",
        )
    }

    /// Extended records for the next member.
    fn records(self, records: &[(&str, &str)]) -> Self {
        let mut data = String::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let total = (rest..)
                .find(|total| total.to_string().len() + rest == *total)
                .unwrap();
            data.push_str(&format!("{total} {key}={value}\n"));
        }
        self.add(
            EntryType::XHeader,
            b"PaxHeaders.0/x",
            0o644,
            b"",
            data.as_bytes(),
        )
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&[0; 1024]);
        self.0
    }

    fn extract(self, to: &Path, options: &ExtractOptions) -> Result<Extracted, ExtractError> {
        extract(&mut self.end().as_slice(), to, options)
    }
}

fn options(strip: &str) -> ExtractOptions {
    ExtractOptions {
        strip: strip.into(),
        whiteouts: false,
        owners: false,
        times: false,
        max_entries: 1000,
        max_bytes: 1_000_000,
    }
}

fn image() -> ExtractOptions {
    ExtractOptions {
        whiteouts: true,
        ..options("/")
    }
}

/// Everything below `root`: type, mode and content or link target.
fn listing(root: &Path) -> BTreeMap<String, String> {
    fn visit(root: &Path, dir: &Path, out: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            let mode = metadata.mode() & 0o7777;
            if metadata.is_dir() {
                out.insert(name, format!("dir {mode:o}"));
                visit(root, &path, out);
            } else if metadata.is_symlink() {
                out.insert(
                    name,
                    format!("link {}", fs::read_link(&path).unwrap().display()),
                );
            } else {
                let content = fs::read_to_string(&path).unwrap();
                out.insert(name, format!("file {mode:o} {content}"));
            }
        }
    }
    let mut out = BTreeMap::new();
    visit(root, root, &mut out);
    out
}

fn expected(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, what): &(&str, &str)| ((*name).to_owned(), (*what).to_owned());
    entries.iter().map(owned).collect()
}

fn refused(error: &ExtractError) -> (&str, &str) {
    match error {
        ExtractError::Refused { name, reason } => (name, reason),
        other => panic!("{other:?}"),
    }
}

/// A destination and a neighbour that must never change.
struct Place {
    _dir: tempfile::TempDir,
    to: PathBuf,
    outside: PathBuf,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let precious = outside.join("precious");
    fs::write(&precious, "untouched").unwrap();
    fs::set_permissions(&precious, fs::Permissions::from_mode(0o644)).unwrap();
    Place {
        to: dir.path().join("to"),
        outside,
        _dir: dir,
    }
}

impl Place {
    fn assert_outside_untouched(&self) {
        assert_eq!(
            listing(&self.outside),
            expected(&[("precious", "file 644 untouched")])
        );
    }
}

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
        .add(EntryType::Regular, b"p/q/suid", 0o4711, b"", b"x")
        .add(EntryType::Regular, b"none", 0, b"", b"")
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
fn climbing_names_are_refused_by_name() {
    let place = place();
    for name in ["../outside/precious", "a/../../x", "/..", ".."] {
        let error = Archive::default()
            .file(name, "evil")
            .extract(&place.to, &options("/"))
            .unwrap_err();
        assert_eq!(refused(&error), (name, "contains '..'"));
    }
    let error = Archive::default()
        .file("/layers/other/f", "evil")
        .extract(&place.to, &options("/layers/bp"))
        .unwrap_err();
    assert_eq!(
        refused(&error),
        (
            "/layers/other/f",
            "lies outside the directory that is extracted"
        )
    );
    place.assert_outside_untouched();
}

#[test]
fn links_out_of_the_destination_are_never_written_through() {
    for whiteouts in [false, true] {
        let place = place();
        let outside = place.outside.to_str().unwrap();
        let options = ExtractOptions {
            whiteouts,
            ..options("/")
        };
        let result = Archive::default()
            .symlink("dir", outside)
            .file("dir/precious", "evil")
            .symlink("climb", "../outside")
            .file("climb/precious", "evil")
            .symlink("file", &format!("{outside}/precious"))
            .file("file", "mine")
            .extract(&place.to, &options);
        place.assert_outside_untouched();
        result.unwrap();
        let file = place.to.join("file");
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
        assert!(!file.is_symlink());
    }
}

#[test]
fn links_on_disk_are_replaced_and_not_followed() {
    let place = place();
    fs::create_dir(&place.to).unwrap();
    symlink(&place.outside, place.to.join("dir")).unwrap();
    symlink(&place.outside, place.to.join("entry")).unwrap();
    symlink(place.outside.join("precious"), place.to.join("file")).unwrap();
    Archive::default()
        .file("dir/precious", "mine")
        .dir("entry", 0o711)
        .file("file", "mine")
        .extract(&place.to, &options("/"))
        .unwrap();
    place.assert_outside_untouched();
    assert_eq!(
        listing(&place.to),
        expected(&[
            ("dir", "dir 755"),
            ("dir/precious", "file 644 mine"),
            ("entry", "dir 711"),
            ("file", "file 644 mine"),
        ])
    );
}

#[test]
fn a_file_with_another_name_elsewhere_is_not_truncated_through_it() {
    let place = place();
    fs::create_dir(&place.to).unwrap();
    fs::hard_link(place.outside.join("precious"), place.to.join("file")).unwrap();
    Archive::default()
        .file("file", "mine")
        .extract(&place.to, &options("/"))
        .unwrap();
    place.assert_outside_untouched();
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
fn hard_links_inside_are_made_again_and_others_refused() {
    let place = place();
    Archive::default()
        .file("/l/a", "one")
        .hard_link("/l/d/b", "l/a")
        .extract(&place.to, &options("/l"))
        .unwrap();
    let inode = |name: &str| fs::metadata(place.to.join(name)).unwrap().ino();
    assert_eq!(inode("a"), inode("d/b"));

    for (target, reason) in [
        ("/etc/passwd", "is a hard link to outside"),
        ("/l/../x", "is a hard link to outside"),
        ("/l", "is a hard link to outside"),
        ("/l/missing", "is a hard link to a file that is not there"),
        ("/l/x/missing", "is a hard link to a file that is not there"),
        ("/l/self", "is a hard link to itself"),
    ] {
        let error = Archive::default()
            .hard_link("/l/self", target)
            .extract(&place.to, &options("/l"))
            .unwrap_err();
        assert_eq!(refused(&error), ("/l/self", reason));
    }
}

#[test]
fn a_hard_link_does_not_pass_through_a_link_to_outside() {
    let place = place();
    let error = Archive::default()
        .symlink("dir", place.outside.to_str().unwrap())
        .hard_link("stolen", "dir/precious")
        .extract(&place.to, &options("/"))
        .unwrap_err();
    assert_eq!(
        refused(&error),
        ("stolen", "is a hard link to a file that is not there")
    );
}

#[test]
fn devices_pipes_and_unknown_kinds_are_refused_and_left_out_of_images() {
    let kinds = [EntryType::Char, EntryType::Block, EntryType::Fifo];
    for kind in kinds {
        let place = place();
        let archive = || {
            Archive::default()
                .add(kind, b"dev", 0o666, b"", b"")
                .file("f", "")
        };
        let error = archive().extract(&place.to, &options("/")).unwrap_err();
        assert_eq!(
            refused(&error),
            ("dev", "is a device or a pipe, which are never extracted")
        );
        archive().extract(&place.to, &image()).unwrap();
        assert_eq!(listing(&place.to), expected(&[("f", "file 644 ")]));
    }
    for kind in [b'S', b'V', b'M', b'D', b'Z'] {
        let place = place();
        let error = Archive::default()
            .add(EntryType::new(kind), b"odd", 0o644, b"", b"")
            .extract(&place.to, &image())
            .unwrap_err();
        assert_eq!(refused(&error), ("odd", "is of an unknown kind"));
    }
}

#[test]
fn a_file_cannot_stand_where_the_destination_is() {
    let place = place();
    for (name, strip) in [("/l", "/l"), ("/l", "/l/x"), ("./", "/")] {
        let error = Archive::default()
            .add(EntryType::Symlink, name.as_bytes(), 0o777, b"/etc", b"")
            .extract(&place.to, &options(strip))
            .unwrap_err();
        assert_eq!(
            refused(&error),
            (name, "stands for a directory but is none")
        );
    }
}

#[test]
fn limits_hold_while_the_archive_is_read() {
    let place = place();
    let limits = ExtractOptions {
        max_entries: 2,
        max_bytes: 10,
        ..options("/")
    };
    let three = Archive::default().file("a", "").file("b", "").file("c", "");
    let error = three.extract(&place.to, &limits).unwrap_err();
    assert!(matches!(
        error,
        ExtractError::TooLarge {
            what: "entries",
            limit: 2
        }
    ));
    assert!(!place.to.join("c").exists());

    let large = Archive::default().file("x", "12345678").file("y", "123");
    let error = large.extract(&place.to, &limits).unwrap_err();
    assert!(matches!(
        error,
        ExtractError::TooLarge {
            what: "bytes",
            limit: 10
        }
    ));
    assert!(!place.to.join("y").exists());

    // A size that only an extended record can hold, without the bytes.
    let huge = Archive::default()
        .records(&[("size", "18446744073709551615")])
        .file("z", "");
    let error = huge.extract(&place.to, &options("/")).unwrap_err();
    assert!(matches!(error, ExtractError::Read(_)), "{error:?}");
    let huge = Archive::default()
        .records(&[("size", "9000000000000")])
        .file("z", "");
    let error = huge.extract(&place.to, &options("/")).unwrap_err();
    assert!(matches!(
        error,
        ExtractError::TooLarge { what: "bytes", .. }
    ));
}

#[test]
fn endless_headers_records_and_tails_are_too_large() {
    let place = place();
    let name = vec![b'n'; 1_100_000];
    let error = Archive::default()
        .add(EntryType::GNULongName, b"././@LongLink", 0, b"", &name)
        .extract(&place.to, &options("/"))
        .unwrap_err();
    assert!(matches!(
        error,
        ExtractError::TooLarge {
            what: "bytes in a header record",
            ..
        }
    ));

    let records = (0..5000).fold(Archive::default(), |archive, _| {
        archive.records(&[("a", "b")])
    });
    let error = records.extract(&place.to, &options("/")).unwrap_err();
    assert!(matches!(
        error,
        ExtractError::TooLarge {
            what: "entries",
            ..
        }
    ));

    let mut endless = Archive::default().file("f", "").end();
    endless.resize(endless.len() + 2_000_000, 0);
    let error = extract(&mut endless.as_slice(), &place.to, &options("/")).unwrap_err();
    assert!(matches!(
        error,
        ExtractError::TooLarge { what: "bytes", .. }
    ));
}

#[test]
fn the_input_is_read_to_its_end() {
    let place = place();
    let mut bytes = Archive::default().file("f", "x").end();
    bytes.extend_from_slice(&[0; 9000]);
    let mut input = bytes.as_slice();
    extract(&mut input, &place.to, &options("/")).unwrap();
    assert_eq!(input.len(), 0);
}

#[test]
fn an_error_of_the_reader_below_is_the_error_even_after_the_last_entry() {
    struct Bad;
    impl Read for Bad {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                "wrong digest",
            ))
        }
    }
    let place = place();
    let bytes = Archive::default().file("f", "x").end();
    let error = extract(&mut bytes.as_slice().chain(Bad), &place.to, &options("/")).unwrap_err();
    match error {
        ExtractError::Read(source) => assert_eq!(source.to_string(), "wrong digest"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn truncated_and_garbled_archives_are_read_errors() {
    let place = place();
    let bytes = Archive::default().file("f", &"x".repeat(700)).end();
    for cut in [100, 600, 1500] {
        let error = extract(&mut &bytes[..cut], &place.to, &options("/")).unwrap_err();
        assert!(matches!(error, ExtractError::Read(_)), "{cut}");
    }
    let mut garbled = bytes.clone();
    garbled[3] ^= 1;
    let error = extract(&mut garbled.as_slice(), &place.to, &options("/")).unwrap_err();
    assert!(matches!(error, ExtractError::Read(_)));
    for data in [
        "x",
        "9999 path=a\n",
        "5 a=b",
        "6 path=a\n",
        "12 mtime=x.y\n",
    ] {
        let error = Archive::default()
            .add(EntryType::XHeader, b"x", 0, b"", data.as_bytes())
            .file("f", "")
            .extract(&place.to, &options("/"))
            .unwrap_err();
        assert!(matches!(error, ExtractError::Read(_)), "{data}");
    }
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
            b"",
            format!("{long}2\0").as_bytes(),
        )
        .add(
            EntryType::GNULongLink,
            b"././@LongLink",
            0,
            b"",
            format!("{target}\0").as_bytes(),
        )
        .symlink("cut", "cut")
        .add(EntryType::XGlobalHeader, b"g", 0, b"", b"11 path=no\n")
        .file("plain", "")
        .extract(
            &place.to,
            &ExtractOptions {
                times: true,
                ..options("/")
            },
        )
        .unwrap();
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
fn sparse_files_are_refused() {
    let place = place();
    let error = Archive::default()
        .records(&[("GNU.sparse.major", "1")])
        .file("GNUSparseFile.0/f", "")
        .extract(&place.to, &options("/"))
        .unwrap_err();
    assert_eq!(
        refused(&error),
        (
            "GNUSparseFile.0/f",
            "is a sparse file, which are never extracted"
        )
    );
}

#[test]
fn whiteouts_remove_what_lower_layers_left_and_nothing_of_their_own() {
    let place = place();
    Archive::default()
        .file("gone/a/b", "lower")
        .file("keep/a", "lower")
        .file("opaque/old", "lower")
        .file("opaque/sub/old", "lower")
        .file("mixed/old", "lower")
        .extract(&place.to, &image())
        .unwrap();
    Archive::default()
        .file("opaque/sub/new", "upper")
        .file("opaque/.wh..wh.opq", "")
        .file("opaque/.wh..wh..opq", "")
        .file("opaque/new", "upper")
        .file(".wh.gone", "")
        .file("mixed/new", "upper")
        .file(".wh.mixed", "")
        .file("keep/.wh.missing", "")
        .file("nowhere/.wh.x", "")
        .file(".wh..wh.plnk", "")
        .extract(&place.to, &image())
        .unwrap();
    assert_eq!(
        listing(&place.to),
        expected(&[
            ("keep", "dir 755"),
            ("keep/a", "file 644 lower"),
            ("mixed", "dir 755"),
            ("mixed/new", "file 644 upper"),
            ("opaque", "dir 755"),
            ("opaque/new", "file 644 upper"),
            ("opaque/sub", "dir 755"),
            ("opaque/sub/new", "file 644 upper"),
        ])
    );
}

#[test]
fn whiteouts_stay_inside() {
    let place = place();
    let outside = place.outside.to_str().unwrap();
    for name in [".wh...", ".wh..", ".wh."] {
        let error = Archive::default()
            .file(name, "")
            .extract(&place.to, &image())
            .unwrap_err();
        assert_eq!(refused(&error), (name, "is a whiteout of nothing"));
    }
    Archive::default()
        .symlink("dir", outside)
        .symlink("other", outside)
        .file("dir/.wh.precious", "")
        .file("other/.wh..wh..opq", "")
        .extract(&place.to, &image())
        .unwrap();
    place.assert_outside_untouched();
}

#[test]
fn without_whiteouts_such_a_name_is_a_file() {
    let place = place();
    Archive::default()
        .file(".wh.a", "plain")
        .extract(&place.to, &options("/"))
        .unwrap();
    assert_eq!(listing(&place.to), expected(&[(".wh.a", "file 644 plain")]));
}

#[test]
fn linked_directories_of_an_image_are_followed_within_it() {
    let place = place();
    Archive::default()
        .dir("usr/lib", 0o755)
        .symlink("lib", "usr/lib")
        .symlink("absolute", "/usr/lib")
        .extract(&place.to, &image())
        .unwrap();
    Archive::default()
        .file("lib/a", "1")
        .file("absolute/b", "2")
        .extract(&place.to, &image())
        .unwrap();
    assert_eq!(
        listing(&place.to),
        expected(&[
            ("absolute", "link /usr/lib"),
            ("lib", "link usr/lib"),
            ("usr", "dir 755"),
            ("usr/lib", "dir 755"),
            ("usr/lib/a", "file 644 1"),
            ("usr/lib/b", "file 644 2"),
        ])
    );
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

#[test]
fn write_errors_name_the_path_below_the_destination() {
    let place = place();
    fs::write(&place.to, "a file").unwrap();
    let error = Archive::default()
        .file("f", "")
        .extract(&place.to, &options("/"))
        .unwrap_err();
    assert!(
        matches!(error, ExtractError::Write { action: "open directory", path, .. } if path == place.to)
    );

    let to = place.outside.join("to");
    let name = "n".repeat(256);
    let error = Archive::default()
        .records(&[("path", &format!("d/{name}"))])
        .file("cut", "")
        .extract(&to, &options("/"))
        .unwrap_err();
    assert!(
        matches!(error, ExtractError::Write { action: "create file", path, .. }
        if path == Path::new("d").join(&name))
    );
}
