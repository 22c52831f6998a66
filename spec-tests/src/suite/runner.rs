//! Runs cases side by side and catches what ends them.
use super::{Case, Pair, Test, ground::Ground, subject::Subject};
use std::{
    any::Any,
    collections::BTreeSet,
    panic::{self, AssertUnwindSafe},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every assertion held.
    Passed,
    /// An assertion did not hold, or the test could not go on.
    Failed {
        /// What was expected and seen.
        message: String,
    },
    /// The lifecycle does not claim these API versions.
    Skipped,
}

/// One case that was run.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The test.
    pub test: Test,
    /// API versions.
    pub pair: Pair,
    /// How it ended.
    pub verdict: Verdict,
    /// Requirements that assertions named.
    pub touched: BTreeSet<String>,
    /// The commands that ran, as a shell takes them.
    pub commands: Vec<String>,
    /// How long it took.
    pub time: Duration,
}

/// What to run, and how.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Cases in order.
    pub cases: Vec<(Test, Pair)>,
    /// Cases at once; 0 is twice the number of processors.
    pub jobs: usize,
    /// Whether directories stay and commands are kept.
    pub keep: bool,
    /// Whether the first failure ends the run.
    pub fail_fast: bool,
}

/// Runs the cases; the result has their order.
pub fn run(plan: &Plan, subject: &Subject, ground: &Ground) -> Vec<Finished> {
    let silence = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let results = Mutex::new(Vec::with_capacity(plan.cases.len()));
    thread::scope(|scope| {
        for _ in 0..jobs(plan) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some((test, pair)) = plan.cases.get(number) else {
                        return;
                    };
                    let finished = one(
                        *test,
                        *pair,
                        subject,
                        &Case::new(*pair, ground, subject, (number, plan.keep)),
                    );
                    if plan.fail_fast && matches!(finished.verdict, Verdict::Failed { .. }) {
                        stop.store(true, Ordering::Relaxed);
                    }
                    if let Ok(mut results) = results.lock() {
                        results.push((number, finished));
                    }
                }
            });
        }
    });
    panic::set_hook(silence);
    let mut results = results.into_inner().unwrap_or_default();
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, finished)| finished).collect()
}

fn jobs(plan: &Plan) -> usize {
    let processors = thread::available_parallelism().map_or(2, usize::from);
    if plan.jobs == 0 {
        processors * 2
    } else {
        plan.jobs
    }
}

fn one(test: Test, pair: Pair, subject: &Subject, case: &Case<'_>) -> Finished {
    let begin = Instant::now();
    let verdict = if subject.supports(pair) {
        match panic::catch_unwind(AssertUnwindSafe(|| (test.run)(case))) {
            Ok(()) => Verdict::Passed,
            Err(payload) => Verdict::Failed {
                message: message(payload.as_ref()),
            },
        }
    } else {
        Verdict::Skipped
    };
    Finished {
        test,
        pair,
        verdict,
        touched: case.touched(),
        commands: case.commands(),
        time: begin.elapsed(),
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| {
            payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
        })
        .unwrap_or_else(|| "the test ended without a message".to_owned())
}
