//! Waiting for readiness or for an instant, whichever comes first.

use std::io;

use mio::event::Source;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::time::Nanos;

/// What a connection can do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// Which connection: the number it was registered with.
    pub connection: u32,
    /// There may be something to read.
    pub readable: bool,
    /// There may be room to write.
    pub writable: bool,
    /// The peer will send no more: reading must go on to the end.
    pub read_closed: bool,
}

/// An edge-triggered poller with a timer of its own: a poller that waits in
/// whole milliseconds could not release anything on time.
#[derive(Debug)]
pub struct Poller {
    poll: Poll,
    events: Events,
    timer: timer::Timer,
}

const TIMER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);
/// As many events as one wait may return; what is left comes with the next.
const EVENTS: usize = 1024;

impl Poller {
    /// A poller without connections.
    ///
    /// # Errors
    /// Those of the system, for want of descriptors.
    pub fn new() -> io::Result<Poller> {
        let poll = Poll::new()?;
        let timer = timer::Timer::new(&poll)?;
        Ok(Poller { poll, events: Events::with_capacity(EVENTS), timer })
    }

    /// A handle with which another thread ends a wait.
    ///
    /// # Errors
    /// Those of the system, for want of descriptors.
    pub fn waker(&self) -> io::Result<Waker> {
        Waker::new(self.poll.registry(), WAKER)
    }

    /// Reports `source` as `connection` from now on, until it is dropped.
    ///
    /// # Errors
    /// Those of the system.
    pub fn register(&self, source: &mut impl Source, connection: u32) -> io::Result<()> {
        self.poll.registry().register(source, Token(connection as usize), Interest::READABLE | Interest::WRITABLE)
    }

    /// Waits until something is ready, another thread wakes this one, or the
    /// clock shows `until`; `now` is what it shows already. May return early with nothing.
    ///
    /// # Errors
    /// Those of the system that are no interruption.
    pub fn wait(&mut self, now: Nanos, until: Nanos, ready: &mut Vec<Readiness>) -> io::Result<()> {
        let timeout = self.timer.arm(now, until)?;
        match self.poll.poll(&mut self.events, timeout) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        for event in &self.events {
            match event.token() {
                TIMER => self.timer.rang(),
                WAKER => {}
                Token(connection) => ready.push(Readiness {
                    connection: connection as u32,
                    readable: event.is_readable() || event.is_error(),
                    writable: event.is_writable(),
                    read_closed: event.is_read_closed() || event.is_error(),
                }),
            }
        }
        Ok(())
    }
}

/// A timer descriptor beside the connections, which no timer slack delays: armed only when an earlier
/// instant than before is asked for, so most waits cost no call.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod timer {
    use std::io;
    use std::os::fd::{AsRawFd, OwnedFd};
    use std::time::Duration;

    use mio::unix::SourceFd;
    use mio::{Interest, Poll};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };

    use crate::time::Nanos;

    #[derive(Debug)]
    pub(super) struct Timer {
        fd: OwnedFd,
        /// When it will ring.
        armed: Nanos,
    }

    impl Timer {
        pub(super) fn new(poll: &Poll) -> io::Result<Timer> {
            let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK.union(TimerfdFlags::CLOEXEC))?;
            // Setting it again clears what it has counted, so it is never read.
            poll.registry().register(&mut SourceFd(&fd.as_raw_fd()), super::TIMER, Interest::READABLE)?;
            Ok(Timer { fd, armed: Nanos::NEVER })
        }

        /// Arms for `until`; the wait needs no time limit of its own unless that has passed.
        pub(super) fn arm(&mut self, now: Nanos, until: Nanos) -> io::Result<Option<Duration>> {
            if until <= now {
                return Ok(Some(Duration::ZERO));
            }
            if until < self.armed || self.armed <= now {
                if until == Nanos::NEVER && self.armed == Nanos::NEVER {
                    return Ok(None);
                }
                let at = if until == Nanos::NEVER { Nanos::ZERO } else { until };
                let it_value = Timespec { tv_sec: (at.0 / 1_000_000_000) as i64, tv_nsec: (at.0 % 1_000_000_000) as _ };
                let spec = Itimerspec { it_interval: Timespec::default(), it_value };
                timerfd_settime(&self.fd, TimerfdTimerFlags::ABSTIME, &spec)?;
                self.armed = until;
            }
            Ok(None)
        }

        pub(super) fn rang(&mut self) {
            self.armed = Nanos::NEVER;
        }
    }
}

/// Where there is no timer descriptor, the wait's own limit serves, rounded up
/// to whole milliseconds by the system.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod timer {
    use std::io;
    use std::time::Duration;

    use mio::Poll;

    use crate::time::Nanos;

    #[derive(Debug)]
    pub(super) struct Timer;

    impl Timer {
        pub(super) fn new(_: &Poll) -> io::Result<Timer> {
            Ok(Timer)
        }

        pub(super) fn arm(&mut self, now: Nanos, until: Nanos) -> io::Result<Option<Duration>> {
            Ok((until != Nanos::NEVER).then(|| Duration::from_nanos(until.since(now).0)))
        }

        pub(super) fn rang(&mut self) {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::monotonic;

    #[test]
    fn a_wait_ends_at_its_instant_and_not_before() {
        let mut poller = Poller::new().unwrap();
        for micros in [300, 0, 50] {
            let now = monotonic();
            let until = now + Nanos::from_micros(micros);
            let mut at = now;
            while at < until {
                poller.wait(at, until, &mut Vec::new()).unwrap();
                at = monotonic();
            }
            assert!(at >= until);
        }
    }

    #[test]
    fn a_waker_ends_a_wait_without_an_instant() {
        let mut poller = Poller::new().unwrap();
        let waker = poller.waker().unwrap();
        waker.wake().unwrap();
        poller.wait(monotonic(), Nanos::NEVER, &mut Vec::new()).unwrap();
    }

    #[test]
    fn a_connected_socket_is_reported_by_its_number() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = mio::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut poller = Poller::new().unwrap();
        poller.register(&mut stream, 42).unwrap();
        let mut ready = Vec::new();
        let until = monotonic() + Nanos::from_secs(5);
        while ready.is_empty() && monotonic() < until {
            poller.wait(monotonic(), until, &mut ready).unwrap();
        }
        assert!(ready[0].connection == 42 && ready[0].writable);
    }
}
