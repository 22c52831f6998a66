//! Standard places and file names.

/// Default layers directory.
pub const LAYERS_DIR: &str = "/layers";
/// Default app directory.
pub const APP_DIR: &str = "/workspace";
/// Default platform directory.
pub const PLATFORM_DIR: &str = "/platform";
/// Default buildpacks directory.
pub const BUILDPACKS_DIR: &str = "/cnb/buildpacks";
/// Default extensions directory.
pub const EXTENSIONS_DIR: &str = "/cnb/extensions";
/// Default operator configuration directory.
pub const BUILD_CONFIG_DIR: &str = "/cnb/build-config";
/// Default order definition.
pub const ORDER: &str = "/cnb/order.toml";
/// Default run image definition.
pub const RUN: &str = "/cnb/run.toml";
/// Default stack definition (Platform API < 0.12).
pub const STACK: &str = "/cnb/stack.toml";
/// Default system buildpacks definition.
pub const SYSTEM: &str = "/cnb/system.toml";
/// Where the lifecycle's executables are.
pub const LIFECYCLE_DIR: &str = "/cnb/lifecycle";
/// The launcher in builder and app images.
pub const LAUNCHER: &str = "/cnb/lifecycle/launcher";
/// Where process type links are in an app image.
pub const PROCESS_DIR: &str = "/cnb/process";
/// Below the layers directory: what `builder` hands to `exporter` and `launcher`.
pub const BUILD_METADATA: &str = "config/metadata.toml";
