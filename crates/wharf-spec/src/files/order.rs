//! `order.toml`, and the order of a composite buildpack.
use super::group::GroupElement;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Order {
    /// Groups in the order they are tried.
    pub order: Vec<OrderGroup>,
    /// Groups of image extensions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub order_extensions: Vec<OrderGroup>,
}

/// One group to try.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrderGroup {
    /// Members in order.
    pub group: Vec<GroupElement>,
}
