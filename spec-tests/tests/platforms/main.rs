//! Builds as the platforms command them: the same executables, flags, order, variables, users and volumes, and the
//! same line of shell that takes the digest out of the report.
#![expect(clippy::expect_used, reason = "a test that cannot go on ends")]
mod kpack;
mod pack;
mod packed;
mod plain;
mod pod;
mod shipwright;
mod tekton;
mod toolforge;
