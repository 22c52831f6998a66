//! Which addresses a registry may have: https, and plain http where that is customary or asked for.
use reqwest::Url;
use std::net::IpAddr;
use wharf_spec::reference::DEFAULT_REGISTRY;

/// Host that serves Docker Hub's API.
const DOCKER_HUB: &str = "registry-1.docker.io";
/// Never reached through a proxy.
pub(crate) const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// Base addresses of `registry`, in the order to try them. Empty when it is no host.
pub(crate) fn candidates(registry: &str, insecure: bool) -> Vec<Url> {
    let host = if registry == DEFAULT_REGISTRY {
        DOCKER_HUB
    } else {
        registry
    };
    let schemes: &[&str] = if insecure || is_local(host) {
        &["https", "http"]
    } else {
        &["https"]
    };
    schemes
        .iter()
        .filter_map(|scheme| Url::parse(&format!("{scheme}://{host}/")).ok())
        .collect()
}

/// Whether an image name starts with one of the insecure prefixes, at a component's end.
pub(crate) fn is_insecure(name: &str, prefixes: &[String]) -> bool {
    prefixes.iter().any(|prefix| {
        let prefix = prefix.trim().trim_end_matches('/');
        !prefix.is_empty()
            && name
                .strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':', '@']))
    })
}

/// Loopback and private networks, where registries without TLS are customary.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private(),
        Ok(IpAddr::V6(address)) => address.is_loopback(),
        Err(_) => bare == "localhost" || bare.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(registry: &str, insecure: bool) -> Vec<String> {
        let urls = candidates(registry, insecure);
        urls.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn plain_http_is_tried_second_on_local_addresses_only() {
        for local in [
            "localhost",
            "127.0.0.1",
            "127.9.0.1",
            "[::1]",
            "x.localhost",
            "10.1.2.3",
            "192.168.0.1",
            "172.16.0.1",
        ] {
            let registry = format!("{local}:5000");
            let expected = [
                format!("https://{registry}/"),
                format!("http://{registry}/"),
            ];
            assert_eq!(texts(&registry, false), expected);
        }
        for public in [
            "r.example",
            "8.8.8.8:5000",
            "172.32.0.1",
            "localhost.example",
        ] {
            assert_eq!(texts(public, false), [format!("https://{public}/")]);
        }
        assert_eq!(
            texts("r.example", true),
            ["https://r.example/", "http://r.example/"]
        );
    }

    #[test]
    fn docker_hub_has_another_host() {
        assert_eq!(
            texts("index.docker.io", false),
            ["https://registry-1.docker.io/"]
        );
    }

    #[test]
    fn insecure_prefixes_end_at_components() {
        let prefixes = [
            "r.example/team".to_owned(),
            "s.example:5000".to_owned(),
            String::new(),
        ];
        let insecure = |name| is_insecure(name, &prefixes);
        assert!(insecure("r.example/team/app"));
        assert!(insecure("r.example/team"));
        assert!(insecure("s.example:5000/app"));
        assert!(!insecure("r.example/teamwork"));
        assert!(!insecure("s.example:50001/app"));
        assert!(!insecure("t.example/app"));
    }
}
