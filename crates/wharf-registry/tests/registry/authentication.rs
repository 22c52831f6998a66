//! Tokens, their renewal, and telling wrong credentials from missing rights.
use crate::support::{
    PASSWORD, USER, amd64, blob, failed, image, issuer, options, reference, server, store,
    store_for,
};
use serde_json::json;
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use wharf_image::{Access, DraftLayer, ImageStore, LayerSource, StoreErrorKind, Transfer};
use wharf_registry::{Credentials, Keychain, RegistryOptions};
use wharf_testkit::{
    Authentication, RegistryServerOptions, ScriptedServer, chain,
    image_recipe::push,
    scripted_server::{Request, Response},
};

fn with_password(host: &str, user: &str, password: &str) -> RegistryOptions {
    RegistryOptions {
        credentials: Credentials::anonymous().with_password(host, user, password),
        ..options()
    }
}

#[test]
fn one_token_serves_all_requests_of_a_push() {
    let issuer = issuer(Duration::from_mins(30));
    let server = server(&RegistryServerOptions {
        authentication: Authentication::by(&issuer),
        ..RegistryServerOptions::default()
    });
    let store = store_for(&server.host());
    let tag = reference(&server.host(), "contract/app:1");
    store.check_access(&tag, Access::Write).expect("access");
    push(&store, &image("one token"), &[&tag]);
    assert!(store.find(&tag, &amd64()).expect("find").is_some());
    assert_eq!(issuer.issued(), 1);
}

#[test]
fn tokens_are_renewed_before_they_expire() {
    let issuer = issuer(Duration::from_secs(1));
    let server = server(&RegistryServerOptions {
        authentication: Authentication::by(&issuer),
        ..RegistryServerOptions::default()
    });
    let store = store_for(&server.host());
    let tag = reference(&server.host(), "contract/app:1");
    while issuer.issued() < 3 {
        store.check_access(&tag, Access::Write).expect("access");
    }
}

#[test]
fn mounts_with_one_token_for_both_repositories() {
    let issuer = issuer(Duration::from_mins(30));
    let server = server(&RegistryServerOptions {
        authentication: Authentication::by(&issuer),
        ..RegistryServerOptions::default()
    });
    let shared = reference(&server.host(), "shared/run:1");
    let owner = store(with_password(&server.host(), "owner", PASSWORD));
    let base = image("base");
    push(&owner, &base, &[&shared]);

    let store = store_for(&server.host());
    let layer = DraftLayer {
        source: LayerSource::Repository(shared),
        ..base.layers[0].clone()
    };
    let to = reference(&server.host(), "contract/app:1");
    let transfer = store.put_layer(&to, &layer).expect("layer");
    assert_eq!(transfer, Transfer::Mounted);
    assert_eq!(store.statistics().bytes_uploaded, 0);
}

#[test]
fn a_public_project_can_be_read_without_credentials() {
    let issuer = issuer(Duration::from_mins(30));
    let server = server(&RegistryServerOptions {
        authentication: Authentication::by(&issuer),
        ..RegistryServerOptions::default()
    });
    let tag = reference(&server.host(), "shared/run:1");
    push(
        &store(with_password(&server.host(), "owner", PASSWORD)),
        &image("public"),
        &[&tag],
    );
    let anonymous = store(options());
    assert!(anonymous.find(&tag, &amd64()).expect("find").is_some());
    let refused = failed(anonymous.check_access(&tag, Access::Write));
    assert!(
        matches!(&refused, StoreErrorKind::Unauthorized { detail } if detail.contains("none are given")),
        "{refused:?}"
    );
}

#[test]
fn wrong_passwords_and_missing_rights_are_told_apart() {
    let issuer = issuer(Duration::from_mins(30));
    let server = server(&RegistryServerOptions {
        authentication: Authentication::by(&issuer),
        ..RegistryServerOptions::default()
    });
    let host = server.host();
    let foreign = reference(&host, "private/app:1");
    let right = store(with_password(&host, USER, PASSWORD));
    let wrong = store(with_password(&host, USER, "wrong-password"));
    let denied = failed(right.check_access(&foreign, Access::Write));
    assert!(
        matches!(denied, StoreErrorKind::Denied { .. }),
        "{denied:?}"
    );
    let refused = failed(wrong.check_access(&foreign, Access::Write));
    assert!(
        matches!(refused, StoreErrorKind::Unauthorized { .. }),
        "{refused:?}"
    );
    let read_only = failed(right.check_access(&reference(&host, "shared/run:1"), Access::Write));
    assert!(
        matches!(read_only, StoreErrorKind::Denied { .. }),
        "{read_only:?}"
    );
}

#[test]
fn a_wrong_basic_password_is_named_as_such() {
    let server = server(&RegistryServerOptions {
        authentication: crate::support::basic(),
        ..RegistryServerOptions::default()
    });
    let tag = reference(&server.host(), "contract/app:1");
    for store in [
        store(options()),
        store(with_password(&server.host(), USER, "wrong-password")),
    ] {
        let refused = failed(store.find(&tag, &amd64()));
        assert!(
            matches!(refused, StoreErrorKind::Unauthorized { .. }),
            "{refused:?}"
        );
    }
}

/// A registry whose token service is itself, as with Harbor.
fn challenge(request: &Request) -> Response {
    let host = request.header("host").unwrap_or_default();
    let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"harbor-registry\"");
    Response::status(401).header("Www-Authenticate", &challenge)
}

#[test]
fn a_basic_challenge_after_a_token_means_a_new_token() {
    let tokens = AtomicUsize::new(0);
    let server = ScriptedServer::start(move |request| match request.path() {
        "/token" => {
            let number = tokens.fetch_add(1, Ordering::SeqCst);
            Response::json(
                200,
                &json!({"token": format!("token-{number}"), "access_token": ""}),
            )
        }
        "/v2/" => challenge(request),
        _ if request.header("authorization") == Some("Bearer token-1") => Response::status(404),
        _ => Response::status(401).header("Www-Authenticate", "Basic realm=\"harbor\""),
    })
    .expect("server");
    let store = store_for(&server.host());
    let tag = reference(&server.host(), "contract/app:1");
    assert!(store.find(&tag, &amd64()).expect("find").is_none());
    assert_eq!(server.count("GET", "/token"), 2);
    assert_eq!(server.count("GET", "/v2/contract/app/manifests/1"), 2);
}

#[test]
fn an_endless_401_ends_after_one_new_token() {
    let server = ScriptedServer::start(|request| match request.path() {
        "/token" => Response::json(200, &json!({"token": "useless"})),
        _ => challenge(request),
    })
    .expect("server");
    let store = store_for(&server.host());
    let refused = failed(store.find(&reference(&server.host(), "contract/app:1"), &amd64()));
    assert!(
        matches!(refused, StoreErrorKind::Denied { .. }),
        "{refused:?}"
    );
    assert_eq!(server.count("GET", "/v2/contract/app/manifests/1"), 2);
    // Two for the request, one to find out whether the password is right.
    assert_eq!(server.count("GET", "/token"), 3);
}

#[test]
fn tokens_are_asked_for_with_the_own_scope_first() {
    let server = ScriptedServer::start(|request| match request.path() {
        "/token" => Response::json(200, &json!({"token": "good"})),
        "/v2/" => challenge(request),
        _ if request.method == "POST" => Response::status(201),
        _ => Response::status(404),
    })
    .expect("server");
    let store = store_for(&server.host());
    let (descriptor, _) = blob(b"layer");
    let layer = DraftLayer {
        descriptor: descriptor.clone(),
        diff_id: descriptor.digest,
        created_by: None,
        source: LayerSource::Repository(reference(&server.host(), "a-shared/run:1")),
    };
    let to = reference(&server.host(), "contract/app:1");
    assert_eq!(
        store.put_layer(&to, &layer).expect("layer"),
        Transfer::Mounted
    );
    let recorded = server.recorded();
    let last = recorded
        .iter()
        .rfind(|request| request.target.starts_with("/token"));
    assert_eq!(
        last.expect("token request").target,
        "/token?service=harbor-registry&scope=repository%3Acontract%2Fapp%3Apull%2Cpush&scope=repository%3Aa-shared%2Frun%3Apull"
    );
}

#[test]
fn identity_tokens_are_exchanged_and_registry_tokens_sent_as_they_are() {
    let server = ScriptedServer::start(|request| match (request.method.as_str(), request.path()) {
        ("POST", "/token") => {
            let form = String::from_utf8(request.body().unwrap_or_default()).unwrap_or_default();
            assert!(form.starts_with("grant_type=refresh_token&"), "{form}");
            assert!(form.ends_with("&refresh_token=my-identity"), "{form}");
            Response::json(200, &json!({"access_token": "exchanged"}))
        }
        (_, "/v2/") => challenge(request),
        _ if request.header("authorization") == Some("Bearer exchanged") => Response::status(404),
        _ if request.header("authorization") == Some("Bearer as-it-is") => Response::status(404),
        _ => challenge(request),
    })
    .expect("server");
    let tag = reference(&server.host(), "contract/app:1");
    for header in ["X-Identity my-identity", "Bearer as-it-is"] {
        let auth = json!({server.host(): header}).to_string();
        let keychain = Keychain::from_parts(Some(&auth), &[]).expect("keychain");
        let credentials = keychain
            .resolve(std::slice::from_ref(&tag))
            .expect("credentials");
        let store = store(RegistryOptions {
            credentials,
            ..options()
        });
        assert!(store.find(&tag, &amd64()).expect("find").is_none());
    }
}

#[test]
fn a_token_service_that_fails_for_a_moment_is_asked_again() {
    let calls = AtomicUsize::new(0);
    let server = ScriptedServer::start(move |request| match request.path() {
        "/token" if calls.fetch_add(1, Ordering::SeqCst) == 0 => Response::status(503),
        "/token" => Response::json(200, &json!({"token": "good"})),
        "/v2/" => challenge(request),
        _ => Response::status(404),
    })
    .expect("server");
    let store = store_for(&server.host());
    let found = store.find(&reference(&server.host(), "contract/app:1"), &amd64());
    assert!(found.expect("find").is_none());
    assert_eq!(store.statistics().retries, 1);
}

#[test]
fn a_token_service_on_another_plain_host_gets_no_password() {
    let server = ScriptedServer::start(|_| {
        let challenge = "Bearer realm=\"http://tokens.example/token\",service=\"x\"";
        Response::status(401).header("Www-Authenticate", challenge)
    })
    .expect("server");
    let store = store_for(&server.host());
    let error = store.find(&reference(&server.host(), "contract/app:1"), &amd64());
    let error = error.expect_err("it was asked");
    assert!(
        chain(&error).contains("http://tokens.example over plain http"),
        "{}",
        chain(&error)
    );
}
