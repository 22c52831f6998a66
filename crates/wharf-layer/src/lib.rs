//! A layer as a directory, as metadata and as a reproducible tarball (buildpack spec, "Layer Types";
//! platform spec, "Exporter").
//!
//! | module | what |
//! |---|---|
//! | [`content`] | what goes into one layer: a directory tree, app paths, the launcher, process links |
//! | [`tar`] | the archive format, byte for byte as the reference writes it |
//! | [`encode`] | one pass: tar stream, diff ID, compression on all cores, digest, blob |
//! | [`blob`] | compressed bytes with their digests, and readers that verify |
//! | [`checksum`] | what the bytes of an archive must turn out to be |
//! | [`fingerprint`] | whether files are still as they were, by `lstat` alone |
//! | [`extract`] | archives back into directories, confined |
//! | [`slices`] | app paths by glob |
//! | [`layers_dir`] | what buildpacks left below the layers directory |
//! | [`sbom`] | SBOM files below the layers directory |
pub mod blob;
pub mod checksum;
pub mod content;
pub mod encode;
pub mod error;
pub mod extract;
pub mod fingerprint;
pub mod layers_dir;
pub mod sbom;
pub mod slices;
pub mod tar;

pub use blob::{Blob, BlobSource, Compression, VerifyingReader};
pub use checksum::{Checksum, Sealer};
pub use content::{LayerContent, Owner};
pub use encode::{Encoder, Method, MethodError};
pub use error::LayerError;
