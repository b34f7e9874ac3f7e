//! What a user should know of a run beside its numbers.

use std::fmt;

use crate::record::Failure;
use crate::units::{self, count, grouped};

/// Something that was changed or left out, or that is easily overlooked. [`fmt::Display`] says it in one line.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// The system has no room for as many users as were asked for.
    FewerUsers {
        /// Number asked for.
        asked: u32,
        /// Number the run has.
        users: u32,
        /// The resource that limits it.
        room: Room,
    },
    /// The system has no room for as many shared connections as were asked for.
    FewerConnections {
        /// Number asked for.
        asked: u32,
        /// Number the run has.
        connections: u32,
        /// Number of users that fit on them.
        users: u32,
        /// The resource that limits it.
        room: Room,
    },
    /// Number of local ports, which may not suffice for a connection per request.
    PortsRunLow(u64),
    /// A template whose content type is JSON makes none.
    BrokenJson {
        /// The template's name.
        template: String,
        /// What is wrong with it.
        error: String,
    },
    /// A feed whose rows are used once at most bounds the run.
    BoundByFeed {
        /// Number of requests.
        requests: u64,
        /// The feed's name.
        feed: String,
    },
    /// Which version of HTTP a server chose.
    HttpVersion {
        /// Whose, where there are several servers.
        of: Option<String>,
        /// HTTP/2; or why it could not be asked, and HTTP/1.1 is spoken.
        is_2: Result<bool, Failure>,
    },
    /// A header that HTTP/2 does not have.
    NotInHttp2 {
        /// Whether it stood in a command of curl.
        is_pasted: bool,
        /// Its name.
        header: String,
    },
    /// An option of TLS, where there is none.
    NoTls(&'static str),
    /// Part of a command of curl.
    CurlLeftOut {
        /// The option, and its value if that matters.
        what: String,
        /// Why it is left out.
        why: &'static str,
    },
    /// This threshold ended the run.
    EndedEarly(String),
    /// Not all rows are in the CSV file.
    CsvCut {
        /// Number of complete rows in it.
        rows: u64,
        /// Number of rows of the run.
        all: u64,
        /// What ended it.
        why: String,
    },
    /// What the most frequent failure usually comes from, and what to do about it.
    FailureHint(&'static str),
    /// No response was anything but a redirect.
    AllRedirects,
    /// The run ended when the backlog was full.
    BacklogFull,
    /// Number of connections that took as long to open as if a packet had been lost.
    ConnectRetried(u64),
    /// The load was more than the server could take: growth of the backlog in requests per second.
    NotSustained(f64),
    /// Response times were not steady; when they settled, in seconds from the start, if they did.
    NotStationary(Option<f64>),
}

/// Something of which a system has a limited number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Open files.
    Descriptors(u64),
    /// Local ports.
    Ports(u64),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::FewerUsers { asked, users, room } => {
                let (asked, users) = (grouped((*asked).into()), grouped((*users).into()));
                write!(f, "{asked} users need more than {room}: ran with {users} ({})", room.remedy())
            }
            Note::FewerConnections { asked, connections, users, room } => {
                let [asked, connections, users] = [asked, connections, users].map(|n| grouped((*n).into()));
                write!(f, "{asked} connections, and as many to replace them, need more than {room}: ")?;
                write!(f, "ran with {connections} and {users} users ({})", room.remedy())
            }
            Note::PortsRunLow(ports) => {
                let ports = grouped(*ports);
                write!(
                    f,
                    "a connection for each request uses up {ports} local ports, each for a minute after its close"
                )
            }
            Note::BrokenJson { template, error } => write!(f, "{template} makes no JSON of request 0: {error}"),
            Note::BoundByFeed { requests, feed } => {
                write!(f, "no more than {} requests: each row of '{feed}' is used once at most", grouped(*requests))
            }
            Note::HttpVersion { of, is_2 } => {
                let of = of.as_ref().map_or(String::new(), |name| format!(" of {name}"));
                match is_2 {
                    Ok(is_2) => write!(f, "HTTP version{of}: the server chose {}", if *is_2 { "2" } else { "1.1" }),
                    Err(why) => write!(f, "HTTP version{of}: 1.1, as the server could not be asked ({why})"),
                }
            }
            Note::NotInHttp2 { is_pasted, header } => {
                let said = if *is_pasted { "curl's -H" } else { "header" };
                write!(f, "{said} {header} is left out: HTTP/2 has no such header")
            }
            Note::NoTls(flag) => write!(f, "{flag} has no effect on http:// URLs: TLS is spoken with https://"),
            Note::CurlLeftOut { what, why } => write!(f, "curl's {what} is left out: {why}"),
            Note::EndedEarly(threshold) => write!(f, "stopped early: {threshold} can no longer be met"),
            Note::CsvCut { rows, all, why } => {
                write!(f, "the CSV was cut: {} of {} are whole in it: {why}", grouped(*rows), count(*all, "row"))
            }
            Note::FailureHint(text) => f.write_str(text),
            Note::AllRedirects => f.write_str(
                "all responses are redirects, which are not followed: is the URL right? (--redirect N follows them)",
            ),
            Note::BacklogFull => f.write_str("the backlog was full, and the run ended there: see --max-backlog"),
            Note::ConnectRetried(n) => {
                let connections = count(*n, "connection");
                write!(f, "{connections} took as long to open as a lost SYN or a full listen backlog makes them")
            }
            Note::NotSustained(growth) => {
                let growth = if *growth < 9.5 { units::rate(*growth) } else { format!("{growth:.0}/s") };
                write!(f, "not sustained: backlog grows {growth}")
            }
            Note::NotStationary(None) => {
                f.write_str("not stationary: response times were still changing in the second half of the run")
            }
            Note::NotStationary(Some(from_s)) => {
                write!(f, "not stationary: response times settled {from_s:.1} s after the start; ")?;
                f.write_str("--warmup leaves the beginning out")
            }
        }
    }
}

impl Room {
    fn remedy(self) -> &'static str {
        match self {
            Room::Descriptors(_) => "raise the limit with ulimit -n",
            Room::Ports(_) => "widen net.ipv4.ip_local_port_range",
        }
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Room::Descriptors(n) => write!(f, "the {} open files allowed", grouped(*n)),
            Room::Ports(n) => write!(f, "the {} local ports there are", grouped(*n)),
        }
    }
}
