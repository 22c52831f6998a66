//! App slices (buildpack spec, "Slice Layers") and the glob grammar they use.
mod glob;
mod pattern;
mod sort;

pub use glob::{Glob, SyntaxError};

use crate::{LayerContent, LayerError, Owner, content::walk::checked_root};
use pattern::Pattern;
use sort::Sorter;
use std::path::Path;
use wharf_spec::files::launch::Slice;

/// One layer per slice in order, then one with the rest of the app. A path is in the first slice that matches it;
/// a matched directory brings its subtree; symbolic links are not followed.
///
/// Directories above a matched path are in its layer too. A directory is not in the last layer once everything in
/// it is in slices. A slice that matches nothing is a layer without entries. The app is walked once.
pub fn split(app: &Path, slices: &[Slice], owner: Owner) -> Result<Vec<LayerContent>, LayerError> {
    let root = checked_root(app)?;
    let mut patterns = Vec::new();
    for (slice, paths) in slices.iter().map(|slice| &slice.paths).enumerate() {
        for path in paths {
            patterns.push((slice, Pattern::new(path, &root)?));
        }
    }
    let sorter = Sorter::new(&root, &patterns, slices.len());
    let layers = sorter.walk()?.into_iter().map(|paths| LayerContent::Paths {
        root: root.clone(),
        paths,
        owner,
    });
    Ok(layers.collect())
}
