//! Nothing ever leaves the destination.
use super::{Archive, expected, image, listing, options, place, refused};
use std::{
    fs,
    os::unix::fs::{MetadataExt, symlink},
};
use tar::EntryType;
use wharf_layer::extract::ExtractOptions;

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
                .add(kind, b"dev", 0o666, b"")
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
            .add(EntryType::new(kind), b"odd", 0o644, b"")
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
            .symlink(name, "/etc")
            .extract(&place.to, &options(strip))
            .unwrap_err();
        assert_eq!(
            refused(&error),
            (name, "stands for a directory but is none")
        );
    }
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
