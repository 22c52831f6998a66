//! What builder and lifecycle images say of the lifecycle in them.
use super::{LIFECYCLE_APIS, LIFECYCLE_VERSION};
use crate::{
    encode::{EncodeError, json_text},
    files::lifecycle::{Apis, LifecycleDescriptor, OldestApis},
};
use alloc::string::String;
use serde::Serialize;

/// The member `lifecycle` of `io.buildpacks.builder.metadata`.
#[derive(Debug, Clone, Serialize)]
pub struct LifecycleEntry<'a> {
    version: &'a str,
    api: &'a OldestApis,
    apis: &'a Apis,
}

impl<'a> From<&'a LifecycleDescriptor> for LifecycleEntry<'a> {
    fn from(descriptor: &'a LifecycleDescriptor) -> Self {
        Self {
            version: &descriptor.lifecycle.version,
            api: &descriptor.api,
            apis: &descriptor.apis,
        }
    }
}

/// Name and value of the labels with the version and the APIs of the lifecycle.
pub fn lifecycle_labels(
    descriptor: &LifecycleDescriptor,
) -> Result<[(&'static str, String); 2], EncodeError> {
    Ok([
        (LIFECYCLE_VERSION, descriptor.lifecycle.version.clone()),
        (LIFECYCLE_APIS, json_text(&descriptor.apis)?),
    ])
}
