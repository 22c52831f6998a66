//! Finding buildpacks on disk and running their executables through a trait.
