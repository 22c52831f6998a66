//! What all cases share: registries and base images that nobody changes.
use crate::{recipe::Recipe, registry::Registry};

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
}

impl Ground {
    /// Starts the registries and puts the run image into both.
    pub fn new() -> Self {
        let ground = Self {
            registry: Registry::start(),
            private: Registry::start_private(USER, PASSWORD),
        };
        let run = Recipe::run_image();
        run.push(&ground.registry, "shared/run:base");
        run.push(&ground.private, "shared/run:base");
        ground
    }
}

impl Default for Ground {
    fn default() -> Self {
        Self::new()
    }
}
