//! What went over the connections of a worker.

use serde::{Deserialize, Serialize};

use super::Distribution;

/// Bytes and connections of one worker, or of all of them; those of the warm-up included.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Traffic {
    /// Body, head and framing bytes read.
    pub bytes_in: u64,
    /// The same, written.
    pub bytes_out: u64,
    /// Connections opened.
    pub opened: u64,
    /// Connections that the server closed between two requests and that were opened again.
    pub reopened: u64,
    /// How long opening took.
    pub connect: Distribution,
    /// The smallest number of concurrent streams that a server allowed on a connection. None: no limit.
    pub streams_allowed: Option<u32>,
}

impl Traffic {
    /// Adds another worker's.
    pub fn merge(&mut self, other: &Traffic) {
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.opened += other.opened;
        self.reopened += other.reopened;
        self.connect.merge(&other.connect);
        self.streams_allowed = [self.streams_allowed, other.streams_allowed].into_iter().flatten().min();
    }
}
