//! The contract of every store, on a real registry.
use crate::support::{basic, issuer, options, reference, server, store, store_for};
use std::time::Duration;
use wharf_registry::{RegistryOptions, RegistryStore, TrustedCertificates};
use wharf_testkit::{
    Authentication, FaultPlan, FaultProxy, RegistryServer, RegistryServerOptions,
    certificates::ServerCertificate, store_contract,
};

fn holds(store: &RegistryStore, server: &RegistryServer) {
    store_contract(store, &|name| reference(&server.host(), name));
}

#[test]
fn holds_without_authentication() {
    let server = server(&RegistryServerOptions::default());
    holds(&store(options()), &server);
}

#[test]
fn holds_with_user_and_password() {
    let server = server(&RegistryServerOptions {
        authentication: basic(),
        ..RegistryServerOptions::default()
    });
    holds(&store_for(&server.host()), &server);
}

#[test]
fn holds_with_tokens_as_harbor_issues_them() {
    let issuer = issuer(Duration::from_mins(30));
    let server = server(&RegistryServerOptions {
        authentication: Authentication::by(&issuer),
        ..RegistryServerOptions::default()
    });
    holds(&store_for(&server.host()), &server);
}

#[test]
fn holds_over_tls_with_an_authority_of_its_own() {
    let certificate = ServerCertificate::for_names(&["127.0.0.1"]).expect("certificate");
    let authority = certificate.authority.clone().into_bytes();
    let server = server(&RegistryServerOptions {
        authentication: basic(),
        certificate: Some(certificate),
        ..RegistryServerOptions::default()
    });
    let credentials = wharf_registry::Credentials::anonymous().with_password(
        &server.host(),
        crate::support::USER,
        crate::support::PASSWORD,
    );
    let store = store(RegistryOptions {
        credentials,
        certificates: TrustedCertificates {
            extra_pem: vec![authority],
            ..TrustedCertificates::default()
        },
        ..options()
    });
    holds(&store, &server);
}

#[test]
fn holds_with_relative_locations() {
    let server = server(&RegistryServerOptions {
        relative_locations: true,
        ..RegistryServerOptions::default()
    });
    holds(&store(options()), &server);
}

#[test]
fn holds_below_a_prefix_that_a_server_before_the_registry_adds() {
    for relative_locations in [false, true] {
        let server = server(&RegistryServerOptions {
            authentication: basic(),
            prefix: Some("/hidden/".to_owned()),
            relative_locations,
            ..RegistryServerOptions::default()
        });
        let front = FaultProxy::start(server.port(), FaultPlan::none()).expect("proxy");
        front.set_prefix("/hidden");
        store_contract(&store_for(&front.host()), &|name| {
            reference(&front.host(), name)
        });
        // docker-registry leaves the prefix out of addresses that are relative.
        let below = |request: &String| request.contains(" /hidden/v2/");
        let is_told = front.take().requests.iter().any(below);
        assert_eq!(is_told, !relative_locations);
    }
}
