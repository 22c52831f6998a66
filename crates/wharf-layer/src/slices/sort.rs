//! One walk over the app that sorts every path into slices.
use super::pattern::{Fit, Pattern};
use crate::{LayerError, content::walk::sorted_names};
use std::{
    ffi::OsString,
    fs, io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    vec,
};

/// Number of a slice.
type Slice = usize;

pub(super) struct Sorter<'a> {
    patterns: &'a [(Slice, Pattern)],
    root: &'a Path,
    /// Paths per slice; the last are in none.
    layers: Vec<Vec<PathBuf>>,
}

/// A directory whose entries are being sorted.
struct Open<'a> {
    names: vec::IntoIter<OsString>,
    /// The slice that matches the directory itself or one above it.
    matched: Option<Slice>,
    /// Patterns that lead here and further down.
    leading: Vec<&'a (Slice, Pattern)>,
    /// Slices with something from below here.
    used: Vec<bool>,
    children: Children,
}

/// When the last entry of a directory goes into a slice.
#[derive(Clone, Copy)]
enum Children {
    None,
    /// All of them, the last into this slice.
    Sliced(Slice),
    /// At least one goes into the last layer.
    Left,
}

impl Children {
    /// With another child that goes into `slice`, or into none.
    fn and(self, slice: Option<Slice>) -> Self {
        match (self, slice) {
            (Self::Left, _) | (_, None) => Self::Left,
            (Self::None, Some(slice)) => Self::Sliced(slice),
            (Self::Sliced(last), Some(slice)) => Self::Sliced(last.max(slice)),
        }
    }

    /// The slice after which the directory counts as sliced though no pattern matches it.
    fn completed(self) -> Option<Slice> {
        match self {
            Self::Sliced(slice) => Some(slice),
            Self::None | Self::Left => None,
        }
    }
}

impl<'a> Sorter<'a> {
    pub(super) fn new(root: &'a Path, patterns: &'a [(Slice, Pattern)], slices: usize) -> Self {
        Self {
            patterns,
            root,
            layers: vec![Vec::new(); slices + 1],
        }
    }

    /// The paths of every slice and of the rest, in byte order.
    pub(super) fn walk(mut self) -> Result<Vec<Vec<PathBuf>>, LayerError> {
        let mut path = self.root.to_owned();
        let whole = self.patterns.iter().filter(|(_, p)| p.is_root());
        let matched = whole.map(|(slice, _)| *slice).min();
        let mut stack = vec![self.open(&path, matched, self.patterns.iter().collect())?];
        while let Some(mut open) = stack.pop() {
            let Some(name) = open.names.next() else {
                self.close(&path, open, stack.last_mut());
                path.pop();
                continue;
            };
            let (matched, leading) = judge(&open, stack.len(), name.as_bytes());
            path.push(name);
            let metadata = fs::symlink_metadata(&path).map_err(|source| failed(&path, source))?;
            if metadata.is_dir() {
                stack.push(open);
                stack.push(self.open(&path, matched, leading)?);
                continue;
            }
            if let Some(slice) = matched {
                open.used[slice] = true;
            }
            open.children = open.children.and(matched);
            self.put(matched, &path);
            stack.push(open);
            path.pop();
        }
        for paths in &mut self.layers {
            paths.sort_unstable_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
        }
        Ok(self.layers)
    }

    fn open(
        &self,
        path: &Path,
        matched: Option<Slice>,
        leading: Vec<&'a (Slice, Pattern)>,
    ) -> Result<Open<'a>, LayerError> {
        Ok(Open {
            names: sorted_names(path)?,
            matched,
            leading,
            used: vec![false; self.layers.len() - 1],
            children: Children::None,
        })
    }

    /// Everything below the directory is sorted: now the directory itself.
    fn close(&mut self, path: &Path, open: Open<'_>, parent: Option<&mut Open<'_>>) {
        let completed = open.children.completed();
        // Once all children are gone, a later slice does not bring the empty shell again.
        let own = open
            .matched
            .filter(|slice| completed.is_none_or(|completed| *slice <= completed));
        let mut used = open.used;
        if let Some(slice) = own {
            used[slice] = true;
        }
        let sliced = own.or(completed);
        for (slice, _) in used.iter().enumerate().filter(|(_, used)| **used) {
            self.put(Some(slice), path);
        }
        if sliced.is_none() {
            self.put(None, path);
        }
        if let Some(parent) = parent {
            parent.children = parent.children.and(sliced);
            for (above, below) in parent.used.iter_mut().zip(used) {
                *above |= below;
            }
        }
    }

    fn put(&mut self, slice: Option<Slice>, path: &Path) {
        let index = slice.unwrap_or(self.layers.len() - 1);
        self.layers[index].push(path.to_owned());
    }
}

/// The slice that takes `name`, and the patterns that lead on from there.
fn judge<'a>(
    open: &Open<'a>,
    depth: usize,
    name: &[u8],
) -> (Option<Slice>, Vec<&'a (Slice, Pattern)>) {
    let mut matched = open.matched;
    let mut leading = Vec::new();
    for candidate in &open.leading {
        let (slice, pattern) = *candidate;
        match pattern.fit(depth, name) {
            Fit::No => {}
            Fit::Partly => leading.push(*candidate),
            Fit::Whole => matched = Some(matched.map_or(*slice, |other| other.min(*slice))),
        }
    }
    (matched, leading)
}

fn failed(path: &Path, source: io::Error) -> LayerError {
    if source.kind() == io::ErrorKind::NotFound {
        LayerError::Changed { path: path.into() }
    } else {
        LayerError::Io {
            action: "read",
            path: path.into(),
            source,
        }
    }
}
