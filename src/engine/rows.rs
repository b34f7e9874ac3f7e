//! Records on their way to the sinks.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError};

use crate::record::Record;

/// Records in one message: enough to make the queue's lock cheap, few enough
/// to stay in the cache.
pub const BATCH: usize = 512;

/// A worker's end of the queue: a bounded channel of batches, and another one
/// on which empty batches come back.
#[derive(Debug)]
pub struct Rows {
    batch: Vec<Record>,
    full: SyncSender<Vec<Record>>,
    empty: Receiver<Vec<Record>>,
}

impl Rows {
    /// Sends batches to `full`, and takes emptied ones from `empty` where there are any.
    pub fn new(full: SyncSender<Vec<Record>>, empty: Receiver<Vec<Record>>) -> Rows {
        Rows { batch: Vec::with_capacity(BATCH), full, empty }
    }

    /// Takes a record. True: the batch is full, [`Self::send`] it.
    #[inline]
    pub fn push(&mut self, record: &Record) -> bool {
        self.batch.push(*record);
        self.batch.len() == BATCH
    }

    /// Sends what there is, if the queue has room: false if it has none.
    pub fn try_send(&mut self) -> bool {
        if self.batch.is_empty() {
            return true;
        }
        match self.full.try_send(std::mem::take(&mut self.batch)) {
            Ok(()) => {}
            Err(TrySendError::Full(batch)) => {
                self.batch = batch;
                return false;
            }
            // The sink is gone only if its thread panicked, which the run reports when it joins it.
            Err(TrySendError::Disconnected(batch)) => self.batch = batch,
        }
        self.refill();
        true
    }

    /// Sends what there is, waiting for room.
    pub fn send(&mut self) {
        if !self.batch.is_empty() {
            // As above: a sink that is gone is reported elsewhere.
            let _ = self.full.send(std::mem::take(&mut self.batch));
            self.refill();
        }
    }

    fn refill(&mut self) {
        self.batch = self.empty.try_recv().unwrap_or_else(|_| Vec::with_capacity(BATCH));
        self.batch.clear();
    }
}
