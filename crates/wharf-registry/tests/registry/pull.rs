//! Reading: lies, limits, indices, redirects, transfers that break.
use crate::support::{amd64, blob, failed, image, options, reference, store, store_for};
use serde_json::json;
use std::{
    io::Read,
    sync::atomic::{AtomicUsize, Ordering},
};
use wharf_image::{Family, ImageStore, SealedImage, StoreErrorKind};
use wharf_testkit::{
    ScriptedServer,
    image_recipe::{digest, platform},
    scripted_server::{Request, Response},
};

const BLOB: &str = "/v2/contract/app/blobs/";

/// Serves one image under the tag `1` and its digest.
fn serve(image: &SealedImage, request: &Request) -> Response {
    let name = request.path().rsplit('/').next().unwrap_or_default();
    let config = digest(image.image.config_bytes()).to_string();
    if name == config {
        return Response::status(200).body(image.image.config_bytes());
    }
    if name == "1" || name == image.image.digest().to_string() {
        return manifest(
            image.image.family().manifest(),
            image.image.manifest_bytes(),
        );
    }
    Response::status(if request.path() == "/v2/" { 200 } else { 404 })
}

fn manifest(media_type: &str, bytes: &[u8]) -> Response {
    Response::status(200)
        .header("Content-Type", media_type)
        .header("Docker-Content-Digest", &digest(bytes).to_string())
        .body(bytes)
}

#[test]
fn an_image_is_fetched_once_by_digest_and_its_config_once_by_tag() {
    let image = image("cached");
    let pinned = image.image.digest();
    let config = format!("{BLOB}{}", digest(image.image.config_bytes()));
    let server = ScriptedServer::start(move |request| serve(&image, request)).expect("server");
    let store = store(options());
    let tag = reference(&server.host(), "contract/app:1");
    for reference in [&tag, &tag, &tag.with_digest(pinned)] {
        assert!(store.find(reference, &amd64()).expect("find").is_some());
    }
    assert_eq!(server.count("GET", "/v2/contract/app/manifests/"), 2);
    assert_eq!(server.count("GET", &config), 1);
}

#[test]
fn a_manifest_that_is_not_the_one_asked_for_is_refused() {
    let image = image("liar");
    let server = ScriptedServer::start(move |request| {
        if request.path().contains("/manifests/") {
            return Response::status(200).body(image.image.manifest_bytes());
        }
        Response::status(200)
    })
    .expect("server");
    let pinned = reference(&server.host(), "contract/app").with_digest(digest(b"another"));
    let kind = failed(store(options()).find(&pinned, &amd64()));
    assert!(
        matches!(&kind, StoreErrorKind::Mismatch { what: "manifest", expected, .. } if *expected == digest(b"another").to_string()),
        "{kind:?}"
    );
}

#[test]
fn a_manifest_that_belies_its_own_header_is_refused() {
    let image = image("header");
    let server = ScriptedServer::start(move |request| {
        if request.path().contains("/manifests/") {
            return Response::status(200)
                .header("Docker-Content-Digest", &digest(b"another").to_string())
                .body(image.image.manifest_bytes());
        }
        Response::status(200)
    })
    .expect("server");
    let tag = reference(&server.host(), "contract/app:1");
    let kind = failed(store(options()).find(&tag, &amd64()));
    assert!(
        matches!(
            kind,
            StoreErrorKind::Mismatch {
                what: "manifest",
                ..
            }
        ),
        "{kind:?}"
    );
}

#[test]
fn a_manifest_that_lies_about_its_config_is_refused() {
    let image = image("config");
    for wrong in [b"{}".to_vec(), [image.image.config_bytes(), b" "].concat()] {
        let image = image.clone();
        let server = ScriptedServer::start(move |request| {
            if request.path().starts_with(BLOB) {
                return Response::status(200).body(wrong.clone());
            }
            serve(&image, request)
        })
        .expect("server");
        let tag = reference(&server.host(), "contract/app:1");
        let kind = failed(store(options()).find(&tag, &amd64()));
        assert!(
            matches!(kind, StoreErrorKind::Mismatch { what: "config", .. }),
            "{kind:?}"
        );
    }
}

#[test]
fn documents_without_end_are_refused() {
    let server = ScriptedServer::start(|request| {
        if request.path().contains("/manifests/") {
            return Response::status(200).body(vec![b' '; (4 << 20) + 1]);
        }
        Response::status(200)
    })
    .expect("server");
    let tag = reference(&server.host(), "contract/app:1");
    let kind = failed(store(options()).find(&tag, &amd64()));
    assert!(
        matches!(
            kind,
            StoreErrorKind::Mismatch {
                what: "manifest",
                ..
            }
        ),
        "{kind:?}"
    );
}

#[test]
fn a_page_is_not_a_manifest() {
    let server = ScriptedServer::start(|_| Response::status(200).body("<html>")).expect("server");
    let tag = reference(&server.host(), "contract/app:1");
    let kind = failed(store(options()).find(&tag, &amd64()));
    assert!(matches!(kind, StoreErrorKind::Image(_)), "{kind:?}");
}

/// An index with one image, whose size in the index is off by `lie`.
fn index(image: &SealedImage, architecture: &str, lie: usize) -> Vec<u8> {
    let document = json!({"schemaVersion": 2, "mediaType": Family::Oci.index(), "manifests": [{
        "mediaType": image.image.family().manifest(),
        "digest": image.image.digest().to_string(),
        "size": image.image.manifest_bytes().len() + lie,
        "platform": {"os": "linux", "architecture": architecture},
    }]});
    document.to_string().into_bytes()
}

fn index_server(architecture: &'static str, lie: usize) -> (ScriptedServer, SealedImage) {
    let image = image("indexed");
    let served = image.clone();
    let server = ScriptedServer::start(move |request| {
        if request.path().ends_with("/manifests/1") {
            return manifest(Family::Oci.index(), &index(&served, architecture, lie));
        }
        serve(&served, request)
    });
    (server.expect("server"), image)
}

#[test]
fn an_index_leads_to_the_image_of_the_platform() {
    let (server, image) = index_server("amd64", 0);
    let tag = reference(&server.host(), "contract/app:1");
    let store = store(options());
    let found = store.find(&tag, &amd64()).expect("find").expect("image");
    assert_eq!(found.digest(), image.image.digest());
    let error = store
        .find(&tag, &platform("linux", "s390x"))
        .expect_err("found");
    assert_eq!(
        error.kind.to_string(),
        "no image for linux/s390x; it offers linux/amd64"
    );
}

#[test]
fn an_index_that_names_what_is_not_there_is_an_error() {
    let image = image("dangling");
    let server = ScriptedServer::start(move |request| match request.path() {
        "/v2/" => Response::status(200),
        path if path.ends_with("/manifests/1") => {
            manifest(Family::Oci.index(), &index(&image, "amd64", 0))
        }
        _ => Response::status(404),
    })
    .expect("server");
    let tag = reference(&server.host(), "contract/app:1");
    let kind = failed(store(options()).find(&tag, &amd64()));
    assert!(matches!(kind, StoreErrorKind::NotFound), "{kind:?}");
}

#[test]
fn an_index_that_lies_about_size_or_platform_is_refused() {
    let (server, _) = index_server("amd64", 1);
    let tag = reference(&server.host(), "contract/app:1");
    let kind = failed(store(options()).find(&tag, &amd64()));
    assert!(
        matches!(
            kind,
            StoreErrorKind::Mismatch {
                what: "manifest",
                ..
            }
        ),
        "{kind:?}"
    );
    let (server, _) = index_server("arm64", 0);
    let tag = reference(&server.host(), "contract/app:1");
    let kind = failed(store(options()).find(&tag, &platform("linux", "arm64")));
    assert!(
        matches!(kind, StoreErrorKind::WrongPlatform { .. }),
        "{kind:?}"
    );
}

#[test]
fn a_blob_elsewhere_is_fetched_without_credentials() {
    let content = b"content elsewhere".to_vec();
    let served = content.clone();
    let elsewhere = ScriptedServer::start(move |_| Response::status(200).body(served.clone()));
    let elsewhere = elsewhere.expect("server");
    let location = format!("{}/bucket?signature=1", elsewhere.address());
    let registry = ScriptedServer::start(move |request| {
        if request.header("authorization").is_none() {
            return Response::status(401).header("Www-Authenticate", "Basic realm=\"r\"");
        }
        Response::status(307).header("Location", &location)
    });
    let registry = registry.expect("server");
    let (descriptor, _) = blob(&content);
    let from = reference(&registry.host(), "contract/app:1");
    let mut read = Vec::new();
    store_for(&registry.host())
        .open_blob(&from, &descriptor)
        .expect("open")
        .read_to_end(&mut read)
        .expect("read");
    assert_eq!(read, content);
    assert_eq!(elsewhere.recorded().len(), 1);
    assert_eq!(elsewhere.recorded()[0].authorization, None);
    let asked = registry.recorded();
    assert!(asked.last().expect("request").authorization.is_some());
}

#[test]
fn redirects_in_circles_end() {
    let server = ScriptedServer::start(|request| {
        if request.path() == "/v2/" {
            return Response::status(200);
        }
        Response::status(307).header("Location", &request.target)
    })
    .expect("server");
    let kind =
        failed(store(options()).find(&reference(&server.host(), "contract/app:1"), &amd64()));
    assert!(matches!(kind, StoreErrorKind::Server { .. }), "{kind:?}");
}

/// A registry that breaks off the first `breaks` transfers of a blob in the middle.
fn breaking(content: &[u8], breaks: usize, ranges: bool) -> ScriptedServer {
    let content = content.to_vec();
    let calls = AtomicUsize::new(0);
    ScriptedServer::start(move |request| {
        if !request.path().starts_with(BLOB) {
            return Response::status(200);
        }
        let range = request.header("range").filter(|_| ranges);
        let start = range
            .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'))
            .map_or(0, |start| start.parse::<usize>().unwrap_or(0));
        let rest = &content[start..];
        let whole = rest.len().to_string();
        let sent = if calls.fetch_add(1, Ordering::SeqCst) < breaks {
            &rest[..rest.len() / 2]
        } else {
            rest
        };
        let status = if range.is_some() { 206 } else { 200 };
        let content_range = format!("bytes {start}-{}/{}", content.len() - 1, content.len());
        Response::status(status)
            .header("Content-Length", &whole)
            .header("Content-Range", &content_range)
            .body(sent)
    })
    .expect("server")
}

#[test]
fn a_broken_transfer_is_taken_up_where_it_broke() {
    let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let (descriptor, _) = blob(&content);
    for ranges in [true, false] {
        let server = breaking(&content, 2, ranges);
        let from = reference(&server.host(), "contract/app:1");
        let mut read = Vec::new();
        store(options())
            .open_blob(&from, &descriptor)
            .expect("open")
            .read_to_end(&mut read)
            .expect("read");
        assert!(read == content, "the bytes differ, ranges {ranges}");
        let recorded = server.recorded();
        let second = recorded
            .iter()
            .filter(|request| request.target.starts_with(BLOB))
            .nth(1);
        assert_eq!(
            second.expect("request").range.as_deref(),
            Some("bytes=200000-")
        );
    }
}

#[test]
fn a_transfer_that_always_breaks_is_an_error_and_never_an_end() {
    let server = ScriptedServer::start(|request| {
        if !request.path().starts_with(BLOB) {
            return Response::status(200);
        }
        Response::status(200)
            .header("Content-Length", "12")
            .body("")
    })
    .expect("server");
    let (descriptor, _) = blob(b"twelve bytes");
    let from = reference(&server.host(), "contract/app:1");
    let opened = store(options()).open_blob(&from, &descriptor);
    let result = opened.expect("open").read_to_end(&mut Vec::new());
    assert!(result.is_err());
}

#[test]
fn a_blob_of_other_bytes_is_an_error() {
    for wrong in ["another text", "twelve bytes and more", "twelve"] {
        let server = ScriptedServer::start(move |_| Response::status(200).body(wrong));
        let server = server.expect("server");
        let (descriptor, _) = blob(b"twelve bytes");
        let from = reference(&server.host(), "contract/app:1");
        let store = store(options());
        let opened = store.open_blob(&from, &descriptor).expect("open");
        let result = { opened }.read_to_end(&mut Vec::new());
        assert!(result.is_err(), "{wrong}");
    }
}

#[test]
fn a_reader_that_outlives_its_store_gets_an_error_and_never_an_end() {
    let content = vec![7; 8 << 20];
    let (descriptor, _) = blob(&content);
    let server = ScriptedServer::start(move |_| Response::status(200).body(content.clone()));
    let server = server.expect("server");
    let from = reference(&server.host(), "contract/app:1");
    let store = store(options());
    let mut reader = store.open_blob(&from, &descriptor).expect("open");
    drop(store);
    assert!(reader.read_to_end(&mut Vec::new()).is_err());
}
