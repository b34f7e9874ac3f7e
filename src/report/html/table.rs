//! The numbers as tables.

use serde::Serialize;

use crate::stats::{Latency, Summary, WaveLine};
use crate::units::{self, grouped};

use super::columns::columns;
use super::words::{NONE, ms, quantile, seconds, us};

/// Rows of cells. The page escapes what is in them.
#[derive(Debug, Default, Serialize)]
pub(super) struct Table {
    pub(super) title: String,
    pub(super) head: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
    /// So many columns, from the left, have words rather than numbers.
    pub(super) words: usize,
    /// It is shown only to those who ask for it.
    pub(super) folded: bool,
    /// What one has to know to read it.
    pub(super) note: String,
}

/// Longer tables are thinned.
const MAX_ROWS: usize = 120;

/// The run over time, in fewer rows than the charts have columns.
pub(super) fn over_time(s: &Summary) -> Table {
    let columns = columns(s, MAX_ROWS);
    let rows = columns.iter().map(|column| {
        let quantiles = column.response.as_ref().map(|r| [r.p50, r.p90, r.p99, r.max]);
        let quantiles = quantiles.map_or([const { String::new() }; 4].map(|_| NONE.into()), |of| of.map(ms));
        let counts = [column.due, column.done(), column.ok, column.http_error, column.failed, column.timeout];
        let present = [column.in_flight, column.waiting].map(units::tenths);
        [vec![seconds(column.at_s)], counts.map(grouped).into(), quantiles.into(), present.into()].concat()
    });
    let width = columns.first().map_or(0.0, |column| column.width_s);
    Table {
        title: "Data table".into(),
        head: vec![
            "from",
            "due",
            "done",
            "ok",
            "HTTP error",
            "failed",
            "timed out",
            "p50",
            "p90",
            "p99",
            "max",
            "in flight",
            "waiting",
        ],
        rows: rows.collect(),
        folded: true,
        note: format!("Each row is {}; response times are those of complete responses.", seconds(width)),
        ..Table::default()
    }
}

/// The waves, thinned.
pub(super) fn waves(list: &[WaveLine]) -> Table {
    let each = list.len().div_ceil(MAX_ROWS).max(1);
    let row = |wave: &WaveLine| {
        let WaveLine { wave, at_s, released, spread_us, took_ms } = wave;
        vec![grouped(*wave), seconds(*at_s), grouped(*released), us(*spread_us), ms(*took_ms)]
    };
    Table {
        title: "The waves in numbers".into(),
        head: vec!["wave", "at", "released", "spread", "completion"],
        rows: list.iter().step_by(each).map(row).collect(),
        folded: list.len() > 10,
        note: if each > 1 { format!("One of {each} kept waves.") } else { String::new() },
        ..Table::default()
    }
}

/// Failures by phase and cause.
pub(super) fn failures(s: &Summary) -> Table {
    let row = |f: &crate::stats::FailureLine| {
        let what = format!("{}: {}", f.phase.text(), f.cause.text());
        vec![what, f.example.clone(), grouped(f.count), seconds(f.first_s), seconds(f.last_s)]
    };
    Table {
        title: "Failures".into(),
        head: vec!["what", "the first one", "requests", "first at", "last at"],
        rows: s.failures.iter().map(row).collect(),
        words: 2,
        ..Table::default()
    }
}

/// The first failed request of each kind, as a command of curl.
pub(super) fn commands(s: &Summary) -> Table {
    let row = |f: &crate::stats::FailureLine| {
        let what = format!("{}: {}", f.phase.text(), f.cause.text());
        f.curl.as_ref().map(|curl| vec![what, curl.clone()])
    };
    Table {
        title: "Reproduce with curl".into(),
        head: vec!["what", "command"],
        rows: s.failures.iter().filter_map(row).collect(),
        words: 2,
        folded: true,
        note: "Secrets in headers are masked.".into(),
    }
}

/// Answers by status.
pub(super) fn status(s: &Summary) -> Table {
    let answers = s.status.values().copied().fold(0, u64::saturating_add).max(1);
    let row = |(code, n): (&String, &u64)| vec![code.clone(), grouped(*n), units::percent(*n as f64 / answers as f64)];
    Table {
        title: "Answers by status".into(),
        head: vec!["status", "responses", "share"],
        rows: s.status.iter().map(row).collect(),
        words: 1,
        ..Table::default()
    }
}

/// So many targets are shown at once.
const FEW_TARGETS: usize = 20;

/// The targets, in the order of their list.
pub(super) fn targets(s: &Summary) -> Table {
    let row = |target: &crate::stats::TargetLine| {
        let a = &target.accounting;
        let of = |name: &str, value: fn(&Latency) -> f64| {
            target.response_ms.as_ref().map_or(NONE.into(), |latency| quantile(latency, name, value(latency)))
        };
        let not_ok = a.scheduled.saturating_sub(a.ok);
        let share = units::percent(not_ok as f64 / a.scheduled.max(1) as f64);
        let times = [of("p50", |l| l.p50), of("p90", |l| l.p90), of("p99", |l| l.p99), of("max", |l| l.max)];
        let counts = [target.target.clone(), grouped(a.scheduled), grouped(not_ok), share];
        counts.into_iter().chain(times).collect()
    };
    Table {
        title: "Targets".into(),
        head: vec!["target", "requests", "not ok", "share", "p50", "p90", "p99", "max"],
        rows: s.targets.iter().map(row).collect(),
        words: 1,
        folded: s.targets.len() > FEW_TARGETS,
        ..Table::default()
    }
}
