//! Deleting, tags and labels.
use crate::support::{harbor, push, server, store};
use wharf_harbor::{ArtifactQuery, error::HarborErrorKind};

#[test]
fn deleting_an_artifact_frees_what_nobody_else_uses() {
    let server = server();
    let store = store(&server, "robot$team+keeper");
    let first = push(&server, &store, "team/app:one", "first");
    let alone = server.used("team");
    let second = push(&server, &store, "team/app:two", "second");
    let client = harbor(&server, &store);
    assert!(client.delete_artifact(("team", "app"), second).unwrap());
    assert_eq!(server.used("team"), alone);
    assert_eq!(server.digests("team/app"), [first]);
    assert_eq!(server.tag("team/app", "two"), None);
    assert!(!client.delete_artifact(("team", "app"), second).unwrap());
}

#[test]
fn tags_are_added_and_taken_off_without_a_push() {
    let server = server();
    let store = store(&server, "robot$team+keeper");
    let digest = push(&server, &store, "team/web/app:one", "first");
    let client = harbor(&server, &store);
    client.add_tag(("team", "web/app"), digest, "kept").unwrap();
    assert_eq!(server.tag("team/web/app", "kept"), Some(digest));
    let again = client.add_tag(("team", "web/app"), digest, "kept");
    assert!(matches!(
        again.unwrap_err().kind,
        HarborErrorKind::Conflict { .. }
    ));
    assert!(
        client
            .delete_tag(("team", "web/app"), digest, "one")
            .unwrap()
    );
    assert!(
        !client
            .delete_tag(("team", "web/app"), digest, "one")
            .unwrap()
    );
    assert_eq!(server.tag("team/web/app", "one"), None);
    assert_eq!(server.violations(), [""; 0]);
}

#[test]
fn rules_and_missing_rights_are_told_apart() {
    let server = server();
    server.add_immutable_rule("team", "app", "v*");
    let keeper = store(&server, "robot$team+keeper");
    let digest = push(&server, &keeper, "team/app:v1", "first");
    let refused = harbor(&server, &keeper).delete_artifact(("team", "app"), digest);
    let refused = refused.unwrap_err().kind;
    assert!(
        matches!(&refused, HarborErrorKind::Precondition { detail } if detail.contains("immutable")),
        "{refused}"
    );
    let builder = store(&server, "robot$team+builder");
    let refused = harbor(&server, &builder).delete_artifact(("team", "app"), digest);
    assert!(matches!(
        refused.unwrap_err().kind,
        HarborErrorKind::Forbidden { .. }
    ));
    let query = ArtifactQuery {
        immutable: true,
        ..ArtifactQuery::default()
    };
    let client = harbor(&server, &keeper);
    let artifacts = client
        .artifacts(("team", "app"), &query)
        .collect_all()
        .unwrap();
    assert!(artifacts[0].tags[0].immutable);
}

#[test]
fn rules_are_made_found_and_removed() {
    let server = server();
    let admin = store(&server, "admin");
    push(&server, &admin, "team/app:v1", "first");
    let client = harbor(&server, &admin);
    client.add_immutable_rule("team", "app", "v*").unwrap();
    let rules = client.immutable_rules("team").collect_all().unwrap();
    assert_eq!(rules[0].tag_selectors[0].pattern, "v*");
    let digest = server.tag("team/app", "v1").unwrap();
    assert!(client.delete_artifact(("team", "app"), digest).is_err());
    assert!(client.delete_immutable_rule("team", rules[0].id).unwrap());
    assert!(!client.delete_immutable_rule("team", rules[0].id).unwrap());
    assert!(client.delete_artifact(("team", "app"), digest).unwrap());
}

#[test]
fn labels_are_made_found_and_put_on_artifacts() {
    let server = server();
    let store = store(&server, "robot$team+keeper");
    let digest = push(&server, &store, "team/app:one", "first");
    let client = harbor(&server, &store);
    let project = client.project("team").unwrap();
    let project = project.value().unwrap().as_ref().unwrap().id;
    client.create_label(project, "keep").unwrap();
    let labels = client.labels(project).collect_all().unwrap();
    client
        .add_label(("team", "app"), digest, labels[0].id)
        .unwrap();
    let query = ArtifactQuery {
        labels: true,
        ..ArtifactQuery::default()
    };
    let artifacts = client
        .artifacts(("team", "app"), &query)
        .collect_all()
        .unwrap();
    assert_eq!(artifacts[0].labels, labels);
    assert_eq!(labels[0].name, "keep");
}
