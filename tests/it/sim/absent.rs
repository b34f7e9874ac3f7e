//! A worker of the simulated world that is kept from its work: where, and when.

use onrush::time::Nanos;

/// Where the worker is while it does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    /// It waits, and is not woken.
    Asleep,
    /// It was woken, and has no processor.
    Runnable,
    /// It works on something else, behind the first byte that it reads.
    Running,
}

/// The worker does nothing for the first `lasts` of each `every`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Absent {
    pub(super) place: Where,
    pub(super) lasts: Nanos,
    pub(super) every: Nanos,
}

impl Absent {
    /// For how long it does nothing yet that is in that place, so long after the start.
    pub(super) fn left(self, place: Where, since_start: Nanos) -> Nanos {
        let into = Nanos(since_start.0 % self.every.0);
        if place == self.place { self.lasts.since(into) } else { Nanos::ZERO }
    }
}
