//! Real connections and the real clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::IpAddr;
use std::sync::Arc;

use mio::Waker;

use crate::net;
use crate::net::lookup::{Found, Lookups, Wanted};
use crate::net::resolve::{self, resolve};
use crate::net::{Addresses, Dial, Handshake, Means, Poller, Readiness, Stop, Transport};
use crate::plan::{Endpoint, Redirects, Tls};
use crate::proto::Parts;
use crate::record::Failure;
use crate::stats::Usage;
use crate::time::{Nanos, WallClock, monotonic, thread_cpu};
use crate::tls::TlsSettings;

use super::{Io, Received};

/// Real connections and the real clock, for one worker.
#[derive(Debug)]
pub struct Sockets {
    poller: Poller,
    /// Whom connections are made to, by number.
    origins: Vec<Origin>,
    connections: Vec<Connection>,
    /// Opening a connection may take so long.
    limit: Nanos,
    /// When a connection that is being opened tries another address. Some are connected, or closed, by then.
    alarms: BinaryHeap<Reverse<(Nanos, u32)>>,
    /// Ciphertext passes through here.
    scratch: Box<[u8]>,
    others: Vec<Arc<Waker>>,
    wake_up: Nanos,
    stamps: Option<StampClock>,
    /// How origins are found that are not known yet.
    newcomers: Option<Newcomers>,
}

/// How origins are found that redirects lead to, and how they are spoken with.
#[derive(Debug)]
struct Newcomers {
    redirects: Redirects,
    alpn: &'static [u8],
    lookups: Lookups,
}

/// A TLS record and its frame fit several times.
const SCRATCH: usize = 64 * 1024;

/// Converts the kernel's stamps, which are by the wall clock.
#[derive(Clone, Copy, Debug)]
struct StampClock {
    /// Both clocks, as they were read last.
    clock: WallClock,
    read: Nanos,
    /// The connection of the last stamped read.
    connection: u32,
}

/// The wall clock may be slewed by half a thousandth: after this time both clocks are read again.
const SLEWED: Nanos = Nanos::from_millis(100);
/// An answer that seems to have lain unread for so long: perhaps the wall clock was set.
const SUSPICIOUS: Nanos = Nanos::from_millis(1);

impl StampClock {
    fn monotonic_at(&mut self, stamp: Nanos, now: Nanos) -> Nanos {
        if now.since(self.read) > SLEWED || now.since(self.clock.monotonic_at(stamp)) > SUSPICIOUS {
            (self.clock, self.read) = (WallClock::read(), now);
        }
        self.clock.monotonic_at(stamp).min(now)
    }
}

#[derive(Debug)]
struct Origin {
    to: To,
    tls: Option<TlsSettings>,
}

#[derive(Debug)]
enum To {
    Tcp(Addresses),
    Unix(std::path::PathBuf),
    /// It is being looked up: connections to it wait.
    Sought,
    /// It cannot be connected to.
    Lost(Failure),
}

#[derive(Debug, Default)]
struct Connection {
    origin: u32,
    transport: Option<Transport>,
    /// It is being opened, and there are several addresses to which it may go.
    dial: Option<Box<Dial>>,
    /// It is being opened, and its origin was [`To::Sought`] when it was last looked at.
    waits: bool,
}

impl Connection {
    /// Another address is tried then.
    fn alarm(&self) -> Nanos {
        self.dial.as_ref().map_or(Nanos::NEVER, |dial| dial.next_instant())
    }
}

impl Sockets {
    /// For at most `slots` connections of worker `worker` to these origins, each
    /// with its TLS; the worker waits on `poller` and wakes `others`.
    pub fn new<'a>(
        origins: impl IntoIterator<Item = (&'a Endpoint, Option<TlsSettings>)>,
        worker: u32,
        slots: usize,
        poller: Poller,
        others: Vec<Arc<Waker>>,
    ) -> Sockets {
        let origin = |(endpoint, tls): (&Endpoint, _)| Origin {
            to: match endpoint {
                Endpoint::Tcp(list) => To::Tcp(Addresses::new(list, worker as usize)),
                Endpoint::Unix(path) => To::Unix(path.clone()),
            },
            tls,
        };
        let origins: Vec<Origin> = origins.into_iter().map(origin).collect();
        // Without TLS nothing passes here.
        let has_tls = origins.iter().any(|origin| origin.tls.is_some());
        let scratch = vec![0; if has_tls { SCRATCH } else { 0 }].into();
        let connections = (0..slots).map(|_| Connection::default()).collect();
        Sockets {
            poller,
            origins,
            connections,
            limit: Nanos::NEVER,
            alarms: BinaryHeap::new(),
            scratch,
            others,
            wake_up: Nanos::ZERO,
            stamps: None,
            newcomers: None,
        }
    }

    /// Opening a connection may take so long: within that, all addresses of a name are tried.
    pub fn set_connect_limit(&mut self, limit: Nanos) {
        self.limit = limit;
    }

    /// Redirects may lead to origins that are not known yet; this protocol is spoken with them.
    pub fn follow(&mut self, redirects: Redirects, alpn: &'static [u8], lookups: Lookups) {
        self.newcomers = Some(Newcomers { redirects, alpn, lookups });
    }

    /// The kernel is asked to stamp what arrives on TCP connections.
    pub fn ask_for_stamps(&mut self) {
        self.stamps = Some(StampClock { clock: WallClock::read(), read: monotonic(), connection: 0 });
    }

    /// A worker with these sockets wakes so much earlier than a request is due.
    pub fn set_wake_up(&mut self, early: Nanos) {
        self.wake_up = early;
    }

    /// Goes on with connecting connection `c` to one of several addresses.
    fn dial(&mut self, c: u32) -> Result<Handshake, Failure> {
        let connection = &mut self.connections[c as usize];
        let Origin { to, tls } = &mut self.origins[connection.origin as usize];
        let (Some(mut dial), To::Tcp(addresses)) = (connection.dial.take(), to) else { return Ok(Handshake::Pending) };
        let before = dial.next_instant();
        let mut means = Means {
            poller: &self.poller,
            number: c,
            tls: tls.as_ref(),
            stamps: self.stamps.is_some(),
            scratch: &mut self.scratch,
        };
        match dial.go_on(monotonic(), addresses, &mut means)? {
            Some((transport, handshake)) => {
                connection.transport = Some(transport);
                Ok(handshake)
            }
            None => {
                let next = dial.next_instant();
                if next != before && next != Nanos::NEVER {
                    self.alarms.push(Reverse((next, c)));
                }
                connection.dial = Some(dial);
                Ok(Handshake::Pending)
            }
        }
    }

    /// The first alarm that still means something.
    fn next_alarm(&mut self) -> Nanos {
        while let Some(&Reverse((at, c))) = self.alarms.peek() {
            if self.connections[c as usize].alarm() == at {
                return at;
            }
            self.alarms.pop();
        }
        Nanos::NEVER
    }

    /// Connections that are to try another address are reported as if they were ready.
    #[cold]
    fn ring(&mut self, ready: &mut Vec<Readiness>) {
        let now = monotonic();
        while self.next_alarm() <= now
            && let Some(Reverse((_, connection))) = self.alarms.pop()
        {
            ready.push(looked_at(connection));
        }
    }

    #[inline]
    fn is_looking_up(&self) -> bool {
        self.newcomers.as_ref().is_some_and(|newcomers| newcomers.lookups.are_under_way())
    }

    /// What has been looked up is known from now on; connections that waited for it are reported as if they were ready.
    #[cold]
    fn learn(&mut self, ready: &mut Vec<Readiness>) {
        while let Some((origin, found)) = self.newcomers.as_mut().and_then(|newcomers| newcomers.lookups.take()) {
            self.origins[origin as usize] = match found {
                Ok(Found { addresses, tls }) => Origin { to: To::Tcp(Addresses::new(&addresses, 0)), tls },
                Err(failure) => Origin { to: To::Lost(failure), tls: None },
            };
            let waits = |connection: &Connection| connection.waits && connection.origin == origin;
            let waiting = (0u32..).zip(&self.connections).filter(|(_, connection)| waits(connection));
            ready.extend(waiting.map(|(connection, _)| looked_at(connection)));
        }
    }

    #[inline]
    fn transport(&mut self, c: u32) -> Option<(&mut Transport, &mut [u8])> {
        self.connections[c as usize].transport.as_mut().map(|transport| (transport, &mut *self.scratch))
    }
}

/// No socket is ready, but opening this connection goes on.
fn looked_at(connection: u32) -> Readiness {
    Readiness { connection, readable: false, writable: false, read_closed: false }
}

impl Io for Sockets {
    #[inline]
    fn now(&mut self) -> Nanos {
        monotonic()
    }

    fn wait(&mut self, now: Nanos, until: Nanos, ready: &mut Vec<Readiness>) {
        const FAILS: &str = "waiting fails only for a descriptor that is not there";
        // Nearly always: no connection is being opened that other threads, or this one later, have a part in.
        if self.alarms.is_empty() && !self.is_looking_up() {
            return self.poller.wait(now, until, ready).expect(FAILS);
        }
        let until = until.min(self.next_alarm());
        self.poller.wait(now, until, ready).expect(FAILS);
        self.ring(ready);
        self.learn(ready);
    }

    #[inline]
    fn wake_up(&self) -> Nanos {
        self.wake_up
    }

    fn spin_until(&mut self, at: Nanos) {
        while monotonic() < at {
            std::hint::spin_loop();
        }
    }

    fn wake_others(&mut self) {
        for waker in &self.others {
            // One that cannot be woken wakes by itself within a tick.
            let _ = waker.wake();
        }
    }

    fn connect(&mut self, c: u32, origin: u32) -> Result<Handshake, Failure> {
        let connection = &mut self.connections[c as usize];
        (connection.origin, connection.waits) = (origin, false);
        let Origin { to, tls } = &mut self.origins[origin as usize];
        let mut transport = match to {
            To::Unix(path) => Transport::unix(path, &self.poller, c, tls.as_ref())?,
            To::Sought => {
                connection.waits = true;
                return Ok(Handshake::Pending);
            }
            To::Lost(failure) => return Err(*failure),
            To::Tcp(addresses) => match addresses.only() {
                Some(address) => Transport::tcp(address, &self.poller, c, tls.as_ref(), self.stamps.is_some())?,
                None => {
                    connection.dial = Some(Box::new(Dial::new(addresses, self.limit)));
                    return self.dial(c);
                }
            },
        };
        let handshake = transport.handshake(&mut self.scratch)?;
        connection.transport = Some(transport);
        Ok(handshake)
    }

    fn add_origin(&mut self, https: bool, host: &str, port: u16, slots: usize) -> bool {
        let Some(Newcomers { redirects, alpn, lookups }) = &mut self.newcomers else { return false };
        if https && !TlsSettings::can_verify(host) {
            return false;
        }
        let number = self.origins.len() as u32;
        let destination = redirects.routes.destination(host, port);
        let needs_no_lookup = destination.known.is_some() || destination.host.parse::<IpAddr>().is_ok();
        let to = if !https && needs_no_lookup {
            // There is nothing to wait for.
            match resolve::addresses(destination, redirects.family, resolve) {
                Ok(addresses) => To::Tcp(Addresses::new(&addresses, 0)),
                Err(_) => return false,
            }
        } else {
            let Redirects { routes, family, trust, identity, .. } = redirects.clone();
            let tls = https.then(|| (Tls { server_name: host.into(), trust, identity }, *alpn));
            lookups.begin(number, Wanted { host: host.into(), port, routes, family, tls });
            To::Sought
        };
        if https && self.scratch.is_empty() {
            self.scratch = vec![0; SCRATCH].into();
        }
        self.origins.push(Origin { to, tls: None });
        self.connections.resize_with(slots, Connection::default);
        true
    }

    fn handshake(&mut self, c: u32) -> Result<Handshake, Failure> {
        let Connection { origin, waits, .. } = self.connections[c as usize];
        match self.transport(c) {
            Some((transport, scratch)) => transport.handshake(scratch),
            None if waits => self.connect(c, origin),
            None => self.dial(c),
        }
    }

    fn is_connected(&self, c: u32) -> bool {
        self.connections[c as usize].transport.as_ref().is_some_and(Transport::is_connected)
    }

    #[inline]
    fn read(&mut self, c: u32, buf: &mut [u8]) -> Result<Received, Stop> {
        let Some((transport, scratch)) = self.transport(c) else { return Err(Stop::Blocked) };
        let bytes = transport.read(buf, scratch)?;
        // A read that does not fill the buffer has emptied the socket.
        Ok(Received { bytes, is_drained: bytes < buf.len() && !transport.has_more() })
    }

    fn can_discard(&self, c: u32) -> bool {
        self.connections[c as usize].transport.as_ref().is_some_and(Transport::can_discard)
    }

    fn discard(&mut self, c: u32, buf: &mut [u8]) -> Result<Received, Stop> {
        let Some((transport, _)) = self.transport(c) else { return Err(Stop::Blocked) };
        let bytes = transport.discard(buf)?;
        Ok(Received { bytes, is_drained: bytes < buf.len() })
    }

    fn set_low_water(&mut self, c: u32, bytes: u32) {
        if let Some(transport) = &self.connections[c as usize].transport {
            transport.set_low_water(bytes);
        }
    }

    fn want_stamp(&mut self, c: u32) {
        if let Some(stamps) = &mut self.stamps {
            stamps.connection = c;
        }
        if let Some(transport) = &mut self.connections[c as usize].transport {
            transport.want_stamp();
        }
    }

    fn arrived(&mut self, now: Nanos) -> Option<Nanos> {
        let stamps = self.stamps.as_mut()?;
        let stamp = self.connections[stamps.connection as usize].transport.as_ref()?.arrived()?;
        Some(stamps.monotonic_at(stamp, now))
    }

    fn usage(&mut self) -> Usage {
        Usage { cpu: thread_cpu(), run_queue: net::limits::run_queue_wait() }
    }

    #[inline]
    fn has_more(&self, c: u32) -> bool {
        self.connections[c as usize].transport.as_ref().is_some_and(Transport::has_more)
    }

    #[inline]
    fn write(&mut self, c: u32, bytes: &[u8]) -> Result<usize, Stop> {
        let Some((transport, _)) = self.transport(c) else { return Err(Stop::Blocked) };
        transport.write(bytes)
    }

    fn write_parts(&mut self, c: u32, parts: Parts<'_>) -> Result<usize, Stop> {
        let Some((transport, _)) = self.transport(c) else { return Err(Stop::Blocked) };
        transport.write_parts(parts)
    }

    #[inline]
    fn wants_write(&self, c: u32) -> bool {
        self.connections[c as usize].transport.as_ref().is_some_and(Transport::wants_write)
    }

    fn close(&mut self, c: u32) {
        let connection = &mut self.connections[c as usize];
        (connection.transport, connection.dial, connection.waits) = (None, None, false);
    }
}
