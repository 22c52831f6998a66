//! What is built, in which order, and what is killed: all of it from the seed.

/// Builds of one app, one after the other, in a repository of its own.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) number: usize,
    /// Name of a fixture app.
    pub(super) app: &'static str,
    /// Whether the cache is an image rather than a directory.
    pub(super) cache_image: bool,
    pub(super) steps: Vec<Step>,
}

/// One build or rebase.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    /// The tag it gets besides `latest`.
    pub(super) tag: String,
    pub(super) work: Work,
    pub(super) end: Option<End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    Build {
        /// Which source.
        version: u32,
        /// By the creator rather than by five executables.
        creator: bool,
        /// Which run image.
        run: RunImage,
    },
    Rebase(RunImage),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunImage {
    One,
    Two,
}

/// The first attempt is ended from outside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct End {
    /// By SIGKILL rather than SIGTERM.
    pub(super) kill: bool,
    /// After which share of its requests.
    pub(super) after: f64,
}

impl RunImage {
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Two => "two",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::One => Self::Two,
            Self::Two => Self::One,
        }
    }
}

/// Share of the steps that are rebases.
const REBASES: f64 = 0.15;
/// Share of the steps that are killed, and as many that are told to end.
const ENDS: f64 = 0.1;
/// Sources of an app.
const VERSIONS: u32 = 8;
/// Builds in a line, where there are enough.
const LENGTH: usize = 10;

/// Lines with `builds` builds in all.
pub(super) fn plan(seed: u64, builds: usize) -> Vec<Line> {
    let mut random = fastrand::Rng::with_seed(seed);
    // Short lines where there are few builds, so that several are under way at a time.
    let length = (builds / 4).clamp(1, LENGTH);
    let mut lines = Vec::new();
    let mut left = builds;
    while left > 0 {
        let count = length.min(left);
        left -= count;
        let number = lines.len();
        lines.push(Line {
            number,
            app: ["static", "multi"][number % 2],
            cache_image: number % 4 > 1,
            steps: steps(&mut random, number, count),
        });
    }
    lines
}

fn steps(random: &mut fastrand::Rng, line: usize, mut builds: usize) -> Vec<Step> {
    let (mut version, mut run) = (0, RunImage::One);
    let mut steps = Vec::new();
    while builds > 0 {
        let work = if !steps.is_empty() && random.f64() < REBASES {
            run = run.other();
            Work::Rebase(run)
        } else {
            builds -= 1;
            // Some builds have nothing new, and some go back.
            if !steps.is_empty() {
                version = random.u32(0..VERSIONS);
            }
            Work::Build {
                version,
                creator: random.bool(),
                run,
            }
        };
        let fate = random.f64();
        let end = End {
            kill: fate < ENDS,
            after: random.f64(),
        };
        steps.push(Step {
            tag: format!("s{line:03}-{:02}", steps.len()),
            work,
            end: (fate < 2.0 * ENDS).then_some(end),
        });
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_plan_with_as_many_builds_as_asked_for() {
        for builds in [1, 3, 12, 200] {
            let lines = plan(7, builds);
            assert_eq!(lines, plan(7, builds));
            let steps = || lines.iter().flat_map(|line| &line.steps);
            let is_build = |step: &&Step| matches!(step.work, Work::Build { .. });
            assert_eq!(steps().filter(is_build).count(), builds);
        }
        assert_ne!(plan(7, 12), plan(8, 12));
    }

    #[test]
    fn a_long_plan_has_everything() {
        let lines = plan(7, 200);
        let steps = || lines.iter().flat_map(|line| &line.steps);
        let has = |what: &dyn Fn(&Step) -> bool| steps().any(what);
        for run in [RunImage::One, RunImage::Two] {
            assert!(has(&|step| step.work == Work::Rebase(run)));
        }
        for way in [false, true] {
            let by =
                |step: &Step| matches!(step.work, Work::Build { creator, .. } if creator == way);
            assert!(has(&by));
            assert!(has(&|step| step.end.is_some_and(|end| end.kill == way)));
            assert!(lines.iter().any(|line| line.cache_image == way));
        }
        assert_eq!(lines.len(), 20);
    }
}
