//! When an attempt to connect to which address of a name begins: Happy Eyeballs (RFC 8305).

use std::net::SocketAddr;

use crate::time::Nanos;

/// One attempt may be under way so long before the next one begins beside it (RFC 8305, 5).
const DELAY: Nanos = Nanos::from_millis(250);
/// Attempts are never closer together, however short the time limit is (RFC 8305, 8).
const SHORTEST_DELAY: Nanos = Nanos::from_millis(10);

/// How far attempts are apart if each of so many addresses is to be tried within `limit`.
pub(super) fn delay_within(limit: Nanos, addresses: usize) -> Nanos {
    Nanos(limit.0 / addresses.max(1) as u64).clamp(SHORTEST_DELAY, DELAY)
}

/// These addresses, each once, the families in turn: what the resolver put first
/// stays first, and one family that does not work costs one attempt (RFC 8305, 4).
pub(super) fn interleaved(addresses: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut each_once: Vec<SocketAddr> = Vec::new();
    for address in addresses {
        if !each_once.contains(&address) {
            each_once.push(address);
        }
    }
    let Some(first) = each_once.first().map(SocketAddr::is_ipv6) else { return each_once };
    let (same, other): (Vec<_>, Vec<_>) = each_once.into_iter().partition(|address| address.is_ipv6() == first);
    let (mut same, mut other) = (same.into_iter(), other.into_iter());
    let mut turns = Vec::new();
    loop {
        let pair = [same.next(), other.next()];
        if pair == [None, None] {
            return turns;
        }
        turns.extend(pair.into_iter().flatten());
    }
}

/// The attempts of one connection, each at another address, of which the first
/// to connect is kept. `T` is what an attempt is made of.
#[derive(Debug)]
pub(super) struct Race<T> {
    /// Addresses that were not tried yet, the next one last.
    untried: Vec<SocketAddr>,
    /// Those under way, in the order in which they began.
    attempts: Vec<Attempt<T>>,
    delay: Nanos,
    /// The next one begins at this instant, or at once if none is under way.
    next_at: Nanos,
}

/// One that is under way.
#[derive(Debug)]
pub(super) struct Attempt<T> {
    /// Where it goes.
    pub(super) address: SocketAddr,
    /// What it is made of.
    pub(super) with: T,
    began: Nanos,
}

impl<T> Race<T> {
    /// At these addresses in this order, `delay` apart as long as none fails.
    pub(super) fn new(mut order: Vec<SocketAddr>, delay: Nanos) -> Race<T> {
        order.reverse();
        Race { untried: order, attempts: Vec::new(), delay, next_at: Nanos::ZERO }
    }

    /// Where the next attempt goes, if it begins by `now`. Then it is [`Self::begun`], or could not be.
    pub(super) fn next(&mut self, now: Nanos) -> Option<SocketAddr> {
        if !self.is_idle() && now < self.next_at {
            return None;
        }
        let address = self.untried.pop()?;
        self.next_at = now + self.delay;
        Some(address)
    }

    /// An attempt has begun.
    pub(super) fn begun(&mut self, address: SocketAddr, now: Nanos, with: T) {
        self.attempts.push(Attempt { address, with, began: now });
    }

    /// Attempt number `i`, if so many are under way.
    pub(super) fn attempt(&mut self, i: usize) -> Option<&mut Attempt<T>> {
        self.attempts.get_mut(i)
    }

    /// Attempt number `i`, taken out: it has won, or failed.
    pub(super) fn take(&mut self, i: usize) -> Attempt<T> {
        self.attempts.remove(i)
    }

    /// One has failed, and another address may do better: it is tried at once.
    pub(super) fn hurry(&mut self, now: Nanos) {
        self.next_at = self.next_at.min(now);
    }

    /// The addresses that have said nothing for as long as they may before another one is tried.
    pub(super) fn silent(&self, now: Nanos) -> impl Iterator<Item = SocketAddr> {
        self.attempts.iter().filter(move |attempt| now.since(attempt.began) >= self.delay).map(|a| a.address)
    }

    /// When the next attempt begins, if the ones under way are still under way then.
    pub(super) fn next_instant(&self) -> Nanos {
        if self.untried.is_empty() { Nanos::NEVER } else { self.next_at }
    }

    /// No attempt is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.attempts.is_empty()
    }

    /// Every attempt has failed.
    pub(super) fn is_lost(&self) -> bool {
        self.untried.is_empty() && self.is_idle()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn ms(n: u64) -> Nanos {
        Nanos::from_millis(n)
    }

    /// 10.0.0.n, or fd00::n.
    fn address(text: &str) -> SocketAddr {
        let (family, n) = text.split_at(1);
        let ip = if family == "4" { format!("10.0.0.{n}:80") } else { format!("[fd00::{n}]:80") };
        ip.parse().unwrap()
    }

    fn addresses(text: &str) -> Vec<SocketAddr> {
        text.split_whitespace().map(address).collect()
    }

    fn race(text: &str) -> Race<()> {
        Race::new(addresses(text), DELAY)
    }

    /// Begins what is to begin at `now`.
    fn begin(race: &mut Race<()>, now: Nanos) -> Vec<SocketAddr> {
        let mut begun = Vec::new();
        while let Some(address) = race.next(now) {
            race.begun(address, now, ());
            begun.push(address);
        }
        begun
    }

    #[test]
    fn families_take_turns_in_the_order_of_the_resolver() {
        for (given, order) in [
            ("61 62 63 41 42", "61 41 62 42 63"),
            ("41 42 61", "41 61 42"),
            ("61 41 62 42", "61 41 62 42"),
            ("41 42", "41 42"),
            ("61 61 41 61 41", "61 41"),
            ("", ""),
        ] {
            assert_eq!(interleaved(addresses(given)), addresses(order), "{given}");
        }
    }

    #[test]
    fn the_next_address_is_tried_while_the_last_is_silent() {
        let mut race = race("61 41 62");
        assert_eq!(begin(&mut race, ms(1000)), addresses("61"));
        assert_eq!(race.next_instant(), ms(1250));
        assert_eq!(begin(&mut race, ms(1249)), []);
        assert_eq!(race.silent(ms(1249)).collect::<Vec<_>>(), []);
        assert_eq!(race.silent(ms(1250)).collect::<Vec<_>>(), addresses("61"));
        assert_eq!(begin(&mut race, ms(1250)), addresses("41"));
        // Woken late: the delay is from one beginning to the next.
        assert_eq!(begin(&mut race, ms(1600)), addresses("62"));
        assert_eq!(race.silent(ms(1600)).collect::<Vec<_>>(), addresses("61 41"));
        assert_eq!((race.next_instant(), race.is_lost()), (Nanos::NEVER, false));
        assert_eq!(race.take(1).address, address("41"), "it wins");
    }

    #[test]
    fn after_a_failure_the_next_address_is_tried_at_once() {
        let mut race = race("61 41 62");
        begin(&mut race, ms(0));
        race.take(0);
        race.hurry(ms(3));
        assert_eq!(begin(&mut race, ms(3)), addresses("41"));
        assert_eq!(race.next_instant(), ms(253));
        begin(&mut race, ms(253));
        // The one that began first fails while another is under way, and nothing is left to try.
        assert_eq!(race.take(0).address, address("41"));
        race.hurry(ms(260));
        assert_eq!((begin(&mut race, ms(260)), race.next_instant(), race.is_lost()), (vec![], Nanos::NEVER, false));
        race.take(0);
        assert!(race.is_lost());
    }

    #[test]
    fn an_attempt_that_could_not_begin_lets_the_next_one_begin_at_once() {
        let mut race = race("61 41");
        assert_eq!(race.next(ms(5)), Some(address("61")));
        assert_eq!(race.next(ms(5)), Some(address("41")), "none is under way");
        assert!(race.is_lost());
    }

    #[test]
    fn a_short_limit_has_room_for_every_address() {
        assert_eq!(delay_within(Nanos::from_secs(10), 2), ms(250));
        assert_eq!(delay_within(Nanos::NEVER, 2), ms(250));
        assert_eq!(delay_within(ms(200), 2), ms(100));
        assert_eq!(delay_within(ms(1), 4), ms(10));
    }

    proptest! {
        /// Whatever fails and whenever one looks, each address is tried once, in order,
        /// and no two attempts begin closer together than the delay unless one failed.
        #[test]
        fn every_address_is_tried_once_and_in_order(
            n in 0usize..8, steps in prop::collection::vec((0u64..400, any::<bool>()), 0..60),
        ) {
            let order: Vec<SocketAddr> = (0..n).map(|i| address(&format!("4{i}"))).collect();
            let mut race: Race<()> = Race::new(order.clone(), DELAY);
            let (mut now, mut began, mut failed) = (ms(0), Vec::new(), true);
            for (later, fails) in steps {
                now += ms(later);
                if fails && race.attempt(0).is_some() {
                    race.take(0);
                    race.hurry(now);
                    failed = true;
                }
                for address in begin(&mut race, now) {
                    let apart = began.last().map_or(DELAY, |(_, at)| now.since(*at));
                    prop_assert!(failed || apart >= DELAY, "{apart}");
                    began.push((address, now));
                    failed = false;
                }
                prop_assert!(race.next_instant() > now, "what is due has begun");
            }
            let tried: Vec<_> = began.iter().map(|(address, _)| *address).collect();
            prop_assert_eq!(&tried[..], &order[..tried.len()]);
            prop_assert_eq!(race.is_lost(), tried.len() == n && race.attempt(0).is_none());
        }
    }
}
