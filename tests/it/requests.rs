//! Requests of the user's own: templates, data files, lists of targets, forms, checks, redirects.

use std::collections::HashSet;
use std::io::Write;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::scripted::{Hostile, OK};
use crate::support::{Finished, Nobody, Report, onrush, target};
use crate::tls::Authority;

/// Files of a test.
struct Files(TempDir);

impl Files {
    fn new() -> Files {
        Files(TempDir::new().unwrap())
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

fn show(arguments: &str, more: &[&str]) -> Finished {
    more.iter().fold(onrush(&format!("show {arguments}")), |invocation, argument| invocation.arg(argument)).finish()
}

#[test]
fn a_hundred_thousand_requests_carry_their_own_ids_and_their_rows() {
    const N: usize = 100_000;
    let files = Files::new();
    let rows: String = (0..977).map(|row| format!("{row},user-{row}\n")).collect();
    let users = files.write("users.csv", format!("id,name\n{rows}"));
    let server = Hostile::start(|peer| peer.answer_all(OK));
    let report = onrush(&format!("--model closed -c 20 --workers 2 -n {N} --feed"))
        .arg(&users)
        .arg("--template")
        .arg(r#"{"index": {{ index }}, "id": "{{ uuid() }}", "user": {{ users.id }}, "name": {{ row.name | json }}}"#)
        .arg(server.url())
        .report();
    report.assert_all_ok(N);
    let requests = server.stop().requests;
    let mut ids = HashSet::new();
    let mut indexes = HashSet::new();
    for request in &requests {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let index = body["index"].as_u64().unwrap();
        assert!(indexes.insert(index) && ids.insert(body["id"].as_str().unwrap().to_string()));
        assert_eq!(body["user"].as_u64(), Some(index % 977));
        assert_eq!(body["name"], format!("user-{}", index % 977));
        assert!(request.head.contains("\r\nContent-Type: application/json\r\n"));
    }
    assert_eq!(ids.len(), N);
}

#[test]
fn path_query_and_headers_are_templates_that_cannot_break_a_request() {
    let files = Files::new();
    let evil = files.write("evil.csv", "name\n\"a b\r\nX-Evil: 1\r\n\r\nGET /x\"\n");
    for http2 in ["", "--http-version 1.1"] {
        let server = Hostile::start(|peer| peer.answer_all(OK));
        let report = onrush(&format!("-c 2 -n 4 {http2} --feed"))
            .arg(&evil)
            .arg("-H")
            .arg("X-Name: {{ evil.name }}-{{ index }}")
            .arg(format!("{}items/{{{{ index }}}}/{{{{ row.name }}}}?q={{{{ row.name | urlencode }}}}", server.url()))
            .report();
        report.assert_all_ok(4);
        let requests = server.stop().requests;
        assert_eq!(requests.len(), 4);
        for request in &requests {
            let index = request.head.split(['/', ' ']).nth(3).unwrap();
            let evil = "a%20b%0D%0AX-Evil:%201%0D%0A%0D%0AGET%20/x";
            let query = "a%20b%0D%0AX-Evil%3A%201%0D%0A%0D%0AGET%20/x";
            assert!(
                request.head.starts_with(&format!("GET /items/{index}/{evil}?q={query} HTTP/1.1\r\n")),
                "{}",
                request.head
            );
            assert!(
                request.head.contains(&format!("\r\nX-Name: a b  X-Evil: 1    GET /x-{index}\r\n")),
                "{}",
                request.head
            );
        }
    }
}

#[test]
fn the_template_of_dynamic_can_be_printed_and_used() {
    let files = Files::new();
    let printed = onrush("generate template").finish();
    let path = files.write("body.json", &printed.stdout);
    let bodies = |arguments: &[&str]| {
        let shown = show("--seed 42 --row 7 http://127.0.0.1/", arguments);
        assert_eq!(shown.code, 0, "{}", shown.stderr);
        let body: Value = serde_json::from_str(shown.stdout.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        (body["guid"].clone(), body["tags"].clone())
    };
    let dynamic = bodies(&["--dynamic"]);
    assert_eq!(dynamic.0, "6f15f55f-e702-4ed2-92f6-cc95f4ed624b");
    assert_eq!(bodies(&["--template", path.to_str().unwrap()]), dynamic);
}

#[test]
fn show_prints_what_is_sent_and_sends_nothing() {
    let server = Hostile::start(|peer| peer.answer_all(OK));
    let arguments = |invocation: crate::support::Invocation| {
        invocation
            .arg("--template")
            .arg("{% for i in range(2) %}{{ int(1, 9) }} {{ word() }} {% endfor %}{{ index }} {{ wave }} {{ user_number }}")
            .args(["-H", "X-Id: {{ uuid() }}", "-H", "Authorization: Bearer secret", "--seed", "5", "-c", "3", "-n", "9"])
            .arg(server.url())
    };
    let shown: Vec<String> = (0..9)
        .map(|row| {
            let shown = arguments(onrush(&format!("show --row {row}"))).finish();
            assert_eq!(shown.code, 0, "{}", shown.stderr);
            shown.stdout
        })
        .collect();
    assert!(shown[4].contains("Authorization: ***\r\n") && !shown[4].contains("secret"));
    arguments(onrush("")).report().assert_all_ok(9);
    let mut sent: Vec<String> = server
        .stop()
        .requests
        .iter()
        .map(|request| request.head.replace("Bearer secret", "***") + &String::from_utf8_lossy(&request.body) + "\n")
        .collect();
    sent.sort_by_key(|text| text.split(' ').rev().nth(2).unwrap().parse::<u64>().unwrap());
    assert_eq!(sent, shown);
}

#[test]
fn several_requests_are_shown_with_their_numbers() {
    let shown = show("--first 3 --http-version 2 https://example.com/a", &["-d", "x"]);
    assert_eq!(
        shown.stdout.matches(":method: POST\r\n:scheme: https\r\n:path: /a\r\n:authority: example.com\r\n").count(),
        3
    );
    assert!(shown.stdout.contains("--- request 2 to https://example.com\n"), "{}", shown.stdout);
}

#[test]
fn bodies_come_by_line() {
    let files = Files::new();
    let lines = files.write("bodies", "{\"a\":1}\r\n\n{\"a\":2}\n{\"a\":3}");
    let server = Hostile::start(|peer| peer.answer_all(OK));
    onrush("-c 1 -n 7 --data-lines").arg(&lines).arg(server.url()).report().assert_all_ok(7);
    let bodies: Vec<String> =
        server.stop().requests.iter().map(|r| String::from_utf8_lossy(&r.body).into_owned()).collect();
    assert_eq!(bodies.concat(), [1, 2, 3, 1, 2, 3, 1].map(|n| format!("{{\"a\":{n}}}")).concat());
}

#[test]
fn a_byte_order_mark_belongs_to_a_file_of_text_and_to_no_request() {
    let files = Files::new();
    let marked = |name: &str, text: &str| files.write(name, format!("\u{feff}{text}"));
    let json = "\r\nContent-Type: application/json\r\n";
    for (flag, body) in
        [("--template", "{\"a\": 0}"), ("--data-lines", "{\"a\": 1}"), ("--data-file", "\u{feff}{\"a\": 2}")]
    {
        let text = body.trim_start_matches('\u{feff}').replace('0', "{{ index }}");
        let shown = onrush("show http://127.0.0.1/").arg(flag).arg(marked("body", &text)).finish();
        assert!(
            shown.stdout.contains(json) && shown.stdout.ends_with(&format!("\r\n\r\n{body}\n")),
            "{}",
            shown.stdout
        );
    }
    let rows = marked("rows", "{\"n\": 1}\n");
    let shown = onrush("show http://127.0.0.1/{{rows.n}} --feed").arg(&rows).finish();
    assert!(shown.stdout.starts_with("GET /1 HTTP/1.1\r\n"), "{}{}", shown.stdout, shown.stderr);
    let wide = files.write("wide", b"\xff\xfea\0\n\0");
    for flag in ["--template", "--data-lines", "--feed", "--targets"] {
        let refused = onrush("show http://127.0.0.1/").arg(flag).arg(&wide).finish();
        assert_eq!(refused.code, 2, "{flag}");
        assert!(refused.stderr.contains("the file is UTF-16: save it as UTF-8"), "{}", refused.stderr);
        assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
    }
}

#[test]
fn unique_rows_end_the_run_when_they_are_used_up() {
    let files = Files::new();
    let ids = files.write("ids.csv", "id\n".to_string() + &(0..30).map(|id| format!("{id}\n")).collect::<String>());
    for (arguments, sent, noted) in
        [("", 30, false), ("-n 100", 30, true), ("--warmup 10 -n 100 --model closed", 20, true), ("-n 7", 7, false)]
    {
        let server = Hostile::start(|peer| peer.answer_all(OK));
        let report = onrush(&format!("-c 5 {arguments}"))
            .arg("--feed")
            .arg(format!("{}:unique", ids.display()))
            .arg(format!("{}{{{{ ids.id }}}}", server.url()))
            .report();
        report.assert_all_ok(sent);
        assert_eq!(report.summary.notes.iter().any(|note| note.contains("used once at most")), noted, "{arguments}");
        let paths: Vec<String> =
            server.stop().requests.iter().map(|r| r.head.split(' ').nth(1).unwrap().into()).collect();
        assert_eq!(paths.iter().collect::<HashSet<_>>().len(), paths.len(), "{paths:?}");
    }
}

#[test]
fn fewer_unique_rows_than_users_leave_no_connection_missing() {
    let files = Files::new();
    let ids = files.write("ids.csv", "id\n1\n2\n3\n");
    for model in ["", "--model closed", "--rate 200"] {
        let server = Hostile::start(|peer| peer.answer_all(OK));
        let feed = format!("{}:unique", ids.display());
        let url = format!("{}{{{{ ids.id }}}}", server.url());
        let report = onrush(&format!("{model} -c 50")).args(["--feed", &feed, &url]).report();
        report.assert_all_ok(3);
        // The users for whom there is no row were never to be there.
        report.assert_all_connected();
    }
}

#[test]
fn three_hosts_of_which_one_is_dead_and_one_speaks_tls() {
    let files = Files::new();
    let authority = Authority::new();
    let plain = Hostile::start(|peer| peer.answer_all(OK));
    let secure = Hostile::start_tls(authority.localhost(), |peer| peer.answer_all(OK));
    let dead = Nobody::new();
    let list = format!(
        "# weights and hosts\nGET {}a 3\nPOST {}b?x={{{{ index }}}}\nX-Of: list\n\nhttp://{}/c 2\n",
        plain.url(),
        secure.https_url(),
        dead.address()
    );
    let list = files.write("targets", list);
    for model in ["waves", "closed", "open --rate 600"] {
        let report =
            onrush(&format!("--model {model} -c 6 -n 600 -4 -d {{}} -H X-All:1 {} --targets", authority.believed()))
                .arg(&list)
                .report();
        let a = &report.summary.accounting;
        assert_eq!((a.scheduled, a.ok, a.failed), (600, 400, 200), "{model}");
        let by_target: Vec<(u64, u64, u64)> = report
            .summary
            .targets
            .iter()
            .map(|t| (t.accounting.scheduled, t.accounting.ok, t.accounting.failed))
            .collect();
        assert_eq!(by_target, [(300, 300, 0), (100, 100, 0), (200, 0, 200)], "{model}");
        for row in &report.rows {
            let line = report.summary.targets.iter().find(|line| line.target == row.target).unwrap();
            assert_eq!(row.error.is_empty(), line.accounting.ok > 0, "{row:?}");
        }
        assert!(report.stdout.contains("Targets"), "{}", report.stdout);
    }
    let plain = plain.stop().requests;
    assert!(plain.iter().all(|r| r.head.starts_with("GET /a ") && r.body.is_empty()));
    assert!(secure.stop().requests.iter().all(|r| r.head.contains("\r\nX-Of: list\r\n") && r.body == b"{}"));
}

#[test]
fn vegetas_formats_and_chance() {
    let files = Files::new();
    let server = Hostile::start(|peer| peer.answer_all(OK));
    files.write("body.txt", "from a file");
    let lines = format!(
        "{{\"method\":\"PUT\",\"url\":\"{0}j\",\"header\":{{\"X-A\":[\"1\",\"2\"]}},\"body\":\"aGVsbG8=\"}}\n{{\"method\":\"GET\",\"url\":\"{0}k\"}}\n",
        server.url()
    );
    let json = files.write("targets.jsonl", lines);
    onrush("-c 2 -n 10 --targets").arg(&json).report().assert_all_ok(10);
    let text = files.write("targets.http", "POST /t\nX-B: 3\n@body.txt\n\nGET /u\n");
    let random = onrush("-c 2 -n 400 --seed 3 --target-order random --targets").arg(&text).arg(server.url()).report();
    random.assert_all_ok(400);
    assert!(
        random.summary.targets.iter().all(|t| (150..250).contains(&t.accounting.scheduled)),
        "{:?}",
        random.summary.targets
    );
    let requests = server.stop().requests;
    let of = |path: &str| requests.iter().filter(|r| r.head.contains(path)).collect::<Vec<_>>();
    assert_eq!(of("PUT /j ").len(), 5);
    assert!(of("PUT /j ").iter().all(|r| r.body == b"hello" && r.head.contains("\r\nX-A: 1\r\nX-A: 2\r\n")));
    assert!(of("POST /t ").iter().all(|r| r.body == b"from a file" && r.head.contains("\r\nX-B: 3\r\n")));
    assert!(of("GET /u ").iter().all(|r| r.body.is_empty()));
}

#[test]
fn forms_are_encoded() {
    let server = Hostile::start(|peer| peer.answer_all(OK));
    onrush("-c 1 -n 1 --form").args(["a=b c", "--form", "d=&"]).arg(server.url()).report().assert_all_ok(1);
    onrush("-c 1 -n 1 -F a=b -F").arg("c={\"d\":1};type=application/json").arg(server.url()).report().assert_all_ok(1);
    let requests = server.stop().requests;
    assert_eq!(requests[0].body, b"a=b+c&d=%26");
    assert!(requests[0].head.contains("\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
    let body = String::from_utf8_lossy(&requests[1].body);
    let boundary = requests[1].head.split("boundary=").nth(1).unwrap().split("\r\n").next().unwrap();
    assert!(
        body.starts_with(&format!("--{boundary}\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n")),
        "{body}"
    );
    assert!(
        body.ends_with(&format!("Content-Type: application/json\r\n\r\n{{\"d\":1}}\r\n--{boundary}--\r\n")),
        "{body}"
    );
}

fn checked(report: &Report) -> (u64, u64, u64, Vec<(String, u64)>) {
    let a = &report.summary.accounting;
    let failures = report.summary.failures.iter().map(|f| (format!("{}: {}", f.phase.text(), f.cause.text()), f.count));
    (a.ok, a.http_error, a.failed, failures.collect())
}

#[test]
fn answers_are_checked() {
    let server = target();
    let url = |path: &str| format!("http://{}/{path}", server.address());
    let run = |arguments: &str, path: &str| onrush(&format!("-c 4 -n 20 {arguments}")).arg(url(path)).report();
    let check = |cause: &str| vec![(format!("check: {cause}"), 20)];
    assert_eq!(checked(&run("--expect-status 200,3xx", "")), (20, 0, 0, vec![]));
    let report = run("--expect-status 200,3xx", "status/404");
    assert_eq!(checked(&report), (0, 0, 20, check("status")));
    assert!(report.rows.iter().all(|row| row.status == 404 && row.error == "check: status"));
    assert_eq!(report.summary.connections, 4, "they are as good as before");
    let expected = onrush("-c 4 -n 20 --expect-status 404 -o json").arg(url("status/404")).finish();
    let json: Value = serde_json::from_str(&expected.stdout).unwrap();
    assert_eq!((&json["accounting"]["ok"], &json["accounting"]["http_error"]), (&20.into(), &0.into()));
    assert_eq!(json["success_rate"], 1.0);
    assert_eq!(checked(&run("--expect-body ok --expect-body ^o", "")), (20, 0, 0, vec![]));
    assert_eq!(checked(&run("--expect-body ok --expect-body no", "")), (0, 0, 20, check("body")));
    assert_eq!(checked(&run("--model closed --expect-body 2", "bytes/300000")).2, 20);
}

#[test]
fn bodies_are_looked_at_however_they_come() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
    let closing = b"HTTP/1.1 200 OK\r\n\r\nhello";
    for answer in [&chunked[..], closing] {
        // The one without a length ends with its connection, the other one does not.
        let server =
            Hostile::start(move |peer| while peer.request().is_some() && peer.drip(answer) && answer == chunked {});
        let report = onrush("-c 1 -n 2 --model closed --expect-body ^hello$").arg(server.url()).report();
        report.assert_all_ok(2);
    }
}

#[test]
fn a_large_body_arrives_whole_however_it_is_sent() {
    let body: Vec<u8> = (0..3_000_000u32).flat_map(|n| n.to_le_bytes()).take(5_000_001).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &body).unwrap();
    for arguments in ["", "--model closed", "--hold-last-byte", "--model closed -H X-N:{{index}}"] {
        let server = Hostile::start(|peer| peer.answer_all(OK));
        let report = onrush(&format!("-c 2 -n 4 {arguments} --data-file")).arg(file.path()).arg(server.url()).report();
        report.assert_all_ok(4);
        let seen = server.stop();
        assert!(seen.requests.iter().all(|request| request.body == body), "{arguments}");
        assert!(seen.requests.iter().all(|request| !request.head.contains("{{")), "{arguments}");
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// How requests end whose responses have this body in these codings.
fn coded(codings: &str, body: &[u8]) -> Vec<String> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {codings}\r\nContent-Length: {}\r\n\r\n", body.len());
    let answer = [head.as_bytes(), body].concat();
    let server = Hostile::start(move |peer| while peer.request().is_some() && peer.drip(&answer) {});
    // Three, as the head of the second and third is remembered.
    let report = onrush("-c 1 -n 3 --model closed --expect-body ^hello$").arg(server.url()).report();
    assert_eq!(report.summary.connections, 1, "{codings}");
    report.rows.into_iter().map(|row| row.error).collect()
}

#[test]
fn bodies_are_decoded_before_they_are_looked_at() {
    let body = gzip(b"hello");
    for (codings, body) in
        [("gzip", &body[..]), ("X-Gzip", &body), ("br", b"\x0b\x02\x80hello\x03"), ("identity", b"hello")]
    {
        assert_eq!(coded(codings, body), [""; 3], "{codings}");
    }
    assert_eq!(coded("gzip,\r\n gzip", &gzip(&body)), [""; 3]);
    assert_eq!(coded("gzip", &gzip(b"other")), ["check: body"; 3]);
    assert_eq!(coded("gzip", b"hello"), ["check: body is not as its content-encoding says"; 3]);
    assert_eq!(coded("gzip", &body[..20]), ["check: body is not as its content-encoding says"; 3]);
    assert_eq!(coded("compress", &body), ["check: body has an unknown content-encoding"; 3]);
}

/// Redirects /a to /b with this status and location, and answers all else.
fn redirecting(status: u16, location: String) -> Hostile {
    Hostile::start(move |peer| {
        while let Some(request) = peer.request() {
            let answer = match request.head.split(' ').nth(1) {
                Some("/a") => format!("HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"),
                Some("/loop") => "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n".into(),
                Some("/lost") => "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n".into(),
                _ => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".into(),
            };
            peer.write(answer);
        }
    })
}

#[test]
fn redirects_are_followed_within_a_request() {
    for (status, then) in [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")] {
        for model in ["waves", "closed", "open --rate 400"] {
            let server = redirecting(status, "b?c=1".into());
            let report = onrush(&format!("--model {model} -c 2 -n 20 -d body --redirect 2 --expect-body ok"))
                .arg(format!("{}a", server.url()))
                .report();
            report.assert_all_ok(20);
            assert_eq!(report.summary.status["200"], 20, "{status} {model}");
            let requests = server.stop().requests;
            assert_eq!(requests.len(), 40);
            let second: Vec<_> = requests.iter().filter(|r| r.head.contains(" /b?c=1 ")).collect();
            assert_eq!(second.len(), 20);
            let body: &[u8] = if then == "POST" { b"body" } else { b"" };
            assert!(second.iter().all(|r| r.head.starts_with(then) && r.body == body), "{status}");
            assert!(then == "POST" || second.iter().all(|r| !r.head.contains("Content-")));
        }
    }
}

#[test]
fn redirects_lead_to_hosts_that_nobody_named_and_secrets_stay_behind() {
    let other = Hostile::start(|peer| peer.answer_all(OK));
    let server = redirecting(307, format!("{}b", other.url()));
    for model in ["waves", "closed", "open --rate 400"] {
        let report = onrush(&format!("--model {model} -c 3 -n 30 -a user:secret -H X-Captured:1 --redirect 1"))
            .arg(format!("{}a", server.url()))
            .report();
        report.assert_all_ok(30);
        assert!((4..=6).contains(&report.summary.connections), "{}", report.summary.connections);
    }
    assert!(server.stop().requests.iter().all(|r| r.head.contains("Authorization: Basic")));
    let requests = other.stop().requests;
    assert_eq!(requests.len(), 90);
    assert!(requests.iter().all(|r| r.head.contains("X-Captured: 1\r\n") && !r.head.contains("Authorization")));
}

#[test]
fn redirects_that_lead_nowhere_are_failures_by_name() {
    for (path, cause) in [("loop", "check: too many redirects"), ("lost", "check: bad redirect")] {
        let server = redirecting(302, String::new());
        let report = onrush("--model closed -c 2 -n 10 --redirect 3").arg(format!("{}{path}", server.url())).report();
        assert_eq!(checked(&report), (0, 0, 10, vec![(cause.into(), 10)]));
        assert!(report.rows.iter().all(|row| row.status == 302));
    }
    let dead = Nobody::new();
    for location in [format!("http://{}/", dead.address()), "ftp://127.0.0.1/".into()] {
        let server = redirecting(302, location);
        let report = onrush("-c 2 -n 4 --redirect 3").arg(format!("{}a", server.url())).report();
        let (ok, _, failed, failures) = checked(&report);
        assert_eq!((ok, failed), (0, 4), "{failures:?}");
    }
}

#[test]
fn what_is_wrong_is_said_before_anything_is_sent() {
    let files = Files::new();
    let template = files.write("t.json", "{\n  \"id\": \"{{ uid() }}\"\n}");
    let csv = files.write("users.csv", "id,name\n1\n");
    let good = files.write("good.csv", "id,name\n1,a\n");
    let list = files.write("list", "GET http://127.0.0.1:1/\nHEAD\n");
    let empty = files.write("empty", "\n\n");
    let path = |path: &PathBuf| path.display().to_string();
    let cases: Vec<(Vec<String>, &str)> = vec![
        (vec!["--template".into(), path(&template)], ":2:13: there is no function 'uid'"),
        (vec!["--template".into(), "no/such/file".into()], "--template: cannot read no/such/file"),
        (vec!["--template".into(), "{{ row.id }}".into()], "there is no row: give a data file with --feed"),
        (
            vec!["--template".into(), "{{ wave }}".into(), "--model".into(), "closed".into()],
            "there are waves in --model waves alone",
        ),
        (vec!["--template".into(), "{% if %}".into()], ":1:"),
        (vec!["--feed".into(), path(&csv)], "line 2 has 1 field"),
        (vec!["--feed".into(), path(&good)], "no template uses the feed 'good'"),
        (vec!["--feed".into(), format!("{}:often", path(&good))], "the order is sequential, random, shuffle or unique"),
        (vec!["--feed".into(), format!("row={}", path(&good))], "'row' means something else in templates"),
        (vec!["--data-lines".into(), path(&empty)], "there is no line with anything on it"),
        (vec!["--targets".into(), path(&list)], "line 2"),
        (vec!["--form".into(), "a".into()], "--form 'a': there is no '='"),
        (vec!["-F".into(), "a=@no/such".into()], "cannot read no/such"),
        (vec!["-F".into(), "a=b".into(), "--form".into(), "a=b".into()], "cannot be used with"),
        (vec!["--expect-status".into(), "2x".into()], "'2x' is no status"),
        (vec!["--expect-body".into(), "(".into()], "is no regular expression"),
        (vec!["-H".into(), "Host: {{ index }}".into()], "--header Host cannot be a template"),
        (vec!["--target-order".into(), "random".into()], "--target-order is about a list"),
    ];
    for (arguments, message) in cases {
        let finished = arguments.iter().fold(onrush("http://127.0.0.1:9/"), |i, argument| i.arg(argument)).finish();
        assert_eq!(finished.code, 2, "{arguments:?}: {}", finished.stderr);
        assert!(finished.stderr.contains(message), "{arguments:?}: {}", finished.stderr);
    }
    let host = onrush("").arg("http://{{ pick('a','b') }}/").finish();
    assert!(host.stderr.contains("but not the host"), "{}", host.stderr);
}

#[test]
fn templates_that_make_no_json_are_noted_and_v_says_how_they_are_rendered() {
    let server = target();
    let report = onrush("-c 1 -n 2 -v --template")
        .arg("{\"a\": {{ word() }}}")
        .arg(format!("http://{}/post", server.address()))
        .report();
    assert!(
        report.summary.notes.iter().any(|note| note.contains("makes no JSON of request 0")),
        "{:?}",
        report.summary.notes
    );
    assert!(report.stderr.contains("compiled: 1 value"), "{}", report.stderr);
    let logic = onrush("-c 1 -n 2 -v --template")
        .arg("{% if index %}x{% endif %}")
        .arg(format!("http://{}/post", server.address()))
        .report();
    assert!(logic.stderr.contains("rendered by minijinja: a statement on line 1"), "{}", logic.stderr);
}

#[test]
fn a_template_that_fails_for_some_requests_fails_those() {
    let server = target();
    for model in ["waves", "closed", "open --rate 500"] {
        let report = onrush(&format!("--model {model} -c 2 -n 12 --template"))
            .arg("{% if index % 3 == 2 %}{{ index.none.such }}{% endif %}x")
            .arg(format!("http://{}/post", server.address()))
            .report();
        let (ok, _, failed, failures) = checked(&report);
        assert_eq!((ok, failed, failures), (8, 4, vec![("template: cannot be rendered".into(), 4)]), "{model}");
    }
}

#[test]
fn a_run_of_redirects_is_remarked_on_unless_they_were_followed_or_expected() {
    const MOVED: &[u8] = b"HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n";
    const NOT_MODIFIED: &[u8] = b"HTTP/1.1 304 Not Modified\r\n\r\n";
    for (response, arguments, remarked) in [
        (MOVED, "", true),
        (MOVED, "--expect-status 301", false),
        (MOVED, "--redirect 2", false),
        (NOT_MODIFIED, "", false),
    ] {
        let server = Hostile::start(move |peer| peer.answer_all(response));
        let report = onrush(&format!("-n 3 -c 1 {arguments}")).arg(server.url()).report();
        let notes = &report.summary.notes;
        assert_eq!(notes.iter().any(|note| note.contains("redirects")), remarked, "{arguments}: {notes:?}");
    }
}
