//! `WWW-Authenticate`.
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// What a server wants to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// User and password with every request.
    Basic,
    /// A token from a token service.
    Bearer(Bearer),
}

/// Where tokens come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bearer {
    /// Address of the token service.
    pub(crate) realm: String,
    /// Name the token service knows the registry by.
    pub(crate) service: Option<String>,
    /// `insufficient_scope` when a token was good but not good enough.
    pub(crate) insufficient_scope: bool,
}

impl Challenge {
    /// The strongest challenge in `headers`: bearer before basic. Unreadable and unknown ones are passed over.
    pub(crate) fn strongest(headers: &HeaderMap) -> Option<Self> {
        let mut basic = None;
        for value in headers.get_all(WWW_AUTHENTICATE) {
            let Ok(text) = value.to_str() else { continue };
            let Ok(challenges) = http_auth::parse_challenges(text) else {
                continue;
            };
            for challenge in challenges {
                if challenge.scheme.eq_ignore_ascii_case("basic") {
                    basic = Some(Self::Basic);
                } else if challenge.scheme.eq_ignore_ascii_case("bearer")
                    && let Some(bearer) = bearer(&challenge)
                {
                    return Some(Self::Bearer(bearer));
                }
            }
        }
        basic
    }
}

fn bearer(challenge: &http_auth::ChallengeRef<'_>) -> Option<Bearer> {
    let parameter = |name: &str| {
        challenge
            .params
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_unescaped())
    };
    Some(Bearer {
        realm: parameter("realm")?,
        service: parameter("service"),
        insufficient_scope: parameter("error").is_some_and(|error| error == "insufficient_scope"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn strongest(values: &[&'static str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(value));
        }
        Challenge::strongest(&headers)
    }

    #[test]
    fn prefers_bearer_and_reads_its_parameters() {
        let expected = Challenge::Bearer(Bearer {
            realm: "https://r.example/service/token".to_owned(),
            service: Some("harbor-registry".to_owned()),
            insufficient_scope: true,
        });
        let bearer = r#"Bearer realm="https://r.example/service/token",service="harbor-registry",scope="repository:a/b:pull,push repository:c:pull",error="insufficient_scope""#;
        assert_eq!(strongest(&[r#"Basic realm="x""#, bearer]), Some(expected));
    }

    #[test]
    fn passes_over_what_it_cannot_use() {
        assert_eq!(strongest(&["", "Bearer service=\"x\"", "Negotiate"]), None);
        assert_eq!(
            strongest(&["basic realm=\"harbor\""]),
            Some(Challenge::Basic)
        );
    }
}
