//! A writer that is killed. This test starts itself again as that writer.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
use std::{
    env, fs,
    io::{self, Read, Write},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};
use wharf_image::{Descriptor, DraftLayer, ImageStore, LayerSource};
use wharf_layer::BlobSource;
use wharf_layout::LayoutStore;
use wharf_testkit::image_recipe::digest;

/// Says where the writer writes.
const WRITER: &str = "WHARF_TEST_LAYOUT";
/// More than a pipe and a buffer hold: once that much has been sent, some of it is in the layout.
const SENT: usize = 4 << 20;

/// The bytes of standard input.
#[derive(Debug)]
struct Input;

impl BlobSource for Input {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(io::stdin()))
    }
}

fn put_layer(dir: &Path) {
    let layer = DraftLayer {
        descriptor: Descriptor {
            media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
            digest: digest(b"never sent whole"),
            size: u64::MAX,
            rest: serde_json::Map::new(),
        },
        diff_id: digest(b"never sent whole"),
        created_by: None,
        source: LayerSource::Bytes(Arc::new(Input)),
    };
    let to = "r.example/app:1".parse().unwrap();
    LayoutStore::single(dir).put_layer(&to, &layer).unwrap();
}

fn files_below(dir: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in dir.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    files
}

/// Bytes in the files below `dir` that the process has open, with or without a name.
fn written_below(dir: &Path, process: u32) -> u64 {
    let handles = fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let handles = handles.map(|handle| handle.unwrap().path());
    let own = handles.filter(|handle| fs::read_link(handle).is_ok_and(|to| to.starts_with(dir)));
    own.map(|handle| fs::metadata(handle).unwrap().len()).sum()
}

#[test]
fn a_killed_writer_leaves_no_part_of_a_blob() {
    if let Some(dir) = env::var_os(WRITER) {
        return put_layer(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_killed_writer_leaves_no_part_of_a_blob"])
        .env(WRITER, dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = writer.stdin.take().unwrap();
    input.write_all(&vec![1; SENT]).unwrap();
    assert!(
        written_below(dir.path(), writer.id()) > 0,
        "the writer is in the middle of the blob"
    );
    writer.kill().unwrap();
    assert_eq!(writer.wait().unwrap().signal(), Some(9));
    assert_eq!(files_below(dir.path()), ["oci-layout"]);
}
