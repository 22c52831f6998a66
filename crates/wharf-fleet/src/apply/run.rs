//! The whole plan: canaries first, then all.
use super::{
    Applied, ApplyOptions, Canary, End, Means, Outcome,
    one::{self, Work},
    queue::{Bounds, Queue, Turn},
};
use crate::{
    candidate::registry_of,
    journal::{Event, ImageState, JournalError, Line, Written},
    plan::{Plan, PlannedImage, is_meant},
    verdict::Verdict,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// Does what the plan says. Only a journal that cannot be written is an error; all else is an [`Outcome`].
pub fn apply(
    plan: &Plan,
    options: &ApplyOptions,
    means: Means<'_>,
) -> Result<Applied, JournalError> {
    let run = Run::new(plan, options, means);
    run.note(Event::Began {
        plan: plan.digest.clone(),
        what: "apply".into(),
        who: options.who.clone(),
        shard: options.shard.to_string(),
    })?;
    let (canaries, others) = run.split();
    let mut end = run.work(&canaries)?;
    if end == End::Complete && !options.dry_run {
        end = run.verify(&canaries)?;
    }
    if end == End::Complete {
        end = run.work(&others)?;
    }
    let mut counts = run
        .counts
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let begun: usize = counts.values().sum();
    if begun < run.all {
        counts.insert("not begun", run.all - begun);
    }
    Ok(Applied { end, counts })
}

struct Run<'a> {
    plan: &'a Plan,
    options: &'a ApplyOptions,
    means: Means<'a>,
    all: usize,
    done: AtomicUsize,
    failed: AtomicUsize,
    attempts: Mutex<BTreeMap<usize, u32>>,
    counts: Mutex<BTreeMap<&'static str, usize>>,
    /// What this run announced: an attempt that seemed to fail may have written it.
    announced: Mutex<BTreeMap<String, Vec<Written>>>,
    /// Places of the images that are on the new base now.
    rebased: Mutex<BTreeSet<usize>>,
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan, options: &'a ApplyOptions, means: Means<'a>) -> Self {
        let mut run = Self {
            plan,
            options,
            means,
            all: 0,
            done: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
            attempts: Mutex::default(),
            counts: Mutex::default(),
            announced: Mutex::default(),
            rebased: Mutex::default(),
        };
        run.all = run.meant().count();
        run
    }

    /// Places of the images that are meant.
    fn meant(&self) -> impl Iterator<Item = usize> {
        let is_meant = |image: &PlannedImage| {
            image.verdict == Verdict::Rebase
                && self.options.shard.has(&image.repository)
                && (self.options.only.is_empty()
                    || self.options.only.iter().any(|only| is_meant(image, only)))
        };
        let images = self.plan.images.iter().enumerate();
        images
            .filter(move |(_, image)| is_meant(image))
            .map(|(at, _)| at)
    }

    fn split(&self) -> (Vec<usize>, Vec<usize>) {
        match &self.options.canary {
            None => (Vec::new(), self.meant().collect()),
            Some(Canary::First(count)) => {
                let mut canaries: Vec<usize> = self.meant().collect();
                let others = canaries.split_off((*count).min(canaries.len()));
                (canaries, others)
            }
            Some(Canary::Matching(pattern)) => self
                .meant()
                .partition(|at| is_meant(&self.plan.images[*at], pattern)),
        }
    }

    fn note(&self, event: Event) -> Result<(), JournalError> {
        let Some(journal) = self.means.journal else {
            return Ok(());
        };
        let line = Line {
            at: self.means.clock.now(),
            event,
        };
        // Only what is about to be done must be known before it is.
        match &line.event {
            Event::Done { .. } | Event::Skipped { .. } => journal.append_later(&line),
            _ => journal.append(&line),
        }
    }

    /// Works on these images, several at a time.
    fn work(&self, images: &[usize]) -> Result<End, JournalError> {
        let bounds = Bounds {
            registry: self.options.per_registry,
            project: self.options.per_project,
            starts_per_second: self.options.per_second,
        };
        let repositories = images
            .iter()
            .map(|at| (*at, self.plan.images[*at].repository.as_str()));
        let queue = Queue::new(repositories, bounds);
        let mut registries: Vec<&str> = images
            .iter()
            .map(|at| registry_of(&self.plan.images[*at].repository))
            .collect();
        registries.sort_unstable();
        registries.dedup();
        let threads = (registries.len() * bounds.registry.max(1)).min(images.len());
        let results: Vec<Result<(), JournalError>> = thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|_| scope.spawn(|| self.worker(&queue)))
                .collect();
            workers
                .into_iter()
                .map(|worker| {
                    worker
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
                .collect()
        });
        results.into_iter().collect::<Result<(), _>>()?;
        if let Some(journal) = self.means.journal {
            journal.sync()?;
        }
        Ok(if self.is_over_budget() {
            End::TooManyFailures
        } else if self.means.interrupted.load(Ordering::Relaxed) {
            End::Interrupted
        } else {
            End::Complete
        })
    }

    fn worker(&self, queue: &Queue) -> Result<(), JournalError> {
        while let Some(turn) = queue.take() {
            if self.means.interrupted.load(Ordering::Relaxed) {
                queue.finish(&turn);
                queue.stop();
                break;
            }
            if let Err(error) = self.turn(queue, &turn) {
                queue.stop();
                return Err(error);
            }
            if self.is_over_budget() {
                queue.stop();
            }
        }
        Ok(())
    }

    fn turn(&self, queue: &Queue, turn: &Turn) -> Result<(), JournalError> {
        let planned = &self.plan.images[turn.at];
        let key = planned.key();
        self.means.progress.begins(&planned.name());
        let before = self.means.before.images.get(&key);
        let written = before.and_then(|state| state.done.as_ref());
        let outcome = if let Some(written) = written {
            Outcome::DoneBefore {
                new: written.new.clone(),
            }
        } else {
            match self.attempt(planned, before) {
                Ok(outcome) => outcome,
                Err(error) => {
                    queue.finish(turn);
                    return Err(error);
                }
            }
        };
        if let Outcome::Failed {
            why,
            is_temporary: true,
        } = &outcome
        {
            if self.may_try_again(turn.at) {
                let wait = queue.retry(turn, self.options.first_wait);
                let registry = registry_of(&planned.repository);
                self.means.progress.pauses(registry, wait, why);
                return Ok(());
            }
            if !self.options.dry_run {
                self.note(Event::Failed {
                    image: key,
                    why: why.clone(),
                })?;
            }
        }
        if matches!(
            outcome,
            Outcome::Rebased { .. } | Outcome::DoneBefore { .. }
        ) {
            self.rebased().insert(turn.at);
        }
        self.count(planned, &outcome);
        queue.finish(turn);
        Ok(())
    }

    fn attempt(
        &self,
        planned: &PlannedImage,
        before: Option<&ImageState>,
    ) -> Result<Outcome, JournalError> {
        let work = Work {
            store: self.means.store,
            base: self.means.base,
            keep_tag: self.options.keep_tag.as_deref(),
            dry_run: self.options.dry_run,
            note: &|event| {
                if let Event::Writing { image, new, tags } = &event {
                    let mut announced = lock(&self.announced);
                    let written = Written {
                        new: new.clone(),
                        tags: tags.clone(),
                    };
                    announced.entry(image.clone()).or_default().push(written);
                }
                self.note(event)
            },
        };
        let mut known = before.cloned().unwrap_or_default();
        known.announced.extend(
            lock(&self.announced)
                .get(&planned.key())
                .cloned()
                .unwrap_or_default(),
        );
        one::run(&work, planned, &known)
    }

    fn rebased(&self) -> MutexGuard<'_, BTreeSet<usize>> {
        lock(&self.rebased)
    }

    fn may_try_again(&self, at: usize) -> bool {
        let mut attempts = lock(&self.attempts);
        let made = attempts.entry(at).or_insert(0);
        *made += 1;
        *made < self.options.attempts && !self.means.interrupted.load(Ordering::Relaxed)
    }

    fn count(&self, planned: &PlannedImage, outcome: &Outcome) {
        if matches!(outcome, Outcome::Failed { .. }) {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        *lock(&self.counts).entry(outcome.word()).or_default() += 1;
        self.means
            .progress
            .ended(&planned.name(), outcome, (done, self.all));
    }

    fn is_over_budget(&self) -> bool {
        let failed = self.failed.load(Ordering::Relaxed);
        let budget = self.options.max_failures;
        budget.is_some_and(|budget| budget.is_exceeded(failed, self.all))
    }

    /// Has canaries looked at. One that was not rebased, or is refused, ends it.
    fn verify(&self, canaries: &[usize]) -> Result<End, JournalError> {
        if self.failed.load(Ordering::Relaxed) > 0 {
            return Ok(End::CanaryRejected);
        }
        let rebased = self.rebased().clone();
        for at in canaries.iter().filter(|at| rebased.contains(at)) {
            let planned = &self.plan.images[*at];
            let image = planned.key();
            let before = self.means.before.images.get(&image);
            if before.is_some_and(|state| state.accepted == Some(true)) {
                continue;
            }
            let Some(tag) = planned.tags.first() else {
                continue;
            };
            let reference = format!("{}:{tag}", planned.repository);
            let result = self.means.verifier.verify(&reference);
            self.means.progress.verified(&planned.name(), &result);
            match result {
                Ok(()) => self.note(Event::Accepted { image })?,
                Err(why) => {
                    self.note(Event::Rejected { image, why })?;
                    return Ok(End::CanaryRejected);
                }
            }
        }
        Ok(End::Complete)
    }
}

/// The maps stay whole whatever a panicking thread was doing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
