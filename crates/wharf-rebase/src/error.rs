//! Why a rebase fails.
use crate::Problem;
use wharf_image::{ImageError, MovedTag, StoreError, tag_race};
use wharf_spec::{digest::Digest, encode::EncodeError};

/// A failed rebase. Nothing was tagged unless the variant is [`Save`](Self::Save).
#[derive(Debug, thiserror::Error)]
pub enum RebaseError {
    /// No output is named.
    #[error("rebase: at least one image to write must be named")]
    NoOutput,
    /// Outputs are on two registries.
    #[error("write '{other}' and '{first}': writing to multiple registries is unsupported")]
    MultipleRegistries {
        /// The first output.
        first: String,
        /// The one elsewhere.
        other: String,
    },
    /// The app image cannot be read.
    #[error("access image to rebase")]
    ReadApp(#[source] StoreError),
    /// There is no app image.
    #[error("access image to rebase '{reference}': there is no such image")]
    AppNotFound {
        /// The image.
        reference: String,
    },
    /// The app image does not say how it was made.
    #[error(
        "read label io.buildpacks.lifecycle.metadata of '{reference}'; only images made by a lifecycle can be rebased"
    )]
    Metadata {
        /// The image.
        reference: String,
        /// What is wrong.
        #[source]
        source: MetadataError,
    },
    /// Neither an argument nor the app image names a run image.
    #[error("find run image: '{reference}' records none; give -run-image")]
    NoRunImageNamed {
        /// The app image.
        reference: String,
    },
    /// The run image cannot be read.
    #[error("access run image")]
    ReadRunImage(#[source] StoreError),
    /// There is no such run image.
    #[error(
        "access run image '{reference}': there is no such image, or none of its mirrors can be read"
    )]
    RunImageNotFound {
        /// The image.
        reference: String,
    },
    /// The new base does not fit.
    #[error("rebase: {}", list(problems))]
    Refused {
        /// Everything that speaks against it.
        problems: Vec<Problem>,
    },
    /// The app image does not stand on the run image its metadata name.
    #[error(
        "rebase '{reference}': it has no layer '{top_layer}', which its metadata record as the top of its run image"
    )]
    NoTopLayer {
        /// The app image.
        reference: String,
        /// The recorded layer.
        top_layer: String,
    },
    /// The new metadata have no text form.
    #[error("write label io.buildpacks.lifecycle.metadata")]
    Encode(#[source] EncodeError),
    /// The new image cannot be put together.
    #[error("make rebased image")]
    Seal(#[source] ImageError),
    /// The new image would not be one that every runtime accepts.
    #[error("make rebased image: {}", faults.join("; "))]
    Invalid {
        /// What is wrong with it.
        faults: Vec<String>,
    },
    /// What is under the name is not what was written.
    #[error(
        "read back '{reference}': it is {found} where {written} was written; another client may have written it at the same time"
    )]
    ReadBack {
        /// The output.
        reference: String,
        /// What was written.
        written: Digest,
        /// What was found.
        found: String,
    },
    /// Somebody else wrote the tag meanwhile, and it is to be left alone.
    #[error("save rebased image {written}: {}", tag_race::left_alone(moved))]
    TagMoved {
        /// The tag.
        moved: Vec<MovedTag>,
        /// What was to be written.
        written: Digest,
    },
    /// The new image cannot be written.
    #[error("save rebased image")]
    Save(#[source] StoreError),
}

impl RebaseError {
    /// Whether the same rebase may do later: the store is overloaded, out of order or away.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::ReadApp(error) | Self::ReadRunImage(error) | Self::Save(error) => {
                error.is_temporary()
            }
            _ => false,
        }
    }
}

/// Lifecycle metadata that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// There is no label.
    #[error("the image has no such label")]
    Missing,
    /// The label is too large.
    #[error("the label has {0} bytes, the limit is {max}", max = crate::labels::MAX_LABEL)]
    TooLarge(usize),
    /// The label is not what it should be.
    #[error("the label is malformed")]
    Malformed(#[source] serde_json::Error),
}

fn list(problems: &[Problem]) -> String {
    let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
    texts.join("; ")
}
