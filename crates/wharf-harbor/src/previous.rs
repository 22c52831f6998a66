//! The image that an export supersedes.
use crate::{Harbor, HarborError, error::HarborErrorKind, rooms::split};
use wharf_spec::{digest::Digest, reference::Reference};

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Previous {
    /// It is deleted.
    Deleted,
    /// It is kept, for this reason.
    Kept(String),
}

impl Harbor {
    /// Deletes `digest` from the repository of `at` if nothing holds it any more: no tag, no signature or other
    /// artifact that refers to it, and no index.
    pub fn delete_superseded(
        &self,
        at: &Reference,
        digest: Digest,
    ) -> Result<Previous, HarborError> {
        let kept = |why: &str| Ok(Previous::Kept(why.to_owned()));
        let Some(place) = split(at) else {
            return kept("its repository is in no project");
        };
        let Some(artifact) = self.artifact(place, &digest.to_string())? else {
            return kept("it is gone already");
        };
        if let Some(tag) = artifact.tags.first() {
            return Ok(Previous::Kept(format!("tag '{}' is on it", tag.name)));
        }
        if !artifact.accessories.is_empty() {
            return kept("other artifacts refer to it");
        }
        match self.delete_artifact(place, digest) {
            Ok(true) => Ok(Previous::Deleted),
            Ok(false) => kept("it is gone already"),
            // Only Harbor knows at this moment which indices name it.
            Err(HarborError {
                kind: HarborErrorKind::Precondition { detail },
                ..
            }) => Ok(Previous::Kept(detail)),
            Err(error) => Err(error),
        }
    }
}
