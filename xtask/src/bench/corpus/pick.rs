//! Corpora of a fixed shape from trees of packages.
use super::{files, seed, take};
use anyhow::{Context, Result};
use std::{
    cmp::Reverse,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Files of corpus c, the filler included.
const BINARIES: usize = 1009;
/// Its bytes.
const BYTES: u64 = 1_130_000_000;
/// Larger than any other file by far; it alone would be half of the corpus.
const TOO_LARGE: u64 = 200 << 20;

/// The `most` largest files, of which every `part`th one: a part of the bytes as of the files.
pub(super) fn every(from: &Path, to: &Path, most: usize, part: usize) -> Result<()> {
    let sized = by_size(from)?;
    let mut chosen = sized.iter().take(most).skip(part / 2).step_by(part);
    chosen.try_for_each(|(_, file)| take(from, file, to))
}

/// The largest files, and a seeded one that makes their sum the same everywhere; of those every `part`th one.
pub(super) fn binaries(from: &Path, to: &Path, part: usize) -> Result<()> {
    let mut sized = by_size(from)?;
    sized.retain(|(Reverse(size), _)| *size <= TOO_LARGE);
    sized.truncate(BINARIES - 1);
    let sum: u64 = sized.iter().map(|(Reverse(size), _)| size).sum();
    let chosen: Vec<_> = sized.iter().skip(part / 2).step_by(part).collect();
    let taken: u64 = chosen.iter().map(|(Reverse(size), _)| size).sum();
    chosen
        .iter()
        .try_for_each(|(_, file)| take(from, file, to))?;
    let part = part as u64;
    let missing = if part == 1 {
        BYTES.saturating_sub(sum)
    } else {
        (BYTES / part).saturating_sub(taken)
    };
    seed::file(&to.join("filler"), missing, 14)
}

/// Files with their sizes, the largest first.
fn by_size(dir: &Path) -> Result<Vec<(Reverse<u64>, PathBuf)>> {
    let sized = files(dir)?.into_iter().map(|file| {
        let size = fs::symlink_metadata(&file)?.len();
        Ok((Reverse(size), file))
    });
    let mut sized: Vec<_> = sized.collect::<Result<_>>()?;
    sized.sort();
    Ok(sized)
}

/// Layers of `size` bytes each from the files of one directory; a file that does not fit is cut in two.
pub(super) fn layers(from: &Path, to: &Path, count: usize, size: u64) -> Result<()> {
    let files = files(from)?;
    let mut at = 0;
    let mut open: Option<File> = None;
    for layer in 0..count {
        let dir = to.join(format!("layer{layer}"));
        fs::create_dir_all(&dir)?;
        let mut left = size;
        while left > 0 {
            let file = if let Some(file) = open.take() {
                file
            } else {
                let path = files
                    .get(at)
                    .context("corpus c is too small for corpus d")?;
                at += 1;
                if path.is_symlink() {
                    continue;
                }
                File::open(path)?
            };
            let mut piece = File::create(dir.join(format!("file{at}")))?;
            let copied = io::copy(&mut (&file).take(left), &mut piece)?;
            left -= copied;
            if left == 0 {
                open = Some(file);
            }
        }
    }
    Ok(())
}
