//! Files from seeds: the same everywhere, and about as compressible as programs are.
use anyhow::{Context, Result};
use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
};

/// `xorshift64*`.
#[derive(Debug)]
struct Seed(u64);

impl Seed {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// One file.
pub(super) fn file(path: &Path, size: u64, seed: u64) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let file = File::create(path).with_context(|| format!("create {}", path.display()))?;
    let mut out = BufWriter::with_capacity(1 << 16, file);
    let mut seed = Seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    // Half of the words are drawn from a few, half are noise of four bytes.
    let words: Vec<[u8; 8]> = (0..256).map(|_| seed.next().to_le_bytes()).collect();
    let mut left = size;
    while left > 0 {
        let draw = seed.next();
        let known = usize::from(draw.to_le_bytes()[7]);
        let mut word = words[known];
        if draw.is_multiple_of(4) {
            word[..4].copy_from_slice(&draw.to_le_bytes()[1..5]);
        }
        let count = left.min(8);
        out.write_all(&word[..usize::try_from(count)?])?;
        left -= count;
    }
    out.flush().context("write a seeded file")
}

/// `count` files of about `size` bytes, fifty to a directory.
pub(super) fn tree(dir: &Path, count: usize, size: usize, seed: u64) -> Result<()> {
    let mut draw = Seed(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for at in 0..count {
        let path = dir.join(format!("dir{:04}/file{at:06}.bin", at / 50));
        // The same part of the size whatever the size, so that twice the size is twice the bytes.
        let part = ((draw.next() >> 32) * size as u64) >> 32;
        let about = size as u64 / 2 + part;
        file(&path, about, draw.next())?;
    }
    Ok(())
}

/// An app of `count` files in parts, with a main file.
pub(super) fn app(dir: &Path, count: usize) -> Result<()> {
    for at in 0..count {
        let path = dir.join(format!("part{:02}/file{at:05}.js", at % 20));
        file(&path, 500 + (at as u64 * 7919) % 8000, at as u64)?;
    }
    fs::write(dir.join("main.js"), "version 0\n").context("write the app's main file")
}
