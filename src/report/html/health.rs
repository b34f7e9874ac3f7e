//! What this tool did to the measurement.

use crate::stats::{LagLine, SHARED_CPU, Summary};
use crate::units::{grouped, percent};

use super::section::{Fact, Section};
use super::words::{ms, seconds, us};

/// The figures from which the verdict is made.
pub(super) fn section(s: &Summary) -> Section {
    let g = &s.generator;
    let share = |name: &str, share: f64, note: &str| Fact {
        share: Some(share.clamp(0.0, 1.0)),
        ..Fact::new(name, percent(share), note.into())
    };
    let lag = |name: &str, lag: &LagLine, note: &str| {
        let rest = format!("p50 {}, p99 {}, max {}; {note}", us(lag.p50), us(lag.p99), us(lag.max));
        Fact::new(name, us(lag.p99_9), rest)
    };
    let mut facts = Vec::new();
    facts.extend(g.error_ms.map(|error| {
        let how = g.read_lag.as_deref().map_or(String::new(), |how| {
            let by = if g.is_estimated() { "" } else { "by " };
            format!("; {by}{how}")
        });
        let rest = format!("upper bound of onrush's share of p99; of p50 {}{how}", ms(error.p50));
        Fact::new("Error band, p99", ms(error.p99), rest)
    }));
    facts.extend(g.send_lag_us.as_ref().map(|line| lag("Send lag, p99.9", line, "send delay")));
    facts.push(share(
        "Processor, busiest second",
        g.busiest_cpu,
        &format!("of one worker; {} on average", percent(g.cpu)),
    ));
    facts.extend(g.shares_cpu.then(|| Fact::new("Server", "on this machine".into(), SHARED_CPU.into())));
    facts.extend(g.run_queue.map(|queue| share("Run queue", queue, "runnable but waiting for a CPU")));
    facts.push(Fact::new("Longest stall", ms(g.stall_ms), "longest gap between polls".into()));
    facts.extend(g.wake_up_us.as_ref().map(|line| lag("Wake-up, p99.9", line, "how late an idle thread wakes here")));
    let (asked, reached) = (g.connections_asked, g.connections_reached);
    facts.push(Fact::new("Connected at once", grouped(reached), format!("of {} asked for", grouped(asked))));
    facts.extend(g.ports.map(|used| share("Local ports", used, "in use at the end")));
    facts.extend(g.descriptors.map(|used| share("Descriptors", used, "of those allowed")));
    facts.extend((s.sink_wait_s > 0.0).then(|| Fact::new("Waited for the CSV", seconds(s.sink_wait_s), String::new())));
    Section {
        title: "Load generator".into(),
        lead: "What onrush and its machine added to the measurement. The verdict at the top is derived from this."
            .into(),
        facts,
        ..Section::default()
    }
}
