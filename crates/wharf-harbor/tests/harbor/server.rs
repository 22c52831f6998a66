//! The server itself: it behaves as Harbor towards the registry client.
use crate::support::{image, push, reference, server, store};
use wharf_image::{Access, ImageStore, StoreErrorKind};
use wharf_testkit::{harbor::Kind, image_recipe};

#[test]
fn a_push_keeps_to_the_rules_and_counts_each_blob_once() {
    let server = server();
    let store = store(&server, "robot$team+builder");
    let digest = push(&server, &store, "team/app:one", "first");
    let used = server.used("team");
    push(&server, &store, "team/other:one", "first");
    assert_eq!(
        server.used("team"),
        used,
        "another repository of the project"
    );
    assert_eq!(server.tag("team/app", "one"), Some(digest));
    assert_eq!(server.count(Kind::PutManifest), 2);
    assert_eq!(server.open_uploads(), 0);
    assert_eq!(server.violations(), [""; 0]);
    store
        .check_access(&reference(&server, "team/app"), Access::Write)
        .unwrap();
}

#[test]
fn the_limit_may_be_reached_but_not_passed() {
    let server = server();
    let store = store(&server, "robot$team+builder");
    let sealed = image("first");
    let layers: u64 = sealed
        .layers
        .iter()
        .map(|layer| layer.descriptor.size)
        .sum();
    let documents = sealed.image.manifest_bytes().len() + sealed.image.config_bytes().len();
    let need = layers + documents as u64;
    server.set_limit("team", Some(need - 1));
    let tag = reference(&server, "team/app:one");
    for layer in &sealed.layers {
        store.put_layer(&tag, layer).unwrap();
    }
    let refused = store
        .put_image(&sealed, std::slice::from_ref(&tag))
        .unwrap_err();
    assert!(
        matches!(refused.kind, StoreErrorKind::QuotaExceeded { .. }),
        "{refused:?}"
    );
    server.set_limit("team", Some(need));
    image_recipe::push(&store, &sealed, &[&tag]);
    assert_eq!(server.used("team"), need);
}

#[test]
fn a_blob_that_does_not_fit_is_refused_before_its_bytes_travel() {
    let server = server();
    server.set_limit("team", Some(10));
    let store = store(&server, "robot$team+builder");
    let tag = reference(&server, "team/app:one");
    let refused = store
        .put_layer(&tag, &image("first").layers[0])
        .unwrap_err();
    assert!(
        matches!(refused.kind, StoreErrorKind::QuotaExceeded { .. }),
        "{refused:?}"
    );
    assert_eq!(server.bytes().0, 0);
}

#[test]
fn immutable_tags_read_only_proxy_and_missing_projects_answer_as_harbor() {
    let server = server();
    let keeper = store(&server, "robot$team+keeper");
    server.add_immutable_rule("team", "**", "v*");
    push(&server, &keeper, "team/app:v1", "first");
    let put = |name: &str| {
        let sealed = image("second");
        let tag = reference(&server, name);
        sealed
            .layers
            .iter()
            .try_for_each(|layer| keeper.put_layer(&tag, layer).map(|_| ()))
            .and_then(|()| keeper.put_image(&sealed, std::slice::from_ref(&tag)))
            .map_err(|error| error.kind)
    };
    assert!(matches!(
        put("team/app:v1"),
        Err(StoreErrorKind::ImmutableTag { .. })
    ));
    assert!(put("team/app:w1").is_ok());
    server.set_read_only(true);
    assert!(matches!(
        put("team/app:w2"),
        Err(StoreErrorKind::ReadOnly { .. })
    ));
    server.set_read_only(false);
    server.add_project("mirror", true);
    server.set_proxy("mirror");
    let admin = store(&server, "admin");
    let refused = admin.check_access(&reference(&server, "mirror/app"), Access::Write);
    assert!(matches!(refused, Err(error) if error.to_string().contains("mirror/app")));
    let missing = keeper.check_access(&reference(&server, "nothing/app"), Access::Write);
    assert!(missing.is_err());
}

#[test]
fn cross_project_mounts_need_the_own_scope_first() {
    let server = server();
    server.add_project("shared", true);
    let admin = store(&server, "admin");
    push(&server, &admin, "shared/run:base", "base");
    let robot = store(&server, "robot$team+builder");
    let base = image("base").layers[0].clone();
    let layer = wharf_image::DraftLayer {
        source: wharf_image::LayerSource::Repository(reference(&server, "shared/run:base")),
        ..base
    };
    let transfer = robot
        .put_layer(&reference(&server, "team/app:one"), &layer)
        .unwrap();
    assert_eq!(transfer, wharf_image::Transfer::Mounted);
    assert_eq!(server.used("team"), layer.descriptor.size);
    assert_eq!(server.violations(), [""; 0]);
}
