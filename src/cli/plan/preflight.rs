//! What would spoil the run is found before it: the plan is fitted to what the system allows.

use anyhow::bail;

use crate::net::limits;
use crate::note::{Note, Room};
use crate::plan::Protocol;

/// How many users there are, and how they share connections.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) users: u32,
    pub(super) protocol: Protocol,
}

/// What decides on how much room a run needs.
pub(super) struct Needs {
    /// How many servers there are.
    pub(super) origins: u64,
    /// The number of addresses of the one that has the fewest; 0 without TCP.
    pub(super) addresses: u64,
    pub(super) workers: u32,
    /// Both ends of every connection are in this process.
    pub(super) is_demo: bool,
    /// Connections stay open after a response.
    pub(super) keep_alive: bool,
    pub(super) requests: Option<u64>,
}

impl Size {
    /// Connections that the users share, to each origin.
    pub(super) fn connections(&self) -> u32 {
        self.protocol.connections(self.users)
    }
}

/// As much of what is `wanted` as the system has room for; notes say what was changed, and what may go wrong.
///
/// # Errors
/// There is room for nothing.
pub(super) fn fit(wanted: Size, needs: &Needs, notes: &mut Vec<Note>) -> anyhow::Result<Size> {
    let mut size = wanted;
    let connections = u64::from(wanted.connections()) * needs.origins;
    if let Some(limit) = limits::raise_descriptor_limit() {
        // Beside connections: pollers, timers, wakers for each worker, files.
        let others = limits::open_descriptors() + 3 * u64::from(needs.workers) + 8;
        let room = limit.saturating_sub(others) / if needs.is_demo { 2 } else { 1 };
        // Those that take over from a connection on which the server takes no more have one too.
        let room = if wanted.protocol == Protocol::Http1 { room } else { room / 2 };
        if room == 0 {
            bail!("the limit of {limit} open files leaves none for connections: raise it with ulimit -n");
        }
        if connections > room {
            let allowed = Room::Descriptors(limit);
            if room < needs.origins {
                bail!(
                    "{0} hosts need as many connections, and {allowed} leave {room}: raise the limit with ulimit -n",
                    needs.origins
                );
            }
            size = cut(size, room / needs.origins, allowed, notes);
        }
    }
    // Local ports are used again for another address: the host with the fewest has the least room.
    if let (Some(ports), 1..) = (limits::local_ports(), needs.addresses) {
        let room = ports * needs.addresses;
        if u64::from(size.connections()) > room {
            size = cut(size, room, Room::Ports(room), notes);
        }
        if !needs.keep_alive && needs.requests.is_none_or(|n| n > room) {
            notes.push(Note::PortsRunLow(room));
        }
    }
    Ok(size)
}

/// No more connections than there is room for, and as many users as they can have; a note says so.
fn cut(asked: Size, room: u64, of: Room, notes: &mut Vec<Note>) -> Size {
    let (size, note) = match asked.protocol {
        Protocol::Http1 => {
            let users = room as u32;
            (Size { users, ..asked }, Note::FewerUsers { asked: asked.users, users, room: of })
        }
        Protocol::Http2 { connections: wanted, streams } => {
            let connections = room as u32;
            let users = u64::from(asked.users).min(room * u64::from(streams)) as u32;
            let size = Size { users, protocol: Protocol::Http2 { connections, streams } };
            (size, Note::FewerConnections { asked: wanted, connections, users, room: of })
        }
    };
    notes.push(note);
    size
}
