//! The labels of an app image, as JSON values.
pub mod build;
pub mod builder;
pub mod lifecycle;

/// Lifecycle metadata: layers, run image.
pub const LIFECYCLE_METADATA: &str = "io.buildpacks.lifecycle.metadata";
/// Build metadata: buildpacks, processes, launcher.
pub const BUILD_METADATA: &str = "io.buildpacks.build.metadata";
/// Project metadata.
pub const PROJECT_METADATA: &str = "io.buildpacks.project.metadata";
/// Execution environment of the image.
pub const EXEC_ENV: &str = "io.buildpacks.exec-env";
/// Whether the image may be rebased.
pub const REBASABLE: &str = "io.buildpacks.rebasable";
/// Stack id.
pub const STACK_ID: &str = "io.buildpacks.stack.id";
/// Stack mixins.
pub const STACK_MIXINS: &str = "io.buildpacks.stack.mixins";
/// Target id.
pub const BASE_ID: &str = "io.buildpacks.base.id";
/// Distribution name.
pub const DISTRO_NAME: &str = "io.buildpacks.base.distro.name";
/// Distribution version.
pub const DISTRO_VERSION: &str = "io.buildpacks.base.distro.version";
/// Metadata of a cache image, and name of the metadata file of a cache directory.
pub const CACHE_METADATA: &str = "io.buildpacks.lifecycle.cache.metadata";
/// Metadata of a builder image.
pub const BUILDER_METADATA: &str = "io.buildpacks.builder.metadata";
/// Version of the lifecycle in an image.
pub const LIFECYCLE_VERSION: &str = "io.buildpacks.lifecycle.version";
/// API versions of the lifecycle in an image.
pub const LIFECYCLE_APIS: &str = "io.buildpacks.lifecycle.apis";
/// Order of a builder image.
pub const BUILDPACK_ORDER: &str = "io.buildpacks.buildpack.order";
/// Buildpacks of a builder image.
pub const BUILDPACK_LAYERS: &str = "io.buildpacks.buildpack.layers";
