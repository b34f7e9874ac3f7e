//! What the system allows: descriptors and local ports.

use std::io::Read;
use std::net::SocketAddr;

use crate::time::Nanos;
use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the limit of open descriptors to the hard limit, and says what it is now. None: no limit.
pub fn raise_descriptor_limit() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        // Where raising is not allowed, the old limit is what there is.
        let _ = setrlimit(Resource::Nofile, limit);
    }
    getrlimit(Resource::Nofile).current
}

/// The limit of open descriptors. None: there is none.
pub fn descriptor_limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Local ports that are kept for a minute after their connections to the port of
/// `addresses`, which is one, were closed by this side (TIME_WAIT). None where the system does not tell.
pub fn waiting_ports(addresses: &[SocketAddr]) -> Option<u64> {
    // Local address, remote address, state (Documentation/networking/proc_net_tcp.rst).
    const TIME_WAIT: &str = "06";
    let to = format!(":{:04X}", addresses.first()?.port());
    let waits = |line: &str| {
        let mut fields = line.split_whitespace().skip(2);
        fields.next().is_some_and(|remote| remote.ends_with(&to)) && fields.next() == Some(TIME_WAIT)
    };
    let count = |path| read_at_once(path).map(|text| text.lines().filter(|line| waits(line)).count() as u64);
    let [v4, v6] = [SocketAddr::is_ipv4, SocketAddr::is_ipv6].map(|is| addresses.iter().any(is));
    let v4 = if v4 { count("/proc/net/tcp").ok()? } else { 0 };
    let v6 = if v6 { count("/proc/net/tcp6").ok()? } else { 0 };
    Some(v4 + v6)
}

/// Reads a file of /proc that does not tell its length, with as few calls as
/// can be: for each of them the kernel looks through all sockets of the system.
fn read_at_once(path: &str) -> std::io::Result<String> {
    let mut text = String::with_capacity(1 << 20);
    std::fs::File::open(path)?.read_to_string(&mut text)?;
    Ok(text)
}

/// Descriptors of this process that are open now.
pub fn open_descriptors() -> u64 {
    std::fs::read_dir("/proc/self/fd").map_or(16, |entries| entries.count() as u64)
}

/// How long this thread has been ready to run while no processor was free. None where the system does not tell.
pub fn run_queue_wait() -> Option<Nanos> {
    // Time on the processor, time on a run queue, time slices (Documentation/scheduler/sched-stats.rst).
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().nth(1)?.parse().ok().map(Nanos)
}

/// Local ports for one destination. None where the system does not tell.
pub fn local_ports() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut bounds = text.split_whitespace().map(str::parse::<u64>);
    match (bounds.next(), bounds.next()) {
        (Some(Ok(low)), Some(Ok(high))) => Some((high + 1).saturating_sub(low)),
        _ => None,
    }
}
