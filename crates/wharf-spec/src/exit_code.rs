//! Exit codes (platform spec, "Outputs" of each phase).

/// Every status a phase ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExitCode {
    /// Success.
    Success = 0,
    /// A failure that fits no other code.
    Failed = 1,
    /// The command line could not be parsed.
    Usage = 2,
    /// An argument or input has a wrong value.
    InvalidArgs = 3,
    /// Platform API mismatch.
    IncompatiblePlatformApi = 11,
    /// Buildpack API mismatch.
    IncompatibleBuildpackApi = 12,
    /// No group passed detection.
    NoGroupDetected = 20,
    /// No group passed detection, and a buildpack errored.
    NoGroupDetectedWithErrors = 21,
    /// Any other detection failure.
    DetectFailed = 22,
    /// Analysis failed.
    AnalyzeFailed = 32,
    /// Restoration failed.
    RestoreFailed = 42,
    /// `bin/build` failed.
    BuildpackBuildFailed = 51,
    /// Any other build failure.
    BuildFailed = 52,
    /// Export failed.
    ExportFailed = 62,
    /// Rebase failed.
    RebaseFailed = 72,
    /// Launch failed before the process started.
    LaunchFailed = 82,
    /// `bin/generate` failed.
    ExtensionGenerateFailed = 91,
    /// Any other generation failure.
    GenerateFailed = 92,
    /// Extending failed.
    ExtendFailed = 102,
}

impl ExitCode {
    /// The numeric status.
    pub fn code(self) -> u8 {
        self as u8
    }
}
