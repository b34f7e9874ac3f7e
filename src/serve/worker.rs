//! The loop of one thread: accept, serve, wake.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use mio::event::Event;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};

use super::counters::Counters;
use super::peer::{Desk, Peer, StallOrigin, Turn};
use super::slab::Slab;
use super::timers::{Timer, Timers};
use crate::time::{Nanos, monotonic};

const LISTENER: Token = Token(usize::MAX - 1);
const WAKER: Token = Token(usize::MAX - 2);

/// Connections keep nothing of what was read but the beginning of a head, so
/// one buffer serves them all.
const BUFFER: usize = 64 * 1024;

/// After how long a listener is tried again that could not accept. It has
/// said that connections wait, and will not say so again.
const ACCEPT_AGAIN: Nanos = Nanos::from_millis(50);

/// One thread of the server.
#[derive(Debug)]
pub(super) struct Worker {
    poll: Poll,
    listener: TcpListener,
    peers: Slab<Peer>,
    desk: Desk,
    /// Connections whose turn ended before their work did.
    more: Vec<usize>,
    /// Serial number of the next connection.
    serial: u64,
    /// Whether a timer will try the listener again.
    accept_again: bool,
}

impl Worker {
    /// A worker, and the waker that ends its loop.
    ///
    /// # Errors
    /// The poller could not be made.
    pub(super) fn new(
        mut listener: TcpListener,
        counters: Arc<Counters>,
        origin: Arc<StallOrigin>,
    ) -> io::Result<(Worker, Waker)> {
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let buffer = vec![0; BUFFER].into_boxed_slice();
        let desk = Desk { buffer, timers: Timers::default(), counters, origin };
        let worker =
            Worker { poll, listener, peers: Slab::new(), desk, more: Vec::new(), serial: 0, accept_again: false };
        Ok((worker, waker))
    }

    /// Serves until the waker is used.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        loop {
            if let Err(error) = self.wait(&mut events) {
                match error.kind() {
                    ErrorKind::Interrupted => continue,
                    // The poller itself is broken, and no connection can be served without it.
                    _ => return,
                }
            }
            for event in &events {
                match event.token() {
                    WAKER => return,
                    LISTENER => self.accept(),
                    Token(index) => self.serve(index, event),
                }
            }
            self.serve_those_with_more();
            self.fire_timers();
        }
    }

    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let timeout = match self.more.is_empty() {
            false => Some(Duration::ZERO),
            // The clock is not asked where it does not matter.
            true if self.desk.timers.is_empty() => None,
            true => self.desk.timers.sleep(monotonic()),
        };
        self.poll.poll(events, timeout)
    }

    #[inline]
    fn serve(&mut self, index: usize, event: &Event) {
        let Some(peer) = self.peers.get_mut(index) else { return };
        // Nothing can be sent to a peer that is gone, so what it asked for does not matter.
        if event.is_error() || event.is_write_closed() {
            return self.peers.remove(index);
        }
        peer.note(event.is_readable(), event.is_writable(), event.is_read_closed());
        let turn = peer.turn(index, &mut self.desk);
        self.after_turn(index, turn);
    }

    #[inline]
    fn after_turn(&mut self, index: usize, turn: Turn) {
        match turn {
            Turn::Idle => {}
            // Closing the socket takes it out of the poller.
            Turn::Close => self.peers.remove(index),
            Turn::More => {
                if let Some(peer) = self.peers.get_mut(index).filter(|peer| !peer.queued) {
                    peer.queued = true;
                    self.more.push(index);
                }
            }
        }
    }

    fn serve_those_with_more(&mut self) {
        if self.more.is_empty() {
            return;
        }
        for index in std::mem::take(&mut self.more) {
            // An index that was given to a new connection meanwhile does no harm: it has a turn too many.
            let Some(peer) = self.peers.get_mut(index) else { continue };
            peer.queued = false;
            let turn = peer.turn(index, &mut self.desk);
            self.after_turn(index, turn);
        }
    }

    fn fire_timers(&mut self) {
        if self.desk.timers.is_empty() {
            return;
        }
        let now = monotonic();
        while let Some(timer) = self.desk.timers.take_due(now) {
            if timer.index == LISTENER.0 {
                self.accept_again = false;
                self.accept();
            } else if let Some(peer) = self.peers.get_mut(timer.index).filter(|peer| peer.serial == timer.serial) {
                let turn = peer.timer_fired(timer.index, &mut self.desk);
                self.after_turn(timer.index, turn);
            }
        }
        let peers = &self.peers;
        self.desk.timers.prune(peers.len(), |timer| {
            timer.index == LISTENER.0 || peers.get(timer.index).is_some_and(|peer| peer.serial == timer.serial)
        });
    }

    fn accept(&mut self) {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => self.admit(stream),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return,
                    ErrorKind::Interrupted | ErrorKind::ConnectionAborted => {}
                    // Out of descriptors or of memory, most likely: connections
                    // wait in the backlog until some are closed.
                    _ => return self.try_again_later(),
                },
            }
        }
    }

    fn admit(&mut self, stream: mio::net::TcpStream) {
        self.desk.counters.add_connection();
        // It costs time, not correctness, if the option cannot be set.
        let _ = stream.set_nodelay(true);
        self.serial += 1;
        let index = self.peers.insert(Peer::new(stream, self.serial));
        let Some(peer) = self.peers.get_mut(index) else { return };
        let interest = Interest::READABLE | Interest::WRITABLE;
        if self.poll.registry().register(&mut peer.stream, Token(index), interest).is_err() {
            self.peers.remove(index);
        }
    }

    fn try_again_later(&mut self) {
        if !self.accept_again {
            self.accept_again = true;
            let now = monotonic();
            self.desk.timers.set(Timer { due: now + ACCEPT_AGAIN, index: LISTENER.0, serial: 0 }, now);
        }
    }
}
