//! The built-in target.

use crate::cli::args::{RunArgs, ServeArgs};
use crate::cli::plan::target;
use crate::cli::{DONE, NOT_WRITTEN, interrupt, outputs};
use crate::net::limits;
use crate::serve::{Config, Server};

/// The built-in target, on a free port of the loopback interface.
pub(super) fn start_demo(args: &RunArgs) -> anyhow::Result<Server> {
    if args.url().is_some() {
        anyhow::bail!("--demo and a URL contradict each other: --demo brings its own target");
    }
    start_server("127.0.0.1:0".parse()?, target::cores())
}

fn start_server(listen: std::net::SocketAddr, threads: usize) -> anyhow::Result<Server> {
    Server::start(&Config { listen, threads }).map_err(|e| anyhow::anyhow!("cannot listen on {listen}: {e}"))
}

/// The built-in target, until it is interrupted.
pub(crate) fn serve(args: &ServeArgs) -> anyhow::Result<u8> {
    limits::raise_descriptor_limit();
    let mut signals = signal_hook::iterator::Signals::new(interrupt::signals())?;
    let server = start_server(args.listen, args.threads.map_or_else(target::cores, |n| n as usize))?;
    let mut written = outputs::print(format!("listening on http://{}\n", server.address()).as_bytes(), true);
    signals.forever().next();
    let (requests, connections) = (server.requests(), server.connections());
    server.stop();
    let answered = format!("answered {requests} requests on {connections} connections\n");
    written &= outputs::print(answered.as_bytes(), true);
    Ok(if written { DONE } else { NOT_WRITTEN })
}
