//! Which run image or mirror a build takes (platform spec, "Run Image Resolution").
use wharf_spec::{files::run::RunImageMetadata, reference::Reference};

/// The best name for `candidate` when the app goes to `registry`: one on that registry that is readable, else the
/// first readable in order (image first). `None` when none is readable.
pub fn best(
    candidate: &RunImageMetadata,
    registry: &str,
    readable: &mut dyn FnMut(&Reference) -> bool,
) -> Option<String> {
    let _ = (candidate, registry, readable);
    todo!()
}
