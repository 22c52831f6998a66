//! `bin/detect` run once per buildpack, several at a time.
use crate::{DetectError, DetectInputs, error::chain, order::Member};
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use tempfile::TempDir;
use wharf_buildpack::{BuildpackRunner, Exit, Request, RunError, Sources, file, target};
use wharf_spec::files::plan::{BuildPlan, BuildPlanSection, Require};

/// Exit status of a buildpack that does not want to take part.
const FAIL: i32 = 100;

/// What came of one buildpack.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub verdict: Verdict,
    /// Its output, and what is to be said about an error; empty when there is none.
    pub output: Arc<str>,
    pub error: Arc<str>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// It takes part with one of these plans.
    Pass(Vec<BuildPlanSection>),
    /// It does not want to.
    Fail,
    /// It does not support the target or the stack; the reason says which.
    Unsupported,
    /// It went wrong, with a status when it came that far.
    Error(Option<i32>),
}

/// The findings so far: a buildpack that is in several groups runs once.
pub(crate) struct Modules<'a> {
    inputs: &'a DetectInputs,
    sources: &'a Sources,
    runner: &'a dyn BuildpackRunner,
    plans: TempDir,
    findings: BTreeMap<String, Finding>,
}

impl<'a> Modules<'a> {
    pub(crate) fn new(
        inputs: &'a DetectInputs,
        sources: &'a Sources,
        runner: &'a dyn BuildpackRunner,
    ) -> Result<Self, DetectError> {
        let directory = &inputs.context.temp_dir;
        let plans = tempfile::Builder::new()
            .prefix("detect-")
            .tempdir_in(directory)
            .map_err(|source| DetectError::Temporary {
                path: directory.clone(),
                source,
            })?;
        Ok(Self {
            inputs,
            sources,
            runner,
            plans,
            findings: BTreeMap::new(),
        })
    }

    /// The finding of a member that [`run`](Self::run) has seen.
    pub(crate) fn finding(&self, member: &Member) -> Option<&Finding> {
        self.findings.get(&member.name())
    }

    /// Runs the members that have not run yet.
    pub(crate) fn run(&mut self, group: &[Member]) -> Result<(), DetectError> {
        let missing: Vec<(usize, &Member)> = group
            .iter()
            .filter(|member| !self.findings.contains_key(&member.name()))
            .enumerate()
            .collect();
        let first = self.findings.len();
        let next = AtomicUsize::new(0);
        let results = Mutex::new(Vec::new());
        let work = || {
            while let Some((offset, member)) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                let result = self.find(member, first + offset);
                let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                results.push((member.name(), result));
            }
        };
        let workers = self.inputs.concurrency.clamp(1, missing.len().max(1));
        thread::scope(|scope| {
            for _ in 1..workers {
                scope.spawn(work);
            }
            work();
        });
        let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (name, result) in results {
            self.findings.insert(name, result?);
        }
        Ok(())
    }

    fn find(&self, member: &Member, number: usize) -> Result<Finding, DetectError> {
        let mismatch = self.target_mismatch(member);
        if let Some(reason) = mismatch.or_else(|| self.stack_mismatch(member)) {
            return Ok(Finding {
                verdict: Verdict::Unsupported,
                output: Arc::default(),
                error: reason.into(),
            });
        }
        let plan = self.plans.path().join(format!("plan-{number}.toml"));
        make_private(&plan)?;
        let request = Request::detect(&self.inputs.context, self.sources, &member.buildpack, &plan);
        match self.runner.detect(&request) {
            Ok(captured) => Ok(judge_exit(captured.exit, &captured.output, &plan)),
            Err(RunError::Cancelled { .. }) => Err(DetectError::Cancelled),
            Err(error) => Ok(Finding {
                verdict: Verdict::Error(None),
                output: Arc::default(),
                error: chain(&error).into(),
            }),
        }
    }

    fn target_mismatch(&self, member: &Member) -> Option<String> {
        let target = self.inputs.context.target.as_ref()?;
        let supported = &member.buildpack.targets;
        (!target::is_supported(target, supported)).then(|| {
            format!(
                "the run image is {}, but the buildpack supports {}",
                target::describe(target),
                target::describe_supported(supported)
            )
        })
    }

    /// Buildpacks of the time of stacks list those they support; one that lists none is asked.
    fn stack_mismatch(&self, member: &Member) -> Option<String> {
        let stack = self.inputs.stack.as_deref()?;
        let buildpack = &member.buildpack;
        let supported = &buildpack.descriptor.stacks;
        let is_listed = |id: &str| id == "*" || id == stack;
        let is_asked = buildpack.api.features().targets
            || supported.is_empty()
            || supported.iter().any(|one| is_listed(&one.id));
        (!is_asked).then(|| {
            let ids: Vec<&str> = supported.iter().map(|one| one.id.as_str()).collect();
            format!(
                "the stack is '{stack}', but the buildpack supports {}",
                ids.join(", ")
            )
        })
    }
}

/// An empty file only we can read: a plan may hold what the user's variables hold.
fn make_private(path: &Path) -> Result<(), DetectError> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    file.map(drop).map_err(|source| DetectError::Temporary {
        path: path.to_owned(),
        source,
    })
}

fn judge_exit(exit: Exit, output: &[u8], plan: &Path) -> Finding {
    let (verdict, error) = match exit {
        Exit::Code(0) => match read_plan(plan) {
            Ok(sections) => (Verdict::Pass(sections), String::new()),
            Err(reason) => (Verdict::Error(None), reason),
        },
        Exit::Code(FAIL) => (Verdict::Fail, String::new()),
        Exit::Code(code) => (Verdict::Error(Some(code)), String::new()),
        Exit::Signal(_) => (Verdict::Error(None), format!("bin/detect: {exit}")),
    };
    Finding {
        verdict,
        output: String::from_utf8_lossy(output).into(),
        error: error.into(),
    }
}

/// The main section and its alternatives. A file that was removed is an empty plan.
fn read_plan(path: &Path) -> Result<Vec<BuildPlanSection>, String> {
    let plan: BuildPlan = file::read_toml(path)
        .map_err(|error| chain(&error))?
        .unwrap_or_default();
    let main = BuildPlanSection {
        provides: plan.provides,
        requires: plan.requires,
    };
    std::iter::once(main).chain(plan.or).map(current).collect()
}

fn current(section: BuildPlanSection) -> Result<BuildPlanSection, String> {
    let requires: Result<Vec<Require>, _> = section
        .requires
        .into_iter()
        .map(Require::with_version_in_metadata)
        .collect();
    Ok(BuildPlanSection {
        provides: section.provides,
        requires: requires.map_err(|error| chain(&error))?,
    })
}
