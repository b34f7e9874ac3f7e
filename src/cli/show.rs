//! `onrush show`: requests as a run would send them.

use std::borrow::Cow;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::fd::AsFd;

use anyhow::anyhow;

use crate::plan::{Model, Plan, Protocol};
use crate::printable::printable;
use crate::proto::{Codec, Hold, Wanted, http1};
use crate::request::{Slot, masked};
use crate::source::Source;
use crate::time::WallClock;

use super::args::ShowArgs;
use super::build::{self, Names};
use super::file::Writing;
use super::{DONE, NOT_WRITTEN, outputs};

/// Prints the requests that are asked for. Nothing is sent, and no name is looked up.
pub(super) fn show(args: &ShowArgs) -> anyhow::Result<u8> {
    let (plan, _) = build::plan(&args.run, Names::Unresolved)?;
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
    let mut codec = Codec::Http1(codec);
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
        let target = &plan.targets.list[source.target(slot) as usize];
        let message = source.message(slot, user, wave, crate::time::monotonic()).map_err(|e| anyhow!("{e}"))?;
        let mut session = codec.session(Wanted::default());
        session.submit(message, 0, Hold::Nothing, &mut codec);
        let text = session.transmit().concat();
        let end = text.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(text.len() - 4);
        let (head, body) = (String::from_utf8_lossy(&text[..end]), &text[end + 4..]);
        let origin = &plan.origins[target.origin as usize];
        let mut shown = if several { format!("--- request {index} to {}\n", origin.name) } else { String::new() };
        shown += &lines(plan, origin.tls.is_some(), &head);
        let mut shown = shown.into_bytes();
        shown.extend_from_slice(&if is_terminal { on_terminal(body) } else { body.into() });
        if !body.is_empty() || several {
            shown.push(b'\n');
        }
        if let Err(error) = out.write_all(&shown) {
            return Ok(Err(error));
        }
    }
    Ok(Ok(()))
}

/// A body whose characters are only read: a preview moves no cursor and starts no command of the terminal.
fn on_terminal(body: &[u8]) -> Cow<'_, [u8]> {
    let text = String::from_utf8_lossy(body);
    let lines: Vec<_> = text.split('\n').map(printable).collect();
    Cow::Owned(lines.join("\n").into_bytes())
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
                    of if crate::proto::http2::OF_A_CONNECTION.contains(&of) => {}
                    name => text += &format!("{name}: {value}\r\n"),
                }
            }
            text + "\r\n"
        }
    }
}
