//! What Ctrl-C and a request to terminate do to a run.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

use super::INTERRUPTED;

/// The signals by which people and supervisors end programs.
pub(super) const SIGNALS: [i32; 2] = [SIGINT, SIGTERM];

/// The first interruption ends the run in order: it sets this flag.
pub(super) fn ends_the_run() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in SIGNALS {
        flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// From now on the second interruption ends the process at once; with
/// `was_interrupted` the next one does. Where a screen has to be restored
/// first, this is for after it.
pub(super) fn second_ends_the_process(was_interrupted: bool) -> io::Result<()> {
    let once = Arc::new(AtomicBool::new(was_interrupted));
    for signal in SIGNALS {
        flag::register_conditional_shutdown(signal, INTERRUPTED.into(), Arc::clone(&once))?;
        flag::register(signal, Arc::clone(&once))?;
    }
    Ok(())
}

/// Ends the process as a second interruption does.
pub(super) fn end_at_once() -> io::Result<()> {
    second_ends_the_process(true)?;
    low_level::raise(SIGINT)
}
