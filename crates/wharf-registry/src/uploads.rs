//! Uploads that were started and are not finished, so that a program that is told to end can cancel them.
//!
//! A registry keeps what it has received of an upload for a week, and cannot know that nobody will come back for it. Once
//! it has received some of the bytes and the connection broke, distribution takes no cancellation any more: the address it
//! gave out was for an upload of no bytes. So what is being sent gets a moment to come to its end.
use crate::{location::Target, session::lock};
use std::{collections::BTreeMap, pin::pin, sync::Mutex, time::Duration};
use tokio::sync::{Notify, watch};

/// How long an upload that is being sent may go on when the program is about to end.
const GRACE: Duration = Duration::from_secs(1);

/// The uploads of one registry.
#[derive(Debug)]
pub(crate) struct Uploads {
    state: Mutex<State>,
    /// Whether the program is about to end.
    ending: watch::Sender<bool>,
    /// Something is no longer under way.
    quiet: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Uploads by number, with their repositories.
    open: BTreeMap<u64, (String, Target)>,
    next: u64,
    /// Requests on their way that a registry may still act on.
    under_way: usize,
}

/// A request on its way.
#[derive(Debug)]
pub(crate) struct UnderWay<'a>(&'a Uploads);

/// An upload that was started. Dropping it forgets the upload: it is finished, or was cancelled.
#[derive(Debug)]
pub(crate) struct OpenUpload<'a> {
    uploads: &'a Uploads,
    number: u64,
    /// The newest place.
    target: Mutex<Target>,
}

impl OpenUpload<'_> {
    pub(crate) fn target(&self) -> Target {
        lock(&self.target).clone()
    }

    /// The registry has named another place for what comes next.
    pub(crate) fn move_to(&self, target: Target) {
        if let Some((_, open)) = lock(&self.uploads.state).open.get_mut(&self.number) {
            *open = target.clone();
        }
        *lock(&self.target) = target;
    }
}

impl Default for Uploads {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            ending: watch::Sender::new(false),
            quiet: Notify::new(),
        }
    }
}

impl Uploads {
    /// Notes that a request is on its way. Never returns once the program is about to end: then it is not to be sent.
    pub(crate) async fn begin(&self) -> UnderWay<'_> {
        {
            let mut state = lock(&self.state);
            if !*self.ending.borrow() {
                state.under_way += 1;
                return UnderWay(self);
            }
        }
        std::future::pending().await
    }

    /// Notes an upload that a registry has started.
    pub(crate) fn add(&self, repository: &str, target: Target) -> OpenUpload<'_> {
        let mut state = lock(&self.state);
        let number = state.next;
        state.next += 1;
        state
            .open
            .insert(number, (repository.to_owned(), target.clone()));
        OpenUpload {
            uploads: self,
            number,
            target: Mutex::new(target),
        }
    }

    /// What `work`, which finishes `upload`, comes to, unless the program is about to end: then it succeeds within a
    /// moment, or this never returns.
    pub(crate) async fn unless_ending<T, E>(
        &self,
        upload: &OpenUpload<'_>,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let mut ending = self.ending.subscribe();
        let under_way = self.begin().await;
        {
            let mut work = pin!(work);
            let done = tokio::select! {
                done = &mut work => Some(done),
                // The sender is as long-lived as this.
                _ = ending.wait_for(|ending| *ending) => None,
            };
            let is_ending = done.is_none();
            let done = match done {
                Some(done) => Some(done),
                None => tokio::time::timeout(GRACE, work).await.ok(),
            };
            match done {
                Some(Ok(done)) => {
                    // Before anyone who waits for quiet can see it among those to cancel.
                    lock(&self.state).open.remove(&upload.number);
                    return Ok(done);
                }
                Some(Err(failure)) if !is_ending => return Err(failure),
                _ => {}
            }
        }
        // `work` is gone by now, and with it a connection that was not done.
        drop(under_way);
        std::future::pending().await
    }

    /// From here on nothing is begun. Waits until nothing is under way; what is left to cancel.
    pub(crate) async fn end(&self) -> Vec<(String, Target)> {
        {
            let _state = lock(&self.state);
            self.ending.send_replace(true);
        }
        loop {
            let quiet = self.quiet.notified();
            {
                let state = lock(&self.state);
                if state.under_way == 0 {
                    return state.open.values().cloned().collect();
                }
            }
            quiet.await;
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).under_way -= 1;
        self.0.quiet.notify_one();
    }
}

impl Drop for OpenUpload<'_> {
    fn drop(&mut self) {
        lock(&self.uploads.state).open.remove(&self.number);
    }
}
