//! A protocol's side of all connections of a worker.

use super::Capture;

/// A machine for each connection, and what they share. See [`crate::proto::Wire`].
#[derive(Debug)]
pub struct Sessions<C, S> {
    pub(super) codec: C,
    /// By number of the connection.
    pub(super) list: Vec<S>,
    capture: Capture,
    /// Makes the machine of a connection that begins.
    keeping: fn(Capture) -> S,
}

impl<C, S> Sessions<C, S> {
    /// No connection yet; `capture` is kept of responses by the machines that `keeping` makes.
    pub(super) fn with(codec: C, capture: Capture, keeping: fn(Capture) -> S) -> Sessions<C, S> {
        Sessions { codec, list: Vec::new(), capture, keeping }
    }

    /// There are `connections` of them from now on.
    pub fn grow(&mut self, connections: usize) {
        let (keeping, capture) = (self.keeping, self.capture);
        self.list.resize_with(connections, || keeping(capture));
    }

    /// Connection `c` begins.
    pub fn open(&mut self, c: u32) {
        self.list[c as usize] = (self.keeping)(self.capture);
    }

    /// The machine of connection `c`.
    #[inline(always)]
    pub fn session(&self, c: u32) -> &S {
        &self.list[c as usize]
    }

    /// The same, to be changed.
    #[inline(always)]
    pub fn session_mut(&mut self, c: u32) -> &mut S {
        &mut self.list[c as usize]
    }
}
