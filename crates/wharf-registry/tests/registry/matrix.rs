//! The contract of every store, by each way of introducing oneself, over each kind of connection, at each server.
use crate::support::{PASSWORD, USER, basic, issuer, options, reference, server};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::Duration,
};
use wharf_registry::{Credentials, RegistryOptions, RegistryStore, TrustedCertificates};
use wharf_testkit::{
    Authentication, HarborOptions, HarborServer, RegistryServerOptions, TokenIssuer,
    certificates::ServerCertificate, harbor::Account, store_contract,
};

#[derive(Debug, Clone, Copy)]
enum Who {
    Nobody,
    Password,
    Tokens,
    /// Tokens that are too old after two seconds.
    ShortTokens,
}

#[derive(Debug, Clone, Copy)]
enum Way {
    Plain,
    OwnAuthority,
    Unverified,
}

fn at_docker_registry(who: Who, way: Way) {
    let tokens: Option<TokenIssuer> = match who {
        Who::Nobody | Who::Password => None,
        Who::Tokens => Some(issuer(Duration::from_mins(30))),
        Who::ShortTokens => Some(issuer(Duration::from_secs(2))),
    };
    let authentication = match (&tokens, who) {
        (Some(issuer), _) => Authentication::by(issuer),
        (None, Who::Password) => basic(),
        (None, _) => Authentication::Anonymous,
    };
    let certificate = ServerCertificate::for_names(&["127.0.0.1"]).expect("certificate");
    let authority = certificate.authority.clone().into_bytes();
    let server = server(&RegistryServerOptions {
        authentication,
        certificate: (!matches!(way, Way::Plain)).then_some(certificate),
        ..RegistryServerOptions::default()
    });
    let host = server.host();
    let credentials = match who {
        Who::Nobody => Credentials::anonymous(),
        _ => Credentials::anonymous().with_password(&host, USER, PASSWORD),
    };
    let trusted = matches!(way, Way::OwnAuthority).then_some(authority);
    let store = RegistryStore::new(RegistryOptions {
        credentials,
        certificates: TrustedCertificates {
            extra_pem: trusted.into_iter().collect(),
            ..TrustedCertificates::default()
        },
        insecure: match way {
            Way::Unverified => vec![host.clone()],
            Way::Plain | Way::OwnAuthority => Vec::new(),
        },
        ..options()
    });
    store_contract(&store.expect("store"), &|name| reference(&host, name));
}

fn at_harbor() {
    let server = HarborServer::start(HarborOptions {
        accounts: vec![Account::admin(USER, PASSWORD)],
        ..HarborOptions::default()
    });
    let server = server.expect("server");
    server.add_project("contract", false);
    let host = server.host();
    let store = RegistryStore::new(RegistryOptions {
        credentials: Credentials::anonymous().with_password(&host, USER, PASSWORD),
        ..options()
    });
    store_contract(&store.expect("store"), &|name| reference(&host, name));
    assert_eq!(server.violations(), [""; 0]);
    assert_eq!(server.open_uploads(), 0);
}

#[test]
fn the_contract_holds_by_every_way_to_every_server() {
    type Cell = (String, Box<dyn Fn() + Send>);
    let mut cells: Vec<Cell> = vec![("Harbor".to_owned(), Box::new(at_harbor))];
    for who in [Who::Nobody, Who::Password, Who::Tokens, Who::ShortTokens] {
        for way in [Way::Plain, Way::OwnAuthority, Way::Unverified] {
            // The token service of the tests speaks plain http, and no registry with TLS is followed there.
            if !matches!(way, Way::Plain) && matches!(who, Who::Tokens | Who::ShortTokens) {
                continue;
            }
            let cell = Box::new(move || at_docker_registry(who, way));
            cells.push((format!("docker-registry, {who:?}, {way:?}"), cell));
        }
    }
    let broken: Vec<String> = thread::scope(|scope| {
        let running: Vec<_> = cells
            .into_iter()
            .map(|(name, cell)| {
                let outcome = scope.spawn(move || catch_unwind(AssertUnwindSafe(cell)).is_ok());
                (name, outcome)
            })
            .collect();
        let failed = running
            .into_iter()
            .filter_map(|(name, cell)| (!cell.join().unwrap_or(false)).then_some(name));
        failed.collect()
    });
    assert!(broken.is_empty(), "{broken:#?}");
}
