//! One call of an executable of a mutant.
use super::faults::Fault;
use std::{
    collections::BTreeMap,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, ExitCode},
};

/// What the real executable will be given, and what came of it.
#[derive(Debug)]
pub struct Call {
    /// Arguments; a fault may change them.
    pub args: Vec<String>,
    /// Variables; a fault may change them.
    pub env: BTreeMap<String, String>,
    /// Exit status; a fault may change it afterwards.
    pub code: u8,
    program: PathBuf,
    name: String,
}

impl Call {
    /// A call of `program` under `name`.
    pub fn new(program: PathBuf, name: String, args: Vec<String>) -> Self {
        Self {
            args,
            env: std::env::vars().collect(),
            code: 0,
            program,
            name,
        }
    }

    /// Runs the real executable between the fault's two halves; the launcher is replaced by what it launches.
    pub fn run(mut self, fault: &Fault, phase: &str) -> ExitCode {
        (fault.before)(&mut self);
        let mut command = Command::new(&self.program);
        command
            .arg0(&self.name)
            .args(&self.args)
            .env_clear()
            .envs(&self.env);
        if phase == "launcher" && !fault.spoils_exit {
            let _ = command.exec();
            return ExitCode::from(127);
        }
        self.code = command
            .status()
            .ok()
            .and_then(|status| u8::try_from(status.code()?).ok())
            .unwrap_or(127);
        (fault.after)(&mut self);
        ExitCode::from(self.code)
    }

    /// Drops a flag in all spellings, with its value.
    pub fn drop_flag(&mut self, flag: &str) {
        let joined = [format!("-{flag}="), format!("--{flag}=")];
        let alone = [format!("-{flag}"), format!("--{flag}")];
        let mut kept = Vec::new();
        let mut words = std::mem::take(&mut self.args).into_iter();
        while let Some(word) = words.next() {
            if alone.contains(&word) {
                words.next();
            } else if !joined.iter().any(|start| word.starts_with(start.as_str())) {
                kept.push(word);
            }
        }
        self.args = kept;
    }

    /// Drops a switch.
    pub fn drop_switch(&mut self, flag: &str) {
        let spellings = [
            format!("-{flag}"),
            format!("-{flag}=true"),
            format!("-{flag}=1"),
        ];
        self.args.retain(|word| !spellings.contains(word));
    }

    /// Value of a flag or variable, or the default.
    pub fn value(&self, flag: &str, variable: &str, default: &str) -> PathBuf {
        let start = format!("-{flag}=");
        let given = self.args.iter().find_map(|word| {
            word.trim_start_matches('-')
                .strip_prefix(start.trim_start_matches('-'))
        });
        given
            .or(self.env.get(variable).map(String::as_str))
            .unwrap_or(default)
            .into()
    }

    /// A path in the layers directory.
    pub fn layers(&self, path: &str) -> PathBuf {
        self.value("layers", "CNB_LAYERS_DIR", "/layers").join(path)
    }
}
