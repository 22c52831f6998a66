//! Blobs: digests, independence of the number of workers, readable by everybody, and readers that verify.
use flate2::read::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use std::{
    fs,
    io::{self, Read, Write},
    num::NonZeroUsize,
    path::Path,
    process::{Command, Stdio},
};
use wharf_layer::{
    Blob, BlobSource, Compression, Encoder, LayerContent, LayerError, Method, Owner,
    VerifyingReader, blob::decompress,
};
use wharf_spec::digest::Digest;

const OWNER: Owner = Owner {
    uid: 1000,
    gid: 1000,
};

fn encoder(dir: &Path, workers: usize, compression: Compression) -> Encoder {
    let workers = NonZeroUsize::new(workers).unwrap();
    Encoder::new(workers, dir, Method::new(compression))
}

/// Bytes that deflate neither to nothing nor not at all.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        u8::try_from(state % 23).unwrap()
    };
    (0..size).map(next).collect()
}

fn encode_bytes(encoder: &Encoder, bytes: &[u8]) -> Blob {
    encoder
        .encode_with(&mut |out| {
            // Odd pieces, so that blocks do not end where writes end.
            for piece in bytes.chunks(70_001) {
                out.write_all(piece).map_err(LayerError::Write)?;
            }
            Ok(())
        })
        .unwrap()
}

fn bytes_of(blob: &Blob) -> Vec<u8> {
    let mut bytes = Vec::new();
    blob.open().unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}

#[test]
fn the_blob_depends_on_the_bytes_and_not_on_the_number_of_workers() {
    let dir = tempfile::tempdir().unwrap();
    let block = 1024 * 1024;
    for compression in [Compression::Gzip, Compression::Zstd, Compression::None] {
        for size in [
            0,
            1,
            1024,
            block - 1,
            block,
            block + 1,
            5 * block,
            7 * block + 4711,
        ] {
            let bytes = noise(size);
            let one = encode_bytes(&encoder(dir.path(), 1, compression), &bytes);
            let four = encode_bytes(&encoder(dir.path(), 4, compression), &bytes);
            assert_eq!(bytes_of(&one), bytes_of(&four));
            assert_eq!(
                (one.digest, one.diff_id, one.size),
                (four.digest, four.diff_id, four.size)
            );
            assert_eq!(one.diff_id, digest(&bytes));
            assert_eq!(one.digest, digest(&bytes_of(&one)));
            assert_eq!(one.size, bytes_of(&one).len() as u64);
            let mut back = Vec::new();
            decompress(one.open().unwrap())
                .unwrap()
                .read_to_end(&mut back)
                .unwrap();
            assert!(back == bytes, "{compression:?} {size}");
        }
    }
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        0,
        "temporary files are unnamed"
    );
}

#[test]
fn gzip_members_carry_neither_time_nor_host() {
    let dir = tempfile::tempdir().unwrap();
    let blob = encode_bytes(&encoder(dir.path(), 1, Compression::Gzip), &[0; 4]);
    // Magic, deflate, no flags, no time, "fastest", unknown system.
    assert_eq!(
        bytes_of(&blob)[..10],
        [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255]
    );
}

#[test]
fn other_tools_read_the_blobs() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = noise(3 * 1024 * 1024 + 5);
    let gzip = encode_bytes(&encoder(dir.path(), 2, Compression::Gzip), &bytes);
    let mut back = Vec::new();
    MultiGzDecoder::new(bytes_of(&gzip).as_slice())
        .read_to_end(&mut back)
        .unwrap();
    assert!(back == bytes);
    let zstd = encode_bytes(&encoder(dir.path(), 2, Compression::Zstd), &bytes);
    for (tool, blob) in [("gzip", gzip), ("zstd", zstd)] {
        let child = Command::new(tool)
            .args(["-d", "-c"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else {
            assert_ne!(tool, "gzip", "gzip is on every machine that builds this");
            continue;
        };
        let mut stdin = child.stdin.take().unwrap();
        let written =
            std::thread::spawn(move || stdin.write_all(&bytes_of(&blob)).map(|()| drop(stdin)));
        let output = child.wait_with_output().unwrap();
        written.join().unwrap().unwrap();
        assert!(output.status.success());
        assert!(output.stdout == bytes, "{tool}");
    }
}

#[test]
fn the_tee_gets_the_uncompressed_archive_in_the_same_pass() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("layer");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("file"), noise(2_000_000)).unwrap();
    let content = LayerContent::Tree { root, owner: OWNER };
    let encoder = encoder(dir.path(), 2, Compression::Gzip);
    let mut copy = Vec::new();
    let blob = encoder.encode_tee(&content, &mut copy).unwrap();
    assert_eq!(digest(&copy), blob.diff_id);
    assert_eq!(encoder.diff_id(&content).unwrap(), blob.diff_id);
    assert_eq!(encoder.encode(&content).unwrap().digest, blob.digest);
}

#[test]
fn many_readers_share_a_blob() {
    let dir = tempfile::tempdir().unwrap();
    let blob = encode_bytes(&encoder(dir.path(), 1, Compression::None), b"abcdef");
    let (mut first, mut second) = (blob.open().unwrap(), blob.open().unwrap());
    let mut two = [0; 2];
    first.read_exact(&mut two).unwrap();
    assert_eq!(&two, b"ab");
    let mut all = String::new();
    second.read_to_string(&mut all).unwrap();
    assert_eq!(all, "abcdef");
    first.read_exact(&mut two).unwrap();
    assert_eq!(&two, b"cd");
}

#[test]
fn errors_of_content_tee_and_temporary_directory_are_told_apart() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let content = LayerContent::ProcessTypes { types: Vec::new() };
    let encoder_here = encoder(dir.path(), 2, Compression::Gzip);
    let error = encoder_here.encode_tee(&content, &mut Full).unwrap_err();
    assert!(
        matches!(&error, LayerError::Write(source) if source.kind() == io::ErrorKind::StorageFull)
    );

    let missing = dir.path().join("missing");
    let error = encoder(&missing, 2, Compression::Gzip)
        .encode(&content)
        .unwrap_err();
    assert!(matches!(&error, LayerError::Io { path, .. } if *path == missing));

    // Blocks are under way on the workers when the content fails.
    let mut calls = 0;
    let error = encoder_here
        .encode_with(&mut |out| {
            calls += 1;
            out.write_all(&noise(4_000_000))
                .map_err(LayerError::Write)?;
            Err(LayerError::Changed {
                path: "/gone".into(),
            })
        })
        .unwrap_err();
    assert!(matches!(&error, LayerError::Changed { path } if path == Path::new("/gone")));
    assert_eq!(calls, 1);
}

fn read_verified(bytes: &[u8], expected: Digest, size: Option<u64>) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    VerifyingReader::new(bytes, expected, size)
        .read_to_end(&mut out)
        .map(|_| out)
}

#[test]
fn a_verifying_reader_ends_well_only_for_the_right_bytes() {
    let right = digest(b"content");
    assert_eq!(
        read_verified(b"content", right, Some(7)).unwrap(),
        b"content"
    );
    assert_eq!(read_verified(b"content", right, None).unwrap(), b"content");
    let message = |bytes: &[u8], size| {
        let error = read_verified(bytes, right, size).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        error.to_string()
    };
    assert_eq!(
        message(b"conten", Some(7)),
        format!("expected 7 bytes of {right}, got 6")
    );
    assert_eq!(
        message(b"contents", Some(7)),
        format!("expected 7 bytes of {right}, got 8 or more")
    );
    assert_eq!(
        message(b"kontent", Some(7)),
        format!("expected {right}, got bytes of {}", digest(b"kontent"))
    );
    assert_eq!(
        message(b"content", Some(8)),
        format!("expected 8 bytes of {right}, got 7")
    );
}

#[test]
fn a_verifying_reader_keeps_failing_after_its_verdict() {
    let mut reader = VerifyingReader::new(b"wrong".as_slice(), digest(b"right"), None);
    let mut buffer = [0; 16];
    assert_eq!(reader.read(&mut buffer).unwrap(), 5);
    for _ in 0..2 {
        assert_eq!(
            reader.read(&mut buffer).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
    }
}

#[test]
fn a_wrong_digest_shows_through_every_decompression() {
    let dir = tempfile::tempdir().unwrap();
    for compression in [Compression::Gzip, Compression::Zstd, Compression::None] {
        let blob = encode_bytes(&encoder(dir.path(), 2, compression), &noise(3_000_000));
        let wrong = digest(b"something else");
        let verifying = VerifyingReader::new(blob.open().unwrap(), wrong, Some(blob.size));
        let mut archive = decompress(Box::new(verifying)).unwrap();
        let error = io::copy(&mut archive, &mut io::sink()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{compression:?}");
    }
}

#[test]
fn truncated_and_garbled_blobs_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    for compression in [Compression::Gzip, Compression::Zstd] {
        let blob = encode_bytes(&encoder(dir.path(), 2, compression), &noise(100_000));
        let mut bytes = bytes_of(&blob);
        bytes.truncate(bytes.len() - 3);
        let read = |bytes: Vec<u8>| {
            let archive = decompress(Box::new(io::Cursor::new(bytes)));
            archive.and_then(|mut archive| io::copy(&mut archive, &mut io::sink()))
        };
        read(bytes.clone()).unwrap_err();
        bytes[20..60].fill(0xaa);
        read(bytes).unwrap_err();
    }
}

#[test]
fn an_encoder_tells_every_blob_it_has_made() {
    let dir = tempfile::tempdir().unwrap();
    let encoder = encoder(dir.path(), 1, Compression::Gzip);
    assert_eq!(encoder.made(), []);
    encode_bytes(&encoder, b"one");
    encode_bytes(&encoder.clone(), b"two");
    encode_bytes(&encoder, b"one");
    assert_eq!(
        encoder.made(),
        [digest(b"one"), digest(b"two"), digest(b"one")]
    );
}
