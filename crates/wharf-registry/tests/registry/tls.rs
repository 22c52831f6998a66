//! Certificates, plain http, and what the errors say about them.
use crate::support::{amd64, failed, image, options, reference, server, store};
use std::{fs, net::TcpListener};
use wharf_image::{ImageStore, StoreErrorKind};
use wharf_registry::{RegistryOptions, RegistrySetupError, RegistryStore, TrustedCertificates};
use wharf_testkit::{
    RegistryServer, RegistryServerOptions, certificates::ServerCertificate, chain,
    image_recipe::push,
};

fn tls_server(certificate: ServerCertificate) -> RegistryServer {
    server(&RegistryServerOptions {
        certificate: Some(certificate),
        ..RegistryServerOptions::default()
    })
}

fn trusting(certificate: &ServerCertificate) -> RegistryStore {
    store(RegistryOptions {
        certificates: TrustedCertificates {
            extra_pem: vec![certificate.authority.clone().into_bytes()],
            ..TrustedCertificates::default()
        },
        ..options()
    })
}

#[track_caller]
fn refusal(store: &RegistryStore, host: &str) -> (String, String) {
    match failed(store.find(&reference(host, "contract/app:1"), &amd64())) {
        StoreErrorKind::Tls {
            problem, advice, ..
        } => (problem, advice),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_unknown_authority_is_named_with_the_way_to_add_it() {
    let certificate = ServerCertificate::for_names(&["127.0.0.1"]).expect("certificate");
    let server = tls_server(certificate);
    let (problem, advice) = refusal(&store(options()), &server.host());
    assert!(
        problem.starts_with("its certificate is signed by none of the "),
        "{problem}"
    );
    assert!(advice.contains("SSL_CERT_FILE"), "{advice}");
}

#[test]
fn expired_certificates_and_wrong_names_are_named() {
    let expired = ServerCertificate::expired(&["127.0.0.1"]).expect("certificate");
    let expired_server = tls_server(expired.clone());
    let (problem, _) = refusal(&trusting(&expired), &expired_server.host());
    assert_eq!(problem, "its certificate has expired");
    let other = ServerCertificate::for_names(&["other.example"]).expect("certificate");
    let other_server = tls_server(other.clone());
    let (problem, _) = refusal(&trusting(&other), &other_server.host());
    assert_eq!(problem, "its certificate is for another host name");
}

#[test]
fn a_certificate_file_takes_the_place_of_the_system_bundle() {
    let certificate = ServerCertificate::for_names(&["127.0.0.1"]).expect("certificate");
    let directory = tempfile::tempdir().expect("directory");
    let file = directory.path().join("authority.pem");
    std::fs::write(&file, &certificate.authority).expect("write");
    let server = tls_server(certificate);
    let with = |file, directories| {
        store(RegistryOptions {
            certificates: TrustedCertificates {
                file,
                directories,
                extra_pem: Vec::new(),
            },
            ..options()
        })
    };
    let tag = reference(&server.host(), "contract/app:1");
    let by_file = with(Some(file), Some(Vec::new()));
    assert!(by_file.find(&tag, &amd64()).expect("find").is_none());
    let by_directory = with(None, Some(vec![directory.path().to_owned()]));
    assert!(by_directory.find(&tag, &amd64()).expect("find").is_none());
    let missing = with(Some(directory.path().join("missing.pem")), Some(Vec::new()));
    let (_, advice) = refusal(&missing, &server.host());
    assert!(advice.contains("missing.pem"), "{advice}");
}

#[test]
fn what_is_no_certificate_is_refused_at_once() {
    let result = RegistryStore::new(RegistryOptions {
        certificates: TrustedCertificates {
            extra_pem: vec![b"not a certificate".to_vec()],
            ..TrustedCertificates::default()
        },
        ..options()
    });
    assert!(matches!(
        result,
        Err(RegistrySetupError::Certificate { index: 0 })
    ));
}

#[test]
fn insecure_registries_are_reached_with_any_certificate_and_without() {
    let certificate = ServerCertificate::expired(&["other.example"]).expect("certificate");
    let servers = [
        tls_server(certificate),
        server(&RegistryServerOptions::default()),
    ];
    for server in servers {
        let store = store(RegistryOptions {
            insecure: vec![format!("{}/contract", server.host())],
            ..options()
        });
        let tag = reference(&server.host(), "contract/app:1");
        push(&store, &image("insecure"), &[&tag]);
        assert!(store.find(&tag, &amd64()).expect("find").is_some());
    }
}

/// A name that leads to the loopback but does not look like it cannot be had offline, so the scheme is forced by the
/// prefix of another repository: plain http is refused where nothing allows it.
#[test]
fn a_refused_certificate_never_leads_to_plain_http() {
    let certificate = ServerCertificate::for_names(&["127.0.0.1"]).expect("certificate");
    let server = tls_server(certificate);
    let store = store(RegistryOptions {
        insecure: vec![format!("{}/elsewhere", server.host())],
        ..options()
    });
    let error = store
        .find(&reference(&server.host(), "contract/app:1"), &amd64())
        .expect_err("it was trusted");
    assert!(
        chain(&error).contains(&format!("https://{}", server.host())),
        "{}",
        chain(&error)
    );
}

#[test]
fn an_unreachable_registry_is_named_with_scheme_and_port() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("port");
        listener.local_addr().expect("address").port()
    };
    let host = format!("127.0.0.1:{port}");
    let error = store(options()).find(&reference(&host, "contract/app:1"), &amd64());
    let error = error.expect_err("nobody is there");
    assert!(
        matches!(error.kind, StoreErrorKind::Refused { .. }),
        "{error:?}"
    );
    assert!(
        chain(&error).contains(&format!("http://{host}")),
        "{}",
        chain(&error)
    );
}

/// A directory of certificates with one for `host`.
fn certs_dir(host: &str, files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("directory");
    let of_host = dir.path().join(host);
    fs::create_dir(&of_host).expect("directory");
    for (name, content) in files {
        fs::write(of_host.join(name), content).expect("file");
    }
    dir
}

#[test]
fn a_registry_that_wants_a_certificate_gets_the_one_in_its_directory() {
    let own = ServerCertificate::for_names(&["127.0.0.1"]).expect("certificate");
    let client = ServerCertificate::for_names(&["client"]).expect("certificate");
    let server = server(&RegistryServerOptions {
        certificate: Some(own.clone()),
        client_authority: Some(client.authority.clone()),
        ..RegistryServerOptions::default()
    });
    let files = [
        ("ca.crt", own.authority.as_str()),
        ("client.cert", &client.certificate),
        ("client.key", &client.key),
    ];
    let tag = reference(&server.host(), "contract/app:1");
    let with = |dir: &tempfile::TempDir| {
        store(RegistryOptions {
            certs_dir: Some(dir.path().to_owned()),
            ..options()
        })
    };
    let found = with(&certs_dir(&server.host(), &files)).find(&tag, &amd64());
    assert!(found.expect("it is let in").is_none());
    // The authority alone is not enough, and another registry's directory is nobody's business.
    let without = with(&certs_dir(&server.host(), &files[..1])).find(&tag, &amd64());
    let words = "it wants a certificate of ours that it trusts; put one into the directory of this registry in WHARF_CERTS_DIR";
    let refused = chain(&without.expect_err("it is kept out"));
    assert!(refused.contains(words), "{refused}");
    let elsewhere = with(&certs_dir("127.0.0.1:1", &files)).find(&tag, &amd64());
    assert!(matches!(failed(elsewhere), StoreErrorKind::Tls { .. }));
}

#[test]
fn files_of_certificates_that_cannot_be_used_are_named() {
    let one = ServerCertificate::for_names(&["client"]).expect("certificate");
    let other = ServerCertificate::for_names(&["client"]).expect("certificate");
    let cases: [(&[(&str, &str)], &str); 4] = [
        (
            &[("client.cert", &one.certificate)],
            "client.key': No such file",
        ),
        (
            &[("client.cert", "text"), ("client.key", &one.key)],
            "client.cert': it holds no certificate in PEM",
        ),
        (
            &[("ca.crt", "text")],
            "a .crt file holds no certificate in PEM",
        ),
        (
            &[
                ("client.cert", &one.certificate),
                ("client.key", &other.key),
            ],
            "r.example': ",
        ),
    ];
    for (files, words) in cases {
        let dir = certs_dir("r.example", files);
        let made = RegistryStore::new(RegistryOptions {
            certs_dir: Some(dir.path().to_owned()),
            ..options()
        });
        let error = made.expect_err("it is refused").to_string();
        assert!(error.contains(words), "{error}");
    }
}
