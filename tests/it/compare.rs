//! `onrush compare` on what real runs saved.

use std::path::PathBuf;
use std::sync::Mutex;

use onrush::stats::Summary;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::scripted::{Hostile, OK};
use crate::support::{Finished, onrush, target};

/// Summaries of short runs, and what becomes of them when they are compared.
struct Files(TempDir);

impl Files {
    fn new() -> Files {
        Files(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A run of 300 ms against the built-in target. It is saved as one of twelve intervals, each with what came in it,
    /// and as one in which nothing was this tool's own.
    fn run(&self, name: &str, arguments: &str) -> Value {
        let server = target();
        let url = format!("http://{}/", server.address());
        let report = onrush(&format!("--rate 2000 -z 300ms -c 10 {arguments}")).arg(url).report();
        let mut summary = report.json;
        let one = summary["intervals"][0].clone();
        let intervals = (0..12).map(|at| {
            let mut interval = one.clone();
            interval["at_s"] = json!(f64::from(at));
            interval
        });
        summary["intervals"] = intervals.collect();
        summary["plan"]["duration_s"] = json!(12.0);
        summary["wall_s"] = json!(12.0);
        summary["generator"]["error_ms"] = Value::Null;
        self.save(name, &summary);
        summary
    }

    fn save(&self, name: &str, summary: &Value) {
        std::fs::write(self.path(name), summary.to_string()).unwrap();
    }

    fn compare(&self, base: &str, new: &str, arguments: &str) -> Finished {
        let files = [self.path(base), self.path(new)];
        let finished = onrush(&format!("compare {arguments}")).args(&files).finish();
        assert!(finished.stderr.lines().count() <= 1, "{}", finished.stderr);
        finished
    }
}

/// A summary whose response times are twice as long.
fn doubled(summary: &Value) -> Value {
    let mut summary = summary.clone();
    for name in ["p50", "p90", "p95", "p99", "p99_9", "mean", "max"] {
        let slower = summary["response_ms"][name].as_f64().unwrap() * 2.0;
        summary["response_ms"][name] = json!(slower);
    }
    summary
}

#[test]
fn a_run_is_the_same_as_itself() {
    let files = Files::new();
    files.run("base.json", "");
    let finished = files.compare("base.json", "base.json", "--fail-if-slower p99=5% --fail-if-slower throughput=1%");
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    for line in ["response p99 ", "throughput ", "success rate "] {
        let line = finished.stdout.lines().find(|l| l.trim_start().starts_with(line)).expect(line);
        assert!(line.ends_with("same"), "{line}");
    }
    assert!(finished.stdout.contains("both are the same run") && finished.stdout.contains("5.0% at most: held"));
    assert!(finished.stdout.lines().filter(|l| !l.contains("base.json")).all(|l| l.chars().count() <= 80));
}

#[test]
fn a_slower_run_exceeds_its_limit() {
    let files = Files::new();
    let base = files.run("base.json", "");
    files.save("new.json", &doubled(&base));
    let finished = files.compare("base.json", "new.json", "--fail-if-slower p50=50% -o json");
    assert_eq!(finished.code, 1, "{}", finished.stderr);
    let value: Value = serde_json::from_str(&finished.stdout).unwrap();
    let mean = value["metrics"].as_array().unwrap().iter().find(|line| line["metric"] == "mean").unwrap();
    assert_eq!(mean["verdict"], "slower");
    assert!((mean["difference"].as_f64().unwrap() - 1.0).abs() < 1e-9, "{mean}");
    assert_eq!(value["limits"][0]["result"], "exceeded");
    assert_eq!(files.compare("new.json", "base.json", "--fail-if-slower p50=50%").code, 0);
}

#[test]
fn what_may_be_this_tools_own_delay_is_not_comparable() {
    let files = Files::new();
    let base = files.run("base.json", "");
    let mut new = doubled(&base);
    let p50 = base["response_ms"]["p50"].as_f64().unwrap();
    let error = |share: f64| {
        let names = ["p50", "p75", "p90", "p95", "p99", "p99_9", "p99_99", "max"];
        names.into_iter().map(|name| (name.to_string(), json!(share * p50))).collect::<Value>()
    };
    for (share, code, result) in [(0.1, 1, "exceeded"), (0.6, 6, "not_comparable")] {
        new["generator"]["error_ms"] = error(share);
        files.save("new.json", &new);
        let finished = files.compare("base.json", "new.json", "--fail-if-slower p50=50% -o json");
        let value: Value = serde_json::from_str(&finished.stdout).unwrap();
        assert_eq!((finished.code, &value["limits"][0]["result"]), (code, &json!(result)), "{share}");
    }
    let finished = files.compare("new.json", "new.json", "--fail-if-slower p50=5%");
    assert_eq!(finished.code, 6, "{}", finished.stdout);
    let words = finished.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("not comparable, as onrush's own delay in a run may be the difference"), "{words}");
}

#[test]
fn a_limit_that_is_undecided_fails_unless_it_may_pass() {
    let files = Files::new();
    let mut run = files.run("base.json", "");
    // Throughput varies from second to second.
    for at in [0, 1, 4, 5, 7, 10] {
        run["intervals"][at]["ok"] = json!(run["intervals"][at]["ok"].as_u64().unwrap() / 3);
    }
    files.save("base.json", &run);
    let finished = files.compare("base.json", "base.json", "--fail-if-slower throughput=5% -o json");
    let value: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!((finished.code, &value["limits"][0]["result"]), (1, &json!("undecided")), "{value}");
    assert!(value["limits"][0]["needs_s"].as_f64().is_some_and(|s| s > 12.0), "{value}");
    assert_eq!(files.compare("base.json", "base.json", "--fail-if-slower throughput=5% --undecided pass").code, 0);
}

#[test]
fn a_number_that_is_a_lower_bound_leaves_the_interval_open() {
    let files = Files::new();
    let base = files.run("base.json", "");
    let mut bound = doubled(&base);
    bound["response_ms"]["at_least"] = json!(["p50"]);
    files.save("bound.json", &bound);
    let p50 = |base: &str, new: &str| {
        let comparison: Value = serde_json::from_str(&files.compare(base, new, "-o json").stdout).unwrap();
        comparison["metrics"].as_array().unwrap().iter().find(|line| line["metric"] == "p50").unwrap().clone()
    };
    let slower = p50("base.json", "bound.json");
    assert_eq!((&slower["verdict"], &slower["ratio"]["high"]), (&json!("slower"), &Value::Null), "{slower}");
    let faster = p50("bound.json", "base.json");
    assert_eq!((&faster["verdict"], &faster["ratio"]["low"]), (&json!("faster"), &json!(0.0)), "{faster}");
    let unknown = p50("bound.json", "bound.json");
    assert_eq!((&unknown["verdict"], &unknown["ratio"]), (&json!("inconclusive"), &Value::Null), "{unknown}");
}

#[test]
fn runs_that_are_too_short_are_inconclusive_and_hold_no_limit() {
    let files = Files::new();
    let server = target();
    let url = format!("http://{}/", server.address());
    for name in ["base.json", "new.json"] {
        let run = onrush("-n 50 -c 5 -o none --json").arg(files.path(name)).arg(&url).finish();
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    let finished = files.compare("base.json", "new.json", "");
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    let text = finished.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("inconclusive") && text.contains("run for 30 s or longer"), "{text}");
    assert!(!text.contains("faster") && !text.contains("slower"), "{text}");
    let finished = files.compare("base.json", "new.json", "--fail-if-slower p50=5%");
    assert_eq!(finished.code, 2);
    assert!(finished.stderr.contains("--fail-if-slower p50: it cannot be judged"), "{}", finished.stderr);
}

#[test]
fn markdown_is_a_table_and_says_what_differs() {
    let files = Files::new();
    files.run("base.json", "");
    files.run("new.json", "-c 12");
    let finished = files.compare("base.json", "new.json", "--markdown");
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    assert!(finished.stdout.starts_with("**") && finished.stdout.contains("\n| | base | new |"), "{}", finished.stdout);
    assert!(finished.stdout.contains("the plans differ in concurrency: 10 and 12"), "{}", finished.stdout);
}

#[test]
fn what_is_no_summary_is_refused() {
    let files = Files::new();
    files.save("other.json", &json!({ "schema": 1 }));
    let mut broken = files.run("base.json", "");
    broken["intervals"][3]["response_ms"]["histogram"] = json!("AAAA");
    files.save("broken.json", &broken);
    assert!(serde_json::from_value::<Summary>(broken).is_ok());
    for (new, what) in [
        ("missing.json", "No such file"),
        ("other.json", "no summary of onrush"),
        ("broken.json", "in the interval at 3 s, the histogram is not"),
    ] {
        let finished = files.compare("base.json", new, "");
        assert_eq!((finished.code, finished.stdout.as_str()), (2, ""), "{new}");
        assert!(finished.stderr.contains(new) && finished.stderr.contains(what), "{}", finished.stderr);
    }
    for (arguments, what) in [
        ("--fail-if-slower p98=5%", "'p98' is no metric"),
        ("--fail-if-slower p99", "p99=5%"),
        ("--delta 2", "'2' is not a percentage"),
        ("--markdown -o json", "--markdown"),
    ] {
        let finished = files.compare("base.json", "base.json", arguments);
        assert_eq!(finished.code, 2, "{arguments}");
        assert!(finished.stderr.contains(what), "{}", finished.stderr);
    }
}

/// Runs both in turns, of 40 requests each, and gives what came of it.
fn interleaved(base: &str, new: &str, arguments: &str) -> Finished {
    onrush("compare --interleave").args([base, new]).args(arguments.split(' ')).finish()
}

#[test]
fn two_runs_take_turns() {
    let [base, new] = [target(), target()];
    let urls = [&base, &new].map(|server| format!("http://{}/", server.address()));
    let finished = interleaved(&urls[0], &urls[1], "--turns 6 -o json -- -n 40 -c 4");
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    let value: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(
        (&value["turns"], &value["base"]["requests"], &value["new"]["requests"]),
        (&json!(6), &json!(240), &json!(240))
    );
    assert_eq!(
        value["warnings"].as_array().unwrap().iter().filter(|line| line.to_string().contains("differ")).count(),
        0
    );
    assert_eq!([&base, &new].map(|server| server.requests()), [240, 240]);
    let success = value["metrics"].as_array().unwrap().iter().find(|line| line["metric"] == "success-rate").unwrap();
    assert_eq!((&success["base"], &success["verdict"]), (&json!(1.0), &json!("same")));
}

#[test]
fn a_run_that_takes_longer_is_slower_in_turns_as_well() {
    let server = target();
    let url = |path: &str| format!("http://{}{path}", server.address());
    // So much longer that a busy machine does not make the difference.
    let limit = "--turns 6 --fail-if-slower p50=100% -- -n 4 -c 4";
    let finished = interleaved(&url("/delay/1ms"), &url("/delay/400ms"), limit);
    assert_eq!(finished.code, 1, "{}{}", finished.stdout, finished.stderr);
    let said = ["base 6 turns\n", "at most: exceeded"].map(|text| finished.stdout.contains(text));
    assert_eq!(said, [true; 2], "{}", finished.stdout);
}

#[test]
fn turns_without_an_answer_end_both_runs() {
    let server = target();
    let url = format!("http://{}/", server.address());
    let finished = interleaved(&url, &format!("{url}status/503"), "-- -n 4 -c 2");
    assert_eq!((finished.code, finished.stdout.as_str()), (3, ""));
    assert!(finished.stderr.contains("turn 1: 4 of 4 requests failed: HTTP 503"), "{}", finished.stderr);
}

/// A server whose first answers are 200, which are six turns of six requests for both, and then 503.
#[test]
fn a_turn_without_an_answer_leaves_the_whole_turns_before_it() {
    let answered = Mutex::new(0);
    let server = Hostile::start(move |peer| {
        while peer.request().is_some() {
            let mut answered = answered.lock().unwrap();
            *answered += 1;
            let unavailable = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
            peer.write(if *answered <= 6 * 2 * 6 { OK } else { unavailable });
        }
    });
    let url = server.url();
    let finished = interleaved(&url, &url, "--turns 8 -- -n 6 -c 2");
    assert_eq!(finished.code, 3, "{}", finished.stderr);
    assert!(finished.stderr.contains("turn 7: 6 of 6 requests failed: HTTP 503"), "{}", finished.stderr);
    assert!(finished.stdout.contains("base 6 turns\n"), "{}", finished.stdout);
    server.stop();
}

/// Of five requests of a turn one gets no answer.
#[test]
fn time_outs_count_once_in_the_numbers_of_turns() {
    let asked = Mutex::new(0);
    let server = Hostile::start(move |peer| {
        while peer.request().is_some() {
            let mut asked = asked.lock().unwrap();
            *asked += 1;
            let is_fifth = *asked % 5 == 0;
            drop(asked);
            if is_fifth {
                return peer.stall();
            }
            peer.write(OK);
        }
    });
    let url = server.url();
    let finished = interleaved(&url, &url, "--turns 6 -o json -- -n 5 -c 1 --model closed -t 600ms");
    let value: Value = serde_json::from_str(&finished.stdout).unwrap_or_else(|e| panic!("{e}: {}", finished.stderr));
    let number = |name: &str| {
        let line = value["metrics"].as_array().unwrap().iter().find(|line| line["metric"] == name).unwrap();
        (line["base"].as_f64().unwrap(), line["base_at_least"].as_bool().unwrap())
    };
    let (p90, p50) = (number("p90"), number("p50"));
    assert!(p90.0 >= 600.0 && p90.1, "{p90:?}");
    assert!(p50.0 < 600.0 && !p50.1, "{p50:?}: of 30 values 6 are time-outs");
    // Six of 30, not twelve of 36; a busy machine adds some milliseconds to each.
    assert!((120.0..200.0).contains(&number("mean").0), "{:?}", number("mean"));
    assert!((0.5..=0.8).contains(&number("success-rate").0), "{:?}", number("success-rate"));
    server.stop();
}

/// The same arrivals for both in each turn, and others in the next one.
#[test]
fn both_runs_of_a_turn_draw_the_same_by_chance() {
    let server = target();
    let url = format!("http://{}/", server.address());
    let finished =
        interleaved(&url, &url, "--turns 6 -o json -- --rate 300 --arrivals poisson -z 100ms --workers 1 --seed 3");
    let value: Value = serde_json::from_str(&finished.stdout).unwrap_or_else(|e| panic!("{e}: {}", finished.stderr));
    assert_eq!(value["base"]["requests"], value["new"]["requests"]);
    assert_ne!(value["base"]["requests"].as_u64().unwrap() % 6, 0, "six times the same: {}", value["base"]);
}

#[test]
fn what_one_run_says_counts_before_what_both_are_given() {
    let server = target();
    let url = format!("http://{}/", server.address());
    let base = format!("{url}?a=1&b=(2);");
    let finished = interleaved(&base, &format!("'{url}' -n 20"), "--turns 6 -o json -- -n 10 -c 2");
    let value: Value = serde_json::from_str(&finished.stdout).unwrap_or_else(|e| panic!("{e}: {}", finished.stderr));
    assert_eq!((&value["base"]["requests"], &value["new"]["requests"]), (&json!(60), &json!(120)));
    assert_eq!((&value["base"]["url"], &value["base"]["name"]), (&json!(base), &json!("6 turns")));
    let curl = format!("curl 'curl -X POST -u a:secret {url}'");
    let finished = interleaved(&curl, &format!("{url} -H 'Authorization: secret'"), "--turns 6 -- -n 4 -c 2");
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    assert!(!format!("{}{}", finished.stdout, finished.stderr).contains("secret"), "{}", finished.stdout);
}

#[test]
fn what_a_turn_cannot_have_is_refused_before_anything_is_sent() {
    let server = target();
    let url = format!("http://{}/", server.address());
    for (options, what) in [
        ("--csv rows.csv", "the base: --csv is for a run by itself"),
        ("--threshold p99<1s", "the base: --threshold is for a run by itself"),
        ("--feed rows.csv:unique", "the base: --feed rows.csv:unique: each turn would use its rows again"),
        ("--nonsense", "the base: unexpected argument '--nonsense'"),
        ("--model closed -n 5 --wave-every 1s", "the base: "),
    ] {
        let finished = interleaved(&url, &url, &format!("-- {options}"));
        assert_eq!((finished.code, finished.stderr.lines().count()), (2, 1), "{options}: {}", finished.stderr);
        assert!(finished.stderr.contains(what), "{options}: {}", finished.stderr);
    }
    for (base, what) in [("serve", "'serve' is no run"), (" ", "the base: "), ("'http://x", "the base: ")] {
        let finished = interleaved(base, &url, "--turns 6");
        assert_eq!(finished.code, 2, "{base}");
        assert!(finished.stderr.contains(what), "{base}: {}", finished.stderr);
    }
    let finished = onrush("compare --turns 7 a.json b.json").finish();
    assert!(finished.code == 2 && finished.stderr.contains("--interleave"), "{}", finished.stderr);
    assert_eq!(server.requests(), 0);
}

#[test]
fn an_interruption_leaves_what_whole_turns_show() {
    for (answered, comparison) in [(58, true), (10, false)] {
        let server = Hostile::answering(answered);
        let url = server.url();
        let run =
            onrush("compare --interleave --turns 8").args([&url, &url]).args(["--", "-n", "4", "-c", "2"]).start();
        server.wait_for_requests(answered + 2);
        run.interrupt();
        let finished = run.finish();
        assert_eq!(finished.code, 130, "{}", finished.stderr);
        assert_eq!(finished.stdout.contains("interrupted after 7 of 8 turns"), comparison, "{}", finished.stdout);
        assert_eq!(
            finished.stderr.contains("interrupted after 1 of 8 turns: fewer than 6 whole turns tell nothing"),
            !comparison,
            "{}",
            finished.stderr
        );
        server.stop();
    }
}
