//! A summary's intervals, as the numbers that are compared need them.

use std::rc::Rc;

use crate::stats::{Latency, Summary};

use super::{Cumulated, Metric, Statistic};

/// A run in intervals of one length, those in which nothing happened included, or in turns.
pub(super) struct Intervals {
    response: Rc<Cumulated>,
    /// None: as the response times.
    service: Option<Rc<Cumulated>>,
    response_sums: Vec<f64>,
    responses: Vec<f64>,
    /// How long each is, in a unit of their own.
    seconds: Vec<f64>,
    answered: Vec<f64>,
    ok: Vec<f64>,
    ended: Vec<f64>,
}

impl Intervals {
    /// What a summary keeps of its run over time. Time-outs took as long as their limit, as far as is known.
    ///
    /// # Errors
    /// In words, if a histogram in it cannot be read.
    pub(super) fn new(summary: &Summary) -> Result<Intervals, String> {
        let n = whole_intervals(summary);
        let mut responses = vec![Vec::new(); n];
        let mut services = vec![Vec::new(); n];
        let mut of = Intervals::empty(n);
        for line in &summary.intervals {
            // What was done after the last whole interval is counted with it.
            let i = ((line.at_s / summary.interval_s).round() as usize).min(n - 1);
            let service = line.service_ms.as_ref().or(line.response_ms.as_ref());
            let values = |latency| values(latency).map_err(|e| format!("in the interval at {} s, {e}", line.at_s));
            responses[i].extend(values(line.response_ms.as_ref())?);
            services[i].extend(values(service)?);
            let timeouts_ms = line.timeout as f64 * summary.plan.timeout_s * 1e3;
            if line.timeout > 0 {
                responses[i].push((summary.plan.timeout_s * 1e3, line.timeout as u32));
            }
            let (count, sum) =
                line.response_ms.as_ref().map_or((0.0, 0.0), |l| (l.count as f64, l.mean * l.count as f64));
            of.response_sums[i] += sum + timeouts_ms;
            of.responses[i] += count + line.timeout as f64;
            of.answered[i] += (line.ok + line.http_error) as f64;
            of.ok[i] += line.ok as f64;
            of.ended[i] += (line.ok + line.http_error + line.failed + line.timeout) as f64;
        }
        of.response = Rc::new(Cumulated::new(&responses));
        let differs = summary.intervals.iter().any(|line| line.service_ms.is_some() || line.timeout > 0);
        of.service = differs.then(|| Rc::new(Cumulated::new(&services)));
        Ok(of)
    }

    /// What the summaries of turns have in all: each turn is an interval.
    ///
    /// # Errors
    /// In words, if a histogram in one of them cannot be read.
    pub(super) fn of_turns(summaries: &[Summary]) -> Result<Intervals, String> {
        let mut responses = Vec::new();
        let mut services = Vec::new();
        let mut of = Intervals::empty(summaries.len());
        for (i, summary) in summaries.iter().enumerate() {
            let values = |latency| values(latency).map_err(|e| format!("in turn {}, {e}", i + 1));
            // Time-outs are among them, as old as their limit; what a drain cut off is not.
            let response = values(summary.response_ms.as_ref())?;
            let mean = summary.response_ms.as_ref().map_or(0.0, |latency| latency.mean);
            of.responses[i] = response.iter().map(|(_, count)| f64::from(*count)).sum::<f64>();
            of.response_sums[i] = mean * of.responses[i];
            responses.push(response);
            services.push(values(summary.service_ms.as_ref().or(summary.response_ms.as_ref()))?);
            of.seconds[i] = summary.wall_s;
            of.answered[i] = summary.throughput_per_s * summary.wall_s;
            let accounting = &summary.accounting;
            of.ok[i] = accounting.ok as f64;
            of.ended[i] = (accounting.ok + accounting.http_error + accounting.failed + accounting.timeout) as f64;
        }
        of.response = Rc::new(Cumulated::new(&responses));
        of.service = Some(Rc::new(Cumulated::new(&services)));
        Ok(of)
    }

    fn empty(n: usize) -> Intervals {
        Intervals {
            response: Rc::new(Cumulated::new(&[])),
            service: None,
            response_sums: vec![0.0; n],
            responses: vec![0.0; n],
            seconds: vec![1.0; n],
            answered: vec![0.0; n],
            ok: vec![0.0; n],
            ended: vec![0.0; n],
        }
    }

    /// How many response times there are, time-outs included.
    pub(super) fn responses(&self) -> u64 {
        self.responses.iter().sum::<f64>() as u64
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.answered.len()
    }

    /// The number by intervals. None: it cannot be told by them.
    pub(super) fn statistic(&self, metric: Metric) -> Option<Statistic> {
        Some(match metric {
            Metric::Mean => Statistic::Ratio(self.response_sums.clone(), self.responses.clone()),
            Metric::Response(quantile) => Statistic::Quantile(quantile.p(), Rc::clone(&self.response)),
            Metric::Service(quantile) => {
                Statistic::Quantile(quantile.p(), Rc::clone(self.service.as_ref().unwrap_or(&self.response)))
            }
            Metric::Throughput => Statistic::Ratio(self.answered.clone(), self.seconds.clone()),
            Metric::SuccessRate => Statistic::Ratio(self.ok.clone(), self.ended.clone()),
            Metric::Max => return None,
        })
    }
}

/// How many intervals fit into the time in which requests were due, at least one.
fn whole_intervals(summary: &Summary) -> usize {
    let lasted_s = summary.plan.duration_s.map_or(summary.wall_s, |planned_s| planned_s.min(summary.wall_s));
    ((lasted_s / summary.interval_s).round() as usize).max(1)
}

/// A latency's buckets: (highest value in milliseconds, count).
fn values(latency: Option<&Latency>) -> Result<Vec<(f64, u32)>, String> {
    let Some(latency) = latency else { return Ok(Vec::new()) };
    let distribution = latency.distribution()?;
    Ok(distribution.buckets().map(|(_, high, count)| (high.as_millis(), count as u32)).collect())
}
