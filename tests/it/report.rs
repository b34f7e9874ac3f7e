//! What machines decide on: thresholds, files for other programs, and saved summaries.

use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::scripted::Hostile;
use crate::support::{Finished, onrush, target};

/// A directory for one test.
struct Files(TempDir);

impl Files {
    fn new() -> Files {
        Files(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// A run against the built-in target, saved as `run.json`.
    fn run(&self, path: &str, arguments: &str) -> Finished {
        let server = target();
        let url = format!("http://{}{path}", server.address());
        onrush(arguments).arg(url).arg("--json").arg(self.path("run.json")).finish()
    }

    fn report(&self, arguments: &str) -> Finished {
        onrush("report").arg(self.path("run.json")).args(arguments.split_whitespace()).finish()
    }
}

#[test]
fn thresholds_that_are_met_are_ticked() {
    let files = Files::new();
    let met = "--threshold p50<10s --threshold errors<1% --threshold rate>1e0 --threshold spread.p50<1s";
    let run = files.run("/", &format!("-n 60 -c 10 {met}"));
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(run.stdout.matches('✓').count(), 4, "{}", run.stdout);
    let summary: Value = serde_json::from_str(&files.read("run.json")).unwrap();
    assert_eq!(summary["thresholds"][1]["threshold"], "errors<1%");
    assert_eq!(summary["thresholds"][1]["value"], 0.0);
}

#[test]
fn a_threshold_that_is_missed_is_crossed_and_makes_exit_code_1() {
    let files = Files::new();
    let run = files.run("/", "-n 20 -c 10 --threshold p50<10s --threshold errors>1% --threshold p99<10s");
    assert_eq!(run.code, 1, "{}", run.stderr);
    let outcome = "FAILED 2 of 3 thresholds: errors>1%: 0%, p99<10s: not determined (p99 needs 368";
    assert!(run.stdout.starts_with(outcome), "{}", run.stdout);
    assert!(run.stdout.contains("✓ p50<10s") && run.stdout.contains("✗ errors>1%                0%"), "{}", run.stdout);
    assert!(run.stdout.contains("not determined: p99 needs 368 requests, there were 20"), "{}", run.stdout);
}

#[test]
fn other_reasons_to_fail_come_before_thresholds() {
    let stalling = Hostile::start(|peer| peer.read_to_end());
    let run = onrush("-c 2 -n 2 --timeout 50ms --threshold errors<1%").arg(stalling.url()).finish();
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stdout.contains("✗ errors<1%"), "{}", run.stdout);
}

#[test]
fn a_threshold_that_makes_no_sense_is_told_by_its_column() {
    let server = target();
    for (threshold, message) in [
        ("p99<200", "column 5: write a unit behind '200'"),
        ("q<1", "column 1: 'q' is no metric"),
        ("p99 200ms", "column 1: 'p99 200ms' is no metric"),
    ] {
        let run = onrush("--threshold").arg(threshold).arg(format!("http://{}/", server.address())).finish();
        assert_eq!((run.code, server.requests(), run.stderr.lines().count()), (2, 0, 1), "{}", run.stderr);
        assert!(run.stderr.contains(message), "{}", run.stderr);
    }
    let run = onrush("--abort-on-fail --demo").finish();
    assert!(run.code == 2 && run.stderr.contains("--threshold"), "{}", run.stderr);
}

#[test]
fn a_run_ends_as_soon_as_a_threshold_is_lost() {
    for load in ["--rate 500 -z 1h", "-c 4 -z 1h --model closed", "-c 4 -n 100000000"] {
        let files = Files::new();
        let lost = "--threshold max<1us --abort-on-fail";
        let run = files.run("/", &format!("{load} {lost}"));
        assert_eq!(run.code, 1, "{load}: {}{}", run.stdout, run.stderr);
        let note = "note: stopped early: max<1us can no longer be met";
        assert!(run.stdout.contains(note) && run.stdout.contains("✗ max<1us"), "{load}: {}", run.stdout);
    }
}

#[test]
fn a_threshold_may_be_about_one_of_several_targets() {
    let server = target();
    let list = "/delay/20ms 1\n/bytes/10 3\n";
    let run = |rules: &[&str]| {
        let mut run = onrush(&format!("http://{} --targets - -n 40 -c 4", server.address())).stdin(list.as_bytes());
        for rule in rules {
            run = run.arg("--threshold").arg(rule);
        }
        run.finish()
    };
    let met = run(&["delay: min>=20ms", "bytes: min<20ms", "bytes: success>=30", "delay: success<=10"]);
    assert_eq!(met.code, 0, "{}{}", met.stdout, met.stderr);
    assert!(met.stdout.starts_with("PASSED 4 of 4 thresholds"), "{}", met.stdout);
    let missed = run(&["bytes: min>=20ms"]);
    assert!(missed.code == 1 && missed.stdout.starts_with("FAILED bytes: min>=20ms: "), "{}", missed.stdout);
    let unknown = run(&["sell: p99<1s"]);
    assert!(unknown.code == 2 && unknown.stderr.contains("no target has 'sell' in its name"), "{}", unknown.stderr);
}

#[test]
fn a_run_whose_thresholds_can_be_met_is_not_cut_short() {
    let files = Files::new();
    let run = files.run("/", "-n 400 -c 4 --threshold p50<10s --threshold success>=400 --abort-on-fail");
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("400 ok in "), "{}", run.stdout);
}

#[test]
fn a_report_prints_what_the_run_printed() {
    for (path, arguments) in [
        ("/", "-n 300 -c 10 --threshold p50<1us --threshold p99.9<1s"),
        ("/status/404", "--rate 300 -z 500ms -c 4"),
        ("/", "-n 50 -c 5 --model closed --warmup 5"),
    ] {
        let files = Files::new();
        let run = files.run(path, arguments);
        let again = files.report("");
        assert_eq!((again.code, again.stdout.as_str(), again.stderr.as_str()), (0, run.stdout.as_str(), ""));
        assert!(run.stderr.contains("wrote ") && run.stderr.contains("run.json"), "{}", run.stderr);
    }
}

#[test]
fn a_saved_summary_survives_being_read_and_written_bit_for_bit() {
    for arguments in ["-n 300 -c 10 --threshold p50<1s", "--rate 997.3 -z 700ms -c 4", "-z 300ms -c 3 --model closed"] {
        let files = Files::new();
        files.run("/", arguments);
        let again = files.report("--output json");
        assert!(again.stdout == files.read("run.json"), "{arguments}");
    }
}

#[test]
fn output_json_is_what_json_writes() {
    let server = target();
    let run = onrush("-n 10 -c 5 -o json").arg(format!("http://{}/", server.address())).finish();
    let summary: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.code, &summary["accounting"]["ok"]), (0, &10.into()));
    assert_eq!(run.stderr, "");
}

#[test]
fn forms_are_the_same_from_a_run_and_from_its_file() {
    let files = Files::new();
    let names = ["run.html", "run.xml", "again.html", "again.xml"].map(|name| files.path(name).display().to_string());
    let wanted = "--threshold p50<1us --threshold failed<1";
    let run = files.run("/", &format!("-n 50 -c 5 {wanted} --html {} --junit {}", names[0], names[1]));
    assert_eq!(run.code, 1, "{}", run.stderr);
    let again = files.report(&format!("--html {} --junit {} --markdown", names[2], names[3]));
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(files.read("run.html"), files.read("again.html"));
    assert_eq!(files.read("run.xml"), files.read("again.xml"));
    assert!(files.read("run.xml").contains("tests=\"2\" failures=\"1\""));
    assert!(files.read("run.html").contains("<h2>Thresholds</h2>") && files.read("run.html").contains("p50&lt;1us"));
    assert!(again.stdout.starts_with("**") && again.stdout.contains("| **✗** | p50\\<1us |"), "{}", again.stdout);
}

#[test]
fn a_form_on_standard_output_sends_the_text_elsewhere() {
    let files = Files::new();
    files.run("/", "-n 10 -c 5");
    let page = files.report("--html -");
    assert!(page.stdout.starts_with("<!DOCTYPE html>") && page.stderr.contains("10 ok in "), "{}", page.stderr);
    let both = files.report("--html - -o json");
    assert!(both.code == 2 && both.stderr.contains("--html - and --output json contradict"), "{}", both.stderr);
    let without = files.report("--junit -");
    assert!(without.code == 2 && without.stderr.contains("has no thresholds"), "{}", without.stderr);
    let missing = onrush("report /no/such/file").finish();
    assert!(missing.code == 2 && missing.stderr.contains("/no/such/file: No such file"), "{}", missing.stderr);
}

#[test]
fn text_fits_80_columns_and_has_no_colours_where_none_are_wanted() {
    let files = Files::new();
    files.run(
        "/status/404?with=a&very=long&query=that&does=not&fit=a&line=of&eighty=columns",
        "-n 30 -c 10 --threshold p99.99<1s",
    );
    for (arguments, no_color, coloured) in
        [("", "", false), ("", "1", false), ("--color always", "1", true), ("--color never", "", false)]
    {
        let report = onrush("report").arg(files.path("run.json")).args(arguments.split_whitespace());
        let report = report.env("NO_COLOR", no_color).finish();
        assert_eq!(report.stdout.contains('\u{1b}'), coloured, "{arguments:?} with NO_COLOR={no_color}");
        if !coloured {
            assert!(report.stdout.lines().all(|line| line.chars().count() <= 80), "{}", report.stdout);
        }
    }
}
