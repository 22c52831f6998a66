//! The phases of a build in the order platforms run them, on one stage.
use crate::{
    image::Image,
    probe::Probe,
    stage::{Outcome, Stage},
    suite::Case,
    toml_of,
};
use std::fs;

/// A build: directories, a target image, and the phases on them.
///
/// Every phase runs with defaults wherever the specification has one; a method's arguments are added in front of the
/// positional ones.
#[derive(Debug)]
pub struct Flow<'a> {
    /// The directories and variables.
    pub stage: Stage,
    /// Reference of the image that is built.
    pub image: String,
    case: &'a Case<'a>,
}

impl<'a> Flow<'a> {
    /// A build of [`Case::stage`] into a repository of its own, without buildpacks.
    pub fn new(case: &'a Case<'a>) -> Self {
        Self {
            stage: case.stage(),
            image: case.reference("app"),
            case,
        }
    }

    /// The same with these buildpacks as the only group.
    #[must_use]
    pub fn with(case: &'a Case<'a>, probes: &[&Probe]) -> Self {
        let flow = Self::new(case);
        flow.order(&[probes]);
        flow
    }

    /// Installs buildpacks and writes `/cnb/order.toml` with these groups.
    pub fn order(&self, groups: &[&[&Probe]]) {
        let entries: Vec<Vec<String>> = groups
            .iter()
            .map(|group| group.iter().map(|probe| probe.entry()).collect())
            .collect();
        self.install(&groups.concat());
        self.order_of(&entries);
    }

    /// Writes `/cnb/order.toml` with groups of [`Probe::entry`] and [`Probe::optional`].
    pub fn order_of(&self, groups: &[Vec<String>]) {
        let mut text = String::new();
        for group in groups {
            text += &format!("[[order]]\ngroup = [{}]\n", group.join(", "));
        }
        self.stage.write("cnb/order.toml", &text);
    }

    /// Writes buildpacks below `/cnb/buildpacks`.
    pub fn install(&self, probes: &[&Probe]) {
        for probe in probes {
            probe.install(&self.stage);
        }
    }

    /// Runs the analyzer.
    pub fn analyze(&self, args: &[&str]) -> Outcome {
        self.stage
            .phase("analyzer", &[args, &[&self.image]].concat())
    }

    /// Runs the detector.
    pub fn detect(&self, args: &[&str]) -> Outcome {
        self.stage.phase("detector", args)
    }

    /// Runs the restorer with the cache directory `/cache`.
    pub fn restore(&self, args: &[&str]) -> Outcome {
        self.stage
            .phase("restorer", &[&["-cache-dir=/cache"], args].concat())
    }

    /// Runs the builder.
    pub fn build(&self, args: &[&str]) -> Outcome {
        self.stage.phase("builder", args)
    }

    /// Runs the exporter with the cache directory `/cache`.
    pub fn export(&self, args: &[&str]) -> Outcome {
        let args = [&["-cache-dir=/cache"], args, &[self.image.as_str()]].concat();
        self.stage.phase("exporter", &args)
    }

    /// Runs the creator with the cache directory `/cache`.
    pub fn create(&self, args: &[&str]) -> Outcome {
        let args = [&["-cache-dir=/cache"], args, &[self.image.as_str()]].concat();
        self.stage.phase("creator", &args)
    }

    /// Runs all phases up to detection; each must succeed.
    pub fn until_detect(&self) -> &Self {
        self.analyze(&[]).expect_code(0);
        self.detect(&[]).expect_code(0);
        self
    }

    /// Runs all phases up to restoring; each must succeed.
    pub fn until_restore(&self) -> &Self {
        self.until_detect();
        self.restore(&[]).expect_code(0);
        self
    }

    /// Runs all phases up to the builder; each must succeed.
    pub fn until_build(&self) -> &Self {
        self.until_restore();
        self.build(&[]).expect_code(0);
        self
    }

    /// Runs all phases, each of which must succeed, and reads the image.
    pub fn whole(&self) -> Image {
        self.until_build();
        self.export(&[]).expect_code(0);
        self.pull()
    }

    /// The image that was built.
    pub fn pull(&self) -> Image {
        self.case.pull(&self.image)
    }

    /// A file of the layers directory as TOML.
    pub fn layers_toml(&self, path: &str) -> toml::Table {
        toml_of(&self.stage.path(&format!("layers/{path}")))
    }

    /// Empties the layers directory and the records, as a platform's next build starts; cache and image stay.
    pub fn next(&self) -> &Self {
        for dir in ["layers", "record"] {
            let path = self.stage.path(dir);
            for entry in fs::read_dir(&path).expect("list a standard directory") {
                let path = entry.expect("read a directory entry").path();
                let kind = fs::symlink_metadata(&path).expect("look at an entry");
                let removed = if kind.is_dir() {
                    fs::remove_dir_all(&path)
                } else {
                    fs::remove_file(&path)
                };
                removed.unwrap_or_else(|error| panic!("remove {}: {error}", path.display()));
            }
        }
        self
    }
}
