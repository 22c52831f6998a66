//! All lines once: calm, to learn what is expected, or wild, to see whether it comes to be.
use super::{
    attempt::{Blow, Ending, attempt},
    ground::Ground,
    plan::{Line, Step},
    reader::Reader,
    stage::Stage,
    tally::Tally,
};
use anyhow::{Result, bail, ensure};
use nix::sys::signal::Signal;
use std::{
    collections::{BTreeSet, VecDeque},
    path::PathBuf,
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

/// Lines at a time.
const WORKERS: usize = 4;
/// How often a step is tried before it counts as one that cannot be done.
const ATTEMPTS: usize = 4;
/// How long what a process has left on its way may take to arrive.
const SETTLE: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(5);

/// Names of the repositories of a pass start with this.
pub(super) const CALM: &str = "calm";
pub(super) const WILD: &str = "wild";

/// What a step comes to when nothing is in its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expected {
    /// Of the image.
    pub(super) digest: String,
    /// To the repository of the app.
    requests: u64,
    layers: BTreeSet<PathBuf>,
    cache: BTreeSet<PathBuf>,
}

/// The steps of a line.
type Course = Vec<Expected>;

/// Does everything in peace; gives what is expected of each step of each line.
pub(super) fn calm(ground: &Ground, lines: &[Line]) -> Result<Vec<Course>> {
    each(lines, &|line| {
        let stage = Stage::new(ground, line, CALM)?;
        let reader = Reader::new(&ground.open.host());
        let mut course = Course::new();
        for step in &line.steps {
            let before = ground.proxy.requests_to(&stage.repository);
            let (ending, said) = attempt(ground, &stage, (step.work, &step.tag), None)?;
            if let Ending::Failed(why) = ending {
                bail!("{} of {}, without faults: {why}", step.tag, line.app);
            }
            ensure!(said.again == 0, "{} compressed a layer twice", step.tag);
            let digest = reader.digest(&stage.repository, &step.tag)?;
            course.push(Expected {
                digest: digest.unwrap_or_default(),
                requests: ground.proxy.requests_to(&stage.repository) - before,
                layers: stage.files("layers")?,
                cache: stage.files("cache")?,
            });
            let left = stage.files("tmp")?;
            ensure!(left.is_empty(), "{} leaves {left:?}", step.tag);
        }
        Ok(course)
    })
}

/// Does everything with faults and blows.
pub(super) fn wild(ground: &Ground, lines: &[Line], courses: &[Course]) -> Result<Tally> {
    let tally = Mutex::new(Tally::default());
    each(lines, &|line| {
        let stage = Stage::new(ground, line, WILD)?;
        let reader = Reader::new(&ground.open.host());
        let rough = Rough {
            ground,
            stage,
            reader,
            tally: &tally,
        };
        let steps = line.steps.iter().zip(&courses[line.number]);
        steps
            .into_iter()
            .try_for_each(|(step, expected)| rough.step(step, expected))
    })?;
    Ok(tally.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Does something for each line, several at a time; results come in the order of the lines.
fn each<T: Send>(lines: &[Line], work: &(dyn Fn(&Line) -> Result<T> + Sync)) -> Result<Vec<T>> {
    let waiting = Mutex::new(lines.iter().collect::<VecDeque<_>>());
    let done = Mutex::new(Vec::new());
    let worker = || {
        loop {
            let next = waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            let Some(line) = next else {
                return;
            };
            let result = work(line);
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.push((line.number, result));
        }
    };
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(worker);
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

/// One line on the rough way.
struct Rough<'a> {
    ground: &'a Ground,
    stage: Stage<'a>,
    reader: Reader,
    tally: &'a Mutex<Tally>,
}

impl Rough<'_> {
    /// Tries until it is done, as a platform does.
    fn step(&self, step: &Step, expected: &Expected) -> Result<()> {
        let before = self.latest()?;
        let mut blow = self.blow(step, expected);
        for _ in 0..ATTEMPTS {
            let (ending, said) = attempt(
                self.ground,
                &self.stage,
                (step.work, &step.tag),
                blow.take(),
            )?;
            self.settle()?;
            let latest = self.latest()?;
            let temporary = self.stage.files("tmp")?;
            let sessions = self.sessions();
            let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
            tally.said += said;
            tally.note_sessions(sessions, &ending);
            tally.note_temporary(&step.tag, temporary.len(), &ending);
            let is_new = latest.as_ref() == Some(&expected.digest);
            let is_right = is_new || (latest == before && ending != Ending::Good);
            if !is_right {
                tally.wrong.push(format!(
                    "{}: after {ending:?} the tag has {latest:?}",
                    step.tag
                ));
            }
            tally.note_ending(&step.tag, &ending);
            if ending == Ending::Good {
                for (name, known) in [("layers", &expected.layers), ("cache", &expected.cache)] {
                    let files = self.stage.files(name)?;
                    tally.leaked_files.extend(
                        files
                            .difference(known)
                            .map(|file| format!("{}: {name}/{}", step.tag, file.display())),
                    );
                }
                return Ok(());
            }
        }
        // The tag is missing when everything is read back.
        Ok(())
    }

    fn blow(&self, step: &Step, expected: &Expected) -> Option<Blow> {
        let end = step.end?;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a few dozen"
        )]
        let share = (expected.requests as f64 * end.after) as u64;
        Some(Blow {
            signal: if end.kill {
                Signal::SIGKILL
            } else {
                Signal::SIGTERM
            },
            after: self.ground.proxy.requests_to(&self.stage.repository) + share + 1,
        })
    }

    fn latest(&self) -> Result<Option<String>> {
        self.reader.digest(&self.stage.repository, "latest")
    }

    /// Waits until nothing is under way any more.
    fn settle(&self) -> Result<()> {
        let pending = || {
            let repositories = self.stage.repositories();
            let pending = repositories
                .iter()
                .map(|name| self.ground.proxy.pending(name));
            pending.sum::<u64>()
        };
        for _ in 0..SETTLE.as_millis() / LOOK.as_millis() {
            if pending() == 0 {
                return Ok(());
            }
            thread::sleep(LOOK);
        }
        bail!("requests to {} do not end", self.stage.repository)
    }

    /// Upload sessions that the registry holds open. One that was dropped may leave an empty directory, but nothing to
    /// resume it by.
    fn sessions(&self) -> Vec<String> {
        let repositories = self.stage.repositories();
        let dirs = repositories.iter().map(|name| self.ground.uploads(name));
        let entries = dirs
            .filter_map(|dir| std::fs::read_dir(dir).ok())
            .flatten()
            .flatten();
        let open = entries.filter(|entry| entry.path().join("startedat").exists());
        open.map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    }
}
