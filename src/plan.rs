//! The validated run: plain data. Nothing below it knows a flag, and nothing
//! in it can contradict itself.

mod routes;
mod turns;

use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::request::{Body, RequestHead};
use crate::rng::mix;
use crate::schedule::{Profile, Spacing, share_of};
use crate::threshold::Threshold;
use crate::time::Nanos;

pub use routes::{Destination, Routes};
pub use turns::Turns;

/// Everything that the engine needs to know of a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The URL as reports show it, without user and password; with a list of targets, its name.
    pub url: String,
    /// Whom connections are made to: at least one.
    pub origins: Vec<Origin>,
    /// What is asked of them.
    pub targets: Targets,
    /// Which protocol carries them.
    pub protocol: Protocol,
    /// What answers are to be.
    pub checks: Checks,
    /// Redirects are followed.
    pub redirects: Option<Redirects>,
    /// When they are due.
    pub load: Load,
    /// Connections that this load was to have, to all origins together: more than
    /// [`Plan::all_connections`] where the system allows fewer.
    pub connections_asked: u32,
    /// How long anything may take.
    pub limits: Limits,
    /// The seed of everything that is drawn by chance.
    pub seed: u64,
    /// Threads, each with its share of the connections: 1 to [`Plan::connections`].
    pub workers: u32,
    /// The kernel stamps what arrives, so that it is known how long it lay unread.
    pub stamps: bool,
    /// What the run is to be like.
    pub thresholds: Vec<Threshold>,
}

/// Which protocol carries requests, and how users share connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1: each user has a connection of its own.
    Http1,
    /// HTTP/2.
    Http2 {
        /// Connections that the users share: 1 to `load.users`, and users are at most
        /// `streams` times as many.
        connections: u32,
        /// Requests that may be under way at a time on each.
        streams: u32,
    },
}

impl Protocol {
    /// Connections that `users` share, to each origin.
    pub fn connections(self, users: u32) -> u32 {
        match self {
            Protocol::Http1 => users,
            Protocol::Http2 { connections, .. } => connections,
        }
    }

    /// HTTP/1.1's name in the TLS handshake (RFC 7301, 6).
    pub const ALPN_HTTP1: &[u8] = b"http/1.1";
    /// HTTP/2's (RFC 9113, 3.2).
    pub const ALPN_H2: &[u8] = b"h2";

    /// As users name it.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Http1 => "1.1",
            Protocol::Http2 { .. } => "2",
        }
    }

    /// Its name in the TLS handshake.
    pub fn alpn(self) -> &'static [u8] {
        match self {
            Protocol::Http1 => Self::ALPN_HTTP1,
            Protocol::Http2 { .. } => Self::ALPN_H2,
        }
    }
}

/// A worker's share of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Its connections, of all, to each origin.
    pub connections: Range<u32>,
    /// Its users, of all: those of its connections.
    pub users: Range<u32>,
    /// It has as many connections to spare.
    pub spare: usize,
    /// How many origins there are.
    pub origins: usize,
}

impl Share {
    /// How many connections there may be at a time.
    pub fn slots(&self) -> usize {
        self.connections.len() * self.origins + self.spare
    }
}

impl Plan {
    /// The same run, of which everything that is drawn by chance is drawn with this seed.
    #[must_use]
    pub fn with_seed(&self, drawn_with: u64) -> Plan {
        let mut plan = self.clone();
        plan.seed = drawn_with;
        if let Order::Random { seed, .. } = &mut plan.targets.order {
            *seed = drawn_with;
        }
        plan
    }

    /// Connections are kept open from request to request.
    pub fn keep_alive(&self) -> bool {
        self.targets.list.iter().all(|target| target.head.keep_alive)
    }

    /// Connections to all origins together.
    pub fn all_connections(&self) -> u32 {
        self.connections().saturating_mul(self.origins.len() as u32)
    }

    /// Connections that the users share, to each origin.
    pub fn connections(&self) -> u32 {
        self.protocol.connections(self.load.users)
    }

    /// The share of worker `worker`.
    pub fn share(&self, worker: u32) -> Share {
        let all = self.connections();
        let connections = share_of(worker, self.workers, all);
        let users_of = |c| share_of(c, all, self.load.users);
        let users = users_of(connections.start).start..users_of(connections.end - 1).end;
        let origins = self.origins.len();
        let spare = if self.protocol == Protocol::Http1 { 0 } else { connections.len() * origins };
        Share { connections, users, spare, origins }
    }
}

/// What requests of a run may ask for, and which asks for what.
#[derive(Clone, Debug)]
pub struct Targets {
    /// At least one.
    pub list: Vec<Target>,
    /// Whose turn it is.
    pub order: Order,
}

/// One kind of request.
#[derive(Clone, Debug)]
pub struct Target {
    /// As reports name it, unlike any other: method and URL.
    pub name: String,
    /// Whom it is sent to: a number in [`Plan::origins`].
    pub origin: u32,
    /// What it says.
    pub head: RequestHead,
    /// What it carries.
    pub body: Body,
}

/// Which request is for which target: a function of its index, so that workers share nothing.
#[derive(Clone, Debug)]
pub enum Order {
    /// There is one target.
    One,
    /// In turn, by weight.
    InTurn(Turns),
    /// By chance: the last `up_to` of target n is the sum of the weights up to n.
    Random {
        /// The chance of target n is this, less that of target n - 1, of the last.
        up_to: Arc<[u64]>,
        /// Of the run.
        seed: u64,
    },
}

impl Order {
    /// The target of request `index`.
    #[inline(always)]
    pub fn target(&self, index: u64) -> u32 {
        if matches!(self, Order::One) { 0 } else { self.of_several(index) }
    }

    #[inline(never)]
    fn of_several(&self, index: u64) -> u32 {
        match self {
            Order::One => 0,
            Order::InTurn(turns) => turns.target(index),
            Order::Random { up_to, seed } => {
                let all = up_to.last().copied().unwrap_or(1);
                let drawn = (u128::from(mix(*seed ^ TARGETS, index)) * u128::from(all)) >> 64;
                up_to.partition_point(|&sum| u128::from(sum) <= drawn) as u32
            }
        }
    }
}

/// What tells the chance of targets from that of bodies.
const TARGETS: u64 = u64::from_be_bytes(*b"targets\0");

/// Whom connections are made to: scheme, host and port (RFC 9110, 4.3.1).
#[derive(Clone, Debug)]
pub struct Origin {
    /// As reports name it: `https://host:8443`.
    pub name: String,
    /// Where that is.
    pub endpoint: Endpoint,
    /// TLS on top of it.
    pub tls: Option<Tls>,
}

/// What connections are made to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Addresses of one name, each once, used in turn; never empty.
    Tcp(Vec<SocketAddr>),
    /// A Unix-domain stream socket.
    Unix(PathBuf),
}

impl Endpoint {
    /// Its addresses; a Unix socket has none.
    pub fn addresses(&self) -> &[SocketAddr] {
        match self {
            Endpoint::Tcp(addresses) => addresses,
            Endpoint::Unix(_) => &[],
        }
    }
}

/// How TLS is spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The name asked for (SNI) and expected in the certificate: a host name or an IP address.
    pub server_name: String,
    /// Which certificates are believed.
    pub trust: Trust,
    /// This side's certificate chain and key.
    pub identity: Option<Identity>,
}

/// Which server certificates are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Those that the system's roots vouch for.
    System,
    /// Those that these roots vouch for: PEM text.
    Roots(Vec<u8>),
    /// All.
    Anything,
}

/// A certificate chain and its private key: PEM text.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The chain, this side's own certificate first.
    pub chain: Vec<u8>,
    /// PKCS #1, SEC1 or PKCS #8.
    pub key: Vec<u8>,
}

/// A private key has no business in a debug print.
impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(..)")
    }
}

/// What answers are to be; else the request fails.
#[derive(Clone, Debug, Default)]
pub struct Checks {
    /// Their status is in it; None: it may be anything.
    pub status: Option<StatusSet>,
    /// The start of their body matches all of these.
    pub body: Vec<regex::bytes::Regex>,
}

/// How redirects are followed.
#[derive(Clone, Debug)]
pub struct Redirects {
    /// So many within one request; at least 1.
    pub most: u32,
    /// Where connections go to hosts that the run did not know before.
    pub routes: Arc<Routes>,
    /// Which addresses of these are used.
    pub family: Family,
    /// Which of their certificates are believed.
    pub trust: Trust,
    /// This side's certificate chain and key.
    pub identity: Option<Identity>,
}

/// Which IP versions may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Both.
    Any,
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
}

/// A set of statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusSet([u64; 16]);

impl StatusSet {
    /// `status` is in it.
    #[inline]
    pub fn has(&self, status: u16) -> bool {
        self.0.get(usize::from(status / 64)).is_some_and(|word| word >> (status % 64) & 1 == 1)
    }

    /// A list of statuses, classes and ranges: `200,201,3xx,410-418`.
    ///
    /// # Errors
    /// One line: what of it is none of these.
    pub fn parse(text: &str) -> Result<StatusSet, String> {
        let mut set = [0; 16];
        for item in text.split(',').map(str::trim) {
            let status =
                |text: &str| text.parse().ok().filter(|status| (100..=999).contains(status) && text.len() == 3);
            let class =
                item.strip_suffix("xx").or_else(|| item.strip_suffix("XX")).and_then(|digit| digit.parse().ok());
            let range: Option<(u16, u16)> = match (class, item.split_once('-')) {
                (Some(class @ 1..=9), _) => Some((100 * class, 100 * class + 99)),
                (_, Some((first, last))) => status(first).zip(status(last)).filter(|(first, last)| first <= last),
                _ => status(item).map(|status| (status, status)),
            };
            let Some((first, last)) = range else {
                return Err(format!("'{item}' is no status: write 200, 3xx or 410-418, with commas between them"));
            };
            (first..=last).for_each(|status| set[usize::from(status / 64)] |= 1 << (status % 64));
        }
        Ok(StatusSet(set))
    }
}

/// When requests are due.
#[derive(Clone, Debug)]
pub struct Load {
    /// Which law says so.
    pub model: Model,
    /// Concurrent users, at least 1; in the open model, connections.
    pub users: u32,
    /// When it ends.
    pub stop: Stop,
    /// What is sent first and not counted.
    pub warmup: Warmup,
}

/// The law that says when requests are due.
#[derive(Clone, Debug, PartialEq)]
pub enum Model {
    /// All users at once, again when the wave is complete.
    Waves {
        /// Waves are planned this far apart.
        every: Option<Nanos>,
        /// All but each request's last byte is sent before the release.
        hold_last_byte: bool,
    },
    /// A user sends again as soon as its answer is in.
    Closed,
    /// On a schedule that is fixed beforehand, whatever the server does.
    Open(Open),
}

/// The open model's schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    /// The rate over time.
    pub profile: Arc<Profile>,
    /// How requests are spaced.
    pub spacing: Spacing,
    /// So many requests may wait for a connection; one more ends the run.
    pub max_backlog: u64,
}

impl Model {
    /// Which one it is.
    pub fn kind(&self) -> ModelKind {
        match self {
            Model::Waves { .. } => ModelKind::Waves,
            Model::Closed => ModelKind::Closed,
            Model::Open(_) => ModelKind::Open,
        }
    }
}

/// A load model without its settings. In JSON: `waves`, `closed` or `open`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// All users at one instant, wave after wave.
    Waves,
    /// Each user again as soon as it has its response.
    Closed,
    /// On a schedule.
    Open,
}

impl ModelKind {
    /// The field's word for it.
    pub fn name(self) -> &'static str {
        match self {
            ModelKind::Waves => "waves",
            ModelKind::Closed => "closed",
            ModelKind::Open => "open",
        }
    }
}

/// What ends a run: whichever comes first. At least one is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// So many requests were due.
    pub requests: Option<u64>,
    /// So much time has passed since T0.
    pub duration: Option<Nanos>,
}

/// What is sent before anything is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warmup {
    /// Nothing.
    None,
    /// So many requests; in waves, rounded up to whole waves.
    Requests(u64),
    /// For so long.
    Time(Nanos),
    /// Until response times are steady.
    Auto,
}

/// How long anything may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A request, from when it is sent or its connection begins to open: how late it is then is not counted.
    pub request: Nanos,
    /// Opening a connection, TLS included.
    pub connect: Nanos,
    /// How long answers are awaited once no more requests are due.
    pub drain: Nanos,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_listed_singly_by_class_and_by_range() {
        let set = StatusSet::parse("200, 3xx,410-418").unwrap();
        let within: Vec<u16> = (0..1100).filter(|&status| set.has(status)).collect();
        let expected: Vec<u16> = [200].into_iter().chain(300..=399).chain(410..=418).collect();
        assert_eq!(within, expected);
        for text in ["", "20", "2000", "xx", "0xx", "418-410", "200,", "ok", "+20", "99-200"] {
            assert!(StatusSet::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn chance_keeps_to_the_weights() {
        let order = Order::Random { up_to: [1, 4, 10].into(), seed: 7 };
        let mut counts = [0; 3];
        (0..10_000).for_each(|index| counts[order.target(index) as usize] += 1);
        // Five standard errors of the largest.
        assert!(
            counts.iter().zip([1_000, 3_000, 6_000]).all(|(n, mean): (&i32, i32)| (n - mean).abs() < 250),
            "{counts:?}"
        );
    }
}
