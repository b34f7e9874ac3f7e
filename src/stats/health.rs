//! How the workers themselves were: what a run knows of its own tool.

use serde::{Deserialize, Serialize};

use crate::time::Nanos;

/// What a thread has used since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time.
    pub cpu: Nanos,
    /// Time for which it was ready to run and no processor was free; None where the system does not tell.
    pub run_queue: Option<Nanos>,
}

/// What one worker, or all of them, used and suffered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// Processor time of the workers' threads.
    pub cpu: Nanos,
    /// How much of it went into polls that found nothing to do, ahead of requests: time to spare.
    pub polling: Nanos,
    /// Time that they ran, summed.
    pub wall: Nanos,
    /// The largest share of a second that one of them worked, such polls not counted.
    pub busiest: f64,
    /// How long they were ready to run and no processor was free. None where the system does not tell.
    pub run_queue: Option<Nanos>,
    /// The longest time for which one did not look at its connections while it had work.
    pub stall: Nanos,
    /// How long they waited for a full sink.
    pub sink_wait: Nanos,
    /// Answers whose arrival the kernel has stamped.
    pub stamped: u64,
}

impl Health {
    /// Another worker's.
    pub fn merge(&mut self, other: &Health) {
        self.cpu += other.cpu;
        self.polling += other.polling;
        self.wall += other.wall;
        self.busiest = self.busiest.max(other.busiest);
        self.run_queue = match (self.run_queue, other.run_queue) {
            (Some(mine), Some(theirs)) => Some(mine + theirs),
            (mine, theirs) => mine.or(theirs),
        };
        self.stall = self.stall.max(other.stall);
        self.sink_wait += other.sink_wait;
        self.stamped += other.stamped;
    }

    /// The share of their time that the workers spent on the processor.
    pub fn cpu_share(&self) -> f64 {
        share(self.cpu, self.wall)
    }

    /// The share of their time that the workers worked: polls with time to spare are not counted.
    pub fn busy_share(&self) -> f64 {
        share(self.cpu.since(self.polling), self.wall)
    }

    /// The share of their time that they waited for a processor.
    pub fn run_queue_share(&self) -> Option<f64> {
        self.run_queue.map(|waited| share(waited, self.wall))
    }
}

fn share(part: Nanos, whole: Nanos) -> f64 {
    if whole == Nanos::ZERO { 0.0 } else { part.0 as f64 / whole.0 as f64 }
}
