//! The executables and what they are called.
use std::fmt;

/// One executable of the lifecycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// `analyzer`
    Analyze,
    /// `detector`
    Detect,
    /// `restorer`
    Restore,
    /// `builder`
    Build,
    /// `exporter`
    Export,
    /// `creator`
    Create,
    /// `rebaser`
    Rebase,
    /// `extender`
    Extend,
}

impl Phase {
    /// Every phase, in the order of a build.
    pub const ALL: [Self; 8] = [
        Self::Analyze,
        Self::Detect,
        Self::Restore,
        Self::Build,
        Self::Export,
        Self::Create,
        Self::Rebase,
        Self::Extend,
    ];

    /// The name of the executable.
    pub fn executable(self) -> &'static str {
        match self {
            Self::Analyze => "analyzer",
            Self::Detect => "detector",
            Self::Restore => "restorer",
            Self::Build => "builder",
            Self::Export => "exporter",
            Self::Create => "creator",
            Self::Rebase => "rebaser",
            Self::Extend => "extender",
        }
    }

    /// The subcommand of `lifecycle`, and what an error says could not be done.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Analyze => "analyze",
            Self::Detect => "detect",
            Self::Restore => "restore",
            Self::Build => "build",
            Self::Export => "export",
            Self::Create => "create",
            Self::Rebase => "rebase",
            Self::Extend => "extend",
        }
    }

    /// The phase with this executable: file name of `argv[0]` without its extension.
    pub fn of_executable(argv0: &str) -> Option<Self> {
        let file = argv0.rsplit('/').next().unwrap_or(argv0);
        let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
        Self::ALL
            .into_iter()
            .find(|phase| phase.executable() == stem)
    }

    /// The phase with this subcommand.
    pub fn of_verb(verb: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.verb() == verb)
    }

    /// Whether buildpacks run in it.
    pub(crate) fn runs_buildpacks(self) -> bool {
        matches!(self, Self::Detect | Self::Build | Self::Create)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.executable())
    }
}
