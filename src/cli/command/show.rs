//! `onrush show`: requests as a run would send them.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::fd::AsFd;

use anyhow::{anyhow, bail};

use crate::cli::args::{CurlArgs, ShowArgs};
use crate::cli::file::Writing;
use crate::cli::plan::{self, Names};
use crate::cli::{DONE, NOT_WRITTEN, outputs};
use crate::plan::{Model, Plan, Protocol};
use crate::printable::printable;
use crate::proto::{Capture, Hold, http1};
use crate::request::{Slot, masked};
use crate::source::Source;
use crate::time::WallClock;

use super::curl;

/// Prints the requests that are asked for. Nothing is sent, and no name is looked up.
pub(crate) fn show(mut args: ShowArgs) -> anyhow::Result<u8> {
    if let Some(command) = args.command.take() {
        if args.run.positional_url.as_deref() != Some("curl") {
            bail!("unexpected argument '{command}': to preview a curl command, write onrush show curl 'curl ...'");
        }
        args.run.positional_url = Some(command);
        let curl_args = CurlArgs { run: args.run, set: std::mem::take(&mut args.set), words: Vec::new() };
        args.run = curl::run_args(curl_args)?.0;
    }
    let args = &args;
    let (plan, _) = plan::plan(&args.run, Names::Unresolved)?;
    let mut out = BufWriter::new(Writing::standard(io::stdout().as_fd())?);
    // Those before one that cannot be made are printed as the writer goes.
    let written = requests(args, &plan, &mut out)?.and_then(|()| out.flush());
    // What could not be written is not tried again.
    let _ = out.into_parts();
    Ok(if outputs::told(written, true) { DONE } else { NOT_WRITTEN })
}

/// Writes them. The inner error is that of writing.
fn requests(args: &ShowArgs, plan: &Plan, out: &mut impl Write) -> anyhow::Result<io::Result<()>> {
    let indexes = args.row.map_or(0..args.first, |row| row..row.saturating_add(1));
    let mut source = Source::new(plan, WallClock::read());
    let codec = http1::Codec::new(plan.targets.list.iter().map(|target| (&target.head, &target.body)));
    let mut wire = http1::Wire::new(codec, Capture::default());
    wire.grow(1);
    let several = indexes.end - indexes.start > 1;
    let is_terminal = io::stdout().is_terminal();
    for index in indexes {
        let users = u64::from(plan.load.users.max(1));
        let (user, wave) = match plan.load.model {
            Model::Waves { .. } => ((index % users) as u32, Some((index / users) as u32)),
            // Nobody knows beforehand which user is free.
            Model::Closed | Model::Open(_) => (0, None),
        };
        let slot = Slot { index, measured: true };
        let number = source.target(slot);
        let target = &plan.targets.list[number as usize];
        let message = source.message(slot, number, user, wave, crate::time::monotonic()).map_err(|e| anyhow!("{e}"))?;
        wire.open(0);
        wire.submit(0, message, 0, Hold::Nothing);
        let text = wire.session(0).transmit().concat();
        let end = text.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(text.len() - 4);
        let (head, body) = (String::from_utf8_lossy(&text[..end]), &text[end + 4..]);
        let origin = &plan.origins[target.origin as usize];
        let mut shown = if several { format!("--- request {index} to {}\n", origin.name) } else { String::new() };
        shown += &lines(plan, origin.tls.is_some(), &head);
        let mut shown = [shown.as_bytes(), body].concat();
        if !body.is_empty() || several {
            shown.push(b'\n');
        }
        if is_terminal {
            shown = on_terminal(&shown);
        }
        if let Err(error) = out.write_all(&shown) {
            return Ok(Err(error));
        }
    }
    Ok(Ok(()))
}

/// Lines whose characters are only read: a preview moves no cursor and starts no command of the terminal.
fn on_terminal(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let lines = text.split('\n').map(|line| match line.strip_suffix('\r') {
        Some(line) => format!("{}\r", printable(line)),
        None => printable(line).into_owned(),
    });
    lines.collect::<Vec<_>>().join("\n").into_bytes()
}

/// The head as its protocol has it, without secrets.
fn lines(plan: &Plan, tls: bool, head: &str) -> String {
    let mut lines = head.split("\r\n");
    let request = lines.next().unwrap_or_default();
    let fields = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name, masked(name, value)));
    match plan.protocol {
        Protocol::Http1 => {
            let fields: String = fields.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            format!("{request}\r\n{fields}\r\n")
        }
        Protocol::Http2 { .. } => {
            let mut parts = request.split(' ');
            let (method, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let scheme = if tls { "https" } else { "http" };
            let mut text = format!(":method: {method}\r\n:scheme: {scheme}\r\n:path: {path}\r\n");
            for (name, value) in fields {
                match name.to_ascii_lowercase().as_str() {
                    "host" => text += &format!(":authority: {value}\r\n"),
                    name => text += &format!("{name}: {value}\r\n"),
                }
            }
            text + "\r\n"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_shown_lines_and_nothing_else() {
        let shown = on_terminal("GET / HTTP/1.1\r\nA: \u{9b}2J\r\n\r\n{\n\t\"a\": \"\x1b]0;x\x07\"\n}\n".as_bytes());
        let expected = "GET / HTTP/1.1\r\nA: \u{fffd}2J\r\n\r\n{\n \"a\": \"\u{fffd}]0;x\u{fffd}\"\n}\n";
        assert_eq!(String::from_utf8(shown).unwrap(), expected);
    }
}
