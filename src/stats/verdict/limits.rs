//! The limits of the verdict, each with its reason.

use crate::stats::Ppm;
use crate::time::Nanos;

/// Two limits: where a check begins to matter, and where it spoils the run.
pub(super) struct Limits<T> {
    pub(super) degraded: T,
    pub(super) invalid: T,
}

/// The quantiles that are judged: those of the text summary. Above them, on a
/// shared machine, there is always somebody else's millisecond.
pub(super) const JUDGED: [(&str, Ppm); 4] = [("p50", 500_000), ("p90", 900_000), ("p95", 950_000), ("p99", 990_000)];

/// So much of a printed quantile may be this tool's own: from a twentieth on it is noisy,
/// as that is what users compare for; from a fifth on it is not the server's.
pub(super) const ERROR_SHARE: Limits<f64> = Limits { degraded: 0.05, invalid: 0.20 };
/// Delays below these never count, however short the response times are: p99 of a sleeping thread's lateness is 0.2 to
/// 0.4 ms on shared machines, and on busy ones half a millisecond.
pub(super) const ERROR: Limits<Nanos> = Limits { degraded: Nanos::from_micros(400), invalid: Nanos::from_micros(750) };
/// A stall of ten milliseconds spoils no run by itself, however short it is: so long is a program now and then
/// without a processor on a shared machine. What it does to x_p is that of another p (docs/methodology.md).
pub(super) const STALL: Nanos = Nanos::from_millis(10);
/// But a run of less than a fifth of a second has to do with less.
pub(super) const MAX_STALLED: f64 = 0.05;
/// From this share of its busiest second on, a worker has no processor time left that would be worth having.
pub(super) const FULL: f64 = 0.90;
/// The share of the scheduled requests that were sent.
pub(super) const SENT: Limits<f64> = Limits { degraded: 0.999, invalid: 0.99 };
/// The share of the users that had a connection: one that is missing is worth a word.
pub(super) const CONNECTED: Limits<f64> = Limits { degraded: 1.0, invalid: 0.90 };
/// Shorter runs have used too little of anything to be judged by shares of time.
pub(super) const LONG_ENOUGH: Nanos = Nanos::from_millis(200);
/// Waiting for a connection matters from this share of the time in the system on.
pub(super) const WAITING: f64 = 0.10;
/// This tool is to blame where more than this share of the time that requests took
/// is its own: more than everybody else's together.
pub(super) const BLAME: f64 = 0.5;
/// The server is slow if answers take so many times as long as the quickest one,
/// at the median: nothing else is known of a server at rest.
pub(super) const SLOW: u64 = 2;
/// It has stalled in an answer that takes so many times the median.
pub(super) const STALLED: u64 = 10;
/// Such answers are what others waited for if they had this share of the time
/// that connections were busy with answers: a few slow ones among many are not.
pub(super) const STALLED_SHARE: f64 = 0.2;
/// Where the other answers left connections idle for half of the run, nobody
/// would have waited for these alone: then a hundredth is enough.
pub(super) const STALLED_IDLE: (f64, f64) = (0.5, 0.01);
/// A lost SYN is sent again after a second, then after two more.
pub(super) const RETRIED: [(Nanos, Nanos); 2] =
    [(Nanos::from_millis(1_000), Nanos::from_millis(1_250)), (Nanos::from_millis(3_000), Nanos::from_millis(3_250))];

/// One connection may have been unlucky; of fewer than a hundredth nobody is kept waiting.
pub(super) const RETRIED_FEWEST: u64 = 2;
pub(super) const RETRIED_SHARE: f64 = 0.01;
