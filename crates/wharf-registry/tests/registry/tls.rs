//! Certificates, plain http, and what the errors say about them.
use crate::support::{amd64, failed, image, options, reference, server, store};
use std::net::TcpListener;
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
