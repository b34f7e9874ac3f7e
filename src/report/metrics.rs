//! A run while it goes on, as Prometheus reads it: in its text format 0.0.4, or in `OpenMetrics` 1.0.
//! Names, units and types are those of <https://prometheus.io/docs/practices/naming/>: seconds, bytes,
//! counters that end in `_total`, histograms with cumulative buckets.

use std::fmt::{Display, Write};

use crate::plan::{ModelKind, Plan};
use crate::printable::printable;
use crate::stats::{Distribution, Snapshot};
use crate::time::Nanos;

/// Which of the two formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// <https://prometheus.io/docs/instrumenting/exposition_formats/>.
    Text,
    /// <https://prometheus.io/docs/specs/om/open_metrics_spec/>.
    OpenMetrics,
}

impl Exposition {
    /// The media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Exposition::Text => "text/plain; version=0.0.4; charset=utf-8",
            Exposition::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// What tells a run from others.
#[derive(Clone, Copy, Debug)]
pub struct RunLabels<'a> {
    /// The URL, or the file of targets.
    pub url: &'a str,
    /// The load model.
    pub model: ModelKind,
}

impl<'a> RunLabels<'a> {
    /// Those of a plan.
    pub fn new(plan: &'a Plan) -> RunLabels<'a> {
        RunLabels { url: &plan.url, model: plan.load.model.kind() }
    }
}

/// Upper bounds of a histogram's buckets, in seconds.
const BUCKETS: [f64; 19] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0,
    50.0, 100.0,
];
const NONE: &[(&str, &str)] = &[];

/// All metrics, as they stand.
pub fn metrics(s: &Snapshot, run: &RunLabels<'_>, form: Exposition) -> String {
    let mut out = Page { text: String::new(), form };
    let version = env!("CARGO_PKG_VERSION");
    out.info("onrush_run", "The run.", &[("version", version), ("model", run.model.name()), ("url", run.url)]);
    let c = &s.counts;
    let ended = [
        ("ok", c.ok),
        ("http_error", c.http_error),
        ("failed", c.failed),
        ("timeout", c.timeout),
        ("unfinished", c.unfinished),
        ("unsent", s.unsent),
    ];
    out.family("onrush_requests", "counter", "", "Requests that ended, by outcome.");
    ended.iter().for_each(|(outcome, n)| out.sample("onrush_requests_total", &[("outcome", outcome)], n));
    out.counter("onrush_requests_due", "", "Requests that have become due.", s.due);
    out.gauge(
        "onrush_in_flight",
        "",
        "Requests that were sent and have no answer yet.",
        s.present - s.waiting.min(s.present),
    );
    out.gauge("onrush_waiting", "", "Requests that are due and wait for a connection.", s.waiting);
    out.family("onrush_answers", "counter", "", "Responses, by status.");
    s.status.iter().for_each(|(status, n)| out.sample("onrush_answers_total", &[("status", &status.to_string())], n));
    out.family("onrush_failures", "counter", "", "Requests without a usable answer, by phase and cause.");
    for (failure, n) in &s.failures {
        let labels = [("phase", failure.phase.text()), ("cause", failure.cause.text())];
        out.sample("onrush_failures_total", &labels, n);
    }
    let response = "Response times, from when the request was due.";
    out.histogram("onrush_response_time_seconds", response, &s.response);
    out.histogram("onrush_service_time_seconds", "Service times, from when the request was sent.", &s.service);
    let censored = "How old requests became that got no answer: lower bounds of their response times.";
    out.histogram("onrush_unanswered_age_seconds", censored, &s.censored);
    let lag = "How late onrush sent requests, compared with their schedule.";
    out.histogram("onrush_send_lag_seconds", lag, &s.lag);
    out.histogram("onrush_wave_spread_seconds", "From the first to the last request of a wave.", &s.spread);
    out.counter("onrush_waves", "", "Waves that are complete.", s.waves);
    out.counter("onrush_received_bytes", "bytes", "Bytes read, heads and framing included.", s.bytes_in);
    out.counter("onrush_sent_bytes", "bytes", "Bytes written, heads and framing included.", s.bytes_out);
    out.counter("onrush_connections_opened", "", "Connections opened, those of the warm-up among them.", s.connections);
    out.gauge("onrush_busy_ratio", "ratio", "How busy onrush's busiest thread is, from 0 to 1.", s.busy);
    let stall = "The longest gap between two polls of the connections.";
    out.gauge("onrush_stall_seconds", "seconds", stall, s.stall.as_secs());
    if form == Exposition::OpenMetrics {
        out.text += "# EOF\n";
    }
    out.text
}

struct Page {
    text: String,
    form: Exposition,
}

impl Page {
    /// The lines before a family's samples. The older format names a counter as its samples are named.
    fn family(&mut self, name: &str, kind: &str, unit: &str, help: &str) {
        let is_open = self.form == Exposition::OpenMetrics;
        let name = match kind {
            "counter" if !is_open => format!("{name}_total"),
            "info" if !is_open => format!("{name}_info"),
            _ => name.into(),
        };
        let kind = if kind == "info" && !is_open { "gauge" } else { kind };
        self.line(&format!("# TYPE {name} {kind}"));
        if is_open && !unit.is_empty() {
            self.line(&format!("# UNIT {name} {unit}"));
        }
        self.line(&format!("# HELP {name} {help}"));
    }

    fn line(&mut self, line: &str) {
        self.text += line;
        self.text.push('\n');
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.text += name;
        for (i, (label, text)) in labels.iter().enumerate() {
            self.text.push(if i == 0 { '{' } else { ',' });
            let _ = write!(self.text, "{label}=\"{}\"", escaped(text));
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        // Writing to a string does not fail.
        let _ = writeln!(self.text, " {value}");
    }

    fn info(&mut self, name: &str, help: &str, labels: &[(&str, &str)]) {
        self.family(name, "info", "", help);
        self.sample(&format!("{name}_info"), labels, 1);
    }

    fn counter(&mut self, name: &str, unit: &str, help: &str, value: u64) {
        self.family(name, "counter", unit, help);
        self.sample(&format!("{name}_total"), NONE, value);
    }

    fn gauge(&mut self, name: &str, unit: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", unit, help);
        self.sample(name, NONE, value);
    }

    fn histogram(&mut self, name: &str, help: &str, values: &Distribution) {
        self.family(name, "histogram", "seconds", help);
        let bucket = format!("{name}_bucket");
        for top in BUCKETS {
            let up_to = values.count_up_to(Nanos((top * 1e9).round() as u64));
            self.sample(&bucket, &[("le", &format!("{top:?}"))], up_to);
        }
        self.sample(&bucket, &[("le", "+Inf")], values.count());
        self.sample(&format!("{name}_sum"), NONE, values.sum() as f64 / 1e9);
        self.sample(&format!("{name}_count"), NONE, values.count());
    }
}

/// A label's value as both formats have it; a printable text has no line ends.
fn escaped(text: &str) -> String {
    printable(text).replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Cause, Failure, Phase};
    use crate::stats::Counts;

    fn snapshot() -> Snapshot {
        let mut s = Snapshot {
            counts: Counts { ok: 2, failed: 1, ..Counts::default() },
            due: 5,
            present: 2,
            waiting: 1,
            status: vec![(200, 2)],
            failures: vec![(Failure { phase: Phase::Read, cause: Cause::Reset }, 1)],
            ..Snapshot::default()
        };
        s.response.record(Nanos::from_millis(2));
        s.response.record(Nanos::from_secs(200));
        s
    }

    const RUN: RunLabels<'_> = RunLabels { url: "http://127.0.0.1/\"\\\n", model: ModelKind::Open };

    #[test]
    fn metrics_have_the_names_of_their_format() {
        let (text, open) =
            (metrics(&snapshot(), &RUN, Exposition::Text), metrics(&snapshot(), &RUN, Exposition::OpenMetrics));
        for line in [
            "onrush_requests_total{outcome=\"ok\"} 2",
            "onrush_answers_total{status=\"200\"} 2",
            "onrush_failures_total{phase=\"read\",cause=\"reset\"} 1",
            "onrush_in_flight 1",
            "onrush_waiting 1",
            "onrush_response_time_seconds_bucket{le=\"0.001\"} 0",
            "onrush_response_time_seconds_bucket{le=\"0.0025\"} 1",
            "onrush_response_time_seconds_bucket{le=\"100.0\"} 1",
            "onrush_response_time_seconds_bucket{le=\"+Inf\"} 2",
            "onrush_response_time_seconds_count 2",
            "onrush_response_time_seconds_sum 200.002",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in {text}");
            assert!(open.lines().any(|l| l == line), "{line} in {open}");
        }
        assert!(text.contains("\n# TYPE onrush_requests_total counter\n") && !text.contains("# UNIT"));
        assert!(open.contains("\n# TYPE onrush_requests counter\n") && open.ends_with("# EOF\n"));
        assert!(open.contains("# UNIT onrush_received_bytes bytes\n"));
        assert!(text.contains("url=\"http://127.0.0.1/\\\"\\\\ \"} 1"), "{text}");
    }

    #[test]
    fn each_family_is_there_once_and_its_lines_stand_together() {
        let open = metrics(&snapshot(), &RUN, Exposition::OpenMetrics);
        let families: Vec<&str> =
            open.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        let mut family = "";
        for line in open.lines().filter(|line| *line != "# EOF") {
            if let Some(of) = line.strip_prefix("# TYPE ") {
                family = of.split(' ').next().unwrap();
                assert_eq!(families.iter().filter(|name| **name == family).count(), 1);
            }
            let name = line.trim_start_matches("# HELP ").trim_start_matches("# UNIT ").trim_start_matches("# TYPE ");
            assert!(name.starts_with(family), "{line} under {family}");
        }
    }
}
