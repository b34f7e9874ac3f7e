use super::*;
use crate::compare::{Change, Limit, Quantile, RunLine};
use crate::report::Paint;
use crate::stats::Verdict;

fn run(name: &str) -> RunLine {
    RunLine {
        name: name.into(),
        started_at: "2026-01-01T00:00:00.000Z".into(),
        url: "http://127.0.0.1:8000/a_b".into(),
        requests: 60_000,
        wall_s: 60.0,
        verdict: Verdict::Valid,
    }
}

fn line(metric: Metric, base: f64, new: f64, ratio: Option<(f64, f64)>, verdict: Change) -> MetricLine {
    MetricLine {
        metric,
        base,
        base_at_least: false,
        new,
        new_at_least: false,
        difference: Some(new / base - 1.0),
        ratio: ratio.map(|(low, high)| Interval { low, high }),
        ratio_with_error: ratio.map(|(low, high)| Interval { low, high }),
        verdict: Some(verdict),
        why: None,
    }
}

fn comparison() -> Comparison {
    let p99 = Metric::Response(Quantile::P99);
    let beyond =
        MetricLine { new_at_least: true, ..line(p99, 10.0, 1000.0, Some((80.0, f64::INFINITY)), Change::Slower) };
    let few = "base has fewer than the 3,688 requests needed";
    Comparison {
        schema: 1,
        base: run("base.json"),
        new: run("new.json"),
        turns: None,
        delta: 0.02,
        success_delta: 0.001,
        metrics: vec![
            line(Metric::Mean, 1.0, 1.1, Some((1.031, 1.17)), Change::Slower),
            beyond,
            MetricLine {
                why: Some(few.into()),
                ..line(Metric::Response(Quantile::P99_9), 20.0, 21.0, None, Change::Inconclusive)
            },
            MetricLine { verdict: None, ..line(Metric::Max, 20.0, 25.0, None, Change::Same) },
            line(Metric::Throughput, 1000.0, 1000.0, Some((0.999, 1.001)), Change::Same),
            line(Metric::SuccessRate, 1.0, 0.9, Some((0.88, 0.92)), Change::Worse),
        ],
        limits: vec![
            LimitLine { limit: Limit { metric: p99, by: 0.05 }, result: Held::Exceeded, needs_s: None },
            LimitLine { limit: Limit { metric: Metric::Mean, by: 0.1 }, result: Held::Undecided, needs_s: Some(95.0) },
        ],
        warnings: vec!["the plans differ in concurrency: 10 and 20".into()],
    }
}

const TEXT: &str = "\
response mean slower by 10.0% [3.1, 17.0], and 2 more

base base.json
     http://127.0.0.1:8000/a_b
     2026-01-01T00:00:00.000Z, 60,000 requests in 60.0 s, VALID
new  new.json
     http://127.0.0.1:8000/a_b
     2026-01-01T00:00:00.000Z, 60,000 requests in 60.0 s, VALID

                       base       new    change  95% interval       verdict
  response mean     1.00 ms   1.10 ms    +10.0%  +3.1% to +17.0%    slower
  response p99      10.0 ms   >=1.00s         -  +7900% or more     slower
  response p99.9    20.0 ms   21.0 ms     +5.0%  -                  inconclusive
  response max      20.0 ms   25.0 ms    +25.0%  -
  throughput        1,000/s   1,000/s      0.0%  -0.1% to +0.1%     same
  success rate         100%    90.00%    -10.0%  -12.0% to -8.0%    worse
  same: within 2.0% of the base, the success rate within 0.1%
  no interval: response p99.9: base has fewer than the 3,688 requests needed

  limit: response p99 may be worse by 5.0% at most: exceeded
  limit: response mean may be worse by 10.0% at most: undecided: runs of about
         95.0 s would tell

  warning: the plans differ in concurrency: 10 and 20
";

const MARKDOWN: &str = "\
**response mean slower by 10.0% [3.1, 17.0], and 2 more**

| | base | new | change | 95% interval | verdict |
|---|---:|---:|---:|---|---|
| response mean | 1.00 ms | 1.10 ms | +10.0% | +3.1% to +17.0% | **slower** |
| response p99 | 10.0 ms | >=1.00s | - | +7900% or more | **slower** |
| response max | 20.0 ms | 25.0 ms | +25.0% | - |  |
| throughput | 1,000/s | 1,000/s | 0.0% | -0.1% to +0.1% | same |
| success rate | 100% | 90.00% | -10.0% | -12.0% to -8.0% | **worse** |

<details><summary>1 metric inconclusive</summary>

| | base | new | change | 95% interval | verdict |
|---|---:|---:|---:|---|---|
| response p99.9 | 20.0 ms | 21.0 ms | +5.0% | - | inconclusive |

</details>

same: within 2.0% of the base, the success rate within 0.1%

- **Limit**: response p99 may be worse by 5.0% at most: exceeded
- Limit: response mean may be worse by 10.0% at most: undecided: runs of about 95.0 s would tell
- No interval: response p99.9: base has fewer than the 3,688 requests needed
- Warning: the plans differ in concurrency: 10 and 20
- base: base.json, http\\://127.0.0.1:8000/a\\_b, 2026-01-01T00:00:00.000Z, 60,000 requests in 60.0 s, VALID
- new: new.json, http\\://127.0.0.1:8000/a\\_b, 2026-01-01T00:00:00.000Z, 60,000 requests in 60.0 s, VALID
";

#[test]
fn a_comparison_reads_like_this() {
    assert_eq!(text(&comparison(), Paint::Plain), TEXT);
}

#[test]
fn a_difference_is_none_or_all_only_if_it_is() {
    let shares = [0.0, 1e-12, 3e-7, -0.000_04, 0.000_14, 0.000_5, 0.053, -0.9996, -0.999_999, -1.0, 9.0];
    let shown = ["0.0%", "0.0%", "+3e-5%", "-4e-3%", "+0.01%", "+0.1%", "+5.3%", "-99.9%", "-99.9%", "-100%", "+900%"];
    assert_eq!(shares.map(signed), shown);
}

#[test]
fn colours_change_no_column() {
    let coloured = text(&comparison(), Paint::Colour);
    let mut plain = String::new();
    let mut parts = coloured.split('\x1b');
    plain += parts.next().unwrap();
    parts.for_each(|part| plain += part.split_once('m').unwrap().1);
    assert_eq!(plain, text(&comparison(), Paint::Plain));
    assert!(plain.lines().all(|line| line.chars().count() <= 80), "{plain}");
}

#[test]
fn markdown_reads_like_this() {
    assert_eq!(markdown(&comparison()), MARKDOWN);
}

#[test]
fn json_has_null_for_an_end_that_is_not_known() {
    let value: serde_json::Value = serde_json::from_str(&json(&comparison())).unwrap();
    assert_eq!(value["metrics"][1]["metric"], "p99");
    assert_eq!(value["metrics"][1]["ratio"], serde_json::json!({ "low": 80.0, "high": null }));
    assert_eq!(value["metrics"][1]["verdict"], "slower");
    assert_eq!(
        value["limits"][0],
        serde_json::json!({ "metric": "p99", "by": 0.05, "result": "exceeded", "needs_s": null })
    );
}
