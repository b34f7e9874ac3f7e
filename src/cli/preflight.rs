//! What would spoil the run is found before it.

use anyhow::bail;

use crate::net::limits;
use crate::plan::{Endpoint, Plan};
use crate::units::grouped;

/// Descriptors a run needs beside its connections: pollers, timers, wakers for each worker, files.
fn beside_connections(plan: &Plan) -> u64 {
    limits::open_descriptors() + 3 * u64::from(plan.workers) + 8
}

/// Fits the plan to what the system allows; says what was changed, and what may go wrong.
/// With `demo` both ends of every connection are in this process.
pub(super) fn check(plan: &mut Plan, demo: bool) -> anyhow::Result<Vec<String>> {
    let mut notes = Vec::new();
    let users = u64::from(plan.load.users);
    if let Some(limit) = limits::raise_descriptor_limit() {
        let room = limit.saturating_sub(beside_connections(plan)) / if demo { 2 } else { 1 };
        if room == 0 {
            bail!("the limit of {limit} open files leaves none for connections: raise it with ulimit -n");
        }
        if users > room {
            notes.push(format!(
                "{} users need more than the {} open files allowed: ran with {} (raise the limit with ulimit -n)",
                grouped(users),
                grouped(limit),
                grouped(room)
            ));
            plan.load.users = room as u32;
        }
    }
    if let (Some(ports), Endpoint::Tcp(addresses)) = (limits::local_ports(), &plan.target.endpoint) {
        let room = ports * addresses.len() as u64;
        if u64::from(plan.load.users) > room {
            notes.push(format!(
                "{} users need more than the {} local ports there are: ran with {} (widen net.ipv4.ip_local_port_range)",
                grouped(users),
                grouped(room),
                grouped(room)
            ));
            plan.load.users = room as u32;
        }
        let many = plan.load.stop.requests.is_none_or(|n| n > room);
        if !plan.request.keep_alive && many {
            notes.push(format!(
                "a connection for each request uses up {} local ports, each for a minute after its close",
                grouped(room)
            ));
        }
    }
    plan.workers = plan.workers.min(plan.load.users);
    Ok(notes)
}
