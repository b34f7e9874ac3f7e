//! Method, URL and headers of requests, by the flags.

use std::borrow::Cow;

use anyhow::{anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::cli::args::{RunArgs, VersionArg};
use crate::note::Note;
use crate::plan::Target;
use crate::request::{Header, RequestHead, Text, fits_http2};
use crate::template::outline;

use super::body::Content;
use super::target::{HeaderLine, Location, credentials, header_value, is_token, parse_header, parse_url};
use super::texts::{Texts, is_template};

/// One request, as far as it says something of its own.
#[derive(Default)]
pub(crate) struct Own {
    pub(crate) method: Option<String>,
    pub(crate) headers: Vec<Header>,
}

/// Takes a URL apart, whose path and query may be a template.
pub(crate) fn locate(text: &str, texts: &Texts) -> anyhow::Result<(Location, Text)> {
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
    let location = parse_url(text, &delimiters(text)).map_err(|e| anyhow!(e))?;
    let path = texts.text("the URL", &location.path).map_err(|error| {
        if delimiters(text).contains('#') {
            // It may have cut a block in two.
            error.context("the URL's fragment is left out (write a '#' that is part of the path as %23)")
        } else {
            error
        }
    })?;
    Ok((location, path))
}

/// The text without those delimiters that belong to a template.
pub(crate) fn delimiters(text: &str) -> Cow<'_, str> {
    if is_template(text) { outline(text).into() } else { text.into() }
}

/// The flags' header lines.
pub(crate) struct Common {
    headers: Vec<Header>,
    /// Names of headers that are not sent, though this tool would by itself.
    removed: Vec<String>,
}

/// The flags' header lines.
pub(crate) fn common(args: &RunArgs, texts: &Texts) -> anyhow::Result<Common> {
    let mut common = Common { headers: Vec::new(), removed: Vec::new() };
    for text in &args.headers {
        match parse_header(text).map_err(|e| anyhow!(e))? {
            HeaderLine::Sent(Header { name, value }) => {
                let value = match value.fixed() {
                    Some(value) => texts.text(&format!("--header {name}"), value)?,
                    None => value,
                };
                common.headers.push(Header { name, value });
            }
            HeaderLine::Removed(name)
                if ["host", "content-length"].iter().any(|own| name.eq_ignore_ascii_case(own)) =>
            {
                bail!("--header '{name}:' would take away a header that a request needs: leave it out")
            }
            HeaderLine::Removed(name) => common.removed.push(name),
        }
    }
    Ok(common)
}

/// What this tool says by itself, or by another flag than --header.
const BY_ITSELF: [&str; 4] = ["Content-Type", "Accept", "Authorization", "User-Agent"];

/// The head of a request to `location`.
pub(crate) fn head(
    args: &RunArgs,
    location: &Location,
    path: Text,
    own: &Own,
    common: &Common,
    content: &Content,
) -> anyhow::Result<RequestHead> {
    let method = match own.method.as_ref().or(args.method.as_ref()) {
        Some(method) if !is_token(method) => bail!("--method {method:?} is not a method name"),
        Some(method) => method.to_ascii_uppercase(),
        None if content.is_some() => "POST".into(),
        None => "GET".into(),
    };
    if method == "CONNECT" {
        bail!("--method CONNECT asks for a tunnel, which is not a request that can be measured");
    }
    let mut keep_alive = !args.disable_keepalive;
    let mut authority = location.authority.clone();
    let mut headers: Vec<Header> = Vec::new();
    // What a request of a list says of itself stands before what all say.
    let of_all = common.headers.iter().filter(|header| !has(&own.headers, &header.name));
    let own_host = has(&own.headers, "host");
    let lines = own.headers.iter().map(|header| ("header", header)).chain(of_all.map(|header| ("--header", header)));
    for (said, header) in lines {
        if args.http_version == VersionArg::V2 && !args.is_pasted {
            refuse_if_of_http1(said, header)?;
        }
        match header.name.to_ascii_lowercase().as_str() {
            "host" if args.host.is_some() => bail!("--header Host and --host contradict each other"),
            "host" => match header.value.fixed() {
                Some("") => bail!("{said} Host is empty: write the host that it is to name, or leave it out"),
                Some(value) => authority = value.into(),
                None => bail!("{said} Host cannot be a template"),
            },
            "content-length" | "transfer-encoding" => {
                bail!("{said} {}: onrush sets the length of the body", header.name)
            }
            "connection" if header.value.fixed().is_some_and(|value| value.eq_ignore_ascii_case("close")) => {
                keep_alive = false;
            }
            // In a list, a header without a value takes away what else would be sent.
            name if said == "header" && header.value.fixed() == Some("") && {
                has(&common.headers, name) || BY_ITSELF.iter().any(|by_itself| name.eq_ignore_ascii_case(by_itself))
            } => {}
            _ => headers.push(header.clone()),
        }
    }
    if let Some(host) = args.host.as_ref().filter(|_| !own_host) {
        authority = header_value("Host", host).map_err(|e| anyhow!(e))?;
        if authority.is_empty() {
            bail!("--host is empty: write the host that the header is to name, or leave it out");
        }
    }
    let is_removed = |name: &str| common.removed.iter().any(|removed| removed.eq_ignore_ascii_case(name));
    let given = args.basic_auth.as_ref().map(|pair| credentials("--basic-auth", pair.clone().into()));
    let given = given.transpose().map_err(|e| anyhow!(e))?;
    let basic = |pair: &Vec<u8>| format!("Basic {}", STANDARD.encode(pair));
    let flags = [
        ("Content-Type", "--content-type", args.content_type.clone()),
        ("Accept", "--accept", args.accept.clone()),
        ("Authorization", "--basic-auth", given.as_ref().map(basic)),
    ];
    for (name, flag, value) in flags {
        if let Some(value) = value.filter(|_| !has(&own.headers, name)) {
            if has(&headers, name) || is_removed(name) {
                bail!("--header {name} and {flag} contradict each other");
            }
            let value = header_value(name, &value).map_err(|e| anyhow!(e))?.into();
            headers.push(Header { name: name.into(), value });
        }
    }
    let defaults = [
        // As with curl, a header stands before what the URL says.
        ("Authorization", location.credentials.as_ref().map(basic)),
        ("Content-Type", content.content_type.clone()),
        ("Accept", Some("*/*".into())),
        ("User-Agent", Some(concat!("onrush/", env!("CARGO_PKG_VERSION")).into())),
    ];
    for (name, value) in defaults {
        let is_said = has(&headers, name) || has(&own.headers, name) || is_removed(name);
        if let Some(value) = value.filter(|_| !is_said) {
            headers.push(Header { name: name.into(), value: value.into() });
        }
    }
    Ok(RequestHead { method, path, authority, headers, keep_alive })
}

/// HTTP/2 has no headers of a connection: to ask for both is a mistake.
fn refuse_if_of_http1(said: &str, header: &Header) -> anyhow::Result<()> {
    let name = &header.name;
    if fits_http2(name, header.value.fixed()) {
        return Ok(());
    }
    match name.to_ascii_lowercase().as_str() {
        "te" => bail!("{said} {name}: with HTTP/2 its value can be 'trailers' alone"),
        "connection" if header.value.fixed().is_some_and(|value| value.eq_ignore_ascii_case("close")) => {
            bail!("{said} {name}: HTTP/2 has no such header (--disable-keepalive closes connections)")
        }
        _ => bail!("{said} {name}: HTTP/2 has no such header"),
    }
}

/// Leaves out what HTTP/2 does not have, where its being spoken was not said, or the headers are those of a command of
/// curl, which leaves them out too. A note names each.
pub(crate) fn leave_out_of_http2(args: &RunArgs, targets: &mut [Target], notes: &mut Vec<Note>) {
    let mut left_out: Vec<String> = Vec::new();
    for RequestHead { headers, keep_alive, .. } in targets.iter_mut().map(|target| &mut target.head) {
        if *keep_alive == args.disable_keepalive {
            *keep_alive = !args.disable_keepalive;
            left_out.push("Connection".into());
        }
        // It names others that are the connection's too (RFC 9110, 7.6.1).
        let connection = headers.iter().filter(|header| header.name.eq_ignore_ascii_case("connection"));
        let named: Vec<String> = connection
            .filter_map(|header| header.value.fixed())
            .flat_map(|value| value.split(','))
            .map(|name| name.trim().to_ascii_lowercase())
            .collect();
        headers.retain(|header| {
            let is_trailers = header.name.eq_ignore_ascii_case("te");
            let is_named = !is_trailers && named.contains(&header.name.to_ascii_lowercase());
            let stays = fits_http2(&header.name, header.value.fixed()) && !is_named;
            if !stays {
                left_out.push(header.name.clone());
            }
            stays
        });
    }
    let mut names: Vec<String> = Vec::new();
    for name in left_out {
        if !names.iter().any(|other| other.eq_ignore_ascii_case(&name)) {
            notes.push(Note::NotInHttp2 { is_pasted: args.is_pasted, header: name.clone() });
            names.push(name);
        }
    }
}

fn has(headers: &[Header], name: &str) -> bool {
    headers.iter().any(|header| header.name.eq_ignore_ascii_case(name))
}

/// The content type that a request says, as far as it is known beforehand.
pub(crate) fn content_type(head: &RequestHead) -> Option<&str> {
    let header = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-type"))?;
    header.value.fixed()
}

/// Methods whose requests carry what the flags give for all, if a list names them.
pub(crate) fn carries(method: Option<&str>) -> bool {
    method.is_none_or(|method| ["POST", "PUT", "PATCH"].iter().any(|other| method.eq_ignore_ascii_case(other)))
}
