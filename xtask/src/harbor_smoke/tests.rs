use super::*;
use wharf_testkit::{HarborOptions, HarborServer, harbor::Account};

const PASSWORD: &str = "correct-horse";

fn server(robot: Account) -> HarborServer {
    let server = HarborServer::start(HarborOptions {
        accounts: vec![Account::admin("admin", PASSWORD), robot],
        ..HarborOptions::default()
    })
    .unwrap();
    server.add_project("team", false);
    server
}

fn settings(server: &HarborServer, robot: &str, admin: bool) -> Settings {
    let account = |name: &str| (name.to_owned(), PASSWORD.to_owned());
    Settings {
        host: server.host(),
        project: "team".to_owned(),
        robot: account(robot),
        admin: admin.then(|| account("admin")),
        insecure: false,
    }
}

#[test]
fn every_step_passes_and_leaves_nothing() {
    let server = server(Account::keeper("team", "keeper", PASSWORD));
    let outcomes = smoke(&settings(&server, "robot$team+keeper", true)).unwrap();
    assert_eq!(
        outcomes,
        STEPS.map(|(name, _)| (name, Outcome::Passed)).to_vec()
    );
    assert_eq!(server.violations(), [""; 0]);
    assert_eq!(server.open_uploads(), 0);
    let names = [
        "push",
        "mount-source",
        "quota",
        "immutable",
        "prune",
        "rebase",
    ];
    for name in names {
        let left = server.digests(&format!("team/wharf-smoke/{name}"));
        assert!(left.is_empty(), "{name}");
    }
}

#[test]
fn without_an_administrator_limits_and_rules_are_skipped() {
    let server = server(Account::keeper("team", "keeper", PASSWORD));
    let outcomes = smoke(&settings(&server, "robot$team+keeper", false)).unwrap();
    let skipped: Vec<_> = outcomes
        .iter()
        .filter(|(_, outcome)| matches!(outcome, Outcome::Skipped(_)))
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(skipped, ["quota", "immutable tag"]);
}

#[test]
fn a_server_that_counts_wrong_fails_the_step_alone() {
    let server = std::sync::Arc::new(server(Account::keeper("team", "keeper", PASSWORD)));
    let weak = std::sync::Arc::downgrade(&server);
    server.intercept(move |seen| {
        if seen.method == "PUT"
            && seen.target.contains("/wharf-smoke/quota/manifests/")
            && let Some(server) = weak.upgrade()
        {
            server.fill("team", 1);
        }
        None
    });
    let outcomes = smoke(&settings(&server, "robot$team+keeper", true)).unwrap();
    let failed: Vec<_> = outcomes
        .iter()
        .filter(|(_, outcome)| matches!(outcome, Outcome::Failed(_)))
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(failed, ["quota"]);
}

/// `examples/harbor/setup.sh`, twice; then the robot it made goes through the steps.
#[test]
fn the_example_sets_up_a_tenant_whose_robot_builds_and_deletes_nothing() {
    let server = HarborServer::start(HarborOptions {
        accounts: vec![Account::admin("admin", PASSWORD)],
        ..HarborOptions::default()
    })
    .unwrap();
    let place = tempfile::tempdir().unwrap();
    let script = crate::workspace::root().join("examples/harbor/setup.sh");
    let set_up = || {
        let output = std::process::Command::new("sh")
            .arg(&script)
            .current_dir(place.path())
            .env("HARBOR", format!("http://{}", server.host()))
            .env("ADMIN", format!("admin:{PASSWORD}"))
            .env("PROJECT", "tenant")
            .env("QUOTA_GIB", "2")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let first = set_up();
    assert_eq!(
        first,
        "project tenant: done\nrobot builder: done\nretention: done\nimmutable v*: done\n"
    );
    let again = set_up();
    assert!(
        again.starts_with("project tenant: there already\nrobot builder: there already\n"),
        "{again}"
    );
    let robot = std::fs::read(place.path().join("robot.json")).unwrap();
    let robot: serde_json::Value = serde_json::from_slice(&robot).unwrap();
    let word = |key: &str| robot[key].as_str().unwrap().to_owned();
    let settings = Settings {
        project: "tenant".to_owned(),
        robot: (word("name"), word("secret")),
        ..settings(&server, "", false)
    };
    let site = site::Site::open(&settings).unwrap();
    assert_eq!(steps::push(&site).unwrap(), Outcome::Passed);
    assert_eq!(steps::mount(&site).unwrap(), Outcome::Passed);
    let quota = site.quota().unwrap();
    assert_eq!(
        quota.value().unwrap().limit,
        wharf_harbor::Limit::Bytes(2 << 30)
    );
    let refused = format!("{:#}", site.clean().unwrap_err());
    assert!(refused.contains("artifact:delete"), "{refused}");
}
