//! Hosts that are met in the middle of a run, looked up by other threads.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use mio::Waker;

use crate::plan::{Family, Routes, Tls};
use crate::record::{Cause, Failure, Phase};
use crate::tls::TlsSettings;

use super::resolve::{Resolver, addresses};

/// A host to be found, and what is needed to speak TLS with it.
#[derive(Debug)]
pub struct Wanted {
    /// A name, or an IP literal without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What stands in for it.
    pub routes: Arc<Routes>,
    /// Which of its addresses are used.
    pub family: Family,
    /// TLS, with the protocol that is asked for.
    pub tls: Option<(Tls, &'static [u8])>,
}

/// What there is to connect to it.
#[derive(Debug)]
pub struct Found {
    /// At least one.
    pub addresses: Vec<SocketAddr>,
    /// TLS, if it was wanted.
    pub tls: Option<TlsSettings>,
}

/// A worker's lookups. Neither the resolver nor the system's roots hold it up:
/// it is woken when something is found.
#[derive(Debug)]
pub struct Lookups {
    resolver: Resolver,
    waker: Arc<Waker>,
    /// Those under way.
    running: usize,
    /// Those that wait for their turn, by origin.
    queue: VecDeque<(u32, Wanted)>,
    answer: Sender<(u32, Result<Found, Failure>)>,
    answers: Receiver<(u32, Result<Found, Failure>)>,
}

/// So many threads look up names for one worker at a time.
const MAX_THREADS: usize = 8;

impl Lookups {
    /// By `resolver`; `waker` ends a wait of the worker.
    pub fn new(resolver: Resolver, waker: Arc<Waker>) -> Lookups {
        let (answer, answers) = channel();
        Lookups { resolver, waker, running: 0, queue: VecDeque::new(), answer, answers }
    }

    /// Looks up a host for origin `origin`, as soon as it is its turn.
    pub fn begin(&mut self, origin: u32, wanted: Wanted) {
        self.queue.push_back((origin, wanted));
        self.start();
    }

    /// Something is not answered yet.
    #[inline]
    pub fn are_under_way(&self) -> bool {
        self.running > 0
    }

    /// The next answer that has come: for which origin, and what was found.
    pub fn take(&mut self) -> Option<(u32, Result<Found, Failure>)> {
        let answer = self.answers.try_recv().ok()?;
        self.running -= 1;
        self.start();
        Some(answer)
    }

    fn start(&mut self) {
        while self.running < MAX_THREADS
            && let Some((origin, wanted)) = self.queue.pop_front()
        {
            self.running += 1;
            let (resolver, answer, waker) = (self.resolver, self.answer.clone(), Arc::clone(&self.waker));
            let look_up = move || {
                // The run may be over, and nobody asks any more.
                let _ = answer.send((origin, find(wanted, resolver)));
                let _ = waker.wake();
            };
            if thread::Builder::new().name("lookup".into()).spawn(look_up).is_err() {
                // Then it is found out at the next wait.
                let _ = self.answer.send((origin, Err(UNRESOLVED)));
                let _ = self.waker.wake();
            }
        }
    }
}

const UNRESOLVED: Failure = Failure::new(Phase::Connect, Cause::Unresolved);

fn find(wanted: Wanted, resolver: Resolver) -> Result<Found, Failure> {
    let Wanted { host, port, routes, family, tls } = wanted;
    let addresses = addresses(routes.destination(&host, port), family, resolver)
        .ok()
        .filter(|list| !list.is_empty())
        .ok_or(UNRESOLVED)?;
    // The name and the certificates were looked at before: what is left is a system without roots.
    let no_roots = |_| Failure::new(Phase::Tls, Cause::CertUnknownIssuer);
    let tls = tls.map(|(tls, alpn)| TlsSettings::new(&tls, &[alpn])).transpose().map_err(no_roots)?;
    Ok(Found { addresses, tls })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Poller;
    use crate::time::{Nanos, monotonic};

    fn wanted(host: &str) -> Wanted {
        Wanted { host: host.into(), port: 80, routes: Arc::default(), family: Family::Any, tls: None }
    }

    /// Names that begin with "slow" are never found; "one" is 10.0.0.1.
    fn resolver(host: &str, port: u16, _: Family) -> Result<Vec<SocketAddr>, String> {
        while host.starts_with("slow") {
            thread::park();
        }
        match host {
            "one" => Ok(vec![SocketAddr::from(([10, 0, 0, 1], port))]),
            _ => Err("there is none".into()),
        }
    }

    /// So many answers, by origin.
    fn answers(lookups: &mut Lookups, poller: &mut Poller, n: usize) -> Vec<(u32, Option<Vec<SocketAddr>>)> {
        let until = monotonic() + Nanos::from_secs(30);
        let mut found = Vec::new();
        while found.len() < n && monotonic() < until {
            match lookups.take() {
                Some((origin, answer)) => found.push((origin, answer.ok().map(|answer| answer.addresses))),
                None => poller.wait(monotonic(), until, &mut Vec::new()).unwrap(),
            }
        }
        found.sort();
        found
    }

    #[test]
    fn each_is_answered_and_wakes_the_worker() {
        let mut poller = Poller::new().unwrap();
        let mut lookups = Lookups::new(resolver, Arc::new(poller.waker().unwrap()));
        lookups.begin(3, wanted("one"));
        lookups.begin(4, wanted("none"));
        let found = answers(&mut lookups, &mut poller, 2);
        assert_eq!(found, [(3, Some(vec!["10.0.0.1:80".parse().unwrap()])), (4, None)]);
        assert!(!lookups.are_under_way());
    }

    #[test]
    fn threads_are_bounded_and_one_that_never_answers_stops_no_other() {
        let mut poller = Poller::new().unwrap();
        let mut lookups = Lookups::new(resolver, Arc::new(poller.waker().unwrap()));
        (0..MAX_THREADS as u32 - 1).for_each(|origin| lookups.begin(origin, wanted("slow")));
        // One thread is left, and they take their turns on it.
        (100..120).for_each(|origin| lookups.begin(origin, wanted("one")));
        assert_eq!((lookups.running, lookups.queue.len()), (MAX_THREADS, 19));
        let found = answers(&mut lookups, &mut poller, 20);
        assert_eq!(found.len(), 20);
        assert!(found.iter().all(|(_, addresses)| addresses.is_some()));
        assert_eq!((lookups.running, lookups.queue.len()), (MAX_THREADS - 1, 0));
    }
}
