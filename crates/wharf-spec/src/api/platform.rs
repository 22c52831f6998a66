//! Platform API versions and what each decides.
use super::ApiError;
use alloc::string::ToString;
use core::{fmt, str::FromStr};

/// A supported Platform API version.
///
/// Only this crate compares versions; everybody else asks for the features of one. So versions have no order outside:
///
/// ```compile_fail
/// use wharf_spec::api::PlatformApi;
/// fn is_newer(one: PlatformApi, other: PlatformApi) -> bool {
///     one > other
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PlatformApi(u8);

/// How a process command is written in `metadata.toml` and the build label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandForm {
    /// One string.
    Single,
    /// A list of strings.
    List,
}

/// What user-provided launch arguments do to a process with default arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserArgs {
    /// They are appended.
    Append,
    /// They replace the default arguments (for buildpacks that allow it).
    Override,
}

/// What the names of files in `<platform>/env` mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UserEnv {
    /// Variables.
    #[default]
    Plain,
    /// Variables with an optional suffix that says how to change them.
    Suffixed,
}

/// Where the run image of a build is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunImageSource {
    /// `stack.toml`.
    StackToml,
    /// `run.toml`.
    RunToml,
}

/// What must hold between an app image and its base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaseContract {
    /// Equal stack id and mixins.
    Stack,
    /// Equal target.
    Target,
}

/// Where deprecated bill-of-materials arrays go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegacyBom {
    /// Into `metadata.toml`, `report.toml` and the build label.
    Label,
    /// Into `sbom.legacy.json` files only.
    File,
}

/// Layout of the SBOM directory below `<layers>/sbom`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SbomPaths {
    /// No standard SBOM files.
    None,
    /// `<kind>/<buildpack>[/<layer>]/sbom.<ext>`.
    ByKind,
}

/// How far image extensions are available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extensions {
    /// Not at all.
    Unknown,
    /// Guarded by the experimental mode.
    Experimental,
    /// Always.
    Stable,
}

/// Layout of the generated Dockerfiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GeneratedDir {
    /// `<generated>/<kind>/<extension>/Dockerfile`.
    ByKind,
    /// `<generated>/<extension>/<kind>.Dockerfile`.
    ByExtension,
}

/// What happens to image history entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// Every entry is blank.
    Blank,
    /// Entries name their layer.
    Kept,
}

/// What happens to the cache image that was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaleCacheImage {
    /// It is deleted.
    Delete,
    /// It stays.
    Keep,
}

/// The choices one Platform API version makes. Copied into the inputs of a phase at the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlatformFeatures {
    /// SBOM files are collected, exported and restored.
    pub sbom_paths: SbomPaths,
    /// Where `bom` arrays go.
    pub legacy_bom: LegacyBom,
    /// `SOURCE_DATE_EPOCH` sets the creation time of the image.
    pub source_date_epoch: bool,
    /// The analyzer restores the SBOM layer of the previous image.
    pub analyzer_restores_sbom: bool,
    /// Form of a process command.
    pub command_form: CommandForm,
    /// Effect of user-provided arguments.
    pub user_args: UserArgs,
    /// Availability of image extensions.
    pub extensions: Extensions,
    /// `store.toml` is restored even when layers are skipped.
    pub store_always_restored: bool,
    /// SBOM files of lifecycle and launcher are exported.
    pub lifecycle_sboms: bool,
    /// The build label names the Buildpack API of buildpacks.
    pub buildpack_api_in_label: bool,
    /// Operator variables under `<build-config>/env`.
    pub build_config: bool,
    /// Names of files in `<platform>/env`.
    pub user_env: UserEnv,
    /// Where the run image is named.
    pub run_image_source: RunImageSource,
    /// Contract between app and base.
    pub base_contract: BaseContract,
    /// OCI layout mode.
    pub layout: bool,
    /// History entries.
    pub history: History,
    /// Insecure registries can be named.
    pub insecure_registries: bool,
    /// Layout of generated Dockerfiles.
    pub generated_dir: GeneratedDir,
    /// Fate of the replaced cache image.
    pub stale_cache_image: StaleCacheImage,
    /// The restorer resolves run image mirrors.
    pub restore_resolves_mirrors: bool,
    /// Metadata of launch+cache layers absent from the app image is restored from the cache.
    pub launch_metadata_from_cache: bool,
    /// `system.toml` is read.
    pub system_buildpacks: bool,
    /// Execution environments exist.
    pub exec_env: bool,
}

const MINOR: [&str; 9] = [
    "0.7", "0.8", "0.9", "0.10", "0.11", "0.12", "0.13", "0.14", "0.15",
];

impl PlatformApi {
    /// Every supported version, oldest first.
    pub const ALL: [Self; 9] = [
        Self(7),
        Self(8),
        Self(9),
        Self(10),
        Self(11),
        Self(12),
        Self(13),
        Self(14),
        Self(15),
    ];
    /// The newest supported version.
    pub const LATEST: Self = Self(15);
    /// Used, with a warning, when the platform does not say which API it speaks.
    pub const DEFAULT: Self = Self(7);

    /// The text form, `0.N`.
    pub fn as_str(self) -> &'static str {
        MINOR[usize::from(self.0) - 7]
    }

    /// The choices this version makes.
    pub fn features(self) -> PlatformFeatures {
        let since = |minor: u8| self.0 >= minor;
        let pick = |minor: u8| usize::from(since(minor));
        PlatformFeatures {
            sbom_paths: [SbomPaths::None, SbomPaths::ByKind][pick(8)],
            legacy_bom: [LegacyBom::Label, LegacyBom::File][pick(9)],
            source_date_epoch: since(9),
            analyzer_restores_sbom: since(8),
            command_form: [CommandForm::Single, CommandForm::List][pick(10)],
            user_args: [UserArgs::Append, UserArgs::Override][pick(10)],
            extensions: match self.0 {
                ..10 => Extensions::Unknown,
                10..13 => Extensions::Experimental,
                13.. => Extensions::Stable,
            },
            store_always_restored: since(10),
            lifecycle_sboms: since(11),
            buildpack_api_in_label: since(11),
            build_config: since(11),
            user_env: match self.0 {
                11 => UserEnv::Suffixed,
                _ => UserEnv::Plain,
            },
            run_image_source: [RunImageSource::StackToml, RunImageSource::RunToml][pick(12)],
            base_contract: [BaseContract::Stack, BaseContract::Target][pick(12)],
            layout: since(12),
            history: [History::Blank, History::Kept][pick(12)],
            insecure_registries: since(13),
            generated_dir: [GeneratedDir::ByKind, GeneratedDir::ByExtension][pick(13)],
            stale_cache_image: [StaleCacheImage::Delete, StaleCacheImage::Keep][pick(13)],
            restore_resolves_mirrors: since(14),
            launch_metadata_from_cache: since(14),
            system_buildpacks: since(15),
            exec_env: since(15),
        }
    }
}

/// The Platform APIs in which something exists: for tables of flags and for documentation, never for behaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlatformApiRange {
    first: u8,
    last: u8,
}

impl PlatformApiRange {
    /// Every supported version.
    pub const ALL: Self = Self { first: 7, last: 15 };

    /// From `0.<minor>` on.
    pub const fn since(minor: u8) -> Self {
        Self {
            first: minor,
            ..Self::ALL
        }
    }

    /// All that come before `0.<minor>`.
    pub const fn before(minor: u8) -> Self {
        Self {
            last: minor - 1,
            ..Self::ALL
        }
    }

    /// Whether `api` is one of them.
    pub fn contains(self, api: PlatformApi) -> bool {
        (self.first..=self.last).contains(&api.0)
    }
}

impl fmt::Display for PlatformApiRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first == Self::ALL.first, self.last == Self::ALL.last) {
            (true, true) => f.write_str("all"),
            (_, true) => write!(f, ">=0.{}", self.first),
            (_, false) => write!(f, "<0.{}", self.last + 1),
        }
    }
}

impl fmt::Display for PlatformApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PlatformApi {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        super::buildpack::check_form(text)?;
        Self::ALL
            .into_iter()
            .find(|api| api.as_str() == text)
            .ok_or_else(|| ApiError::Unsupported {
                kind: "Platform",
                version: text.to_string(),
                first: MINOR[0],
                last: MINOR[MINOR.len() - 1],
            })
    }
}
