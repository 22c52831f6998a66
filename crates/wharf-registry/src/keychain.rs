//! Where credentials come from. Files and helpers are consulted once, before privileges are dropped.
use crate::{
    credentials::{Account, Credentials, registry_key},
    docker_config::{DockerConfig, helper_address},
    helper,
    secret::Secret,
};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt, io,
    path::{Path, PathBuf},
};
use wharf_spec::reference::Reference;

/// Sources of credentials, in the order they are asked: `CNB_REGISTRY_AUTH`, then config files, then the helpers of clouds for
/// registries of theirs. The first that knows a registry wins.
pub struct Keychain {
    registry_auth: BTreeMap<String, Account>,
    configs: Vec<DockerConfig>,
    helper_path: Option<OsString>,
}

/// Credentials that cannot be used. No message contains any part of a secret.
#[derive(Debug, thiserror::Error)]
pub enum KeychainError {
    /// `CNB_REGISTRY_AUTH` is not a JSON object of strings.
    #[error(
        "parse CNB_REGISTRY_AUTH (line {line}, column {column}): it must be a JSON object of registry host to header, such as {{\"host\":\"Basic …\"}}"
    )]
    RegistryAuth {
        /// Line of the fault.
        line: usize,
        /// Column of the fault.
        column: usize,
    },
    /// A value in `CNB_REGISTRY_AUTH` is no header.
    #[error(
        "parse CNB_REGISTRY_AUTH for '{host}': the header must be 'Basic <base64 of user:password>', 'Bearer <token>' or 'X-Identity <token>'"
    )]
    RegistryAuthHeader {
        /// Key of the value.
        host: String,
    },
    /// A config file cannot be read.
    #[error("read '{}'", path.display())]
    ReadConfig {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A config file is too large.
    #[error("read '{}': it is larger than {limit} bytes", path.display())]
    ConfigTooLarge {
        /// The file.
        path: PathBuf,
        /// Largest size.
        limit: u64,
    },
    /// A config file is not JSON of the right shape.
    #[error("parse '{}' (line {line}, column {column}): it is not a Docker config file", path.display())]
    ParseConfig {
        /// The file.
        path: PathBuf,
        /// Line of the fault.
        line: usize,
        /// Column of the fault.
        column: usize,
    },
    /// An entry in `auths` cannot be decoded.
    #[error("parse '{}': 'auth' of '{key}' is not base64 of user:password", path.display())]
    AuthEntry {
        /// The file.
        path: PathBuf,
        /// Key of the entry.
        key: String,
    },
    /// A credential helper failed.
    #[error("get credentials for '{registry}' from docker-credential-{helper}: {reason}")]
    Helper {
        /// Name without its prefix.
        helper: String,
        /// Registry asked for.
        registry: String,
        /// Why, in words without secrets.
        reason: String,
    },
}

impl Keychain {
    /// From the value of `CNB_REGISTRY_AUTH` and config files (or directories with a `config.json`) in the order they
    /// are asked. Files that are not there are passed over.
    pub fn from_parts(
        registry_auth: Option<&str>,
        config_paths: &[PathBuf],
    ) -> Result<Self, KeychainError> {
        let registry_auth = match registry_auth {
            Some(text) if !text.trim().is_empty() => parse_registry_auth(text)?,
            _ => BTreeMap::new(),
        };
        let configs = config_paths
            .iter()
            .map(|path: &PathBuf| DockerConfig::load(Path::new(path)))
            .filter_map(Result::transpose)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            registry_auth,
            configs,
            helper_path: None,
        })
    }

    /// Looks for helpers in `path`, a list of directories, instead of the search path of the process.
    #[must_use]
    pub fn with_helper_path(mut self, path: impl Into<OsString>) -> Self {
        self.helper_path = Some(path.into());
        self
    }

    /// Looks up the accounts of all registries of `references`. No file or helper is needed afterwards.
    pub fn resolve(&self, references: &[Reference]) -> Result<Credentials, KeychainError> {
        let mut credentials = Credentials::anonymous();
        for reference in references {
            if let Some((key, account)) = self.find(reference)? {
                credentials.insert_key(key, account);
            }
        }
        Ok(credentials)
    }

    fn find(&self, reference: &Reference) -> Result<Option<(String, Account)>, KeychainError> {
        let host = registry_key(reference.registry());
        if let Some(account) = self.registry_auth.get(host) {
            return Ok(Some((host.to_owned(), account.clone())));
        }
        for config in &self.configs {
            if let Some(found) = self.find_in(config, host, &reference.name())? {
                return Ok(Some(found));
            }
        }
        // Nobody asked for these, so that one which is not there, or has no account, is no fault.
        let mut helpers = cloud_helpers(host).iter();
        Ok(helpers.find_map(|helper| {
            let asked = helper::ask(helper, host, self.helper_path.as_deref());
            Some((host.to_owned(), asked.ok()??))
        }))
    }

    /// A helper's answer goes first, as with Docker; entries in the file serve where it has none or is not there.
    fn find_in(
        &self,
        config: &DockerConfig,
        host: &str,
        name: &str,
    ) -> Result<Option<(String, Account)>, KeychainError> {
        let written = config.account(name)?;
        let Some(helper) = config.helper(host) else {
            return Ok(written);
        };
        match helper::ask(helper, helper_address(host), self.helper_path.as_deref()) {
            Ok(Some(account)) => Ok(Some((host.to_owned(), account))),
            Ok(None) => Ok(written),
            Err(_) if written.is_some() => Ok(written),
            Err(reason) => Err(KeychainError::Helper {
                helper: helper.to_owned(),
                registry: host.to_owned(),
                reason,
            }),
        }
    }
}

/// The helpers that clouds provide for registries of theirs, by what these are called.
fn cloud_helpers(host: &str) -> &'static [&'static str] {
    let is_ecr = host.ends_with(".amazonaws.com") && host.contains(".dkr.ecr.");
    if is_ecr || host == "public.ecr.aws" {
        &["ecr-login"]
    } else if host.ends_with("-docker.pkg.dev") || host == "gcr.io" || host.ends_with(".gcr.io") {
        &["gcr", "gcloud"]
    } else if host.ends_with(".azurecr.io") {
        &["acr-env"]
    } else {
        &[]
    }
}

impl fmt::Debug for Keychain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keychain")
            .field("registry_auth", &self.registry_auth)
            .field("configs", &self.configs.len())
            .finish_non_exhaustive()
    }
}

fn parse_registry_auth(text: &str) -> Result<BTreeMap<String, Account>, KeychainError> {
    // The parser's words may quote a secret, so only the place is kept.
    let headers: BTreeMap<String, String> =
        serde_json::from_str(text).map_err(|error| KeychainError::RegistryAuth {
            line: error.line(),
            column: error.column(),
        })?;
    headers
        .into_iter()
        .map(|(host, header)| match parse_header(&header) {
            Some(account) => Ok((registry_key(&host).to_owned(), account)),
            None => Err(KeychainError::RegistryAuthHeader { host }),
        })
        .collect()
}

fn parse_header(header: &str) -> Option<Account> {
    let (scheme, value) = header.trim().split_once(' ')?;
    let value = value.trim();
    if value.is_empty() || value.contains(char::is_whitespace) {
        return None;
    }
    match scheme.to_ascii_lowercase().as_str() {
        "basic" => Account::from_basic(value),
        "bearer" => Some(Account::RegistryToken(Secret::new(value))),
        "x-identity" => Some(Account::IdentityToken(Secret::new(value))),
        _ => None,
    }
}
