//! A thread that looks at a run every so often, until it is over.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use crate::time::{Nanos, monotonic};

/// Somebody who watches, and what it remembers.
pub(crate) struct Watcher<'scope, W> {
    over: Sender<()>,
    thread: ScopedJoinHandle<'scope, W>,
}

impl<'scope, W: Send + 'scope> Watcher<'scope, W> {
    /// Calls `look` every `period`, which are counted from now.
    pub(crate) fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        period: Nanos,
        mut watching: W,
        mut look: impl FnMut(&mut W) + Send + 'scope,
    ) -> Watcher<'scope, W> {
        let (over, is_over) = channel();
        let thread = scope.spawn(move || {
            let mut due = monotonic() + period;
            while is_over.recv_timeout(Duration::from_nanos(due.since(monotonic()).0)) == Err(RecvTimeoutError::Timeout)
            {
                look(&mut watching);
                due = (due + period).max(monotonic());
            }
            watching
        });
        Watcher { over, thread }
    }

    /// The run is over. None if it panicked: the run is none the worse for it.
    pub(crate) fn stop(self) -> Option<W> {
        drop(self.over);
        self.thread.join().ok()
    }
}
