//! The crate as its users see it, one module per public module.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]
mod content;
mod encode;
mod extract;
mod fingerprint;
mod glob_golden;
mod layers_dir;
mod properties;
mod sbom;
mod slices;
mod tar_golden;
