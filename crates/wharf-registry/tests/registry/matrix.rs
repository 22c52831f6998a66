//! The contract of every store, by each way of introducing oneself, over each kind of connection, at each server.
use crate::support::{PASSWORD, USER, basic, issuer, options, reference, server};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::Duration,
};
use wharf_registry::{
    Credentials, RegistryOptions, RegistryStore, RetryPolicy, TrustedCertificates,
};
use wharf_testkit::{
    Authentication, Fault, FaultPlan, FaultProxy, HarborOptions, HarborServer,
    RegistryServerOptions, TokenIssuer, certificates::ServerCertificate, harbor::Account,
    store_contract,
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

type Cell = (String, Box<dyn Fn() + Send>);

/// Runs the cells side by side; the names of those that break.
fn broken(cells: Vec<Cell>) -> Vec<String> {
    thread::scope(|scope| {
        let running: Vec<_> = cells
            .into_iter()
            .map(|(name, cell)| {
                let outcome = scope.spawn(move || catch_unwind(AssertUnwindSafe(cell)).is_ok());
                (name, outcome)
            })
            .collect();
        let judged = running.into_iter();
        judged
            .filter_map(|(name, cell)| (!cell.join().unwrap_or(false)).then_some(name))
            .collect()
    })
}

#[test]
fn the_contract_holds_by_every_way_to_every_server() {
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
    assert_eq!(broken(cells), [""; 0]);
}

/// Each request meets the fault the first time it is made.
fn at_first_with(fault: Fault) {
    let server = server(&RegistryServerOptions::default());
    let plan = FaultPlan::scripted(move |asked| {
        let can_be = asked.has_body || fault != Fault::ResetInRequest;
        (asked.earlier == 0 && can_be).then_some(fault)
    });
    let proxy = FaultProxy::start(server.port(), plan).expect("proxy");
    // A busy machine may add failures of its own: connections that were closed while nobody looked.
    let store = RegistryStore::new(RegistryOptions {
        retry: RetryPolicy {
            attempts: 8,
            first_wait: Duration::from_millis(10),
            longest_wait: Duration::from_secs(2),
        },
        ..options()
    });
    store_contract(&store.expect("store"), &|name| {
        reference(&proxy.host(), name)
    });
    let traffic = proxy.take();
    let met = traffic.faults().get(fault.name()).copied();
    assert!(met.is_some_and(|met| met > 5), "{met:?}");
}

#[test]
fn the_contract_holds_when_every_request_fails_the_first_time() {
    let moment = Duration::from_millis(5);
    let faults = [
        Fault::ResetBeforeAnswer,
        Fault::ResetInRequest,
        Fault::ResetInAnswer,
        Fault::Truncated,
        Fault::Stalled(moment),
        Fault::Late(moment),
        Fault::Refused(408),
        Fault::Refused(500),
        Fault::Refused(502),
        Fault::Refused(503),
        Fault::Refused(504),
        Fault::RateLimited(0),
    ];
    let cells = faults
        .map(|fault| -> Cell { (format!("{fault:?}"), Box::new(move || at_first_with(fault))) });
    assert_eq!(broken(cells.into()), [""; 0]);
}
