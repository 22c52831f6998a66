//! Rebasing.
pub mod content;
pub mod inputs;
pub mod permission;

use crate::{
    flow::Flow,
    image::Image,
    probe::Probe,
    recipe::Recipe,
    stage::Outcome,
    suite::{Case, Test},
};

/// The tables of this part.
pub const TABLES: &[&[Test]] = &[content::TESTS, inputs::TESTS, permission::TESTS];

/// An app image on a run image of its own.
pub(in crate::cases) struct Ground<'a> {
    /// The build; its lifecycle rebases.
    pub(in crate::cases) flow: Flow<'a>,
    /// The app image as it was built.
    pub(in crate::cases) app: Image,
    /// Repository of the run image.
    repository: String,
    /// Reference of the run image, as the app image records it.
    run: String,
}

impl<'a> Ground<'a> {
    /// Builds an app with a layer, a process and a label on [`Recipe::run_image`].
    pub(in crate::cases) fn new(case: &'a Case<'a>) -> Self {
        Self::on(case, &Recipe::run_image())
    }

    /// The same on another run image.
    pub(in crate::cases) fn on(case: &'a Case<'a>, run_image: &Recipe) -> Self {
        let probe = Probe::new(case, "example/one").build(
            "mkdir \"$LAYERS/tool\"; echo tool > \"$LAYERS/tool/file\"\n\
             printf '[types]\\nlaunch = true\\n' > \"$LAYERS/tool.toml\"\n\
             printf '[[labels]]\\nkey = \"own\"\\nvalue = \"kept\"\\n' > \"$LAYERS/launch.toml\"",
        );
        let flow = Flow::with(case, &[&probe]);
        let repository = case.repository("run");
        run_image.push(&case.ground.registry, &repository);
        let run = case.ground.registry.name(&repository);
        record_run_image(case, &flow, &run);
        let app = flow.whole();
        Self {
            flow,
            app,
            repository,
            run,
        }
    }

    /// Replaces the run image behind the recorded name.
    pub(in crate::cases) fn patch(&self, case: &Case<'_>, recipe: &Recipe) -> Image {
        recipe.push(&case.ground.registry, &self.repository);
        case.pull(&self.run)
    }

    /// Rebases the app image in its place.
    pub(in crate::cases) fn rebase(&self, args: &[&str]) -> Outcome {
        let args = [args, &[self.flow.image.as_str()]].concat();
        self.flow.stage.phase("rebaser", &args)
    }

    /// Rebases, which must succeed, and reads the image.
    pub(in crate::cases) fn rebased(&self, args: &[&str]) -> Image {
        self.rebase(args).expect_code(0);
        self.flow.pull()
    }
}

/// Writes the run (or stack) file.
fn record_run_image(case: &Case<'_>, flow: &Flow<'_>, run: &str) {
    if case.platform < 12 {
        let text = format!("[run-image]\nimage = \"{run}\"\n");
        flow.stage.write("cnb/stack.toml", &text);
    } else {
        let text = format!("[[images]]\nimage = \"{run}\"\n");
        flow.stage.write("cnb/run.toml", &text);
    }
}

/// A patched run image: another content, one more layer.
pub(in crate::cases) fn patched() -> Recipe {
    Recipe::run_image()
        .layer(&[("etc/patched", "yes\n")])
        .layer(&[("etc/patched-twice", "yes\n")])
}

/// The lifecycle label.
fn lifecycle_label(image: &Image) -> serde_json::Value {
    image.json_label("io.buildpacks.lifecycle.metadata")
}
