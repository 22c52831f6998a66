//! `config.json` of Docker and `auth.json` of podman.
use crate::{
    credentials::{Account, registry_key},
    keychain::KeychainError,
    secret::Secret,
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};
use wharf_spec::reference::DEFAULT_REGISTRY;

const LIMIT: u64 = 1 << 20;

/// One config file.
pub(crate) struct DockerConfig {
    path: PathBuf,
    wire: Wire,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    #[serde(default)]
    creds_store: Option<String>,
}

#[derive(Deserialize, Default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl DockerConfig {
    /// Reads `path`, or `config.json` in it. `None` when there is no such file, or no way to it.
    pub(crate) fn load(path: &Path) -> Result<Option<Self>, KeychainError> {
        let Ok(metadata) = path.metadata() else {
            return Ok(None);
        };
        if metadata.is_dir() {
            return match path.join("config.json") {
                file if file.is_file() => Self::load(&file),
                _ => Ok(None),
            };
        }
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes))
            .map_err(|source| KeychainError::ReadConfig {
                path: path.to_owned(),
                source,
            })?;
        if bytes.len() as u64 > LIMIT {
            return Err(KeychainError::ConfigTooLarge {
                path: path.to_owned(),
                limit: LIMIT,
            });
        }
        // The parser's words may quote a secret, so only the place is kept.
        let wire = serde_json::from_slice(&bytes).map_err(|error| KeychainError::ParseConfig {
            path: path.to_owned(),
            line: error.line(),
            column: error.column(),
        })?;
        let path = path.to_owned();
        Ok(Some(Self { path, wire }))
    }

    /// The credential helper for a registry: its own one, else the store for all.
    pub(crate) fn helper(&self, host: &str) -> Option<&str> {
        let own = self.wire.cred_helpers.iter();
        own.filter(|(key, _)| registry_key(key) == host)
            .map(|(_, helper)| helper.as_str())
            .chain(self.wire.creds_store.as_deref())
            .find(|helper| !helper.is_empty())
    }

    /// The entry of `auths` nearest to an image name, with the key it stands for.
    pub(crate) fn account(&self, name: &str) -> Result<Option<(String, Account)>, KeychainError> {
        for prefix in prefixes(name) {
            for (key, entry) in &self.wire.auths {
                if entry_key(key) != prefix {
                    continue;
                }
                let account = entry.account().ok_or_else(|| KeychainError::AuthEntry {
                    path: self.path.clone(),
                    key: key.clone(),
                })?;
                if account != Account::Anonymous {
                    return Ok(Some((prefix.to_owned(), account)));
                }
            }
        }
        Ok(None)
    }
}

impl Entry {
    /// The account of an entry; anonymous when it is empty, as it is beside a helper. `None` when it is malformed.
    fn account(&self) -> Option<Account> {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = filled(&self.registrytoken) {
            return Some(Account::RegistryToken(Secret::new(token)));
        }
        if let Some(token) = filled(&self.identitytoken) {
            return Some(Account::IdentityToken(Secret::new(token)));
        }
        if let Some(auth) = filled(&self.auth) {
            return Account::from_basic(&auth);
        }
        match (filled(&self.username), filled(&self.password)) {
            (Some(user), Some(password)) => Some(Account::password(&user, &password)),
            _ => Some(Account::Anonymous),
        }
    }
}

/// What a key in `auths` stands for: a host, or with podman also a namespace or repository.
fn entry_key(key: &str) -> &str {
    let has_scheme = key.contains("://");
    let api_path = key
        .split_once('/')
        .is_some_and(|(_, path)| matches!(path.trim_end_matches('/'), "" | "v1" | "v2"));
    if has_scheme || api_path || !key.contains('/') {
        registry_key(key)
    } else {
        key
    }
}

/// `host/a/b`, `host/a`, `host`.
pub(crate) fn prefixes(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| {
        name.rsplit_once('/').map(|(parent, _)| parent)
    })
}

/// What a helper is asked for.
pub(crate) fn helper_address(host: &str) -> &str {
    if host == DEFAULT_REGISTRY {
        "https://index.docker.io/v1/"
    } else {
        host
    }
}
