//! Connections that break and proxies.
use crate::support::{amd64, options, reference, server, store};
use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};
use wharf_image::{Family, ImageStore, LayerSource, StoreErrorKind};
use wharf_layer::Compression;
use wharf_registry::{ProxySettings, RegistryOptions};
use wharf_testkit::{
    Fault, FaultPlan, FaultProxy, ImageRecipe, RegistryServerOptions, ScriptedServer,
    image_recipe::layer, scripted_server::Response,
};

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("listener");
    let host = listener.local_addr().expect("address").to_string();
    let mut options = options();
    options.retry.attempts = 1;
    options.idle_timeout = Duration::from_millis(100);
    let error = store(options).find(&reference(&host, "contract/app:1"), &amd64());
    let error = error.expect_err("it answered");
    assert!(
        matches!(error.kind, StoreErrorKind::Unreachable { .. }),
        "{error:?}"
    );
}

#[test]
fn an_upload_that_moves_but_takes_too_long_is_given_up_for_good() {
    let server = ScriptedServer::start(|request| match request.method.as_str() {
        "HEAD" => Response::status(404),
        "POST" => Response::status(202).header("Location", "/v2/contract/app/blobs/uploads/1"),
        "PUT" => {
            std::thread::sleep(Duration::from_millis(500));
            Response::status(201)
        }
        _ => Response::status(200),
    });
    let server = server.expect("server");
    let store = store(RegistryOptions {
        transfer_timeout: Some(Duration::from_millis(50)),
        ..options()
    });
    let layer = layer(b"some bytes", Compression::None, Family::Oci);
    let to = reference(&server.host(), "contract/app:1");
    let error = store.put_layer(&to, &layer).expect_err("it took long");
    let words = wharf_testkit::chain(&error);
    assert!(
        words.contains("the transfer of one blob took longer than 0 s"),
        "{words}"
    );
    assert_eq!(server.count("PUT", "/v2/"), 1);
    assert_eq!(server.count("DELETE", "/v2/"), 1);
}

#[test]
fn an_upload_that_stands_still_is_given_up_and_its_source_let_go() {
    let (release, blocked) = mpsc::channel::<()>();
    let blocked = Mutex::new(blocked);
    let server = ScriptedServer::start(move |request| match request.method.as_str() {
        "HEAD" => Response::status(404),
        "POST" => Response::status(202).header("Location", "/v2/contract/app/blobs/uploads/1"),
        "PUT" => {
            // Until the test is over.
            blocked.lock().expect("lock").recv().ok();
            Response::status(201)
        }
        _ => Response::status(200),
    });
    let server = server.expect("server");
    let mut options = options();
    options.retry.attempts = 1;
    options.idle_timeout = Duration::from_millis(100);
    let store = store(options);
    let to = reference(&server.host(), "contract/app:1");
    // The first is more than the connection takes unread; the second is sent and waits for its answer.
    for size in [64 << 20, 10] {
        let layer = layer(&vec![4; size], Compression::None, Family::Oci);
        let error = store.put_layer(&to, &layer).expect_err("it was taken");
        assert!(
            matches!(error.kind, StoreErrorKind::Unreachable { .. }),
            "{error:?}"
        );
        let LayerSource::Bytes(source) = layer.source else {
            panic!("bytes are at hand");
        };
        // The thread that reads ends by itself; then nobody else holds the bytes.
        while Arc::strong_count(&source) > 1 {
            std::thread::yield_now();
        }
    }
    drop(release);
}

#[test]
fn proxies_carry_requests_but_not_those_to_loopback_or_insecure_registries() {
    let proxy = ScriptedServer::start(|_| Response::status(418)).expect("proxy");
    let proxied = |insecure: &[&str]| {
        store(RegistryOptions {
            proxies: ProxySettings {
                http: Some(proxy.address()),
                https: Some(proxy.address()),
                no_proxy: Some("direct.invalid".to_owned()),
            },
            insecure: insecure.iter().map(|&prefix| prefix.to_owned()).collect(),
            ..options()
        })
    };
    let direct = ScriptedServer::start(|_| Response::status(404)).expect("server");
    let found = proxied(&[]).find(&reference(&direct.host(), "contract/app:1"), &amd64());
    assert!(found.expect("find").is_none());
    for host in ["direct.invalid", "insecure.invalid"] {
        let store = proxied(&["insecure.invalid"]);
        store
            .find(&reference(host, "contract/app:1"), &amd64())
            .expect_err("no such host");
    }
    assert_eq!(proxy.recorded(), []);
    proxied(&[])
        .find(&reference("registry.invalid", "contract/app:1"), &amd64())
        .expect_err("the proxy refuses");
    let recorded = proxy.recorded();
    assert_eq!(recorded[0].method, "CONNECT");
    assert_eq!(recorded[0].target, "registry.invalid:443");
}

#[test]
fn manifests_configs_and_lists_that_break_off_are_asked_for_again() {
    let registry = server(&RegistryServerOptions::default());
    for fault in [Fault::Truncated, Fault::ResetInAnswer] {
        // Each answer with a body breaks off the first time.
        let plan = FaultPlan::scripted(move |asked| {
            let is_read = asked.method == "GET" && asked.target != "/v2/";
            (is_read && asked.earlier == 0).then_some(fault)
        });
        let proxy = FaultProxy::start(registry.port(), plan).expect("proxy");
        let direct = reference(&registry.host(), "contract/app:1");
        let image = ImageRecipe::new()
            .layer(&[("a", b"a", 0o644)])
            .push(&store(options()), &[&direct]);
        let far = reference(&proxy.host(), "contract/app:1");
        let store = store(options());
        let found = store.find(&far, &amd64()).expect("find").expect("image");
        assert_eq!(found.digest(), image.digest());
        assert_eq!(store.tags(&far).expect("tags"), ["1"]);
        assert_eq!(store.catalog(&far).expect("catalog"), ["contract/app"]);
        let layer = &found.layers()[0].descriptor;
        let mut bytes = store.open_blob(&far, layer).expect("open");
        std::io::copy(&mut bytes, &mut std::io::sink()).expect("read to the end");
        let traffic = proxy.take();
        // Manifest, config, tags, catalog, layer.
        assert_eq!(traffic.faults().values().sum::<usize>(), 5);
        assert_eq!(store.statistics().retries, 5);
    }
}
