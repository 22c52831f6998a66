//! Transfers stream: memory does not grow with the blob. Alone in its process, so that the peak is its own.
#![expect(clippy::expect_used, reason = "helpers of tests may fail loudly")]
use sha2::{Digest as _, Sha256};
use std::{
    fs,
    io::{self, Read},
    sync::Arc,
};
use wharf_image::{Descriptor, DraftLayer, ImageStore, LayerSource, Transfer};
use wharf_layer::BlobSource;
use wharf_registry::{RegistryOptions, RegistryStore};
use wharf_spec::{digest::Digest, reference::Reference};
use wharf_testkit::{RegistryServer, RegistryServerOptions};

/// Mebibytes of the blob, when it is to be another size than that of a quick test.
const SIZE: &str = "WHARF_TEST_BLOB_MIB";
const PIECE: usize = 1 << 20;
const MOST: u64 = 64 << 20;

/// Bytes that are nowhere in memory.
#[derive(Debug)]
struct Zeros;

impl BlobSource for Zeros {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(io::repeat(0).take(size())))
    }
}

fn size() -> u64 {
    let given = std::env::var(SIZE).ok();
    let mebibytes = given.and_then(|text| text.parse().ok());
    mebibytes.unwrap_or(512) << 20
}

fn zeros_layer() -> DraftLayer {
    let mut hasher = Sha256::new();
    let piece = vec![0; PIECE];
    for _ in 0..size() / PIECE as u64 {
        hasher.update(&piece);
    }
    let digest = Digest::from_bytes(hasher.finalize().into());
    DraftLayer {
        descriptor: Descriptor {
            media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
            digest,
            size: size(),
            rest: serde_json::Map::new(),
        },
        diff_id: digest,
        created_by: None,
        source: LayerSource::Bytes(Arc::new(Zeros)),
    }
}

/// The most memory this process ever held, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("status");
    let mut lines = status.lines();
    let line = lines.find(|line| line.starts_with("VmHWM:")).expect("peak");
    let kibibytes = line.split_whitespace().nth(1).expect("value");
    kibibytes.parse::<u64>().expect("number") << 10
}

#[test]
fn a_large_blob_is_pushed_pulled_and_copied_in_little_memory() {
    let servers = [(); 2]
        .map(|()| RegistryServer::start(&RegistryServerOptions::default()).expect("registry"));
    let [tag, copy]: [Reference; 2] = servers.each_ref().map(|server| {
        format!("{}/contract/large:1", server.host())
            .parse()
            .expect("reference")
    });
    let store = RegistryStore::new(RegistryOptions::default()).expect("store");
    let layer = zeros_layer();
    let transfer = store.put_layer(&tag, &layer).expect("layer");
    assert_eq!(transfer, Transfer::Uploaded);
    let mut reader = store.open_blob(&tag, &layer.descriptor).expect("open");
    let read = io::copy(&mut reader, &mut io::sink()).expect("read");
    assert_eq!(read, size());
    let remote = DraftLayer {
        source: LayerSource::Repository(tag),
        ..layer
    };
    let transfer = store.put_layer(&copy, &remote).expect("copy");
    assert_eq!(transfer, Transfer::Uploaded);
    println!("{} MiB at most for {} MiB", peak() >> 20, size() >> 20);
    assert!(peak() < MOST, "{} bytes at most", peak());
}
