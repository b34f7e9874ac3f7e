//! A world without sockets: a clock that moves when somebody waits, and a
//! server that does what a test says. Everything in it is exact.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use onrush::engine::{Io, Received};
use onrush::net::{Handshake, Readiness, Stop as IoStop};
use onrush::record::{Cause, Failure, Phase};
use onrush::time::Nanos;

use super::absent::{Absent, Where};
use super::server::{Accept, Asked, Reply, Server};
use super::turns::Turn;

/// The run begins at this instant, so that nothing is zero by accident.
pub(super) const START: Nanos = Nanos::from_secs(1);

pub(super) const fn ms(n: u64) -> Nanos {
    Nanos::from_millis(n)
}

/// What a user's connection has for the worker, and when.
#[derive(Clone)]
enum Incoming {
    Bytes(VecDeque<u8>),
    Closed,
    IdleClose,
    Reset,
}

#[derive(Default)]
struct Connection {
    /// None: closed or failed. Else the instant from which it is open.
    open_at: Option<Nanos>,
    refused_at: Option<Nanos>,
    attempts: u32,
    requests: u32,
    origin: u32,
    /// Streams that were opened and not cancelled.
    streams: u32,
    written: Vec<u8>,
    /// It takes no more bytes before this instant.
    full_until: Nanos,
    incoming: VecDeque<(Nanos, Incoming)>,
    /// Instants at which the worker is told to look.
    wake: Vec<Nanos>,
}

/// What one worker has of the world.
pub(super) struct World {
    turn: Turn,
    /// Numbers of connections are those of the whole run behind this one.
    first: u32,
    /// With HTTP/2, how many streams it allows.
    streams: Option<u32>,
    now: Nanos,
    /// When what was read last had come.
    arrived: Option<Nanos>,
    /// And it is said.
    is_stamped: bool,
    server: Arc<Server>,
    connections: Vec<Connection>,
    interrupt: Option<(Nanos, Arc<AtomicBool>)>,
    absent: Option<Absent>,
    log: Arc<Mutex<Log>>,
}

/// What all workers have done to the world.
#[derive(Default)]
pub(super) struct Log {
    pub(super) writes: Vec<(u32, Nanos, usize)>,
    pub(super) requests: Vec<String>,
    pub(super) connects: Vec<(u32, Nanos)>,
    pub(super) most_connecting: usize,
}

/// What is the same for all workers.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) server: Arc<Server>,
    pub(super) streams: Option<u32>,
    pub(super) is_stamped: bool,
    pub(super) interrupt: Option<(Nanos, Arc<AtomicBool>)>,
    pub(super) absent: Option<Absent>,
    pub(super) log: Arc<Mutex<Log>>,
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const OK_AND_CLOSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

const MOVED: &[u8] = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n";
/// The same as a field block: literals with names of the static table (RFC 7541, 6.2.2 and appendix A).
const MOVED_FIELDS: &[u8] = b"\x08\x03307\x0f\x1f\x06/there";

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [a, b, c, d] = stream.to_be_bytes();
    [&[0, 0, payload.len() as u8, kind, flags, a, b, c, d], payload].concat()
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

impl Connection {
    /// What comes at `at`, in the order of time.
    fn coming(&mut self, at: Nanos, what: Incoming) {
        let place = self.incoming.partition_point(|(other, _)| *other <= at);
        self.incoming.insert(place, (at, what));
        self.wake.push(at);
    }

    /// Whatever happened last happens at `at`: an idle connection is closed so long after it.
    fn used_at(&mut self, at: Nanos, idle: Option<Nanos>) {
        if let Some(idle) = idle {
            self.incoming.retain(|(_, what)| !matches!(what, Incoming::IdleClose));
            self.coming(at + idle, Incoming::IdleClose);
        }
    }
}

impl World {
    /// With so many connections, the first of which has that number in the run.
    pub(super) fn new(setting: Setting, turn: Turn, first: u32, connections: usize) -> World {
        let Setting { server, streams, is_stamped, interrupt, absent, log } = setting;
        World {
            turn,
            first,
            streams,
            now: START,
            arrived: None,
            is_stamped,
            server,
            connections: (0..connections).map(|_| Connection::default()).collect(),
            interrupt,
            absent,
            log,
        }
    }

    /// The server reads frames: it greets, and looks at requests.
    fn take_frames(&mut self, c: u32, streams: u32) {
        let now = self.now;
        let connection = &mut self.connections[c as usize];
        if connection.written.starts_with(PREFACE) {
            connection.written.drain(..PREFACE.len());
            let settings = frame(4, 0, 0, &[&[0, 3][..], &streams.to_be_bytes()].concat());
            connection.coming(now, Incoming::Bytes(settings.into()));
        }
        loop {
            let connection = &mut self.connections[c as usize];
            let Some(head) = connection.written.first_chunk::<9>() else { return };
            let (length, kind) = (u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize, head[3]);
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            if connection.written.len() < 9 + length {
                return;
            }
            connection.written.drain(..9 + length);
            connection.streams = match kind {
                1 => connection.streams + 1,
                3 => connection.streams - 1,
                _ => connection.streams,
            };
            if kind == 1 {
                self.request(c, stream);
            }
        }
    }

    fn since_start(&self) -> Nanos {
        self.now.since(START)
    }

    /// The worker does nothing there, if it is time for that.
    fn is_at(&mut self, place: Where) {
        let left = self.absent.map_or(Nanos::ZERO, |absent| absent.left(place, self.since_start()));
        self.now += left;
    }

    /// The server has a whole request of user `c`; with HTTP/2, on this stream.
    fn request(&mut self, c: u32, stream: u32) {
        let Connection { origin, requests: before, .. } = self.connections[c as usize];
        let asked = Asked { user: self.first + c, origin, before, at: self.since_start() };
        let now = self.now;
        let connection = &mut self.connections[c as usize];
        connection.requests += 1;
        let mut coming = |after: Nanos, what: Incoming| {
            connection.coming(now + after, what);
        };
        let bytes = |bytes: &[u8]| Incoming::Bytes(bytes.iter().copied().collect());
        let h2 = self.streams.is_some();
        let ok = frame(1, 5, stream, &[0x88]);
        let whole = |fields: &[u8], body: &str| {
            bytes(&[frame(1, 4, stream, fields), frame(0, 1, stream, body.as_bytes())].concat())
        };
        let go_away = |stream: u32, code| {
            let [a, b, c, d] = stream.to_be_bytes();
            bytes(&frame(7, 0, 0, &[a, b, c, d, 0, 0, 0, code]))
        };
        let reply = self.server.reply(asked);
        match reply {
            Reply::Ok(after) => coming(after, bytes(if h2 { &ok } else { OK })),
            Reply::Bytes(after, text) => coming(after, bytes(text)),
            Reply::Body(after, text) if h2 => coming(after, whole(&[0x88], text)),
            Reply::Body(after, text) => {
                let length = text.len();
                coming(after, bytes(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{text}").as_bytes()));
            }
            Reply::Moved(after) => coming(after, if h2 { whole(MOVED_FIELDS, "") } else { bytes(MOVED) }),
            Reply::OkAndClose(after) => {
                coming(after, bytes(if h2 { &ok } else { OK_AND_CLOSE }));
                coming(after, Incoming::Closed);
            }
            Reply::ResetStream(after, code) => coming(after, bytes(&frame(3, 0, stream, &[0, 0, 0, code]))),
            Reply::GoAway(after, code) => coming(after, go_away(stream.saturating_sub(2), code)),
            Reply::OkThenGoAway(after, then) => {
                coming(after, bytes(&ok));
                coming(after + then, go_away(stream, 0));
            }
            Reply::Close(after) => coming(after, Incoming::Closed),
            Reply::Reset(after) => coming(after, Incoming::Reset),
            Reply::Never => {}
        }
        if let Reply::Ok(after) = reply {
            let idle = self.server.idle;
            self.connections[c as usize].used_at(now + after, idle);
        }
    }
}

impl Io for World {
    fn now(&mut self) -> Nanos {
        self.is_at(Where::Runnable);
        self.now
    }

    fn wait(&mut self, _now: Nanos, until: Nanos, ready: &mut Vec<Readiness>) {
        let wakes = self.connections.iter().flat_map(|connection| connection.wake.iter().copied());
        let interrupt = self.interrupt.iter().map(|(at, _)| *at).filter(|at| *at > self.now);
        let next = wakes.chain(interrupt).chain([until]).min().expect("there is at least until");
        self.now = self.now.max(self.turn.wait(next));
        self.is_at(Where::Asleep);
        if let Some((at, stop)) = &self.interrupt
            && self.now >= *at
        {
            stop.store(true, Ordering::Relaxed);
        }
        for (c, connection) in self.connections.iter_mut().enumerate() {
            let before = connection.wake.len();
            let now = self.now;
            connection.wake.retain(|at| *at > now);
            if connection.wake.len() < before {
                let closed = |what: &(Nanos, Incoming)| what.0 <= now && !matches!(what.1, Incoming::Bytes(_));
                ready.push(Readiness {
                    connection: c as u32,
                    readable: true,
                    writable: true,
                    read_closed: connection.incoming.iter().any(closed),
                });
            }
        }
    }

    fn wake_up(&self) -> Nanos {
        Nanos::ZERO
    }

    fn spin_until(&mut self, at: Nanos) {
        self.now = self.now.max(self.turn.wait_until(at));
    }

    fn wake_others(&mut self) {
        self.turn.wake_others(self.now);
    }

    fn connect(&mut self, c: u32, origin: u32) -> Result<Handshake, Failure> {
        let before = self.connections[c as usize].attempts;
        let asked = Asked { user: self.first + c, origin, before, at: self.since_start() };
        let now = self.now;
        let accept = self.server.accept(asked);
        let connection = &mut self.connections[c as usize];
        let requests = connection.requests;
        let idle = self.server.idle;
        *connection = Connection { attempts: asked.before + 1, requests, origin, ..Connection::default() };
        match accept {
            Accept::After(after) => {
                connection.open_at = Some(now + after);
                connection.wake.push(now + after);
                connection.used_at(now + after, idle);
            }
            Accept::Refuse(after) => {
                connection.refused_at = Some(now + after);
                connection.wake.push(now + after);
            }
            Accept::AndClose(after) => {
                connection.open_at = Some(now);
                connection.incoming.push_back((now + after, Incoming::Closed));
                connection.wake.push(now + after);
            }
            Accept::NoDescriptor => return Err(Failure::new(Phase::Connect, Cause::NoDescriptors)),
            Accept::Never => connection.open_at = Some(Nanos::NEVER),
        }
        let opening = |c: &&Connection| c.open_at.is_some_and(|at| at > now) || c.refused_at.is_some_and(|at| at > now);
        let connecting = self.connections.iter().filter(opening).count();
        let mut log = self.log.lock().unwrap();
        log.connects.push((self.first + c, asked.at));
        log.most_connecting = log.most_connecting.max(connecting);
        drop(log);
        self.handshake(c)
    }

    fn add_origin(&mut self, _https: bool, _host: &str, _port: u16, slots: usize) -> bool {
        self.connections.resize_with(slots, Connection::default);
        true
    }

    fn handshake(&mut self, c: u32) -> Result<Handshake, Failure> {
        let connection = &self.connections[c as usize];
        if connection.refused_at.is_some_and(|at| at <= self.now) {
            return Err(Failure::new(Phase::Connect, Cause::Refused));
        }
        let open = connection.open_at.is_some_and(|at| at <= self.now);
        Ok(if open { Handshake::Done } else { Handshake::Pending })
    }

    fn is_connected(&self, c: u32) -> bool {
        self.connections[c as usize].open_at.is_some_and(|at| at <= self.now)
    }

    fn read(&mut self, c: u32, buf: &mut [u8]) -> Result<Received, IoStop> {
        let connection = &mut self.connections[c as usize];
        let Some((_, what)) = connection.incoming.front_mut().filter(|(at, _)| *at <= self.now) else {
            return Err(IoStop::Blocked);
        };
        match what {
            Incoming::Closed | Incoming::IdleClose => return Ok(Received { bytes: 0, is_drained: true }),
            Incoming::Reset => return Err(IoStop::Failed(Failure::new(Phase::Read, Cause::Reset))),
            Incoming::Bytes(_) => {}
        }
        let mut n = 0;
        while let Some((at, Incoming::Bytes(bytes))) = connection.incoming.front_mut().filter(|(at, _)| *at <= self.now)
            && n < buf.len()
        {
            let piece = bytes.len().min(buf.len() - n);
            bytes.drain(..piece).zip(&mut buf[n..]).for_each(|(byte, place)| *place = byte);
            n += piece;
            self.arrived = Some(*at);
            if bytes.is_empty() {
                connection.incoming.pop_front();
            }
        }
        self.is_at(Where::Running);
        Ok(Received { bytes: n, is_drained: n < buf.len() })
    }

    fn arrived(&mut self, _now: Nanos) -> Option<Nanos> {
        self.arrived.filter(|_| self.is_stamped)
    }

    fn usage(&mut self) -> onrush::stats::Usage {
        onrush::stats::Usage::default()
    }

    fn has_more(&self, _c: u32) -> bool {
        false
    }

    fn write(&mut self, c: u32, bytes: &[u8]) -> Result<usize, IoStop> {
        let (now, at) = (self.now, self.since_start());
        let connection = &mut self.connections[c as usize];
        if connection.full_until > now {
            return Err(IoStop::Blocked);
        }
        let room = self.server.bytes_per_ms.unwrap_or(usize::MAX);
        let bytes = &bytes[..bytes.len().min(room)];
        if room < usize::MAX {
            connection.full_until = now + ms(1);
            connection.wake.push(now + ms(1));
        }
        self.log.lock().unwrap().writes.push((self.first + c, at, bytes.len()));
        connection.written.extend_from_slice(bytes);
        match self.streams {
            None if connection.written.ends_with(b"\r\n\r\n") => {
                let request = std::mem::take(&mut connection.written);
                self.log.lock().unwrap().requests.push(String::from_utf8(request).unwrap());
                self.request(c, 0);
            }
            None => {}
            Some(streams) => self.take_frames(c, streams),
        }
        Ok(bytes.len())
    }

    fn wants_write(&self, _c: u32) -> bool {
        false
    }

    fn close(&mut self, c: u32) {
        let connection = &mut self.connections[c as usize];
        let Connection { attempts, requests, origin, .. } = *connection;
        let kept = Connection { attempts, requests, origin, ..Connection::default() };
        *connection = kept;
    }
}
