//! Which addresses the next connection tries, and in which order.

use std::net::SocketAddr;

/// The addresses of one name, used in turn. One that refused or was silent comes last
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

    /// All of them, in the order in which the next connection tries them: first those that work, from the one whose
    /// turn it is on, and then the others.
    pub fn in_turn(&mut self) -> Vec<SocketAddr> {
        let n = self.list.len();
        let from_here = (0..n).map(|i| (self.turn + i) % n);
        let (working, others): (Vec<usize>, Vec<usize>) = from_here.partition(|&i| self.list[i].1);
        let order = [working, others].concat();
        self.turn = order[0] + 1;
        order.into_iter().map(|i| self.list[i].0).collect()
    }

    /// The only one, if there is no other.
    pub fn only(&self) -> Option<SocketAddr> {
        match self.list[..] {
            [(address, _)] => Some(address),
            _ => None,
        }
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

    /// Where the next connections begin.
    fn ports(a: &mut Addresses, n: usize) -> Vec<u16> {
        (0..n).map(|_| a.in_turn()[0].port()).collect()
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
    fn those_that_do_not_work_are_tried_last() {
        let mut a = addresses(0);
        a.report("127.0.0.1:1".parse().unwrap(), false);
        let mut order = || a.in_turn().iter().map(SocketAddr::port).collect::<Vec<_>>();
        assert_eq!((order(), order(), order()), (vec![2, 3, 1], vec![3, 2, 1], vec![2, 3, 1]));
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
