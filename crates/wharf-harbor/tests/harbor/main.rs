//! Harbor's API against a server shaped as Harbor, pushed to with the registry client.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]
mod lists;
mod server;
mod support;
mod writes;
