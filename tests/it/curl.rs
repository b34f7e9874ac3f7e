//! Commands of curl, taken and given.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::scripted::{Hostile, OK, Request};
use crate::support::{Report, onrush, target};

/// What a run with this command sends, once; `{url}` stands for the server's URL.
fn sent(command: &str) -> (Request, Report) {
    let server = Hostile::start(|peer| peer.answer_all(OK));
    let report = onrush("curl -n 1").arg(command.replace("{url}", &server.url())).report();
    report.assert_all_ok(1);
    let request = server.stop().requests.remove(0);
    (request, report)
}

/// The head without what names the server and this tool.
fn lines(request: &Request) -> Vec<String> {
    let own = ["Host: ", "User-Agent: onrush", "Accept: */*"];
    let lines = request.head.split("\r\n").filter(|line| !line.is_empty());
    lines.filter(|line| !own.iter().any(|start| line.starts_with(start))).map(String::from).collect()
}

fn file(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_pasted_command_is_sent_as_the_browser_sent_it() {
    let pasted = r#"curl '{url}api/items?page=2' \
  -H 'accept: application/json' \
  -b 'session=abc' \
  -H 'content-type: application/json' \
  --data-raw $'{"name":"it\'s \u00e9 \ud83d\ude00"}' --compressed"#;
    let (request, report) = sent(pasted);
    let body = "{\"name\":\"it's é 😀\"}";
    let expected = [
        "POST /api/items?page=2 HTTP/1.1",
        "accept: application/json",
        "content-type: application/json",
        "Cookie: session=abc",
        "Accept-Encoding: deflate, gzip, br, zstd",
        &format!("Content-Length: {}", body.len()),
    ];
    assert_eq!(lines(&request), expected);
    assert_eq!(String::from_utf8_lossy(&request.body), body);
    assert!(!report.summary.notes.iter().any(|note| note.contains("left out")), "{:?}", report.summary.notes);
    // The same in this tool's own words.
    let encoding = "Accept-Encoding: deflate, gzip, br, zstd";
    let own = [
        "-H",
        "accept: application/json",
        "-T",
        "application/json",
        "-H",
        "Cookie: session=abc",
        "-H",
        encoding,
        "-d",
        body,
    ];
    let shown = onrush("show http://h/api/items?page=2").args(own).finish().stdout;
    let mut head: Vec<&str> = shown.split("\r\n\r\n").next().unwrap().split("\r\n").collect();
    head.retain(|line| !line.starts_with("Host") && !line.starts_with("User-Agent"));
    let mut names: Vec<String> =
        expected.iter().map(|line| line.replace("session=abc", "***").to_lowercase()).collect();
    let mut head: Vec<String> = head.iter().map(|line| line.to_lowercase()).collect();
    names.sort();
    head.sort();
    assert_eq!(head, names);
    assert!(shown.ends_with(&format!("\r\n\r\n{body}\n")), "{shown}");
}

#[test]
fn bodies_are_joined_as_curl_joins_them() {
    let folder = TempDir::new().unwrap();
    let lines_of = file(&folder, "lines", "a=1\r\nb=2\n").display().to_string();
    let form = "application/x-www-form-urlencoded";
    for (options, method, content_type, body) in [
        ("-d a=1 -d b=2", "POST", form, "a=1&b=2"),
        (&format!("-d x -d @{lines_of}"), "POST", form, "x&a=1b=2"),
        (&format!("--data-binary @{lines_of}"), "POST", form, "a=1\r\nb=2\n"),
        ("--data-raw @x", "POST", form, "@x"),
        (
            &format!("--data-urlencode 'q=a b&c' --data-urlencode 'é' --data-urlencode f@{lines_of}"),
            "POST",
            form,
            "q=a+b%26c&%C3%A9&f=a%3D1%0D%0Ab%3D2%0A",
        ),
        ("-X PUT --json '{\"a\":' --json 1}", "PUT", "application/json", "{\"a\":1}"),
        ("-H 'Content-Type: text/x' -d a", "POST", "text/x", "a"),
    ] {
        let (request, _) = sent(&format!("curl {options} {{url}}"));
        assert!(request.head.starts_with(&format!("{method} / ")), "{options}: {}", request.head);
        assert!(request.head.contains(&format!("Content-Type: {content_type}\r\n")), "{options}: {}", request.head);
        assert_eq!(String::from_utf8_lossy(&request.body), body, "{options}");
    }
}

#[test]
fn heads_are_as_the_options_say() {
    for (options, expected) in [
        ("-sSo /dev/null", vec!["GET / HTTP/1.1"]),
        ("-I", vec!["HEAD / HTTP/1.1"]),
        ("-G -d a=b --data-urlencode c=%", vec!["GET /?a=b&c=%25 HTTP/1.1"]),
        ("-G -d ''", vec!["GET / HTTP/1.1"]),
        ("-u me:secret", vec!["GET / HTTP/1.1", "Authorization: Basic bWU6c2VjcmV0"]),
        ("-e http://r/ -b a=1 -b b=2", vec!["GET / HTTP/1.1", "Cookie: a=1;b=2", "Referer: http://r/"]),
        ("-H 'X-Empty;' -H 'Expect:'", vec!["GET / HTTP/1.1", "X-Empty: "]),
        ("-k --http2 -A me", vec!["GET / HTTP/1.1", "User-Agent: me"]),
    ] {
        let (request, _) = sent(&format!("curl {options} {{url}}"));
        assert_eq!(lines(&request), expected, "{options}");
    }
    let (form, _) = sent("curl -F a=b {url}");
    assert!(form.head.contains("multipart/form-data; boundary=") && form.body.len() > 60, "{}", form.head);
}

#[test]
fn a_command_is_one_text_or_words_behind_two_dashes() {
    let server = target();
    let url = format!("http://{}/", server.address());
    let text = format!("curl '{url}'");
    onrush("curl -n 3 -c 2").arg(&text).report().assert_all_ok(3);
    onrush("curl").arg(&text).args(["-n", "3", "-c", "2"]).report().assert_all_ok(3);
    let words = onrush("curl -n 3 -o none -- curl -s -H").args(["A: b", &url]).finish();
    assert_eq!((words.code, server.requests()), (0, 9), "{}", words.stderr);
}

#[test]
fn what_contradicts_a_command_is_named() {
    for (flags, command, words) in [
        ("-m PUT", "curl http://127.0.0.1:1/", ["--method", "curl command"]),
        ("--demo", "curl http://127.0.0.1:1/", ["--demo", "curl command"]),
        ("-d x", "curl http://127.0.0.1:1/", ["--data", "curl command"]),
        ("--timeout 5", "curl -m 3 http://127.0.0.1:1/", ["-m", "--timeout"]),
        ("--redirect 5", "curl -L http://127.0.0.1:1/", ["-L", "--redirect"]),
        ("", "curl -b jar http://127.0.0.1:1/", ["'jar'", "cookies"]),
        ("", "curl --data-binary @/no/such http://127.0.0.1:1/", ["/no/such", "No such file"]),
        ("", "curl -d @/no/such http://127.0.0.1:1/", ["/no/such", "No such file"]),
        ("", "wget http://127.0.0.1:1/", ["'wget'", "curl"]),
    ] {
        let run = onrush(&format!("curl {flags}")).arg(command).finish();
        assert_eq!((run.code, run.stderr.lines().count()), (2, 1), "{command}: {}", run.stderr);
        assert!(words.iter().all(|word| run.stderr.contains(word)), "{command}: {}", run.stderr);
    }
    let none = onrush("curl -n 5").finish();
    assert!(none.code == 2 && none.stderr.contains("no command"), "{}", none.stderr);
}

#[test]
fn a_failed_request_is_printed_as_a_command_that_asks_the_same() {
    let server = Hostile::start(|peer| drop(peer.request()));
    let report = onrush("-n 1 --http-version 1.1 -H")
        .args(["X-N: {{ index }}", "-H", "Cookie: secret=1", "-d", "it's"])
        .arg(format!("{}a?b=[1]", server.url()))
        .report();
    let command = report.summary.failures[0].curl.clone().unwrap();
    assert!(report.stdout.contains(&format!("\n    {command}\n")), "{}", report.stdout);
    assert!(command.contains("'Cookie: ***'") && !command.contains("secret"), "{command}");
    onrush("curl -n 1").arg(&command).report();
    let requests = server.stop().requests;
    let [first, again] = &requests[..] else { panic!("{requests:?}") };
    let unmasked = |request: &Request| request.head.replace("secret=1", "***");
    let sorted = |head: String| {
        let mut lines: Vec<String> = head.split("\r\n").map(String::from).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(unmasked(first)), sorted(unmasked(again)));
    assert_eq!((&first.body, &first.body), (&again.body, &b"it's".to_vec()));
}

#[test]
fn a_long_body_is_left_out_of_the_command_and_can_be_shown() {
    let server = Hostile::start(|peer| drop(peer.request()));
    let report = onrush("-n 1 --dynamic --seed 7").arg(server.url()).report();
    let command = report.summary.failures[0].curl.clone().unwrap();
    let (line, comment) = command.split_once(" # body of ").unwrap();
    assert!(
        line.contains("--data-binary @body") && comment.ends_with("left out: onrush show --row 0 --seed 7"),
        "{command}"
    );
}

#[test]
fn a_summary_of_an_earlier_version_has_no_commands() {
    let server = Hostile::start(|peer| drop(peer.request()));
    let mut json = onrush("-n 1").arg(server.url()).report().json;
    json["failures"][0].as_object_mut().unwrap().remove("curl").unwrap();
    let summary: onrush::stats::Summary = serde_json::from_value(json).unwrap();
    assert_eq!(summary.failures[0].curl, None);
}
