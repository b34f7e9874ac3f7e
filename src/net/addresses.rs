//! Which address the next connection goes to.

use std::net::SocketAddr;

/// The addresses of one name, used in turn. One that refused is passed over
/// while another works: `localhost` often has an IPv6 address that nobody listens on.
#[derive(Clone, Debug)]
pub struct Addresses {
    list: Vec<(SocketAddr, bool)>,
    turn: usize,
}

impl Addresses {
    /// These addresses, of which there is at least one, beginning with number `turn` modulo their count.
    pub fn new(list: &[SocketAddr], turn: usize) -> Addresses {
        assert!(!list.is_empty(), "a name without an address is refused before the run");
        Addresses { list: list.iter().map(|&address| (address, true)).collect(), turn }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.list.len()
    }

    /// The next one in turn that works, or just the next one if none does.
    pub fn take_turn(&mut self) -> SocketAddr {
        let n = self.list.len();
        let start = self.turn;
        let works = (0..n).map(|i| (start + i) % n).find(|&i| self.list[i].1);
        let chosen = works.unwrap_or(start % n);
        self.turn = chosen + 1;
        self.list[chosen].0
    }

    /// Connecting to `address` worked, or failed.
    pub fn report(&mut self, address: SocketAddr, works: bool) {
        if let Some(entry) = self.list.iter_mut().find(|(known, _)| *known == address) {
            entry.1 = works;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(turn: usize) -> Addresses {
        Addresses::new(&["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"].map(|a| a.parse().unwrap()), turn)
    }

    fn ports(a: &mut Addresses, n: usize) -> Vec<u16> {
        (0..n).map(|_| a.take_turn().port()).collect()
    }

    #[test]
    fn addresses_are_used_in_turn() {
        assert_eq!(ports(&mut addresses(0), 4), [1, 2, 3, 1]);
        assert_eq!(ports(&mut addresses(2), 2), [3, 1], "workers begin at different ones");
    }

    #[test]
    fn one_that_failed_is_passed_over_until_it_works() {
        let mut a = addresses(0);
        a.report("127.0.0.1:2".parse().unwrap(), false);
        assert_eq!(ports(&mut a, 3), [1, 3, 1]);
        a.report("127.0.0.1:2".parse().unwrap(), true);
        assert_eq!(ports(&mut a, 2), [2, 3]);
    }

    #[test]
    fn when_none_works_all_are_tried() {
        let mut a = addresses(0);
        for port in 1..=3 {
            a.report(SocketAddr::from(([127, 0, 0, 1], port)), false);
        }
        assert_eq!(ports(&mut a, 3), [1, 2, 3]);
    }
}
