//! Who may work on a plan, and what a crash left of a journal.
use super::{JournalError, Shard, io_error};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// Whoever works on all has the plan alone; parts of the same number share it.
pub(crate) fn lock_plan(stem: &Path, shard: Shard) -> Result<File, JournalError> {
    let mut path = stem.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let locked = || JournalError::Locked {
        path: path.display().to_string(),
    };
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(|source| io_error("open", &path, source))?;
    let parts = shard.of.to_string();
    if file.try_lock().is_ok() {
        // Alone: say how many parts there are, for those that come later.
        let said = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(parts.as_bytes()));
        said.map_err(|source| io_error("write", &path, source))?;
        if shard == Shard::WHOLE {
            return Ok(file);
        }
        file.unlock()
            .map_err(|source| io_error("unlock", &path, source))?;
    }
    if shard == Shard::WHOLE || file.try_lock_shared().is_err() {
        return Err(locked());
    }
    let mut said = String::new();
    file.seek(SeekFrom::Start(0))
        .and_then(|_| file.read_to_string(&mut said))
        .map_err(|source| io_error("read", &path, source))?;
    if said == parts {
        Ok(file)
    } else {
        Err(locked())
    }
}

/// Removes what follows the last end of a line, and goes to the end.
pub(crate) fn cut_half_line(file: &mut File) -> io::Result<()> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let whole = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    if whole < bytes.len() {
        file.set_len(whole as u64)?;
        file.sync_data()?;
    }
    file.seek(SeekFrom::End(0))?;
    Ok(())
}
