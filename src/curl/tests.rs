use super::*;

pub(super) fn parsed(text: &str) -> Result<Parsed, String> {
    parse(&split(text)?)
}

fn command(text: &str) -> Command {
    parsed(text).unwrap_or_else(|e| panic!("{text}: {e}")).command
}

fn data(kind: DataKind, text: &str) -> Body {
    Body::Data(vec![Data { kind, text: text.into() }])
}

fn strings<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(String::from).into()
}

#[test]
fn words_are_those_of_a_shell() {
    for (text, words) in [
        ("", vec![]),
        (" a  b\tc ", vec!["a", "b", "c"]),
        ("a'b c'\"d e\"f", vec!["ab cd ef"]),
        ("'' \"\" $''", vec!["", "", ""]),
        (r#"'a\b' "a\b\"\\\$" a\ b\'"#, vec![r"a\b", r#"a\b"\$"#, "a b'"]),
        ("a \\\n  b\\\nc \\\r\n d", vec!["a", "bc", "d"]),
        ("\"a\\\nb\" 'a\nb'", vec!["ab", "a\nb"]),
        (r"$'a\nb\'\\\t\x41\101\u00e9\ud83d\ude00\U0001f600\q'", vec!["a\nb'\\\tAAé😀😀\\q"]),
        (r"$'\xc3\xa9' a$ $ 5$'x'", vec!["é", "a$", "$", "5x"]),
        (r"$'\a\b\e\E\f\n\r\t\v\\\'\x22\?'", vec!["\x07\x08\x1b\x1b\x0c\n\r\t\x0b\\'\"?"]),
        (r"$'\cA\ca\c[\c?\x{41}\x{1042}\x1\7\1012\501\u41'", vec!["\x01\x01\x1b\x7fAB\x01\x07A2AA"]),
        (r#"$"a b" a$"b$"$'c'"#, vec!["a b", "ab$c"]),
        ("a\"b\\\r\nc\"", vec!["abc"]),
        ("a # b c", vec!["a"]),
        ("a#b '#'\n", vec!["a#b", "#"]),
        ("http://h/a?b=c*d~[1]{e}!", vec!["http://h/a?b=c*d~[1]{e}!"]),
    ] {
        assert_eq!(split(text), Ok(words.into_iter().map(String::from).collect()), "{text}");
    }
}

#[test]
fn what_a_shell_would_do_is_refused() {
    for (text, why) in [
        ("curl 'a", "quote ' is not closed"),
        ("curl \"a", "quote \" is not closed"),
        ("curl $'a", "quote $' is not closed"),
        ("curl http://h/?a=b&c=d", "'&' outside of quotes"),
        ("curl http://h/ | jq .", "'|' outside of quotes"),
        ("curl http://h/ > file", "'>' outside of quotes"),
        ("curl http://h/; ls", "';' outside of quotes"),
        ("curl -H \"A: $TOKEN\" http://h/", "'$TOKEN'"),
        ("curl $(cat x)", "'$(cat'"),
        ("curl `cat x`", "'`'"),
        ("curl http://h/\ncurl http://i/", "backslash"),
        ("curl ^\"http://h/^\"", "(bash)"),
        ("curl http://h/ ^\r\n -d x", "(bash)"),
        ("curl http://h/ `\n -d x", "(bash)"),
        (r"curl $'\c@'", "--data-binary @FILE"),
        (r"curl $'\c", "not closed"),
        (r"curl $'\cé'", "no control character"),
        ("curl $\"$HOME\"", "'$HOME'"),
        (r"curl $'\xff'", "--data-binary @FILE"),
        (r"curl $'\x00'", "--data-binary @FILE"),
        (r"curl $'\ud83d'", "no character"),
        (r"curl $'\u'", "no character"),
    ] {
        let error = parsed(text).unwrap_err();
        assert!(error.contains(why) && !error.contains('\n'), "{text}: {error}");
    }
}

#[test]
fn commands_of_browsers_are_read() {
    let chrome = r#"curl 'https://example.com/api/items?page=2' \
  -H 'accept: application/json' \
  -b 'session=abc; theme=dark' \
  -H 'content-type: application/json' \
  -H 'user-agent: Mozilla/5.0 (X11; Linux x86_64)' \
  --data-raw $'{"name":"it\'s \u00e9","icon":"\ud83d\ude00"}'"#;
    let expected = Command {
        url: "https://example.com/api/items?page=2".into(),
        headers: strings([
            "accept: application/json",
            "content-type: application/json",
            "user-agent: Mozilla/5.0 (X11; Linux x86_64)",
        ]),
        cookies: strings(["session=abc; theme=dark"]),
        body: data(DataKind::Raw, "{\"name\":\"it's é\",\"icon\":\"😀\"}"),
        ..Command::default()
    };
    assert_eq!(command(chrome), expected);
    let firefox = "curl 'http://127.0.0.1:8000/post' --compressed -X POST \
                   -H 'Accept-Encoding: gzip, deflate' -H 'Connection: keep-alive' --data-raw 'a=1&b=2'";
    let expected = Command {
        url: "http://127.0.0.1:8000/post".into(),
        method: Some("POST".into()),
        headers: strings(["Accept-Encoding: gzip, deflate", "Connection: keep-alive"]),
        body: data(DataKind::Raw, "a=1&b=2"),
        compressed: true,
        ..Command::default()
    };
    assert_eq!(command(firefox), expected);
    let safari = "curl 'https://example.com/' \\\n-X 'GET' \\\n-H 'Sec-Fetch-Site: none'";
    let expected = Command {
        url: "https://example.com/".into(),
        method: Some("GET".into()),
        headers: strings(["Sec-Fetch-Site: none"]),
        ..Command::default()
    };
    assert_eq!(command(safari), expected);
}

#[test]
fn options_are_read_as_curl_reads_them() {
    let base = || Command { url: "http://h/".into(), ..Command::default() };
    let route = |route| Command { route, ..base() };
    let to = |text| route(Route { connect_to: strings([text]), ..Route::default() });
    for (text, expected) in [
        ("h/", base()),
        ("-- h/", base()),
        ("--url h/", base()),
        ("-sSLk h/", Command { location: true, ..route(Route { insecure: true, ..Route::default() }) }),
        ("-XPUT h/", Command { method: Some("PUT".into()), ..base() }),
        ("-sXPUT h/", Command { method: Some("PUT".into()), ..base() }),
        ("-dfoo h/", Command { body: data(DataKind::Plain, "foo"), ..base() }),
        ("h/ --json '{}'", Command { body: data(DataKind::Json, "{}"), ..base() }),
        ("-Gd a=b h/", Command { get: true, body: data(DataKind::Plain, "a=b"), ..base() }),
        ("--form-string 'a=@\"b' h/", Command { body: Body::Form(strings(["a=\"@\\\"b\""])), ..base() }),
        ("h/?u=http://i/", Command { url: "http://h/?u=http://i/".into(), ..base() }),
        ("--path-as-is h/", Command { path_as_is: true, ..base() }),
        ("-I -u a:b h/", Command { head: true, user: Some("a:b".into()), ..base() }),
        ("-m 2.5 h/", Command { max_time: Some(Nanos::from_millis(2500)), ..base() }),
        ("-m 0 -b '' h/", base()),
        ("-L --max-redirs 3 h/", Command { location: true, max_redirs: Some(3), ..base() }),
        (
            "--resolve h:80:::1,127.0.0.1 h/",
            route(Route { resolve: strings(["h:80:::1,127.0.0.1"]), ..Route::default() }),
        ),
        ("--connect-to h:80:g:81 h/", to("h:80:g:81")),
        ("-6 h/", route(Route { family: Some(Family::V6), ..Route::default() })),
        ("--http2 h/", Command { version: Some(Version::V2), ..base() }),
    ] {
        let parsed = parsed(&format!("curl {text}")).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(parsed, Parsed { command: expected, notes: vec![] }, "{text}");
    }
}

#[test]
fn what_takes_effect_in_curl_alone_is_said() {
    let parsed = parsed("curl -s -o /dev/null -w '%{http_code}' http://h/").unwrap();
    let notes = ["curl's -o is left out: answers are counted, not saved", "curl's -w is left out: the summary says"];
    assert_eq!(parsed.notes.len(), 2);
    assert!(
        parsed.notes.iter().zip(notes).all(|(note, start)| note.to_string().starts_with(start)),
        "{:?}",
        parsed.notes
    );
}

#[test]
fn what_cannot_be_had_is_refused() {
    for (text, why) in [
        ("", "is empty"),
        ("wget http://h/", "'wget'"),
        ("curl", "no URL"),
        ("curl http://h/ http://i/", "'http://i/' is a second URL"),
        ("curl --frobnicate http://h/", "'--frobnicate' is not known"),
        ("curl -sQ x http://h/", "'-Q' is not known"),
        ("curl http://h/ -d", "-d has no value"),
        ("curl -0 http://h/", "HTTP/1.1 and HTTP/2"),
        ("curl -x p:1 http://h/", "proxies"),
        ("curl -b jar.txt http://h/", "file of cookies"),
        ("curl -H @headers http://h/", "-H of its own"),
        ("curl -u me http://h/", "user:password"),
        ("curl -d a -F b=c http://h/", "-d and -F"),
        ("curl -F b=c --json a http://h/", "-F and --json"),
        ("curl -I -d a http://h/", "-I and -d"),
        ("curl -m soon http://h/", "no number of seconds"),
        ("curl --max-redirs -1 http://h/", "bound"),
    ] {
        let error = parsed(text).unwrap_err();
        assert!(error.contains(why) && !error.contains('\n'), "{text}: {error}");
    }
}

#[test]
fn what_is_printed_can_be_pasted() {
    let text = r#"curl -X PUT -H 'A: it'\''s' --data-raw $'a\nb\'\u0007' -g 'http://h/?a=[1]'"#;
    assert_eq!(command(text).line(), text);
    assert_eq!(command("curl http://[::1]/").line(), "curl 'http://[::1]/'");
    assert_eq!(command("curl http://h?a[]=1 --path-as-is").line(), "curl -g --path-as-is 'http://h?a[]=1'");
}
