//! What the loop needs of the world: real sockets and a real clock, or the
//! simulated ones of the tests.

use crate::net::{Handshake, Readiness, Stop};
use crate::proto::Parts;
use crate::record::Failure;
use crate::stats::Usage;
use crate::time::Nanos;

/// What one read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Number of bytes.
    pub bytes: usize,
    /// There is no more to read for now.
    pub is_drained: bool,
}

/// Connections by number, a clock, and a way to wait.
pub trait Io {
    /// The clock.
    fn now(&mut self) -> Nanos;

    /// Waits until a connection is ready, another worker wakes this one, or the
    /// clock shows `until`; `now` is what it shows already. May return early with nothing.
    fn wait(&mut self, now: Nanos, until: Nanos, ready: &mut Vec<Readiness>);

    /// How long before a request is due a worker has to wake so that it is awake by then: a sleeper wakes late.
    fn wake_up(&self) -> Nanos;

    /// Returns when the clock shows `at`, without giving up the processor.
    fn spin_until(&mut self, at: Nanos);

    /// Wakes all other workers.
    fn wake_others(&mut self);

    /// Begins to open connection `c`, which is closed, to the origin of this number.
    ///
    /// # Errors
    /// Why it cannot be opened.
    fn connect(&mut self, c: u32, origin: u32) -> Result<Handshake, Failure>;

    /// There is another origin, behind those that there are, and so many connections
    /// as can be opened from now on. False: there cannot be. Does not wait: should its name have to be
    /// looked up, connecting to it takes as long as that.
    fn add_origin(&mut self, https: bool, host: &str, port: u16, slots: usize) -> bool;

    /// Goes on with opening connection `c`.
    ///
    /// # Errors
    /// Why it cannot be opened.
    fn handshake(&mut self, c: u32) -> Result<Handshake, Failure>;

    /// Connection `c` is connected, though a TLS handshake may be under way.
    fn is_connected(&self, c: u32) -> bool;

    /// Reads what connection `c` has. No bytes: the peer sends no more.
    ///
    /// # Errors
    /// [`Stop`].
    fn read(&mut self, c: u32, buf: &mut [u8]) -> Result<Received, Stop>;

    /// Bytes of connection `c`, which is open, can be passed over without being read.
    fn can_discard(&self, _c: u32) -> bool {
        false
    }

    /// As [`Self::read`], of at most as many bytes as `buf` has, which need not be in there afterwards: where that is
    /// possible, the system passes over them without a copy.
    ///
    /// # Errors
    /// [`Stop`].
    fn discard(&mut self, c: u32, buf: &mut [u8]) -> Result<Received, Stop> {
        self.read(c, buf)
    }

    /// Connection `c` is reported as readable only when it has at least `bytes`, or has ended; where the system can do
    /// that.
    fn set_low_water(&mut self, _c: u32, _bytes: u32) {}

    /// Of the next read of connection `c` it is asked when its bytes came.
    fn want_stamp(&mut self, _c: u32) {}

    /// When the kernel had the last byte of the read after [`Self::want_stamp`], if it says so; `now` is
    /// the clock right after that read.
    fn arrived(&mut self, now: Nanos) -> Option<Nanos>;

    /// What the thread has used so far.
    fn usage(&mut self) -> Usage;

    /// Connection `c` has something to read that no readiness will tell of.
    fn has_more(&self, c: u32) -> bool;

    /// Writes the first of `bytes` to connection `c`, or, if there are none,
    /// what an earlier call took and could not write; returns how many were taken.
    ///
    /// # Errors
    /// [`Stop`].
    fn write(&mut self, c: u32, bytes: &[u8]) -> Result<usize, Stop>;

    /// As [`Self::write`], of bytes in two parts that follow each other, if need be of the first alone.
    ///
    /// # Errors
    /// [`Stop`].
    fn write_parts(&mut self, c: u32, parts: Parts<'_>) -> Result<usize, Stop> {
        self.write(c, if parts[0].is_empty() { parts[1] } else { parts[0] })
    }

    /// Bytes that [`Self::write`] took have not been written yet.
    fn wants_write(&self, c: u32) -> bool;

    /// Closes connection `c`, in whatever state it is.
    fn close(&mut self, c: u32);
}
