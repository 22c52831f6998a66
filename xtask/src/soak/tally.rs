//! What is counted on the rough way.
use super::attempt::{Ending, Said};
use std::collections::{BTreeMap, HashMap};
use wharf_testkit::fault_proxy::{SessionEnd, Traffic, sessions};

/// How the process ended that started an upload session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// Or it was told to end.
    Itself,
    Killed,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) said: Said,
    /// Tags that are not what they should be.
    pub(super) wrong: Vec<String>,
    /// Files that nobody will remove.
    pub(super) leaked_files: Vec<String>,
    /// Temporary files of processes that were killed, which the pod's end removes.
    pub(super) orphaned_files: usize,
    /// Attempts that failed by themselves, and why.
    pub(super) failed: Vec<String>,
    pub(super) killed: usize,
    pub(super) told: usize,
    sessions: HashMap<String, Owner>,
}

/// Upload sessions that the registry holds open, by whose fault.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct OpenSessions {
    /// Of processes that could have ended them.
    pub(super) leaked: Vec<String>,
    /// Of processes that were killed.
    pub(super) killed: usize,
    /// Their address was lost on the way.
    pub(super) untold: usize,
    /// The registry was asked to drop them, and did not.
    pub(super) refused: usize,
}

impl Tally {
    pub(super) fn note_ending(&mut self, tag: &str, ending: &Ending) {
        match ending {
            Ending::Good => {}
            Ending::Failed(why) => self.failed.push(format!("{tag}: {why}")),
            Ending::Killed => self.killed += 1,
            Ending::Told => self.told += 1,
        }
    }

    /// Sessions that are open after an attempt; those that were before have their owner already.
    pub(super) fn note_sessions(&mut self, open: Vec<String>, ending: &Ending) {
        let owner = match ending {
            Ending::Killed => Owner::Killed,
            Ending::Good | Ending::Failed(_) | Ending::Told => Owner::Itself,
        };
        for session in open {
            self.sessions.entry(session).or_insert(owner);
        }
    }

    /// Temporary files after an attempt.
    pub(super) fn note_temporary(&mut self, tag: &str, count: usize, ending: &Ending) {
        if *ending == Ending::Killed {
            self.orphaned_files += count;
        } else if count > 0 {
            self.leaked_files
                .push(format!("{tag}: {count} temporary files"));
        }
    }

    /// Judges the sessions that were found open by what the proxy saw of them.
    pub(super) fn open_sessions(&self, traffic: &Traffic) -> OpenSessions {
        let ends: BTreeMap<String, SessionEnd> = sessions(&traffic.exchanges);
        let mut open = OpenSessions::default();
        for (session, owner) in &self.sessions {
            match (owner, ends.get(session)) {
                (Owner::Killed, _) => open.killed += 1,
                (_, Some(SessionEnd::Untold)) => open.untold += 1,
                (_, Some(SessionEnd::Refused)) => open.refused += 1,
                (Owner::Itself, end) => open.leaked.push(format!("{session}: {end:?}")),
            }
        }
        open
    }
}

/// Bytes to registries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bytes {
    /// Without faults.
    pub(super) calm: u64,
    /// With them.
    pub(super) wild: u64,
    /// Of the bodies that did not arrive, whole.
    pub(super) cut: u64,
}

impl Bytes {
    pub(super) fn new(calm: &Traffic, wild: &Traffic) -> Self {
        let cut = wild.exchanges.iter().filter(|exchange| !exchange.complete);
        Self {
            calm: calm.uploaded,
            wild: wild.uploaded,
            cut: cut.map(|exchange| exchange.promised).sum(),
        }
    }

    /// Sent beyond what is sent without faults.
    pub(super) fn resent(self) -> u64 {
        self.wild.saturating_sub(self.calm)
    }

    /// The most that may be sent: 1.2 times the bytes without faults, and once more what was cut.
    pub(super) fn allowed(self) -> u64 {
        self.calm + self.calm / 5 + self.cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_testkit::fault_proxy::Exchange;

    fn started(session: &str, complete: bool) -> Exchange {
        Exchange {
            method: "POST".to_owned(),
            status: Some(202),
            location: Some(format!("/v2/a/blobs/uploads/{session}")),
            complete,
            ..Exchange::default()
        }
    }

    #[test]
    fn a_session_is_leaked_when_its_process_could_have_ended_it() {
        let mut tally = Tally::default();
        let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        tally.note_sessions(named(&["killed"]), &Ending::Killed);
        tally.note_sessions(named(&["killed", "told"]), &Ending::Told);
        tally.note_sessions(named(&["killed", "left", "lost", "unknown"]), &Ending::Good);
        let traffic = Traffic {
            exchanges: vec![started("left", true), started("lost", false)],
            ..Traffic::default()
        };
        let mut open = tally.open_sessions(&traffic);
        open.leaked.sort();
        let expected = OpenSessions {
            leaked: named(&["left: Some(Left)", "told: None", "unknown: None"]),
            killed: 1,
            untold: 1,
            refused: 0,
        };
        assert_eq!(open, expected);
    }

    #[test]
    fn bytes_may_grow_by_a_fifth_and_by_what_was_cut() {
        let passed = |received, promised, complete| Exchange {
            received,
            promised,
            complete,
            ..Exchange::default()
        };
        let traffic = |exchanges: Vec<Exchange>| Traffic {
            uploaded: exchanges.iter().map(|exchange| exchange.received).sum(),
            exchanges,
            ..Traffic::default()
        };
        let calm = traffic(vec![passed(1000, 1000, true)]);
        let wild = traffic(vec![passed(400, 1000, false), passed(1000, 1000, true)]);
        let bytes = Bytes::new(&calm, &wild);
        assert_eq!((bytes.resent(), bytes.allowed()), (400, 2200));
    }
}
