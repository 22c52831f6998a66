//! Which layers go when a cache is too large.
use wharf_spec::digest::Digest;

/// A layer in the next contents of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Diff ID.
    pub diff_id: Digest,
    /// Bytes it takes.
    pub bytes: u64,
    /// When a build last made use of it, in seconds since 1970; 0 when nobody knows.
    pub used: i64,
}

/// The layers to leave out so that the rest has at most `limit` bytes: those not used for the longest time, and of those
/// used alike the largest, so that few have to be made again.
pub fn excess(mut held: Vec<Held>, limit: u64) -> Vec<Digest> {
    held.sort_by_key(|layer| (layer.used, std::cmp::Reverse(layer.bytes), layer.diff_id));
    let mut bytes = held.iter().map(|layer| layer.bytes).sum::<u64>();
    let mut left_out = Vec::new();
    for layer in held {
        if bytes <= limit {
            break;
        }
        bytes -= layer.bytes;
        left_out.push(layer.diff_id);
    }
    left_out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(name: u8, bytes: u64, used: i64) -> Held {
        Held {
            diff_id: Digest::from_bytes([name; 32]),
            bytes,
            used,
        }
    }

    fn names(all: &[Held], limit: u64) -> Vec<u8> {
        let left_out = excess(all.to_vec(), limit);
        let name = |digest| (1..9).find(|name| held(*name, 0, 0).diff_id == digest);
        left_out.into_iter().filter_map(name).collect()
    }

    #[test]
    fn what_was_not_used_for_long_goes_first_and_of_the_rest_the_largest() {
        let all = [
            held(1, 10, 200),
            held(2, 30, 200),
            held(3, 5, 100),
            held(4, 50, 300),
        ];
        assert_eq!(names(&all, 95), [] as [u8; 0]);
        assert_eq!(names(&all, 94), [3]);
        assert_eq!(names(&all, 89), [3, 2]);
        assert_eq!(names(&all, 59), [3, 2, 1]);
        assert_eq!(names(&all, 0), [3, 2, 1, 4]);
    }
}
