//! Which protocol carries the requests, and how users share connections.

use anyhow::bail;

use crate::cli::args::{RunArgs, VersionArg};
use crate::net::probe;
use crate::note::Note;
use crate::plan::{Load, Origin, Protocol};
use crate::time::Nanos;
use crate::tls::TlsSettings;

use super::Names;

/// Concurrent streams of a connection, unless the user says something else: servers usually allow as many.
const STREAMS: u32 = 100;

/// The protocol that the flags ask for. For `auto` the server is asked first,
/// on a connection of its own; a note says what came of that.
pub(crate) fn protocol(
    args: &RunArgs,
    origins: &[Origin],
    load: &Load,
    limit: Nanos,
    names: Names,
    notes: &mut Vec<Note>,
) -> anyhow::Result<Protocol> {
    let given = [(args.streams.is_some(), "--streams"), (args.connections.is_some(), "--connections")];
    let given = given.iter().find(|(given, _)| *given).map(|(_, flag)| *flag);
    let is_2 = match (args.http_version, names) {
        (VersionArg::V1_1, _) => {
            if let Some(flag) = given {
                bail!("{flag} is about HTTP/2: give --http-version 2 too");
            }
            false
        }
        (VersionArg::V2, _) if args.demo => {
            bail!("--demo and --http-version 2 contradict each other: the built-in target speaks HTTP/1.1")
        }
        (VersionArg::V2, _) => true,
        (VersionArg::Auto, Names::Unresolved) => false,
        // A run speaks one version: the one that all speak.
        (VersionArg::Auto, Names::Resolved(_)) => {
            let mut all = true;
            for origin in origins {
                all &= chooses_2(origin, origins.len() > 1, limit, notes)?;
            }
            all
        }
    };
    if !is_2 {
        return Ok(Protocol::Http1);
    }
    let users = load.users;
    if args.disable_keepalive {
        if let Some(flag) = given {
            bail!("--disable-keepalive and {flag} contradict each other: each request has a connection of its own");
        }
        return Ok(Protocol::Http2 { connections: users, streams: 1 });
    }
    let (connections, streams) = match (args.connections, args.streams) {
        (Some(connections), streams) => (connections.min(users), streams.unwrap_or(STREAMS)),
        (None, streams) => {
            let streams = streams.unwrap_or(STREAMS);
            (users.div_ceil(streams), streams)
        }
    };
    if u64::from(users) > u64::from(connections) * u64::from(streams) {
        bail!(
            "{users} users need more than {connections} connections of {streams} streams: give more --connections or --streams"
        );
    }
    Ok(Protocol::Http2 { connections, streams })
}

/// Asks a server, on a connection of its own, which version it chooses. Without
/// TLS nobody asks, and HTTP/1.1 is what every server speaks.
fn chooses_2(origin: &Origin, named: bool, limit: Nanos, notes: &mut Vec<Note>) -> anyhow::Result<bool> {
    let Some(tls) = &origin.tls else { return Ok(false) };
    let settings = TlsSettings::new(tls, &[Protocol::ALPN_H2, Protocol::ALPN_HTTP1]).map_err(anyhow::Error::msg)?;
    let chosen = probe::chooses_h2(&origin.endpoint, &settings, limit);
    notes.push(Note::HttpVersion { of: named.then(|| origin.name.clone()), is_2: chosen });
    Ok(chosen.unwrap_or(false))
}
