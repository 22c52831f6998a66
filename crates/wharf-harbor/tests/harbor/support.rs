//! What the tests share.
use wharf_harbor::Harbor;
use wharf_image::SealedImage;
use wharf_registry::{Credentials, RegistryOptions, RegistryStore, RetryPolicy};
use wharf_spec::{digest::Digest, reference::Reference};
use wharf_testkit::{HarborOptions, HarborServer, ImageRecipe, harbor::Account, image_recipe};

pub(crate) const PASSWORD: &str = "correct-horse-battery";

/// A server with the project `team` and three robots of it: `builder`, `keeper`, and `pusher`, who may push only; and
/// an administrator.
pub(crate) fn server() -> HarborServer {
    server_with(&HarborOptions::default())
}

pub(crate) fn server_with(options: &HarborOptions) -> HarborServer {
    let server = HarborServer::start(HarborOptions {
        accounts: vec![
            Account::builder("team", "builder", PASSWORD),
            Account::keeper("team", "keeper", PASSWORD).may(
                "team",
                &["label:create", "label:list", "artifact-label:create"],
            ),
            Account::robot("team", "pusher", PASSWORD).may("team", &["repository:push"]),
            Account::admin("admin", PASSWORD),
        ],
        ..options.clone()
    })
    .expect("server");
    server.add_project("team", false);
    server
}

pub(crate) fn store(server: &HarborServer, user: &str) -> RegistryStore {
    let credentials = Credentials::anonymous().with_password(&server.host(), user, PASSWORD);
    RegistryStore::new(RegistryOptions {
        credentials,
        retry: RetryPolicy {
            attempts: 2,
            first_wait: std::time::Duration::from_millis(5),
            longest_wait: std::time::Duration::from_secs(1),
        },
        ..RegistryOptions::default()
    })
    .expect("store")
}

pub(crate) fn harbor(server: &HarborServer, store: &RegistryStore) -> Harbor {
    Harbor::new(store.api(&reference(server, "team/any")))
}

pub(crate) fn reference(server: &HarborServer, name: &str) -> Reference {
    format!("{}/{name}", server.host())
        .parse()
        .expect("reference")
}

pub(crate) fn image(seed: &str) -> SealedImage {
    ImageRecipe::new()
        .layer(&[("/seed", seed.as_bytes(), 0o644)])
        .label("io.example.seed", seed)
        .build()
}

/// Pushes an image and returns its digest.
pub(crate) fn push(server: &HarborServer, store: &RegistryStore, name: &str, seed: &str) -> Digest {
    let image = image(seed);
    image_recipe::push(store, &image, &[&reference(server, name)]);
    image.image.digest()
}
