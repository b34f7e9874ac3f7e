//! The two lines that stand first: what came of the run, and how far to trust its numbers.

use crate::record::Failure;
use crate::stats::Verdict;
use crate::units::{count, grouped};

use super::availability::words;
use super::{Summary, ThresholdLine};

/// So many kinds of failures, or thresholds, are named.
const NAMED: usize = 3;

/// Said of a run whose target is on this machine.
pub const SHARED_CPU: &str = "CPU shared with the server on this machine";

impl Summary {
    /// Nothing failed: with thresholds all were met, else every request that came to an end is ok, and there was one.
    pub(super) fn has_passed(&self) -> bool {
        if self.thresholds.is_empty() {
            self.accounting.ok > 0 && self.errors() == 0
        } else {
            !self.missed_a_threshold()
        }
    }

    /// What came of the run, in a line.
    pub(super) fn outcome_line(&self) -> String {
        let cut = if self.interrupted { ", ended early" } else { "" };
        if self.thresholds.is_empty() { self.of_requests() + cut } else { self.of_thresholds() + cut }
    }

    /// What is to be known of the measurement: how much of which number is this tool's. None: nothing.
    pub fn measurement(&self) -> Option<String> {
        let generator = &self.generator;
        let word = self.measurement_word()?;
        let shared = generator.shares_cpu.then_some(SHARED_CPU);
        let reasons: Vec<&str> = generator.reasons.iter().map(String::as_str).chain(shared).collect();
        Some(format!("Measurement: {word} ({})", reasons.join("; ")))
    }

    /// The measurement in a word or two. None: there is nothing to say.
    pub fn measurement_word(&self) -> Option<&'static str> {
        match self.generator.verdict {
            Verdict::Valid => None,
            Verdict::Degraded => Some("noisy"),
            Verdict::Invalid => Some("not to be used"),
        }
    }

    fn of_thresholds(&self) -> String {
        let all = self.thresholds.len() as u64;
        let missed: Vec<String> =
            self.thresholds.iter().filter(|line| !line.passed).map(ThresholdLine::with_value).collect();
        match (missed.len(), all) {
            (0, _) => format!("PASSED {all} of {}", count(all, "threshold")),
            (1, 1) => format!("FAILED {}", missed[0]),
            (n, _) => format!("FAILED {n} of {}: {}", count(all, "threshold"), first_of(&missed)),
        }
    }

    fn of_requests(&self) -> String {
        let a = &self.accounting;
        let ended = a.ok + self.errors();
        let mut kinds: Vec<(u64, String)> =
            self.failures.iter().map(|line| (line.count, words(Failure::new(line.phase, line.cause)))).collect();
        kinds.extend(self.statuses_of_errors());
        kinds.sort_by_key(|(n, _)| std::cmp::Reverse(*n));
        let mut line = match (ended, self.errors(), &kinds[..]) {
            (0, ..) => "no request came to an end".into(),
            (_, 0, _) => format!("{}, all ok", count(ended, "request")),
            (_, errors, [(n, only)]) if *n == errors => {
                format!("{} of {} failed: {only}", grouped(errors), count(ended, "request"))
            }
            (_, errors, _) => {
                let kinds: Vec<String> = kinds.iter().map(|(n, kind)| format!("{} {kind}", grouped(*n))).collect();
                format!("{} of {} failed: {}", grouped(errors), count(ended, "request"), first_of(&kinds))
            }
        };
        for (n, what) in [(a.unfinished, "unfinished"), (a.unsent, "unsent")] {
            if n > 0 {
                line += &format!(", +{} {what}", grouped(n));
            }
        }
        line
    }

    /// How often each status was seen that is an error. Where the user said which statuses are wanted, all
    /// others are failures of a check.
    fn statuses_of_errors(&self) -> impl Iterator<Item = (u64, String)> + '_ {
        let is_error = |status: &str| !status.starts_with(['2', '3']);
        let all = self.status.iter().filter(move |(status, _)| self.accounting.http_error > 0 && is_error(status));
        all.map(|(status, n)| (*n, format!("HTTP {status}")))
    }
}

/// The first few of them.
fn first_of(all: &[String]) -> String {
    let named = all[..all.len().min(NAMED)].join(", ");
    if all.len() > NAMED { format!("{named} and {} more", all.len() - NAMED) } else { named }
}
