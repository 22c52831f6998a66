//! `wharf quota` and `wharf prune` against a server shaped as Harbor.
use crate::{
    build::{BUILD_COMMAND, place_to_build},
    place::Place,
};
use serde_json::Value;
use wharf_image::{ImageStore, Stored};
use wharf_registry::{Credentials, RegistryOptions, RegistryStore};
use wharf_spec::digest::Digest;
use wharf_testkit::{
    HarborOptions, HarborServer, ImageRecipe,
    harbor::{Account, Kind},
    image_recipe::{self, digest},
};

const PASSWORD: &str = "secret-word";
const USER: &str = "robot$team+keeper";
/// `robot$team+keeper:secret-word`
const AUTH: &str = "cm9ib3QkdGVhbStrZWVwZXI6c2VjcmV0LXdvcmQ=";

struct Site {
    server: HarborServer,
    store: RegistryStore,
    place: Place,
}

impl Site {
    fn new() -> Self {
        let server = HarborServer::start(HarborOptions {
            accounts: vec![
                Account::keeper("team", "keeper", PASSWORD),
                Account::admin("admin", PASSWORD),
            ],
            ..HarborOptions::default()
        })
        .unwrap();
        server.add_project("team", false);
        server.set_limit("team", Some(100_000));
        let place = Place::new();
        let config = format!(r#"{{"auths":{{"{}":{{"auth":"{AUTH}"}}}}}}"#, server.host());
        place.write(".docker/config.json", &config);
        let store = RegistryStore::new(RegistryOptions {
            credentials: Credentials::anonymous().with_password(&server.host(), USER, PASSWORD),
            ..RegistryOptions::default()
        })
        .unwrap();
        Self {
            server,
            store,
            place,
        }
    }

    /// Pushes a build: a base of its own kind, and a layer with `text`.
    fn push(&self, name: &str, text: &str) -> Digest {
        let sealed = ImageRecipe::new()
            .layer(&[("base", &[7; 3000], 0o644)])
            .layer(&[("app", text.as_bytes(), 0o644)])
            .build();
        let tag = format!("{}/{name}", self.server.host()).parse().unwrap();
        image_recipe::push(&self.store, &sealed, &[&tag]);
        sealed.image.digest()
    }

    fn at(&self, place: &str) -> String {
        format!("{}/{place}", self.server.host())
    }

    fn prune(&self, place: &str, more: &[&str]) -> String {
        let target = self.at(place);
        let mut arguments = vec!["prune", target.as_str()];
        arguments.extend(more);
        self.place.wharf(&arguments).success()
    }

    fn json(&self, place: &str, more: &[&str]) -> Value {
        let mut arguments = vec!["--json"];
        arguments.extend(more);
        serde_json::from_str(&self.prune(place, &arguments)).unwrap()
    }

    /// Writes a manifest that is no image.
    fn write(&self, name: &str, document: &Value) -> Digest {
        let media_type = document["mediaType"].as_str().unwrap();
        let stored = Stored::new(document.to_string().into_bytes(), media_type);
        let tag = self.at(name).parse().unwrap();
        self.store.write_manifest(&stored, &[tag]).unwrap();
        stored.digest()
    }

    /// A signature of an image: a manifest without layers that names it.
    fn sign(&self, repository: &str, subject: Digest) -> Digest {
        let image = self.push(&format!("{repository}:source"), "signature");
        let manifest = self
            .server
            .manifest(repository, &image.to_string())
            .unwrap();
        let mut manifest: Value = serde_json::from_slice(&manifest).unwrap();
        manifest["layers"] = Value::Array(Vec::new());
        manifest["subject"] = serde_json::json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": subject, "size": 1,
        });
        let digest = digest(manifest.to_string().as_bytes());
        self.write(&format!("{repository}@{digest}"), &manifest)
    }
}

#[test]
fn superseded_images_go_and_free_what_was_shown() {
    let site = Site::new();
    let first = site.push("team/app:latest", "first");
    let second = site.push("team/app:latest", "second");
    let third = site.push("team/app:latest", "third");
    let before = site.server.used("team");

    let shown = site.json("team/app", &["--keep", "1", "--dry-run"]);
    assert_eq!(site.server.used("team"), before);
    assert_eq!(site.server.digests("team/app"), [first, second, third]);
    assert_eq!(shown["deleted"], Value::Array(Vec::new()));
    let frees = shown["frees"].as_u64().unwrap();

    let said = site.prune("team/app", &["--keep", "1"]);
    assert_eq!(site.server.digests("team/app"), [third]);
    assert_eq!(before - site.server.used("team"), frees);
    let goes = |digest: Digest| said.contains(&format!("  goes   {digest}  "));
    assert!(goes(first) && goes(second) && !goes(third), "{said}");
    assert!(said.contains("2 image(s) to go free "), "{said}");
    assert!(said.contains("(a limit of 97.6 KiB); 1 stay"), "{said}");
    assert_eq!(site.server.violations(), [""; 0]);
}

#[test]
fn shared_blobs_are_not_counted_as_freed() {
    let site = Site::new();
    site.push("team/app:latest", "first");
    site.push("team/app:latest", "second");
    // The same image in another repository holds all its blobs.
    site.push("team/copy:latest", "first");
    let shown = site.json("team/app", &["--keep", "0", "--dry-run"]);
    assert_eq!(shown["frees"], 0);
    let before = site.server.used("team");
    site.prune("team/app", &["--keep", "0"]);
    assert_eq!(site.server.used("team"), before);
}

#[test]
fn the_tagged_the_running_and_the_named_stay() {
    let site = Site::new();
    let running = site.push("team/app:latest", "running");
    let named = site.push("team/app:latest", "named");
    let tagged = site.push("team/app:v1", "tagged");
    let going = site.push("team/app:latest", "going");
    let newest = site.push("team/app:latest", "newest");
    site.place.write(
        "running",
        &format!("# from the cluster\n{}@{running}\n", site.at("team/app")),
    );
    let named_text = named.to_string();
    let more = [
        "--keep",
        "0",
        "--in-use",
        "running",
        "--keep-digest",
        &named_text,
    ];
    let document = site.json("team", &more);
    assert_eq!(
        site.server.digests("team/app"),
        [running, named, tagged, newest]
    );
    assert_eq!(document["deleted"], serde_json::json!([going.to_string()]));
    let images = document["images"].as_array().unwrap();
    let why = |digest: Digest| {
        let image = images
            .iter()
            .find(|image| image["digest"] == digest.to_string());
        image.unwrap()["why"].as_str().map(ToOwned::to_owned)
    };
    assert_eq!(why(running).as_deref(), Some("in use"));
    assert_eq!(why(named).as_deref(), Some("named"));
    assert_eq!(why(tagged).as_deref(), Some("tag v1"));
    assert_eq!(why(newest).as_deref(), Some("tag latest"));
}

#[test]
fn signatures_stay_and_go_with_what_they_sign() {
    let site = Site::new();
    let old = site.push("team/app:latest", "old");
    let new = site.push("team/app:latest", "new");
    let (of_old, of_new) = (site.sign("team/app", old), site.sign("team/app", new));
    let before = site.server.used("team");
    let document = site.json("team/app", &["--keep", "0"]);
    let left = site.server.digests("team/app");
    assert!(left.contains(&new) && left.contains(&of_new), "{document}");
    assert!(
        !left.contains(&old) && !left.contains(&of_old),
        "{document}"
    );
    assert_eq!(before - site.server.used("team"), document["frees"]);
    assert_eq!(document["deleted"], serde_json::json!([old.to_string()]));
}

#[test]
fn images_of_an_index_stay_as_long_as_the_index() {
    let site = Site::new();
    let (arm, amd) = (
        site.push("team/app:a", "arm"),
        site.push("team/app:b", "amd"),
    );
    let entry = |digest: Digest| {
        serde_json::json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 1,
        })
    };
    let index = serde_json::json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [entry(arm), entry(amd)],
    });
    let index = site.write("team/app:latest", &index);
    // Their own tags move on.
    site.push("team/app:a", "other");
    site.push("team/app:b", "other");
    assert_eq!(site.json("team/app", &["--keep", "0"])["frees"], 0);
    let left = site.server.digests("team/app");
    assert!(
        [arm, amd, index].iter().all(|digest| left.contains(digest)),
        "{left:?}"
    );
    // So does the index.
    site.push("team/app:latest", "other");
    site.prune("team/app", &["--keep", "0"]);
    let left = site.server.digests("team/app");
    assert!(
        ![arm, amd, index].iter().any(|digest| left.contains(digest)),
        "{left:?}"
    );
    assert_eq!(site.server.violations(), [""; 0]);
}

#[test]
fn a_manifest_that_cannot_be_read_makes_what_is_freed_unknown() {
    let site = Site::new();
    site.push("team/app:latest", "first");
    site.push("team/app:latest", "second");
    let hidden = site.push("team/other:latest", "hidden");
    site.server.block("team", hidden);
    assert_eq!(
        site.json("team/app", &["--keep", "0", "--dry-run"])["frees"],
        Value::Null
    );
    let said = site.prune("team/app", &["--keep", "0"]);
    assert!(
        said.contains("1 image(s) to go free an unknown number of bytes of "),
        "{said}"
    );
}

#[test]
fn a_list_of_running_images_that_cannot_be_understood_stops_everything() {
    let site = Site::new();
    site.push("team/app:latest", "first");
    site.push("team/app:latest", "second");
    site.place.write("running", "app@sha256:123\n");
    let target = site.at("team/app");
    let arguments = ["prune", &target, "--keep", "0", "--in-use", "running"];
    let said = site.place.wharf(&arguments).failure(1);
    assert!(said.contains("understand 'running': line 1"), "{said}");
    assert_eq!(site.server.count(Kind::ApiRead), 0);
    let missing = ["prune", &target, "--in-use", "nowhere"];
    site.place.wharf(&missing).failure(1);
    assert_eq!(site.server.digests("team/app").len(), 2);
}

#[test]
fn only_what_is_old_enough_goes_and_tags_that_come_meanwhile_hold() {
    let site = Site::new();
    let old = site.push("team/app:latest", "old");
    let young = site.push("team/app:latest", "young");
    let retagged = site.push("team/app:latest", "retagged");
    let newest = site.push("team/app:latest", "newest");
    for digest in [old, retagged] {
        site.server.age("team/app", digest, 40 * 86_400);
    }
    let signed = site.push("team/signed:latest", "signed");
    site.push("team/signed:latest", "newest");
    site.server.age("team/signed", signed, 40 * 86_400);
    site.server.intercept(move |seen| {
        // Another build puts its tag on one, and somebody signs another, right before they would go.
        let asks = |digest: Digest| {
            let target = format!("/artifacts/sha256%3A{}?", digest.hex());
            seen.method == "GET" && seen.target.contains(&target)
        };
        let document = if asks(retagged) {
            serde_json::json!({"digest": retagged, "tags": [{"name": "rescued"}]})
        } else if asks(signed) {
            serde_json::json!({"digest": signed, "accessories": [{"digest": retagged}]})
        } else {
            return None;
        };
        Some(wharf_testkit::scripted_server::Response::json(
            200, &document,
        ))
    });
    let said = site.prune("team", &["--keep", "1", "--older-than", "30d"]);
    assert_eq!(site.server.digests("team/app"), [young, retagged, newest]);
    assert_eq!(site.server.digests("team/signed").len(), 2);
    let words = format!("Kept {signed}: {retagged} has come to refer to it");
    assert!(said.contains(&words), "{said}");
    let words = format!("Kept {retagged}: it has got the tag rescued");
    assert!(said.contains(&words), "{said}");
}

#[test]
fn what_is_not_harbor_or_no_project_is_refused_with_advice() {
    let site = Site::new();
    let said = site.place.wharf(&["prune", &site.server.host()]).failure(1);
    assert!(said.contains("it names no project"), "{said}");
    let other = wharf_testkit::ScriptedServer::start(|_| {
        wharf_testkit::scripted_server::Response::status(404)
    })
    .unwrap();
    let target = format!("{}/team", other.host());
    let said = site.place.wharf(&["quota", &target]).failure(1);
    assert!(said.contains("it is not a Harbor"), "{said}");
}

#[test]
fn a_right_that_is_missing_is_named_and_nothing_goes() {
    let site = Site::new();
    let robot = Account::builder("team", "watcher", PASSWORD);
    site.server.add_account(robot);
    site.push("team/app:latest", "first");
    site.push("team/app:latest", "second");
    // `robot$team+watcher:secret-word`
    let auth = "cm9ib3QkdGVhbSt3YXRjaGVyOnNlY3JldC13b3Jk";
    let config = format!(
        r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#,
        site.server.host()
    );
    site.place.write(".docker/config.json", &config);
    let target = site.at("team/app");
    let said = site
        .place
        .wharf(&["prune", &target, "--keep", "1"])
        .failure(1);
    assert!(said.contains("artifact:delete"), "{said}");
    assert!(said.contains("1 image(s) could not be deleted"), "{said}");
    assert_eq!(site.server.digests("team/app").len(), 2);
}

#[test]
fn quota_tells_limit_use_and_growth_by_repository() {
    let site = Site::new();
    site.push("team/app:latest", "first");
    let alone = site.server.used("team");
    site.push("team/app:latest", "second");
    let growth = site.server.used("team") - alone;
    site.push("team/other:latest", "other");
    let target = site.at("team");
    let document = site.place.wharf(&["quota", &target, "--json"]).success();
    let document: Value = serde_json::from_str(&document).unwrap();
    let project = &document[0];
    assert_eq!(project["project"], "team");
    assert_eq!(project["limit"], 100_000);
    assert_eq!(project["used"], site.server.used("team"));
    let app = &project["repositories"][0];
    assert_eq!(app["repository"], "app");
    assert_eq!(app["images"], 2);
    assert_eq!(app["untagged"], 1);
    assert_eq!(app["size"], alone + growth);
    assert_eq!(app["growth"], growth);
    let other = &project["repositories"][1];
    assert_eq!(other["growth"], Value::Null);
    assert!(other["own"].as_u64().unwrap() < other["size"].as_u64().unwrap());
    // What is superseded is what a prune frees.
    let superseded = project["superseded"].as_u64().unwrap();
    assert_eq!(app["superseded"], superseded);
    let before = site.server.used("team");
    site.prune("team", &["--keep", "0"]);
    assert_eq!(before - site.server.used("team"), superseded);

    let table = site.place.wharf(&["quota", &target]).success();
    assert!(table.starts_with("team  "), "{table}");
    assert!(table.contains(" of 97.6 KiB\n"), "{table}");
    assert!(table.contains("0 B go with what has no tag"), "{table}");
}

#[test]
fn a_build_deletes_what_it_replaces_when_asked_to() {
    let mut site = Site::new();
    let config = site.place.path(".docker/config.json");
    let config = std::fs::read_to_string(config).unwrap();
    site.place = place_to_build();
    site.place.write(".docker/config.json", &config);
    site.server.set_limit("team", None);
    let run = site.at("team/run:1");
    let host = site.server.host();
    site.place
        .push("base", "run", (&host, USER, PASSWORD), &run);
    let tag = site.at("team/app:latest");
    let mut arguments = vec!["build", "app", "--builder", BUILD_COMMAND[3]];
    arguments.extend(["--run-image", &run, "--tag", &tag, "--publish"]);
    site.place.wharf(&arguments).success();
    let first = site.server.tag("team/app", "latest").unwrap();
    site.place.write("app/new-file", "changed");
    arguments.push("--prune-previous");
    let said = site.place.wharf(&arguments).success();
    let second = site.server.tag("team/app", "latest").unwrap();
    assert_ne!(first, second);
    assert_eq!(site.server.digests("team/app"), [second], "{said}");
}

#[test]
fn quota_of_a_whole_harbor_lists_what_the_account_may_see() {
    let site = Site::new();
    site.server.add_project("secret", false);
    let document = site
        .place
        .wharf(&["quota", &site.server.host(), "--json"])
        .success();
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document.as_array().unwrap().len(), 1);
    // `admin:secret-word`
    let config = format!(
        r#"{{"auths":{{"{}":{{"auth":"YWRtaW46c2VjcmV0LXdvcmQ="}}}}}}"#,
        site.server.host()
    );
    site.place.write(".docker/config.json", &config);
    let table = site.place.wharf(&["quota", &site.server.host()]).success();
    assert_eq!(table, "secret  0 B of no limit\nteam  0 B of 97.6 KiB\n");
}
