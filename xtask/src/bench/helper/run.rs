//! One run of a program with everything the kernel knows about it.
use crate::usage;
use anyhow::{Context, Result};
use nix::{
    sys::{
        resource::{UsageWho, getrusage},
        wait::{Id, WaitPidFlag, waitid},
    },
    unistd::Pid,
};
use serde_json::{Value, json};
use std::{
    ffi::OsString,
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Between two looks at the temporary files.
const PAUSE: Duration = Duration::from_millis(10);

/// Runs the program to its end. `temp` is its directory of temporary files.
pub(crate) fn run(user: u32, temp: &Path, program: (&OsString, &[OsString])) -> Result<Value> {
    let mut command = usage::command(user, program);
    let busy = busy();
    let begin = Instant::now();
    let mut child = command
        .spawn()
        .with_context(|| format!("start {}", program.0.display()))?;
    let process = child.id();
    let (ended, peak) = (AtomicBool::new(false), AtomicU64::new(0));
    let (wall, all, io) = thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                thread::sleep(PAUSE);
                peak.fetch_max(temporary(process, temp), Ordering::Relaxed);
            }
        });
        // Not reaped yet, so that its counters can still be read.
        let id = Id::Pid(Pid::from_raw(process.cast_signed()));
        let waited = waitid(id, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT);
        let (wall, all) = (begin.elapsed(), self::busy() - busy);
        ended.store(true, Ordering::Relaxed);
        waited.map(|_| (wall, all, counters(process)))
    })
    .context("wait for the program")?;
    let status = child.wait().context("reap the program")?;
    let cpu = usage::seconds(&getrusage(UsageWho::RUSAGE_CHILDREN)?);
    Ok(json!({
        "code": status.code().unwrap_or(-1),
        "wall": wall.as_secs_f64(),
        "cpu": cpu,
        "others": (all - cpu).max(0.0),
        "rss": getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss() * 1024,
        "temp": peak.load(Ordering::Relaxed),
        "read": io.0,
        "written": io.1,
    }))
}

/// Seconds that all cores have worked for anybody since the machine was started, in ticks of 10 ms.
fn busy() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let ticks = line.split_whitespace().skip(1).take(8).enumerate();
    // The fourth and the fifth are for idling and waiting.
    let ticks = ticks.filter(|(at, _)| !(3..=4).contains(at));
    ticks
        .filter_map(|(_, ticks)| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

/// Bytes that read and write calls have moved, those of reaped children included.
fn counters(process: u32) -> (u64, u64) {
    let text = fs::read_to_string(format!("/proc/{process}/io")).unwrap_or_default();
    let number = |name: &str| {
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(name));
        value
            .and_then(|value| value.trim().parse().ok())
            .unwrap_or(0)
    };
    (number("rchar:"), number("wchar:"))
}

/// Bytes on disk of files without a name that the process holds open, and of those in its directory.
fn temporary(process: u32, temp: &Path) -> u64 {
    nameless(process) + below(temp)
}

fn nameless(process: u32) -> u64 {
    let mut seen = Vec::new();
    for entry in fs::read_dir(format!("/proc/{process}/fd"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let target = fs::read_link(entry.path()).unwrap_or_default();
        if target.to_string_lossy().starts_with("/memfd:") {
            continue;
        }
        let Ok(file) = fs::metadata(entry.path()) else {
            continue;
        };
        let known = (file.dev(), file.ino(), file.blocks());
        if file.is_file() && file.nlink() == 0 && !seen.contains(&known) {
            seen.push(known);
        }
    }
    seen.iter().map(|(.., blocks)| blocks * 512).sum()
}

fn below(dir: &Path) -> u64 {
    let mut sum = 0;
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.metadata() {
            Ok(file) if file.is_dir() => sum += below(&entry.path()),
            Ok(file) => sum += file.blocks() * 512,
            Err(_) => {}
        }
    }
    sum
}
