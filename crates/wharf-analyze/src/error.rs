//! Why analysis fails.
use std::{fmt, io, path::PathBuf};
use wharf_image::StoreError;
use wharf_layer::extract::ExtractError;

/// A failed analysis.
#[derive(Debug, thiserror::Error)]
pub enum AnalyzeError {
    /// Tags are on two registries.
    #[error("write '{other}' and '{first}': writing to multiple registries is unsupported")]
    MultipleRegistries {
        /// The app image.
        first: String,
        /// The tag elsewhere.
        other: String,
    },
    /// An image cannot be read or written.
    #[error("ensure registry {access} access to {reference}")]
    Access {
        /// "read" or "read/write".
        access: &'static str,
        /// The image.
        reference: String,
        /// Why not.
        #[source]
        source: StoreError,
    },
    /// Neither an argument nor a file names a run image.
    #[error("find accessible run image; none is named: give -run-image, or list it in run.toml")]
    NoRunImageNamed,
    /// No name of the run image can be read.
    #[error("find accessible run image; tried {}", list(candidates))]
    NoRunImage {
        /// Every name with the reason.
        candidates: Vec<Candidate>,
    },
    /// The run image that was asked for does not exist.
    #[error("find run image '{reference}': there is no such image")]
    RunImageNotFound {
        /// The image.
        reference: String,
    },
    /// The run image cannot be read.
    #[error("read run image")]
    ReadRunImage(#[source] StoreError),
    /// The run image is built for something else.
    #[error("use run image '{reference}': it is for {actual}, the app is built for {wanted}")]
    WrongPlatform {
        /// The image.
        reference: String,
        /// Its platform.
        actual: String,
        /// The platform of the build.
        wanted: String,
    },
    /// The run image does not say what it runs on.
    #[error("use run image '{reference}': its config names no operating system")]
    NoOs {
        /// The image.
        reference: String,
    },
    /// The previous image cannot be read.
    #[error("read previous image")]
    ReadPrevious(#[source] StoreError),
    /// The SBOM layer of the previous image is not in it.
    #[error(
        "restore SBOM of previous image '{reference}': its metadata names layer {diff_id}, which it lacks"
    )]
    NoSbomLayer {
        /// The image.
        reference: String,
        /// The layer.
        diff_id: String,
    },
    /// The SBOM layer of the previous image cannot be fetched.
    #[error("restore SBOM of previous image; -skip-layers builds without it")]
    ReadSbom(#[source] StoreError),
    /// The SBOM layer of the previous image cannot be extracted.
    #[error("restore SBOM of previous image '{reference}'; -skip-layers builds without it")]
    ExtractSbom {
        /// The image.
        reference: String,
        /// Why not.
        #[source]
        source: ExtractError,
    },
    /// A directory could not be put in place.
    #[error("{action} '{}'", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

/// A name of the run image that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The name.
    pub reference: String,
    /// Why it cannot be used.
    pub reason: String,
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' ({})", self.reference, self.reason)
    }
}

fn list(candidates: &[Candidate]) -> String {
    let texts: Vec<_> = candidates.iter().map(ToString::to_string).collect();
    texts.join(", ")
}
