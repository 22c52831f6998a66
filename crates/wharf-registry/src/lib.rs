//! An image store over the OCI distribution protocol, with authentication.
//!
//! | module | what |
//! |---|---|
//! | [`options`] | everything the edge decides: credentials, insecure registries, certificates, proxies, limits |
//! | [`keychain`] | `CNB_REGISTRY_AUTH`, Docker and podman config files, credential helpers |
//! | [`credentials`] | accounts by registry, in memory; nothing of them can be printed |
//! | [`store`] | [`RegistryStore`], the implementation of [`wharf_image::ImageStore`] |
//! | [`api`] | JSON beside `/v2/`, for adapters of a registry's own API |
//! | [`statistics`] | what was sent and received |
//! | [`observe`] | what is told of each request |
//!
//! Inside: `session` is one registry with its connections, scheme and tokens; `auth`, `token`, `challenge`, `realm` and `scope`
//! are the way from a 401 to an `Authorization` header; `retry` is the one policy of trying again; `pull`,
//! `download`, `push`, `upload`, `put_blob` and `body` are the transfers, `uploads` those that are not finished; `failure` and `answer` turn what went wrong into [`wharf_image::StoreErrorKind`].
mod answer;
pub mod api;
mod auth;
mod body;
mod certs_dir;
mod challenge;
pub mod credentials;
mod docker_config;
mod download;
mod failure;
mod helper;
mod http;
pub mod keychain;
mod listing;
mod location;
mod manifest;
pub mod observe;
pub mod options;
mod pull;
mod push;
mod put_blob;
mod realm;
mod retry;
mod scheme;
mod scope;
mod secret;
mod session;
pub mod statistics;
pub mod store;
mod tls;
mod token;
mod upload;
mod uploads;

pub use api::{ApiAnswer, ApiClient, ApiFailure, ApiMethod};
pub use credentials::Credentials;
pub use keychain::{Keychain, KeychainError};
pub use observe::{Exchange, Observer, Progress};
pub use options::{ProxySettings, RegistryOptions, RetryPolicy, TrustedCertificates};
pub use statistics::Statistics;
pub use store::{RegistrySetupError, RegistryStore};
