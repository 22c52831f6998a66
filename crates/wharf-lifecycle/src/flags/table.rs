//! The table.
use super::{Default, Kind, Row, Use};
use crate::phase::Phase::{self, Analyze, Build, Create, Detect, Export, Extend, Rebase, Restore};
use wharf_spec::{api::PlatformApiRange, env_var, paths};

const ALL: PlatformApiRange = PlatformApiRange::ALL;

const fn flag(phases: &'static [Phase], apis: PlatformApiRange) -> Use {
    Use {
        phases,
        apis,
        flag: true,
    }
}

const fn variable(phases: &'static [Phase]) -> Use {
    Use {
        phases,
        apis: ALL,
        flag: false,
    }
}

const fn since(minor: u8) -> PlatformApiRange {
    PlatformApiRange::since(minor)
}

/// `-analyzed`
pub(crate) static ANALYZED: Row = Row {
    name: "analyzed",
    variables: &[env_var::ANALYZED_PATH],
    kind: Kind::Text,
    default: Default::InLayers("analyzed.toml"),
    uses: &[
        flag(&[Analyze, Export, Extend, Restore], ALL),
        flag(&[Detect], since(10)),
        flag(&[Build], since(12)),
        variable(&[Create]),
    ],
    doc: "Location of analyzed.toml",
};

/// `-app`
pub(crate) static APP: Row = Row {
    name: "app",
    variables: &[env_var::APP_DIR],
    kind: Kind::Text,
    default: Default::Text(paths::APP_DIR),
    uses: &[flag(&[Detect, Build, Export, Extend, Create], ALL)],
    doc: "App directory",
};

/// `-build-config`
pub(crate) static BUILD_CONFIG: Row = Row {
    name: "build-config",
    variables: &[env_var::BUILD_CONFIG_DIR],
    kind: Kind::Text,
    default: Default::Text(paths::BUILD_CONFIG_DIR),
    uses: &[flag(&[Detect, Build, Create], since(11))],
    doc: "The operator's configuration; its `env` directory changes the environment of buildpacks",
};

/// `-build-image`
pub(crate) static BUILD_IMAGE: Row = Row {
    name: "build-image",
    variables: &[env_var::BUILD_IMAGE],
    kind: Kind::Text,
    default: Default::Nothing,
    uses: &[flag(&[Restore], since(10))],
    doc: "Build image to extend; image extensions are not supported yet",
};

/// `-buildpacks`
pub(crate) static BUILDPACKS: Row = Row {
    name: "buildpacks",
    variables: &[env_var::BUILDPACKS_DIR],
    kind: Kind::Text,
    default: Default::Text(paths::BUILDPACKS_DIR),
    uses: &[flag(&[Detect, Build, Extend, Create], ALL)],
    doc: "Buildpacks, as `<id>/<version>`",
};

/// `-cache-dir`
pub(crate) static CACHE_DIR: Row = Row {
    name: "cache-dir",
    variables: &[env_var::CACHE_DIR],
    kind: Kind::Text,
    default: Default::Nothing,
    uses: &[flag(&[Restore, Export, Create], ALL)],
    doc: "Cache directory; a cache image wins over it",
};

/// `-cache-image`
pub(crate) static CACHE_IMAGE: Row = Row {
    name: "cache-image",
    variables: &[env_var::CACHE_IMAGE],
    kind: Kind::Text,
    default: Default::Nothing,
    uses: &[flag(&[Analyze, Restore, Export, Create], ALL)],
    doc: "Cache image in a registry",
};

/// `-daemon`
pub(crate) static DAEMON: Row = Row {
    name: "daemon",
    variables: &[env_var::USE_DAEMON],
    kind: Kind::Bool,
    default: Default::Nothing,
    uses: &[
        flag(&[Analyze, Export, Create, Rebase], ALL),
        flag(&[Restore], since(12)),
    ],
    doc: "Refused: images are read from and written to a registry or an OCI layout",
};

/// `-extended`
pub(crate) static EXTENDED: Row = Row {
    name: "extended",
    variables: &[env_var::EXTENDED_DIR],
    kind: Kind::Text,
    default: Default::InLayers("extended"),
    uses: &[flag(&[Export, Extend], since(12))],
    doc: "Extended run images; image extensions are not supported yet",
};

/// `-extensions`
pub(crate) static EXTENSIONS: Row = Row {
    name: "extensions",
    variables: &[env_var::EXTENSIONS_DIR],
    kind: Kind::Text,
    default: Default::Text(paths::EXTENSIONS_DIR),
    uses: &[flag(&[Detect], since(10))],
    doc: "Image extensions; not supported yet",
};

/// `-force`
pub(crate) static FORCE: Row = Row {
    name: "force",
    variables: &[env_var::FORCE_REBASE],
    kind: Kind::Bool,
    default: Default::Nothing,
    uses: &[flag(&[Rebase], since(12))],
    doc: "Rebase although run image and app image do not fit each other",
};

/// `-generated`
pub(crate) static GENERATED: Row = Row {
    name: "generated",
    variables: &[env_var::GENERATED_DIR],
    kind: Kind::Text,
    default: Default::InLayers("generated"),
    uses: &[
        flag(&[Detect], since(10)),
        flag(&[Restore], since(12)),
        flag(&[Extend], ALL),
    ],
    doc: "Generated Dockerfiles; image extensions are not supported yet",
};

/// `-gid`
pub(crate) static GID: Row = Row {
    name: "gid",
    variables: &[env_var::GROUP_ID],
    kind: Kind::Number,
    default: Default::Nothing,
    uses: &[flag(
        &[Analyze, Restore, Export, Create, Rebase, Extend],
        ALL,
    )],
    doc: "Group of layers, and to drop to when started as root",
};

/// `-group`
pub(crate) static GROUP: Row = Row {
    name: "group",
    variables: &[env_var::GROUP_PATH],
    kind: Kind::Text,
    default: Default::InLayers("group.toml"),
    uses: &[
        flag(&[Detect, Restore, Build, Export, Extend], ALL),
        variable(&[Create]),
    ],
    doc: "Location of group.toml",
};

/// `-image`
pub(crate) static IMAGE: Row = Row {
    name: "image",
    variables: &[],
    kind: Kind::Text,
    default: Default::Nothing,
    uses: &[flag(&[Export, Rebase], ALL)],
    doc: "Deprecated; the rebaser takes it as -run-image",
};

/// `-insecure-registry`
pub(crate) static INSECURE_REGISTRY: Row = Row {
    name: "insecure-registry",
    variables: &[env_var::INSECURE_REGISTRIES],
    kind: Kind::List,
    default: Default::Nothing,
    uses: &[flag(&[Analyze, Restore, Export, Create, Rebase], since(13))],
    doc: "Prefix of image names whose registry is reached by plain http or without verified TLS",
};

/// `-kaniko-cache-ttl`
pub(crate) static KANIKO_CACHE_TTL: Row = Row {
    name: "kaniko-cache-ttl",
    variables: &[env_var::KANIKO_CACHE_TTL],
    kind: Kind::Duration,
    default: Default::Text("336h"),
    uses: &[flag(&[Extend], ALL)],
    doc: "How long cached layers of extensions live; image extensions are not supported yet",
};

/// `-kind`
pub(crate) static KIND: Row = Row {
    name: "kind",
    variables: &[env_var::EXTEND_KIND],
    kind: Kind::Text,
    default: Default::Text("build"),
    uses: &[flag(&[Extend], since(12))],
    doc: "`build` or `run`; image extensions are not supported yet",
};

/// `-launch-cache`
pub(crate) static LAUNCH_CACHE: Row = Row {
    name: "launch-cache",
    variables: &[env_var::LAUNCH_CACHE_DIR],
    kind: Kind::Text,
    default: Default::Nothing,
    uses: &[flag(&[Analyze], since(9)), flag(&[Export, Create], ALL)],
    doc: "Ignored: it serves a Docker daemon only",
};

/// `-launcher`
pub(crate) static LAUNCHER: Row = Row {
    name: "launcher",
    variables: &[],
    kind: Kind::Text,
    default: Default::Text(paths::LAUNCHER),
    uses: &[flag(&[Export, Create], ALL)],
    doc: "Launcher that goes into the image",
};

/// `-launcher-sbom`
pub(crate) static LAUNCHER_SBOM: Row = Row {
    name: "launcher-sbom",
    variables: &[],
    kind: Kind::Text,
    default: Default::Text(paths::LIFECYCLE_DIR),
    uses: &[flag(&[Export, Create], since(11))],
    doc: "Directory with SBOM files of launcher and lifecycle",
};

/// `-layers`
pub(crate) static LAYERS: Row = Row {
    name: "layers",
    variables: &[env_var::LAYERS_DIR],
    kind: Kind::Text,
    default: Default::Text(paths::LAYERS_DIR),
    uses: &[
        flag(
            &[Analyze, Detect, Restore, Build, Export, Create, Extend],
            ALL,
        ),
        variable(&[Rebase]),
    ],
    doc: "Layers directory",
};

/// `-layout`
pub(crate) static LAYOUT: Row = Row {
    name: "layout",
    variables: &[env_var::USE_LAYOUT],
    kind: Kind::Bool,
    default: Default::Nothing,
    uses: &[flag(&[Analyze, Restore, Export, Create], since(12))],
    doc: "Read and write images in OCI layouts on disk; experimental, needs CNB_EXPERIMENTAL_MODE",
};

/// `-layout-dir`
pub(crate) static LAYOUT_DIR: Row = Row {
    name: "layout-dir",
    variables: &[env_var::LAYOUT_DIR],
    kind: Kind::Text,
    default: Default::Nothing,
    uses: &[flag(&[Analyze, Restore, Export, Create], since(12))],
    doc: "Root of the OCI layouts; required with -layout",
};

/// `-log-level`
pub(crate) static LOG_LEVEL: Row = Row {
    name: "log-level",
    variables: &[env_var::LOG_LEVEL],
    kind: Kind::Text,
    default: Default::Text("info"),
    uses: &[flag(
        &[
            Analyze, Detect, Restore, Build, Export, Create, Rebase, Extend,
        ],
        ALL,
    )],
    doc: "debug, info, warn, error or fatal",
};

/// `-no-color`
pub(crate) static NO_COLOR: Row = Row {
    name: "no-color",
    variables: &[env_var::NO_COLOR],
    kind: Kind::Bool,
    default: Default::Nothing,
    uses: &[flag(
        &[
            Analyze, Detect, Restore, Build, Export, Create, Rebase, Extend,
        ],
        ALL,
    )],
    doc: "No colour, neither in our lines nor in those of buildpacks",
};

/// `-order`
pub(crate) static ORDER: Row = Row {
    name: "order",
    variables: &[env_var::ORDER_PATH],
    kind: Kind::Text,
    default: Default::Order(paths::ORDER),
    uses: &[flag(&[Detect, Create], ALL)],
    doc: "Location of order.toml",
};

/// `-parallel`
pub(crate) static PARALLEL: Row = Row {
    name: "parallel",
    variables: &[env_var::PARALLEL_EXPORT],
    kind: Kind::Bool,
    default: Default::Nothing,
    uses: &[flag(&[Export, Create], ALL)],
    doc: "Export app image and cache side by side",
};

/// `-plan`
pub(crate) static PLAN: Row = Row {
    name: "plan",
    variables: &[env_var::PLAN_PATH],
    kind: Kind::Text,
    default: Default::InLayers("plan.toml"),
    uses: &[flag(&[Detect, Build, Extend], ALL), variable(&[Create])],
    doc: "Location of plan.toml",
};

/// `-platform`
pub(crate) static PLATFORM: Row = Row {
    name: "platform",
    variables: &[env_var::PLATFORM_DIR],
    kind: Kind::Text,
    default: Default::Text(paths::PLATFORM_DIR),
    uses: &[flag(&[Detect, Build, Create, Extend], ALL)],
    doc: "The user's configuration; its `env` directory holds variables for buildpacks",
};

/// `-previous-image`
pub(crate) static PREVIOUS_IMAGE: Row = Row {
    name: "previous-image",
    variables: &[env_var::PREVIOUS_IMAGE],
    kind: Kind::Text,
    default: Default::Nothing,
    uses: &[flag(&[Analyze, Create], ALL), flag(&[Rebase], since(11))],
    doc: "Image of the previous build, or image to rebase; the output image when not given",
};

/// `-process-type`
pub(crate) static PROCESS_TYPE: Row = Row {
    name: "process-type",
    variables: &[env_var::PROCESS_TYPE],
    kind: Kind::Text,
    default: Default::Nothing,
    uses: &[flag(&[Export, Create], ALL)],
    doc: "Process type the image starts",
};

/// `-project-metadata`
pub(crate) static PROJECT_METADATA: Row = Row {
    name: "project-metadata",
    variables: &[env_var::PROJECT_METADATA_PATH],
    kind: Kind::Text,
    default: Default::InLayers("project-metadata.toml"),
    uses: &[flag(&[Export, Create], ALL)],
    doc: "Where the source came from; recorded in a label",
};

/// `-report`
pub(crate) static REPORT: Row = Row {
    name: "report",
    variables: &[env_var::REPORT_PATH],
    kind: Kind::Text,
    default: Default::InLayers("report.toml"),
    uses: &[flag(&[Export, Create, Rebase], ALL)],
    doc: "Where report.toml is written",
};

/// `-run`
pub(crate) static RUN: Row = Row {
    name: "run",
    variables: &[env_var::RUN_PATH],
    kind: Kind::Text,
    default: Default::Text(paths::RUN),
    uses: &[
        flag(&[Analyze, Detect, Export, Create], since(12)),
        flag(&[Restore], since(14)),
    ],
    doc: "Location of run.toml",
};

/// `-run-image`
pub(crate) static RUN_IMAGE: Row = Row {
    name: "run-image",
    variables: &[env_var::RUN_IMAGE],
    kind: Kind::Text,
    default: Default::Nothing,
    uses: &[flag(&[Analyze, Export, Create, Rebase], ALL)],
    doc: "Run image; the exporter takes it from analyzed.toml",
};

/// `-skip-layers`
pub(crate) static SKIP_LAYERS: Row = Row {
    name: "skip-layers",
    variables: &[env_var::SKIP_LAYERS, env_var::SKIP_RESTORE],
    kind: Kind::Bool,
    default: Default::Nothing,
    uses: &[flag(&[Analyze], since(9)), flag(&[Restore], ALL)],
    doc: "Do not restore layers",
};

/// `-skip-restore`
pub(crate) static SKIP_RESTORE: Row = Row {
    name: "skip-restore",
    variables: &[env_var::SKIP_RESTORE, env_var::SKIP_LAYERS],
    kind: Kind::Bool,
    default: Default::Nothing,
    uses: &[flag(&[Create], ALL)],
    doc: "Do not restore layers",
};

/// `-stack`
pub(crate) static STACK: Row = Row {
    name: "stack",
    variables: &[env_var::STACK_PATH],
    kind: Kind::Text,
    default: Default::Text(paths::STACK),
    uses: &[
        flag(&[Analyze, Export], PlatformApiRange::before(12)),
        flag(&[Create], ALL),
    ],
    doc: "Location of stack.toml",
};

/// `-system`
pub(crate) static SYSTEM: Row = Row {
    name: "system",
    variables: &[env_var::SYSTEM_PATH],
    kind: Kind::Text,
    default: Default::Text(paths::SYSTEM),
    uses: &[flag(&[Detect, Create], since(15))],
    doc: "Buildpacks of the platform around every group",
};

/// `-tag`
pub(crate) static TAG: Row = Row {
    name: "tag",
    variables: &[],
    kind: Kind::List,
    default: Default::Nothing,
    uses: &[flag(&[Analyze, Create], ALL)],
    doc: "A further tag of the app image",
};

/// `-uid`
pub(crate) static UID: Row = Row {
    name: "uid",
    variables: &[env_var::USER_ID],
    kind: Kind::Number,
    default: Default::Nothing,
    uses: &[flag(
        &[Analyze, Restore, Export, Create, Rebase, Extend],
        ALL,
    )],
    doc: "User who owns layers, and to drop to when started as root",
};

/// Every row, sorted by name.
pub static ROWS: &[&Row] = &[
    &ANALYZED,
    &APP,
    &BUILD_CONFIG,
    &BUILD_IMAGE,
    &BUILDPACKS,
    &CACHE_DIR,
    &CACHE_IMAGE,
    &DAEMON,
    &EXTENDED,
    &EXTENSIONS,
    &FORCE,
    &GENERATED,
    &GID,
    &GROUP,
    &IMAGE,
    &INSECURE_REGISTRY,
    &KANIKO_CACHE_TTL,
    &KIND,
    &LAUNCH_CACHE,
    &LAUNCHER,
    &LAUNCHER_SBOM,
    &LAYERS,
    &LAYOUT,
    &LAYOUT_DIR,
    &LOG_LEVEL,
    &NO_COLOR,
    &ORDER,
    &PARALLEL,
    &PLAN,
    &PLATFORM,
    &PREVIOUS_IMAGE,
    &PROCESS_TYPE,
    &PROJECT_METADATA,
    &REPORT,
    &RUN,
    &RUN_IMAGE,
    &SKIP_LAYERS,
    &SKIP_RESTORE,
    &STACK,
    &SYSTEM,
    &TAG,
    &UID,
];
