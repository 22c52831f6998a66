//! What can be wrong with inputs.
use crate::flags::{Origin, ValueError};
use wharf_harbor::ModeError;
use wharf_image::{StoreError, TagRaceError};
use wharf_layer::MethodError;
use wharf_spec::{id::IdError, reference::ReferenceError};

/// An input that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// A value of the wrong kind.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// `WHARF_LAYER_COMPRESSION` is no method.
    #[error("read WHARF_LAYER_COMPRESSION")]
    Compression(#[source] MethodError),
    /// A variable is no size.
    #[error(
        "read {variable}: '{text}' is no size; write bytes, or a number with K, M, G, T, Ki, Mi, Gi or Ti"
    )]
    Size {
        /// Its name.
        variable: &'static str,
        /// The value.
        text: String,
    },
    /// A variable is no number of seconds.
    #[error("read {variable}: '{text}' is no number of seconds")]
    Seconds {
        /// Its name.
        variable: &'static str,
        /// The value.
        text: String,
    },
    /// `WHARF_HARBOR` is none of its values.
    #[error("read WHARF_HARBOR")]
    Harbor(#[source] ModeError),
    /// `WHARF_PRUNE_PREVIOUS` is none of its values.
    #[error("read WHARF_PRUNE_PREVIOUS: '{0}' is none of 1, true, 0 and false")]
    PrunePrevious(String),
    /// `WHARF_TAG_RACE` is none of its values.
    #[error("read WHARF_TAG_RACE")]
    TagRace(#[source] TagRaceError),
    /// A value that is no image reference.
    #[error("read {origin}")]
    Reference {
        /// Where it came from.
        origin: Origin,
        /// What is wrong.
        #[source]
        source: ReferenceError,
    },
    /// An argument that is no image reference.
    #[error("read image argument")]
    Image(#[source] ReferenceError),
    /// A path outside of the layout directory.
    #[error("read {origin}")]
    LayoutPath {
        /// Where it came from.
        origin: Origin,
        /// What is wrong.
        #[source]
        source: StoreError,
    },
    /// No image was named.
    #[error("find the output image: no image argument was given")]
    NoImage,
    /// An execution environment that is none.
    #[error("read CNB_EXEC_ENV")]
    ExecEnv(#[source] IdError),
    /// A Docker daemon was asked for.
    #[error(
        "use a Docker daemon ({origin}): it is not supported; write to a registry (with pack: add --publish), or to OCI layouts with -layout and -layout-dir"
    )]
    Daemon {
        /// Who asked for it.
        origin: Origin,
    },
    /// Layout mode without a place.
    #[error("use OCI layouts ({origin}): -layout-dir or CNB_LAYOUT_DIR must name their directory")]
    LayoutWithoutDir {
        /// Who asked for it.
        origin: Origin,
    },
    /// An experimental feature without consent.
    #[error(
        "use experimental feature '{feature}': set CNB_EXPERIMENTAL_MODE to warn, quiet or silent to allow it"
    )]
    Experimental {
        /// The feature.
        feature: &'static str,
    },
    /// A mode that is none.
    #[error("CNB_EXPERIMENTAL_MODE is '{0}', expected quiet, silent, warn or error")]
    ExperimentalMode(String),
    /// A log level that is none.
    #[error("{origin} is '{text}', expected debug, info, warn, error or fatal")]
    LogLevel {
        /// Where it came from.
        origin: Origin,
        /// What it is.
        text: String,
    },
    /// The exporter was given another run image.
    #[error(
        "use -run-image {named}: it is unsupported here unless it names the image in analyzed.toml, '{analyzed}'; give it to the analyzer"
    )]
    RunImageUnsupported {
        /// What was given.
        named: String,
        /// What the analyzer found.
        analyzed: String,
    },
    /// The exporter was given a deprecated flag.
    #[error(
        "use -image: it is unsupported here, the run image comes from analyzed.toml; give it to the analyzer as -run-image"
    )]
    ImageUnsupported,
    /// The rebaser was given both flags.
    #[error("use -image and -run-image: they mean the same, give one of them")]
    BothRunImages,
    /// Images on two registries.
    #[error("write '{other}' and '{first}': writing to multiple registries is unsupported")]
    MultipleRegistries {
        /// The first.
        first: String,
        /// The one elsewhere.
        other: String,
    },
    /// An image to write that is named by digest.
    #[error("write '{image}': an image is written to a tag, not to a digest; leave the digest out")]
    DigestToWrite {
        /// The image.
        image: String,
    },
}
