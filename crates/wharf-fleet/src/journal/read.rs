//! What journals say.
use super::{Event, JournalError, Line, io_error};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

/// What is known of every image of a plan.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// By [`PlannedImage::key`](crate::plan::PlannedImage::key).
    pub images: BTreeMap<String, ImageState>,
    /// Who began what, when: (at, what, who, shard).
    pub runs: Vec<(String, String, String, String)>,
}

/// What is known of one image.
#[derive(Debug, Clone, Default)]
pub struct ImageState {
    /// What was announced, with the tags it was announced for, oldest first.
    pub announced: Vec<Written>,
    /// What was written and compared.
    pub done: Option<Written>,
    /// When it was done, skipped or failed last.
    pub at: String,
    /// Why nothing was done, or why it failed.
    pub why: Option<String>,
    /// Whether `why` is a failure.
    pub failed: bool,
    /// What the command for canaries said.
    pub accepted: Option<bool>,
    /// Tags that have the old digest again.
    pub rolled_back: Vec<String>,
}

/// Tags with the digest they got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The digest.
    pub new: String,
    /// The tags.
    pub tags: Vec<String>,
}

impl State {
    fn take(&mut self, line: Line) {
        let Line { at, event } = line;
        if let Event::Began {
            what, who, shard, ..
        } = event
        {
            self.runs.push((at, what, who, shard));
            return;
        }
        let state = self.images.entry(event.image().to_owned()).or_default();
        state.at = at;
        state.take(event);
    }
}

impl ImageState {
    fn take(&mut self, event: Event) {
        match event {
            Event::Began { .. } => {}
            Event::Writing { new, tags, .. } => {
                self.rolled_back.clear();
                self.announced.push(Written { new, tags });
            }
            Event::Done { new, tags, .. } => {
                (self.why, self.failed) = (None, false);
                self.done = Some(Written { new, tags });
            }
            Event::Skipped { why, .. } => (self.why, self.failed) = (Some(why), false),
            Event::Failed { why, .. } => (self.why, self.failed) = (Some(why), true),
            Event::Accepted { .. } => self.accepted = Some(true),
            Event::Rejected { why, .. } => (self.accepted, self.why) = (Some(false), Some(why)),
            Event::RolledBack { tags, .. } => {
                self.done = None;
                self.rolled_back.extend(tags);
            }
        }
    }
}

/// Reads the journals of all parts of a plan. A line that is cut off at the end of a file counts as not written.
pub fn read_all(stem: &Path, plan: &str) -> Result<State, JournalError> {
    let mut lines: Vec<Line> = Vec::new();
    for path in files(stem)? {
        lines.extend(read(&path, plan)?);
    }
    // Parts never share an image, so only the order within a part matters, and this keeps it.
    lines.sort_by(|a, b| a.at.cmp(&b.at));
    let mut state = State::default();
    for line in lines {
        state.take(line);
    }
    Ok(state)
}

fn files(stem: &Path) -> Result<Vec<PathBuf>, JournalError> {
    let dir = match stem.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    let own = stem.file_name().unwrap_or_default().to_string_lossy();
    let entries = fs::read_dir(dir).map_err(|source| io_error("list", dir, source))?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let part = name.strip_prefix(&*own);
            part.is_some_and(|part| part.is_empty() || is_part(part))
        })
        .map(|entry| entry.path())
        .collect();
    files.sort();
    Ok(files)
}

/// `.K-of-N`.
fn is_part(text: &str) -> bool {
    let numbers = text
        .strip_prefix('.')
        .and_then(|text| text.split_once("-of-"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers.is_some_and(|(number, of)| is_number(number) && is_number(of))
}

fn read(path: &Path, plan: &str) -> Result<Vec<Line>, JournalError> {
    let fail = |source| io_error("read", path, source);
    let mut reader = BufReader::new(File::open(path).map_err(fail)?);
    let mut lines = Vec::new();
    let mut number = 0;
    loop {
        let mut bytes = Vec::new();
        if reader.read_until(b'\n', &mut bytes).map_err(fail)? == 0 {
            return Ok(lines);
        }
        number += 1;
        if bytes.pop() != Some(b'\n') {
            return Ok(lines);
        }
        let line: Line = serde_json::from_slice(&bytes).map_err(|error| JournalError::Damaged {
            path: path.display().to_string(),
            line: number,
            reason: error.to_string(),
        })?;
        if let Event::Began { plan: found, .. } = &line.event
            && found != plan
        {
            return Err(JournalError::OtherPlan {
                path: path.display().to_string(),
                found: found.clone(),
            });
        }
        lines.push(line);
    }
}
