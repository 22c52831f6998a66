//! Layers of an image over each other.
use super::{Archive, expected, image, listing, options, place, refused};

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
