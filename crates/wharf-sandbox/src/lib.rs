//! Rootless containers: a root file system from image layers, and processes that see nothing else.
//!
//! | module | what |
//! |---|---|
//! | [`rootfs`] | image layers unpacked once into a content-addressed store |
//! | [`sandbox`] | what a sandboxed process sees, and [`Sandbox::run`] |
//! | [`error`] | what can go wrong, step by step |
//! | [`tree`] | directory trees copied and removed whatever their modes |
//!
//! Inside: `namespaces` unshares and maps ids, `root` stacks the writable root, `mounts` fills it and moves into it,
//! `devices` makes `/dev`, `environment` sets
//! variables, `privileges` gives up what is left, `supervise` forwards signals and reaps.
//!
//! A sandbox needs neither root nor a daemon. The caller's own id is mapped to the one the process shall see, so files
//! the process makes belong to the caller.
mod devices;
mod environment;
pub mod error;
mod mounts;
mod namespaces;
mod privileges;
mod root;
pub mod rootfs;
pub mod sandbox;
mod supervise;
pub mod tree;

pub use error::{SandboxError, Step};
pub use namespaces::die_with_parent;
pub use rootfs::{RootFsError, RootFsStore};
pub use sandbox::{Bind, BindAccess, Exit, Network, Root, Sandbox, Stacking, User};
