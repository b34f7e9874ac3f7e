//! How late an idle thread wakes on this machine.

use std::io;

use crate::stats::Distribution;
use crate::time::{Nanos, monotonic};

use super::Poller;

/// The lateness of so many wake-ups of this thread, `apart` from each other.
///
/// # Errors
/// Those of the system, for want of descriptors.
pub fn idle_wake_ups(looks: u32, apart: Nanos) -> io::Result<Distribution> {
    let mut poller = Poller::new()?;
    let mut noise = Distribution::new();
    let mut now = monotonic();
    for _ in 0..looks {
        let until = now + apart;
        while now < until {
            poller.wait(now, until, &mut Vec::new())?;
            now = monotonic();
        }
        noise.record(now.since(until));
    }
    Ok(noise)
}
