//! Images as documents, drafts of them, and what the reference wrote.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod documents;
mod draft;
mod golden;
mod rebase;
mod room;
mod validate;

use serde_json::Value;
use wharf_spec::reference::Reference;

pub(crate) fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

pub(crate) fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}
