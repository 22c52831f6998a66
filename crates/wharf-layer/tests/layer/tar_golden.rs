//! The archive writer against archives that Go's `archive/tar` wrote.
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::{fmt::Write, fs, io::Read, path::Path};
use wharf_layer::tar::{Entry, EntryKind, TarWriter};

#[derive(Deserialize)]
struct Vector {
    note: String,
    entries: Option<Vec<Header>>,
    sha256: String,
    bytes: usize,
    first_header_blocks_base64: String,
}

#[derive(Deserialize)]
struct Header {
    name: String,
    r#type: String,
    mode: u32,
    uid: u32,
    gid: u32,
    size: u64,
    linkname: String,
}

impl Header {
    fn entry(&self) -> Entry {
        // JSON cannot carry the bytes 0xff 0xfe; it has two replacement characters instead.
        let name = match self.name.as_str() {
            "/w/bad\u{fffd}\u{fffd}name" => b"/w/bad\xff\xfename".to_vec(),
            name => name.into(),
        };
        let kind = match self.r#type.as_str() {
            "file" => EntryKind::File { size: self.size },
            "dir" => EntryKind::Directory,
            "symlink" => EntryKind::Symlink {
                target: self.linkname.clone().into(),
            },
            "fifo" => EntryKind::Fifo,
            other => panic!("unknown type {other}"),
        };
        Entry {
            name,
            kind,
            mode: self.mode,
            uid: self.uid,
            gid: self.gid,
        }
    }
}

fn vectors() -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden/tar.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Byte i = (i*31+7) mod 251.
fn content(size: u64) -> Vec<u8> {
    (0..size)
        .map(|i| u8::try_from((i * 31 + 7) % 251).unwrap())
        .collect()
}

fn archive(vector: &Vector) -> Vec<u8> {
    let headers_only = vector.note.contains("headers only");
    let mut writer = TarWriter::new(Vec::new());
    for header in vector.entries.iter().flatten() {
        let entry = header.entry();
        if headers_only {
            // Content that fails at once: what was written so far are the header blocks.
            let mut out = Vec::new();
            let mut empty: &[u8] = &[];
            TarWriter::new(&mut out)
                .append(&entry, &mut empty)
                .unwrap_err();
            return out;
        }
        let bytes = content(header.size);
        writer.append(&entry, &mut bytes.as_slice()).unwrap();
    }
    writer.finish().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[test]
fn every_golden_archive_is_written_byte_for_byte() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 38);
    for vector in &vectors {
        let archive = archive(vector);
        let first = STANDARD.decode(&vector.first_header_blocks_base64).unwrap();
        assert_eq!(
            archive[..first.len().min(archive.len())],
            first,
            "{}",
            vector.note
        );
        assert_eq!(archive.len(), vector.bytes, "{}", vector.note);
        assert_eq!(
            hex(&Sha256::digest(&archive)),
            vector.sha256,
            "{}",
            vector.note
        );
    }
}

#[test]
fn device_numbers_too_large_for_octal_are_written_in_base_256() {
    let mut writer = TarWriter::new(Vec::new());
    let entry = Entry {
        name: [b"/dev/".as_slice(), &[b'n'; 120]].concat(),
        kind: EntryKind::CharDevice {
            major: 1,
            minor: 1 << 30,
        },
        mode: 0o600,
        uid: 0,
        gid: 0,
    };
    writer.append(&entry, &mut std::io::empty()).unwrap();
    let archive = writer.finish().unwrap();
    let mut reader = tar::Archive::new(archive.as_slice());
    let mut entries = reader.entries().unwrap();
    let read = entries.next().unwrap().unwrap();
    assert_eq!(&*read.path_bytes(), entry.name.as_slice());
    assert_eq!(&archive[1024 + 337..1024 + 345], b"\x80\0\0\0\x40\0\0\0");
}

#[test]
fn too_little_content_is_an_unexpected_end() {
    let entry = Entry {
        name: b"/f".to_vec(),
        kind: EntryKind::File { size: 3 },
        mode: 0o644,
        uid: 0,
        gid: 0,
    };
    let error = TarWriter::new(Vec::new())
        .append(&entry, &mut b"ab".take(9))
        .unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
}

#[test]
fn names_that_no_reader_could_read_back_are_refused() {
    for name in [b"".as_slice(), b"/a\0b", b"/f/"] {
        let entry = Entry {
            name: name.to_vec(),
            kind: EntryKind::Fifo,
            mode: 0,
            uid: 0,
            gid: 0,
        };
        let error = TarWriter::new(Vec::new())
            .append(&entry, &mut std::io::empty())
            .unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
}
