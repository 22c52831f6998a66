//! Which image is next: in the order of the plan, with so many at a time on one registry and in one project.
use crate::candidate::{project_of, registry_of};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Bounds on what happens at the same time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) registry: usize,
    pub(crate) project: usize,
    pub(crate) starts_per_second: Option<u32>,
}

/// Images that wait for their turn, by their place in the order of work.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    bounds: Bounds,
}

#[derive(Debug, Default)]
struct State {
    projects: BTreeMap<String, Project>,
    registries: BTreeMap<String, Registry>,
    running: usize,
    /// When the next image may begin.
    next_start: Option<Instant>,
    stopped: bool,
}

#[derive(Debug, Default)]
struct Project {
    waiting: VecDeque<usize>,
    running: usize,
}

#[derive(Debug, Default)]
struct Registry {
    running: usize,
    paused_until: Option<Instant>,
    /// Pauses in a row.
    pauses: u32,
}

/// An image whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) at: usize,
    project: String,
}

impl Queue {
    /// Of the repositories of images, in the order of work.
    pub(crate) fn new<'a>(
        repositories: impl Iterator<Item = (usize, &'a str)>,
        bounds: Bounds,
    ) -> Self {
        let mut state = State::default();
        for (at, repository) in repositories {
            let project = project_of(repository).to_owned();
            let registry = registry_of(repository).to_owned();
            state.registries.entry(registry).or_default();
            let project = state.projects.entry(project).or_default();
            project.waiting.push_back(at);
        }
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            bounds,
        }
    }

    /// The next image, when it may begin; `None` when nothing is left or all is to end.
    pub(crate) fn take(&self) -> Option<Turn> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return None;
            }
            let now = Instant::now();
            let too_early = state.next_start.filter(|next| *next > now);
            let turn = match too_early {
                Some(_) => None,
                None => state.next(self.bounds, now),
            };
            if let Some(turn) = turn {
                state.begin(&turn, self.bounds, now);
                return Some(turn);
            }
            let is_empty = state
                .projects
                .values()
                .all(|project| project.waiting.is_empty());
            if is_empty && state.running == 0 {
                return None;
            }
            let due = state
                .registries
                .values()
                .filter_map(|registry| registry.paused_until);
            let due = due.chain(too_early).filter(|due| *due > now).min();
            let wait = due.map_or(Duration::from_mins(1), |due| due - now);
            state = self
                .changed
                .wait_timeout(state, wait)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Work on an image is over.
    pub(crate) fn finish(&self, turn: &Turn) {
        let mut state = self.lock();
        state.end(turn);
        if let Some(registry) = state.registries.get_mut(registry_of(&turn.project)) {
            registry.pauses = 0;
        }
        self.changed.notify_all();
    }

    /// Puts an image back and leaves its registry alone for a while, longer each time; returns how long.
    pub(crate) fn retry(&self, turn: &Turn, first_wait: Duration) -> Duration {
        let mut state = self.lock();
        state.end(turn);
        if let Some(project) = state.projects.get_mut(&turn.project) {
            project.waiting.push_front(turn.at);
        }
        let now = Instant::now();
        let mut wait = first_wait;
        if let Some(registry) = state.registries.get_mut(registry_of(&turn.project)) {
            // Images that fail while their registry is left alone are of the same trouble.
            if registry.paused_until.is_none_or(|until| until <= now) {
                wait = first_wait * 2_u32.pow(registry.pauses.min(6));
                registry.pauses += 1;
                registry.paused_until = Some(now + wait);
            }
        }
        self.changed.notify_all();
        wait
    }

    /// Nothing begins any more.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next(&self, bounds: Bounds, now: Instant) -> Option<Turn> {
        let may_begin = |name: &str| {
            self.registries
                .get(registry_of(name))
                .is_some_and(|registry| {
                    registry.running < bounds.registry.max(1)
                        && registry.paused_until.is_none_or(|until| until <= now)
                })
        };
        self.projects
            .iter()
            .filter(|(_, project)| project.running < bounds.project.max(1))
            .filter_map(|(name, project)| Some((*project.waiting.front()?, name)))
            .filter(|(_, name)| may_begin(name))
            .min()
            .map(|(at, name)| Turn {
                at,
                project: name.clone(),
            })
    }

    fn begin(&mut self, turn: &Turn, bounds: Bounds, now: Instant) {
        self.running += 1;
        if let Some(project) = self.projects.get_mut(&turn.project) {
            project.waiting.pop_front();
            project.running += 1;
        }
        if let Some(registry) = self.registries.get_mut(registry_of(&turn.project)) {
            registry.running += 1;
        }
        let pace = bounds
            .starts_per_second
            .filter(|per_second| *per_second > 0);
        self.next_start = pace.map(|per_second| now + Duration::from_secs(1) / per_second);
    }

    fn end(&mut self, turn: &Turn) {
        self.running -= 1;
        if let Some(project) = self.projects.get_mut(&turn.project) {
            project.running -= 1;
        }
        if let Some(registry) = self.registries.get_mut(registry_of(&turn.project)) {
            registry.running -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(names: &[&'static str], registry: usize, project: usize) -> Queue {
        let bounds = Bounds {
            registry,
            project,
            starts_per_second: None,
        };
        Queue::new(names.iter().copied().enumerate(), bounds)
    }

    fn next(queue: &Queue) -> Option<usize> {
        let state = queue.lock();
        state.next(queue.bounds, Instant::now()).map(|turn| turn.at)
    }

    #[test]
    fn keeps_the_order_and_the_bounds() {
        let names = ["r/a/1", "r/a/2", "r/a/3", "r/b/1", "s/a/1"];
        let queue = queue(&names, 3, 2);
        let turns: Vec<Turn> = (0..4).map(|_| queue.take().unwrap()).collect();
        let order: Vec<usize> = turns.iter().map(|turn| turn.at).collect();
        // The third of r/a waits for its project, so r/b goes on; then r is full, but s is not.
        assert_eq!(order, [0, 1, 3, 4]);
        assert_eq!(next(&queue), None);
        queue.finish(&turns[0]);
        assert_eq!(next(&queue), Some(2));
    }

    #[test]
    fn a_paused_registry_lets_the_others_go_on() {
        let queue = queue(&["r/a/1", "s/a/1"], 1, 1);
        let turn = queue.take().unwrap();
        assert_eq!(queue.retry(&turn, Duration::from_secs(9)).as_secs(), 9);
        assert_eq!(queue.take().unwrap().at, 1);
        assert_eq!(next(&queue), None);
    }

    #[test]
    fn ends_when_nothing_is_left_or_all_is_to_end() {
        let queue = queue(&["r/a/1", "r/a/2"], 1, 1);
        let turn = queue.take().unwrap();
        queue.finish(&turn);
        queue.stop();
        assert_eq!(queue.take(), None);
    }
}
