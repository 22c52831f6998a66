//! Connections that break and proxies.
use crate::support::{amd64, options, reference, store};
use std::time::Duration;
use wharf_image::{ImageStore, StoreErrorKind};
use wharf_registry::{ProxySettings, RegistryOptions};
use wharf_testkit::{ScriptedServer, scripted_server::Response};

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
