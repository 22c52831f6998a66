//! Where a registry says its token service is, and whether that may see a password.
use crate::{
    failure::{self, Failure},
    tls::Distrust,
};
use reqwest::Url;
use wharf_image::StoreErrorKind;

/// The address of the token service: https, or plain http on the host of a registry that is on plain http itself.
pub(crate) fn address(base: &Url, realm: &str) -> Result<Url, Failure> {
    let malformed = || {
        Failure::Final(StoreErrorKind::Server {
            status: 401,
            detail: "the address of the token service is malformed".to_owned(),
        })
    };
    let mut url = base.join(realm).map_err(|_| malformed())?;
    url.set_username("").ok();
    url.set_password(None).ok();
    let plain_is_fine =
        base.scheme() == "http" && (url.host() == base.host() || both_loopback(base, &url));
    match url.scheme() {
        "https" => Ok(url),
        "http" if plain_is_fine => Ok(url),
        "http" => Err(Failure::Untrusted {
            address: failure::address(base),
            distrust: Distrust {
                problem: format!(
                    "it wants credentials for its token service {} over plain http",
                    failure::address(&url)
                ),
                advice: "have the registry name an https address (EXT_ENDPOINT in Harbor)"
                    .to_owned(),
                certificate: false,
            },
        }),
        _ => Err(malformed()),
    }
}

/// `host[:port]`.
pub(crate) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Whether the token service may see the password: it is on the host of the registry, on one beside it, or was named.
///
/// A registry names whom it likes. Token services on a host of their own are common, and nearly always beside the registry
/// (`registry.example.org` and `auth.example.org`); anybody else has to be told of.
pub(crate) fn trust(base: &Url, realm: &Url, trusted: &[String]) -> Result<(), Failure> {
    let host = realm.host_str().unwrap_or_default();
    let with_port = self::host(realm);
    let is_named = trusted.iter().any(|it| it == host || *it == with_port);
    if is_named || realm.host() == base.host() || both_loopback(base, realm) || beside(base, realm)
    {
        return Ok(());
    }
    Err(Failure::Untrusted {
        address: failure::address(base),
        distrust: Distrust {
            problem: format!(
                "it wants its password sent to a token service elsewhere, {}",
                failure::address(realm)
            ),
            advice: format!("if that is right, name '{host}' in WHARF_TRUSTED_REALMS"),
            certificate: false,
        },
    })
}

/// Whether two names differ in their first label only, or one is the parent of the other, and share at least two.
fn beside(base: &Url, realm: &Url) -> bool {
    let (Some(base), Some(realm)) = (base.domain(), realm.domain()) else {
        return false;
    };
    let shared = |name: &str, parent: &str| {
        let rest = name.strip_suffix(parent);
        parent.contains('.') && rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let parent = |name: &str| name.split_once('.').map(|(_, parent)| parent.to_owned());
    shared(realm, base) || parent(base).is_some_and(|parent| shared(realm, &parent))
}

fn both_loopback(one: &Url, other: &Url) -> bool {
    let loopback = |url: &Url| {
        url.host_str().is_some_and(|host| {
            host == "localhost"
                || host
                    .trim_matches(['[', ']'])
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        })
    };
    loopback(one) && loopback(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_go_to_hosts_beside_the_registry_and_to_those_that_are_named() {
        let trusts = |base: &str, realm: &str, named: &[&str]| {
            let url = |text: &str| Url::parse(text).unwrap();
            let named: Vec<String> = named.iter().map(ToString::to_string).collect();
            trust(&url(base), &url(realm), &named).is_ok()
        };
        let registry = "https://registry.example.org/";
        for beside in [
            "https://registry.example.org/token",
            "https://registry.example.org:8443/token",
            "https://auth.example.org/token",
            "https://login.auth.example.org/token",
            "https://example.org/token",
        ] {
            assert!(trusts(registry, beside, &[]), "{beside}");
        }
        assert!(trusts(
            "http://127.0.0.1:5000/",
            "http://localhost:5001/token",
            &[]
        ));
        for elsewhere in [
            "https://example.net/token",
            "https://evilexample.org/token",
            "https://other.org/token",
            "https://192.0.2.1/token",
        ] {
            assert!(!trusts(registry, elsewhere, &[]), "{elsewhere}");
        }
        // A registry right below a top-level domain has no neighbours.
        assert!(!trusts(
            "https://example.org/",
            "https://other.org/token",
            &[]
        ));
        assert!(trusts(
            registry,
            "https://example.net/token",
            &["example.net"]
        ));
        assert!(trusts(
            registry,
            "https://example.net:444/t",
            &["example.net:444"]
        ));
        assert!(!trusts(
            registry,
            "https://example.net:444/t",
            &["example.net:445"]
        ));
    }

    #[test]
    fn token_services_are_reached_by_https_or_on_the_same_plain_host() {
        let accepted = |base: &str, address: &str| {
            let base = Url::parse(base).unwrap();
            super::address(&base, address)
                .map(|url| url.to_string())
                .ok()
        };
        let own = |text: &str| Some(text.to_owned());
        assert_eq!(
            accepted(
                "https://registry-1.docker.io/",
                "https://auth.docker.io/token"
            ),
            own("https://auth.docker.io/token")
        );
        assert_eq!(
            accepted("http://127.0.0.1:5000/", "http://127.0.0.1:5001/token"),
            own("http://127.0.0.1:5001/token")
        );
        assert_eq!(
            accepted("http://localhost:5000/", "http://127.0.0.1:5001/token"),
            own("http://127.0.0.1:5001/token")
        );
        assert_eq!(
            accepted("https://r.example/", "http://r.example/service/token"),
            None
        );
        assert_eq!(
            accepted("http://r.example/", "http://elsewhere.example/token"),
            None
        );
        assert_eq!(accepted("https://r.example/", "file:///etc/passwd"), None);
    }
}
