//! Connecting to a name: its addresses race, and the first that connects carries the connection.

use std::net::SocketAddr;

use crate::record::{Cause, Failure, Phase};
use crate::time::Nanos;
use crate::tls::TlsSettings;

use super::happy_eyeballs::{Race, delay_within};
use super::{Addresses, Handshake, Poller, Transport};

/// A connection to one of several addresses that is not connected yet. Dropping it closes all of its attempts.
#[derive(Debug)]
pub struct Dial {
    race: Race<Transport>,
    /// What ended the last attempt that failed.
    last: Option<Failure>,
}

/// What attempts are made with.
#[derive(Debug)]
pub struct Means<'a> {
    /// It tells of all of them by this number.
    pub poller: &'a Poller,
    /// The connection's number.
    pub number: u32,
    /// TLS follows on the one that connects.
    pub tls: Option<&'a TlsSettings>,
    /// The kernel is asked to stamp what arrives.
    pub stamps: bool,
    /// Ciphertext passes through here.
    pub scratch: &'a mut [u8],
}

impl Dial {
    /// To those addresses whose turn it is, which are to be tried within `limit`.
    pub fn new(addresses: &mut Addresses, limit: Nanos) -> Dial {
        Dial { race: Race::new(addresses.in_turn(), delay_within(limit, addresses.count())), last: None }
    }

    /// Looks at what is under way and begins what is due. The transport that has
    /// connected, and how far it is; None: call again at [`Self::next_instant`], or when the poller tells of the
    /// connection.
    ///
    /// # Errors
    /// The last failure, when no attempt is left; or what is wrong with TLS on the one that connected.
    pub fn go_on(
        &mut self,
        now: Nanos,
        addresses: &mut Addresses,
        means: &mut Means<'_>,
    ) -> Result<Option<(Transport, Handshake)>, Failure> {
        loop {
            let mut i = 0;
            while let Some(attempt) = self.race.attempt(i) {
                let handshake = attempt.with.handshake(means.scratch);
                if attempt.with.is_connected() {
                    addresses.report(attempt.address, true);
                    let transport = self.race.take(i).with;
                    return handshake.map(|handshake| Some((transport, handshake)));
                }
                match handshake {
                    Ok(_) => i += 1,
                    Err(failure) => {
                        let address = self.race.take(i).address;
                        self.failed(failure, now, address, addresses);
                    }
                }
            }
            if self.race.next_instant() <= now {
                self.race.silent(now).for_each(|address| addresses.report(address, false));
            }
            if self.is_hopeless() {
                break;
            }
            let Some(address) = self.race.next(now) else { break };
            match Transport::tcp(address, means.poller, means.number, means.tls, means.stamps) {
                Ok(transport) => self.race.begun(address, now, transport),
                Err(failure) => self.failed(failure, now, address, addresses),
            }
        }
        match self.last {
            Some(failure) if self.race.is_lost() || self.is_hopeless() => Err(failure),
            _ => Ok(None),
        }
    }

    /// When the next attempt begins.
    pub fn next_instant(&self) -> Nanos {
        self.race.next_instant()
    }

    fn failed(&mut self, failure: Failure, now: Nanos, address: SocketAddr, addresses: &mut Addresses) {
        self.last = Some(failure);
        if is_about_the_address(failure) {
            addresses.report(address, false);
            self.race.hurry(now);
        }
    }

    /// Nothing is under way, and no other address would do better.
    fn is_hopeless(&self) -> bool {
        self.race.is_idle() && self.last.is_some_and(|failure| !is_about_the_address(failure))
    }
}

/// Another address may do better. (Where there is no IPv6, its addresses have "no local ports".)
fn is_about_the_address(failure: Failure) -> bool {
    let causes = [Cause::Refused, Cause::Unreachable, Cause::OsTimedOut, Cause::Denied, Cause::NoPorts, Cause::OsError];
    failure.phase == Phase::Connect && causes.contains(&failure.cause)
}
