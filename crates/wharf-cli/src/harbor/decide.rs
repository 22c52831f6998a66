//! What goes and what stays, with reasons.
use super::inventory::Item;
use std::collections::{BTreeMap, HashMap, HashSet};
use wharf_fleet::Pattern;
use wharf_spec::digest::Digest;

/// What is told about what stays.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// Only this repository; all when there is none.
    pub(crate) repository: Option<String>,
    /// Newest images of each repository that stay.
    pub(crate) keep: usize,
    /// Images with such tags do not count among the newest.
    pub(crate) keep_tags: Vec<Pattern>,
    /// Digests that stay: named, or in use.
    pub(crate) keep_digests: HashSet<Digest>,
    pub(crate) in_use: HashSet<Digest>,
    /// Only what was pushed before goes; RFC 3339, to the second.
    pub(crate) before: Option<String>,
}

/// Whether an item goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It stays, for this reason.
    Stays(String),
    /// Nothing holds it.
    Goes,
    /// It goes because what it belongs to goes.
    GoesWith(Digest),
}

impl Fate {
    pub(crate) fn goes(&self) -> bool {
        !matches!(self, Self::Stays(_))
    }
}

/// Decides about each of `items`, in their order.
pub(crate) fn decide(items: &[Item], rules: &Rules) -> Vec<Fate> {
    let newest = newest(items, rules);
    let mut fates: Vec<Fate> = items
        .iter()
        .enumerate()
        .map(|(index, item)| own_reason(item, rules, newest.contains(&index)))
        .collect();
    let links = Links::of(items);
    links.spread(items, &mut fates);
    for (index, owner) in links.owners {
        if fates[index] == Fate::Goes
            && let Some(digest) = items[owner].digest
        {
            fates[index] = Fate::GoesWith(digest);
        }
    }
    fates
}

/// What holds what: indices their entries, images what refers to them, and the other way round, since deleting an image
/// takes along what refers to it, and deleting an index its entries.
#[derive(Debug, Default)]
struct Links {
    /// From and to subjects: by holder, what it holds, and why.
    refers: Holds,
    /// From indices to their entries.
    entries: Holds,
    /// From entries to their indices.
    indices: Holds,
    /// What goes along with what.
    owners: Vec<(usize, usize)>,
}

type Holds = HashMap<usize, Vec<(usize, String)>>;

impl Links {
    fn of(items: &[Item]) -> Self {
        let places: HashMap<(&str, Digest), usize> = items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| Some(((item.repository.as_str(), item.digest?), index)))
            .collect();
        let mut links = Self::default();
        for (index, item) in items.iter().enumerate() {
            let place = |digest: &Digest| places.get(&(item.repository.as_str(), *digest));
            for child in item.children.iter().filter_map(place) {
                let why = format!("entry of {}", name(item));
                hold(&mut links.entries, index, (*child, why));
                // Deleting an index takes entries without a tag along.
                let why = format!("its entry {} stays", name(&items[*child]));
                hold(&mut links.indices, *child, (index, why));
                links.owners.push((*child, index));
            }
            for accessory in item.accessories.iter().filter_map(place) {
                links.refer(items, *accessory, index);
            }
            if let Some(subject) = item.subject.as_ref().and_then(place) {
                links.refer(items, index, *subject);
            }
        }
        links
    }

    fn refer(&mut self, items: &[Item], from: usize, to: usize) {
        let why = format!("refers to {}", name(&items[to]));
        hold(&mut self.refers, to, (from, why));
        let why = format!("{} refers to it", name(&items[from]));
        hold(&mut self.refers, from, (to, why));
        self.owners.push((from, to));
    }

    /// What stays lets stay what it holds. First what stays by itself, up to the indices that would take it along; only
    /// then down to entries, since what stays for one index need not hold another.
    fn spread(&self, items: &[Item], fates: &mut [Fate]) {
        let up = |holder: usize| {
            let is_taken_along = items[holder].tags.is_empty();
            let indices = is_taken_along.then(|| self.indices.get(&holder)).flatten();
            self.refers
                .get(&holder)
                .into_iter()
                .chain(indices)
                .flatten()
        };
        follow(fates, up);
        let down = |holder: usize| {
            let entries = self.entries.get(&holder);
            self.refers
                .get(&holder)
                .into_iter()
                .chain(entries)
                .flatten()
        };
        follow(fates, down);
    }
}

fn hold(holds: &mut Holds, holder: usize, held: (usize, String)) {
    holds.entry(holder).or_default().push(held);
}

fn follow<'a, I>(fates: &mut [Fate], holds: impl Fn(usize) -> I)
where
    I: Iterator<Item = &'a (usize, String)>,
{
    let mut queue: Vec<usize> = (0..fates.len())
        .filter(|index| !fates[*index].goes())
        .collect();
    while let Some(holder) = queue.pop() {
        for (held, why) in holds(holder) {
            if fates[*held].goes() {
                fates[*held] = Fate::Stays(why.clone());
                queue.push(*held);
            }
        }
    }
}

fn name(item: &Item) -> String {
    item.digest
        .map_or_else(String::new, |digest| digest.to_string())
}

/// Places of the newest images of each repository.
fn newest(items: &[Item], rules: &Rules) -> HashSet<usize> {
    let mut by_repository: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let exempt = |tag: &String| rules.keep_tags.iter().any(|pattern| pattern.matches(tag));
        if !item.is_part && item.subject.is_none() && !item.tags.iter().any(exempt) {
            by_repository
                .entry(&item.repository)
                .or_default()
                .push(index);
        }
    }
    by_repository
        .into_values()
        .flat_map(|mut places| {
            places.sort_by(|one, other| items[*other].pushed.cmp(&items[*one].pushed));
            places.truncate(rules.keep);
            places
        })
        .collect()
}

/// Why an item stays by itself.
fn own_reason(item: &Item, rules: &Rules, is_newest: bool) -> Fate {
    let stays = |why: &str| Fate::Stays(why.to_owned());
    let Some(digest) = item.digest else {
        return stays("it has no digest");
    };
    if rules.in_use.contains(&digest) {
        return stays("in use");
    }
    if rules.keep_digests.contains(&digest) {
        return stays("named");
    }
    if let Some(tag) = item.tags.first() {
        return Fate::Stays(format!("tag {tag}"));
    }
    if rules
        .repository
        .as_ref()
        .is_some_and(|name| *name != item.repository)
    {
        return stays("in another repository");
    }
    if item.blobs.is_none() {
        return stays("its manifest cannot be read");
    }
    if is_newest {
        return Fate::Stays(format!("among the newest {}", rules.keep));
    }
    let second = item.pushed.get(..19);
    let is_young = |before: &String| second.is_none_or(|second| Some(second) >= before.get(..19));
    if rules.before.as_ref().is_some_and(is_young) {
        return stays("too young");
    }
    Fate::Goes
}

#[cfg(test)]
mod tests;
