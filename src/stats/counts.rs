//! Requests by what became of them.

use serde::{Deserialize, Serialize};

use crate::record::Outcome;

/// Requests by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Status 200 to 399.
    pub ok: u64,
    /// Any other status.
    pub http_error: u64,
    /// Failures other than time-outs.
    pub failed: u64,
    /// Our own time limit ran out.
    pub timeout: u64,
    /// Sent, not answered when the run ended.
    pub unfinished: u64,
}

impl Counts {
    #[inline]
    pub(super) fn add(&mut self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Ok => &mut self.ok,
            Outcome::HttpError => &mut self.http_error,
            Outcome::Failed => &mut self.failed,
            Outcome::Timeout => &mut self.timeout,
            Outcome::Unfinished => &mut self.unfinished,
        };
        *counter += 1;
    }

    /// Adds another's counts.
    pub fn merge(&mut self, other: &Counts) {
        self.ok += other.ok;
        self.http_error += other.http_error;
        self.failed += other.failed;
        self.timeout += other.timeout;
        self.unfinished += other.unfinished;
    }

    /// What has been counted since `earlier`.
    pub fn since(&self, earlier: &Counts) -> Counts {
        Counts {
            ok: self.ok.saturating_sub(earlier.ok),
            http_error: self.http_error.saturating_sub(earlier.http_error),
            failed: self.failed.saturating_sub(earlier.failed),
            timeout: self.timeout.saturating_sub(earlier.timeout),
            unfinished: self.unfinished.saturating_sub(earlier.unfinished),
        }
    }

    /// Requests that got an answer, whatever its status.
    pub fn answered(&self) -> u64 {
        self.ok + self.http_error
    }

    /// Requests that came to an end of their own.
    pub fn ended(&self) -> u64 {
        self.answered() + self.failed + self.timeout
    }
}
