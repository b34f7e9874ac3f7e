//! What would spoil the run is found before it.

use anyhow::bail;

use crate::net::limits;
use crate::plan::{Plan, Protocol};
use crate::units::grouped;

/// Descriptors a run needs beside its connections: pollers, timers, wakers for each worker, files.
fn beside_connections(plan: &Plan) -> u64 {
    limits::open_descriptors() + 3 * u64::from(plan.workers) + 8
}

/// Fits the plan to what the system allows; says what was changed, and what may go wrong.
/// With `demo` both ends of every connection are in this process.
pub(super) fn check(plan: &mut Plan, demo: bool) -> anyhow::Result<Vec<String>> {
    let mut notes = Vec::new();
    let connections = u64::from(plan.all_connections());
    let origins = plan.origins.len() as u64;
    if let Some(limit) = limits::raise_descriptor_limit() {
        let room = limit.saturating_sub(beside_connections(plan)) / if demo { 2 } else { 1 };
        // Those that take over from a connection on which the server takes no more have one too.
        let room = if plan.protocol == Protocol::Http1 { room } else { room / 2 };
        if room == 0 {
            bail!("the limit of {limit} open files leaves none for connections: raise it with ulimit -n");
        }
        if connections > room {
            let allowed = format!("the {} open files allowed", grouped(limit));
            if room < origins {
                bail!(
                    "{origins} hosts need as many connections, and {allowed} leave {room}: raise the limit with ulimit -n"
                );
            }
            notes.push(fit(plan, room / origins, &allowed, "raise the limit with ulimit -n"));
        }
    }
    // Local ports are used again for another address: the host with the fewest has the least room.
    let addresses = plan.origins.iter().map(|origin| origin.endpoint.addresses().len()).min().unwrap_or(0);
    if let (Some(ports), 1..) = (limits::local_ports(), addresses) {
        let room = ports * addresses as u64;
        if u64::from(plan.connections()) > room {
            let there_are = format!("the {} local ports there are", grouped(room));
            notes.push(fit(plan, room, &there_are, "widen net.ipv4.ip_local_port_range"));
        }
        let many = plan.load.stop.requests.is_none_or(|n| n > room);
        if !plan.keep_alive() && many {
            notes.push(format!(
                "a connection for each request uses up {} local ports, each for a minute after its close",
                grouped(room)
            ));
        }
    }
    plan.workers = plan.workers.min(plan.connections());
    Ok(notes)
}

/// Leaves the plan no more connections than there is room for, and as many
/// users as they can have; says so.
fn fit(plan: &mut Plan, room: u64, of: &str, remedy: &str) -> String {
    let users = u64::from(plan.load.users);
    let (what, left) = match &mut plan.protocol {
        Protocol::Http1 => {
            plan.load.users = room as u32;
            (format!("{} users need", grouped(users)), grouped(room))
        }
        Protocol::Http2 { connections, streams } => {
            let asked = std::mem::replace(connections, room as u32);
            plan.load.users = users.min(room * u64::from(*streams)) as u32;
            let left = format!("{} and {} users", grouped(room), grouped(plan.load.users.into()));
            (format!("{} connections, and as many to replace them, need", grouped(asked.into())), left)
        }
    };
    format!("{what} more than {of}: ran with {left} ({remedy})")
}
