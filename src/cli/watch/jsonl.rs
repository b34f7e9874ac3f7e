//! `--jsonl`: a line for each second, while the run goes on.

use std::io::{self, Write};
use std::thread::Scope;

use crate::report;
use crate::stats::{Board, ProgressLine, Snapshot};
use crate::time::{Nanos, monotonic};

use super::watcher::Watcher;

/// Somebody who writes down what happens.
pub(crate) struct Jsonl<'scope>(Watcher<'scope, Lines<'scope>>);

/// The file, and what it has all been told.
struct Lines<'a> {
    board: &'a Board,
    file: Box<dyn Write + Send>,
    /// When the last look was, since T0, and what was seen.
    last: (Nanos, Snapshot),
    written: io::Result<()>,
}

const EVERY: Nanos = Nanos::from_secs(1);

impl<'scope> Jsonl<'scope> {
    pub(crate) fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        board: &'env Board,
        file: Box<dyn Write + Send>,
    ) -> Jsonl<'scope> {
        let lines = Lines { board, file, last: (Nanos::ZERO, Snapshot::default()), written: Ok(()) };
        Jsonl(Watcher::start(scope, EVERY, lines, |lines| lines.write()))
    }

    /// The run is over: the rest of it is written.
    pub(crate) fn stop(self) -> io::Result<()> {
        let mut lines = self.0.stop().ok_or_else(|| io::Error::other("its thread panicked"))?;
        lines.write();
        lines.written
    }
}

impl Lines<'_> {
    /// What has happened since the last look; nothing before T0.
    fn write(&mut self) {
        let snapshot = self.board.snapshot();
        if snapshot.t0 == Nanos::ZERO || self.written.is_err() {
            return;
        }
        let now = monotonic().since(snapshot.t0);
        let line = ProgressLine::between((self.last.0, &self.last.1), (now, &snapshot));
        self.written = self.file.write_all(report::jsonl(&line).as_bytes()).and_then(|()| self.file.flush());
        self.last = (now, snapshot);
    }
}
