//! `wharf quota` and `wharf prune`: what a project of Harbor holds, and what may go from it.
//!
//! | module | what |
//! |---|---|
//! | `arguments` | the command lines |
//! | `target` | what a command is about, and the clients for it |
//! | `inventory` | every artifact with the blobs it names |
//! | `weight` | bytes, shared blobs counted once; pure |
//! | `decide` | what goes and what stays, with reasons; pure |
//! | `prune`, `quota` | the commands |
pub(crate) mod arguments;
mod decide;
mod inventory;
mod prune;
mod quota;
mod target;
mod weight;

pub(crate) use prune::prune;
pub(crate) use quota::quota;
