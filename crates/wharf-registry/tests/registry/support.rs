//! What the tests share.
use std::{sync::Arc, time::Duration};
use wharf_image::{Descriptor, Platform, SealedImage, StoreError, StoreErrorKind};
use wharf_registry::{Credentials, RegistryOptions, RegistryStore, RetryPolicy};
use wharf_spec::reference::Reference;
use wharf_testkit::{
    Authentication, ImageRecipe, RegistryServer, RegistryServerOptions, TokenIssuer,
    TokenIssuerOptions,
    image_recipe::{Bytes, digest},
    token_issuer::{self, Account},
};

pub(crate) const USER: &str = "robot$contract+builder";
pub(crate) const PASSWORD: &str = "correct-horse-battery";

/// Options that do not wait long.
pub(crate) fn options() -> RegistryOptions {
    RegistryOptions {
        retry: RetryPolicy {
            attempts: 3,
            first_wait: Duration::from_millis(5),
            longest_wait: Duration::from_secs(2),
        },
        ..RegistryOptions::default()
    }
}

pub(crate) fn store(options: RegistryOptions) -> RegistryStore {
    RegistryStore::new(options).expect("store")
}

/// A store with the right password for `host`.
pub(crate) fn store_for(host: &str) -> RegistryStore {
    store(RegistryOptions {
        credentials: Credentials::anonymous().with_password(host, USER, PASSWORD),
        ..options()
    })
}

pub(crate) fn server(options: &RegistryServerOptions) -> RegistryServer {
    RegistryServer::start(options).expect("registry")
}

pub(crate) fn basic() -> Authentication {
    Authentication::Basic {
        user: USER.to_owned(),
        password: PASSWORD.to_owned(),
    }
}

/// A token service with one account for the projects `contract` and `shared`, where `shared` may only be read.
pub(crate) fn issuer(lifetime: Duration) -> TokenIssuer {
    let mut account = Account::with_all_rights(USER, PASSWORD, &["contract"]);
    let readable = ("shared".to_owned(), vec!["pull".to_owned()]);
    account.projects.push(readable);
    let owner = Account::with_all_rights("owner", PASSWORD, &["shared", "private"]);
    token_issuer::start(TokenIssuerOptions {
        accounts: vec![account, owner],
        public_projects: vec!["shared".to_owned()],
        lifetime,
        ..TokenIssuerOptions::default()
    })
    .expect("token issuer")
}

pub(crate) fn reference(host: &str, name: &str) -> Reference {
    format!("{host}/{name}").parse().expect("reference")
}

pub(crate) fn amd64() -> Platform {
    wharf_testkit::image_recipe::platform("linux", "amd64")
}

pub(crate) fn image(seed: &str) -> SealedImage {
    ImageRecipe::new()
        .layer(&[("/seed", seed.as_bytes(), 0o644)])
        .build()
}

/// Descriptor and source of `bytes` as a blob.
pub(crate) fn blob(bytes: &[u8]) -> (Descriptor, Arc<Bytes>) {
    let descriptor = Descriptor {
        media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
        digest: digest(bytes),
        size: bytes.len() as u64,
        rest: serde_json::Map::new(),
    };
    (descriptor, Arc::new(Bytes(Arc::new(bytes.to_vec()))))
}

#[track_caller]
pub(crate) fn failed<T>(result: Result<T, StoreError>) -> StoreErrorKind {
    match result {
        Ok(_) => panic!("it succeeded"),
        Err(error) => error.kind,
    }
}
