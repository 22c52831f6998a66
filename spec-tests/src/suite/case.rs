//! One run of a test at one pair of API versions.
use super::{Minor, Pair, ground::Ground, subject::Subject};
use crate::{
    image::Image,
    recipe::Recipe,
    stage::{Journal, Outcome, Stage},
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    fmt::Debug,
    ops::RangeInclusive,
};

/// What a test is given: the versions, the lifecycle, the registries, and assertions that name requirements.
///
/// An assertion takes the identifiers of the requirements it shows, separated by spaces. Each of them has to stand in
/// the test's table row, and each one there has to be named by an assertion that ran: a test that claims what it does
/// not assert fails.
#[derive(Debug)]
pub struct Case<'a> {
    /// Minor number of the Platform API.
    pub platform: Minor,
    /// Minor number of the Buildpack API that generated buildpacks name.
    pub buildpack: Minor,
    /// Registries and base images.
    pub ground: &'a Ground,
    /// The lifecycle that is judged.
    pub subject: &'a Subject,
    number: usize,
    keep: bool,
    touched: RefCell<BTreeSet<String>>,
    names: Cell<usize>,
    journal: Journal,
}

impl<'a> Case<'a> {
    /// Case number `number` of a run.
    pub fn new(
        pair: Pair,
        ground: &'a Ground,
        subject: &'a Subject,
        (number, keep): (usize, bool),
    ) -> Self {
        Self {
            platform: pair.platform,
            buildpack: pair.buildpack,
            ground,
            subject,
            number,
            keep,
            touched: RefCell::default(),
            names: Cell::new(0),
            journal: Journal::default(),
        }
    }

    /// The pair of API versions.
    pub fn pair(&self) -> Pair {
        Pair {
            platform: self.platform,
            buildpack: self.buildpack,
        }
    }

    /// `0.<minor>` of the Platform API.
    pub fn platform_api(&self) -> String {
        format!("0.{}", self.platform)
    }

    /// `0.<minor>` of the Buildpack API.
    pub fn buildpack_api(&self) -> String {
        format!("0.{}", self.buildpack)
    }

    /// Fresh directories with an app of one file, the run (or stack) file that names [`Case::run_image`], the
    /// lifecycle, and the variables of a build image.
    pub fn stage(&self) -> Stage {
        let mut stage = Stage::with_lifecycle(&self.platform_api(), &self.subject.dir);
        stage.keep_journal(&self.journal, self.keep);
        stage.write("workspace/app.txt", "an app\n");
        stage.set("CNB_STACK_ID", "example.stack");
        let run = self.run_image();
        if self.platform < 12 {
            stage.write(
                "cnb/stack.toml",
                &format!("[run-image]\nimage = \"{run}\"\n"),
            );
        } else {
            stage.write("cnb/run.toml", &format!("[[images]]\nimage = \"{run}\"\n"));
        }
        stage
    }

    /// The reference of a run image that all cases share and none may change.
    pub fn run_image(&self) -> String {
        self.ground.registry.name("shared/run:base")
    }

    /// A repository in the open registry that no other case uses; `hint` makes it readable.
    pub fn repository(&self, hint: &str) -> String {
        self.names.set(self.names.get() + 1);
        format!("case{}/{}-{hint}", self.number, self.names.get())
    }

    /// Reference of a repository that no other case uses.
    pub fn reference(&self, hint: &str) -> String {
        self.ground.registry.name(&self.repository(hint))
    }

    /// Puts an image into a repository of its own and gives its reference.
    pub fn push(&self, hint: &str, recipe: &Recipe) -> String {
        let repository = self.repository(hint);
        recipe.push(&self.ground.registry, &repository);
        self.ground.registry.name(&repository)
    }

    /// The image at a reference in the open registry; the test ends when there is none.
    pub fn pull(&self, reference: &str) -> Image {
        self.find(reference)
            .unwrap_or_else(|| panic!("there is no image {reference}"))
    }

    /// The image at a reference in the open registry.
    pub fn find(&self, reference: &str) -> Option<Image> {
        Image::find(&self.ground.registry, reference)
    }

    /// Ends the test unless both are equal.
    #[track_caller]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "so that literals and temporaries read well"
    )]
    pub fn equal<A: PartialEq<B> + Debug, B: Debug>(&self, ids: &str, seen: A, expected: B) {
        self.touch(ids);
        if seen != expected {
            self.fail(ids, &format!("{expected:#?}"), &format!("{seen:#?}"));
        }
    }

    /// Ends the test unless they differ.
    #[track_caller]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "so that literals and temporaries read well"
    )]
    pub fn differ<A: PartialEq<B> + Debug, B: Debug>(&self, ids: &str, seen: A, other: B) {
        self.touch(ids);
        if seen == other {
            self.fail(ids, "something else", &format!("{seen:#?}"));
        }
    }

    /// Ends the test unless `holds`; `expected` completes "expected …", `seen` is shown as it is.
    #[track_caller]
    pub fn check(&self, ids: &str, holds: bool, expected: &str, seen: impl Debug) {
        self.touch(ids);
        if !holds {
            self.fail(ids, expected, &format!("{seen:#?}"));
        }
    }

    /// Ends the test unless `text` contains `part`.
    #[track_caller]
    pub fn contains(&self, ids: &str, text: &str, part: &str) {
        self.touch(ids);
        if !text.contains(part) {
            self.fail(ids, &format!("text with '{part}'"), text);
        }
    }

    /// Ends the test unless `text` is without `part`.
    #[track_caller]
    pub fn lacks(&self, ids: &str, text: &str, part: &str) {
        self.touch(ids);
        if text.contains(part) {
            self.fail(ids, &format!("text without '{part}'"), text);
        }
    }

    /// Ends the test unless the exit status is one of `codes`.
    #[track_caller]
    pub fn exit(&self, ids: &str, outcome: &Outcome, codes: RangeInclusive<i32>) {
        self.touch(ids);
        if !codes.contains(&outcome.code) {
            self.fail(
                ids,
                &format!("an exit status in {codes:?}"),
                &format!("{} with the output\n{}", outcome.code, outcome.output),
            );
        }
    }

    /// Ends the test unless the exit status is 0.
    #[track_caller]
    pub fn succeeds(&self, ids: &str, outcome: &Outcome) {
        self.exit(ids, outcome, 0..=0);
    }

    /// Ends the test unless the exit status is that of a failure.
    #[track_caller]
    pub fn fails(&self, ids: &str, outcome: &Outcome) {
        self.exit(ids, outcome, 1..=255);
    }

    /// Requirements that assertions have named.
    pub fn touched(&self) -> BTreeSet<String> {
        self.touched.borrow().clone()
    }

    /// The commands that ran, as a shell takes them.
    pub fn commands(&self) -> Vec<String> {
        self.journal.borrow().clone()
    }

    fn touch(&self, ids: &str) {
        let mut touched = self.touched.borrow_mut();
        touched.extend(ids.split_whitespace().map(str::to_owned));
    }

    #[track_caller]
    #[expect(clippy::unused_self, reason = "reads like the other assertions")]
    fn fail(&self, ids: &str, expected: &str, seen: &str) -> ! {
        panic!("{ids}\n  expected: {expected}\n  seen: {seen}");
    }
}
