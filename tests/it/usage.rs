//! What cannot be run is refused before anything is sent, in one line that says what and why.

use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use crate::support::{onrush, target};

/// Exit code 2, nothing sent, and one line with all of `words`.
#[track_caller]
fn refused(arguments: &str, words: &[&str]) {
    refused_with(arguments, None, words);
}

/// As above, with a last argument that may have spaces. `{url}` stands for a server's URL.
#[track_caller]
fn refused_with(arguments: &str, last: Option<&str>, words: &[&str]) {
    let server = target();
    let arguments = arguments.replace("{url}", &format!("http://{}/", server.address()));
    let mut invocation = onrush(&arguments);
    if let Some(last) = last {
        invocation = invocation.arg(last);
    }
    let run = invocation.finish();
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments}: {}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{arguments}: one line: {}", run.stderr);
    assert!(run.stderr.starts_with("onrush: ") && run.stderr.ends_with('\n'), "{}", run.stderr);
    for word in words {
        assert!(run.stderr.contains(word), "{arguments}: {word:?} in {}", run.stderr);
    }
    assert_eq!((server.requests(), server.connections()), (0, 0), "{arguments}: nothing was sent");
}

#[test]
fn a_url_has_to_be_one() {
    refused("", &["no URL", "--demo", "--help"]);
    refused("127.0.0.1:8000/post", &["127.0.0.1:8000/post", "no scheme", "http://"]);
    refused("ftp://127.0.0.1/", &["scheme 'ftp'", "http or https"]);
    refused("http://", &["'http://' is not a URL"]);
    refused("http://127.0.0.1:99999/", &["99999", "port"]);
    refused("http://127.0.0.1:0/", &["port 0"]);
    refused("http://[::1/", &["[::1"]);
    refused_with("", Some("http://127.0.0.1/a\r\nX: y"), &["control character"]);
    refused("http://no-such-host.invalid/", &["no-such-host.invalid", "resolve"]);
}

#[test]
fn files_have_to_be_readable_and_paths_writable() {
    refused("{url} --data-file /no/such/file", &["--data-file", "/no/such/file", "No such file"]);
    refused("{url} --data-file -x", &["'-x'", "--OPTION=-x"]);
    refused("{url} --data-file /", &["--data-file", "directory"]);
    refused("{url} --csv /no/such/dir/rows.csv", &["--csv", "/no/such/dir/rows.csv", "No such file"]);
    refused("{url} --json /no/such/dir/s.json", &["--json", "/no/such/dir/s.json", "No such file"]);
    refused("{url} --csv /", &["--csv", "directory"]);
    refused("{url} --csv /dev/full", &["--csv", "/dev/full", "No space"]);
    refused("https://127.0.0.1:1/ --cacert /no/such/file", &["--cacert", "/no/such/file"]);
}

#[test]
fn contradictory_flags_are_both_named() {
    for (arguments, flags) in [
        ("{url} --url http://127.0.0.1:1/", ["[URL]", "--url"]),
        ("{url} --demo", ["--demo", "URL"]),
        ("{url} --data x --data-file y", ["--data <TEXT>", "--data-file"]),
        ("{url} --data x --dynamic", ["--data", "--dynamic"]),
        ("{url} --data-file x --dynamic", ["--data-file", "--dynamic"]),
        ("https://127.0.0.1:1/ --insecure --cacert x", ["--insecure", "--cacert"]),
        ("https://127.0.0.1:1/ --cert x", ["--cert", "--key"]),
        ("https://127.0.0.1:1/ --key x", ["--key", "--cert"]),
        ("{url} --unix-socket x --connect-to a:1:b:2", ["--unix-socket", "--connect-to"]),
        ("{url} --unix-socket x -4", ["--unix-socket", "--ipv4"]),
        ("{url} --unix-socket x -6", ["--unix-socket", "--ipv6"]),
        ("{url} -4 -6", ["--ipv4", "--ipv6"]),
        ("{url} --progress --no-progress", ["--progress", "--no-progress"]),
        ("{url} --live --no-progress", ["--live", "--no-progress"]),
        ("{url} --progress --live", ["--progress", "--live"]),
        ("{url} --model closed --wave-every 1s", ["--model closed", "--wave-every"]),
        ("{url} --model closed --hold-last-byte", ["--model closed", "--hold-last-byte"]),
        ("{url} --disable-keepalive --hold-last-byte", ["--disable-keepalive", "--hold-last-byte"]),
        ("{url} --host a --header Host:b", ["--host", "--header Host"]),
        ("{url} --content-type a/b --header content-type:c/d", ["--content-type", "--header Content-Type"]),
        ("{url} --accept a/b --header accept:c/d", ["--accept", "--header Accept"]),
        ("{url} --basic-auth a:b --header authorization:c", ["--basic-auth", "--header Authorization"]),
        ("{url} --header content-length:5", ["--header content-length", "length of the body"]),
        ("{url} --header transfer-encoding:chunked", ["--header transfer-encoding", "length of the body"]),
        ("{url} --cert x --key y", ["--cert", "http://"]),
        ("{url} --key x", ["--key", "http://"]),
        ("{url} --sni x", ["--sni", "http://"]),
        ("{url} --csv - --json -", ["--csv -", "--json -"]),
        ("{url} --csv - --output json", ["--csv -", "--output json"]),
        ("{url} --json - --output json", ["--json -", "--output json"]),
        ("{url} --csv /tmp/same --json /tmp/same", ["--csv", "--json"]),
        ("{url} serve", ["serve", "URL"]),
    ] {
        refused(arguments, &flags);
    }
}

#[test]
fn habits_from_other_tools_lead_to_what_was_meant() {
    refused("localhost:8080", &["'localhost:8080' has no scheme: did you mean http://localhost:8080?"]);
    refused("comapre a.json b.json", &["'comapre' is not a command: did you mean 'compare'?"]);
    refused("serv", &["'serv' is neither a URL nor a command: did you mean 'serve'?"]);
    refused("{url} --requets 5", &["unexpected argument '--requets': did you mean '--requests'?"]);
    refused("{url} -o results.json", &["did you mean '--json results.json'?"]);
    refused("{url} -o rows.csv", &["did you mean '--csv rows.csv'?"]);
    refused("{url} --threshold p(95)<200", &["did you mean 'p95<200ms'?"]);
    refused("{url} --threshold error<1%", &["did you mean 'errors<1%'?"]);
    refused("{url} --threshold latency<200ms", &["did you mean 'p99<200ms'?"]);
}

#[test]
fn habits_from_other_tools_that_can_be_followed_are() {
    let server = target();
    let url = format!("http://{}/", server.address());
    // curl's -X; counts as people write them.
    for arguments in ["-X DELETE -n 10", "-n 1_0 -c 5", "-n 0.01k -c 5"] {
        let run = onrush(&format!("{url} {arguments} -o short")).finish();
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stdout.contains("  10 req  100% ok  "), "{}", run.stdout);
    }
    // -k changes nothing here, and a note says so.
    for flag in ["-k", "--cacert /no/such/file"] {
        let run = onrush(&format!("{url} {flag} -n 5")).finish();
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stdout.contains("has no effect on http:// URLs"), "{}", run.stdout);
    }
    // wrk's -t4 -c10 -d2s.
    let run = onrush(&format!("{url} -t4 -c10 -d2s -n 10")).finish();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stderr.contains("warning: -d '2s' is sent as the request body: the duration is -z 2s"),
        "{}",
        run.stderr
    );
    // The help of a command, as with git and cargo.
    for arguments in ["help", "help compare", "compare --help"] {
        let run = onrush(arguments).finish();
        assert!(run.code == 0 && run.stdout.contains("Usage: onrush"), "{arguments}: {}", run.stderr);
    }
}

#[test]
fn numbers_have_to_be_in_range() {
    refused("{url} --concurrency 0", &["--concurrency", "'0'", "from 1 on"]);
    refused("{url} --requests 0", &["--requests", "'0'", "from 1 on"]);
    refused("{url} --workers 0", &["--workers", "'0'"]);
    refused("{url} -c many", &["--concurrency", "many"]);
    refused("{url} -n -5", &["-5"]);
    refused("{url} --seed x", &["--seed", "x"]);
}

#[test]
fn durations_have_to_be_times() {
    for flag in ["--duration", "--timeout", "--connect-timeout", "--wave-every"] {
        refused(&format!("{{url}} {flag} soon"), &[flag, "soon"]);
        refused(&format!("{{url}} {flag} 0"), &[flag, "longer than zero"]);
    }
    refused("{url} --warmup soon", &["--warmup", "soon"]);
    refused("{url} --timeout 5parsecs", &["--timeout", "5parsecs"]);
    refused("{url} --timeout=-5s", &["--timeout", "-5s"]);
}

#[test]
fn schedules_have_to_make_sense() {
    for rate in ["0", "-5", "fast", "5/d", "1e9"] {
        refused(&format!("{{url}} --rate={rate}"), &["--rate", rate]);
    }
    for (stages, why) in [
        ("10s", "30s@100"),
        ("0s@5", "longer than zero"),
        ("10s@fast", "not a rate"),
        ("10s@0", "has no request"),
        ("10s@5,,10s@5", "not a stage"),
    ] {
        refused(&format!("{{url}} --stages {stages}"), &["--stages", why]);
    }
    refused("{url} --rate 5 --stages 10s@5", &["--rate", "--stages"]);
    refused("{url} --model open", &["--model open", "--rate", "--stages"]);
    refused("{url} --model closed --rate 5", &["--model closed", "--rate"]);
    refused("{url} --model waves --stages 10s@5", &["--model waves", "--stages"]);
    refused("{url} --rate 5 --wave-every 1s", &["--rate", "--wave-every"]);
    refused("{url} --stages 1s@5 --hold-last-byte", &["--stages", "--hold-last-byte"]);
    refused("{url} --arrivals poisson", &["--arrivals", "--rate"]);
    refused("{url} --max-backlog 5 --model closed", &["--max-backlog", "--rate"]);
    refused("{url} --rate 5 --arrivals sometimes", &["--arrivals", "uniform", "poisson"]);
    refused("{url} --rate 5 --max-backlog 0", &["--max-backlog"]);
    refused("{url} --stages 1s@0..5 --warmup 5", &["--warmup", "--stages"]);
    refused("{url} --drain soon", &["--drain", "soon"]);
    refused("{url} --json - --hdr -", &["--json -", "--hdr -"]);
    refused("{url} --csv same --hdr same", &["--csv", "--hdr"]);
}

#[test]
fn headers_have_to_be_single_lines() {
    let header = |text| Some(text);
    refused_with("{url} -H", header("no colon here"), &["no colon here", "'Name: value'"]);
    refused_with("{url} -H", header(": value"), &["not a header name"]);
    refused_with("{url} -H", header("a b: value"), &["not a header name"]);
    refused_with("{url} -H", header("X: a\r\nInjected: b"), &["header X", "line break"]);
    refused_with("{url} -H", header("X: a\nb"), &["header X", "line break"]);
    refused_with("{url} -H", header("X\r\nInjected: b"), &["not a header name"]);
    for (flag, name) in [("--content-type", "Content-Type"), ("--accept", "Accept"), ("--host", "Host")] {
        refused_with(&format!("{{url}} {flag}"), header("a\r\nInjected: b"), &[name, "line break"]);
    }
    refused_with("{url} -m", header("GET / HTTP/1.1\r\nX: y"), &["--method", "not a method"]);
    refused("{url} -m CONNECT", &["CONNECT"]);
}

#[test]
fn unknown_flags_and_values_are_named() {
    refused("{url} --qps 5", &["--qps"]);
    refused("{url} --model wavy", &["--model", "wavy", "waves", "closed", "open"]);
    refused("{url} --output xml", &["--output", "xml"]);
    refused("{url} extra", &["extra"]);
    refused("{url} --csv", &["--csv"]);
}

#[test]
fn connections_go_to_what_can_be_understood() {
    for text in ["a:1", "a:1:b", "a:1:b:0", "a:x:b:2", "::1:80:b:2"] {
        let last = format!("{{url}} --connect-to ::127.0.0.1:80 --connect-to {text}");
        refused(&last, &["--connect-to", text, "HOST:PORT:HOST:PORT"]);
    }
    refused("{url} --resolve a:80", &["--resolve", "'a:80'", "HOST:PORT:ADDRESS"]);
}

#[test]
fn address_families_have_to_fit() {
    refused("http://127.0.0.1:1/ -6", &["127.0.0.1", "-6"]);
    refused("http://[::1]:1/ -4", &["::1", "-4"]);
}

#[test]
fn certificates_and_keys_have_to_be_pem() {
    let files = TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let path = files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["client".into()]).unwrap().self_signed(&key).unwrap();
    let (cert, right) = (write("cert", &certificate.pem()), write("key", &key.serialize_pem()));
    let other = write("other", &KeyPair::generate().unwrap().serialize_pem());
    let (none, half) = (write("none", "no PEM at all"), write("half", "-----BEGIN CERTIFICATE-----\n!!!\n"));
    let url = "https://127.0.0.1:1/";
    for file in [&none, &half] {
        refused(&format!("{url} --cacert {file}"), &["--cacert"]);
        refused(&format!("{url} --cert {file} --key {right}"), &["--cert"]);
        refused(&format!("{url} --cert {cert} --key {file}"), &["--key"]);
    }
    refused(&format!("{url} --cert {cert} --key {other}"), &["--cert", "--key", "fit"]);
    refused(&format!("{url} --insecure --sni a_b/c"), &["a_b/c"]);
}

#[test]
fn a_descriptor_limit_without_room_for_one_user_is_refused_with_the_numbers() {
    let server = target();
    let run =
        crate::support::onrush_after("ulimit -n 12", "-c 5").arg(format!("http://{}/", server.address())).finish();
    assert_eq!((run.code, server.connections()), (2, 0), "{}", run.stderr);
    assert!(run.stderr.contains("12") && run.stderr.contains("ulimit -n"), "{}", run.stderr);
}

#[test]
fn the_help_is_what_it_was() {
    for (arguments, name) in
        [("--help", "help"), ("-h", "short_help"), ("serve --help", "serve_help"), ("curl -h", "curl_help")]
    {
        let run = onrush(arguments).env("COLUMNS", "100").finish();
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        insta::assert_snapshot!(name, run.stdout);
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    for flag in ["--version", "-V"] {
        let run = onrush(flag).finish();
        assert_eq!((run.code, run.stdout), (0, format!("onrush {}\n", env!("CARGO_PKG_VERSION"))));
    }
}
