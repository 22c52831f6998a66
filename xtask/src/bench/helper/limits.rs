//! What a layer costs stage by stage, each alone on one thread, with the library that wharf exports with.
use crate::usage::cpu;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{
    fs::File,
    io::{self, Read, Write},
    num::NonZeroUsize,
    path::{Path, PathBuf},
};
use wharf_layer::{
    Blob, BlobSource, Encoder, LayerContent, Method, Owner,
    encode::{BlockCompressor, ROOM},
};

/// As much as a stage is given at once: what fits a core's own cache.
const CHUNK: usize = 1 << 20;

/// CPU seconds of every stage for each root as a layer, and its bytes before and after compression.
pub(crate) fn measure(user: u32, scratch: &Path, roots: &[PathBuf]) -> Result<Value> {
    let layers: Result<Vec<Value>> = roots
        .iter()
        .map(|root| {
            layer(user, scratch, root).with_context(|| format!("measure {}", root.display()))
        })
        .collect();
    Ok(Value::Array(layers?))
}

fn layer(user: u32, scratch: &Path, root: &Path) -> Result<Value> {
    let content = LayerContent::Tree {
        root: root.to_path_buf(),
        owner: Owner {
            uid: user,
            gid: user,
        },
    };
    let mut count = Count(0);
    let (tar, ()) = stage(|| Ok(content.write_tar(&mut count)?))?;
    let mut hash = Chunks::new(Hash::default());
    content.write_tar(&mut hash)?;
    let tar_hash = hash.end()?;
    let mut encode = Chunks::new(Encode::new()?);
    content.write_tar(&mut encode)?;
    let encode = encode.end()?;
    let blob = Encoder::new(NonZeroUsize::MIN, scratch, Method::default()).encode(&content)?;
    let blob_hash = copy(&blob, Hash::default())?;
    let write = copy(&blob, ToFile(tempfile::tempfile_in(scratch)?))?;
    Ok(json!({
        "tar": tar, "tar_hash": tar_hash, "encode": encode, "blob_hash": blob_hash, "write": write,
        "bytes": count.0, "blob": blob.size,
    }))
}

/// CPU seconds of a piece of work, and what it gives.
fn stage<T>(work: impl FnOnce() -> Result<T>) -> Result<(f64, T)> {
    let begin = cpu()?;
    let made = work()?;
    Ok((cpu()? - begin, made))
}

/// CPU seconds that `consumer` takes for the bytes of a blob; reading them is not counted.
fn copy<C: Consumer>(blob: &Blob, consumer: C) -> Result<f64> {
    let mut chunks = Chunks::new(consumer);
    let mut reader = blob.open()?;
    let mut buffer = vec![0; CHUNK];
    loop {
        match reader.read(&mut buffer)? {
            0 => return chunks.end(),
            count => chunks.write_all(&buffer[..count])?,
        }
    }
}

/// Counts bytes.
struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stage.
trait Consumer {
    fn take(&mut self, bytes: &[u8]) -> io::Result<()>;
}

#[derive(Default)]
struct Hash(Sha256);

impl Consumer for Hash {
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.update(bytes);
        Ok(())
    }
}

struct Encode {
    compressor: BlockCompressor,
    out: Vec<u8>,
}

impl Encode {
    fn new() -> Result<Self> {
        Ok(Self {
            compressor: BlockCompressor::new(Method::default())?,
            out: vec![0; ROOM],
        })
    }
}

impl Consumer for Encode {
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.compressor.compress(bytes, &mut self.out).map(drop)
    }
}

struct ToFile(File);

impl Consumer for ToFile {
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
}

/// Gathers bytes and hands them on in large chunks; only the handing on is timed.
struct Chunks<C> {
    consumer: C,
    buffer: Vec<u8>,
    seconds: f64,
}

impl<C: Consumer> Chunks<C> {
    fn new(consumer: C) -> Self {
        Self {
            consumer,
            buffer: Vec::with_capacity(CHUNK),
            seconds: 0.0,
        }
    }

    fn hand_on(&mut self) -> Result<()> {
        let begin = cpu()?;
        self.consumer.take(&self.buffer)?;
        self.seconds += cpu()? - begin;
        self.buffer.clear();
        Ok(())
    }

    fn end(mut self) -> Result<f64> {
        self.hand_on()?;
        Ok(self.seconds)
    }
}

impl<C: Consumer> Write for Chunks<C> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(CHUNK - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..count]);
        if self.buffer.len() == CHUNK {
            self.hand_on().map_err(io::Error::other)?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
