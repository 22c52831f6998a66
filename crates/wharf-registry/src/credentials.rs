//! Accounts by registry, resolved once and kept in memory.
use crate::{docker_config::prefixes, secret::Secret};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{collections::BTreeMap, fmt};

/// How to introduce oneself to one registry.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Account {
    /// No credentials.
    Anonymous,
    /// User and password, for the registry itself or its token service.
    Password { user: String, password: Secret },
    /// A token the registry takes as it is.
    RegistryToken(Secret),
    /// A refresh token for the token service.
    IdentityToken(Secret),
}

impl Account {
    /// From what `Authorization: Basic` carries: base64 of `user:password`.
    pub(crate) fn from_basic(encoded: &str) -> Option<Self> {
        let padded = encoded.trim().trim_end_matches('=');
        let bytes = base64::engine::general_purpose::STANDARD_NO_PAD
            .decode(padded)
            .ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (user, password) = text.split_once(':')?;
        Some(Self::password(user, password))
    }

    pub(crate) fn password(user: &str, password: &str) -> Self {
        Self::Password {
            user: user.to_owned(),
            // Docker pads some entries with NUL bytes.
            password: Secret::new(password.trim_matches('\0')),
        }
    }

    /// The value of `Authorization` with user and password.
    pub(crate) fn basic_header(user: &str, password: &Secret) -> Secret {
        let pair = format!("{user}:{}", password.reveal());
        Secret::new(format!("Basic {}", STANDARD.encode(pair)))
    }

    /// All that must not appear in words that come from a server.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        match self {
            Self::Anonymous => Vec::new(),
            Self::RegistryToken(token) | Self::IdentityToken(token) => vec![token.clone()],
            Self::Password { user, password } => {
                vec![password.clone(), Self::basic_header(user, password).value()]
            }
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Password { .. } => "password",
            Self::RegistryToken(_) => "registry token",
            Self::IdentityToken(_) => "identity token",
        }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

/// The accounts of a run, by registry host. Debug output names hosts and kinds, never a user or a secret.
#[derive(Clone, Default, Debug)]
pub struct Credentials {
    accounts: BTreeMap<String, Account>,
}

impl Credentials {
    /// No credentials for any registry.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// Adds user and password for `host[:port]`.
    #[must_use]
    pub fn with_password(mut self, host: &str, user: &str, password: &str) -> Self {
        self.insert(host, Account::password(user, password));
        self
    }

    /// Whether there are credentials for `host[:port]`.
    pub fn contains(&self, host: &str) -> bool {
        self.accounts.contains_key(registry_key(host))
    }

    /// The value of `CNB_REGISTRY_AUTH` that hands these accounts to another process; `None` when there are none. It
    /// is a secret: it may go into the environment of a process that runs no strangers' code, nowhere else.
    pub fn registry_auth(&self) -> Option<String> {
        let mut headers = serde_json::Map::new();
        for (key, account) in &self.accounts {
            let header = match account {
                Account::Anonymous => continue,
                Account::Password { user, password } => {
                    Account::basic_header(user, password).reveal().to_owned()
                }
                Account::RegistryToken(token) => format!("Bearer {}", token.reveal()),
                Account::IdentityToken(token) => format!("X-Identity {}", token.reveal()),
            };
            // The variable knows registries only, no namespaces in them.
            headers.insert(registry_key(key).to_owned(), header.into());
        }
        (!headers.is_empty()).then(|| serde_json::Value::Object(headers).to_string())
    }

    /// Adds the accounts of `other`; they come before those that are there.
    pub fn extend(&mut self, other: Self) {
        self.accounts.extend(other.accounts);
    }

    pub(crate) fn insert(&mut self, host: &str, account: Account) {
        self.insert_key(registry_key(host).to_owned(), account);
    }

    /// Adds an account for a host, a namespace or a repository.
    pub(crate) fn insert_key(&mut self, key: String, account: Account) {
        self.accounts.insert(key, account);
    }

    /// The account nearest to an image name, with the key it stands under.
    pub(crate) fn account(&self, name: &str) -> (String, Account) {
        prefixes(name)
            .find_map(|key| Some((key.to_owned(), self.accounts.get(key)?.clone())))
            .unwrap_or_else(|| (String::new(), Account::Anonymous))
    }
}

/// `host[:port]` of a key in a config file: without scheme and path, Docker Hub under one name.
pub(crate) fn registry_key(key: &str) -> &str {
    let bare = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"))
        .unwrap_or(key);
    match bare.split('/').next().unwrap_or(bare) {
        "docker.io" | "registry-1.docker.io" => wharf_spec::reference::DEFAULT_REGISTRY,
        host => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_accounts_whatever_the_spelling_of_the_key() {
        let mut credentials = Credentials::anonymous();
        credentials.insert("https://index.docker.io/v1/", Account::password("a", "b"));
        credentials.insert("http://r.example:5000/v2/", Account::password("c", "d"));
        assert!(credentials.contains("docker.io"));
        assert!(credentials.contains("r.example:5000"));
        assert!(!credentials.contains("r.example"));
    }

    #[test]
    fn hands_accounts_on_as_headers() {
        let mut credentials = Credentials::anonymous().with_password("a.example", "user", "pass");
        credentials.insert(
            "b.example/team",
            Account::IdentityToken(Secret::new("token")),
        );
        credentials.insert("c.example", Account::Anonymous);
        assert_eq!(
            credentials.registry_auth().as_deref(),
            Some(r#"{"a.example":"Basic dXNlcjpwYXNz","b.example":"X-Identity token"}"#)
        );
        assert_eq!(Credentials::anonymous().registry_auth(), None);
    }

    #[test]
    fn reads_basic_with_and_without_padding() {
        let expected = Some(Account::password("robot$tool+builder", "a:b"));
        assert_eq!(
            Account::from_basic("cm9ib3QkdG9vbCtidWlsZGVyOmE6Yg=="),
            expected
        );
        assert_eq!(
            Account::from_basic("cm9ib3QkdG9vbCtidWlsZGVyOmE6Yg"),
            expected
        );
        assert_eq!(Account::from_basic("bm9jb2xvbg=="), None);
    }

    #[test]
    fn debug_output_and_server_words_hide_secrets() {
        let account = Account::password("user", "hunter2x");
        let mut credentials = Credentials::anonymous();
        credentials.insert("r.example", account.clone());
        let words = "got hunter2x and dXNlcjpodW50ZXIyeA== from you";
        let echoed = Secret::redact_all(words, &account.secrets());
        assert_eq!(
            format!("{credentials:?}"),
            r#"Credentials { accounts: {"r.example": password} }"#
        );
        assert_eq!(echoed, "got *** and *** from you");
    }
}
