//! The processes of all buildpacks, and the default one (buildpack spec, "launch.toml").
//!
//! A later definition of a type replaces an earlier one. Processes of one type may stand side by side only where no
//! execution environment is served by both: the launcher then has a choice, and exactly one.
use crate::OutputProblem;
use wharf_spec::{api::CommandForm, files::metadata::Process, id::ExecEnv};

/// A process and whether its buildpack marked it as default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewProcess {
    pub process: Process,
    pub default: bool,
}

/// Whether an execution environment is in both lists; an empty list and `*` stand for all.
pub(crate) fn overlap(a: &[String], b: &[String]) -> bool {
    is_everything(a) || is_everything(b) || a.iter().any(|one| b.contains(one))
}

fn is_everything(list: &[String]) -> bool {
    list.is_empty() || list.iter().any(|one| one == "*")
}

/// A buildpack marks processes of one type at most as default.
pub(crate) fn check_defaults(processes: &[NewProcess]) -> Result<(), OutputProblem> {
    let mut defaults = processes.iter().filter(|process| process.default);
    let Some(first) = defaults.next() else {
        return Ok(());
    };
    match defaults.find(|other| other.process.r#type != first.process.r#type) {
        Some(other) => Err(OutputProblem::SeveralDefaults(
            first.process.r#type.clone(),
            other.process.r#type.clone(),
        )),
        None => Ok(()),
    }
}

#[derive(Debug, Default)]
pub(crate) struct Processes {
    /// In order of definition.
    list: Vec<Process>,
    default: Option<String>,
}

impl Processes {
    /// Adds what one buildpack defines. Returns the default types it redefined without marking them as default, which
    /// leaves no default.
    ///
    /// `exec_env` is `None` on platforms without execution environments: they build for production.
    pub(crate) fn add(&mut self, new: Vec<NewProcess>, exec_env: Option<&ExecEnv>) -> Vec<String> {
        let marked = new.iter().find(|one| one.default);
        let marked = marked.map(|one| one.process.r#type.clone());
        let mut replaced = Vec::new();
        for NewProcess { mut process, .. } in new {
            if exec_env.is_none() {
                if !ExecEnv::production().is_in(&process.exec_env) {
                    continue;
                }
                process.exec_env.clear();
            }
            let replaces = self.make_room(&process);
            if replaces && self.default.as_ref() == Some(&process.r#type) && marked != self.default
            {
                self.default = None;
                replaced.push(process.r#type.clone());
            }
            self.list.push(process);
        }
        if marked.is_some() {
            self.default = marked;
        }
        replaced
    }

    /// Takes the execution environments of `process` away from earlier processes of its type; those that are left
    /// with none go. Returns whether any was touched.
    fn make_room(&mut self, process: &Process) -> bool {
        let mut touched = false;
        self.list.retain_mut(|old| {
            if old.r#type != process.r#type || !overlap(&old.exec_env, &process.exec_env) {
                return true;
            }
            touched = true;
            if is_everything(&old.exec_env) || is_everything(&process.exec_env) {
                return false;
            }
            old.exec_env.retain(|one| !process.exec_env.contains(one));
            !old.exec_env.is_empty()
        });
        touched
    }

    /// All processes sorted by type, and the default type.
    pub(crate) fn finish(mut self, form: CommandForm) -> (Vec<Process>, Option<String>) {
        self.list.sort_by(|a, b| a.r#type.cmp(&b.r#type));
        if form == CommandForm::Single {
            for process in &mut self.list {
                let tail = process.command.drain(1..);
                process.args.splice(0..0, tail);
            }
        }
        (self.list, self.default)
    }
}
