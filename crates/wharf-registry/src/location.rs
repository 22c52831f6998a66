//! Where `Location` leads, and whether credentials may come along.
use reqwest::{
    Url,
    header::{HeaderMap, LOCATION},
};

/// A next address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) url: Url,
    /// Whether it is the registry itself. Only then credentials are sent.
    pub(crate) trusted: bool,
}

/// Why a location is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is none.
    Missing,
    /// It is no http address.
    Malformed,
    /// It leads from https to plain http on another host.
    Downgrade,
}

impl Refusal {
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Missing => "the answer has no Location header",
            Self::Malformed => "the Location header is not an http address",
            Self::Downgrade => "the Location header leads from https to plain http",
        }
    }
}

/// Resolves the `Location` of an answer from `current`; `base` is the registry.
pub(crate) fn target(base: &Url, current: &Url, headers: &HeaderMap) -> Result<Target, Refusal> {
    let location = headers.get(LOCATION).ok_or(Refusal::Missing)?;
    let text = location.to_str().map_err(|_| Refusal::Malformed)?;
    let mut url = current.join(text).map_err(|_| Refusal::Malformed)?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(Refusal::Malformed);
    }
    // User information in an address would be sent as credentials.
    url.set_username("").ok();
    url.set_password(None).ok();
    if current.scheme() == "https" && url.scheme() == "http" {
        // A registry behind a terminator of TLS often believes it is on plain http.
        let same_host = url.host() == base.host() && base.scheme() == "https";
        let same_place = same_host && (url.port().is_none() || url.port() == base.port());
        if !same_place || url.set_scheme("https").is_err() || url.set_port(base.port()).is_err() {
            return Err(Refusal::Downgrade);
        }
    }
    let trusted = same_origin(base, &url);
    Ok(Target { url, trusted })
}

/// Whether two addresses have scheme, host and port in common.
pub(crate) fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn resolve(base: &str, location: &'static str) -> Result<(String, bool), Refusal> {
        let base = Url::parse(base).unwrap();
        let current = base.join("v2/a/blobs/uploads/").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, HeaderValue::from_static(location));
        let target = target(&base, &current, &headers)?;
        Ok((target.url.to_string(), target.trusted))
    }

    #[test]
    fn relative_and_absolute_locations_of_the_registry_are_trusted() {
        let base = "https://r.example/";
        let expected = Ok((
            "https://r.example/v2/a/blobs/uploads/1?_state=x".to_owned(),
            true,
        ));
        assert_eq!(resolve(base, "/v2/a/blobs/uploads/1?_state=x"), expected);
        assert_eq!(resolve(base, "1?_state=x"), expected);
        assert_eq!(
            resolve(base, "https://r.example:443/v2/a/blobs/uploads/1?_state=x"),
            expected
        );
        assert_eq!(
            resolve(base, "http://r.example/v2/a/blobs/uploads/1?_state=x"),
            expected
        );
        assert_eq!(
            resolve(
                base,
                "https://user:pass@r.example/v2/a/blobs/uploads/1?_state=x"
            ),
            expected
        );
    }

    #[test]
    fn other_hosts_and_ports_are_not_trusted() {
        let other = Ok(("https://s3.example/x".to_owned(), false));
        assert_eq!(resolve("https://r.example/", "https://s3.example/x"), other);
        let port = Ok(("http://127.0.0.1:5001/x".to_owned(), false));
        assert_eq!(
            resolve("http://127.0.0.1:5000/", "http://127.0.0.1:5001/x"),
            port
        );
    }

    #[test]
    fn https_never_leads_to_plain_http() {
        assert_eq!(
            resolve("https://r.example/", "http://s3.example/x"),
            Err(Refusal::Downgrade)
        );
        assert_eq!(
            resolve("https://r.example/", "http://r.example:8080/x"),
            Err(Refusal::Downgrade)
        );
        assert_eq!(
            resolve("https://r.example/", "ftp://r.example/x"),
            Err(Refusal::Malformed)
        );
    }
}
