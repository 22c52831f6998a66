//! Says how each layer came about, in the order of the image.
use crate::{Change, Decision, Role, transfer::Made};
use wharf_spec::log::Log;

/// Counts app slices for the two lines about them, and says the rest at once.
pub(crate) struct Announcer<'a> {
    log: &'a dyn Log,
    reused: usize,
    added: usize,
}

impl<'a> Announcer<'a> {
    pub(crate) fn new(log: &'a dyn Log) -> Self {
        Self {
            log,
            reused: 0,
            added: 0,
        }
    }

    pub(crate) fn announce(&mut self, decision: &Decision, made: &Made) {
        let is_reused = made.change == Change::Reused;
        if decision.role == Role::App {
            self.reused += usize::from(is_reused);
            self.added += usize::from(!is_reused);
        } else {
            self.say_slices();
            let verb = if is_reused { "Reusing" } else { "Adding" };
            self.log.info(&format!("{verb} layer '{}'", made.name));
        }
        let (name, diff_id) = (&made.name, made.layer.diff_id);
        self.log.debug(&format!("Layer '{name}' SHA: {diff_id}"));
    }

    pub(crate) fn finish(mut self) {
        self.say_slices();
    }

    fn say_slices(&mut self) {
        let (reused, added) = (
            std::mem::take(&mut self.reused),
            std::mem::take(&mut self.added),
        );
        let all = reused + added;
        if reused > 0 {
            self.log
                .info(&format!("Reused {reused}/{all} app layer(s)"));
        }
        if added > 0 {
            self.log.info(&format!("Added {added}/{all} app layer(s)"));
        }
    }
}
