//! What the system allows: descriptors and local ports.

use std::collections::HashMap;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::time::Nanos;
use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the limit of open descriptors to the hard limit, and says what it is now. None: no limit.
pub fn raise_descriptor_limit() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        // Where raising is not allowed, the old limit is what there is.
        let _ = setrlimit(Resource::Nofile, limit);
    }
    getrlimit(Resource::Nofile).current
}

/// Whether this address is one of this machine: what is sent to it comes from it. Nothing is sent to find that out.
pub fn is_local(address: IpAddr) -> bool {
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let source = || {
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect((address, 9))?;
        socket.local_addr()
    };
    address.is_loopback() || source().is_ok_and(|source| source.ip() == address)
}

/// The limit of open descriptors. None: there is none.
pub fn descriptor_limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Local ports that are kept for a minute after connections to one of `addresses` were closed by this
/// side (TIME_WAIT): to the one that has the most of them, as local ports are used again for another address. None
/// where the system does not tell.
pub fn waiting_ports(addresses: &[SocketAddr]) -> Option<u64> {
    let mut waiting: HashMap<SocketAddr, u64> =
        addresses.iter().map(|address| (SocketAddr::new(address.ip(), address.port()), 0)).collect();
    for (path, is_ipv6) in [("/proc/net/tcp", false), ("/proc/net/tcp6", true)] {
        if addresses.iter().any(|address| address.is_ipv6() == is_ipv6) {
            count_waiting(&read_at_once(path).ok()?, &mut waiting);
        }
    }
    waiting.into_values().max()
}

/// Counts the connections in TIME_WAIT of a table of the kernel, for those remote addresses that are in `waiting`.
fn count_waiting(table: &str, waiting: &mut HashMap<SocketAddr, u64>) {
    // Local address, remote address, state (Documentation/networking/proc_net_tcp.rst).
    const TIME_WAIT: &str = "06";
    for line in table.lines() {
        let mut fields = line.split_ascii_whitespace().skip(2);
        if let (Some(remote), Some(TIME_WAIT)) = (fields.next(), fields.next())
            && let Some(count) = socket_address(remote).and_then(|remote| waiting.get_mut(&remote))
        {
            *count += 1;
        }
    }
}

/// `0100007F:1F90` on a machine with the low byte first: words of an address in its byte order, and the port.
fn socket_address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let word = |at: usize| u32::from_str_radix(ip.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    let ip: IpAddr = match ip.len() {
        8 => word(0)?.into(),
        32 => {
            let mut bytes = [0; 16];
            for (i, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(8 * i)?);
            }
            bytes.into()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

/// Reads a file of /proc that does not tell its length, with as few calls as
/// can be: for each of them the kernel looks through all sockets of the system.
fn read_at_once(path: &str) -> std::io::Result<String> {
    let mut text = String::with_capacity(1 << 20);
    std::fs::File::open(path)?.read_to_string(&mut text)?;
    Ok(text)
}

/// Descriptors of this process that are open now.
pub fn open_descriptors() -> u64 {
    std::fs::read_dir("/proc/self/fd").map_or(16, |entries| entries.count() as u64)
}

/// How long this thread has been ready to run while no processor was free. None where the system does not tell.
pub fn run_queue_wait() -> Option<Nanos> {
    // Time on the processor, time on a run queue, time slices (Documentation/scheduler/sched-stats.rst).
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().nth(1)?.parse().ok().map(Nanos)
}

/// Local ports for one destination. None where the system does not tell.
pub fn local_ports() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut bounds = text.split_whitespace().map(str::parse::<u64>);
    match (bounds.next(), bounds.next()) {
        (Some(Ok(low)), Some(Ok(high))) => Some((high + 1).saturating_sub(low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An address as the kernel writes it.
    fn written(address: SocketAddr) -> String {
        let bytes = match address.ip() {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let words = bytes.chunks(4).map(|word| format!("{:08X}", u32::from_ne_bytes(word.try_into().unwrap())));
        format!("{}:{:04X}", words.collect::<String>(), address.port())
    }

    fn table(rows: &[(&str, &str)]) -> String {
        let row = |(remote, state): &(&str, &str)| {
            format!("   0: 0100007F:9C40 {} {state} 00000000:00000000 03:00 00\n", written(remote.parse().unwrap()))
        };
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n";
        head.to_string() + &rows.iter().map(row).collect::<String>()
    }

    fn waiting(text: &str, addresses: &[&str]) -> Vec<u64> {
        let addresses: Vec<SocketAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
        let mut waiting = addresses.iter().map(|&address| (address, 0)).collect();
        count_waiting(text, &mut waiting);
        addresses.iter().map(|address| waiting[address]).collect()
    }

    #[test]
    fn an_address_of_this_machine_is_told_from_others() {
        for (address, local) in [("127.0.0.1", true), ("127.8.9.10", true), ("::1", true), ("192.0.2.1", false)] {
            assert_eq!(is_local(address.parse().unwrap()), local, "{address}");
        }
    }

    #[test]
    fn ports_in_time_wait_are_counted_for_every_address_and_port() {
        let text = table(&[
            ("127.0.0.1:80", "06"),
            ("127.0.0.1:80", "01"),
            ("127.0.0.1:443", "06"),
            ("127.0.0.1:443", "06"),
            ("127.0.0.2:80", "06"),
            ("10.0.0.1:443", "06"),
            ("[::1]:443", "06"),
        ]);
        let of = ["127.0.0.1:80", "127.0.0.1:443", "127.0.0.2:80", "[::1]:443", "[::1]:80", "127.0.0.1:8080"];
        assert_eq!(waiting(&text, &of), [1, 2, 1, 1, 0, 0]);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_kernels_own_lines_are_read() {
        assert_eq!(socket_address("0100007F:1F90"), Some("127.0.0.1:8080".parse().unwrap()));
        let v6 = "[2001:db8::1]:80".parse().unwrap();
        assert_eq!(socket_address("B80D0120000000000000000001000000:0050"), Some(v6));
    }

    #[test]
    fn connections_that_this_side_closed_wait() {
        if !std::path::Path::new("/proc/net/tcp").exists() {
            return;
        }
        // No other test uses this address: on others, their connections wait.
        let address = Ipv4Addr::new(127, 77, (std::process::id() >> 8) as u8, std::process::id() as u8);
        let [idle, busy] = [0; 2].map(|_| std::net::TcpListener::bind((address, 0)).unwrap());
        let [idle_at, busy_at] = [&idle, &busy].map(|listener| listener.local_addr().unwrap());
        for _ in 0..3 {
            let mut client = std::net::TcpStream::connect(busy_at).unwrap();
            let server = busy.accept().unwrap().0;
            client.shutdown(std::net::Shutdown::Write).unwrap();
            drop(server);
            assert_eq!(client.read(&mut [0]).unwrap(), 0);
        }
        assert_eq!(waiting_ports(&[idle_at]), Some(0));
        assert_eq!(waiting_ports(&[idle_at, busy_at]), Some(3), "whichever comes first");
        assert_eq!(waiting_ports(&[]), None);
    }

    proptest! {
        #[test]
        fn any_address_is_read_as_it_was_written(address in any::<SocketAddr>()) {
            let plain = SocketAddr::new(address.ip(), address.port());
            prop_assert_eq!(socket_address(&written(address)), Some(plain));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,60}|[0-9A-F:é ]{0,60}") {
            socket_address(&text);
            count_waiting(&text, &mut HashMap::new());
        }
    }
}
