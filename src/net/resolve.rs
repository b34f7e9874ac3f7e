//! Names to addresses, before the run.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use crate::plan::Family;

/// All addresses of `host` (a name or an IP literal without brackets), without duplicates, in the resolver's order.
///
/// # Errors
/// One line: the resolver's error, or that no address is of the wanted family.
pub fn resolve(host: &str, port: u16, family: Family) -> Result<Vec<SocketAddr>, String> {
    let failed = |e: io::Error| format!("cannot resolve '{host}': {e}; check the name, or use an IP address");
    let mut addresses = Vec::new();
    for address in (host, port).to_socket_addrs().map_err(failed)? {
        let wanted = match family {
            Family::Any => true,
            Family::V4 => address.is_ipv4(),
            Family::V6 => address.is_ipv6(),
        };
        if wanted && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
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
}
