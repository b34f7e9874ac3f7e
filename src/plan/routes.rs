//! Where a connection goes: `--connect-to` and `--resolve`, as curl has them.

use std::net::{IpAddr, Ipv6Addr};

/// Where a connection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination<'a> {
    /// A name, or an IP literal without brackets.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// Its addresses, if it is not to be looked up. At least one.
    pub known: Option<&'a [IpAddr]>,
}

/// What stands in for the hosts of URLs, and for the name server.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    connect_to: Vec<ConnectTo>,
    resolve: Vec<Resolve>,
}

/// `FROM_HOST:FROM_PORT:HOST:PORT`. Where a part is empty, any host or port matches, or that of the URL stays.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ConnectTo {
    from: (Option<String>, Option<u16>),
    to: (Option<String>, Option<u16>),
}

/// `HOST:PORT:ADDRESS[,ADDRESS]...`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Resolve {
    /// None is `*`, any.
    host: Option<String>,
    port: u16,
    addresses: Vec<IpAddr>,
}

impl Routes {
    /// Reads all values of both options.
    ///
    /// # Errors
    /// One line: which value is none, and how it is written.
    pub fn of(connect_to: &[String], resolve: &[String]) -> Result<Routes, String> {
        Ok(Routes {
            connect_to: connect_to.iter().map(|text| ConnectTo::parse(text)).collect::<Result<_, _>>()?,
            resolve: resolve.iter().map(|text| Resolve::parse(text)).collect::<Result<_, _>>()?,
        })
    }

    /// What to connect to for the host (a name, or an IP literal without brackets) and port of a URL. The first
    /// `--connect-to` that matches counts, and then the last `--resolve`: one with the host's name before one with `*`.
    pub fn destination<'a>(&'a self, host: &'a str, port: u16) -> Destination<'a> {
        let matches = |entry: &&ConnectTo| {
            entry.from.0.as_ref().is_none_or(|from| from == host) && entry.from.1.is_none_or(|from| from == port)
        };
        let (host, port) = match self.connect_to.iter().find(matches) {
            Some(ConnectTo { to, .. }) => (to.0.as_deref().unwrap_or(host), to.1.unwrap_or(port)),
            None => (host, port),
        };
        let of = |name: Option<&str>| {
            let found = |entry: &&Resolve| entry.port == port && entry.host.as_deref() == name;
            self.resolve.iter().rev().find(found)
        };
        let known = of(Some(host)).or_else(|| of(None)).map(|entry| &entry.addresses[..]);
        Destination { host, port, known }
    }
}

impl ConnectTo {
    fn parse(text: &str) -> Result<ConnectTo, String> {
        let parts = || {
            let (from, rest) = endpoint(text)?;
            let (to, rest) = endpoint(rest.strip_prefix(':')?)?;
            rest.is_empty().then_some(ConnectTo { from, to })
        };
        parts().ok_or_else(|| {
            format!("--connect-to '{text}': write HOST:PORT:HOST:PORT, an IPv6 address in brackets; parts may be empty")
        })
    }
}

impl Resolve {
    fn parse(text: &str) -> Result<Resolve, String> {
        let parts = || {
            // With '+' curl would ask again after a minute; addresses are looked up once here.
            let ((host, port), rest) = endpoint(text.strip_prefix('+').unwrap_or(text))?;
            let address = |text: &str| {
                let bracketed = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
                bracketed.map_or_else(|| text.parse().ok(), |text| text.parse().ok().map(IpAddr::V6))
            };
            let addresses = rest.strip_prefix(':')?.split(',').map(address).collect::<Option<_>>()?;
            Some(Resolve { host: Some(host?).filter(|host| host != "*"), port: port?, addresses })
        };
        parts().ok_or_else(|| {
            format!(
                "--resolve '{text}': write HOST:PORT:ADDRESS, or '*' for any host, with more addresses behind commas"
            )
        })
    }
}

type Endpoint = (Option<String>, Option<u16>);

/// The leading `HOST:PORT`, each None where it is empty, and what follows it.
fn endpoint(text: &str) -> Option<(Endpoint, &str)> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (ip, rest) = bracketed.split_once(']')?;
            (ip.parse::<Ipv6Addr>().ok()?.to_string(), rest.strip_prefix(':')?)
        }
        None => text.split_once(':').map(|(host, rest)| (host.to_ascii_lowercase(), rest))?,
    };
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let port = match &rest[..digits] {
        "" => None,
        port => Some(port.parse().ok().filter(|&port| port > 0)?),
    };
    Some(((Some(host).filter(|host| !host.is_empty()), port), &rest[digits..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(connect_to: &[&str], resolve: &[&str]) -> Result<Routes, String> {
        let owned = |texts: &[&str]| texts.iter().map(|text| text.to_string()).collect::<Vec<_>>();
        Routes::of(&owned(connect_to), &owned(resolve))
    }

    fn first(connect_to: &[&str], resolve: &[&str], host: &str, port: u16) -> String {
        let routes = routes(connect_to, resolve).unwrap();
        let Destination { host, port, known } = routes.destination(host, port);
        let ip = known.map_or_else(|| host.parse().unwrap(), |known| known[0]);
        std::net::SocketAddr::new(ip, port).to_string()
    }

    #[test]
    fn the_first_that_matches_says_where_to_connect_to() {
        for (connect_to, expected) in [
            (&["a:80:127.0.0.2:81"][..], "127.0.0.2:81"),
            (&["A:80:[::1]:81"], "[::1]:81"),
            (&["b:80:127.0.0.2:81", "a:81:127.0.0.2:81", "a:80:127.0.0.3:82", "::127.0.0.4:83"], "127.0.0.3:82"),
            (&["::127.0.0.2:81"], "127.0.0.2:81"),
            (&[":80:127.0.0.2:"], "127.0.0.2:80"),
            (&["a::127.0.0.2:81"], "127.0.0.2:81"),
            (&[":::81"], "127.0.0.9:81"),
            (&[":::"], "127.0.0.9:80"),
        ] {
            assert_eq!(first(connect_to, &["a:80:127.0.0.9", "a:81:127.0.0.9"], "a", 80), expected, "{connect_to:?}");
        }
    }

    #[test]
    fn what_is_connected_to_is_looked_up_in_the_given_addresses() {
        for (connect_to, resolve, expected) in [
            (&["a:80:b:81"][..], &["b:81:127.0.0.2"][..], "127.0.0.2:81"),
            (&["::127.0.0.3:81"], &["a:80:127.0.0.2"], "127.0.0.3:81"),
            (&[], &["a:80:127.0.0.2", "a:81:127.0.0.4", "A:80:127.0.0.3"], "127.0.0.3:80"),
            (&[], &["a:80:127.0.0.2", "*:80:127.0.0.3"], "127.0.0.2:80"),
            (&[], &["+*:80:127.0.0.3,[::1]"], "127.0.0.3:80"),
            (&[], &["a:80:::1"], "[::1]:80"),
        ] {
            assert_eq!(first(connect_to, resolve, "a", 80), expected, "{connect_to:?} {resolve:?}");
        }
        let routes = routes(&["b::c:"], &["a:80:127.0.0.2,::1"]).unwrap();
        let known = ["127.0.0.2".parse().unwrap(), "::1".parse().unwrap()];
        assert_eq!(routes.destination("a", 80), Destination { host: "a", port: 80, known: Some(&known) });
        assert_eq!(routes.destination("a", 81), Destination { host: "a", port: 81, known: None });
        assert_eq!(routes.destination("b", 81), Destination { host: "c", port: 81, known: None });
    }

    #[test]
    fn what_is_neither_is_refused_wherever_it_stands() {
        for text in ["", "a:1", "a:1:b", "a:1:b:0", "a:1:b:2:c", "[::1:1:b:2", "a:x:b:2", "a:1:b:x", "a:99999:b:1"] {
            assert!(routes(&["::127.0.0.1:80", text], &[]).unwrap_err().contains("HOST:PORT:HOST:PORT"), "{text}");
        }
        for text in
            ["", "a", "a:1", "a:1:", "a:1:b", "a:1:127.0.0.1,", "a:0:::1", ":1:::1", "-a:1", "a::::1", "a:1:[::1"]
        {
            assert!(routes(&[], &[text]).unwrap_err().contains("HOST:PORT:ADDRESS"), "{text}");
        }
    }
}
