//! What the system allows: descriptors and local ports.

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

/// Descriptors of this process that are open now.
pub fn open_descriptors() -> u64 {
    std::fs::read_dir("/proc/self/fd").map_or(16, |entries| entries.count() as u64)
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
