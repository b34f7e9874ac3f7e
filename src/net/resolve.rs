//! Names to addresses.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use crate::plan::{Destination, Family};

use super::happy_eyeballs::interleaved;

/// Looks up a host (a name or an IP literal without brackets) for a port, as [`resolve`] does.
pub type Resolver = fn(&str, u16, Family) -> Result<Vec<SocketAddr>, String>;

/// All addresses of a destination of `family`, each once; those of a name that none are known of by `resolver`.
///
/// # Errors
/// One line: the resolver's error, or that no address is of the wanted family.
pub fn addresses(to: Destination<'_>, family: Family, resolver: Resolver) -> Result<Vec<SocketAddr>, String> {
    match to.known {
        Some(known) => of_family(to.host, known.iter().map(|ip| SocketAddr::new(*ip, to.port)), family),
        None => resolver(to.host, to.port, family),
    }
}

/// All addresses of `host` (a name or an IP literal without brackets), each once:
/// in the resolver's order, but the families in turn.
///
/// # Errors
/// One line: the resolver's error, or that no address is of the wanted family.
pub fn resolve(host: &str, port: u16, family: Family) -> Result<Vec<SocketAddr>, String> {
    let failed = |e: io::Error| format!("cannot resolve '{host}': {e}; check the name, or use an IP address");
    of_family(host, (host, port).to_socket_addrs().map_err(failed)?, family)
}

/// Of all addresses of `host`, those of the wanted family, each once, the families in turn.
///
/// # Errors
/// One line: there is none.
fn of_family(host: &str, all: impl Iterator<Item = SocketAddr>, family: Family) -> Result<Vec<SocketAddr>, String> {
    let wanted = all.filter(|address| match family {
        Family::Any => true,
        Family::V4 => address.is_ipv4(),
        Family::V6 => address.is_ipv6(),
    });
    let addresses = interleaved(wanted);
    match (addresses.is_empty(), family) {
        (false, _) => Ok(addresses),
        (true, Family::V4) => Err(format!("'{host}' has no IPv4 address: leave out -4")),
        (true, Family::V6) => Err(format!("'{host}' has no IPv6 address: leave out -6")),
        (true, Family::Any) => Err(format!("'{host}' has no address")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_their_own_address() {
        assert_eq!(resolve("127.0.0.1", 80, Family::Any), Ok(vec!["127.0.0.1:80".parse().unwrap()]));
        assert_eq!(resolve("::1", 80, Family::V6), Ok(vec!["[::1]:80".parse().unwrap()]));
    }

    #[test]
    fn a_family_without_an_address_is_an_error_that_names_the_flag() {
        assert!(resolve("127.0.0.1", 80, Family::V6).unwrap_err().contains("leave out -6"));
        assert!(resolve("::1", 80, Family::V4).unwrap_err().contains("leave out -4"));
    }

    #[test]
    fn addresses_are_those_of_the_family_each_once() {
        let all = ["[::1]:80", "[::2]:80", "[::1]:80", "10.0.0.1:80", "10.0.0.1:80"];
        let chosen = |family| {
            let found = of_family("h", all.iter().map(|text| text.parse().unwrap()), family).unwrap();
            found.iter().map(SocketAddr::to_string).collect::<Vec<_>>()
        };
        assert_eq!(chosen(Family::Any), ["[::1]:80", "10.0.0.1:80", "[::2]:80"]);
        assert_eq!(chosen(Family::V4), ["10.0.0.1:80"]);
        assert_eq!(chosen(Family::V6), ["[::1]:80", "[::2]:80"]);
        let known = ["127.0.0.2", "::1", "127.0.0.2"].map(|ip| ip.parse().unwrap());
        let to = Destination { host: "h", port: 80, known: Some(&known) };
        let count = |family| addresses(to, family, resolve).map(|addresses| addresses.len());
        assert_eq!((count(Family::Any), count(Family::V4), count(Family::V6)), (Ok(2), Ok(1), Ok(1)));
        let literal = Destination { host: "127.0.0.3", port: 80, known: None };
        assert_eq!(addresses(literal, Family::V4, resolve), Ok(vec!["127.0.0.3:80".parse().unwrap()]));
        assert_eq!(of_family("h", std::iter::empty(), Family::Any), Err("'h' has no address".into()));
    }
}
