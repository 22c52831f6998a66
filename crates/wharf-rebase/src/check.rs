//! Whether a new base fits an app image (platform spec, "rebaser > Inputs").
use crate::{RebaseInputs, run_image};
use std::{collections::BTreeSet, fmt};
use wharf_image::Image;
use wharf_spec::{
    api::{BaseContract, PlatformApi},
    env_var,
    labels::{REBASABLE, STACK_ID, STACK_MIXINS, lifecycle::LifecycleMetadata},
    reference::Reference,
    target::{Distro, Target},
};

/// Something that speaks against a rebase; `-force` goes on nevertheless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The app image says that it must not be rebased.
    NotRebasable,
    /// The new base is built for something else.
    Target {
        /// What differs: "operating system", "architecture" …
        what: &'static str,
        /// The app's.
        app: String,
        /// The new base's.
        base: String,
    },
    /// The run image is none of those the app image records.
    UnknownRunImage {
        /// The new base.
        reference: String,
    },
    /// App or new base has another stack, or none.
    Stack {
        /// The app's.
        app: String,
        /// The new base's.
        base: String,
    },
    /// The new base lacks mixins.
    Mixins {
        /// The missing ones.
        missing: Vec<String>,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HINT: &str = "; use -force to rebase nevertheless";
        match self {
            Self::NotRebasable => write!(f, "app image is not marked as rebasable{HINT}"),
            Self::Target { what, app, base } => write!(
                f,
                "new base image has {what} '{base}' but the app image has '{app}'{HINT}"
            ),
            Self::UnknownRunImage { reference } => write!(
                f,
                "new base image '{reference}' not found in existing run image metadata{HINT}"
            ),
            Self::Stack { app, base } => {
                write!(
                    f,
                    "incompatible stack: '{base}' is not compatible with '{app}'"
                )
            }
            Self::Mixins { missing } => write!(
                f,
                "new base image lacks mixins of the app image: {}",
                missing.join(", ")
            ),
        }
    }
}

/// What an app image says of itself, be it at hand or only listed by a registry.
pub trait Subject {
    /// A label.
    fn label(&self, name: &str) -> Option<&str>;
    /// The value of an environment variable.
    fn env(&self, name: &str) -> Option<&str>;
    /// What it runs on.
    fn target(&self) -> Target;
}

impl Subject for Image {
    fn label(&self, name: &str) -> Option<&str> {
        Self::label(self, name)
    }

    fn env(&self, name: &str) -> Option<&str> {
        Self::env(self, name)
    }

    fn target(&self) -> Target {
        Self::target(self)
    }
}

/// Everything that speaks against putting `app` on `base`.
pub fn check(
    inputs: &RebaseInputs,
    app: &dyn Subject,
    metadata: &LifecycleMetadata,
    (reference, base): (&Reference, &Image),
) -> Vec<Problem> {
    let mut problems = match contract_of(app) {
        BaseContract::Target => target_problems(app, base),
        BaseContract::Stack => stack_problems(app, base),
    };
    let must_be_known = inputs.features.base_contract == BaseContract::Target;
    if must_be_known && !run_image::is_recorded(metadata, reference) {
        problems.push(Problem::UnknownRunImage {
            reference: reference.to_string(),
        });
    }
    problems
}

/// The contract the app was built under. An API this lifecycle does not know is judged by the labels it left.
pub fn contract_of(app: &dyn Subject) -> BaseContract {
    match app
        .env(env_var::PLATFORM_API)
        .map(str::parse::<PlatformApi>)
    {
        Some(Ok(api)) => api.features().base_contract,
        Some(Err(_)) if app.label(REBASABLE).is_some() => BaseContract::Target,
        _ => BaseContract::Stack,
    }
}

fn target_problems(app: &dyn Subject, base: &Image) -> Vec<Problem> {
    let mut problems = Vec::new();
    if app.label(REBASABLE).is_some_and(|label| label != "true") {
        problems.push(Problem::NotRebasable);
    }
    let (app, base) = (app.target(), base.target());
    let none = Distro::default();
    let distro = |target: &Target| target.distro.clone().unwrap_or(none.clone());
    let (app_distro, base_distro) = (distro(&app), distro(&base));
    for (what, app, base) in [
        ("operating system", &app.os, &base.os),
        ("architecture", &app.arch, &base.arch),
        (
            "architecture variant",
            &app.arch_variant,
            &base.arch_variant,
        ),
        ("distribution", &app_distro.name, &base_distro.name),
        (
            "distribution version",
            &app_distro.version,
            &base_distro.version,
        ),
    ] {
        if app != base {
            problems.push(Problem::Target {
                what,
                app: app.clone(),
                base: base.clone(),
            });
        }
    }
    problems
}

fn stack_problems(app: &dyn Subject, base: &Image) -> Vec<Problem> {
    let stack = |image: &dyn Subject| image.label(STACK_ID).unwrap_or_default().to_owned();
    let (app_stack, base_stack) = (stack(app), stack(base));
    if app_stack.is_empty() || app_stack != base_stack {
        return vec![Problem::Stack {
            app: app_stack,
            base: base_stack,
        }];
    }
    let present = mixins(base);
    let missing: Vec<_> = mixins(app).difference(&present).cloned().collect();
    if missing.is_empty() {
        Vec::new()
    } else {
        vec![Problem::Mixins { missing }]
    }
}

/// Mixins without their stage. A label that is no list of names counts as none.
fn mixins(image: &dyn Subject) -> BTreeSet<String> {
    let label = image.label(STACK_MIXINS).unwrap_or("[]");
    let names: Vec<String> = serde_json::from_str(label).unwrap_or_default();
    names
        .into_iter()
        .map(|name| {
            name.strip_prefix("run:")
                .map_or(name.clone(), str::to_owned)
        })
        .collect()
}
