//! The GitHub Action: its shell step, run as a runner does it.

use std::process::Command;

use crate::support::{ONRUSH, target};

const ACTION: &str = include_str!("../../action/action.yml");

/// The script of the only step: what is indented below `run: |`.
fn script() -> String {
    let (_, script) = ACTION.split_once("run: |\n").expect("there is a step with a script");
    script.lines().map(|line| format!("{}\n", line.trim_start())).collect()
}

#[test]
fn the_action_annotates_what_was_missed_and_writes_both_summaries() {
    let server = target();
    let dir = tempfile::tempdir().unwrap();
    let (job, json) = (dir.path().join("job.md"), dir.path().join("onrush.json"));
    for (rule, code, said) in [
        ("p99<10s", 1, "::error title=Threshold missed::p99<10s: not determined"),
        ("max<10s", 0, "::notice title=Load test::GET /"),
    ] {
        std::fs::write(&job, "before\n").unwrap();
        let output = Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", &script()])
            .env("ONRUSH", ONRUSH)
            .env("ARGUMENTS", format!("http://{}/ -n 20 -c 5 --threshold '{rule}'", server.address()))
            .env("SUMMARY", &json)
            .env("GITHUB_STEP_SUMMARY", &job)
            .output()
            .unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(stdout.contains(said), "{stdout}");
        // What was in the job's summary stays.
        let page = std::fs::read_to_string(&job).unwrap();
        assert!(page.starts_with("before\n**") && page.contains("| response |"), "{page}");
        assert!(std::fs::read_to_string(&json).unwrap().contains("\"schema\""));
    }
}
