//! What the connections share.
use super::{
    fault::{Asked, Fault, FaultPlan, identity},
    message::Head,
    traffic::{Exchange, Traffic, repository},
};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

#[derive(Debug)]
pub(super) struct State {
    pub(super) delay: Duration,
    pub(super) plan: FaultPlan,
    /// What `/v2/` is below at the registry.
    pub(super) prefix: String,
    pub(super) traffic: Traffic,
    /// How many requests of each identity came.
    seen: HashMap<String, u64>,
    /// How many requests came to each repository, and how many of them are under way.
    pub(super) repositories: HashMap<String, (u64, u64)>,
    /// Answers the registry owes, and since when.
    owed: usize,
    since: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
}

impl Shared {
    pub(super) fn new(plan: FaultPlan) -> Self {
        Self {
            state: Mutex::new(State {
                delay: Duration::ZERO,
                plan,
                prefix: String::new(),
                traffic: Traffic::default(),
                seen: HashMap::new(),
                repositories: HashMap::new(),
                owed: 0,
                since: None,
            }),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request, and says how long it is to wait and what is to happen to it.
    pub(super) fn arrived(&self, request: &Head) -> (Duration, Option<Fault>) {
        let mut state = self.lock();
        let (method, target) = (request.word(0), request.word(1));
        state.traffic.requests.push(format!("{method} {target}"));
        if let Some(repository) = repository(target) {
            let (came, pending) = state.repositories.entry(repository.to_owned()).or_default();
            *came += 1;
            *pending += 1;
        }
        let identity = identity(method, target);
        let count = state.seen.entry(identity.clone()).or_default();
        let earlier = *count;
        *count += 1;
        let asked = Asked {
            method,
            target,
            has_body: !request.body().is_empty(),
            identity: &identity,
            earlier,
        };
        (state.delay, state.plan.choose(&asked))
    }

    /// The registry owes one more answer.
    pub(super) fn asked(&self) {
        let mut state = self.lock();
        state.owed += 1;
        state.since.get_or_insert_with(Instant::now);
    }

    /// One answer less.
    pub(super) fn answered(&self) {
        let mut state = self.lock();
        state.owed = state.owed.saturating_sub(1);
        if state.owed == 0
            && let Some(since) = state.since.take()
        {
            state.traffic.served += since.elapsed();
        }
    }

    pub(super) fn ended(&self, exchange: Exchange) {
        let state = &mut *self.lock();
        let counts = exchange
            .repository()
            .and_then(|name| state.repositories.get_mut(name));
        if let Some((_, pending)) = counts {
            *pending = pending.saturating_sub(1);
        }
        let traffic = &mut state.traffic;
        traffic.uploaded += exchange.received;
        traffic.downloaded += exchange.sent;
        traffic.exchanges.push(exchange);
    }
}
