//! Archives into directories: what lands where, what is refused, and that nothing ever leaves the destination.
mod confinement;
mod images;
mod limits;
mod parallel;
mod placement;

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};
use tar::{EntryType, Header};
use wharf_layer::extract::{ExtractError, ExtractOptions, Extracted, extract};

/// An archive put together header by header, as hostile as it likes.
#[derive(Default)]
struct Archive(Vec<u8>);

impl Archive {
    fn add(self, kind: EntryType, name: &[u8], mode: u32, content: &[u8]) -> Self {
        self.push(header(kind, name, mode), content)
    }

    fn push(mut self, mut header: Header, content: &[u8]) -> Self {
        header.set_size(content.len() as u64);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn link(self, kind: EntryType, name: &str, target: &str) -> Self {
        let mut header = header(kind, name.as_bytes(), 0o777);
        fill(&mut header.as_old_mut().linkname, target.as_bytes());
        self.push(header, b"")
    }

    fn file(self, name: &str, content: &str) -> Self {
        self.add(
            EntryType::Regular,
            name.as_bytes(),
            0o644,
            content.as_bytes(),
        )
    }

    fn dir(self, name: &str, mode: u32) -> Self {
        self.add(EntryType::Directory, name.as_bytes(), mode, b"")
    }

    fn symlink(self, name: &str, target: &str) -> Self {
        self.link(EntryType::Symlink, name, target)
    }

    fn hard_link(self, name: &str, target: &str) -> Self {
        self.link(EntryType::Link, name, target)
    }

    /// Extended records for the next member.
    fn records(self, records: &[(&str, &str)]) -> Self {
        let mut data = String::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let lengths = rest..rest + 9;
            let total = lengths
                .into_iter()
                .find(|total| total.to_string().len() + rest == *total);
            writeln!(data, "{} {key}={value}", total.unwrap()).unwrap();
        }
        self.add(
            EntryType::XHeader,
            b"PaxHeaders.0/x",
            0o644,
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

fn header(kind: EntryType, name: &[u8], mode: u32) -> Header {
    let mut header = Header::new_gnu();
    fill(&mut header.as_old_mut().name, name);
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(1000);
    header.set_gid(1000);
    header.set_mtime(1_000_000_000);
    header
}

/// As much of `text` as fits.
fn fill(field: &mut [u8], text: &[u8]) {
    let shared = text.len().min(field.len());
    field[..shared].copy_from_slice(&text[..shared]);
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
