//! Every example of the README runs as it stands there.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use onrush::serve::{Config, Server};

/// The lines behind `$ ` in the README's console blocks.
fn examples() -> Vec<String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let blocks = text.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    blocks.flat_map(str::lines).filter_map(|line| line.strip_prefix("$ ")).map(String::from).collect()
}

/// The shell line that runs the example against a server at `address`.
fn runnable(example: &str, address: std::net::SocketAddr) -> String {
    let binary = format!("'{}'", env!("CARGO_BIN_EXE_onrush"));
    example
        .replacen("cargo run --release --", &binary, 1)
        .replacen("onrush ", &format!("{binary} "), usize::from(example.starts_with("onrush ")))
        .replace("&& onrush ", &format!("&& {binary} "))
        .replace("--metrics 9090", "--metrics 0")
        .replace("127.0.0.1:8000", &address.to_string())
        .replace("127.0.0.1:8080", "127.0.0.1:0")
}

#[test]
fn every_example_of_the_readme_works() {
    let server = Server::start(&Config { listen: "127.0.0.1:0".parse().unwrap(), threads: 1 }).unwrap();
    let mut ran = 0;
    for example in examples() {
        if example == "cargo test" || example.starts_with("onrush serve") {
            continue;
        }
        let dir = tempfile::tempdir().unwrap();
        let line = runnable(&example, server.address());
        let output = Command::new("sh").args(["-c", &line]).current_dir(&dir).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{example}: {:?}\n{stderr}", output.status);
        if let Some(file) =
            ["results.csv", "base.json", "report.html", "thresholds.xml"].iter().find(|file| example.contains(**file))
        {
            assert!(dir.path().join(file).metadata().unwrap().len() > 100, "{example}");
        }
        ran += 1;
    }
    assert!(ran >= 8, "the README has lost its examples: {ran}");
}

#[test]
fn the_built_in_target_of_the_readme_serves_until_it_is_interrupted() {
    let example = examples().into_iter().find(|line| line.starts_with("onrush serve")).unwrap();
    let line = format!("exec {}", runnable(&example, "127.0.0.1:1".parse().unwrap()));
    let mut child = Command::new("sh").args(["-c", &line]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let listening = lines.next().unwrap().unwrap();
    let url = listening.strip_prefix("listening on ").unwrap().to_string();
    let run = Command::new(env!("CARGO_BIN_EXE_onrush")).args([&url, "-n", "5", "-o", "none"]).status().unwrap();
    assert!(run.success());
    let pid = rustix::process::Pid::from_raw(child.id() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(lines.next().unwrap().unwrap(), "answered 5 requests on 5 connections");
}

#[test]
fn the_pictures_of_the_readme_are_there_and_small() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/");
    let text = std::fs::read_to_string(format!("{root}README.md")).unwrap();
    let pictures: Vec<&str> = text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    let pictures: Vec<&str> = pictures.into_iter().filter(|path| path.ends_with(".png")).collect();
    assert_eq!(pictures, ["docs/images/live.png", "docs/images/report.png"]);
    for path in pictures {
        let size = std::fs::metadata(format!("{root}{path}")).unwrap().len();
        assert!((10_000..300_000).contains(&size), "{path}: {size} bytes");
    }
}
