//! From a challenge to an `Authorization` header, with one set of tokens per registry and account.
use crate::{
    challenge::{Bearer, Challenge},
    credentials::Account,
    failure::{self, Failure},
    http::Http,
    realm,
    scope::{self, Scope},
    secret::Secret,
    token::{Token, TokenService},
};
use reqwest::{Url, header::HeaderMap};
use std::{collections::HashMap, sync::Arc, time::Instant};
use tokio::sync::Mutex;
use wharf_image::StoreErrorKind;

/// Tokens that are kept.
const TOKENS: usize = 64;

/// The account at one registry.
#[derive(Debug)]
pub(crate) struct Auth {
    http: Arc<Http>,
    account: Account,
    insecure: bool,
    state: Mutex<State>,
    /// Tokens that are being fetched, by what for: whoever needs the same one waits for it.
    fetching: Mutex<HashMap<Vec<Scope>, Arc<Mutex<()>>>>,
}

#[derive(Debug, Default)]
struct State {
    challenge: Option<Challenge>,
    tokens: Vec<Token>,
}

impl State {
    /// A token that is good for `scopes`. The newest come first: whoever works on a repository got its token just now.
    fn held(&self, scopes: &[Scope]) -> Option<Secret> {
        let now = Instant::now();
        let tokens = self.tokens.iter().rev();
        tokens
            .filter(|token| token.refresh_at > now)
            .find(|token| scope::covers(&token.scopes, scopes))
            .map(|token| bearer(&token.value))
    }

    fn keep(&mut self, token: Token) {
        let now = Instant::now();
        self.tokens
            .retain(|old| old.refresh_at > now && !scope::covers(&token.scopes, &old.scopes));
        // A fleet has thousands of repositories; their tokens must not stay in memory.
        if self.tokens.len() == TOKENS {
            self.tokens.remove(0);
        }
        self.tokens.push(token);
    }
}

impl Auth {
    pub(crate) fn new(http: Arc<Http>, account: Account, insecure: bool) -> Self {
        Self {
            http,
            account,
            insecure,
            state: Mutex::default(),
            fetching: Mutex::default(),
        }
    }

    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// What the registry last asked for.
    pub(crate) async fn challenge(&self) -> Option<Challenge> {
        self.state.lock().await.challenge.clone()
    }

    /// Takes the challenge of the registry's first answer.
    pub(crate) async fn learn(&self, headers: &HeaderMap) {
        self.state.lock().await.challenge = Challenge::strongest(headers);
    }

    /// The `Authorization` for a request that needs `scopes`, the caller's own first.
    pub(crate) async fn header(
        &self,
        base: &Url,
        scopes: &[Scope],
    ) -> Result<Option<Secret>, Failure> {
        let challenge = self.state.lock().await.challenge.clone();
        match (challenge, &self.account) {
            (Some(_), Account::RegistryToken(token)) => Ok(Some(bearer(token))),
            (Some(Challenge::Basic), Account::Password { user, password }) => {
                Ok(Some(Account::basic_header(user, password)))
            }
            (Some(Challenge::Bearer(challenge)), _) => {
                self.token(base, &challenge, scopes).await.map(Some)
            }
            (None | Some(Challenge::Basic), _) => Ok(None),
        }
    }

    /// A token held for `scopes`, or a new one.
    async fn token(
        &self,
        base: &Url,
        challenge: &Bearer,
        scopes: &[Scope],
    ) -> Result<Secret, Failure> {
        if let Some(held) = self.state.lock().await.held(scopes) {
            return Ok(held);
        }
        let gate = {
            let mut fetching = self.fetching.lock().await;
            fetching.entry(scopes.to_vec()).or_default().clone()
        };
        let _turn = gate.lock().await;
        if let Some(held) = self.state.lock().await.held(scopes) {
            return Ok(held);
        }
        let fetched = self.fetch(base, challenge, scopes).await;
        self.fetching.lock().await.remove(scopes);
        let token = fetched?;
        let header = bearer(&token.value);
        self.state.lock().await.keep(token);
        Ok(header)
    }

    /// After a 401: whether another try with other credentials makes sense. `used` is the header that was refused.
    pub(crate) async fn renew(&self, headers: &HeaderMap, used: Option<&Secret>) -> bool {
        let mut state = self.state.lock().await;
        let was_fetched = used.is_some_and(|used| {
            let before = state.tokens.len();
            state.tokens.retain(|token| bearer(&token.value) != *used);
            // Another thread may have dropped it already.
            before != state.tokens.len() || matches!(state.challenge, Some(Challenge::Bearer(_)))
        });
        match Challenge::strongest(headers) {
            Some(Challenge::Bearer(challenge)) => {
                state.challenge = Some(Challenge::Bearer(challenge));
                used.is_none() || !matches!(self.account, Account::RegistryToken(_))
            }
            // Harbor asks for Basic when a token is too old or lacks a scope; what it means is: get a new token.
            Some(Challenge::Basic) if was_fetched => {
                !matches!(self.account, Account::RegistryToken(_))
            }
            Some(Challenge::Basic) => {
                state.challenge = Some(Challenge::Basic);
                used.is_none() && self.account != Account::Anonymous
            }
            None => was_fetched && !matches!(self.account, Account::RegistryToken(_)),
        }
    }

    /// What a last 401 means: credentials that are wrong, or good ones without the right.
    pub(crate) async fn judge(&self, base: &Url, refusal: Failure) -> Failure {
        let Failure::Answer(answer) = refusal else {
            return refusal;
        };
        if let Some(kind) = answer.refusal() {
            return kind.into();
        }
        let detail = answer.detail;
        let challenge = self.state.lock().await.challenge.clone();
        match (&self.account, challenge) {
            (Account::Anonymous, _) => StoreErrorKind::Unauthorized {
                detail: format!("none are given for {}; {detail}", failure::address(base)),
            },
            (
                Account::Password { .. } | Account::IdentityToken(_),
                Some(Challenge::Bearer(challenge)),
            ) if self.fetch(base, &challenge, &[]).await.is_ok() => {
                StoreErrorKind::Denied { detail }
            }
            _ => StoreErrorKind::Unauthorized { detail },
        }
        .into()
    }

    async fn fetch(
        &self,
        base: &Url,
        challenge: &Bearer,
        scopes: &[Scope],
    ) -> Result<Token, Failure> {
        let realm = realm::address(base, &challenge.realm)?;
        if self.account != Account::Anonymous {
            realm::trust(base, &realm, &self.http.trusted_realms)?;
        }
        // Unverified TLS is for the insecure registry alone, not for whomever it names.
        let insecure = self.insecure && realm.host() == base.host();
        let host = realm::host(&realm);
        let service = TokenService {
            http: &self.http,
            client: self.http.client(&host, insecure),
            realm,
            service: challenge.service.as_deref(),
            account: &self.account,
        };
        service.fetch(scopes).await
    }
}

fn bearer(token: &Secret) -> Secret {
    Secret::new(format!("Bearer {}", token.reveal()))
}
