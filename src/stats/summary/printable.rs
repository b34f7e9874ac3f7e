//! A summary of which every text can be shown.

use crate::printable::printable;

use super::Summary;

impl Summary {
    /// The same, every text in it [printable]: URLs, names and notes come from outside, and all of a saved
    /// summary may come from somebody else.
    #[must_use]
    pub fn printable(&self) -> Summary {
        let mut summary = self.clone();
        for text in summary.texts() {
            *text = printable(text).into_owned();
        }
        let status = std::mem::take(&mut summary.status);
        for (code, n) in status {
            *summary.status.entry(printable(&code).into_owned()).or_insert(0) += n;
        }
        summary
    }

    /// Every text that a reporter shows, but for the statuses.
    fn texts(&mut self) -> Vec<&mut String> {
        let plan = &mut self.plan;
        let mut texts = vec![&mut self.outcome, &mut self.tool.name, &mut self.tool.version, &mut self.started_at];
        texts.extend([&mut plan.url, &mut plan.method, &mut plan.http_version]);
        texts.extend([&mut plan.arrivals, &mut plan.warmup, &mut self.generator.read_lag].into_iter().flatten());
        texts.extend(&mut self.command);
        texts.extend(self.csv.iter_mut().filter_map(|csv| csv.error.as_mut()));
        texts.extend(self.outages.iter_mut().map(|outage| &mut outage.text));
        texts.extend(self.notes.iter_mut().chain(&mut self.generator.reasons));
        texts.extend(self.confidence.iter_mut().map(|confidence| &mut confidence.quantile));
        texts.extend(self.targets.iter_mut().map(|target| &mut target.target));
        for line in &mut self.thresholds {
            texts.push(&mut line.threshold);
            texts.extend([&mut line.shown, &mut line.undetermined].into_iter().flatten());
        }
        for line in &mut self.failures {
            texts.push(&mut line.example);
            texts.extend(&mut line.curl);
        }
        texts
    }
}
