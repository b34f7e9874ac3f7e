//! The numbers that are compared.

use serde::{Serialize, Serializer};

use crate::stats::{ErrorLine, Latency, Ppm, Summary};

use super::{Change, Interval};

/// A number that every summary has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// The mean of the response times.
    Mean,
    /// A quantile of the response times.
    Response(Quantile),
    /// The longest response time: that of one request, so nothing can be said of how sure it is.
    Max,
    /// A quantile of the service times.
    Service(Quantile),
    /// Answers per second.
    Throughput,
    /// The share of requests that succeeded.
    SuccessRate,
}

/// A quantile that summaries name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the definition")]
pub enum Quantile {
    P50,
    P90,
    P95,
    P99,
    P99_9,
}

impl Metric {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Metric; 11] = [
        Metric::Mean,
        Metric::Response(Quantile::P50),
        Metric::Response(Quantile::P90),
        Metric::Response(Quantile::P95),
        Metric::Response(Quantile::P99),
        Metric::Response(Quantile::P99_9),
        Metric::Max,
        Metric::Service(Quantile::P50),
        Metric::Service(Quantile::P99),
        Metric::Throughput,
        Metric::SuccessRate,
    ];

    /// Its name in options and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Mean => "mean",
            Metric::Response(quantile) => quantile.name(),
            Metric::Max => "max",
            Metric::Service(Quantile::P50) => "service-p50",
            Metric::Service(Quantile::P90) => "service-p90",
            Metric::Service(Quantile::P95) => "service-p95",
            Metric::Service(Quantile::P99) => "service-p99",
            Metric::Service(Quantile::P99_9) => "service-p99.9",
            Metric::Throughput => "throughput",
            Metric::SuccessRate => "success-rate",
        }
    }

    /// The metric of this name, of those in [`Metric::ALL`].
    pub fn named(name: &str) -> Option<Metric> {
        Metric::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// Milliseconds, answers per second, or a share of one.
    pub fn of(self, summary: &Summary) -> Option<f64> {
        match self {
            Metric::Throughput => Some(summary.throughput_per_s),
            Metric::SuccessRate => summary.success_rate,
            Metric::Mean => self.latency(summary).map(|latency| latency.mean),
            Metric::Max => self.latency(summary).map(|latency| latency.max),
            Metric::Response(quantile) | Metric::Service(quantile) => {
                self.latency(summary).map(|latency| quantile.of(latency))
            }
        }
    }

    /// It is only known to be at least as large as the summary says.
    pub fn is_lower_bound(self, summary: &Summary) -> bool {
        let latency = self.latency(summary);
        match self {
            Metric::Mean => latency.is_some_and(|latency| latency.censored > 0),
            Metric::Response(quantile) => latency.is_some_and(|latency| latency.at_least.contains(&quantile.key())),
            Metric::Max => latency.is_some_and(|latency| latency.at_least.iter().any(|name| name == "max")),
            Metric::Service(_) | Metric::Throughput | Metric::SuccessRate => false,
        }
    }

    /// How much of it may be onrush's own delay, in its unit. None: it has none, or it is not known.
    pub fn error(self, summary: &Summary) -> Option<f64> {
        let error = summary.generator.error_ms.as_ref()?;
        match self {
            Metric::Response(quantile) => Some(quantile.of_error(error)),
            _ => None,
        }
    }

    /// There are too few requests to be sure of anything.
    pub fn is_unsure(self, summary: &Summary) -> bool {
        match self {
            Metric::Response(quantile) | Metric::Service(quantile) => {
                self.latency(summary).is_some_and(|latency| latency.unsure.contains(&quantile.key()))
            }
            Metric::Mean | Metric::Max | Metric::Throughput | Metric::SuccessRate => false,
        }
    }

    /// What the interval of new / base says of it.
    pub fn change(self, ratio: Interval, delta: f64) -> Change {
        match self {
            Metric::Throughput => Change::of_throughput(ratio, delta),
            Metric::SuccessRate => Change::of_success(ratio, delta),
            Metric::Mean | Metric::Response(_) | Metric::Max | Metric::Service(_) => Change::of_time(ratio, delta),
        }
    }

    /// Less of it is worse.
    pub fn more_is_better(self) -> bool {
        matches!(self, Metric::Throughput | Metric::SuccessRate)
    }

    fn latency(self, summary: &Summary) -> Option<&Latency> {
        match self {
            Metric::Service(_) => summary.service_ms.as_ref(),
            _ => summary.response_ms.as_ref(),
        }
    }
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Quantile {
    fn name(self) -> &'static str {
        match self {
            Quantile::P50 => "p50",
            Quantile::P90 => "p90",
            Quantile::P95 => "p95",
            Quantile::P99 => "p99",
            Quantile::P99_9 => "p99.9",
        }
    }

    /// Its name as a key of a summary.
    fn key(self) -> String {
        self.name().replace('.', "_")
    }

    /// Its p.
    pub fn p(self) -> Ppm {
        match self {
            Quantile::P50 => 500_000,
            Quantile::P90 => 900_000,
            Quantile::P95 => 950_000,
            Quantile::P99 => 990_000,
            Quantile::P99_9 => 999_000,
        }
    }

    fn of(self, latency: &Latency) -> f64 {
        match self {
            Quantile::P50 => latency.p50,
            Quantile::P90 => latency.p90,
            Quantile::P95 => latency.p95,
            Quantile::P99 => latency.p99,
            Quantile::P99_9 => latency.p99_9,
        }
    }

    fn of_error(self, error: &ErrorLine) -> f64 {
        match self {
            Quantile::P50 => error.p50,
            Quantile::P90 => error.p90,
            Quantile::P95 => error.p95,
            Quantile::P99 => error.p99,
            Quantile::P99_9 => error.p99_9,
        }
    }
}
