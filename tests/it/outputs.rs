//! Nothing is lost or overwritten: outputs that are inputs or each other, disks that are full, readers that are
//! gone, and runs that are ended from outside.

use std::fs::{self, File};
use std::io::{self, PipeWriter};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::scripted::{Hostile, OK};
use crate::support::{Finished, onrush, onrush_after, onrush_by_default, target};

/// A directory with some files in it: a feed, a list, a saved summary, and links to them.
struct Folder(TempDir);

const FEED: &str = "id\n1\n2\n";

impl Folder {
    fn new() -> Folder {
        let folder = Folder(TempDir::new().unwrap());
        folder.write("users.csv", FEED);
        folder.write("list.txt", "POST http://127.0.0.1:9/\n@body.txt\n");
        for name in ["body.txt", "template.txt", "old.txt"] {
            folder.write(name, "{{ users.id }}\n");
        }
        fs::create_dir(folder.path("sub")).unwrap();
        fs::hard_link(folder.path("users.csv"), folder.path("sub/hard.csv")).unwrap();
        symlink("users.csv", folder.path("soft.csv")).unwrap();
        symlink("sub", folder.path("other")).unwrap();
        symlink("../new.txt", folder.path("sub/dangling")).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The arguments, run in this directory by a shell, which reads redirections.
    fn run(&self, arguments: &str) -> Finished {
        let script = format!("cd '{}'; exec 7>&1", self.0.path().display());
        let redirected = arguments.split_once(" > ");
        let (arguments, redirection) = redirected.unwrap_or((arguments, ""));
        let to = if redirection.is_empty() { String::new() } else { format!("; exec >{redirection}") };
        onrush_after(&format!("{script}{to}"), arguments).finish()
    }

    /// Names and contents of all files.
    fn contents(&self) -> Vec<(PathBuf, Option<String>)> {
        let mut folders = vec![self.0.path().to_path_buf()];
        let mut found = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                folders.extend((path.is_dir() && !path.is_symlink()).then(|| path.clone()));
                found.push((path.clone(), fs::read_to_string(path).ok()));
            }
        }
        found.sort();
        found
    }
}

#[test]
fn one_file_under_two_names_is_refused_and_nothing_changes() {
    let folder = Folder::new();
    let before = folder.contents();
    let absolute = folder.path("new.txt").display().to_string();
    for (arguments, names) in [
        ("--csv new.txt --json ./new.txt", ["--csv new.txt", "--json ./new.txt"]),
        (&*format!("--csv new.txt --json {absolute}"), ["--csv new.txt", "--json /"]),
        ("--csv sub/new.txt --html other/new.txt", ["--csv sub/new.txt", "--html other/new.txt"]),
        ("--csv new.txt --hdr sub/dangling", ["--csv new.txt", "--hdr sub/dangling"]),
        ("--jsonl sub/../new.txt --json new.txt", ["--jsonl sub/../new.txt", "--json new.txt"]),
        ("--json soft.csv --html sub/hard.csv", ["--json soft.csv", "--html sub/hard.csv"]),
        ("--threshold failed<9 --junit old.txt --csv old.txt", ["--junit old.txt", "--csv old.txt"]),
        ("--csv /dev/stdout --json /proc/self/fd/1", ["--csv /dev/stdout", "--json /proc/self/fd/1"]),
        ("--csv /dev/stderr --json /dev/fd/2", ["--csv /dev/stderr", "--json /dev/fd/2"]),
        ("--csv /dev/fd/1 --output json", ["--csv /dev/fd/1", "--output json"]),
        ("--csv /dev/stderr --json -", ["--csv /dev/stderr", "--output none"]),
        ("--csv /dev/stderr --live", ["--csv /dev/stderr", "--live"]),
        // Inputs.
        ("--template template.txt --feed users.csv --csv users.csv", ["--csv users.csv", "--feed users.csv"]),
        ("--template template.txt --feed users.csv --json soft.csv", ["--json soft.csv", "--feed users.csv"]),
        ("--template template.txt --feed users=soft.csv:random --json sub/hard.csv", ["--json", "--feed soft.csv"]),
        ("--template template.txt --feed users.csv --json template.txt", ["--json", "--template template.txt"]),
        ("--data-file body.txt --csv sub/../body.txt", ["--csv sub/../body.txt", "--data-file body.txt"]),
        ("--data-lines body.txt --csv body.txt", ["--csv body.txt", "--data-lines body.txt"]),
        ("--targets list.txt --csv list.txt", ["--csv list.txt", "--targets list.txt"]),
        ("--targets list.txt --csv body.txt", ["--csv body.txt", "a body of --targets body.txt"]),
        ("-F a=@body.txt --csv body.txt", ["--csv body.txt", "--multipart body.txt"]),
        ("-F a=<body.txt --html body.txt", ["--html body.txt", "--multipart body.txt"]),
    ] {
        let url = if arguments.contains("--targets") { "" } else { "http://127.0.0.1:9/" };
        let run = folder.run(&format!("{url} {arguments}"));
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments}: {}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{arguments}: {}", run.stderr);
        for name in names {
            assert!(run.stderr.contains(name), "{arguments}: {name} in {}", run.stderr);
        }
        assert_eq!(folder.contents(), before, "{arguments}");
    }
}

#[test]
fn the_file_that_a_command_of_curl_or_a_report_reads_is_not_written() {
    let folder = Folder::new();
    assert_eq!(folder.run("--demo -n 5 -o none --json run.json --threshold failed<9").code, 0);
    let before = folder.contents();
    for (arguments, names) in [
        ("report run.json --html ./run.json", ["--html ./run.json", "the summary run.json"]),
        ("report run.json --html new.html --junit other/../run.json", ["--junit", "the summary run.json"]),
        ("report run.json --html new.txt --junit sub/../new.txt", ["--html new.txt", "--junit sub/../new.txt"]),
        ("curl --csv body.txt -- curl -d @body.txt http://127.0.0.1:9/", ["--csv body.txt", "curl's data body.txt"]),
        ("curl --csv body.txt -- curl --cacert body.txt http://127.0.0.1:9/", ["--csv body.txt", "--cacert body.txt"]),
        ("curl --json body.txt -- curl -E body.txt:pw http://127.0.0.1:9/", ["--json body.txt", "--cert body.txt"]),
        ("curl --hdr body.txt -- curl --key ./body.txt http://127.0.0.1:9/", ["--hdr body.txt", "--key ./body.txt"]),
    ] {
        let run = folder.run(arguments);
        assert_eq!((run.code, run.stderr.lines().count()), (2, 1), "{arguments}: {}", run.stderr);
        for name in names {
            assert!(run.stderr.contains(name), "{arguments}: {name} in {}", run.stderr);
        }
        assert_eq!(folder.contents(), before, "{arguments}");
    }
    let saved = fs::read(folder.path("run.json")).unwrap();
    let twice = onrush("compare - /dev/stdin").stdin(&saved).finish();
    let told = "standard input is read already, for the base";
    assert!(twice.code == 2 && twice.stderr.contains(told), "{}", twice.stderr);
    let once = onrush("report /dev/stdin").stdin(&saved).finish();
    assert!(once.code == 0 && once.stdout.contains("5 ok in "), "{}", once.stderr);
}

#[test]
fn the_file_that_a_standard_stream_goes_to_is_not_written_over() {
    let folder = Folder::new();
    for arguments in ["--csv out.txt > out.txt", "--json ./out.txt > out.txt", "--html out.txt > /dev/null 2>out.txt"] {
        let run = folder.run(&format!("--demo -n 5 {arguments}"));
        let told = format!("{}{}", run.stderr, fs::read_to_string(folder.path("out.txt")).unwrap());
        assert!(run.code == 2 && told.contains("out.txt and standard "), "{arguments}: {told}");
    }
    for path in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "-"] {
        let run = folder.run(&format!("--demo -n 50 --csv {path} > out.txt"));
        assert!(run.code == 0 && run.stderr.contains("50 ok in "), "{path}: {}", run.stderr);
        let rows = fs::read_to_string(folder.path("out.txt")).unwrap();
        assert!(rows.starts_with("index,") && rows.lines().count() == 51, "{path}: {rows}");
    }
    // What a pipe has for a name is not opened again either.
    let run = folder.run("--demo -n 50 --csv /proc/self/fd/../fd/1");
    assert!(run.stdout.starts_with("index,") && run.stderr.contains("50 ok in "), "{}{}", run.stdout, run.stderr);
    let run = folder.run("--demo -n 50 --csv /dev/stderr --progress");
    assert_eq!(run.code, 2, "{}", run.stderr);
    let run = folder.run("--demo -n 50 --csv /dev/stderr");
    assert!(run.stderr.starts_with("index,") && run.stderr.lines().count() == 51, "{}", run.stderr);
    assert!(run.stdout.contains("50 ok in "), "{}", run.stdout);
}

#[test]
fn what_keeps_nothing_may_be_written_twice() {
    let run = onrush("--demo -n 5 --csv /dev/null --json /dev/null --html /dev/null").finish();
    assert!(run.code == 0 && run.stdout.contains("5 ok in "), "{}", run.stderr);
}

#[test]
fn what_cannot_be_written_is_found_before_anything_is_changed() {
    let folder = Folder::new();
    fs::create_dir(folder.path("locked")).unwrap();
    fs::set_permissions(folder.path("locked"), fs::Permissions::from_mode(0o555)).unwrap();
    let before = folder.contents();
    let server = target();
    for arguments in [
        "--csv old.txt --json none/new.txt",
        "--csv new.txt --json none/new.txt",
        "--csv new.txt --html old.txt --json sub",
        "--csv new.txt --json old.txt/new.txt",
        "--json old.txt --html new.txt --csv /dev/full",
        &*format!("--csv old.txt --json new.txt --metrics {}", server.address()),
    ] {
        let run = folder.run(&format!("http://{}/ {arguments}", server.address()));
        assert_eq!((run.code, run.stderr.lines().count()), (2, 1), "{arguments}: {}", run.stderr);
        assert_eq!((folder.contents(), server.requests()), (before.clone(), 0), "{arguments}");
    }
}

/// A pipe that nobody reads.
fn closed() -> PipeWriter {
    io::pipe().unwrap().1
}

fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

#[test]
fn a_full_disk_is_exit_code_5_and_told_whichever_output_it_is() {
    let folder = TempDir::new().unwrap();
    let json = folder.path().join("run.json").display().to_string();
    assert_eq!(onrush(&format!("--demo -n 5 -o none --threshold failed<9 --json {json}")).finish().code, 0);
    for arguments in [
        "--demo -n 20 -o text",
        "--demo -n 20 -o json",
        "--demo -n 20 -o markdown",
        "--demo -n 20 --json -",
        "--demo -n 20 --html /dev/stdout",
        "--demo -n 20 --hdr -",
        "--demo -n 20 --jsonl -",
        "--demo -n 20 --threshold failed<9 --junit -",
        "--demo -n 20 --json /dev/full",
        "--demo -n 20 --html /dev/full --hdr /dev/full --jsonl /dev/full",
        "--help",
        "--version",
        "show http://127.0.0.1/",
        "generate man",
        &format!("report {json}"),
        &format!("report {json} -o json"),
        &format!("report {json} --markdown"),
        &format!("report {json} --html -"),
        &format!("compare {json} {json}"),
        &format!("compare {json} {json} -o json"),
    ] {
        let run = onrush(arguments).finish_into(full());
        assert_eq!(run.code, 5, "{arguments}: {}", run.stderr);
        assert!(run.stderr.contains("No space left on device"), "{arguments}: {}", run.stderr);
    }
    let header = onrush("--demo -n 20 --csv -").finish_into(full());
    assert_eq!((header.code, header.stderr.lines().count()), (2, 1), "{}", header.stderr);
}

#[test]
fn a_closed_pipe_is_a_failure_of_results_and_none_of_what_can_be_had_again() {
    let folder = TempDir::new().unwrap();
    let json = folder.path().join("run.json").display().to_string();
    assert_eq!(onrush(&format!("--demo -n 5 -o none --json {json}")).finish().code, 0);
    for form in ["-o text", "-o json", "-o markdown", "--json -", "--html -", "--hdr -", "--jsonl -"] {
        let run = onrush(&format!("--demo -n 20 {form}")).finish_into(closed());
        assert_eq!(run.code, 5, "{form}: {}", run.stderr);
        assert!(run.stderr.contains("standard output: Broken pipe"), "{form}: {}", run.stderr);
    }
    for arguments in [&format!("report {json} --html -"), &format!("report {json} -o json")] {
        let run = onrush(arguments).finish_into(closed());
        assert!(run.code == 5 && run.stderr.contains("Broken pipe"), "{arguments}: {}", run.stderr);
    }
    for arguments in [
        "--help",
        "-h",
        "--version",
        "curl --help",
        "show http://127.0.0.1/ --first 100000",
        "generate bash",
        "generate template",
        &format!("report {json}"),
        &format!("compare {json} {json}"),
    ] {
        let run = onrush(arguments).finish_into(closed());
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{arguments}");
    }
}

#[test]
fn closed_standard_streams_are_no_place_for_an_output_and_no_reason_to_panic() {
    let folder = Folder::new();
    for closed in [">&-", "2>&-", "<&- >&- 2>&-"] {
        let run =
            onrush_after(&format!("cd '{}'; exec {closed}", folder.0.path().display()), "--demo -n 20 --csv rows");
        let run = run.arg("--json").arg("run.json").finish();
        assert_eq!(run.code, 0, "{closed}: {}", run.stderr);
        let rows = fs::read_to_string(folder.path("rows")).unwrap();
        assert!(rows.lines().count() == 21 && rows.lines().all(|line| line.matches(',').count() == 12), "{rows}");
        serde_json::from_str::<Value>(&fs::read_to_string(folder.path("run.json")).unwrap()).unwrap();
    }
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_log_that_was_cut_is_told_with_the_number_of_its_whole_rows() {
    let server = target();
    let files = TempDir::new().unwrap();
    let rows = files.path().join("rows.csv");
    // A limit of 64 KiB for each file, and no handler for its signal.
    let run = onrush_after("ulimit -f 128", "-n 5000 -c 5 -o json --csv").arg(&rows);
    let run = run.arg(format!("http://{}/", server.address())).finish();
    assert_eq!((run.code, server.requests()), (5, 5000), "{}", run.stderr);
    let whole = fs::read_to_string(&rows).unwrap().matches("\r\n").count() as u64 - 1;
    assert!(whole > 100, "{whole} rows");
    let summary: Value = serde_json::from_str(&run.stdout).unwrap();
    let csv = &summary["csv"];
    assert_eq!((csv["rows"].as_u64(), csv["lost"].as_u64()), (Some(whole), Some(5000 - whole)));
    assert_eq!(csv["error"], "File too large (os error 27)");
    assert!(run.stderr.contains(&format!("{whole} rows were saved before that, of 5,000 rows")), "{}", run.stderr);
    let note = summary["notes"][0].as_str().unwrap();
    assert!(note.starts_with("the CSV was cut: ") && note.contains("of 5,000 rows are whole in it: "), "{note}");
}

#[test]
fn a_log_that_is_whole_is_told_too() {
    let files = TempDir::new().unwrap();
    let [rows, summary] = ["rows.csv", "run.json"].map(|name| files.path().join(name));
    assert_eq!(onrush("--demo -n 30 --csv").arg(&rows).arg("--json").arg(&summary).finish().code, 0);
    assert_eq!(json(&summary)["csv"], serde_json::json!({ "rows": 30, "lost": 0, "error": null }));
}

/// A server that answers one request of each connection.
fn stuck() -> Hostile {
    Hostile::start(|peer| {
        peer.request();
        peer.write(OK);
        peer.request();
        peer.stall();
    })
}

#[test]
fn every_signal_that_asks_for_the_end_leaves_whole_files() {
    for signals in [&[Signal::TERM][..], &[Signal::HUP], &[Signal::HUP, Signal::HUP, Signal::HUP]] {
        let server = stuck();
        let run = onrush_by_default("-c 4 -z 50s --model closed").arg(server.url()).start_report();
        server.wait_for_requests(8);
        signals.iter().for_each(|signal| run.signal(*signal));
        let report = run.report();
        assert_eq!((report.code, report.rows.len()), (130, 8), "{signals:?}: {}", report.stderr);
        assert!(report.summary.interrupted && report.summary.csv.unwrap().rows == 8, "{signals:?}");
    }
}

#[test]
fn a_run_that_was_started_not_to_hang_up_does_not() {
    let server = stuck();
    let run = onrush_after("trap '' HUP", "-c 4 -z 50s --model closed").arg(server.url()).start_report();
    server.wait_for_requests(8);
    run.signal(Signal::HUP);
    // Had it ended, it would not be there for this one.
    run.interrupt();
    let report = run.report();
    assert_eq!((report.code, report.rows.len()), (130, 8), "{}", report.stderr);
}

#[test]
fn names_and_messages_bring_no_escapes_to_the_terminal() {
    for arguments in
        [&["report", "\x1b[2J\u{9b}31m.json"][..], &["--csv", "none\x1b]0;x\x07/y", "--demo"], &["--rate", "\x1b[31m"]]
    {
        let run = onrush("").args(arguments).finish();
        assert!(run.code == 2 && run.stderr.lines().count() == 1, "{}", run.stderr);
        assert!(run.stderr.chars().all(|c| c == '\n' || !c.is_control()), "{:?}", run.stderr);
    }
}
