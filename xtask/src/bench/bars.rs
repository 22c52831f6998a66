//! The bars: how far from the limit, or how far ahead of the peer, a figure has to be.
use super::report::Unit;

/// What a figure must keep.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bar {
    /// The value is at most this.
    Value(f64),
    /// Value over reference is at most this.
    Ratio(f64),
}

impl Bar {
    /// As people read it.
    pub(super) fn text(self, unit: Unit) -> String {
        match self {
            Self::Value(most) => format!("<= {}", unit.show(most)),
            Self::Ratio(most) => format!("<= {most:.3}x"),
        }
    }
}

/// First export to a layout, over the machine's limit.
pub(super) const FIRST_OVER_LIMIT: Bar = Bar::Ratio(1.25);
/// Export of what has not changed, over `find -ls` and the registry's own time.
pub(super) const TRUSTED_OVER_FIND: Bar = Bar::Ratio(1.5);
/// The same without fingerprints, over archive and hash.
pub(super) const UNTRUSTED_OVER_HASH: Bar = Bar::Ratio(1.25);
/// Restoring from a cache directory, over the faster tar.
pub(super) const RESTORE_OVER_TAR: Bar = Bar::Ratio(1.3);
/// Peak memory of any phase.
pub(super) const MEMORY: Bar = Bar::Value(48.0 * 1024.0 * 1024.0);
/// Temporary disk where nothing is new.
pub(super) const NO_TEMPORARY: Bar = Bar::Value(0.0);
/// Size of the launcher.
pub(super) const LAUNCHER_SIZE: Bar = Bar::Value(1024.0 * 1024.0);
/// Launcher over a bare exec.
pub(super) const LAUNCHER_TIME: Bar = Bar::Value(0.001);
/// Requests of a rebuild without changes: half of 55.
pub(super) const REQUESTS: Bar = Bar::Value(27.0);
/// Growth of time with files, bytes and layers.
pub(super) const GROWTH: Bar = Bar::Value(1.05);

/// Requests of a plan, over the pages of artifacts.
pub(super) const PLAN_PAGES: Bar = Bar::Ratio(1.0);
/// Requests of an apply, per image.
pub(super) const FLEET_REQUESTS: Bar = Bar::Value(8.0);
/// Uploads that are not configs.
pub(super) const NO_LAYERS: Bar = Bar::Value(0.0);
/// An apply over the same requests from a client that does nothing else.
pub(super) const APPLY_OVER_LOAD: Bar = Bar::Ratio(1.5);
/// An apply over one process of ours per image.
pub(super) const APPLY_OVER_REBASER: Bar = Bar::Ratio(0.2);
/// An apply over one process of others per image.
pub(super) const APPLY_OVER_PEER: Bar = Bar::Ratio(1.0 / 30.0);
/// Peak memory with a large fleet.
pub(super) const FLEET_MEMORY: Bar = Bar::Value(100.0 * 1024.0 * 1024.0);
/// Requests that a kill half-way costs, over those of an apply that is left alone.
pub(super) const REPEATED: Bar = Bar::Ratio(0.01);

/// The bar against the peer for the wall time of a scenario on a corpus.
pub(super) fn against_peer(scenario: &str, corpus: &str, figure: &str) -> Option<Bar> {
    let corpus = corpus.chars().next().unwrap_or_default();
    let faster = match (scenario, figure, corpus) {
        ("first", "exporter wall", 'c' | 'd') | ("no-change", "exporter wall", 'b') => 8.0,
        ("first", "exporter wall", 'b') | ("rebase", "rebaser wall", _) => 5.0,
        ("no-change", "exporter wall", 'c' | 'd') => 20.0,
        ("no-change", "restorer wall", 'b') => 1.5,
        ("no-change", "restorer wall", 'c' | 'd') => 1.0,
        ("launcher", "own time", _) => 3.0,
        ("first" | "first-layout", "image size", _) => 1.0 / 1.03,
        _ => return None,
    };
    Some(Bar::Ratio(1.0 / faster))
}
