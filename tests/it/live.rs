//! The live view, in a real terminal: tmux has one for programs. Where it is
//! missing these tests say so and pass; CI installs it.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use onrush::time::{Nanos, monotonic};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::support::{HANGS_AFTER, ONRUSH, onrush};

/// Between two looks at the screen.
const GLANCE: Duration = Duration::from_millis(20);

/// A terminal in which a shell runs, until it is dropped.
struct Terminal {
    /// The name of tmux's socket, unlike any other.
    name: String,
}

impl Terminal {
    /// Runs `onrush` with these arguments, then says how it ended and how the terminal is. None: there is no tmux.
    fn run(arguments: &str, preparation: &str) -> Option<Terminal> {
        if Command::new("tmux").arg("-V").output().is_err() {
            let _ = writeln!(io::stderr(), "tmux is not installed: the live view is not tested");
            return None;
        }
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let terminal = Terminal { name: format!("onrush-test-{}-{number}", std::process::id()) };
        let script = format!("{preparation}\n{ONRUSH} {arguments}\necho code $?; stty -a; echo the end; cat");
        terminal.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "sh", "-c", &script]);
        Some(terminal)
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux").args(["-L", &self.name]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn press(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    /// Sends the program, which is the shell's only child, the signal by which supervisors end it.
    fn terminate(&self) {
        let shell = self.tmux(&["display-message", "-p", "#{pane_pid}"]);
        let shell = shell.trim();
        let child = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
        kill_process(Pid::from_raw(child.trim().parse().unwrap()).unwrap(), Signal::TERM).unwrap();
    }

    fn resize(&self, width: &str, height: &str) {
        self.tmux(&["resize-window", "-x", width, "-y", height]);
    }

    /// What is on the screen, as soon as it is as expected. With what has scrolled out of it.
    #[track_caller]
    fn until(&self, is_expected: impl Fn(&str) -> bool) -> String {
        let since = monotonic();
        loop {
            let screen = self.tmux(&["capture-pane", "-p", "-S", "-200"]);
            if is_expected(&screen) {
                return screen;
            }
            let waited = monotonic().since(since);
            assert!(waited < Nanos::from_secs(HANGS_AFTER.as_secs()), "not what was expected:\n{screen}");
            thread::park_timeout(GLANCE);
        }
    }

    #[track_caller]
    fn until_seen(&self, text: &str) -> String {
        self.until(|screen| screen.contains(text))
    }

    /// The program has ended with this code and left the terminal as it was.
    #[track_caller]
    fn assert_restored(&self, code: i32) -> String {
        let screen = self.until_seen("the end");
        assert!(screen.contains(&format!("code {code}\n")), "{screen}");
        let settings: Vec<&str> = screen.split([' ', ';', '\n']).collect();
        for setting in ["echo", "icanon", "isig", "opost"] {
            assert!(settings.contains(&setting), "{setting}: {screen}");
        }
        assert_eq!(self.tmux(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"]), "0 1\n");
        screen
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = Command::new("tmux").args(["-L", &self.name, "kill-server"]).output();
    }
}

/// A run that a log without a reader keeps from ending: its arguments, and what has to be done before.
fn stuck(folder: &Path) -> (String, String) {
    let log = folder.join("log").display().to_string();
    (format!("--demo --live -z 50s -c 10 --csv {log}"), format!("mkfifo {log}; exec 3<>{log}"))
}

/// Until that log takes no more.
#[track_caller]
fn until_stuck(folder: &Path) {
    let log = fs::File::options().read(true).write(true).open(folder.join("log")).unwrap();
    let since = monotonic();
    let takes_more = || poll(&mut [PollFd::new(&log, PollFlags::OUT)], Some(&Timespec::default())).unwrap() > 0;
    while takes_more() {
        assert!(monotonic().since(since) < Nanos::from_secs(HANGS_AFTER.as_secs()), "the log is not full");
        thread::park_timeout(GLANCE);
    }
}

#[test]
fn the_screen_follows_the_run_its_size_and_the_keys() {
    let Some(terminal) = Terminal::run("--demo --live --rate 500 -z 50s -c 5", "") else { return };
    let screen = terminal.until(|screen| screen.contains(" running") && screen.contains("  200"));
    for panel in ["open model", "Rate offered", "Response ", "Response times, all", "This tool", "Send lag", "q end"] {
        assert!(screen.contains(panel), "{panel}: {screen}");
    }
    terminal.resize("120", "45");
    let wide = |line: &str| line.chars().count() == 120;
    terminal
        .until(|screen| screen.contains("┌ Rate  offered") && screen.lines().filter(|line| wide(line)).count() > 30);
    terminal.resize("60", "10");
    terminal.until_seen("needs 80x24, this is 60x10");
    terminal.resize("80", "24");
    terminal.until_seen("Response times, all");
    terminal.press("?");
    terminal.until_seen("┌ Help ");
    terminal.press("Escape");
    terminal.until(|screen| !screen.contains("┌ Help "));
    terminal.press("p");
    terminal.until_seen("running, drawing paused");
    terminal.press("p");
    terminal.until(|screen| !screen.contains("paused"));
    terminal.press("q");
    let screen = terminal.assert_restored(130);
    assert!(screen.contains("interrupted") && screen.contains("Throughput"), "{screen}");
}

#[test]
fn a_run_that_ends_leaves_its_summary_on_the_screen_as_it_was() {
    let Some(terminal) = Terminal::run("--demo --live -n 2000 -c 5", "echo before") else { return };
    let screen = terminal.assert_restored(0);
    assert!(screen.contains("before") && screen.contains("2,000 ok") && screen.contains("released within"), "{screen}");
    assert!(!screen.contains("q end"), "{screen}");
}

#[test]
fn control_c_ends_the_run_in_order() {
    let Some(terminal) = Terminal::run("--demo --live --model closed -z 50s -c 5", "") else { return };
    terminal.until_seen(" running");
    terminal.press("C-c");
    let screen = terminal.assert_restored(130);
    assert!(screen.contains("Throughput"), "{screen}");
}

#[test]
fn the_second_key_ends_the_process_at_once() {
    let folder = TempDir::new().unwrap();
    let (arguments, preparation) = stuck(folder.path());
    let Some(terminal) = Terminal::run(&arguments, &preparation) else { return };
    terminal.until_seen(" running");
    until_stuck(folder.path());
    terminal.press("q");
    terminal.until_seen(" ending");
    terminal.press("C-c");
    let screen = terminal.assert_restored(130);
    assert!(!screen.contains("Wall-clock time"), "{screen}");
}

#[test]
fn so_does_the_second_signal() {
    let folder = TempDir::new().unwrap();
    let (arguments, preparation) = stuck(folder.path());
    let Some(terminal) = Terminal::run(&arguments, &preparation) else { return };
    terminal.until_seen(" running");
    until_stuck(folder.path());
    terminal.terminate();
    terminal.until_seen(" ending");
    terminal.terminate();
    terminal.assert_restored(130);
}

/// Until a run has ended and left its summary in this file.
#[track_caller]
fn until_written(path: &Path) -> serde_json::Value {
    let since = monotonic();
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        if let Ok(summary) = serde_json::from_str(&text) {
            return summary;
        }
        assert!(monotonic().since(since) < Nanos::from_secs(HANGS_AFTER.as_secs()), "no summary: {text}");
        thread::park_timeout(GLANCE);
    }
}

#[test]
fn a_terminal_that_is_closed_ends_the_run_in_order() {
    for flags in ["--live", "", "--no-progress"] {
        let folder = TempDir::new().unwrap();
        let [rows, json] = ["rows.csv", "run.json"].map(|name| folder.path().join(name));
        let arguments =
            format!("--demo --model closed -z 50s -c 5 {flags} --csv {} --json {}", rows.display(), json.display());
        // Whatever the tests were started by, the terminal hangs up.
        let Some(terminal) =
            Terminal::run(&arguments, "exec env --default-signal=HUP sh -c 'echo begun; exec \"$0\" \"$@\"' \\")
        else {
            return;
        };
        let since = monotonic();
        while fs::metadata(&rows).map_or(0, |rows| rows.len()) < 1000 {
            assert!(monotonic().since(since) < Nanos::from_secs(HANGS_AFTER.as_secs()), "no rows");
            thread::park_timeout(GLANCE);
        }
        drop(terminal);
        let summary = until_written(&json);
        let text = fs::read_to_string(&rows).unwrap();
        let lines = text.matches("\r\n").count() as u64 - 1;
        assert_eq!(
            (summary["interrupted"].as_bool(), summary["csv"]["rows"].as_u64()),
            (Some(true), Some(lines)),
            "{flags}"
        );
        assert!(summary["csv"]["error"].is_null() && text.ends_with("\r\n"), "{flags}");
    }
}

#[test]
fn without_a_terminal_progress_comes_as_lines() {
    let run = onrush("--demo --live -n 20 -c 2").finish();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.starts_with("onrush: --live draws on standard error, which is no terminal"), "{}", run.stderr);
    assert!(run.stdout.contains("20 ok") && !run.stderr.contains('\x1b'), "{}", run.stdout);
}
