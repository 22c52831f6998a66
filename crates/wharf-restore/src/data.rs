//! Content of cached layers, several side by side, and the files of each.
//!
//! Layers in a cache directory are whole archives, in which files begin anywhere: nothing of them can be linked or
//! reflinked into place, which takes files, or blocks, of their own. Every byte is hashed on its way, too.
use crate::{Decision, RestoreError, RestoreInputs, apply::layer_dir, files};
use std::{
    error::Error,
    fs,
    num::NonZeroUsize,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};
use wharf_cache::Cache;
use wharf_layer::extract::{ExtractError, ExtractOptions, Writers, extract_verified};
use wharf_spec::{digest::Digest, log::Log};

/// Limits of one layer; far beyond what builds make, well below what harms the machine's bookkeeping.
const MAX_ENTRIES: u64 = 10_000_000;
const MAX_BYTES: u64 = 256 << 30;

/// Layers that are extracted at a time, at most: each has up to 6 MiB in flight.
const MAX_LAYERS: usize = 4;
/// Threads that write files, at most.
const MAX_WRITERS: usize = 16;

/// A layer to extract.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    pub(crate) decision: &'a Decision,
    pub(crate) diff_id: Digest,
}

/// Bytes that came back, or why the layer cannot be restored.
type Outcome = Result<u64, String>;

/// Extracts every job. Outcomes are in the order of the jobs; only local failures are errors.
pub(crate) fn extract_all(
    inputs: &RestoreInputs,
    jobs: &[Job<'_>],
    cache: &dyn Cache,
    log: &dyn Log,
) -> Result<Vec<Outcome>, RestoreError> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let threads = inputs.workers.get().min(MAX_WRITERS);
    let writers = Writers::new(NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(index) else {
                return done;
            };
            let name = job.decision.name();
            log.info(&format!("Restoring data for \"{name}\" from cache"));
            let outcome = extract_layer(inputs, job, (cache, &writers));
            if outcome.is_err() {
                // Nobody needs the rest of the layers any more.
                next.store(jobs.len(), Ordering::Relaxed);
            }
            done.push((index, outcome));
        }
    };
    let workers = inputs.workers.get().min(jobs.len()).min(MAX_LAYERS);
    let mut all: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .flat_map(|thread| match thread.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    });
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Extracts beside the layers and renames, so that nothing half-restored stays behind.
fn extract_layer(
    inputs: &RestoreInputs,
    job: &Job<'_>,
    (cache, writers): (&dyn Cache, &Writers),
) -> Result<Outcome, RestoreError> {
    let target = layer_dir(inputs, job.decision);
    let mut archive = match cache.open_unverified(job.diff_id) {
        Ok(Some(archive)) => archive,
        Ok(None) => return Ok(Err("the cache does not have it".to_owned())),
        Err(error) => return Ok(Err(chain(&error))),
    };
    let failed = |action, path: &Path| {
        let path = path.to_owned();
        move |source| RestoreError::Io {
            action,
            path,
            source,
        }
    };
    let staging = tempfile::Builder::new()
        .prefix(".restore-")
        .tempdir_in(&inputs.layers_dir)
        .map_err(failed("create a directory in", &inputs.layers_dir))?;
    let content = staging.path().join("layer");
    let extracted = match extract_verified(
        writers,
        (&mut archive.tar, &archive.expected),
        &content,
        &options(&target),
    ) {
        Ok(extracted) => extracted,
        Err(source @ ExtractError::Write { .. }) => {
            return Err(RestoreError::WriteLayer {
                layer: job.decision.name(),
                source,
            });
        }
        Err(error) => {
            if let ExtractError::WrongDigest { .. } = error {
                cache.discard(job.diff_id);
            }
            return Ok(Err(chain(&error)));
        }
    };
    files::remove(&target)?;
    if let Some(parent) = target.parent() {
        files::create_dir(parent)?;
    }
    fs::rename(&content, &target).map_err(failed("create", &target))?;
    Ok(Ok(extracted.bytes))
}

pub(crate) fn options(strip: &Path) -> ExtractOptions {
    ExtractOptions {
        strip: strip.to_owned(),
        whiteouts: false,
        owners: false,
        times: true,
        max_entries: MAX_ENTRIES,
        max_bytes: MAX_BYTES,
    }
}

pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
