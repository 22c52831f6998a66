//! A Harbor with an empty project, and builds into it.
use super::{
    Outcome, finish,
    place::{Place, add_run_image},
};
use std::sync::Arc;
use wharf_registry::{Credentials, RegistryOptions, RegistryStore};
use wharf_testkit::{HarborOptions, HarborServer, harbor::Account};

pub(crate) const PASSWORD: &str = "correct-horse";
/// `robot$team+keeper:correct-horse`
pub(crate) const KEEPER: &str = "cm9ib3QkdGVhbStrZWVwZXI6Y29ycmVjdC1ob3JzZQ==";
/// `robot$team+pusher:correct-horse`
pub(crate) const PUSHER: &str = "cm9ib3QkdGVhbStwdXNoZXI6Y29ycmVjdC1ob3JzZQ==";

/// `robot$team+blind:correct-horse`
pub(crate) const BLIND: &str = "cm9ib3QkdGVhbStibGluZDpjb3JyZWN0LWhvcnNl";

/// A layer for the image and one for the cache alone.
const BUILD: &str = r#"#!/bin/sh
set -e
printf '[[processes]]\ntype = "web"\ncommand = ["true"]\ndefault = true\n' > "$CNB_LAYERS_DIR/launch.toml"
for name in tool kept; do
  mkdir -p "$CNB_LAYERS_DIR/$name"
  seq 5000 | sed "s/^/$name-/" > "$CNB_LAYERS_DIR/$name/file"
done
printf '[types]\nlaunch = true\ncache = true\n' > "$CNB_LAYERS_DIR/tool.toml"
printf '[types]\ncache = true\n' > "$CNB_LAYERS_DIR/kept.toml"
"#;

/// A Harbor, and a place to build in.
pub(crate) struct Site {
    pub(crate) server: Arc<HarborServer>,
    pub(crate) place: Place,
}

impl Site {
    /// A run image in the public project `shared`, and the empty project `team`.
    pub(crate) fn new() -> Self {
        let server = HarborServer::start(HarborOptions {
            accounts: vec![
                Account::keeper("team", "keeper", PASSWORD),
                Account::robot("team", "pusher", PASSWORD).may("team", &["repository:push"]),
                Account::robot("team", "blind", PASSWORD)
                    .may("team", &["repository:push", "project:read", "quota:read"]),
                Account::admin("admin", PASSWORD),
            ],
            ..HarborOptions::default()
        })
        .unwrap();
        server.add_project("shared", true);
        server.add_project("team", false);
        let place = Place::new();
        place.script("build", BUILD);
        let store = RegistryStore::new(RegistryOptions {
            credentials: Credentials::anonymous().with_password(&server.host(), "admin", PASSWORD),
            ..RegistryOptions::default()
        })
        .unwrap();
        add_run_image(&place, &store, &format!("{}/shared/run", server.host()));
        server.reset_counts();
        Self {
            server: Arc::new(server),
            place,
        }
    }

    pub(crate) fn build(&self, name: &str, more: &[&str], environment: &[(&str, &str)]) -> Outcome {
        self.build_as(KEEPER, name, more, environment)
    }

    pub(crate) fn build_as(
        &self,
        who: &str,
        name: &str,
        more: &[&str],
        environment: &[(&str, &str)],
    ) -> Outcome {
        let image = format!("{}/{name}", self.server.host());
        let auth = format!(r#"{{"{}":"Basic {who}"}}"#, self.server.host());
        let mut arguments = vec!["-no-color"];
        arguments.extend(more);
        arguments.push(&image);
        let mut all = vec![("CNB_REGISTRY_AUTH", auth.as_str())];
        all.extend(environment);
        finish(self.place.creator(&arguments, &all))
    }

    /// A build with a cache image, and nothing left over from an earlier one.
    pub(crate) fn build_with_cache(&self) -> Outcome {
        let cache = format!("-cache-image={}/team/cache", self.server.host());
        self.build("team/app", &[&cache], &[])
    }

    pub(crate) fn received(&self) -> u64 {
        self.server.bytes().0
    }
}
