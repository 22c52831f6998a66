//! SBOM files: which exist beside layers, and where below `<layers>/sbom` they go (platform spec, "SBOM").

/// The three formats with their file extension and media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SbomFormat {
    /// `CycloneDX`.
    CycloneDx,
    /// SPDX.
    Spdx,
    /// Syft.
    Syft,
}
