//! What may stand in a layer: links in its place, devices, pipes, sockets, closed and moving files, odd names.
use crate::ground::{Ground, broken, close};
use spec_tests::{
    image::{Entry, Image},
    stage::Stage,
};
use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, net::UnixListener},
    process::Command,
};

const DEPS: &str = "layers/example_first/deps";
const LAUNCH: &str = "layers/example_first/only-launch";

/// Builds with one more thing in the layer at [`LAUNCH`] and gives the layer's entries and archive.
fn exported(more: impl FnOnce(&Stage)) -> (Vec<Entry>, Vec<u8>) {
    let ground = Ground::new();
    let args = ground.before("exporter");
    more(&ground.stage);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    ground.stage.phase("exporter", &args).expect_code(0);
    let image = Image::pull(&format!("docker://{}", ground.image()));
    let wanted = format!("/{LAUNCH}");
    // Not the lowest one: the recorded run image has no real archive there.
    (1..image.layers().len())
        .map(|index| (image.entries(index), image.archive(index)))
        .find(|(entries, _)| entries.iter().any(|entry| entry.path == wanted))
        .expect("the layer is in the image")
}

fn make(program: &str, stage: &Stage, name: &str, kind: &[&str]) -> bool {
    let mut command = Command::new(program);
    command
        .args(["-m", "644"])
        .arg(stage.path(LAUNCH).join(name));
    let status = command.args(kind).status().expect("start a program");
    status.success()
}

/// Name, type and mode of the entries in the layer.
fn kinds(entries: &[Entry]) -> Vec<(&str, u8, u32)> {
    let inside = entries.iter().filter_map(|entry| {
        let name = entry.path.strip_prefix(&format!("/{LAUNCH}/"))?;
        Some((name, entry.kind, entry.mode))
    });
    inside.collect()
}

#[test]
fn a_link_in_the_place_of_a_layer_is_refused() {
    broken("exporter", 62, &["/layers/example_first/deps"], |stage| {
        fs::remove_dir_all(stage.path(DEPS)).expect("remove the layer");
        stage.link("/etc", DEPS);
    });
}

#[test]
fn a_file_in_the_place_of_a_layer_is_refused() {
    broken("exporter", 62, &["/layers/example_first/deps"], |stage| {
        fs::remove_dir_all(stage.path(DEPS)).expect("remove the layer");
        stage.write(DEPS, "not a directory");
    });
}

/// As the reference does; only root can make a device, anyone a pipe.
#[test]
fn devices_and_pipes_in_a_layer_are_exported_as_what_they_are() {
    let mut expected = vec![("f", b'0', 0o644)];
    let (entries, _) = exported(|stage| {
        if make("mknod", stage, "null", &["c", "1", "3"]) {
            expected.push(("null", b'3', 0o644));
        }
        assert!(make("mkfifo", stage, "pipe", &[]));
        expected.push(("pipe", b'6', 0o644));
    });
    assert_eq!(kinds(&entries), expected);
}

/// As the reference does: no archive can hold a socket.
#[test]
fn a_socket_in_a_layer_is_left_out() {
    let (entries, _) = exported(|stage| {
        let path = stage.path(LAUNCH).join("socket");
        drop(UnixListener::bind(path).expect("make a socket"));
    });
    assert_eq!(kinds(&entries), [("f", b'0', 0o644)]);
}

#[test]
fn an_unreadable_file_or_directory_in_a_layer_names_its_path() {
    for name in ["bin/dep", "lib"] {
        let path = format!("{DEPS}/{name}");
        broken("exporter", 62, &[&format!("/{path}"), "denied"], |stage| {
            close(stage, &path);
        });
    }
}

/// Files of /proc and /sys say another size than they have, like one that is written to at that moment.
#[test]
fn a_file_that_grows_or_shrinks_while_it_is_read_names_its_path() {
    for moving in ["/proc/version", "/sys/class/net/lo/mtu"] {
        let ground = Ground::new();
        let args = ground.before("exporter");
        ground.stage.write(&format!("{LAUNCH}/moving"), "");
        let inside = format!("/{LAUNCH}/moving");
        let words = [inside.as_str(), "changed while"];
        let options = ["--ro-bind", moving, &inside];
        ground.fails_with(("exporter", &args), 62, &words, &options);
    }
}

#[test]
fn names_that_are_not_utf_8_keep_their_bytes() {
    let (_, archive) = exported(|stage| {
        let path = stage.path(LAUNCH).join(OsStr::from_bytes(b"na\xefve"));
        fs::write(path, "content").expect("write a file");
    });
    let name = format!("/{LAUNCH}/na");
    let name = [name.as_bytes(), b"\xefve"].concat();
    assert!(
        archive.windows(name.len()).any(|bytes| bytes == name),
        "the name is not in the archive"
    );
}
