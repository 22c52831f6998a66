//! The executable as a black box: real directories, real programs, real exec.
mod exec_d;
mod failures;
mod launch;
mod stage;
