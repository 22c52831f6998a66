//! Nothing secret is ever printed, whatever a server echoes.
use crate::support::{amd64, blob, image, options, reference, store};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use std::sync::{Arc, Mutex};
use wharf_image::{Access, DraftLayer, ImageStore, LayerSource};
use wharf_registry::{
    Credentials, Exchange, Keychain, Observer, Progress, ProxySettings, RegistryOptions,
};
use wharf_testkit::{ScriptedServer, chain, scripted_server::Response};

const SECRET: &str = "s3cr3t-p4ssw0rd";

#[track_caller]
fn assert_clean(text: &str) {
    let encoded = STANDARD.encode(format!("user:{SECRET}"));
    for secret in [SECRET, encoded.as_str(), "t0k3n"] {
        assert!(!text.contains(secret), "{text}");
    }
}

/// Fails in every way, and repeats the credentials it was sent in its words.
fn echoing(status: u16, challenge: &'static str) -> ScriptedServer {
    ScriptedServer::start(move |request| {
        let sent = request
            .header("authorization")
            .unwrap_or("nothing")
            .to_owned();
        if request.path() == "/token" {
            return Response::json(200, &json!({"token": "t0k3n"}));
        }
        let message = format!("you sent {sent} with {SECRET}");
        let error = json!({"errors": [{"code": "ECHO", "message": message}]});
        let host = request.header("host").unwrap_or_default();
        let challenge = challenge.replace("HOST", host);
        let status = if request.path() == "/v2/" || sent == "nothing" {
            401
        } else {
            status
        };
        Response::json(status, &error).header("Www-Authenticate", &challenge)
    })
    .expect("server")
}

/// Keeps what it is told.
#[derive(Debug, Default)]
struct Lines(Mutex<Vec<String>>);

impl Observer for Lines {
    fn request(&self, exchange: &Exchange) {
        self.0.lock().expect("lock").push(exchange.to_string());
    }

    fn progress(&self, progress: &Progress) {
        self.0.lock().expect("lock").push(progress.to_string());
    }
}

#[test]
fn signatures_of_addresses_are_not_told_and_credentials_stay_with_the_registry() {
    const SIGNATURE: &str = "s1gn4tur3";
    let storage = ScriptedServer::start(|_| {
        Response::status(403).body(format!("<Error>no access with {SIGNATURE}</Error>"))
    });
    let storage = storage.expect("server");
    let address = format!("{}/blob?X-Signature={SIGNATURE}", storage.address());
    let server = ScriptedServer::start(move |request| {
        if request.header("authorization").is_none() {
            return Response::status(401).header("Www-Authenticate", "Basic realm=\"r\"");
        }
        match request.path() {
            "/v2/" => Response::status(200),
            _ => Response::status(307).header("Location", &address),
        }
    });
    let server = server.expect("server");
    let lines = Arc::new(Lines::default());
    let store = store(RegistryOptions {
        credentials: Credentials::anonymous().with_password(&server.host(), "user", SECRET),
        observer: Some(Arc::clone(&lines) as Arc<dyn Observer>),
        ..options()
    });
    let (descriptor, _) = blob(b"layer");
    let tag = reference(&server.host(), "contract/app:1");
    let opened = store
        .open_blob(&tag, &descriptor)
        .err()
        .expect("it is refused");
    let lines = lines.0.lock().expect("lock").join("\n");
    assert!(
        lines.contains(&format!("GET {}/blob: 403, ", storage.address())),
        "{lines}"
    );
    assert!(
        storage
            .recorded()
            .iter()
            .all(|request| request.authorization.is_none())
    );
    for text in [lines, chain(&opened), format!("{opened:?}")] {
        assert_clean(&text);
        assert!(!text.contains(SIGNATURE), "{text}");
    }
}

#[test]
fn errors_never_repeat_credentials() {
    let challenges = [
        "Basic realm=\"r\"",
        "Bearer realm=\"http://HOST/token\",service=\"s\"",
    ];
    for challenge in challenges {
        for status in [400, 401, 403, 412, 429, 500] {
            let server = echoing(status, challenge);
            let credentials =
                Credentials::anonymous().with_password(&server.host(), "user", SECRET);
            let store = store(RegistryOptions {
                credentials,
                ..options()
            });
            let tag = reference(&server.host(), "contract/app:1");
            let (descriptor, source) = blob(b"layer");
            let layer = DraftLayer {
                descriptor: descriptor.clone(),
                diff_id: descriptor.digest,
                created_by: None,
                source: LayerSource::Bytes(source),
            };
            let errors = [
                store.find(&tag, &amd64()).err(),
                store.check_access(&tag, Access::Read).err(),
                store.check_access(&tag, Access::Write).err(),
                store.open_blob(&tag, &descriptor).err(),
                store.put_layer(&tag, &layer).err(),
                store
                    .put_image(&image("x"), std::slice::from_ref(&tag))
                    .err(),
                store.delete(&tag, descriptor.digest).err(),
            ];
            for error in errors {
                let error = error.expect("it succeeded");
                assert_clean(&format!("{} {error:?} {error:#?}", chain(&error)));
            }
            assert_clean(&format!("{store:?}"));
        }
    }
}

#[test]
fn debug_output_of_every_source_is_clean() {
    let encoded = STANDARD.encode(format!("user:{SECRET}"));
    let variable = json!({
        "a.example": format!("Basic {encoded}"),
        "b.example": format!("Bearer {SECRET}"),
        "c.example": format!("X-Identity {SECRET}"),
    });
    let keychain = Keychain::from_parts(Some(&variable.to_string()), &[]).expect("keychain");
    let references =
        ["a.example/x", "b.example/x", "c.example/x"].map(|text| text.parse().expect("reference"));
    let credentials = keychain.resolve(&references).expect("credentials");
    let proxies = ProxySettings {
        https: Some(format!("http://user:{SECRET}@proxy.example")),
        ..ProxySettings::default()
    };
    let options = RegistryOptions {
        credentials: credentials.clone(),
        proxies,
        ..options()
    };
    assert_clean(&format!(
        "{keychain:?} {credentials:?} {options:?} {:?}",
        store(options.clone())
    ));
}
