//! What came of it.
use super::{
    pass::{Expected, WILD},
    plan::Line,
    reader::Reader,
    tally::{Bytes, OpenSessions, Tally},
};
use std::{collections::BTreeMap, fmt, time::Duration};

/// Everything that is told in the end.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) builds: usize,
    /// Tags that were read back.
    pub(super) read: usize,
    pub(super) tally: Tally,
    pub(super) open: OpenSessions,
    pub(super) bytes: Bytes,
    /// Without faults and with them.
    pub(super) requests: (usize, usize),
    /// Faults by kind.
    pub(super) met: BTreeMap<&'static str, usize>,
    /// Without faults and with them.
    pub(super) times: (Duration, Duration),
}

/// Reads every tag of a line and everything that belongs to it; gives how many, and what is wrong.
pub(super) fn read_back(
    reader: &mut Reader,
    line: &Line,
    course: &[Expected],
) -> (usize, Vec<String>) {
    let repository = format!("{WILD}/line-{:03}", line.number);
    let tags = line.steps.iter().map(|step| step.tag.as_str());
    let mut expected: Vec<_> = tags.zip(course).collect();
    expected.extend(course.last().map(|last| ("latest", last)));
    let mut wrong = Vec::new();
    for (tag, Expected { digest, .. }) in &expected {
        match reader.verified_digest(&repository, tag) {
            Ok(Some(found)) if found == *digest => {}
            Ok(found) => wrong.push(format!("{repository}:{tag} is {found:?}, not {digest}")),
            Err(error) => wrong.push(format!("{repository}:{tag}: {error:#}")),
        }
    }
    let mut count = expected.len();
    if line.cache_image {
        count += 1;
        // Which layers the last build could still cache depends on the faults; that it is whole does not.
        if let Err(error) = reader.verified_digest(&format!("{repository}-cache"), "latest") {
            wrong.push(format!("{repository}-cache:latest: {error:#}"));
        }
    }
    (count, wrong)
}

impl Report {
    /// What must not be.
    pub(super) fn faults(&self) -> Vec<String> {
        let bytes = self.bytes;
        let held = [
            (self.tally.wrong.is_empty(), "images are wrong"),
            (self.open.leaked.is_empty(), "upload sessions were left"),
            (self.tally.leaked_files.is_empty(), "files were left"),
            (self.tally.said.again == 0, "layers were compressed twice"),
            (bytes.wild <= bytes.allowed(), "too many bytes were sent"),
        ];
        let broken = held.iter().filter(|(holds, _)| !holds);
        broken.map(|(_, what)| (*what).to_owned()).collect()
    }
}

impl Report {
    /// What is wrong, one a line, and what may be but should be known.
    fn list(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, list) in [
            ("wrong image", &self.tally.wrong),
            ("leaked session", &self.open.leaked),
            ("leaked file", &self.tally.leaked_files),
            ("attempt that failed", &self.tally.failed),
        ] {
            for one in list {
                writeln!(f, "soak: {what}: {one}")?;
            }
        }
        Ok(())
    }

    fn way(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (calm, wild) = self.times;
        writeln!(
            f,
            "soak: {} requests in {:.0} s without faults, {} in {:.0} s with them; {} tags read back",
            self.requests.0,
            calm.as_secs_f64(),
            self.requests.1,
            wild.as_secs_f64(),
            self.read
        )?;
        let met = self.met.iter();
        let met: Vec<_> = met.map(|(kind, count)| format!("{count} {kind}")).collect();
        writeln!(f, "soak: faults: {}", met.join(", "))?;
        writeln!(
            f,
            "soak: {} attempts killed, {} told to end, {} failed; all were made again",
            self.tally.killed,
            self.tally.told,
            self.tally.failed.len()
        )
    }

    /// What is left that nobody could help.
    fn left(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = &self.open;
        writeln!(
            f,
            "soak: sessions nobody could end: {} of killed processes, {} whose address was lost, {} the registry would not drop",
            open.killed, open.untold, open.refused
        )?;
        writeln!(
            f,
            "soak: {} temporary files of killed processes, which end with their pod",
            self.tally.orphaned_files
        )
    }

    fn work(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (said, bytes) = (&self.tally.said, &self.bytes);
        writeln!(
            f,
            "soak: layers compressed {}, again {}",
            said.compressed, said.again
        )?;
        let holds = bytes.wild <= bytes.allowed();
        writeln!(
            f,
            "soak: bytes sent {}, without faults {}, in bodies that were cut {}; at most {} may be: {}",
            bytes.wild,
            bytes.calm,
            bytes.cut,
            bytes.allowed(),
            if holds { "holds" } else { "BROKEN" }
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.list(f)?;
        self.way(f)?;
        self.left(f)?;
        self.work(f)?;
        write!(
            f,
            "soak: builds {}, wrong images {}, leaked sessions {}, leaked files {}, retries {}, bytes resent {}",
            self.builds,
            self.tally.wrong.len(),
            self.open.leaked.len(),
            self.tally.leaked_files.len(),
            self.tally.said.retries,
            self.bytes.resent()
        )
    }
}
