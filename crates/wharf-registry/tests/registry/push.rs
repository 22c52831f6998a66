//! Writing: sessions that get lost, quotas, busy servers, wrong digests, several threads.
use crate::support::{blob, failed, image, options, reference, server, store, store_for};
use serde_json::json;
use std::{
    io::Read as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use wharf_image::{Access, DraftLayer, Family, ImageStore, LayerSource, StoreErrorKind, Transfer};
use wharf_layer::Compression;
use wharf_registry::{Exchange, Observer, Progress, RegistryOptions};
use wharf_testkit::{
    Fault, FaultPlan, FaultProxy, RegistryServerOptions, ScriptedServer, chain,
    image_recipe::{layer, push},
    scripted_server::{Request, Response},
};

const UPLOADS: &str = "/v2/contract/app/blobs/uploads/";

fn draft(bytes: &[u8]) -> DraftLayer {
    layer(bytes, Compression::None, Family::Oci)
}

/// What a registry does that has nothing yet and takes every upload.
fn take(request: &mut Request) -> Response {
    match request.method.as_str() {
        "HEAD" => Response::status(404),
        "POST" => Response::status(202).header("Location", &format!("{UPLOADS}1?_state=a%2Fb")),
        "PUT" => {
            request.discard_body().unwrap_or_default();
            Response::status(201)
        }
        _ => Response::status(200),
    }
}

#[test]
fn uploads_are_in_pieces_when_that_is_asked_for_each_to_the_newest_location() {
    let places = AtomicUsize::new(1);
    let server = ScriptedServer::start(move |request| {
        let place = places.fetch_add(1, Ordering::Relaxed);
        if request.method == "PATCH" {
            request.discard_body().unwrap_or_default();
            return Response::status(202).header("Location", &format!("{UPLOADS}{place}"));
        }
        take(request)
    });
    let server = server.expect("server");
    let store = store(RegistryOptions {
        chunk_size: Some(100_000),
        ..options()
    });
    let layer = draft(&vec![1; 250_000]);
    let to = reference(&server.host(), "contract/app:1");
    store.put_layer(&to, &layer).expect("layer");
    let recorded = server.recorded();
    let sent = recorded.iter().filter(|it| it.method.starts_with('P'));
    let sent: Vec<_> = sent
        .map(|it| {
            let path = it.target.split('?').next().unwrap_or_default();
            (it.method.as_str(), path, it.content_length)
        })
        .collect();
    let place = |number: usize| format!("{UPLOADS}{number}");
    let expected = [
        ("POST", UPLOADS.to_owned(), 0),
        ("PATCH", place(1), 100_000),
        ("PATCH", place(4), 100_000),
        ("PATCH", place(5), 50_000),
        ("PUT", place(6), 0),
    ];
    let expected = expected
        .each_ref()
        .map(|(method, path, length)| (*method, path.as_str(), Some(*length)));
    assert_eq!(sent, expected);
}

/// Counts what it is told of uploads.
#[derive(Debug, Default)]
struct Progresses(Mutex<Vec<Progress>>);

impl Observer for Progresses {
    fn request(&self, _exchange: &Exchange) {}

    fn progress(&self, progress: &Progress) {
        self.0.lock().expect("lock").push(progress.clone());
    }
}

#[test]
fn an_upload_that_takes_long_says_how_far_it_is() {
    let heard = Arc::new(Progresses::default());
    let hears = Arc::clone(&heard);
    let server = ScriptedServer::start(move |request| {
        if request.method == "PUT" {
            request.discard_body().unwrap_or_default();
            // Until the client has said so twice.
            while hears.0.lock().expect("lock").len() < 2 {
                std::thread::yield_now();
            }
            return Response::status(201);
        }
        take(request)
    });
    let server = server.expect("server");
    let store = store(RegistryOptions {
        observer: Some(Arc::clone(&heard) as Arc<dyn Observer>),
        progress_interval: Duration::from_millis(20),
        ..options()
    });
    // Bytes in memory are sent at once, those of a source piece by piece.
    let layer = draft(&vec![1; 250_000]);
    let to = reference(&server.host(), "contract/app:1");
    store.put_layer(&to, &layer).expect("layer");
    let heard = heard.0.lock().expect("lock");
    let last = heard.last().expect("progress");
    assert_eq!((last.sent, last.size), (250_000, 250_000));
    assert_eq!(last.digest, layer.descriptor.digest);
}

#[test]
fn pieces_arrive_whole_at_a_real_registry_and_a_broken_one_starts_anew() {
    let server = server(&RegistryServerOptions::default());
    let plan = FaultPlan::scripted(|asked| {
        (asked.method == "PATCH" && asked.earlier == 0).then_some(Fault::ResetInRequest)
    });
    let proxy = FaultProxy::start(server.port(), plan).expect("proxy");
    let bytes: Vec<u8> = (0..700_001_u32)
        .map(|number| (number % 251) as u8)
        .collect();
    let layer = draft(&bytes);
    let to = reference(&proxy.host(), "contract/app:1");
    let store = store(RegistryOptions {
        chunk_size: Some(256 << 10),
        ..options()
    });
    store.put_layer(&to, &layer).expect("layer");
    let direct = reference(&server.host(), "contract/app:1");
    let mut back = Vec::new();
    let mut reader = store.open_blob(&direct, &layer.descriptor).expect("open");
    reader.read_to_end(&mut back).expect("read");
    assert_eq!(back, bytes);
}

#[test]
fn uploads_are_one_put_with_their_length_to_the_newest_location() {
    let server = ScriptedServer::start(take).expect("server");
    let store = store(options());
    let layer = draft(&vec![1; 300_000]);
    let to = reference(&server.host(), "contract/app:1");
    let transfer = store.put_layer(&to, &layer).expect("layer");
    assert_eq!(transfer, Transfer::Uploaded);
    let recorded = server.recorded();
    let put = recorded
        .iter()
        .find(|request| request.method == "PUT")
        .expect("PUT");
    let digest = layer.descriptor.digest.to_string().replace(':', "%3A");
    assert_eq!(
        put.target,
        format!("{UPLOADS}1?_state=a%2Fb&digest={digest}")
    );
    assert_eq!(put.content_length, Some(300_000));
    let statistics = store.statistics();
    assert_eq!(statistics.bytes_uploaded, 300_000);
    assert_eq!(statistics.blobs_uploaded, 1);
}

#[test]
fn an_upload_without_a_location_is_an_error() {
    let server = ScriptedServer::start(|request| match request.method.as_str() {
        "HEAD" => Response::status(404),
        _ => Response::status(202),
    })
    .expect("server");
    let to = reference(&server.host(), "contract/app:1");
    let kind = failed(store(options()).put_layer(&to, &draft(b"layer")));
    assert!(
        matches!(&kind, StoreErrorKind::Server { detail, .. } if detail.contains("no Location")),
        "{kind:?}"
    );
}

#[test]
fn a_location_on_another_host_gets_the_bytes_but_no_credentials() {
    let elsewhere = ScriptedServer::start(take).expect("server");
    let location = format!("{}/put?signature=1", elsewhere.address());
    let registry = ScriptedServer::start(move |request| {
        if request.header("authorization").is_none() {
            return Response::status(401).header("Www-Authenticate", "Basic realm=\"r\"");
        }
        match request.method.as_str() {
            "POST" => Response::status(202).header("Location", &location),
            _ => take(request),
        }
    });
    let registry = registry.expect("server");
    let to = reference(&registry.host(), "contract/app:1");
    store_for(&registry.host())
        .put_layer(&to, &draft(b"layer"))
        .expect("layer");
    assert_eq!(elsewhere.recorded().len(), 1);
    assert_eq!(elsewhere.recorded()[0].authorization, None);
}

#[test]
fn a_busy_or_broken_server_is_tried_again_from_the_start() {
    for status in [408, 429, 500, 502, 503, 504] {
        let puts = AtomicUsize::new(0);
        let server = ScriptedServer::start(move |request| {
            if request.method == "PUT" && puts.fetch_add(1, Ordering::SeqCst) == 0 {
                return Response::status(status).header("Retry-After", "0");
            }
            take(request)
        });
        let server = server.expect("server");
        let to = reference(&server.host(), "contract/app:1");
        let transfer = store(options()).put_layer(&to, &draft(&vec![2; 100_000]));
        assert_eq!(transfer.expect("layer"), Transfer::Uploaded);
        assert_eq!(server.count("POST", UPLOADS), 2, "{status}");
        assert_eq!(server.count("PUT", UPLOADS), 2, "{status}");
        assert_eq!(server.count("DELETE", UPLOADS), 1, "{status}");
    }
}

#[test]
fn a_lost_upload_session_is_started_anew() {
    let puts = AtomicUsize::new(0);
    let server = ScriptedServer::start(move |request| {
        if request.method == "PUT" && puts.fetch_add(1, Ordering::SeqCst) == 0 {
            request.discard_body().unwrap_or_default();
            let error = json!({"errors": [{"code": "BLOB_UPLOAD_INVALID", "message": "gone"}]});
            return Response::json(404, &error);
        }
        take(request)
    });
    let server = server.expect("server");
    let to = reference(&server.host(), "contract/app:1");
    let transfer = store(options()).put_layer(&to, &draft(b"layer"));
    assert_eq!(transfer.expect("layer"), Transfer::Uploaded);
    assert_eq!(server.count("POST", UPLOADS), 2);
}

#[test]
fn a_rate_limit_that_stays_is_named() {
    let server = ScriptedServer::start(|request| match request.path() {
        "/v2/" => Response::status(200),
        _ => Response::status(429).header("Retry-After", "3600"),
    })
    .expect("server");
    let to = reference(&server.host(), "contract/app:1");
    let kind = failed(store(options()).check_access(&to, Access::Write));
    assert!(
        matches!(&kind, StoreErrorKind::RateLimited { detail } if detail.contains("3600 s")),
        "{kind:?}"
    );
}

#[test]
fn a_quota_is_not_a_matter_of_credentials_and_not_tried_again() {
    let server = ScriptedServer::start(|request| match request.method.as_str() {
        "PUT" => {
            let message = "adding 5.0 MiB of storage resource, which when updated to current usage of 98.0 MiB will exceed the configured upper limit of 100.0 MiB.";
            Response::json(403, &json!({"errors": [{"code": "DENIED", "message": message}]}))
        }
        _ => take(request),
    })
    .expect("server");
    let to = reference(&server.host(), "contract/app:1");
    // Large enough that the refusal comes long before the bytes are sent.
    let kind = failed(store(options()).put_layer(&to, &draft(&vec![3; 5 << 20])));
    assert!(
        matches!(&kind, StoreErrorKind::QuotaExceeded { detail, .. } if detail.contains("100.0 MiB")),
        "{kind:?}"
    );
    assert_eq!(server.count("PUT", UPLOADS), 1);
    assert_eq!(server.count("DELETE", UPLOADS), 1);
}

#[test]
fn a_refused_mount_becomes_a_copy() {
    let content = b"layer of a base".to_vec();
    for refusal in [202, 400, 401, 403, 404, 405] {
        let served = content.clone();
        let server = ScriptedServer::start(move |request| {
            if request.target.contains("mount=") && refusal != 202 {
                return Response::status(refusal);
            }
            if request.method == "GET" && request.path().contains("/base/") {
                return Response::status(200).body(served.clone());
            }
            take(request)
        });
        let server = server.expect("server");
        let (descriptor, _) = blob(&content);
        let layer = DraftLayer {
            descriptor: descriptor.clone(),
            diff_id: descriptor.digest,
            created_by: None,
            source: LayerSource::Repository(reference(&server.host(), "contract/base:1")),
        };
        let store = store(options());
        let to = reference(&server.host(), "contract/app:1");
        let transfer = store.put_layer(&to, &layer).expect("layer");
        assert_eq!(transfer, Transfer::Uploaded, "{refusal}");
        let starts = if refusal == 202 { 1 } else { 2 };
        assert_eq!(server.count("POST", UPLOADS), starts, "{refusal}");
    }
}

#[test]
fn an_upload_that_a_mount_started_in_vain_is_cancelled() {
    for (answer, transfer) in [(200, Some(Transfer::Existing)), (403, None)] {
        let server = ScriptedServer::start(move |request| {
            if request.method == "HEAD" && request.path().contains("/blobs/") {
                return Response::status(answer);
            }
            take(request)
        });
        let server = server.expect("server");
        let (descriptor, _) = blob(b"layer of a base");
        let layer = DraftLayer {
            diff_id: descriptor.digest,
            descriptor,
            created_by: None,
            source: LayerSource::Repository(reference(&server.host(), "contract/base:1")),
        };
        let to = reference(&server.host(), "contract/app:1");
        let put = store(options()).put_layer(&to, &layer);
        assert_eq!(put.ok(), transfer, "{answer}");
        assert_eq!(server.count("POST", UPLOADS), 1, "{answer}");
        assert_eq!(server.count("DELETE", UPLOADS), 1, "{answer}");
    }
}

#[test]
fn layers_of_another_registry_are_copied_and_verified() {
    let (from, to) = (
        server(&RegistryServerOptions::default()),
        server(&RegistryServerOptions::default()),
    );
    let store = store(options());
    let source = reference(&from.host(), "contract/base:1");
    let target = reference(&to.host(), "contract/app:1");
    let base = image("elsewhere");
    push(&store, &base, &[&source]);
    let layer = DraftLayer {
        source: LayerSource::Repository(source),
        ..base.layers[0].clone()
    };
    assert_eq!(
        store.put_layer(&target, &layer).expect("layer"),
        Transfer::Uploaded
    );
    assert_eq!(
        store.put_layer(&target, &layer).expect("layer"),
        Transfer::Existing
    );
}

#[test]
fn a_layer_that_is_in_no_repository_is_not_found() {
    let server = server(&RegistryServerOptions::default());
    let layer = DraftLayer {
        source: LayerSource::Repository(reference(&server.host(), "contract/nowhere:1")),
        ..draft(b"nowhere")
    };
    let to = reference(&server.host(), "contract/app:1");
    let kind = failed(store(options()).put_layer(&to, &layer));
    assert!(matches!(kind, StoreErrorKind::NotFound), "{kind:?}");
}

#[test]
fn further_tags_cost_one_request_each() {
    let server = server(&RegistryServerOptions::default());
    let store = store(options());
    let tags = ["1", "2", "3"].map(|tag| reference(&server.host(), &format!("contract/app:{tag}")));
    let image = image("tags");
    store.put_layer(&tags[0], &image.layers[0]).expect("layer");
    store.put_image(&image, &tags[..1]).expect("image");
    let before = store.statistics().requests;
    store.put_image(&image, &tags).expect("image");
    assert_eq!(store.statistics().requests - before, 3);
}

#[test]
fn a_registry_that_stores_another_manifest_is_caught() {
    let server = ScriptedServer::start(|request| {
        let response = take(request);
        if request.path().contains("/manifests/") {
            return response.header(
                "Docker-Content-Digest",
                &format!("sha256:{}", "0".repeat(64)),
            );
        }
        response
    })
    .expect("server");
    let tag = reference(&server.host(), "contract/app:1");
    let kind = failed(store(options()).put_image(&image("changed"), &[tag]));
    assert!(
        matches!(
            kind,
            StoreErrorKind::Mismatch {
                what: "stored manifest",
                ..
            }
        ),
        "{kind:?}"
    );
}

#[test]
fn a_read_only_registry_is_named() {
    let server = server(&RegistryServerOptions {
        read_only: true,
        ..RegistryServerOptions::default()
    });
    let store = store(options());
    let tag = reference(&server.host(), "contract/app:1");
    store.check_access(&tag, Access::Read).expect("read access");
    let kind = failed(store.check_access(&tag, Access::Write));
    assert!(matches!(kind, StoreErrorKind::ReadOnly { .. }), "{kind:?}");
}

#[test]
fn checking_access_leaves_no_upload_behind() {
    let server = ScriptedServer::start(take).expect("server");
    let tag = reference(&server.host(), "contract/app:1");
    store(options())
        .check_access(&tag, Access::Write)
        .expect("access");
    assert_eq!(server.count("POST", UPLOADS), 1);
    assert_eq!(server.count("DELETE", &format!("{UPLOADS}1")), 1);
}

#[test]
fn registries_that_cannot_delete_are_fine() {
    for status in [202, 404, 405] {
        let server = ScriptedServer::start(move |request| match request.method.as_str() {
            "DELETE" => Response::status(status),
            _ => Response::status(200),
        });
        let server = server.expect("server");
        let tag = reference(&server.host(), "contract/app:1");
        store(options())
            .delete(&tag, draft(b"x").descriptor.digest)
            .expect("deleted");
    }
}

#[test]
fn several_threads_upload_at_once_within_the_limit() {
    let under_way = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (now, top) = (under_way.clone(), most.clone());
    let server = ScriptedServer::start(move |request| {
        if request.method != "PUT" {
            return take(request);
        }
        top.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let response = take(request);
        now.fetch_sub(1, Ordering::SeqCst);
        response
    });
    let server = server.expect("server");
    let store = store(RegistryOptions {
        concurrent_uploads: 2,
        ..options()
    });
    let to = reference(&server.host(), "contract/app:1");
    std::thread::scope(|scope| {
        for seed in 0..8 {
            let (store, to) = (&store, &to);
            scope.spawn(move || {
                store
                    .put_layer(to, &draft(&vec![seed; 1 << 20]))
                    .expect("layer")
            });
        }
    });
    assert_eq!(store.statistics().blobs_uploaded, 8);
    let most = most.load(Ordering::SeqCst);
    assert!((1..=2).contains(&most), "{most}");
}

#[test]
fn a_source_that_fails_is_the_fault_that_is_named() {
    #[derive(Debug)]
    struct Broken;
    impl wharf_layer::BlobSource for Broken {
        fn open(&self) -> std::io::Result<Box<dyn std::io::Read + Send>> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let server = ScriptedServer::start(take).expect("server");
    let to = reference(&server.host(), "contract/app:1");
    let layer = DraftLayer {
        source: LayerSource::Bytes(Arc::new(Broken)),
        ..draft(b"broken")
    };
    let error = store(options())
        .put_layer(&to, &layer)
        .expect_err("uploaded");
    assert!(
        chain(&error).ends_with("the disk is gone"),
        "{}",
        chain(&error)
    );
    // The source may fail before the request is on its way; it must not be tried again.
    assert!(server.count("PUT", UPLOADS) <= 1);
}
