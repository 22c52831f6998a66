//! Every environment variable by its name, without the `CNB_` prefix.

macro_rules! variables {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $text;)*
    };
}

variables! {
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
    /// User of the build image.
    USER_ID = "CNB_USER_ID";
    /// Primary group of the build image's user.
    GROUP_ID = "CNB_GROUP_ID";
    /// Creation time of the image, seconds since 1970.
    SOURCE_DATE_EPOCH = "SOURCE_DATE_EPOCH";
}
