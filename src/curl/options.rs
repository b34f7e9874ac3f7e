//! The options of curl that mean something here, or that can be left out.

use super::{DataKind, Family, Version};

/// What an option does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// It is on.
    Flag(Flag),
    /// It has a value.
    Value(Value),
    /// It does nothing here that could be missed; true: it has a value.
    Dropped(bool),
    /// It is left out, and the user hears of it: what it did in curl; true: it has a value.
    Noted(bool, &'static str),
    /// What it asks for cannot be had: why.
    Refused(&'static str),
}

/// Options without a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Flag {
    Head,
    Get,
    Compressed,
    Insecure,
    Location,
    PathAsIs,
    Version(Version),
    Family(Family),
}

/// Options with a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    Method,
    Url,
    Header,
    Data(DataKind),
    Form,
    FormText,
    User,
    UserAgent,
    Referer,
    Cookie,
    Cacert,
    Cert,
    Key,
    ConnectTo,
    Resolve,
    UnixSocket,
    MaxTime,
    ConnectTimeout,
    MaxRedirs,
}

/// What the option `--name` does.
pub(super) fn long(name: &str) -> Option<Act> {
    OPTIONS.iter().find(|(_, long, _)| *long == name).map(|(.., act)| *act)
}

/// What the option `-letter` does.
pub(super) fn short(letter: char) -> Option<Act> {
    OPTIONS.iter().find(|(short, ..)| *short == Some(letter)).map(|(.., act)| *act)
}

const PROXY: Act = Act::Refused("onrush connects to servers, not to proxies: leave it out");

const OPTIONS: &[(Option<char>, &str, Act)] = &[
    (Some('X'), "request", Act::Value(Value::Method)),
    (None, "url", Act::Value(Value::Url)),
    (Some('I'), "head", Act::Flag(Flag::Head)),
    (Some('G'), "get", Act::Flag(Flag::Get)),
    (Some('H'), "header", Act::Value(Value::Header)),
    (Some('d'), "data", Act::Value(Value::Data(DataKind::Plain))),
    (None, "data-ascii", Act::Value(Value::Data(DataKind::Plain))),
    (None, "data-raw", Act::Value(Value::Data(DataKind::Raw))),
    (None, "data-binary", Act::Value(Value::Data(DataKind::Binary))),
    (None, "data-urlencode", Act::Value(Value::Data(DataKind::UrlEncode))),
    (None, "json", Act::Value(Value::Data(DataKind::Json))),
    (Some('F'), "form", Act::Value(Value::Form)),
    (None, "form-string", Act::Value(Value::FormText)),
    (Some('u'), "user", Act::Value(Value::User)),
    (Some('A'), "user-agent", Act::Value(Value::UserAgent)),
    (Some('e'), "referer", Act::Value(Value::Referer)),
    (Some('b'), "cookie", Act::Value(Value::Cookie)),
    (None, "compressed", Act::Flag(Flag::Compressed)),
    (Some('k'), "insecure", Act::Flag(Flag::Insecure)),
    (None, "cacert", Act::Value(Value::Cacert)),
    (Some('E'), "cert", Act::Value(Value::Cert)),
    (None, "key", Act::Value(Value::Key)),
    (None, "connect-to", Act::Value(Value::ConnectTo)),
    (None, "resolve", Act::Value(Value::Resolve)),
    (None, "unix-socket", Act::Value(Value::UnixSocket)),
    (Some('4'), "ipv4", Act::Flag(Flag::Family(Family::V4))),
    (Some('6'), "ipv6", Act::Flag(Flag::Family(Family::V6))),
    (Some('m'), "max-time", Act::Value(Value::MaxTime)),
    (None, "connect-timeout", Act::Value(Value::ConnectTimeout)),
    (Some('L'), "location", Act::Flag(Flag::Location)),
    (None, "path-as-is", Act::Flag(Flag::PathAsIs)),
    (None, "max-redirs", Act::Value(Value::MaxRedirs)),
    (None, "http1.1", Act::Flag(Flag::Version(Version::V1_1))),
    (None, "http2", Act::Flag(Flag::Version(Version::V2))),
    (None, "http2-prior-knowledge", Act::Flag(Flag::Version(Version::V2Known))),
    (Some('s'), "silent", Act::Dropped(false)),
    (Some('S'), "show-error", Act::Dropped(false)),
    (Some('v'), "verbose", Act::Dropped(false)),
    (Some('i'), "include", Act::Dropped(false)),
    (None, "show-headers", Act::Dropped(false)),
    (Some('f'), "fail", Act::Dropped(false)),
    (None, "fail-with-body", Act::Dropped(false)),
    (Some('g'), "globoff", Act::Dropped(false)),
    (Some('N'), "no-buffer", Act::Dropped(false)),
    (Some('#'), "progress-bar", Act::Dropped(false)),
    (None, "no-progress-meter", Act::Dropped(false)),
    (None, "basic", Act::Dropped(false)),
    (None, "no-keepalive", Act::Dropped(false)),
    (Some('o'), "output", Act::Noted(true, "answers are counted, not saved")),
    (Some('O'), "remote-name", Act::Noted(false, "answers are counted, not saved")),
    (Some('D'), "dump-header", Act::Noted(true, "answers are counted, not saved")),
    (Some('c'), "cookie-jar", Act::Noted(true, "cookies of answers are not kept")),
    (Some('w'), "write-out", Act::Noted(true, "the summary says what was measured")),
    (None, "retry", Act::Noted(true, "what fails is counted, not sent again")),
    (Some('0'), "http1.0", Act::Refused("onrush speaks HTTP/1.1 and HTTP/2: leave it out")),
    (None, "http3", Act::Refused("onrush speaks HTTP/1.1 and HTTP/2: leave it out")),
    (Some('x'), "proxy", PROXY),
    (None, "socks5", PROXY),
    (Some('T'), "upload-file", Act::Refused("write -X PUT --data-binary @FILE")),
    (Some('K'), "config", Act::Refused("write the options that stand in the file")),
    (Some('n'), "netrc", Act::Refused("write -u user:password")),
    (None, "digest", Act::Refused("onrush supports basic authentication only")),
    (None, "ntlm", Act::Refused("onrush supports basic authentication only")),
    (None, "next", Act::Refused("one command is one request: list several with --targets")),
];
