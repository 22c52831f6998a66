//! Reading.
use crate::support::{PASSWORD, harbor, image, push, server, server_with, store};
use std::collections::BTreeSet;
use wharf_harbor::{ArtifactQuery, Known, Limit, Quota, error::HarborErrorKind, list::PAGE_LIMIT};
use wharf_registry::{RegistryOptions, RegistryStore};
use wharf_spec::digest::Digest;
use wharf_testkit::{
    HarborOptions, ScriptedServer,
    harbor::{Fabricated, Kind},
    image_recipe::digest,
};

#[test]
fn a_harbor_is_recognised_and_told_from_a_registry() {
    let server = server();
    let store = store(&server, "robot$team+builder");
    let client = harbor(&server, &store);
    assert!(client.is_likely());
    assert_eq!(server.count(Kind::ApiRead), 0, "it costs nothing");
    assert!(client.is_harbor().unwrap());
    assert_eq!(
        client.version().unwrap(),
        Known::Yes("v2.13.0-testkit".to_owned())
    );
    assert_eq!(client.health().unwrap().status, "healthy");

    let other = ScriptedServer::start(|_| {
        wharf_testkit::scripted_server::Response::status(404).body("404 page not found\n")
    })
    .unwrap();
    let plain = RegistryStore::new(RegistryOptions::default()).unwrap();
    let reference = format!("{}/a/b", other.host()).parse().unwrap();
    let client = wharf_harbor::Harbor::new(plain.api(&reference));
    assert!(!client.is_harbor().unwrap());
    assert!(!client.is_likely());
    assert!(matches!(
        client.summary("a").unwrap_err().kind,
        HarborErrorKind::NotOffered
    ));
}

#[test]
fn quotas_are_known_to_those_who_may_see_them_and_never_guessed() {
    let server = server();
    server.set_limit("team", Some(1000));
    server.fill("team", 400);
    let quota = |user: &str| {
        let store = store(&server, user);
        harbor(&server, &store).summary("team").unwrap()
    };
    let limited = Quota {
        limit: Limit::Bytes(1000),
        used: 400,
    };
    let summary = quota("robot$team+builder").value().unwrap().clone();
    assert_eq!(summary.quota, Known::Yes(limited));
    assert!(matches!(quota("robot$team+pusher"), Known::No(why) if why.contains("project:read")));
    assert!(matches!(quota("nobody"), Known::No(why) if why.contains("credentials")));

    server.set_limit("team", None);
    let unlimited = quota("robot$team+builder").value().unwrap().quota.clone();
    assert_eq!(unlimited.value().unwrap().limit, Limit::Unlimited);

    let admin = store(&server, "admin");
    let all = harbor(&server, &admin).quotas().unwrap();
    let all = all.value().unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].project.as_deref(), Some("team"));
    assert_eq!(all[0].quota.unwrap().used, 400);
    harbor(&server, &admin)
        .set_quota(all[0].id, Limit::Bytes(500))
        .unwrap();
    assert_eq!(
        quota("robot$team+builder")
            .value()
            .unwrap()
            .quota
            .value()
            .unwrap()
            .limit,
        Limit::Bytes(500)
    );
    let robot = store(&server, "robot$team+builder");
    assert!(matches!(
        harbor(&server, &robot).quotas().unwrap(),
        Known::No(_)
    ));
}

#[test]
fn artifacts_come_with_tags_times_and_the_config_of_the_image() {
    let server = server();
    let store = store(&server, "robot$team+builder");
    let first = push(&server, &store, "team/web/app:one", "first");
    let second = push(&server, &store, "team/web/app:two", "second");
    let client = harbor(&server, &store);
    let artifacts = client
        .artifacts(("team", "web/app"), &ArtifactQuery::default())
        .collect_all()
        .unwrap();
    let digests: Vec<_> = artifacts.iter().map(|artifact| artifact.digest).collect();
    assert_eq!(digests, [second, first]);
    let newest = &artifacts[0];
    assert_eq!(newest.tags[0].name, "two");
    assert_eq!(newest.kind, "IMAGE");
    assert_eq!(newest.config_label("io.example.seed"), Some("second"));
    assert_eq!(newest.extra_attrs.os.as_deref(), Some("linux"));
    assert!(newest.push_time.as_ref().unwrap().ends_with('Z'));
    let sealed = image("second");
    let layers: u64 = sealed
        .layers
        .iter()
        .map(|layer| layer.descriptor.size)
        .sum();
    let documents = sealed.image.manifest_bytes().len() + sealed.image.config_bytes().len();
    assert_eq!(newest.size, layers + documents as u64);

    let one = client
        .artifact(("team", "web/app"), "one")
        .unwrap()
        .unwrap();
    assert_eq!(one.digest, first);
    assert_eq!(client.artifact(("team", "web/app"), "three").unwrap(), None);
    let repositories = client.repositories(Some("team")).collect_all().unwrap();
    assert_eq!(repositories[0].split(), Some(("team", "web/app")));
    assert_eq!(repositories[0].artifact_count, 2);
    assert_eq!(client.repositories(None).collect_all().unwrap().len(), 1);
    assert_eq!(client.projects().collect_all().unwrap()[0].name, "team");
    assert!(
        !client
            .project("team")
            .unwrap()
            .value()
            .unwrap()
            .as_ref()
            .unwrap()
            .is_proxy()
    );
    assert_eq!(client.project("none").unwrap(), Known::Yes(None));
    assert_eq!(server.violations(), [""; 0]);
}

/// Image `index` of sixteen repositories.
fn made(index: u64) -> Fabricated {
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"Labels":{{"number":"{index}"}}}},"rootfs":{{"type":"layers","diff_ids":[]}}}}"#
    );
    let config = config.into_bytes();
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{}","size":1000000}}]}}"#,
        digest(&config),
        config.len(),
        base()
    );
    Fabricated {
        repository: format!("team/app-{}", index % 16),
        tag: Some(format!("v{index}")),
        manifest: manifest.into_bytes(),
        config,
        layers: vec![(base(), 1_000_000)],
    }
}

fn base() -> Digest {
    Digest::from_bytes([7; 32])
}

#[test]
fn a_project_is_listed_page_by_page_in_few_requests() {
    let server = server();
    server.fabricate(1234, made);
    let store = store(&server, "robot$team+builder");
    let client = harbor(&server, &store);
    let query = ArtifactQuery {
        page_size: PAGE_LIMIT,
        ..ArtifactQuery::default()
    };
    let mut pages = client.project_artifacts("team", &query);
    assert_eq!(pages.next().unwrap().unwrap().len(), 100);
    assert_eq!(pages.total(), Some(1234));
    server.reset_counts();
    let numbers: BTreeSet<u64> = client
        .project_artifacts("team", &query)
        .flatten_items()
        .map(|artifact| {
            let artifact = artifact.unwrap();
            let number = artifact.config_label("number").unwrap().parse().unwrap();
            let repository = artifact.repository_name.as_deref();
            assert_eq!(
                repository,
                Some(format!("team/app-{}", number % 16).as_str())
            );
            number
        })
        .collect();
    assert_eq!(numbers, (0..1234).collect());
    assert_eq!(server.count(Kind::ApiRead), 13);
    let latest = ArtifactQuery {
        filter: Some("media_type=application/vnd.oci.image.config.v1+json"),
        latest_in_repository: true,
        ..ArtifactQuery::default()
    };
    let latest = client
        .project_artifacts("team", &latest)
        .collect_all()
        .unwrap();
    assert_eq!(latest.len(), 16);
    // One base for all, counted once.
    let each: u64 = (0..1234)
        .map(|index| (made(index).manifest.len() + made(index).config.len()) as u64)
        .sum();
    assert_eq!(server.used("team"), each + 1_000_000);
}

#[test]
fn an_old_harbor_has_no_listing_of_projects() {
    let server = server_with(&HarborOptions {
        project_artifacts: false,
        ..HarborOptions::default()
    });
    let store = store(&server, "robot$team+builder");
    let client = harbor(&server, &store);
    let first = client
        .project_artifacts("team", &ArtifactQuery::default())
        .next()
        .unwrap();
    assert!(matches!(
        first.unwrap_err().kind,
        HarborErrorKind::NotFound { .. }
    ));
}

#[test]
fn a_list_ends_with_its_first_failure_which_names_what_and_where() {
    let server = server();
    server.fabricate(120, made);
    server.intercept(|seen| {
        seen.target
            .contains("page=2")
            .then(|| wharf_testkit::scripted_server::Response::status(500))
    });
    let store = store(&server, "robot$team+builder");
    let client = harbor(&server, &store);
    let pages: Vec<_> = client
        .project_artifacts("team", &ArtifactQuery::default())
        .collect();
    assert_eq!(pages.len(), 2);
    assert_eq!(pages[0].as_ref().unwrap().len(), 50);
    let error = pages[1].as_ref().unwrap_err();
    assert_eq!(
        wharf_testkit::chain(error),
        format!(
            "list artifacts of project 'team' at '{}': the server answered 500: internal server error",
            server.host()
        )
    );
    assert!(!wharf_testkit::chain(error).contains(PASSWORD));
}
