//! `onrush curl`: a command line of curl in the words of this tool's own flags.

mod data;
mod set;

use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};

use crate::cli::args::{CurlArgs, OrderArg, RunArgs, VersionArg};
use crate::cli::file;
use crate::cli::plan::head::delimiters;
use crate::curl::{self, Body, Command, DataKind, Family, Parsed, Route, Version};
use crate::note::Note;
use crate::uri::{Parts, without_dot_segments};

use data::{is_one_file, join};

/// The flags that do what the command does, and what the user should know of it.
pub(crate) fn run_args(args: CurlArgs) -> anyhow::Result<(RunArgs, Vec<Note>)> {
    let CurlArgs { mut run, set, words } = args;
    let words = match (run.positional_url.take(), words.is_empty()) {
        (Some(_), false) => bail!("there are two commands: give one in quotes, or its arguments after --"),
        (None, true) => bail!("no command: give one, as in onrush curl -n 100 'curl http://127.0.0.1:8000/'"),
        (Some(text), true) => curl::split(&text).map_err(|e| anyhow!(e))?,
        (None, false) => words,
    };
    let Parsed { command, mut notes } = curl::parse(&words).map_err(|e| anyhow!(e))?;
    apply(&command, &mut run, &mut notes)?;
    set::set(&mut run, &set)?;
    Ok((run, notes))
}

/// How curl would reach the servers that these flags reach; None if it could not.
pub(crate) fn route(args: &RunArgs) -> Option<Route> {
    if args.sni.is_some() {
        return None;
    }
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
    Some(Route {
        insecure: args.insecure,
        cacert: path(&args.cacert),
        cert: path(&args.cert),
        key: path(&args.key),
        connect_to: args.connect_to.clone(),
        resolve: args.resolve.clone(),
        unix_socket: path(&args.unix_socket),
        family: match (args.ipv4, args.ipv6) {
            (true, _) => Some(Family::V4),
            (_, true) => Some(Family::V6),
            _ => None,
        },
    })
}

fn apply(command: &Command, run: &mut RunArgs, notes: &mut Vec<Note>) -> anyhow::Result<()> {
    refuse_what_is_said_twice(command, run)?;
    let joined = match &command.body {
        Body::Data(pieces) if !is_one_file(pieces) || command.get => Some(join(pieces)?),
        _ => None,
    };
    run.is_pasted = true;
    let url = if command.path_as_is { command.url.clone() } else { without_dots(&command.url) };
    run.positional_url = Some(match &joined {
        Some(data) if command.get && !data.is_empty() => with_query(&url, data),
        _ => url,
    });
    run.method = command.method.clone().or_else(|| command.head.then(|| "HEAD".into()));
    headers(command, run, notes);
    match &command.body {
        Body::Form(fields) => run.multipart.clone_from(fields),
        Body::Data(pieces) if !command.get => {
            let json = pieces.iter().any(|piece| piece.kind == DataKind::Json);
            let kind = if json { "application/json" } else { "application/x-www-form-urlencoded" };
            run.content_type = lacks(run, "content-type").then(|| kind.into());
            match joined {
                Some(data) => run.data = Some(data),
                None => run.data_file = Some(pieces[0].text[1..].into()),
            }
        }
        Body::Data(_) | Body::None => {}
    }
    if let Some(user) = command.user.as_ref().filter(|_| lacks(run, "authorization")) {
        run.basic_auth = Some(user.clone());
    }
    run.timeout = run.timeout.or(command.max_time);
    run.connect_timeout = run.connect_timeout.or(command.connect_timeout);
    match (command.location, command.max_redirs.unwrap_or(MAX_REDIRS)) {
        (false, _) | (true, 0) => {}
        (true, most @ 1..=100) => run.redirect = Some(most),
        (true, most) => bail!("curl's --max-redirs {most}: onrush follows 100 at most"),
    }
    match command.version {
        None => {}
        Some(Version::V1_1) => run.http_version = VersionArg::V1_1,
        Some(Version::V2) => run.http_version = VersionArg::Auto,
        Some(Version::V2Known) => run.http_version = VersionArg::V2,
    }
    reach(command, run);
    Ok(())
}

/// So many redirects curl follows.
const MAX_REDIRS: u32 = 50;

fn reach(command: &Command, run: &mut RunArgs) {
    let route = &command.route;
    run.ipv4 |= route.family == Some(Family::V4);
    run.ipv6 |= route.family == Some(Family::V6);
    run.connect_to.extend_from_slice(&route.connect_to);
    run.resolve.extend_from_slice(&route.resolve);
    let path = |path: &Option<String>| path.as_ref().map(PathBuf::from);
    run.unix_socket = run.unix_socket.take().or_else(|| path(&route.unix_socket));
    // Curl minds none of the others where there is no TLS.
    if command.url.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://")) {
        run.insecure |= route.insecure;
        run.cacert = run.cacert.take().or_else(|| path(&route.cacert));
        run.cert = run.cert.take().or_else(|| path(&route.cert));
        // One file may have both.
        run.key = run.key.take().or_else(|| path(&route.key)).or_else(|| run.cert.clone());
    } else {
        for (flag, path) in [("--cacert", &route.cacert), ("--cert", &route.cert), ("--key", &route.key)] {
            let Some(path) = path else { continue };
            file::spare(&format!("curl's {flag}"), Path::new(path));
            // A password may stand behind the certificate.
            if let Some((path, _)) = path.rsplit_once(':') {
                file::spare(&format!("curl's {flag}"), Path::new(path));
            }
        }
    }
}

/// What a request says is the command's; the way to the server is said by one of both.
fn refuse_what_is_said_twice(command: &Command, run: &RunArgs) -> anyhow::Result<()> {
    let of_the_command = [
        (run.url.is_some(), "--url"),
        (run.method.is_some(), "--method"),
        (!run.headers.is_empty(), "--header"),
        (run.content_type.is_some(), "--content-type"),
        (run.accept.is_some(), "--accept"),
        (run.basic_auth.is_some(), "--basic-auth"),
        (run.host.is_some(), "--host"),
        (run.targets.is_some(), "--targets"),
        (run.target_order != OrderArg::Sequential, "--target-order"),
        (run.demo, "--demo"),
        (run.data.is_some(), "--data"),
        (run.data_file.is_some(), "--data-file"),
        (run.dynamic, "--dynamic"),
        (run.template.is_some(), "--template"),
        (run.data_lines.is_some(), "--data-lines"),
        (!run.form.is_empty(), "--form"),
        (!run.multipart.is_empty(), "--multipart"),
    ];
    if let Some((_, flag)) = of_the_command.iter().find(|(given, _)| *given) {
        bail!("{flag} and a curl command contradict each other: the command says what is sent, and to whom");
    }
    let route = &command.route;
    let of_one = [
        (command.max_time.is_some() && run.timeout.is_some(), "-m", "--timeout"),
        (command.connect_timeout.is_some() && run.connect_timeout.is_some(), "--connect-timeout", "--connect-timeout"),
        (command.location && run.redirect.is_some(), "-L", "--redirect"),
        (command.version.is_some() && run.http_version != VersionArg::V1_1, "HTTP version", "--http-version"),
        (route.cacert.is_some() && run.cacert.is_some(), "--cacert", "--cacert"),
        (route.cert.is_some() && run.cert.is_some(), "--cert", "--cert"),
        (route.key.is_some() && run.key.is_some(), "--key", "--key"),
        (route.unix_socket.is_some() && run.unix_socket.is_some(), "--unix-socket", "--unix-socket"),
        (route.family == Some(Family::V4) && run.ipv6, "-4", "--ipv6"),
        (route.family == Some(Family::V6) && run.ipv4, "-6", "--ipv4"),
    ];
    if let Some((_, curls, own)) = of_one.iter().find(|(given, ..)| *given) {
        bail!("curl's {curls} and {own} contradict each other: say it once");
    }
    Ok(())
}

fn left_out(what: String, why: &'static str) -> Note {
    Note::CurlLeftOut { what, why }
}

/// A header of the command's own stands before what an option makes, as in curl. One without a value takes that away.
fn headers(command: &Command, run: &mut RunArgs, notes: &mut Vec<Note>) {
    for text in &command.headers {
        let (name, value) = text.split_once([':', ';']).unwrap_or((text, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "content-length" => {
                notes.push(left_out("-H Content-Length".into(), "the length is that of the body"));
            }
            "transfer-encoding" if value.trim().is_empty() => {}
            "transfer-encoding" => {
                notes.push(left_out("-H Transfer-Encoding".into(), "the body is sent with its length"));
            }
            "host" if value.trim().is_empty() => {
                notes.push(left_out(format!("-H '{text}'"), "a request needs that header (RFC 9112, 3.2)"));
            }
            _ => run.headers.push(text.clone()),
        }
    }
    let cookies = Some(command.cookies.join(";")).filter(|cookies| !cookies.is_empty());
    let json = matches!(&command.body, Body::Data(all) if all.iter().any(|data| data.kind == DataKind::Json));
    let made = [
        ("Cookie", cookies),
        ("User-Agent", command.user_agent.clone()),
        ("Referer", command.referer.clone()),
        ("Accept", json.then(|| "application/json".into())),
        ("Accept-Encoding", command.compressed.then(|| COMPRESSED.into())),
    ];
    for (name, value) in made {
        if let Some(value) = value.filter(|_| lacks(run, name)) {
            run.headers.push(format!("{name}: {value}"));
        }
    }
}

/// What curl accepts with `--compressed` where it is built with all of its decoders; onrush decodes the same.
const COMPRESSED: &str = "deflate, gzip, br, zstd";

fn lacks(run: &RunArgs, name: &str) -> bool {
    !run.headers.iter().any(|header| header.split([':', ';']).next().is_some_and(|own| own.eq_ignore_ascii_case(name)))
}

/// The URL with more in its query, and without a fragment, which is not sent.
fn with_query(url: &str, query: &str) -> String {
    let delimiters = delimiters(url);
    let end = delimiters.find('#').unwrap_or(url.len());
    let separator = if delimiters[..end].contains('?') { '&' } else { '?' };
    format!("{}{separator}{query}", &url[..end])
}

/// The URL without segments `.` and `..` in its path, which curl does not send unless it is told to.
fn without_dots(url: &str) -> String {
    let delimiters = delimiters(url);
    let Some(Parts { path, .. }) = Parts::of(&delimiters) else { return url.into() };
    let kept = without_dot_segments(&delimiters[path.clone()]);
    let kept: String = kept.into_iter().map(|range| &url[path.start + range.start..path.start + range.end]).collect();
    format!("{}{kept}{}", &url[..path.start], &url[path.end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_changed_where_they_are_no_template() {
        for (url, with, without) in [
            ("http://h", "http://h?q", "http://h"),
            ("http://h/a/../b?c=/../d#e", "http://h/a/../b?c=/../d&q", "http://h/b?c=/../d#e"),
            ("http://h/a/%2e%2e/./b", "http://h/a/%2e%2e/./b?q", "http://h/a/%2e%2e/b"),
            ("http://h/{{ '?#' }}/..", "http://h/{{ '?#' }}/..?q", "http://h/"),
            ("http://h/{{ a / b }}/./c#d", "http://h/{{ a / b }}/./c?q", "http://h/{{ a / b }}/c#d"),
        ] {
            assert_eq!((with_query(url, "q"), without_dots(url)), (with.into(), without.into()), "{url}");
        }
    }
}
