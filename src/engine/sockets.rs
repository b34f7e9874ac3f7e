//! Real connections and the real clock.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, mpsc};

use mio::Waker;

use crate::net;
use crate::net::resolve::resolve;
use crate::net::tls::TlsSettings;
use crate::net::{Addresses, Handshake, Poller, Readiness, Stop, Transport};
use crate::plan::{Endpoint, Family, Redirects, Tls};
use crate::proto::Parts;
use crate::record::{Cause, Failure, Phase};
use crate::time::{Nanos, WallClock, monotonic, thread_cpu};

use super::{Io, Usage};

/// Real connections and the real clock, for one worker.
#[derive(Debug)]
pub struct Sockets {
    poller: Poller,
    /// Whom connections are made to, by number.
    origins: Vec<Origin>,
    connections: Vec<Connection>,
    /// Ciphertext passes through here.
    scratch: Box<[u8]>,
    others: Vec<Arc<Waker>>,
    wake_up: Nanos,
    stamps: Option<StampClock>,
    /// How origins are found that are not known yet.
    redirects: Option<(Redirects, &'static [u8])>,
}

/// A TLS record and its frame fit several times.
const SCRATCH: usize = 64 * 1024;

/// Converts the kernel's stamps, which are by the wall clock.
#[derive(Clone, Copy, Debug)]
struct StampClock {
    /// Both clocks, as they were read last.
    clock: WallClock,
    read: Nanos,
    /// The connection that was read last.
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
}

#[derive(Debug, Default)]
struct Connection {
    origin: u32,
    transport: Option<Transport>,
    /// Where it goes, and how many other addresses may be tried if that fails.
    attempt: Option<(SocketAddr, usize)>,
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
        Sockets { poller, origins, connections, scratch, others, wake_up: Nanos::ZERO, stamps: None, redirects: None }
    }

    /// Redirects may lead to origins that are not known yet; this protocol is spoken with them.
    pub fn follow(&mut self, redirects: Redirects, alpn: &'static [u8]) {
        self.redirects = Some((redirects, alpn));
    }

    /// The kernel is asked to stamp what arrives on TCP connections.
    pub fn ask_for_stamps(&mut self) {
        self.stamps = Some(StampClock { clock: WallClock::read(), read: monotonic(), connection: 0 });
    }

    /// A worker with these sockets wakes so much earlier than a request is due.
    pub fn set_wake_up(&mut self, early: Nanos) {
        self.wake_up = early;
    }

    /// Begins to connect to the next address, and to the ones after it as long as they fail at once.
    fn try_addresses(&mut self, c: u32, mut others: usize) -> Result<Handshake, Failure> {
        let stamps = self.stamps.is_some();
        let Origin { to, tls } = &mut self.origins[self.connections[c as usize].origin as usize];
        let To::Tcp(addresses) = to else { unreachable!("a Unix socket has no second address") };
        loop {
            let address = addresses.take_turn();
            let connection = &mut self.connections[c as usize];
            connection.attempt = Some((address, others));
            let begun = Transport::tcp(address, &self.poller, c, tls.as_ref(), stamps).and_then(|mut transport| {
                let handshake = transport.handshake(&mut self.scratch)?;
                connection.transport = Some(transport);
                Ok(handshake)
            });
            match begun {
                Err(failure) if others > 0 && is_about_the_address(failure) => {
                    addresses.report(address, false);
                    others -= 1;
                }
                Err(failure) => {
                    connection.transport = None;
                    return Err(failure);
                }
                Ok(Handshake::Done) => {
                    addresses.report(address, true);
                    return Ok(Handshake::Done);
                }
                Ok(Handshake::Pending) => return Ok(Handshake::Pending),
            }
        }
    }

    #[inline]
    fn transport(&mut self, c: u32) -> Option<(&mut Transport, &mut [u8])> {
        self.connections[c as usize].transport.as_mut().map(|transport| (transport, &mut *self.scratch))
    }
}

/// Looks up a name in the middle of a run, for which the run waits: not longer than for
/// a slow answer. What is looked up longer has not been found.
fn resolve_soon(host: &str, port: u16, family: Family) -> Option<Vec<SocketAddr>> {
    if host.parse::<IpAddr>().is_ok() {
        return resolve(host, port, family).ok();
    }
    let (found, answer) = mpsc::channel();
    let host = host.to_string();
    std::thread::spawn(move || {
        // Nobody waits any more for what comes too late.
        let _ = found.send(resolve(&host, port, family).ok());
    });
    answer.recv_timeout(LOOKUP).ok().flatten()
}

/// So long the run waits for a name.
const LOOKUP: std::time::Duration = std::time::Duration::from_secs(1);

/// Another address may do better.
fn is_about_the_address(failure: Failure) -> bool {
    let causes = [Cause::Refused, Cause::Unreachable, Cause::OsTimedOut, Cause::Denied, Cause::OsError];
    failure.phase == Phase::Connect && causes.contains(&failure.cause)
}

impl Io for Sockets {
    #[inline]
    fn now(&mut self) -> Nanos {
        monotonic()
    }

    fn wait(&mut self, now: Nanos, until: Nanos, ready: &mut Vec<Readiness>) {
        self.poller.wait(now, until, ready).expect("waiting fails only for a descriptor that is not there");
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
        self.connections[c as usize].origin = origin;
        let Origin { to, tls } = &self.origins[origin as usize];
        match to {
            To::Tcp(addresses) => {
                let others = addresses.count() - 1;
                self.try_addresses(c, others)
            }
            To::Unix(path) => {
                let mut transport = Transport::unix(path, &self.poller, c, tls.as_ref())?;
                let handshake = transport.handshake(&mut self.scratch)?;
                self.connections[c as usize].transport = Some(transport);
                Ok(handshake)
            }
        }
    }

    fn add_origin(&mut self, https: bool, host: &str, port: u16, slots: usize) -> bool {
        let Some((redirects, alpn)) = &self.redirects else { return false };
        let Some(addresses) = resolve_soon(host, port, redirects.family) else { return false };
        let (trust, identity) = (redirects.trust.clone(), redirects.identity.clone());
        let tls = https.then(|| TlsSettings::new(&Tls { server_name: host.into(), trust, identity }, &[alpn]));
        let Ok(tls) = tls.transpose() else { return false };
        if tls.is_some() && self.scratch.is_empty() {
            self.scratch = vec![0; SCRATCH].into();
        }
        self.origins.push(Origin { to: To::Tcp(Addresses::new(&addresses, 0)), tls });
        self.connections.resize_with(slots, Connection::default);
        true
    }

    fn handshake(&mut self, c: u32) -> Result<Handshake, Failure> {
        let Some((transport, scratch)) = self.transport(c) else { return Ok(Handshake::Pending) };
        let result = transport.handshake(scratch);
        let Connection { origin, attempt, .. } = self.connections[c as usize];
        let (To::Tcp(addresses), Some((address, others))) = (&mut self.origins[origin as usize].to, attempt) else {
            return result;
        };
        match result {
            Err(failure) if is_about_the_address(failure) => {
                addresses.report(address, false);
                self.connections[c as usize].transport = None;
                if others == 0 { Err(failure) } else { self.try_addresses(c, others - 1) }
            }
            Ok(Handshake::Done) => {
                addresses.report(address, true);
                result
            }
            _ => result,
        }
    }

    fn is_connected(&self, c: u32) -> bool {
        self.connections[c as usize].transport.as_ref().is_some_and(Transport::is_connected)
    }

    #[inline]
    fn read(&mut self, c: u32, buf: &mut [u8]) -> Result<usize, Stop> {
        if let Some(stamps) = &mut self.stamps {
            stamps.connection = c;
        }
        let Some((transport, scratch)) = self.transport(c) else { return Err(Stop::Blocked) };
        transport.read(buf, scratch)
    }

    #[inline]
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
        self.connections[c as usize].transport = None;
    }
}
