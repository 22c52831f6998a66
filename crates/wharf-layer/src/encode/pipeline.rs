//! Blocks out to the workers, and back in order.
use super::{
    Method,
    pool::{Pool, Rendered, Ticket},
};
use crate::{LayerError, content::block::Block};
use std::{
    io,
    sync::mpsc::{SyncSender, sync_channel},
    thread,
};

pub(super) type Emit<'a> = dyn FnMut(Block) -> Result<(), LayerError> + 'a;

/// Has every block that `describe` emits made by the pool, and gives them to `receive` in order.
///
/// A thread of its own describes, for walking a large tree takes about as long as hashing it. It is ahead by a few
/// blocks at most.
pub(super) fn run(
    (pool, method): (&Pool, Option<Method>),
    describe: &mut (dyn FnMut(&mut Emit<'_>) -> Result<(), LayerError> + Send),
    receive: &mut dyn FnMut(&Rendered) -> Result<(), LayerError>,
) -> Result<(), LayerError> {
    let (under_way, tickets) = sync_channel(pool.workers() + 1);
    thread::scope(|scope| {
        let described = scope.spawn(move || {
            let under_way = under_way;
            describe(&mut |block| submit(pool, method, block, &under_way))
        });
        let received = tickets
            .iter()
            .try_for_each(|ticket: Ticket| receive(&ticket.wait()?));
        // After a failure nobody takes blocks any more, and the other side ends.
        drop(tickets);
        let described = described
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        received.and(described)
    })
}

fn submit(
    pool: &Pool,
    method: Option<Method>,
    block: Block,
    under_way: &SyncSender<Ticket>,
) -> Result<(), LayerError> {
    let ticket = pool.submit(block, method, pool.place())?;
    let unwanted = |_| LayerError::Write(io::ErrorKind::BrokenPipe.into());
    under_way.send(ticket).map_err(unwanted)
}
