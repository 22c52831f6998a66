//! The app directory at export.
use crate::ground::{Ground, broken, close};
use spec_tests::{image::Image, read};
use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt};

#[test]
fn slices_that_leave_the_app_are_refused() {
    for slice in ["../layers/*", "/etc/passwd", "public/../../layers"] {
        broken("exporter", 62, &[slice], |stage| {
            let path = "layers/config/metadata.toml";
            let text = read(&stage.path(path)).replace("public/**", slice);
            stage.write(path, &text);
        });
    }
}

#[test]
fn an_unreadable_file_in_the_app_names_its_path() {
    let words = ["/workspace/main.txt", "denied"];
    broken("exporter", 62, &words, |stage| {
        close(stage, "workspace/main.txt");
    });
}

#[test]
fn names_that_are_not_utf_8_keep_their_bytes() {
    let ground = Ground::new();
    let app = ground.stage.path("workspace");
    fs::write(app.join(OsStr::from_bytes(b"na\xefve")), "content").expect("write a file");
    ground.stage.build(&ground.image());
    let image = Image::pull(&format!("docker://{}", ground.image()));
    let name = b"/workspace/na\xefve";
    let found = (0..image.layers().len()).any(|index| {
        let archive = image.archive(index);
        archive.windows(name.len()).any(|bytes| bytes == name)
    });
    assert!(found, "the name is in no layer");
}
