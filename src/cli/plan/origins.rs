//! Whom requests are sent to, and how servers are reached and believed.

use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr as UnixAddress;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};

use crate::cli::args::{RunArgs, shown};
use crate::cli::file::read_for;
use crate::net::resolve::{self, resolve};
use crate::note::Note;
use crate::plan::{Endpoint, Family, Identity, Origin, Routes, Tls, Trust};
use crate::tls::TlsSettings;

use super::target::Location;

/// Whether names are looked up.
#[derive(Clone, Copy)]
pub(crate) enum Names {
    /// They are; this is the address of the built-in target, if that is to be tested.
    Resolved(Option<SocketAddr>),
    /// Nothing is to be sent.
    Unresolved,
}

pub(super) fn origins(
    args: &RunArgs,
    locations: &[Location],
    names: Names,
    notes: &mut Vec<Note>,
) -> anyhow::Result<Vec<Origin>> {
    let secure = locations.iter().filter(|location| location.tls).count();
    // A habit, which changes nothing: a note says so.
    let habits = [(args.insecure, "--insecure"), (args.cacert.is_some(), "--cacert")];
    if secure == 0 {
        notes.extend(habits.iter().filter(|(given, _)| *given).map(|(_, flag)| Note::NoTls(flag)));
    }
    let flags = [(args.cert.is_some(), "--cert"), (args.key.is_some(), "--key"), (args.sni.is_some(), "--sni")];
    if let Some((_, flag)) = flags.iter().find(|(given, _)| *given && secure == 0) {
        bail!("{flag} and an http:// URL contradict each other: TLS is spoken with https://");
    }
    if args.sni.is_some() && secure > 1 {
        bail!("--sni names one server, and the list has {secure} to speak TLS with");
    }
    let routes = routes(args)?;
    let addresses = |Location { host, port, .. }: &Location| {
        resolve::addresses(routes.destination(host, *port), family(args), resolve).map_err(|e| anyhow!(e))
    };
    let origin = |location: &Location| {
        let endpoint = match (&args.unix_socket, names) {
            (Some(path), _) => Endpoint::Unix(unix_path(path)?),
            (None, Names::Resolved(_)) => Endpoint::Tcp(addresses(location)?),
            (None, Names::Unresolved) => Endpoint::Tcp(Vec::new()),
        };
        let tls = if location.tls { Some(tls(args, location)?) } else { None };
        if let Some(tls) = &tls {
            // What is wrong with certificates and keys is found out before anything is sent.
            TlsSettings::new(tls, &[]).map_err(|e| anyhow!(e))?;
        }
        Ok(Origin { name: location.origin(), endpoint, tls })
    };
    locations.iter().map(origin).collect()
}

/// The path of a socket, if the system can have such a one.
fn unix_path(path: &Path) -> anyhow::Result<PathBuf> {
    let can_be = |path: &Path| UnixAddress::from_pathname(path).is_ok();
    let bytes = path.as_os_str().as_bytes();
    if bytes.is_empty() {
        bail!("--unix-socket is empty: give the path of the socket");
    }
    if bytes.contains(&0) {
        bail!("--unix-socket {}: a path cannot have a NUL in it", shown(path));
    }
    if !can_be(path) {
        // It differs between systems.
        let most = (1..bytes.len()).take_while(|&n| can_be(Path::new(&"x".repeat(n)))).last().unwrap_or(0);
        bail!(
            "--unix-socket {}: the path has {} bytes, and this system takes {most} at most: use a shorter one, as by a symbolic link",
            shown(path),
            bytes.len()
        );
    }
    Ok(path.into())
}

pub(super) fn routes(args: &RunArgs) -> anyhow::Result<Routes> {
    Routes::of(&args.connect_to, &args.resolve).map_err(|e| anyhow!(e))
}

pub(super) fn family(args: &RunArgs) -> Family {
    match (args.ipv4, args.ipv6) {
        (true, _) => Family::V4,
        (_, true) => Family::V6,
        _ => Family::Any,
    }
}

fn tls(args: &RunArgs, location: &Location) -> anyhow::Result<Tls> {
    let server_name = args.sni.clone().unwrap_or_else(|| location.host.clone());
    Ok(Tls { server_name, trust: trust(args)?, identity: identity(args)? })
}

pub(super) fn trust(args: &RunArgs) -> anyhow::Result<Trust> {
    Ok(match &args.cacert {
        _ if args.insecure => Trust::Anything,
        Some(path) => Trust::Roots(read_for("--cacert", path)?),
        None => Trust::System,
    })
}

pub(super) fn identity(args: &RunArgs) -> anyhow::Result<Option<Identity>> {
    match (&args.cert, &args.key) {
        (Some(cert), Some(key)) => {
            Ok(Some(Identity { chain: read_for("--cert", cert)?, key: read_for("--key", key)? }))
        }
        (Some(_), None) => bail!("--cert without --key: give the certificate's private key too"),
        (None, Some(_)) => bail!("--key without --cert: give the key's certificate too"),
        (None, None) => Ok(None),
    }
}
