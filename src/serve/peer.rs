//! One connection with its socket.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use mio::net::TcpStream;

use super::connection::{Connection, Ending};
use super::counters::Counters;
use super::routes::Wait;
use super::timers::{Timer, Timers};
use crate::time::{Nanos, monotonic};

/// Reads and writes that a connection may do before the others have their turn.
const CALLS_A_TURN: usize = 32;

/// How long a connection that was refused is read before it is closed.
const LINGER: Nanos = Nanos::from_secs(1);

/// A connection, its socket, and what the poller has said about it.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) stream: TcpStream,
    pub(super) connection: Connection,
    /// Tells this connection from an earlier one with the same index.
    pub(super) serial: u64,
    /// Whether it is in the worker's list of those that have more to do.
    pub(super) queued: bool,
    /// The socket may have bytes to read. The poller says so once, so it is kept here.
    readable: bool,
    /// The socket may take bytes.
    writable: bool,
    /// The peer has sent its last byte: only the read of zero bytes ends the
    /// reading, since no further event will come.
    read_closed: bool,
    lingering: bool,
}

/// What the connections of one thread share.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) buffer: Box<[u8]>,
    pub(super) timers: Timers,
    pub(super) counters: Arc<Counters>,
    pub(super) origin: Arc<StallOrigin>,
}

/// Why a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing is left to do until the poller or a timer says so.
    Idle,
    /// There is more to do, but others should come first.
    More,
    /// The connection is over.
    Close,
}

impl Peer {
    pub(super) fn new(stream: TcpStream, serial: u64) -> Peer {
        Peer {
            stream,
            connection: Connection::default(),
            serial,
            queued: false,
            readable: false,
            writable: true,
            read_closed: false,
            lingering: false,
        }
    }

    /// Notes what the poller said.
    #[inline]
    pub(super) fn note(&mut self, readable: bool, writable: bool, read_closed: bool) {
        self.readable |= readable | read_closed;
        self.writable |= writable;
        self.read_closed |= read_closed;
    }

    /// Its timer has fired: either an answer has waited long enough, or the
    /// peer has been given time enough to end.
    pub(super) fn timer_fired(&mut self, index: usize, desk: &mut Desk) -> Turn {
        if self.lingering {
            return Turn::Close;
        }
        self.connection.wake();
        self.turn(index, desk)
    }

    /// Reads, answers and writes as far as the socket goes.
    #[inline]
    pub(super) fn turn(&mut self, index: usize, desk: &mut Desk) -> Turn {
        for _ in 0..CALLS_A_TURN {
            if let Some(wait) = self.connection.take_wait() {
                self.wait(wait, index, desk);
            }
            // Counted before it is sent: see `Server::requests`.
            match self.connection.take_answered() {
                0 => {}
                n => desk.counters.add_requests(n),
            }
            let done = if self.writable && self.connection.has_output() {
                self.write()
            } else if self.readable && self.connection.wants_input() {
                self.read(&mut desk.buffer)
            } else {
                match self.connection.ending() {
                    Ending::Close => return Turn::Close,
                    Ending::Linger if !self.lingering => {
                        self.linger(index, desk);
                        continue;
                    }
                    Ending::Linger | Ending::None => return Turn::Idle,
                }
            };
            if done.is_err_and(|error| error.kind() != ErrorKind::Interrupted) {
                return Turn::Close;
            }
        }
        Turn::More
    }

    #[inline]
    fn write(&mut self) -> io::Result<()> {
        match self.stream.write(self.connection.transmit()) {
            Ok(n) => self.connection.transmitted(n),
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        match self.stream.read(buffer) {
            Ok(0) => self.connection.end_of_input(),
            Ok(n) => {
                // Less than there was room for is all there was.
                self.readable = n == buffer.len() || self.read_closed;
                self.connection.receive(&buffer[..n]);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn wait(&mut self, wait: Wait, index: usize, desk: &mut Desk) {
        let now = monotonic();
        let due = match wait {
            Wait::Delay(span) => now + span,
            Wait::Stall { at, lasting } => {
                let start = desk.origin.first(now) + at;
                let end = start + lasting;
                if (start..end).contains(&now) { end } else { now }
            }
        };
        match due > now {
            true => desk.timers.set(Timer { due, index, serial: self.serial }, now),
            false => self.connection.wake(),
        }
    }

    fn linger(&mut self, index: usize, desk: &mut Desk) {
        self.lingering = true;
        // If that fails, the socket is dead, which the next read tells.
        let _ = self.stream.shutdown(Shutdown::Write);
        let now = monotonic();
        desk.timers.set(Timer { due: now + LINGER, index, serial: self.serial }, now);
    }
}

/// When the server saw its first `/stall` request: the one thing that its threads share.
#[derive(Debug, Default)]
pub(super) struct StallOrigin(AtomicU64);

impl StallOrigin {
    /// The instant of the first request, which is `now` if there was none. The
    /// monotonic clock starts with the machine, so that zero can mean 'none'.
    fn first(&self, now: Nanos) -> Nanos {
        match self.0.compare_exchange(0, now.0, Relaxed, Relaxed) {
            Ok(_) => now,
            Err(first) => Nanos(first),
        }
    }
}
