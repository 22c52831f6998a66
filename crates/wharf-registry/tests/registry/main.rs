//! The store against Debian's `docker-registry` in every mode of authentication, and against a server that misbehaves.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests may fail loudly"
)]
mod authentication;
mod contract;
mod ending;
mod faults;
mod keychain;
mod many;
mod matrix;
mod misbehaviour;
mod pull;
mod push;
mod reference;
mod secrets;
mod support;
mod tls;
