//! Every environment variable by its name, without the `CNB_` or `WHARF_` prefix.

macro_rules! variables {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $text;)*
    };
}

variables! {
    /// wharf's own: how layers are compressed.
    LAYER_COMPRESSION = "WHARF_LAYER_COMPRESSION";
    /// wharf's own: how large the cache may be.
    CACHE_MAX_SIZE = "WHARF_CACHE_MAX_SIZE";
    /// wharf's own: whether registries are asked for what only Harbor knows: `auto`, `on` or `off`.
    HARBOR = "WHARF_HARBOR";
    /// wharf's own: whether the image that an export supersedes is deleted.
    PRUNE_PREVIOUS = "WHARF_PRUNE_PREVIOUS";
    /// wharf's own: what happens to a tag that another build wrote meanwhile: `warn`, `fail` or `off`.
    TAG_RACE = "WHARF_TAG_RACE";
    /// wharf's own: hosts whose token services get passwords for registries on other hosts, separated by commas.
    TRUSTED_REALMS = "WHARF_TRUSTED_REALMS";
    /// wharf's own: bytes of a blob in one request, where something on the way to a registry takes no more.
    UPLOAD_CHUNK_SIZE = "WHARF_UPLOAD_CHUNK_SIZE";
    /// wharf's own: directory with certificates by registry, as container tools keep them.
    CERTS_DIR = "WHARF_CERTS_DIR";
    /// wharf's own: seconds that one blob may take on its way.
    TRANSFER_TIMEOUT = "WHARF_TRANSFER_TIMEOUT";
    /// Platform API spoken by the platform.
    PLATFORM_API = "CNB_PLATFORM_API";
    /// `quiet`, `warn` or `error` for deprecated APIs.
    DEPRECATION_MODE = "CNB_DEPRECATION_MODE";
    /// `quiet`, `warn` or `error` for experimental features.
    EXPERIMENTAL_MODE = "CNB_EXPERIMENTAL_MODE";
    /// Registry credentials as JSON.
    REGISTRY_AUTH = "CNB_REGISTRY_AUTH";
    /// Layers directory.
    LAYERS_DIR = "CNB_LAYERS_DIR";
    /// App directory.
    APP_DIR = "CNB_APP_DIR";
    /// Platform directory.
    PLATFORM_DIR = "CNB_PLATFORM_DIR";
    /// Process type.
    PROCESS_TYPE = "CNB_PROCESS_TYPE";
    /// Execution environment.
    EXEC_ENV = "CNB_EXEC_ENV";
    /// Stack id (build images of old APIs).
    STACK_ID = "CNB_STACK_ID";
    /// Root of the running buildpack.
    BUILDPACK_DIR = "CNB_BUILDPACK_DIR";
    /// Root of the running extension.
    EXTENSION_DIR = "CNB_EXTENSION_DIR";
    /// Output directory of `bin/generate`.
    OUTPUT_DIR = "CNB_OUTPUT_DIR";
    /// Build plan written by `bin/detect`.
    BUILD_PLAN_PATH = "CNB_BUILD_PLAN_PATH";
    /// Buildpack plan read by `bin/build`.
    BP_PLAN_PATH = "CNB_BP_PLAN_PATH";
    /// Target operating system.
    TARGET_OS = "CNB_TARGET_OS";
    /// Target architecture.
    TARGET_ARCH = "CNB_TARGET_ARCH";
    /// Target architecture variant.
    TARGET_ARCH_VARIANT = "CNB_TARGET_ARCH_VARIANT";
    /// Target distribution.
    TARGET_DISTRO_NAME = "CNB_TARGET_DISTRO_NAME";
    /// Target distribution version.
    TARGET_DISTRO_VERSION = "CNB_TARGET_DISTRO_VERSION";
    /// Disables colour.
    NO_COLOR = "CNB_NO_COLOR";
    /// Log level.
    LOG_LEVEL = "CNB_LOG_LEVEL";
    /// Location of `analyzed.toml`.
    ANALYZED_PATH = "CNB_ANALYZED_PATH";
    /// Location of `group.toml`.
    GROUP_PATH = "CNB_GROUP_PATH";
    /// Location of `plan.toml`.
    PLAN_PATH = "CNB_PLAN_PATH";
    /// Location of `order.toml`.
    ORDER_PATH = "CNB_ORDER_PATH";
    /// Location of `report.toml`.
    REPORT_PATH = "CNB_REPORT_PATH";
    /// Location of `run.toml`.
    RUN_PATH = "CNB_RUN_PATH";
    /// Location of `stack.toml`.
    STACK_PATH = "CNB_STACK_PATH";
    /// Location of `system.toml`.
    SYSTEM_PATH = "CNB_SYSTEM_PATH";
    /// Location of `project-metadata.toml`.
    PROJECT_METADATA_PATH = "CNB_PROJECT_METADATA_PATH";
    /// Buildpacks directory.
    BUILDPACKS_DIR = "CNB_BUILDPACKS_DIR";
    /// Image extensions directory.
    EXTENSIONS_DIR = "CNB_EXTENSIONS_DIR";
    /// Directory of generated Dockerfiles.
    GENERATED_DIR = "CNB_GENERATED_DIR";
    /// Directory of extended run images.
    EXTENDED_DIR = "CNB_EXTENDED_DIR";
    /// Operator's directory of variables.
    BUILD_CONFIG_DIR = "CNB_BUILD_CONFIG_DIR";
    /// Directory cache.
    CACHE_DIR = "CNB_CACHE_DIR";
    /// Cache image.
    CACHE_IMAGE = "CNB_CACHE_IMAGE";
    /// Launch cache of daemon exports.
    LAUNCH_CACHE_DIR = "CNB_LAUNCH_CACHE_DIR";
    /// Root of the OCI layout store.
    LAYOUT_DIR = "CNB_LAYOUT_DIR";
    /// Whether images live in OCI layouts.
    USE_LAYOUT = "CNB_USE_LAYOUT";
    /// Whether images live in a Docker daemon.
    USE_DAEMON = "CNB_USE_DAEMON";
    /// Image of the previous build.
    PREVIOUS_IMAGE = "CNB_PREVIOUS_IMAGE";
    /// Run image.
    RUN_IMAGE = "CNB_RUN_IMAGE";
    /// Build image.
    BUILD_IMAGE = "CNB_BUILD_IMAGE";
    /// Registries reached without trusted TLS, comma separated.
    INSECURE_REGISTRIES = "CNB_INSECURE_REGISTRIES";
    /// Whether layers are not restored.
    SKIP_LAYERS = "CNB_SKIP_LAYERS";
    /// The creator's spelling of [`SKIP_LAYERS`].
    SKIP_RESTORE = "CNB_SKIP_RESTORE";
    /// Whether app image and cache are exported side by side.
    PARALLEL_EXPORT = "CNB_PARALLEL_EXPORT";
    /// Whether a rebase goes on where it would refuse.
    FORCE_REBASE = "CNB_FORCE_REBASE";
    /// `build` or `run`: what the extender extends.
    EXTEND_KIND = "CNB_EXTEND_KIND";
    /// How long the extender's cached layers live.
    KANIKO_CACHE_TTL = "CNB_KANIKO_CACHE_TTL";
    /// User of the build image.
    USER_ID = "CNB_USER_ID";
    /// Primary group of the build image's user.
    GROUP_ID = "CNB_GROUP_ID";
    /// Creation time of the image, seconds since 1970.
    SOURCE_DATE_EPOCH = "SOURCE_DATE_EPOCH";
}
