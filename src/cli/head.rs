//! Method, URL and headers of requests, by the flags.

use anyhow::{anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::request::{Header, RequestHead, Text};

use super::args::RunArgs;
use super::body::Content;
use super::target::{Location, header_value, is_token, parse_header, parse_url};
use super::texts::{Texts, is_template};

/// One request, as far as it says something of its own.
#[derive(Default)]
pub(super) struct Own {
    pub(super) method: Option<String>,
    pub(super) headers: Vec<Header>,
}

/// Takes a URL apart, whose path and query may be a template.
pub(super) fn locate(text: &str, texts: &Texts) -> anyhow::Result<(Location, Text)> {
    if !is_template(text) {
        let location = parse_url(text).map_err(|e| anyhow!(e))?;
        let path = Text::Fixed(location.path.clone());
        return Ok((location, path));
    }
    let start = text.find("://").map_or(0, |at| at + 3);
    let end = text[start..].find(['/', '?']).map_or(text.len(), |at| start + at);
    if is_template(&text[..end]) {
        bail!("'{text}': a template can make path and query, but not the host: list hosts with --targets");
    }
    let mut location = parse_url(&text[..end]).map_err(|e| anyhow!(e))?;
    let slash = if text[end..].starts_with('/') { "" } else { "/" };
    let path = format!("{slash}{}", &text[end..]);
    location.shown = format!("{}{path}", location.shown.trim_end_matches('/'));
    let path = texts.text("the URL", &path)?;
    Ok((location, path))
}

/// The flags' header lines.
pub(super) fn common(args: &RunArgs, texts: &Texts) -> anyhow::Result<Vec<Header>> {
    let header = |text: &String| {
        let header = parse_header(text).map_err(|e| anyhow!(e))?;
        let Some(value) = header.value.fixed() else { return Ok(header) };
        let value = texts.text(&format!("--header {}", header.name), value)?;
        Ok(Header { name: header.name, value })
    };
    args.headers.iter().map(header).collect()
}

/// The head of a request to `location`.
pub(super) fn head(
    args: &RunArgs,
    location: &Location,
    path: Text,
    own: &Own,
    common: &[Header],
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
    let common = common.iter().filter(|header| !has(&own.headers, &header.name));
    let own_host = has(&own.headers, "host");
    for header in own.headers.iter().chain(common).cloned() {
        match header.name.to_ascii_lowercase().as_str() {
            "host" if args.host.is_some() => bail!("--header Host and --host contradict each other"),
            "host" => match header.value.fixed() {
                Some(value) => authority = value.into(),
                None => bail!("--header Host cannot be a template"),
            },
            "content-length" | "transfer-encoding" => {
                bail!("--header {}: the length of the body is this tool's to say", header.name)
            }
            "connection" if header.value.fixed().is_some_and(|value| value.eq_ignore_ascii_case("close")) => {
                keep_alive = false;
            }
            _ => headers.push(header),
        }
    }
    if let Some(host) = args.host.as_ref().filter(|_| !own_host) {
        authority = header_value("Host", host).map_err(|e| anyhow!(e))?;
    }
    let credentials = args.basic_auth.clone().or_else(|| location.credentials.clone());
    let basic = credentials.map(|pair| format!("Basic {}", STANDARD.encode(pair)));
    let given = [
        ("Content-Type", "--content-type", args.content_type.clone()),
        ("Accept", "--accept", args.accept.clone()),
        ("Authorization", "--basic-auth", basic),
    ];
    for (name, flag, value) in given {
        if let Some(value) = value.filter(|_| !has(&own.headers, name)) {
            if has(&headers, name) {
                bail!("--header {name} and {flag} contradict each other");
            }
            let value = header_value(name, &value).map_err(|e| anyhow!(e))?.into();
            headers.push(Header { name: name.into(), value });
        }
    }
    let defaults = [
        ("Content-Type", content.content_type.as_deref()),
        ("Accept", Some("*/*")),
        ("User-Agent", Some(concat!("onrush/", env!("CARGO_PKG_VERSION")))),
    ];
    for (name, value) in defaults {
        if let Some(value) = value.filter(|_| !has(&headers, name)) {
            headers.push(Header { name: name.into(), value: value.into() });
        }
    }
    Ok(RequestHead { method, path, authority, headers, keep_alive })
}

fn has(headers: &[Header], name: &str) -> bool {
    headers.iter().any(|header| header.name.eq_ignore_ascii_case(name))
}

/// The content type that a request says, as far as it is known beforehand.
pub(super) fn content_type(head: &RequestHead) -> Option<&str> {
    let header = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-type"))?;
    header.value.fixed()
}

/// Methods whose requests carry what the flags give for all, if a list names them.
pub(super) fn carries(method: Option<&str>) -> bool {
    method.is_none_or(|method| ["POST", "PUT", "PATCH"].iter().any(|other| method.eq_ignore_ascii_case(other)))
}
