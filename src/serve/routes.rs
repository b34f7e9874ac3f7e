//! What each path answers.

use crate::time::Nanos;
use crate::units::parse_duration;

use super::request::{Head, digits};

const LONGEST_DELAY: Nanos = Nanos::from_secs(3600);
const MAX_BYTES: u64 = 1 << 30;

/// The answer to a request, decided by its head alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// 200 and `ok`.
    Plain,
    /// The plain answer, after a wait.
    Later(Wait),
    /// This status, 200..=599, with its reason phrase.
    Status(u16),
    /// So many bytes.
    Bytes(u64),
    /// The request as JSON, complete but for the body's length and the brace after it.
    Echo(Vec<u8>),
    /// 400 and this line.
    Wrong(String),
}

/// What a plain answer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// This time from when the request was complete.
    Delay(Nanos),
    /// The end of the stall, if one is on: `[at, at + lasting)` from the first
    /// `/stall` request that the server saw.
    Stall { at: Nanos, lasting: Nanos },
}

/// Decides what to answer.
#[inline]
pub(super) fn route(head: &Head<'_, '_>) -> Answer {
    if head.target == "/" {
        return Answer::Plain;
    }
    let (path, query) = path_and_query(head.target);
    let mut segments = path.trim_start_matches('/').splitn(2, '/');
    let answer = match (segments.next(), segments.next()) {
        (Some("post"), None) => Ok(Answer::Echo(echo(head, path))),
        (Some("delay"), Some(time)) => delay(time),
        (Some("status"), Some(code)) => status(code),
        (Some("bytes"), Some(n)) => bytes(n),
        (Some("stall"), None) => stall(query),
        _ => Ok(Answer::Plain),
    };
    answer.unwrap_or_else(Answer::Wrong)
}

/// Splits a request target, which may be a whole URL (RFC 9112, section 3.2.2).
fn path_and_query(target: &str) -> (&str, &str) {
    let local = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => rest.find(['/', '?']).map_or("", |at| &rest[at..]),
        _ => target,
    };
    local.split_once('?').unwrap_or((local, ""))
}

fn delay(time: &str) -> Result<Answer, String> {
    match parse_duration(time)? {
        span if span > LONGEST_DELAY => Err("a delay is at most 1h".into()),
        span => Ok(Answer::Later(Wait::Delay(span))),
    }
}

fn status(code: &str) -> Result<Answer, String> {
    let known = digits(code.as_bytes()).filter(|n| (200..=599).contains(n) && code.len() == 3);
    known.map(|n| Answer::Status(n as u16)).ok_or_else(|| "a status is a number from 200 to 599".into())
}

fn bytes(n: &str) -> Result<Answer, String> {
    let known = digits(n.as_bytes()).filter(|&n| n <= MAX_BYTES);
    known.map(Answer::Bytes).ok_or_else(|| "bytes are a number from 0 to 1073741824".into())
}

fn stall(query: &str) -> Result<Answer, String> {
    let (mut at, mut lasting) = (None, None);
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("at", time)) => at = Some(parse_duration(time)?),
            Some(("for", time)) => lasting = Some(parse_duration(time)?),
            _ => {}
        }
    }
    let (Some(at), Some(lasting)) = (at, lasting) else {
        return Err("a stall needs both times, as in /stall?at=5s&for=1s".into());
    };
    Ok(Answer::Later(Wait::Stall { at, lasting }))
}

/// `{"method":..,"path":..,"headers":{..},"body_length":`
///
/// Written by hand in the order in which the headers came, since this is the
/// answer to every request of a run with bodies.
fn echo(head: &Head<'_, '_>, path: &str) -> Vec<u8> {
    let mut json = Vec::with_capacity(head.length + 128);
    json.extend_from_slice(b"{\"method\":");
    push_string(&mut json, head.method);
    json.extend_from_slice(b",\"path\":");
    push_string(&mut json, path);
    json.extend_from_slice(b",\"headers\":{");
    let mut comma = false;
    for (n, header) in head.headers.iter().enumerate() {
        let same = |other: &&httparse::Header<'_>| other.name.eq_ignore_ascii_case(header.name);
        if head.headers[..n].iter().any(|other| same(&other)) {
            continue;
        }
        if comma {
            json.push(b',');
        }
        comma = true;
        push_string(&mut json, &header.name.to_ascii_lowercase());
        json.push(b':');
        let mut value = String::from_utf8_lossy(header.value);
        for repeated in head.headers[n + 1..].iter().filter(same) {
            value = format!("{value}, {}", String::from_utf8_lossy(repeated.value)).into();
        }
        push_string(&mut json, &value);
    }
    json.extend_from_slice(b"},\"body_length\":");
    json
}

fn push_string(json: &mut Vec<u8>, text: &str) {
    // Neither a string nor a vector can fail to be written.
    let _ = serde_json::to_writer(json, text);
}

#[cfg(test)]
mod tests {
    use std::mem::MaybeUninit;

    use super::super::request::{MAX_HEADERS, Parsed, parse};
    use super::*;

    fn answer_to(head: &str) -> Answer {
        match parse(head.as_bytes(), &mut [const { MaybeUninit::uninit() }; MAX_HEADERS]) {
            Parsed::Head(head) => route(&head),
            other => panic!("{head:?}: {other:?}"),
        }
    }

    fn get(target: &str) -> Answer {
        answer_to(&format!("GET {target} HTTP/1.1\r\n\r\n"))
    }

    #[test]
    fn each_path_has_its_answer() {
        let stall = |at, lasting| {
            Answer::Later(Wait::Stall { at: Nanos::from_millis(at), lasting: Nanos::from_millis(lasting) })
        };
        for (target, expected) in [
            ("/", Answer::Plain),
            ("/?x=1", Answer::Plain),
            ("*", Answer::Plain),
            ("/any/other", Answer::Plain),
            ("/delay", Answer::Plain),
            ("/delay/250us", Answer::Later(Wait::Delay(Nanos::from_micros(250)))),
            ("/delay/1h?x", Answer::Later(Wait::Delay(LONGEST_DELAY))),
            ("/status/200", Answer::Status(200)),
            ("/status/599", Answer::Status(599)),
            ("http://host:1/status/404?x=/bytes/1", Answer::Status(404)),
            ("http://host", Answer::Plain),
            ("/?u=http://host/status/404", Answer::Plain),
            ("/bytes/0", Answer::Bytes(0)),
            ("/bytes/1073741824", Answer::Bytes(1 << 30)),
            ("/stall?at=5&for=500ms", stall(5_000, 500)),
            ("/stall?for=2s&x=y&at=0", stall(0, 2_000)),
        ] {
            assert_eq!(get(target), expected, "{target}");
        }
    }

    #[test]
    fn wrong_parameters_are_answered_with_one_line() {
        for target in [
            "/delay/",
            "/delay/soon",
            "/delay/61m",
            "/delay/-1s",
            "/status/",
            "/status/100",
            "/status/199",
            "/status/600",
            "/status/+200",
            "/status/0200",
            "/bytes/",
            "/bytes/-1",
            "/bytes/1073741825",
            "/stall",
            "/stall?at=1",
            "/stall?for=1",
            "/stall?at=now&for=1",
        ] {
            match get(target) {
                Answer::Wrong(line) => assert!(!line.is_empty() && !line.contains('\n'), "{target}: {line}"),
                other => panic!("{target}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_echo_joins_repeated_headers_and_lowers_their_names() {
        let head = "PUT /post?x=1 HTTP/1.1\r\nHost: a\r\nX-Tag: 1\r\nAccept: \"b\"\r\nx-tag: 2\r\nX-TAG: 3\r\n\r\n";
        let expected = r#"{"method":"PUT","path":"/post","headers":{"host":"a","x-tag":"1, 2, 3","accept":"\"b\""},"body_length":"#;
        assert_eq!(answer_to(head), Answer::Echo(expected.into()));
    }
}
