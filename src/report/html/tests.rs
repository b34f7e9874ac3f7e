//! The whole page: what comes from outside stays text, and a long run stays small.

use super::html;
use crate::report::sample::{latency_of, summary, thresholds};
use crate::stats::{Distribution, IntervalLine, Latency, Summary, TargetLine, WaveLine};
use crate::time::Nanos;

/// A run of `n` seconds: answers around 2 ms, some much slower, and some of every kind of failure.
pub(super) fn long(n: u64) -> Summary {
    let mut s = summary();
    let mut state = 1_u64;
    let mut chance = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / (1_u64 << 31) as f64
    };
    let mut all = Distribution::new();
    for i in 0..n {
        let mut d = Distribution::new();
        for _ in 0..200 {
            let slow = if chance() < 0.02 { 50.0 * chance() } else { 1.0 };
            d.record(Nanos(((1.0 + chance()) * slow * 1e6) as u64 + 20_000));
        }
        all.merge(&d);
        let response_ms = Latency::new(&d);
        s.intervals.push(IntervalLine {
            at_s: i as f64,
            ok: 200,
            http_error: i % 7,
            failed: i % 5,
            timeout: i % 3,
            due: 210,
            in_flight: 3.0 + chance(),
            waiting: chance(),
            service_ms: response_ms.clone(),
            response_ms,
            send_lag_ms: None,
        });
    }
    s.wall_s = n as f64;
    s.response_ms = Latency::new(&all);
    s.service_ms = Latency::new(&all);
    if let Some(waves) = &mut s.waves {
        waves.list = (0..1000)
            .map(|wave| WaveLine {
                wave: wave * 16,
                at_s: wave as f64,
                released: 20,
                spread_us: 100.0 * chance(),
                took_ms: 3.0 * chance(),
            })
            .collect();
    }
    s
}

#[test]
fn an_hours_run_with_a_thousand_waves_is_below_400_kb() {
    let page = html(&long(1200));
    assert!(page.len() < 400_000, "{} bytes", page.len());
    assert_eq!(unclosed(&page), Vec::<String>::new());
}

#[test]
fn what_comes_from_outside_stays_text() {
    let evil = "\"'><script>alert(1)</script></title></style><svg onload=alert(1)>{{ 7 * 7 }}";
    let mut s = long(10);
    s.plan.url = evil.into();
    s.plan.method = evil.into();
    s.plan.warmup = Some(evil.into());
    s.plan.http_version = evil.into();
    s.tool.name = evil.into();
    s.started_at = evil.into();
    s.notes = vec![evil.into()];
    s.generator.reasons = vec![evil.into()];
    s.generator.read_lag = Some(evil.into());
    s.failures[0].example = evil.into();
    s.failures[0].curl = Some(evil.into());
    s.thresholds = thresholds();
    s.thresholds[0].threshold = evil.into();
    s.thresholds[1].undetermined = Some(evil.into());
    s.status.insert(evil.into(), 1);
    s.confidence[0].quantile = evil.into();
    s.targets = vec![TargetLine { target: evil.into(), accounting: s.accounting, response_ms: Some(latency_of(1.0)) }];
    let page = html(&s);
    assert_eq!(page.matches("<script>").count(), 1, "only this crate's own script");
    assert_eq!(page.matches("</title></style>").count(), 0);
    assert!(!page.contains("<svg onload") && page.contains("&lt;svg onload") && page.contains("{{ 7 * 7 }}"));
    assert_eq!(unclosed(&page), Vec::<String>::new());
}

#[test]
fn thresholds_stand_below_the_verdict() {
    let page = html(&Summary { thresholds: thresholds(), ..summary() });
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} in {page}"));
    assert!(
        at("<strong>2 of 100 requests failed: ") < at("<h2>Thresholds</h2>")
            && at("<h2>Thresholds</h2>") < at("<dt>Requests</dt>")
    );
    assert!(page.contains("<b title=\"met\">✓</b> <code>p99&lt;200ms</code> <span>12.3 ms</span>"), "{page}");
    assert!(
        page.contains("<b title=\"not met\">✗</b> <code>p99.99&lt;1s</code>")
            && page.contains("not determined: p99.99")
    );
    assert!(!html(&summary()).contains("Thresholds"));
}

#[test]
fn a_page_needs_nothing_from_elsewhere() {
    let mut s = long(10);
    s.plan.url = "/".into();
    s.failures.clear();
    // But for links within the page.
    let page = html(&s).replace("href=\"#", "");
    for word in ["src=", "href=", "url(", "@import", "http:", "https:", "fetch("] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn numbers_that_are_bounds_or_unsure_say_so() {
    let mut s = summary();
    let response = Latency { censored: 3, at_least: vec!["p99".into(), "max".into()], ..latency_of(1.23) };
    s.response_ms = Some(Latency { unsure: vec!["p99_9".into()], ..response });
    let page = html(&s);
    assert!(page.contains("<dt>p99</dt><dd class=\"value\">&gt;= 6.15 ms</dd>"), "{page}");
    assert!(page.contains("<td>~7.38 ms</td>") && page.contains("some requests never got a response"));
}

#[test]
fn a_run_too_short_for_a_course_has_no_charts_of_one() {
    let page = html(&summary());
    assert!(!page.contains("<h2>Over time</h2>") && page.contains("<h2>Waves</h2>"));
    assert_eq!(unclosed(&page), Vec::<String>::new());
    let page = html(&long(3));
    assert!(page.contains("<h2>Over time</h2>") && page.contains("Heat map"));
}

#[test]
fn a_run_without_answers_is_a_page_too() {
    let none = Summary {
        response_ms: None,
        service_ms: None,
        success_rate: None,
        confidence: vec![],
        waves: None,
        ..summary()
    };
    assert_eq!(unclosed(&html(&none)), Vec::<String>::new());
    let odd = Summary { interval_s: 0.0, wall_s: 0.0, ..long(5) };
    assert!(!html(&odd).contains("NaN"));
}

/// Elements that have no end, and ends of elements that are not open.
fn unclosed(page: &str) -> Vec<String> {
    let mut open: Vec<String> = Vec::new();
    let mut wrong = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>').unwrap_or((after, ""));
        rest = after;
        let name = tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap_or_default();
        match tag {
            _ if tag.ends_with('/') || ["!DOCTYPE", "meta"].contains(&name) => {}
            _ if !tag.starts_with('/') => open.push(name.into()),
            _ if open.pop().as_deref() != Some(name) => wrong.push(tag.into()),
            _ => {}
        }
        // What is in these is no markup.
        if ["style", "script"].contains(&tag) {
            rest = rest.find(&format!("</{tag}>")).map_or("", |end| &rest[end..]);
        }
    }
    wrong.extend(open);
    wrong
}
