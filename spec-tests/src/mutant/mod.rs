//! A lifecycle with one planted fault, to see whether the suite bites.
//!
//! A mutant is a directory in which every executable is this program. Called by a phase's name it runs the real
//! executable from `real/` and spoils, before or after, what the fault named in the file `fault` says.
mod call;
mod faults;
mod files;
mod image;

pub use call::Call;
pub use faults::{Fault, all};

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Executables of a lifecycle.
const EXECUTABLES: [&str; 8] = [
    "analyzer", "detector", "restorer", "builder", "exporter", "creator", "rebaser", "launcher",
];

/// Makes a mutant of the lifecycle in `real` below `dir`; [`plant`] chooses its fault.
pub fn prepare(dir: &Path, real: &Path, program: &Path) -> Result<(), String> {
    let make = || -> std::io::Result<()> {
        fs::create_dir(dir.join("real"))?;
        for entry in fs::read_dir(real)? {
            let from = entry?.path();
            let Some(name) = from.file_name() else {
                continue;
            };
            let to = dir.join("real").join(name);
            match fs::read_link(&from) {
                Ok(target) => symlink(target, to)?,
                Err(_) if from.is_file() => drop(fs::copy(&from, to)?),
                Err(_) => {}
            }
        }
        fs::copy(program, dir.join("mutant"))?;
        Ok(())
    };
    make().map_err(|error| format!("cannot make a mutant in {}: {error}", dir.display()))
}

/// Plants a fault: its phases become the spoiling program, all others are the real executables.
pub fn plant(dir: &Path, fault: &Fault) -> Result<(), String> {
    let make = || -> std::io::Result<()> {
        fs::write(dir.join("fault"), fault.name)?;
        for executable in EXECUTABLES {
            let path = dir.join(executable);
            if path.symlink_metadata().is_ok() {
                fs::remove_file(&path)?;
            }
            let real = dir.join("real").join(executable);
            if fault.phases.contains(&executable) {
                symlink("mutant", path)?;
            } else if executable == "launcher" {
                // The exporter copies it: no link.
                fs::copy(real, path)?;
            } else if real.exists() {
                symlink(Path::new("real").join(executable), path)?;
            }
        }
        Ok(())
    };
    make().map_err(|error| format!("cannot plant '{}': {error}", fault.name))
}

/// Runs as a mutant if the program was called by a phase's name.
pub fn run_as_mutant() -> Option<ExitCode> {
    let mut words = std::env::args();
    let name = words.next()?;
    let program = std::env::current_exe().ok()?;
    let dir: PathBuf = program.parent()?.to_path_buf();
    let fault = fs::read_to_string(dir.join("fault")).ok()?;
    let fault = all().into_iter().find(|known| known.name == fault)?;
    let base = Path::new(&name).file_name()?.to_str()?.to_owned();
    let phase = if EXECUTABLES.contains(&base.as_str()) {
        base
    } else {
        "launcher".to_owned()
    };
    let call = Call::new(dir.join("real").join(&phase), name, words.collect());
    Some(call.run(&fault, &phase))
}
