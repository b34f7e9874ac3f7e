//! Records on their way to the sinks.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError};

use crate::record::{Batch, Record};
use crate::time::Nanos;

/// Records in one message: enough to make the queue's lock cheap, few enough
/// to stay in the cache.
pub const BATCH: usize = 512;

/// A worker's end of the queue: a bounded channel of batches, and another one
/// on which emptied vectors come back.
#[derive(Debug)]
pub struct LogQueue {
    worker: u32,
    records: Vec<Record>,
    full: SyncSender<Batch>,
    empty: Receiver<Vec<Record>>,
}

impl LogQueue {
    /// Sends batches to `full`, and takes emptied vectors from `empty` where there are any.
    pub fn new(worker: u32, full: SyncSender<Batch>, empty: Receiver<Vec<Record>>) -> LogQueue {
        LogQueue { worker, records: Vec::with_capacity(BATCH), full, empty }
    }

    /// Takes a record. True: the batch is full, send it.
    #[inline]
    pub fn push(&mut self, record: &Record) -> bool {
        self.records.push(*record);
        self.records.len() >= BATCH
    }

    /// Sends what there is, if the queue has room: false if it has none.
    pub fn try_send(&mut self, t0: Nanos) -> bool {
        let Some(batch) = self.take(t0) else { return true };
        match self.full.try_send(batch) {
            Err(TrySendError::Full(batch)) => {
                self.records = batch.records;
                return false;
            }
            // The sink is gone only if its thread panicked, which the run reports when it joins it.
            Ok(()) | Err(TrySendError::Disconnected(_)) => self.refill(),
        }
        true
    }

    /// Sends what there is, waiting for room.
    pub fn send(&mut self, t0: Nanos) {
        if let Some(batch) = self.take(t0) {
            // As above: a sink that is gone is reported elsewhere.
            let _ = self.full.send(batch);
            self.refill();
        }
    }

    fn take(&mut self, t0: Nanos) -> Option<Batch> {
        if self.records.is_empty() {
            return None;
        }
        Some(Batch { worker: self.worker, t0, records: std::mem::take(&mut self.records) })
    }

    fn refill(&mut self) {
        self.records = self.empty.try_recv().unwrap_or_else(|_| Vec::with_capacity(BATCH));
        self.records.clear();
    }
}
