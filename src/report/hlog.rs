//! The run over time as an HdrHistogram log.

use crate::stats::{IntervalLine, Latency, Summary};

/// A histogram log of version 1.3, as Java's HistogramLogProcessor reads it: for
/// each interval a line tagged `response`, `service`, and `lag` where there is
/// one. Values are nanoseconds; the column of maxima is in milliseconds.
pub fn hlog(s: &Summary) -> String {
    let mut out = format!("#[Logged by {} {}]\n#[Histogram log format version 1.3]\n", s.tool.name, s.tool.version);
    out += &format!("#[StartTime: {:.3} (seconds since epoch), {}]\n", s.started_at_unix_s, s.started_at);
    out += &format!("#[BaseTime: {:.3} (seconds since epoch)]\n#[MaxValueDivisor: 1000000.0]\n", s.started_at_unix_s);
    out += "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n";
    for interval in &s.intervals {
        let service = interval.service_ms.as_ref().or(interval.response_ms.as_ref());
        let tagged =
            [("response", interval.response_ms.as_ref()), ("service", service), ("lag", interval.send_lag_ms.as_ref())];
        for (tag, latency) in tagged {
            out += &latency.map_or(String::new(), |latency| line(tag, interval, s.interval_s, latency));
        }
    }
    out
}

fn line(tag: &str, interval: &IntervalLine, length_s: f64, latency: &Latency) -> String {
    format!("Tag={tag},{:.3},{length_s:.3},{:.3},{}\n", interval.at_s, latency.max, latency.histogram)
}
