//! Blocks out to the workers, and back in order.
use super::{
    Method,
    pool::{Pool, Rendered, Ticket},
};
use crate::{LayerError, content::block::Block};
use std::collections::VecDeque;

/// Gives blocks to the pool and takes them back in order. The thread that describes the layer also receives: when its
/// share of blocks is under way it waits for the oldest.
pub(super) struct Pipeline<'a> {
    pool: &'a Pool,
    method: Option<Method>,
    receive: &'a mut dyn FnMut(&Rendered) -> Result<(), LayerError>,
    under_way: VecDeque<Ticket>,
}

impl<'a> Pipeline<'a> {
    pub(super) fn new(
        pool: &'a Pool,
        method: Option<Method>,
        receive: &'a mut dyn FnMut(&Rendered) -> Result<(), LayerError>,
    ) -> Self {
        Self {
            pool,
            method,
            receive,
            under_way: VecDeque::new(),
        }
    }

    pub(super) fn push(&mut self, block: Block) -> Result<(), LayerError> {
        while self.under_way.len() > self.pool.workers() + 1 {
            self.receive_oldest()?;
        }
        let place = loop {
            match self.pool.place(!self.under_way.is_empty()) {
                Some(place) => break place,
                None => self.receive_oldest()?,
            }
        };
        let ticket = self.pool.submit(block, self.method, place)?;
        self.under_way.push_back(ticket);
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), LayerError> {
        while !self.under_way.is_empty() {
            self.receive_oldest()?;
        }
        Ok(())
    }

    fn receive_oldest(&mut self) -> Result<(), LayerError> {
        match self.under_way.pop_front() {
            Some(oldest) => (self.receive)(&oldest.wait()?),
            None => Ok(()),
        }
    }
}
