//! Bytes, shared blobs counted once.
use super::inventory::Item;
use std::collections::{HashMap, HashSet};
use wharf_spec::digest::Digest;

/// Bytes of all blobs of `items`, each once.
pub(crate) fn union<'a>(items: impl IntoIterator<Item = &'a Item>) -> u64 {
    let blobs: HashMap<Digest, u64> = items.into_iter().flat_map(blobs).copied().collect();
    blobs.values().sum()
}

/// Bytes that go with `going` and with nothing less: blobs that none of `staying` names. `None` when a manifest of
/// those that stay could not be read, so that nobody can tell.
pub(crate) fn freed<'a>(
    going: impl IntoIterator<Item = &'a Item>,
    staying: impl IntoIterator<Item = &'a Item>,
) -> Option<u64> {
    let mut held = HashSet::new();
    for item in staying {
        held.extend(item.blobs.as_ref()?.iter().map(|(digest, _)| *digest));
    }
    let mut freed = HashMap::new();
    for item in going {
        freed.extend(item.blobs.as_ref()?.iter().copied());
    }
    freed.retain(|digest, _| !held.contains(digest));
    Some(freed.values().sum())
}

/// Bytes of one repository.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Share {
    /// Of blobs that no other repository has.
    pub(crate) own: u64,
    /// Of blobs that go when what is to go goes from this repository alone.
    pub(crate) going: u64,
}

/// The share of each repository, where `goes` tells of each item whether it is to go. `None` when a manifest could not
/// be read, so that nobody can tell.
pub(crate) fn shares<'a>(items: &'a [Item], goes: &[bool]) -> Option<HashMap<&'a str, Share>> {
    struct Use<'a> {
        size: u64,
        /// None for several.
        repository: Option<&'a str>,
        held: bool,
    }
    let mut uses: HashMap<Digest, Use<'a>> = HashMap::new();
    for (item, goes) in items.iter().zip(goes) {
        let repository = item.repository.as_str();
        for (digest, size) in item.blobs.as_ref()? {
            let seen = uses.entry(*digest).or_insert(Use {
                size: *size,
                repository: Some(repository),
                held: false,
            });
            seen.repository = seen.repository.filter(|known| *known == repository);
            seen.held |= !goes;
        }
    }
    let mut shares: HashMap<&str, Share> = HashMap::new();
    for seen in uses.values() {
        if let Some(repository) = seen.repository {
            let share = shares.entry(repository).or_default();
            share.own += seen.size;
            share.going += if seen.held { 0 } else { seen.size };
        }
    }
    Some(shares)
}

/// Bytes each of `items`, the oldest first, added to those before it.
pub(crate) fn added<'a>(items: impl IntoIterator<Item = &'a Item>) -> Vec<u64> {
    let mut known = HashSet::new();
    let added = items.into_iter().map(|item| {
        let new = blobs(item).filter(|(digest, _)| known.insert(*digest));
        new.map(|(_, size)| size).sum()
    });
    added.collect()
}

fn blobs(item: &Item) -> impl Iterator<Item = &(Digest, u64)> {
    item.blobs.iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(blobs: &[(u8, u64)]) -> Item {
        let blobs = blobs
            .iter()
            .map(|(name, size)| (Digest::from_bytes([*name; 32]), *size));
        Item {
            blobs: Some(blobs.collect()),
            ..Item::default()
        }
    }

    #[test]
    fn shared_blobs_count_once_and_go_with_the_last() {
        let base = (1, 1000);
        let (first, second, third) = (
            item(&[base, (2, 10)]),
            item(&[base, (3, 20), (4, 5)]),
            item(&[base, (3, 20)]),
        );
        assert_eq!(union([&first, &second, &third]), 1035);
        assert_eq!(freed([&first], [&second, &third]), Some(10));
        assert_eq!(freed([&second], [&first, &third]), Some(5));
        assert_eq!(freed([&second, &third], [&first]), Some(25));
        assert_eq!(freed([&first, &second, &third], []), Some(1035));
        assert_eq!(added([&first, &second, &third]), [1010, 25, 0]);
    }

    #[test]
    fn repositories_share_what_both_name() {
        let in_repository = |name: &str, blobs: &[(u8, u64)]| Item {
            repository: name.to_owned(),
            ..item(blobs)
        };
        let items = [
            in_repository("a", &[(1, 1000), (2, 10), (3, 1)]),
            in_repository("a", &[(1, 1000), (3, 1), (4, 20)]),
            in_repository("b", &[(1, 1000), (2, 10), (5, 5)]),
        ];
        let shares = |goes: [bool; 3]| {
            let shares = shares(&items, &goes).unwrap();
            ["a", "b"].map(|name| (shares[name].own, shares[name].going))
        };
        assert_eq!(shares([true, false, false]), [(21, 0), (5, 0)]);
        assert_eq!(shares([true, true, false]), [(21, 21), (5, 0)]);
        assert_eq!(shares([true, true, true]), [(21, 21), (5, 5)]);
    }

    #[test]
    fn what_cannot_be_read_makes_the_sum_unknown() {
        let unread = Item::default();
        assert_eq!(freed([&item(&[(1, 1)])], [&unread]), None);
        assert_eq!(freed([&unread], [&item(&[(1, 1)])]), None);
    }
}
