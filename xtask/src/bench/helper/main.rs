//! What `cargo xtask bench` measures with, compiled as optimised as what it measures.
//!
//! It is a program of its own because the kernel tells the peak memory only of all children of a process together,
//! and because a child starts with the memory of its parent in its books: this one is small and has one child.
mod fleet;
mod limits;
mod repeat;
mod run;
mod usage;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::{ffi::OsString, fs, path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    match task(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = std::io::Write::write_fmt(
                &mut std::io::stderr(),
                format_args!("error: {error:#}\n"),
            );
            ExitCode::FAILURE
        }
    }
}

/// `TASK OUT USER ARG...`; the answer is JSON in the file `OUT`.
fn task(args: &[OsString]) -> Result<()> {
    let [task, out, user, rest @ ..] = args else {
        bail!("the bench starts this with a task, a file and a user");
    };
    let user: u32 = user.to_string_lossy().parse().context("read the user")?;
    let answer: Value = match (task.to_str(), rest) {
        (Some("run"), [temp, program, args @ ..]) => {
            run::run(user, &PathBuf::from(temp), (program, args))?
        }
        (Some("repeat"), [count, program, args @ ..]) => {
            let count = count.to_string_lossy().parse().context("read the count")?;
            repeat::repeat(user, count, (program, args))?
        }
        (Some("limits"), [scratch, roots @ ..]) => {
            let roots: Vec<PathBuf> = roots.iter().map(PathBuf::from).collect();
            limits::measure(user, &PathBuf::from(scratch), &roots)?
        }
        (Some("fleet-server"), [count]) => {
            let count = count.to_string_lossy().parse().context("read the count")?;
            fleet::serve(count)?
        }
        (Some("fleet-load"), [host, count, threads]) => {
            let count = count.to_string_lossy().parse().context("read the count")?;
            let threads = threads
                .to_string_lossy()
                .parse()
                .context("read the threads")?;
            fleet::load(&host.to_string_lossy(), count, threads)?
        }
        _ => bail!("there is no such task"),
    };
    let out = PathBuf::from(out);
    fs::write(&out, answer.to_string()).with_context(|| format!("write {}", out.display()))
}
