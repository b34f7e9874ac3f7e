//! What became of the requests, in numbers: states, failures, targets.

use crate::stats::Summary;
use crate::units::{grouped, percent};

use super::section::{Fact, Section};
use super::table;

/// Tables that have rows, and how every scheduled request ended.
pub(super) fn section(s: &Summary) -> Section {
    let a = &s.accounting;
    let all = a.scheduled.max(1) as f64;
    let kinds = [
        ("ok", a.ok, "ok"),
        ("HTTP error", a.http_error, "http-error"),
        ("failed", a.failed, "failed"),
        ("timed out", a.timeout, "timeout"),
        ("unfinished", a.unfinished, "unfinished"),
        ("unsent", a.unsent, "unsent"),
    ];
    let fact = |(name, n, tone): (&str, u64, &'static str)| {
        let share = n as f64 / all;
        Fact { share: Some(share), tone, ..Fact::new(name, grouped(n), percent(share)) }
    };
    let tables = [table::status(s), table::failures(s), table::commands(s), table::targets(s)];
    Section {
        title: "Outcome".into(),
        lead: format!("{} requests were scheduled, and each of them is counted once.", grouped(a.scheduled)),
        facts: kinds.into_iter().filter(|(_, n, _)| *n > 0).map(fact).collect(),
        tables: tables.into_iter().filter(|table| !table.rows.is_empty()).collect(),
        ..Section::default()
    }
}
