//! Builds into a project of Harbor with a quota.
use crate::support::{
    Outcome, finish,
    place::{Place, add_run_image},
    site::{BLIND, PASSWORD, PUSHER, Site},
};
use std::{collections::BTreeMap, sync::Arc};
use wharf_image::ImageStore;
use wharf_registry::{Credentials, RegistryOptions, RegistryStore};
use wharf_testkit::{
    Authentication, RegistryServer, RegistryServerOptions, TokenIssuerOptions, harbor::Kind,
    token_issuer,
};

#[track_caller]
fn assert_succeeded(outcome: &Outcome) {
    assert_eq!(
        outcome.status,
        Some(0),
        "{}{}",
        outcome.stdout,
        outcome.stderr
    );
}

/// A site with an empty project, and what a first build adds to it.
fn weighed(build: impl Fn(&Site) -> Outcome) -> (Site, u64) {
    let site = Site::new();
    assert_succeeded(&build(&site));
    let need = site.server.used("team");
    assert_eq!(site.server.violations(), [""; 0]);
    assert_eq!(site.server.open_uploads(), 0);
    site.server.empty("team");
    site.server.reset_counts();
    (site, need)
}

fn plain(site: &Site) -> Outcome {
    site.build("team/app", &[], &[])
}

#[test]
fn an_image_that_is_a_byte_too_large_is_refused_before_a_byte_is_sent() {
    let (site, need) = weighed(plain);
    site.server.set_limit("team", Some(need - 1));
    let refused = site.build("team/app", &[], &[]);
    assert_eq!(refused.status, Some(62), "{}", refused.stderr);
    let host = site.server.host();
    for words in [
        format!(
            "failed to export: make room for app image: '{host}/team/app' does not fit: it adds "
        ),
        format!(" in use in project 'team' at '{host}', 1 B too much; largest: 'a/b:tool' ("),
    ] {
        assert!(refused.stderr.contains(&words), "{}", refused.stderr);
    }
    assert_eq!(site.received(), 0);
    assert_eq!(site.server.count(Kind::PutBlob), 0);
    assert_eq!(site.server.count(Kind::PutManifest), 0);
    assert_eq!(site.server.count(Kind::Mount), 0);
    assert_eq!(site.server.used("team"), 0);
    assert_eq!(site.server.open_uploads(), 0);
    assert_eq!(site.server.violations(), [""; 0]);
}

#[test]
fn an_image_that_fits_to_the_byte_is_built() {
    let (site, need) = weighed(plain);
    site.server.set_limit("team", Some(need));
    assert_succeeded(&site.build("team/app", &[], &[]));
    assert_eq!(site.server.used("team"), need);
    assert!(site.server.tag("team/app", "latest").is_some());
}

#[test]
fn a_cache_image_that_is_a_byte_too_large_costs_a_warning_and_no_bytes() {
    let (site, need) = weighed(Site::build_with_cache);
    site.server.set_limit("team", Some(need - 1));
    let outcome = site.build_with_cache();
    assert_succeeded(&outcome);
    let warning = format!(
        "Failed to export cache: save cache: write cache '{0}/team/cache': '{0}/team/cache' does not fit: it adds ",
        site.server.host()
    );
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(said.contains(&warning), "{said}");
    assert!(said.contains(", 1 B too much; largest: 'sha256:"), "{said}");
    assert_eq!(site.server.tag("team/cache", "latest"), None);
    let app = site.server.used("team");
    assert!(
        app < need - 10_000,
        "nothing of the cache was sent: {app} of {need}"
    );

    site.server.empty("team");
    site.server.set_limit("team", Some(need));
    assert_succeeded(&site.build_with_cache());
    assert!(site.server.tag("team/cache", "latest").is_some());
    assert_eq!(site.server.used("team"), need);
    assert_eq!(site.server.violations(), [""; 0]);
}

#[test]
fn what_other_repositories_of_the_project_hold_counts_once() {
    let site = Site::new();
    assert_succeeded(&site.build("team/first", &[], &[]));
    let used = site.server.used("team");
    site.server.set_limit("team", Some(used));
    assert_succeeded(&site.build("team/second", &[], &[]));
    assert_eq!(site.server.used("team"), used);
    assert_eq!(
        site.server.tag("team/second", "latest"),
        site.server.tag("team/first", "latest")
    );
}

#[test]
fn a_build_beside_that_takes_the_room_is_told_of_in_the_servers_words() {
    let site = Site::new();
    for source in ["first", "second"] {
        site.place.write("app/main.txt", source);
        assert_succeeded(&plain(&site));
    }
    let before = site.server.tag("team/app", "latest");
    site.place.write("app/main.txt", "third");
    site.server.set_limit("team", Some(50_000_000));
    let server = Arc::downgrade(&site.server);
    site.server.intercept(move |seen| {
        if seen.kind == Kind::PutBlob
            && let Some(server) = server.upgrade()
            && server.used("team") < 50_000_000
        {
            server.fill("team", 50_000_000 - server.used("team"));
        }
        None
    });
    let refused = site.build("team/app", &[], &[]);
    assert_eq!(refused.status, Some(62), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("quota is exceeded") && refused.stderr.contains("47.7 MiB"),
        "{}",
        refused.stderr
    );
    let advice = format!(
        "Warning: No room is left for '{0}/team/app': 1 superseded image(s) hold up to ",
        site.server.host()
    );
    assert!(refused.stderr.contains(&advice), "{}", refused.stderr);
    assert_eq!(site.server.tag("team/app", "latest"), before);
    assert_eq!(site.server.open_uploads(), 0);
}

#[test]
fn blobs_of_deleted_images_are_found_but_count_again_and_the_server_says_so() {
    let site = Site::new();
    assert_succeeded(&plain(&site));
    let image = site.server.tag("team/app", "latest").unwrap();
    let path = format!("team/app@{image}");
    let store = RegistryStore::new(RegistryOptions {
        credentials: Credentials::anonymous().with_password(
            &site.server.host(),
            "robot$team+keeper",
            PASSWORD,
        ),
        ..RegistryOptions::default()
    })
    .unwrap();
    let reference = format!("{}/{path}", site.server.host()).parse().unwrap();
    store.delete(&reference, image).unwrap();
    assert_eq!(site.server.used("team"), 0);
    site.server.set_limit("team", Some(1000));
    let before = site.received();
    let refused = plain(&site);
    assert_eq!(refused.status, Some(62), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("the quota is exceeded"),
        "{}",
        refused.stderr
    );
    assert_eq!(site.received(), before, "what was found is not sent");
}

#[test]
fn who_may_not_see_the_quota_is_told_nothing_wrong_and_builds() {
    let site = Site::new();
    site.server.set_limit("team", Some(50_000_000));
    let outcome = site.build_as(PUSHER, "team/app", &["-log-level=debug"], &[]);
    assert_succeeded(&outcome);
    let words = format!(
        "No quota is known for '{}/team/app': the account lacks the right",
        site.server.host()
    );
    assert!(outcome.stdout.contains(&words), "{}", outcome.stdout);
    let silent = site.build("team/app", &[], &[("WHARF_HARBOR", "off")]);
    assert_succeeded(&silent);
    let before = site.server.count(Kind::ApiRead);
    assert_succeeded(&site.build("team/app", &[], &[("WHARF_HARBOR", "off")]));
    assert_eq!(site.server.count(Kind::ApiRead), before);
    let wrong = site.build("team/app", &[], &[("WHARF_HARBOR", "maybe")]);
    assert_eq!(wrong.status, Some(3));
    assert!(
        wrong
            .stderr
            .contains("read WHARF_HARBOR: 'maybe' is none of auto, on and off"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn what_cannot_be_told_for_sure_is_no_refusal_but_the_server_has_the_last_word() {
    let (site, need) = weighed(plain);
    site.server.set_limit("team", Some(need - 1));
    let refused = site.build_as(BLIND, "team/app", &[], &[]);
    assert_eq!(refused.status, Some(62), "{}", refused.stderr);
    for words in [
        "Warning: Going on although it is not known whether other repositories hold some of it: ",
        "failed to export: save image: write image to",
        "the quota is exceeded",
    ] {
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
}

/// Requests by kind; how many tokens are asked for depends on what happens to be side by side.
fn requests(site: &Site) -> BTreeMap<Kind, usize> {
    let mut counts = BTreeMap::new();
    let all = site.server.seen();
    for seen in all.iter().filter(|seen| seen.kind != Kind::Token) {
        *counts.entry(seen.kind).or_default() += 1;
    }
    counts
}

#[test]
fn a_quota_with_room_costs_a_request_in_each_of_two_phases_and_none_for_blobs() {
    let (site, _) = weighed(plain);
    assert_succeeded(&site.build("team/app", &[], &[("WHARF_HARBOR", "off")]));
    let mut without = requests(&site);
    assert_eq!(without.get(&Kind::ApiRead), None);
    site.server.empty("team");
    site.server.reset_counts();
    site.server.set_limit("team", Some(1 << 30));
    assert_succeeded(&plain(&site));
    without.insert(Kind::ApiRead, 2);
    assert_eq!(requests(&site), without);
}

#[test]
fn blobs_in_pieces_count_with_their_true_size() {
    let (site, need) = weighed(plain);
    let pieces = [("WHARF_UPLOAD_CHUNK_SIZE", "1K")];
    assert_succeeded(&site.build("team/app", &[], &pieces));
    assert!(site.server.seen().iter().any(|seen| seen.method == "PATCH"));
    assert_eq!(site.server.used("team"), need);
    assert_eq!(site.server.violations(), [""; 0]);
    let wrong = site.build("team/app", &[], &[("WHARF_UPLOAD_CHUNK_SIZE", "some")]);
    assert_eq!(wrong.status, Some(3), "{}", wrong.stderr);
    assert!(
        wrong
            .stderr
            .contains("read WHARF_UPLOAD_CHUNK_SIZE: 'some' is no size"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn the_analyzer_warns_when_nothing_more_fits() {
    let site = Site::new();
    site.server.set_limit("team", Some(1000));
    site.server.fill("team", 1000);
    let refused = site.build("team/app", &[], &[]);
    assert_eq!(refused.status, Some(62), "{}", refused.stderr);
    let words = format!(
        "Nothing more fits into project 'team' at '{}': 1000 B of 1000 B are in use",
        site.server.host()
    );
    assert!(refused.stderr.contains(&words), "{}", refused.stderr);
}

#[test]
fn a_refusal_names_what_was_superseded_and_the_command_that_frees_it() {
    let site = Site::new();
    assert_succeeded(&site.build("team/app", &[], &[]));
    site.place.write("app/main.txt", "second");
    assert_succeeded(&site.build("team/app", &[], &[]));
    site.server
        .set_limit("team", Some(site.server.used("team")));
    site.place.write("app/main.txt", "third");
    let refused = site.build("team/app", &[], &[]);
    assert_eq!(refused.status, Some(62), "{}", refused.stderr);
    let words = format!(
        "'wharf prune {}/team/app --keep 1' frees them",
        site.server.host()
    );
    assert!(
        refused.stderr.contains("1 superseded image(s) hold up to")
            && refused.stderr.contains(&words),
        "{}",
        refused.stderr
    );
}

#[test]
fn the_superseded_image_goes_unless_something_holds_it() {
    let prune = [("WHARF_PRUNE_PREVIOUS", "1")];
    let site = Site::new();
    assert_succeeded(&site.build("team/app", &[], &prune));
    let first = site.server.tag("team/app", "latest").unwrap();
    site.place.write("app/main.txt", "second");
    let outcome = site.build("team/app", &[], &prune);
    assert_succeeded(&outcome);
    let second = site.server.tag("team/app", "latest").unwrap();
    assert_eq!(site.server.digests("team/app"), [second]);
    let words = format!(
        "Deleted superseded image '{}/team/app@{first}'",
        site.server.host()
    );
    assert!(outcome.stdout.contains(&words), "{}", outcome.stdout);

    // The same once more changes nothing, and deletes nothing.
    assert_succeeded(&site.build("team/app", &[], &prune));
    assert_eq!(site.server.digests("team/app"), [second]);

    let kept = format!("-tag={}/team/app:kept", site.server.host());
    site.place.write("app/main.txt", "third");
    assert_succeeded(&site.build("team/app", &[&kept], &prune));
    let third = site.server.tag("team/app", "latest").unwrap();
    site.place.write("app/main.txt", "fourth");
    let outcome = site.build("team/app", &[], &prune);
    assert_succeeded(&outcome);
    assert!(site.server.digests("team/app").contains(&third));
    assert!(
        outcome.stdout.contains("Keeping superseded image")
            && outcome.stdout.contains("tag 'kept' is on it"),
        "{}",
        outcome.stdout
    );
}

/// A registry behind a token service in Harbor's shape looks like Harbor until it is asked.
#[test]
fn a_registry_that_only_looks_like_harbor_is_asked_once_and_built_into() {
    let account = token_issuer::Account::with_all_rights("builder", PASSWORD, &["team", "shared"]);
    let issuer = token_issuer::start(TokenIssuerOptions {
        accounts: vec![account],
        ..TokenIssuerOptions::default()
    })
    .unwrap();
    let registry = RegistryServer::start(&RegistryServerOptions {
        authentication: Authentication::by(&issuer),
        ..RegistryServerOptions::default()
    })
    .unwrap();
    let host = registry.host();
    let place = Place::new();
    let store = RegistryStore::new(RegistryOptions {
        credentials: Credentials::anonymous().with_password(&host, "builder", PASSWORD),
        ..RegistryOptions::default()
    })
    .unwrap();
    add_run_image(&place, &store, &format!("{host}/shared/run"));
    // `builder:correct-horse`
    let auth = format!(r#"{{"{host}":"Basic YnVpbGRlcjpjb3JyZWN0LWhvcnNl"}}"#);
    let cache = format!("-cache-image={host}/team/cache");
    let image = format!("{host}/team/app");
    let outcome = finish(place.creator(
        &["-no-color", "-log-level=debug", &cache, &image],
        &[("CNB_REGISTRY_AUTH", &auth)],
    ));
    assert_succeeded(&outcome);
    let words = format!("No quota is known for '{image}': the registry is no Harbor");
    assert!(outcome.stdout.contains(&words), "{}", outcome.stdout);
    let asked = registry.log().matches("GET /api/v2.0/").count();
    assert_eq!(asked, 1, "{}", registry.log());
}
