//! What all cases share: registries and base images that nobody changes.
use crate::{
    front::{Front, Verdict},
    recipe::Recipe,
    registry::Registry,
};

/// User of the registry that asks for a password.
pub const USER: &str = "builder";
/// Its password.
pub const PASSWORD: &str = "secret";

/// Running registries with base images.
#[derive(Debug)]
pub struct Ground {
    /// A registry that lets everyone in.
    pub registry: Registry,
    /// A registry that lets in [`USER`] with [`PASSWORD`] (Basic authentication).
    pub private: Registry,
    /// The open registry seen by somebody with few rights: repositories with `read-only` in their names are not
    /// written, and those with `hidden` are not read either.
    pub guarded: Front,
}

impl Ground {
    /// Starts the registries and puts the run image into both.
    pub fn new() -> Self {
        let registry = Registry::start();
        let ground = Self {
            guarded: Front::start(registry.address(), rights),
            registry,
            private: Registry::start_private(USER, PASSWORD),
        };
        let run = Recipe::run_image();
        run.push(&ground.registry, "shared/run:base");
        run.push(&ground.private, "shared/run:base");
        ground
    }
}

fn rights(method: &str, path: &str) -> Verdict {
    let reads = matches!(method, "GET" | "HEAD");
    if path.contains("hidden") || path.contains("read-only") && !reads {
        Verdict::Deny
    } else {
        Verdict::Pass
    }
}

impl Default for Ground {
    fn default() -> Self {
        Self::new()
    }
}
