//! Processes a buildpack left behind.
//!
//! Killing a process group misses what has moved to a session of its own. An executable that adopts orphans finds
//! those among its children.
use nix::{
    sys::{
        prctl,
        signal::{Signal, kill},
        wait::waitpid,
    },
    unistd::Pid,
};
use std::{fs, io};

/// Makes orphaned descendants children of this process instead of process 1. Call once, early, in an executable.
pub fn adopt_orphans() -> io::Result<()> {
    prctl::set_child_subreaper(true).map_err(io::Error::from)
}

/// Kills and reaps every child of this process, until there is none. Only for executables that own all of their
/// children, and only while no runner is at work.
pub fn kill_all() -> io::Result<()> {
    loop {
        let children = children()?;
        if children.is_empty() {
            return Ok(());
        }
        for child in &children {
            // Both fail only when somebody else was faster.
            let _ = kill(*child, Signal::SIGKILL);
            let _ = waitpid(*child, None);
        }
    }
}

fn children() -> io::Result<Vec<Pid>> {
    let own = Pid::this().as_raw();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        // A process that has just gone away is no child any more.
        let Ok(stat) = fs::read(format!("/proc/{pid}/stat")) else {
            continue;
        };
        if parent_of(&stat) == Some(own) {
            found.push(Pid::from_raw(pid));
        }
    }
    Ok(found)
}

/// The parent's id: the second field after the name, which is in parentheses and may contain anything.
fn parent_of(stat: &[u8]) -> Option<i32> {
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(&stat[end + 1..]).ok()?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}
