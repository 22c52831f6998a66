//! One block of the archive as one gzip member or one zstd frame.
use crate::Compression;
use libdeflater::{CompressionLvl, Compressor};
use std::{fmt, io};

/// Bytes of the archive that are compressed on their own.
pub(super) const BLOCK: usize = 1024 * 1024;

/// libdeflate's fastest is smaller than what the reference writes and twice as fast.
const GZIP_LEVEL: i32 = 1;
/// Below this zstd gains little over gzip.
const ZSTD_LEVEL: i32 = 3;

/// Compresses blocks; owned by one thread.
pub(super) enum BlockCompressor {
    None,
    Gzip(Compressor),
    Zstd(zstd::bulk::Compressor<'static>),
}

impl fmt::Debug for BlockCompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlockCompressor")
    }
}

impl BlockCompressor {
    pub(super) fn new(compression: Compression) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::None,
            Compression::Gzip => {
                let level = CompressionLvl::new(GZIP_LEVEL)
                    .map_err(|_| io::Error::other("unknown gzip level"))?;
                Self::Gzip(Compressor::new(level))
            }
            Compression::Zstd => Self::Zstd(zstd::bulk::Compressor::new(ZSTD_LEVEL)?),
        })
    }

    pub(super) fn compress(&mut self, block: Vec<u8>) -> io::Result<Vec<u8>> {
        match self {
            Self::None => Ok(block),
            Self::Gzip(compressor) => {
                let mut out = vec![0; compressor.gzip_compress_bound(block.len())];
                let size = compressor
                    .gzip_compress(&block, &mut out)
                    .map_err(|_| io::Error::other("gzip block does not fit its bound"))?;
                out.truncate(size);
                Ok(out)
            }
            Self::Zstd(compressor) => compressor.compress(&block),
        }
    }
}
