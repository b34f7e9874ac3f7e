//! The run over time as an HdrHistogram log.

use crate::stats::{IntervalLine, Latency, Summary};

/// A histogram log of version 1.3, as Java's HistogramLogProcessor reads it: for
/// each interval a line tagged `response`, `service`, and `lag` where there is
/// one. Values are nanoseconds; the column of maxima is in milliseconds.
pub fn hlog(s: &Summary) -> String {
    let s = &s.printable();
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
    // Down to nanoseconds: less precise, a maximum would seem to be zero, or an interval to begin in another one.
    format!("Tag={tag},{:.9},{length_s:.9},{:.6},{}\n", interval.at_s, latency.max, latency.histogram)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::summary;
    use crate::stats::Distribution;
    use crate::time::Nanos;

    #[test]
    fn no_maximum_is_rounded_to_nothing() {
        for (ns, max) in [(1, "0.000001"), (432, "0.000432"), (1_234_567, "1.234567")] {
            let mut d = Distribution::new();
            d.record(Nanos(ns));
            let interval = IntervalLine {
                at_s: 0.003_906_25,
                ok: 1,
                http_error: 0,
                failed: 0,
                timeout: 0,
                due: 1,
                in_flight: 0.0,
                waiting: 0.0,
                response_ms: None,
                service_ms: None,
                send_lag_ms: Latency::new(&d),
            };
            let log = hlog(&Summary { intervals: vec![interval], interval_s: 0.003_906_25, ..summary() });
            let line = log.lines().last().unwrap();
            assert!(line.starts_with(&format!("Tag=lag,0.003906250,0.003906250,{max},HISTFAAA")), "{line}");
        }
    }
}
