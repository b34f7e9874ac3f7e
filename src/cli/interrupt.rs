//! What Ctrl-C, a request to terminate and a closed terminal do to a run.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::{flag, low_level};

use super::INTERRUPTED;

/// The signals by which people and supervisors end programs.
const BY_SOMEBODY: [i32; 2] = [SIGINT, SIGTERM];

/// The signals that end a run in order: those above, and the one of a terminal that is closed or a connection that
/// is lost, unless whoever started this process has it ignored, as `nohup` does.
pub(super) fn signals() -> Vec<i32> {
    BY_SOMEBODY.into_iter().chain((!is_ignored(SIGHUP)).then_some(SIGHUP)).collect()
}

/// The first interruption ends the run in order: it sets this flag.
pub(super) fn ends_the_run() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in signals() {
        flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// From now on the second interruption ends the process at once; with
/// `was_interrupted` the next one does. Where a screen has to be restored
/// first, this is for after it.
///
/// A terminal that is closed hangs up more than once, by its shell and by the kernel, and nobody means the second
/// time by it: the files are to be whole.
pub(super) fn second_ends_the_process(was_interrupted: bool) -> io::Result<()> {
    let once = Arc::new(AtomicBool::new(was_interrupted));
    for signal in signals() {
        if !is_hangup(signal) {
            flag::register_conditional_shutdown(signal, INTERRUPTED.into(), Arc::clone(&once))?;
        }
        flag::register(signal, Arc::clone(&once))?;
    }
    Ok(())
}

/// Whether a signal says that a terminal is gone.
pub(super) fn is_hangup(signal: i32) -> bool {
    signal == SIGHUP
}

/// Ends the process as a second interruption does.
pub(super) fn end_at_once() -> io::Result<()> {
    second_ends_the_process(true)?;
    low_level::raise(SIGINT)
}

/// A file that must not grow any more (`ulimit -f`) becomes an error of the write, as a full disk is, and not the
/// end of the process.
pub(super) fn survive_files_that_must_not_grow() -> io::Result<()> {
    flag::register(SIGXFSZ, Arc::default()).map(drop)
}

/// Whether this process was started with the signal ignored: that can be read without changing it.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
