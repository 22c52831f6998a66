//! One block of the archive as one gzip member or one zstd frame.
use super::Method;
#[cfg(feature = "igzip")]
use super::igzip;
use crate::{Compression, content::block::BLOCK};
use libdeflater::{CompressionLvl, Compressor};
use std::{fmt, io};

/// A compressed block is at most this much larger than the block.
const EXPANSION: usize = BLOCK / 64;

/// Bytes that any block fits into, compressed or not.
pub const ROOM: usize = BLOCK + EXPANSION;

/// Compresses blocks of at most one MiB; owned by one thread.
pub struct BlockCompressor(Library);

/// Who does the work.
enum Library {
    None,
    /// ISA-L, which is the default: as small as what the reference writes, at many times its speed.
    /// Short blocks are left to the other library for gzip.
    #[cfg(feature = "igzip")]
    Igzip(Compressor),
    Gzip(Compressor),
    Zstd(zstd::bulk::Compressor<'static>),
}

impl fmt::Debug for BlockCompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlockCompressor")
    }
}

impl BlockCompressor {
    /// A compressor of the method.
    pub fn new(method: Method) -> io::Result<Self> {
        Ok(Self(match (method.kind(), method.level()) {
            (Compression::None, _) => Library::None,
            #[cfg(feature = "igzip")]
            (Compression::Gzip, 1) => Library::Igzip(gzip(1)?),
            (Compression::Gzip, level) => Library::Gzip(gzip(level)?),
            (Compression::Zstd, level) => {
                Library::Zstd(zstd::bulk::Compressor::new(i32::from(level))?)
            }
        }))
    }

    /// Writes the compressed block to the front of `out`, which has [`ROOM`], and returns its length. `None` leaves
    /// the block as it is.
    pub fn compress(&mut self, block: &[u8], out: &mut [u8]) -> io::Result<Option<usize>> {
        let too_large = || io::Error::other("a compressed block is larger than it can be");
        match &mut self.0 {
            Library::None => return Ok(None),
            #[cfg(feature = "igzip")]
            Library::Igzip(_) if block.len() >= igzip::LEAST => igzip::compress(block, out),
            #[cfg(feature = "igzip")]
            Library::Igzip(compressor) => compressor
                .gzip_compress(block, out)
                .map_err(|_| too_large()),
            Library::Gzip(compressor) => compressor
                .gzip_compress(block, out)
                .map_err(|_| too_large()),
            Library::Zstd(compressor) => compressor.compress_to_buffer(block, out),
        }
        .map(Some)
    }
}

fn gzip(level: u8) -> io::Result<Compressor> {
    CompressionLvl::new(i32::from(level))
        .map(Compressor::new)
        .map_err(|_| io::Error::other("unknown gzip level"))
}
