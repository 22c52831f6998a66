//! ISA-L's encoder, made to give the same bytes wherever its state happens to lie in memory.
//!
//! Its body for level 1 enters the third position of a block into the hash table under a slot computed from the address of
//! its own state instead of from the data (`tmp2` after `.write_first_byte` in `igzip_icf_body_h1_gr_bt.asm`). That is
//! harmless unless the slot is one that the first positions really belong to: then a later match is found or missed by
//! chance, about once in 3,000 blocks. The state lies in the frame of [`compress_here`], so the slots it may lead to are
//! known beforehand. Where one of them would matter, the block is compressed by a thread whose stack is elsewhere.
use std::{io, thread};

/// Blocks shorter than this use a smaller hash table, and are left to another library.
pub(super) const LEAST: usize = 16 * 1024;

/// Slots of the hash table.
const MASK: u32 = 8191;
/// The state is at most this far from a variable in the same frame.
const REACH: usize = 256 * 1024;
/// Stacks that are tried; all but the first few are never needed.
const STACKS: usize = 16;
/// How much one of them is larger than the one before, so that it does not take its place.
const STACK: usize = 1 << 20;

/// Writes the compressed block to the front of `out` and returns its length.
pub(super) fn compress(block: &[u8], out: &mut [u8]) -> io::Result<usize> {
    if let Some(length) = compress_here(block, out)? {
        return Ok(length);
    }
    for number in 2..STACKS {
        let length = thread::scope(|scope| {
            thread::Builder::new()
                .stack_size(number * STACK)
                .spawn_scoped(scope, || compress_here(block, out))
                .and_then(|thread| {
                    thread
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
        })?;
        if let Some(length) = length {
            return Ok(length);
        }
    }
    Err(io::Error::other("no stack is fit to compress a block on"))
}

/// Compresses unless the place of this very frame would show in the output.
#[inline(never)]
fn compress_here(block: &[u8], out: &mut [u8]) -> io::Result<Option<usize>> {
    let place = 0_u8;
    if shows(block, std::ptr::from_ref(&place).addr()) {
        return Ok(None);
    }
    let (level, codec) = (isal::CompressionLevel::One, isal::Codec::Gzip);
    isal::compress_into(block, out, level, codec)
        .map(Some)
        .map_err(|_| io::Error::other("a compressed block is larger than it can be"))
}

/// Whether a state near `place` may lead to a slot of one of the first positions.
fn shows(block: &[u8], place: usize) -> bool {
    let slots = [0, 1, 2].map(|position| {
        let bytes = block.get(position..).and_then(<[u8]>::first_chunk);
        bytes.map(|bytes| slot(u32::from_le_bytes(*bytes)))
    });
    let (first, last) = (
        place.saturating_sub(REACH) >> 16,
        place.saturating_add(REACH) >> 16,
    );
    (first..=last).any(|upper| {
        let [b0, b1, b2, b3, ..] = upper.to_le_bytes();
        slots.contains(&Some(slot(u32::from_le_bytes([b0, b1, b2, b3]))))
    })
}

/// The slot of four bytes: the processor's CRC-32C of them, without the usual inversions.
fn slot(bytes: u32) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
    (0..32).fold(bytes, step) & MASK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_the_crc_of_its_bytes() {
        // CRC-32C of "1234" as the processor computes it from zero.
        let whole = (0..32).fold(u32::from_le_bytes(*b"1234"), |crc: u32, _| {
            (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg())
        });
        assert_eq!(slot(u32::from_le_bytes(*b"1234")), whole & MASK);
        assert_eq!(slot(0), 0);
    }

    /// Places are chosen by the system, so that this finds a difference by chance only; it has found them.
    #[test]
    fn bytes_do_not_depend_on_the_stack() {
        let header: Vec<u8> = b"/layers/example/name"
            .iter()
            .copied()
            .chain([0; 1000])
            .collect();
        let block = header.repeat(2 * LEAST / header.len());
        let compressed = |stack: usize| {
            let block = &block;
            thread::scope(|scope| {
                thread::Builder::new()
                    .stack_size(stack)
                    .spawn_scoped(scope, move || {
                        let mut out = vec![0; 2 * block.len()];
                        let length = compress(block, &mut out).unwrap();
                        out.truncate(length);
                        out
                    })
                    .unwrap()
                    .join()
                    .unwrap()
            })
        };
        let expected = compressed(2 * STACK);
        for size in 0..200 {
            assert!(
                compressed(2 * STACK + size * (64 << 10)) == expected,
                "{size}"
            );
        }
    }
}
