//! What registries refuse, in the words of `docs/guides/registry-errors.md`: each of its rows is provoked by a real phase.
use crate::support::{
    Outcome, finish,
    place::{Place, add_run_image},
    site::{KEEPER, PASSWORD, Site},
};
use serde_json::json;
use std::{
    fs,
    net::TcpListener,
    path::Path,
    thread::{self, ScopedJoinHandle},
};
use wharf_registry::{RegistryOptions, RegistryStore};
use wharf_spec::digest::Digest;
use wharf_testkit::{
    Authentication, ImageRecipe, RegistryServer, RegistryServerOptions, ScriptedServer,
    certificates::ServerCertificate,
    harbor::Account,
    scripted_server::{Request, Response},
};

/// A row: our words with `…` for what differs from case to case, the exit status, and how it comes about.
struct Row {
    words: &'static str,
    status: i32,
    provoke: fn() -> Outcome,
}

const ROWS: &[Row] = &[
    Row {
        words: "the registry does not accept the credentials (…); check CNB_REGISTRY_AUTH or the Docker config",
        status: 32,
        provoke: wrong_password,
    },
    Row {
        words: "access is denied (…); the account lacks the right for this repository",
        status: 32,
        provoke: no_right_to_push,
    },
    Row {
        words: "there is no project '…' (…); have it made before the first push, or check its name",
        status: 32,
        provoke: missing_project,
    },
    Row {
        words: "the quota is exceeded: … of … are in use, and … more are needed; free space in the project or have its quota raised",
        status: 62,
        provoke: quota,
    },
    Row {
        words: "the tag is immutable (…); choose another tag",
        status: 62,
        provoke: immutable_tag,
    },
    Row {
        words: "a policy of the registry blocks the image (…)",
        status: 3,
        provoke: policy,
    },
    Row {
        words: "the registry is read only (…); try again later",
        status: 32,
        provoke: read_only,
    },
    Row {
        words: "the project only passes on what another registry has (…); push to an ordinary project",
        status: 32,
        provoke: proxy_project,
    },
    Row {
        words: "the garbage collector of the registry is removing a blob (…); try again when it has run",
        status: 32,
        provoke: being_collected,
    },
    Row {
        words: "the registry limits the rate of requests (…); try again later",
        status: 32,
        provoke: rate_limit,
    },
    Row {
        words: "the registry, or a proxy before it, takes nothing that large (…); have its limit raised, or make the image smaller",
        status: 32,
        provoke: too_large,
    },
    Row {
        words: "no trusted connection to …: its certificate is signed by none of the … authorities that are trusted here; add the authority's certificate with SSL_CERT_FILE, or name the registry in CNB_INSECURE_REGISTRIES",
        status: 32,
        provoke: unknown_authority,
    },
    Row {
        words: "no trusted connection to …: its certificate has expired; renew it, and check the clock of this machine",
        status: 32,
        provoke: expired_certificate,
    },
    Row {
        words: "no trusted connection to …: its certificate is for another host name; use the name in the certificate, or have the certificate made for this name",
        status: 32,
        provoke: another_name,
    },
    Row {
        words: "no trusted connection to …: it wants a certificate of ours that it trusts; put one into the directory of this registry in WHARF_CERTS_DIR",
        status: 32,
        provoke: client_certificate,
    },
    Row {
        words: "no trusted connection to …: it wants its password sent to a token service elsewhere, …; if that is right, name '…' in WHARF_TRUSTED_REALMS",
        status: 32,
        provoke: foreign_realm,
    },
    Row {
        words: "cannot find …: its name does not resolve (…); check the spelling, and the DNS of this machine",
        status: 32,
        provoke: unknown_name,
    },
    Row {
        words: "cannot reach …: the connection was refused; check host and port, and whether the registry runs",
        status: 32,
        provoke: nobody_listens,
    },
    Row {
        words: "no image for …; it offers …",
        status: 32,
        provoke: wrong_platform,
    },
    Row {
        words: "find accessible run image; tried '…' (there is no such image)",
        status: 3,
        provoke: not_found,
    },
    Row {
        words: "manifest has … but … was promised; the store or a proxy delivers wrong bytes",
        status: 3,
        provoke: wrong_digest,
    },
    Row {
        words: "media type is not supported (…); push the image again as an OCI or Docker image",
        status: 3,
        provoke: media_type,
    },
    Row {
        words: "the server answered …: …",
        status: 32,
        provoke: server_error,
    },
];

fn docker_registry(options: &RegistryServerOptions) -> RegistryServer {
    RegistryServer::start(options).unwrap()
}

/// A place whose run image is on a registry of its own.
fn ready() -> (RegistryServer, Place) {
    let registry = docker_registry(&RegistryServerOptions::default());
    let place = Place::new();
    let store = RegistryStore::new(RegistryOptions::default()).unwrap();
    add_run_image(&place, &store, &format!("{}/run/base", registry.host()));
    (registry, place)
}

/// Builds to a registry that nobody has prepared.
fn build_to(host: &str, environment: &[(&str, &str)]) -> Outcome {
    let (_run_images, place) = ready();
    let image = format!("{host}/team/app");
    finish(place.creator(&["-no-color", &image], environment))
}

/// A registry without images whose answer to a started upload is `refusal`.
fn build_to_refusing(refusal: impl Fn() -> Response + Send + Sync + 'static) -> Outcome {
    let server =
        ScriptedServer::start(move |request: &mut Request| match request.method.as_str() {
            "POST" => refusal(),
            "GET" if request.path() == "/v2/" => Response::status(200),
            _ => Response::status(404),
        });
    build_to(&server.unwrap().host(), &[])
}

fn error(status: u16, code: &str, message: &str) -> Response {
    Response::json(
        status,
        &json!({"errors": [{"code": code, "message": message}]}),
    )
}

/// Builds on a run image that `run.toml` names.
fn build_on(run_image: &str, environment: &[(&str, &str)]) -> Outcome {
    let (registry, place) = ready();
    place.write(
        "run.toml",
        &format!("[[images]]\nimage = \"{run_image}\"\n"),
    );
    let image = format!("{}/team/app", registry.host());
    finish(place.creator(&["-no-color", &image], environment))
}

fn wrong_password() -> Outcome {
    let registry = docker_registry(&RegistryServerOptions {
        authentication: Authentication::Basic {
            user: "robot".to_owned(),
            password: "right".to_owned(),
        },
        ..RegistryServerOptions::default()
    });
    // `robot:wrong`
    let auth = format!(r#"{{"{}":"Basic cm9ib3Q6d3Jvbmc="}}"#, registry.host());
    build_to(&registry.host(), &[("CNB_REGISTRY_AUTH", &auth)])
}

fn no_right_to_push() -> Outcome {
    let site = Site::new();
    let reader = Account::robot("team", "reader", PASSWORD).may("team", &["repository:pull"]);
    site.server.add_account(reader);
    // `robot$team+reader:correct-horse`
    site.build_as(
        "cm9ib3QkdGVhbStyZWFkZXI6Y29ycmVjdC1ob3JzZQ==",
        "team/app",
        &[],
        &[],
    )
}

fn missing_project() -> Outcome {
    Site::new().build("nowhere/app", &[], &[])
}

fn quota() -> Outcome {
    let site = Site::new();
    site.server.set_limit("team", Some(4000));
    site.build("team/app", &[], &[("WHARF_HARBOR", "off")])
}

fn immutable_tag() -> Outcome {
    let site = Site::new();
    assert_eq!(site.build("team/app", &[], &[]).status, Some(0));
    site.server.add_immutable_rule("team", "*", "*");
    site.place.write("app/main.txt", "another source");
    site.build("team/app", &[], &[])
}

fn policy() -> Outcome {
    let site = Site::new();
    let run_image = site.server.tag("shared/run", "latest").unwrap();
    site.server.block("shared", run_image);
    site.build("team/app", &[], &[])
}

fn read_only() -> Outcome {
    let site = Site::new();
    site.server.set_read_only(true);
    site.build("team/app", &[], &[])
}

fn proxy_project() -> Outcome {
    let site = Site::new();
    site.server.set_proxy("team");
    site.build_as(KEEPER, "team/app", &[], &[])
}

fn being_collected() -> Outcome {
    build_to_refusing(|| {
        let words = "the asking blob is in GC, mark it as non existing, request id: 1";
        error(404, "NOT_FOUND", words)
    })
}

fn rate_limit() -> Outcome {
    build_to_refusing(|| {
        error(429, "TOOMANYREQUESTS", "too many requests").header("Retry-After", "3600")
    })
}

fn too_large() -> Outcome {
    build_to_refusing(|| Response::status(413).body("<html>413 Request Entity Too Large</html>"))
}

fn server_error() -> Outcome {
    build_to_refusing(|| error(418, "UNKNOWN", "something else"))
}

fn with_certificate(certificate: ServerCertificate, host: &str, trusted: bool) -> Outcome {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("authority.pem");
    fs::write(&file, &certificate.authority).unwrap();
    let registry = docker_registry(&RegistryServerOptions {
        certificate: Some(certificate),
        ..RegistryServerOptions::default()
    });
    let environment = [("SSL_CERT_FILE", file.to_str().unwrap())];
    build_to(
        &format!("{host}:{}", registry.port()),
        if trusted { &environment } else { &[] },
    )
}

/// The host of every server here.
const HOST: &str = "127.0.0.1";

fn unknown_authority() -> Outcome {
    let certificate = ServerCertificate::for_names(&[HOST]).unwrap();
    with_certificate(certificate, HOST, false)
}

fn expired_certificate() -> Outcome {
    let certificate = ServerCertificate::expired(&[HOST]).unwrap();
    with_certificate(certificate, HOST, true)
}

fn another_name() -> Outcome {
    let certificate = ServerCertificate::for_names(&["registry.example"]).unwrap();
    with_certificate(certificate, HOST, true)
}

fn client_certificate() -> Outcome {
    let certificate = ServerCertificate::for_names(&[HOST]).unwrap();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("authority.pem");
    fs::write(&file, &certificate.authority).unwrap();
    let registry = docker_registry(&RegistryServerOptions {
        client_authority: Some(certificate.authority.clone()),
        certificate: Some(certificate),
        ..RegistryServerOptions::default()
    });
    let environment = [("SSL_CERT_FILE", file.to_str().unwrap())];
    build_to(&registry.host(), &environment)
}

fn foreign_realm() -> Outcome {
    let server = ScriptedServer::start(|_| {
        let challenge = "Bearer realm=\"https://tokens.example/token\",service=\"registry\"";
        Response::status(401).header("Www-Authenticate", challenge)
    });
    let server = server.unwrap();
    // `robot:secret`
    let auth = format!(r#"{{"{}":"Basic cm9ib3Q6c2VjcmV0"}}"#, server.host());
    build_to(&server.host(), &[("CNB_REGISTRY_AUTH", &auth)])
}

fn unknown_name() -> Outcome {
    build_to("no-such-registry.invalid", &[])
}

fn nobody_listens() -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    build_to(&host, &[])
}

fn wrong_platform() -> Outcome {
    let (registry, place) = ready();
    let store = RegistryStore::new(RegistryOptions::default()).unwrap();
    let name = format!("{}/run/other", registry.host());
    ImageRecipe::new()
        .platform("linux", "s390x", None)
        .layer(&[("etc/base", b"base", 0o644)])
        .push(&store, &[&name.parse().unwrap()]);
    place.write("run.toml", &format!("[[images]]\nimage = \"{name}\"\n"));
    let image = format!("{}/team/app", registry.host());
    finish(place.creator(&["-no-color", &image], &[]))
}

fn not_found() -> Outcome {
    let (registry, _place) = ready();
    build_on(&format!("{}/run/gone", registry.host()), &[])
}

/// A registry that has one document under every name.
fn serving(document: &'static str, media_type: &'static str) -> ScriptedServer {
    let server = ScriptedServer::start(move |request: &mut Request| {
        if request.path() == "/v2/" {
            return Response::status(200);
        }
        let response = Response::status(200).header("Content-Type", media_type);
        if request.method == "HEAD" {
            return response;
        }
        response.body(document)
    });
    server.unwrap()
}

fn wrong_digest() -> Outcome {
    let server = serving("{}", "application/vnd.oci.image.manifest.v1+json");
    let promised = Digest::from_bytes([7; 32]);
    build_on(&format!("{}/run/base@{promised}", server.host()), &[])
}

fn media_type() -> Outcome {
    let document = r#"{"schemaVersion":2,"mediaType":"application/vnd.example.chart.v1+json"}"#;
    let server = serving(document, "application/vnd.example.chart.v1+json");
    build_on(&format!("{}/run/base", server.host()), &[])
}

/// Whether `text` has the pieces between `…` in their order.
fn is_said(text: &str, words: &str) -> bool {
    let mut rest = text;
    words.split('…').all(|piece| match rest.split_once(piece) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

#[test]
fn every_refusal_has_the_words_and_the_status_of_the_guide() {
    let wrong: Vec<String> = thread::scope(|scope| {
        let rows: Vec<(&Row, ScopedJoinHandle<'_, Outcome>)> = ROWS
            .iter()
            .map(|row| (row, scope.spawn(row.provoke)))
            .collect();
        let judged = rows.into_iter().filter_map(|(row, outcome)| {
            let outcome = outcome.join().unwrap();
            let is_right =
                outcome.status == Some(row.status) && is_said(&outcome.stderr, row.words);
            (!is_right).then(|| {
                format!(
                    "{}\n  status {:?}, not {}; stderr: {}",
                    row.words, outcome.status, row.status, outcome.stderr
                )
            })
        });
        judged.collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_guide_has_these_rows_and_no_others() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/registry-errors.md");
    let guide = fs::read_to_string(guide).unwrap();
    let listed = guide.lines().filter_map(|line| line.strip_prefix("### "));
    let listed: Vec<&str> = listed.collect();
    let tested = ROWS
        .iter()
        .map(|row| format!("{}: `{}`", row.status, row.words));
    assert_eq!(listed, tested.collect::<Vec<_>>());
}
