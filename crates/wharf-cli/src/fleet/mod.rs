//! `wharf rebase plan`, `apply`, `status`, `rollback`, `report`: the rebase of a fleet.
//!
//! | module | what |
//! |---|---|
//! | `arguments` | the command line |
//! | `place` | the store with the caller's credentials, the new base, the plan |
//! | `source` | references, lists and layouts as sources |
//! | `harbor` | a Harbor as a source |
//! | `plan`, `apply`, `after` | the commands |
//! | `threads` | a store for each thread |
//! | `clock` | the time, and signals |
//! | `exit` | how they end |
mod after;
mod apply;
pub(crate) mod arguments;
pub(crate) mod clock;
mod exit;
mod harbor;
mod place;
mod plan;
mod registry;
mod source;
mod threads;

pub(crate) use exit::Ended;

use crate::arguments::CommonArguments;
use anyhow::Result;
use arguments::FleetCommand;

/// Runs a command.
pub(crate) fn run(common: &CommonArguments, command: &FleetCommand) -> Result<()> {
    match command {
        FleetCommand::Plan(arguments) => plan::plan(common, arguments),
        FleetCommand::Status(arguments) => plan::status(common, arguments),
        FleetCommand::Apply(arguments) => apply::apply(common, arguments),
        FleetCommand::Rollback(arguments) => after::rollback(common, arguments),
        FleetCommand::Report(arguments) => after::report(arguments),
    }
}
