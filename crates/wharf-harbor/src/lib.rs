//! Harbor's API (`/api/v2.0`): projects and their quotas, repositories, artifacts, tags, labels.
//!
//! | module | what |
//! |---|---|
//! | [`harbor`], `write` | [`Harbor`]: one function per call |
//! | [`list`] | what is listed, and how |
//! | [`pages`] | lists, one page in memory at a time |
//! | [`model`] | the answers |
//! | [`rooms`] | quotas as limits of where images go |
//! | [`previous`] | the image that an export supersedes |
//! | [`error`] | why a call fails, and [`Known`]: what the account may not see is unknown, never a wrong number |
//! | `names` | how names stand in paths |
//!
//! HTTP, TLS, account and retries are those of the [`wharf_registry::RegistryStore`] the client comes from. Only user
//! and password are sent, never a cookie: with a session Harbor asks for a token against forgery in every write.
pub mod error;
pub mod harbor;
pub mod list;
pub mod model;
mod names;
pub mod pages;
pub mod previous;
pub mod rooms;
mod write;

pub use error::{HarborError, Known};
pub use harbor::Harbor;
pub use list::{ArtifactQuery, Listing};
pub use model::{
    Accessory, Artifact, Health, ImmutableRule, Label, Limit, Project, ProjectQuota, Quota,
    Repository, Summary, Tag,
};
pub use pages::Pages;
pub use previous::Previous;
pub use rooms::{HarborRooms, Mode, ModeError};

/// Name by which Harbor's token service knows the registry; whoever refers to it is most likely Harbor.
pub const TOKEN_SERVICE: &str = "harbor-registry";
