//! The streams of a connection, by number.

use std::collections::VecDeque;

use crate::proto::{Captured, SharedBody, Ticket};
use crate::time::Nanos;

/// A request under way.
#[derive(Debug)]
pub(super) struct Stream {
    /// 0: this place is empty.
    pub(super) id: u32,
    pub(super) ticket: Ticket,
    /// When the final head was read; [`Nanos::NEVER`] before that.
    pub(super) first_byte: Nanos,
    /// Octets of its answer's body so far.
    pub(super) body_bytes: u64,
    /// What `content-length` says they will be.
    pub(super) expected: Option<u64>,
    /// Octets that may be sent; negative where the peer has lowered its initial window (RFC 9113, 6.9.2).
    pub(super) window: i64,
    /// Octets received and not yet given back to the peer as window.
    pub(super) received: u32,
    /// Where in all that is written its request begins; [`STAGED`] if it waited for a release.
    pub(super) begins_at: u64,
    /// Of the final head, or 0 before it.
    pub(super) status: u16,
    /// The request is HEAD: its answer has no body.
    pub(super) is_head: bool,
    /// What of the request's body has not been sent.
    pub(super) upload: Option<Box<Upload>>,
    /// What is kept of its answer, if anything is.
    pub(super) captured: Option<Box<Captured>>,
}

/// A request whose place is not known before its release.
pub(super) const STAGED: u64 = u64::MAX;

/// A body that the windows did not take at once.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) body: UploadBody,
    pub(super) sent: usize,
    /// Its last octet, and with it the end of the stream, waits for the release.
    pub(super) held: bool,
    /// It waits in the queue of those that may send.
    pub(super) queued: bool,
}

/// Whose the octets are.
#[derive(Debug)]
pub(super) enum UploadBody {
    Shared(SharedBody),
    Own(Box<[u8]>),
}

impl Upload {
    pub(super) fn rest(&self) -> &[u8] {
        match &self.body {
            UploadBody::Shared(body) => &body[self.sent..],
            UploadBody::Own(body) => &body[self.sent..],
        }
    }
}

impl Stream {
    const EMPTY: Stream = Stream {
        id: 0,
        ticket: 0,
        first_byte: Nanos::NEVER,
        body_bytes: 0,
        expected: None,
        window: 0,
        received: 0,
        begins_at: STAGED,
        status: 0,
        is_head: false,
        upload: None,
        captured: None,
    };

    #[inline]
    pub(super) fn new(id: u32, ticket: Ticket, is_head: bool, window: i64) -> Stream {
        Stream { id, ticket, is_head, window, ..Stream::EMPTY }
    }
}

/// Streams by number: at the place that follows from it, or behind that if
/// others are there. Multiples of the golden section spread numbers that follow
/// each other as far apart as can be (Knuth, volume 3, 6.4), so mostly none are.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// A power of two of places, at most half of them taken.
    places: Vec<Stream>,
    count: usize,
    /// By ticket, from the lowest one on: the last stream that had it, or 0.
    by_ticket: VecDeque<u32>,
    lowest: Ticket,
}

/// 2^32 over the golden section, made odd.
const GOLDEN: u32 = 0x9e37_79b1;

impl Streams {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.count
    }

    #[inline]
    fn home(&self, id: u32) -> usize {
        (id >> 1).wrapping_mul(GOLDEN) as usize >> (32 - self.places.len().trailing_zeros())
    }

    /// Where `id` is, or the empty place where it would be.
    #[inline]
    fn place(&self, id: u32) -> usize {
        let mut at = self.home(id);
        while self.places[at].id != id && self.places[at].id != 0 {
            at = (at + 1) & (self.places.len() - 1);
        }
        at
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut Stream> {
        // 0 is the connection, and the mark of an empty place.
        if self.count == 0 || id == 0 {
            return None;
        }
        let at = self.place(id);
        let stream = &mut self.places[at];
        (stream.id == id).then_some(stream)
    }

    /// Adds a stream whose number is not there.
    #[inline]
    pub(super) fn insert(&mut self, stream: Stream) {
        if self.count * 2 >= self.places.len() {
            self.grow();
        }
        let at = stream.ticket.wrapping_sub(self.lowest) as usize;
        match self.by_ticket.get_mut(at) {
            Some(place) => *place = stream.id,
            None => self.add_ticket(stream.ticket, stream.id),
        }
        let at = self.place(stream.id);
        self.places[at] = stream;
        self.count += 1;
    }

    /// The users of a connection have tickets that follow each other: there are no more places than users.
    #[cold]
    fn add_ticket(&mut self, ticket: Ticket, id: u32) {
        if self.by_ticket.is_empty() {
            self.lowest = ticket;
        }
        while ticket < self.lowest {
            self.by_ticket.push_front(0);
            self.lowest -= 1;
        }
        let at = (ticket - self.lowest) as usize;
        self.by_ticket.resize(self.by_ticket.len().max(at + 1), 0);
        self.by_ticket[at] = id;
    }

    /// The stream that the request with this ticket has, if it is under way.
    pub(super) fn of_ticket(&mut self, ticket: Ticket) -> Option<u32> {
        let id = *self.by_ticket.get(ticket.wrapping_sub(self.lowest) as usize)?;
        self.get_mut(id).map(|stream| stream.id)
    }

    #[cold]
    fn grow(&mut self) {
        let places = (self.places.len() * 2).max(8);
        let old = std::mem::take(&mut self.places);
        self.places.resize_with(places, || Stream::EMPTY);
        for stream in old {
            if stream.id != 0 {
                let at = self.place(stream.id);
                self.places[at] = stream;
            }
        }
    }

    /// Takes the stream out; those behind it move up.
    #[inline]
    pub(super) fn remove(&mut self, id: u32) -> Option<Stream> {
        if self.count == 0 || id == 0 {
            return None;
        }
        let mask = self.places.len() - 1;
        let mut hole = self.place(id);
        if self.places[hole].id != id {
            return None;
        }
        let removed = std::mem::replace(&mut self.places[hole], Stream::EMPTY);
        self.count -= 1;
        let mut at = (hole + 1) & mask;
        while self.places[at].id != 0 {
            // One whose home lies at or before the hole would not be found behind it.
            let home = self.home(self.places[at].id);
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(hole) & mask {
                self.places.swap(hole, at);
                hole = at;
            }
            at = (at + 1) & mask;
        }
        Some(removed)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.places.iter_mut().filter(|stream| stream.id != 0)
    }

    /// The numbers of those for which `is` holds, in order.
    pub(super) fn ids(&self, is: impl Fn(&Stream) -> bool) -> Vec<u32> {
        let mut ids: Vec<u32> = self.places.iter().filter(|s| s.id != 0 && is(s)).map(|s| s.id).collect();
        ids.sort_unstable();
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn they_are_found_as_in_a_map(ops in prop::collection::vec((0u32..40, any::<bool>()), 0..300)) {
            let mut streams = Streams::default();
            let mut model = BTreeMap::new();
            for (n, add) in ops {
                let id = n * 2 + 1;
                if add && !model.contains_key(&id) {
                    streams.insert(Stream::new(id, n, false, 7));
                    model.insert(id, n);
                } else if !add {
                    prop_assert_eq!(streams.remove(id).map(|s| s.ticket), model.remove(&id));
                }
                prop_assert_eq!(streams.len(), model.len());
                for n in 0..41 {
                    prop_assert_eq!(streams.of_ticket(n), model.get(&(n * 2 + 1)).map(|_| n * 2 + 1));
                }
                for id in 0..82 {
                    prop_assert_eq!(streams.get_mut(id).map(|s| s.ticket), model.get(&id).copied());
                }
            }
            prop_assert_eq!(streams.ids(|_| true), model.into_keys().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_ticket_names_its_last_stream_alone() {
        let mut streams = Streams::default();
        for (id, ticket) in [(1, 50), (3, 47), (5, 51)] {
            streams.insert(Stream::new(id, ticket, false, 7));
        }
        assert_eq!(
            [47, 48, 50, 51, 52, 0].map(|ticket| streams.of_ticket(ticket)),
            [Some(3), None, Some(1), Some(5), None, None]
        );
        streams.remove(1);
        assert_eq!(streams.of_ticket(50), None);
        streams.insert(Stream::new(7, 50, false, 7));
        assert_eq!(streams.of_ticket(50), Some(7));
    }
}
