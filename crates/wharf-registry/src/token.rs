//! Tokens from a token service.
use crate::{credentials::Account, failure::Failure, http::Http, scope::Scope, secret::Secret};
use reqwest::{
    Client, Method, Request, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use serde::Deserialize;
use std::time::{Duration, Instant};
use wharf_image::StoreErrorKind;

const ANSWER_LIMIT: usize = 1 << 20;
/// Life of a token when the service names none.
const DEFAULT_LIFE: Duration = Duration::from_mins(1);

/// Life of a token that claims to live longer.
const LONGEST_LIFE: Duration = Duration::from_hours(24);

/// A token and what it was asked for.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) value: Secret,
    pub(crate) scopes: Vec<Scope>,
    /// When to get a new one: at 80 % of its life.
    pub(crate) refresh_at: Instant,
}

/// Where and for whom to get tokens.
#[derive(Debug)]
pub(crate) struct TokenService<'a> {
    pub(crate) http: &'a Http,
    pub(crate) client: &'a Client,
    pub(crate) realm: Url,
    pub(crate) service: Option<&'a str>,
    pub(crate) account: &'a Account,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    expires_in: Option<u64>,
}

impl TokenService<'_> {
    /// A token for `scopes`, in their order: the first is the caller's own, which Harbor's robots need.
    pub(crate) async fn fetch(&self, scopes: &[Scope]) -> Result<Token, Failure> {
        let asked = Instant::now();
        let request = match self.account {
            Account::IdentityToken(token) => self.refresh_request(token, scopes),
            _ => self.get_request(scopes)?,
        };
        let mut response = self.http.send(self.client, request).await?;
        let status = response.status();
        if !status.is_success() {
            return Err(Failure::from_response(response, &self.account.secrets()).await);
        }
        let body = self.http.body(&mut response, ANSWER_LIMIT).await?;
        let (value, life) = body
            .and_then(|body| parse(&body))
            .ok_or_else(|| self.malformed(status))?;
        Ok(Token {
            value: Secret::new(value),
            scopes: scopes.to_vec(),
            refresh_at: asked + life.mul_f64(0.8),
        })
    }

    fn get_request(&self, scopes: &[Scope]) -> Result<Request, Failure> {
        let mut url = self.realm.clone();
        {
            let mut query = url.query_pairs_mut();
            if let Some(service) = self.service {
                query.append_pair("service", service);
            }
            for scope in scopes {
                query.append_pair("scope", &scope.to_string());
            }
        }
        let mut request = Request::new(Method::GET, url);
        if let Account::Password { user, password } = self.account {
            let header = secret_header(&Account::basic_header(user, password))?;
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        Ok(request)
    }

    fn refresh_request(&self, token: &Secret, scopes: &[Scope]) -> Request {
        // The form is encoded as a query is.
        let mut form = self.realm.clone();
        form.set_query(None);
        let scopes: Vec<_> = scopes.iter().map(ToString::to_string).collect();
        form.query_pairs_mut()
            .append_pair("grant_type", "refresh_token")
            .append_pair("service", self.service.unwrap_or_default())
            .append_pair("client_id", "wharf")
            .append_pair("scope", &scopes.join(" "))
            .append_pair("refresh_token", token.reveal());
        let mut request = Request::new(Method::POST, self.realm.clone());
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, form_type);
        *request.body_mut() = Some(form.query().unwrap_or_default().to_owned().into());
        request
    }

    fn malformed(&self, status: StatusCode) -> Failure {
        let service = crate::failure::address(&self.realm);
        let detail = format!("the token service {service} sent no token");
        Failure::protocol(status, &detail)
    }
}

/// A header no log shows.
pub(crate) fn secret_header(value: &Secret) -> Result<HeaderValue, Failure> {
    let mut header = HeaderValue::from_str(value.reveal()).map_err(|_| {
        Failure::Final(StoreErrorKind::Unauthorized {
            detail: "the credentials contain characters no header can carry".to_owned(),
        })
    })?;
    header.set_sensitive(true);
    Ok(header)
}

/// The token, where an empty `access_token` (Harbor) counts as none, and its life.
fn parse(body: &[u8]) -> Option<(String, Duration)> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let token = [answer.token, answer.access_token]
        .into_iter()
        .flatten()
        .find(|token| !token.is_empty())?;
    let life = match answer.expires_in {
        Some(seconds) if seconds > 0 => Duration::from_secs(seconds),
        _ => DEFAULT_LIFE,
    };
    Some((token, life.min(LONGEST_LIFE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_harbor_docker_and_plain_answers() {
        let token = |text: &str| parse(text.as_bytes());
        let seconds = Duration::from_secs;
        let harbor = r#"{"token":"a","access_token":"","expires_in":1800,"issued_at":"x"}"#;
        assert_eq!(token(harbor), Some(("a".to_owned(), seconds(1800))));
        assert_eq!(
            token(r#"{"access_token":"b"}"#),
            Some(("b".to_owned(), seconds(60)))
        );
        assert_eq!(token(r#"{"token":"","access_token":""}"#), None);
        assert_eq!(token("<html>"), None);
    }
}
