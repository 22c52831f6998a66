//! Many runs of a short program.
use crate::usage;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::{ffi::OsString, process::Stdio, time::Instant};

/// Seconds of each of `count` runs.
pub(crate) fn repeat(user: u32, count: usize, program: (&OsString, &[OsString])) -> Result<Value> {
    let mut command = usage::command(user, program);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let begin = Instant::now();
        let status = command
            .status()
            .with_context(|| format!("start {}", program.0.display()))?;
        times.push(begin.elapsed().as_secs_f64());
        ensure!(
            status.success(),
            "{} ended with {status}",
            program.0.display()
        );
    }
    Ok(json!(times))
}
