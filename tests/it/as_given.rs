//! What the user gave is what is sent, whichever way it was given.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::scripted::{Hostile, OK, Request};
use crate::support::{Finished, onrush};
use crate::tls::Authority;

/// What a run with these arguments sends, once; `{url}` stands for the server's URL.
fn sent(arguments: &[&str]) -> Request {
    let server = Hostile::start(|peer| peer.answer_all(OK));
    let url = server.url();
    let report = onrush("").args(arguments.iter().map(|a| a.replace("{url}", &url))).args(["-n", "1"]).report();
    assert_eq!(report.code, 0, "{arguments:?}: {}", report.stderr);
    server.stop().requests.remove(0)
}

fn file(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn target_of(request: &Request) -> String {
    request.head.split(' ').nth(1).unwrap().into()
}

/// The value of a header, if it is sent.
fn header(request: &Request, name: &str) -> Option<String> {
    let lines = request.head.split("\r\n").filter_map(|line| line.split_once(':'));
    let mut found = lines.filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().into());
    let first = found.next();
    assert_eq!(found.next(), None, "{name} is sent once");
    first
}

/// A word for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Exit code 2 and one line, with nothing sent.
#[track_caller]
fn refused(run: &Finished, words: &[&str]) {
    assert_eq!((run.code, run.stderr.lines().count(), &*run.stdout), (2, 1, ""), "{}", run.stderr);
    assert!(words.iter().all(|word| run.stderr.contains(word)), "{words:?}: {}", run.stderr);
}

/// The request target of `{url}` with this behind it: plain, as a template, and in lists.
fn targets(folder: &TempDir, behind: &str) -> Vec<String> {
    let url = format!("{{url}}{behind}");
    let list = |name: &str, text: String| {
        let server = Hostile::start(|peer| peer.answer_all(OK));
        let list = file(folder, name, &text.replace("{url}", &server.url()));
        onrush("-n 1 -o none --targets").arg(list).arg(server.url()).finish();
        server.stop().requests.iter().map(target_of).collect::<Vec<_>>().join(" ")
    };
    let json = |url: &str| format!("{{\"method\": \"GET\", \"url\": {}}}", serde_json::to_string(url).unwrap());
    vec![
        target_of(&sent(&[&url])),
        target_of(&sent(&[&format!("{{url}}{{{{ '' }}}}{behind}")])),
        target_of(&sent(&["curl", &format!("curl --path-as-is {}", quoted(&url))])),
        list("lines", format!("GET /{}\n", behind.replace(' ', "%20"))),
        list("templates", format!("GET /{{{{ '' }}}}{}\n", behind.replace(' ', "%20"))),
        list("whole", format!("GET {{url}}{}\n/other 1\n", behind.replace(' ', "%20"))),
        list("json", json(&format!("/{behind}"))),
        list("json", json(&format!("/{{{{ '' }}}}{behind}"))),
    ]
}

#[test]
fn a_url_is_sent_alike_whichever_way_it_is_given() {
    let folder = TempDir::new().unwrap();
    for (typed, expected) in [
        ("0#top", "/0"),
        ("a?b=c#d?e/..", "/a?b=c"),
        ("#", "/"),
        ("b/%2e%2e/c/../d/./", "/b/%2e%2e/c/../d/./"),
        ("..", "/.."),
        ("a b", "/a%20b"),
        ("é?ü", "/%C3%A9?%C3%BC"),
        ("a\"'<>?\"'<>", "/a%22'%3C%3E?%22'%3C%3E"),
        ("[a]?b[]=c", "/[a]?b[]=c"),
        ("a\\b|c^`{d}?\\|^`{}", "/a%5Cb|c%5E%60%7Bd%7D?%5C|%5E%60%7B%7D"),
        ("%zz%?%", "/%zz%?%"),
    ] {
        for found in targets(&folder, typed) {
            assert_eq!(found, expected, "{typed}");
        }
    }
}

#[test]
fn a_number_sign_inside_of_a_template_begins_no_fragment() {
    for (typed, expected) in [
        ("{{ '#a' }}{# #b #}#c{{ index }}", "/%23a"),
        ("{{ index }}?q={{ \"}}#\" | urlencode }}#c", "/0?q=%7D%7D%23"),
        ("#{{ index }}", "/"),
        ("{% if index == 0 %}a{% endif %}#b", "/a"),
    ] {
        assert_eq!(target_of(&sent(&[&format!("{{url}}{typed}")])), expected, "{typed}");
    }
    let cut = onrush("show").arg("http://h/{% if true %}a#b{% endif %}").finish();
    assert!(cut.code == 2 && cut.stderr.contains("fragment is left out (write a '#'"), "{}", cut.stderr);
}

#[test]
fn dot_segments_of_a_command_are_those_that_curl_sends() {
    for (options, expected) in [("", "/b/%2e%2e/c?d=/../e"), ("--path-as-is", "/a/../b/%2e%2e/./c?d=/../e")] {
        let command = format!("curl {options} '{{url}}a/../b/%2e%2e/./c?d=/../e#f'");
        assert_eq!(target_of(&sent(&["curl", &command])), expected);
    }
    let templated = "curl '{url}{{ index }}/../{{ index }}/./x'";
    assert_eq!(target_of(&sent(&["curl", templated])), "/0/x");
}

#[test]
fn a_printed_command_asks_for_the_same_path_and_the_same_headers() {
    let server = Hostile::start(|peer| drop(peer.request()));
    for path in ["a/../b", "%2e%2E/b"] {
        let run = onrush("-n 1 -d x -H User-Agent: -H Accept: -H Content-Type:").arg(server.url() + path).report();
        let command = run.summary.failures[0].curl.clone().unwrap();
        assert!(command.contains(" --path-as-is "), "{command}");
        onrush("curl -n 1").arg(&command).report();
    }
    let plain = onrush("-n 1").arg(server.url() + "a.b/...").report();
    assert!(!plain.summary.failures[0].curl.clone().unwrap().contains("--path-as-is"));
    let requests = server.stop().requests;
    for pair in requests[..4].chunks(2) {
        assert_eq!((&pair[0].head, &pair[0].body), (&pair[1].head, &pair[1].body));
        for name in ["User-Agent", "Accept", "Content-Type"] {
            assert_eq!(header(&pair[0], name), None);
        }
    }
}

#[test]
fn a_redirect_is_resolved_and_its_fragment_is_not_sent() {
    for (location, expected) in [
        ("/x/../b#top", "/b"),
        ("../%2e%2e/b?c=[/../]#top", "/%2e%2e/b?c=[/../]"),
        ("?q=a b", "/a/b/../c?q=a%20b"),
        ("./é", "/a/%C3%A9"),
    ] {
        let server = Hostile::start(move |peer| {
            while let Some(request) = peer.request() {
                peer.write(match target_of(&request).as_str() {
                    "/a/b/../c" => {
                        format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into_bytes()
                    }
                    _ => OK.to_vec(),
                });
            }
        });
        onrush("-n 1 --redirect 1").arg(format!("{}a/b/../c", server.url())).report().assert_all_ok(1);
        assert_eq!(target_of(&server.stop().requests[1]), expected, "{location}");
    }
}

#[test]
fn a_header_without_a_value_takes_away_what_would_be_sent() {
    for (name, options) in [
        ("User-Agent", "-A me"),
        ("Accept", "--json '{}'"),
        ("Content-Type", "-d a"),
        ("Content-Type", "-F a=b"),
        ("Authorization", "-u a:b"),
        ("Accept-Encoding", "--compressed"),
        ("Cookie", "-b a=b"),
        ("Referer", "-e http://r/"),
        ("User-Agent", "-A ''"),
    ] {
        for removal in [format!("{name}:"), format!("{}: ", name.to_lowercase())] {
            let command = format!("curl {options} -H '{removal}' -H 'X-Empty;' {{url}}");
            let request = sent(&["curl", &command]);
            assert_eq!(header(&request, name), None, "{command}");
            assert_eq!(header(&request, "X-Empty").as_deref(), Some(""), "{command}");
        }
        let own = sent(&["{url}", "-d", "a", "-H", &format!("{name}:")]);
        assert_eq!(header(&own, name), None, "{name}");
    }
    let kept = sent(&["curl", "curl -H 'Host:' -H 'Content-Length:' -H 'Transfer-Encoding: chunked' -d abc {url}"]);
    assert_eq!((header(&kept, "Content-Length").as_deref(), &*kept.body), (Some("3"), &b"abc"[..]));
    assert!(header(&kept, "Host").is_some() && header(&kept, "Transfer-Encoding").is_none());
    let both = sent(&["{url}", "-H", "Accept:", "-H", "Accept: a/b", "-H", "User-Agent;"]);
    assert_eq!(header(&both, "Accept").as_deref(), Some("a/b"));
    assert_eq!(header(&both, "User-Agent").as_deref(), Some(""));
    for (arguments, words) in [
        (["-H", "Host:"], ["--header", "'Host:'"]),
        (["-H", "Host;"], ["--header", "empty"]),
        (["-H", "Content-Length:"], ["--header", "Content-Length"]),
        (["--host", ""], ["--host", "empty"]),
    ] {
        refused(&onrush("http://127.0.0.1:1/").args(arguments).finish(), &words);
    }
    refused(&onrush("http://127.0.0.1:1/ -T a/b -H Content-Type:").finish(), &["--content-type", "contradict"]);
}

#[test]
fn a_header_of_a_list_without_a_value_stands_before_that_of_the_flags() {
    let folder = TempDir::new().unwrap();
    let list = file(&folder, "list", "GET /\nUser-Agent:\nX-All:\nX-Own:\nAuthorization:\n");
    let list = list.to_str().unwrap();
    let request = sent(&["--targets", list, "{url}", "-H", "X-All: 1", "-a", "a:b"]);
    for name in ["User-Agent", "X-All", "Authorization"] {
        assert_eq!(header(&request, name), None, "{name}");
    }
    assert_eq!(header(&request, "X-Own").as_deref(), Some(""));
}

#[test]
fn basic_authentication_has_its_colon_wherever_it_comes_from() {
    let folder = TempDir::new().unwrap();
    let with_user = |user: &str| {
        let server = Hostile::start(|peer| peer.answer_all(OK));
        let url = server.url().replace("//", &format!("//{user}@"));
        let list = file(&folder, "list", &format!("GET {url}\n"));
        let paths = file(&folder, "paths", "GET /\n");
        onrush("-n 1").arg(&url).report().assert_all_ok(1);
        onrush("-n 1").arg(format!("{url}{{{{ index }}}}")).report().assert_all_ok(1);
        onrush("-n 1 --targets").arg(list).report().assert_all_ok(1);
        onrush("-n 1 --targets").arg(paths).arg(&url).report().assert_all_ok(1);
        onrush("curl -n 1").arg(format!("curl '{url}'")).report().assert_all_ok(1);
        let found = server.stop().requests.iter().map(|r| header(r, "Authorization")).collect::<Vec<_>>();
        assert!(found.len() == 5 && found.iter().all(|other| *other == found[0]), "{found:?}");
        found[0].clone().unwrap()
    };
    assert_eq!(with_user("user"), "Basic dXNlcjo=");
    assert_eq!(with_user("us%20er:%E9"), "Basic dXMgZXI66Q==");
    let flag = sent(&["{url}", "-a", "user:"]);
    assert_eq!(header(&flag, "Authorization").as_deref(), Some("Basic dXNlcjo="));
    // A header stands before what the URL says.
    let server = Hostile::start(|peer| peer.answer_all(OK));
    let url = server.url().replace("//", "//u:p@");
    onrush("curl -n 1").arg(format!("curl -H 'Authorization: x' {url}")).report().assert_all_ok(1);
    onrush("-n 1 -H Authorization:x").arg(&url).report().assert_all_ok(1);
    let requests = server.stop().requests;
    assert!(requests.len() == 2 && requests.iter().all(|r| header(r, "Authorization").as_deref() == Some("x")));
    for user in ["a%3Ab:c", "a%0A:b"] {
        refused(&onrush("").arg(format!("http://{user}@127.0.0.1:1/")).finish(), &["URL"]);
    }
    refused(&onrush("http://127.0.0.1:1/ -a user").finish(), &["--basic-auth", "'user:'"]);
    refused(&onrush("http://127.0.0.1:1/ -a").arg("user:\n").finish(), &["--basic-auth", "control character"]);
    refused(&onrush("curl").arg("curl -u user http://127.0.0.1:1/").finish(), &["-u", "user:password"]);
    refused(&onrush("curl").arg("curl -u $'a:\\n' http://127.0.0.1:1/").finish(), &["control character"]);
}

#[test]
fn http2_has_no_headers_of_a_connection() {
    let of_http1 = ["Connection: keep-alive", "Keep-Alive: 5", "Upgrade: x", "TE: gzip", "HTTP2-Settings: AA"];
    let folder = TempDir::new().unwrap();
    for line in of_http1 {
        let name = line.split(':').next().unwrap();
        let own = onrush("http://127.0.0.1:1/ --http-version 2 -H").arg(line).finish();
        refused(&own, &["--header", name]);
        let list = file(&folder, "list", &format!("GET http://127.0.0.1:1/\n{line}\n"));
        refused(&onrush("--http-version 2 --targets").arg(&list).finish(), &["line 1", "header", name]);
        let command = format!("curl --http2-prior-knowledge http://127.0.0.1:1/ -H '{line}' -H 'TE: trailers'");
        let pasted = onrush("curl -n 1 -c 1").arg(command).report();
        assert_eq!(pasted.code, 3, "{}", pasted.stderr);
        let note = format!("curl's -H {name} is left out: HTTP/2 has no such header");
        assert!(pasted.summary.notes.contains(&note), "{:?}", pasted.summary.notes);
    }
    let trailers = onrush("http://127.0.0.1:1/ -n 1 --http-version 2 -H").arg("TE: trailers").finish();
    assert_eq!(trailers.code, 3, "{}", trailers.stderr);
    let close = "curl --http2-prior-knowledge http://127.0.0.1:1/ -H 'Connection: close, X-Hop' -H 'X-Hop: 1'";
    let close = onrush("curl -n 1 -c 1").arg(close).report();
    let notes = close.summary.notes.join("\n");
    assert!(notes.contains("-H Connection is left out") && notes.contains("-H X-Hop is left out"), "{notes}");
}

#[test]
fn headers_of_a_connection_are_left_out_where_the_server_chooses_http2() {
    let authority = Authority::new();
    // What it answers is no HTTP/2: here only matters what it chose, and what is said of it.
    let server = Hostile::start_tls(authority.localhost(), |peer| peer.answer_all(OK));
    let folder = TempDir::new().unwrap();
    let list = file(&folder, "list", "GET /\nConnection: close\nTE: gzip\n");
    let auto = || onrush("-4 -n 1 -c 1 --http-version auto").args(authority.believed().split(' '));
    let pasted =
        format!("curl --http2 {} {} -H 'Connection: close' -H 'TE: gzip'", server.https_url(), authority.believed());
    for (run, said) in [
        (auto().args(["-H", "Connection: close", "-H", "TE: gzip"]).arg(server.https_url()), "header"),
        (auto().arg("--targets").arg(list).arg(server.https_url()), "header"),
        (onrush("curl -4 -n 1 -c 1").arg(pasted), "curl's -H"),
    ] {
        let notes = run.report().summary.notes;
        for note in ["Connection", "TE"].map(|name| format!("{said} {name} is left out: HTTP/2 has no such header")) {
            assert!(notes.contains(&note), "{notes:?}");
        }
    }
    server.stop();
}

#[test]
fn no_other_host_gets_a_credential() {
    let other = Hostile::start(|peer| peer.answer_all(OK));
    let location = format!("HTTP/1.1 307 Go\r\nLocation: {}#a\r\nContent-Length: 0\r\n\r\n", other.url());
    let server = Hostile::start(move |peer| peer.answer_all(location.as_bytes()));
    let run = onrush("-n 1 --redirect 1 -a u:p -H X-Api-Key:1 -H X-Auth-Token:2 -H X-Plain:3 -H Cookie:a=b");
    run.arg(server.url()).report().assert_all_ok(1);
    let (first, second) = (server.stop().requests.remove(0), other.stop().requests.remove(0));
    for name in ["Authorization", "X-Api-Key", "X-Auth-Token", "Cookie"] {
        assert!(header(&first, name).is_some() && header(&second, name).is_none(), "{name}: {}", second.head);
    }
    assert_eq!(header(&second, "X-Plain").as_deref(), Some("3"));
}

#[test]
fn a_redirect_whose_host_has_a_backslash_is_a_failure() {
    let server = Hostile::start(|peer| {
        peer.answer_all(b"HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1\\a/\r\nContent-Length: 0\r\n\r\n");
    });
    let report = onrush("-n 1 --redirect 1").arg(server.url()).report();
    assert_eq!(report.error(), "check: bad redirect");
}

#[test]
fn a_value_may_begin_with_a_dash() {
    for value in ["-1", "---", "--data", "-x", "--", "-"] {
        assert_eq!(sent(&["{url}", "-d", value]).body, value.as_bytes(), "-d {value}");
        assert_eq!(sent(&["curl", &format!("curl -d {value} {{url}}")]).body, value.as_bytes(), "{value}");
    }
    assert_eq!(sent(&["{url}", "--template", "-{{ index }}"]).body, b"-0");
    assert_eq!(sent(&["{url}", "--form", "-a=-b"]).body, b"-a=-b");
    assert!(!sent(&["{url}", "-F", "-a=-b"]).body.is_empty());
    assert_eq!(header(&sent(&["{url}", "-H", "-X: -y"]), "-X").as_deref(), Some("-y"));
    assert_eq!(header(&sent(&["{url}", "-T", "-t", "-d", "x"]), "Content-Type").as_deref(), Some("-t"));
    assert_eq!(header(&sent(&["{url}", "-a", "-u:p"]), "Authorization").as_deref(), Some("Basic LXU6cA=="));
    let checked = onrush("http://127.0.0.1:1/ -n 1 --expect-body -x").finish();
    assert_eq!(checked.code, 3, "{}", checked.stderr);
    for (arguments, words) in [
        ("-n -5", &["-5", "--requests"]),
        ("-q -5", &["-5", "--rate"]),
        ("--timeout -1s", &["-1s", "--timeout"]),
        ("-c -n", &["-n", "--concurrency"]),
        ("--csv --json", &["--csv", "value"]),
    ] {
        let run = onrush("http://127.0.0.1:1/").args(arguments.split(' ')).finish();
        refused(&run, words);
        assert!(!run.stderr.contains("-- -"), "{}", run.stderr);
    }
}

/// The boundary that the header says begins and ends the body.
#[track_caller]
fn is_whole(request: &Request) -> String {
    let content_type = header(request, "Content-Type").unwrap();
    let boundary = content_type.split("boundary=").nth(1).unwrap_or_else(|| panic!("{content_type}"));
    let boundary = boundary.split(';').next().unwrap().trim_matches('"');
    let body = String::from_utf8_lossy(&request.body);
    assert!(body.starts_with(&format!("--{boundary}\r\n")), "{content_type}: {body}");
    assert!(body.ends_with(&format!("\r\n--{boundary}--\r\n")), "{content_type}: {body}");
    content_type
}

#[test]
fn the_boundary_of_a_form_is_in_its_header_whoever_wrote_that() {
    let folder = TempDir::new().unwrap();
    for given in [
        "multipart/form-data",
        "Multipart/Form-Data; charset=utf-8",
        "multipart/form-data;",
        "multipart/form-data; boundary=XX",
        "multipart/form-data; boundary=\"X X\"; charset=utf-8",
        "multipart/mixed",
        "application/json",
    ] {
        let line = format!("content-TYPE: {given}");
        let list = file(&folder, "list", &format!("POST /\n{line}\n"));
        for request in [
            sent(&["curl", &format!("curl -H '{line}' -F a=b {{url}}")]),
            sent(&["{url}", "-F", "a=b", "-H", &line]),
            sent(&["{url}", "-F", "a=b", "-T", given]),
            sent(&["--targets", list.to_str().unwrap(), "{url}", "-F", "a=b"]),
        ] {
            let content_type = is_whole(&request);
            assert!(content_type.starts_with(given.trim_end_matches(';')), "{given}: {content_type}");
            assert_eq!(content_type.matches("boundary=").count(), 1, "{content_type}");
        }
    }
    let typed = "application/x-www-form-urlencoded; charset=utf-8";
    let urlencoded = sent(&["{url}", "--form", "a=b", "-T", typed]);
    assert_eq!(header(&urlencoded, "Content-Type").as_deref(), Some(typed));
    for given in ["Content-Type: a/b; boundary=a\"b", "Content-Type: a/b; x={{ index }}"] {
        refused(&onrush("http://127.0.0.1:1/ -F a=b -H").arg(given).finish(), &["Content-Type"]);
    }
    let held = onrush("http://127.0.0.1:1/ -H").arg("Content-Type: a/b; boundary=b").arg("-F").arg("a=x\r\n--b");
    refused(&held.finish(), &["boundary", "stands in a part"]);
}

#[test]
fn a_path_that_no_socket_can_have_is_refused() {
    let run = |path: &str| onrush("http://h/ -n 1 --unix-socket").arg(path).finish();
    refused(&run(&format!("/tmp/{}", "a".repeat(120))), &["--unix-socket", "125 bytes", "at most"]);
    refused(&run(""), &["--unix-socket"]);
    refused(&onrush("curl").arg("curl --unix-socket '' http://h/").finish(), &["--unix-socket", "empty"]);
    let pasted = onrush("curl").arg(format!("curl --unix-socket /{} http://h/", "a".repeat(200))).finish();
    refused(&pasted, &["--unix-socket", "201 bytes"]);
    let folder = TempDir::new().unwrap();
    assert_eq!(run(&folder.path().join("none").display().to_string()).code, 3);
    // The longest is good.
    let longest = |folder: &Path| folder.join("x".repeat(107 - folder.as_os_str().len() - 1));
    assert_eq!(run(&longest(folder.path()).display().to_string()).code, 3);
}
