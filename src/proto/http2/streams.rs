//! The streams of a connection, by number.

use std::rc::Rc;

use crate::proto::{Kept, Ticket};
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
    /// Of the final head, or 0 before it.
    pub(super) status: u16,
    /// The request is HEAD: its answer has no body.
    pub(super) is_head: bool,
    /// What of the request's body has not been sent.
    pub(super) upload: Option<Box<Upload>>,
    /// What is kept of its answer, if anything is.
    pub(super) kept: Option<Box<Kept>>,
}

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
    Shared(Rc<[u8]>),
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
        status: 0,
        is_head: false,
        upload: None,
        kept: None,
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
        let at = self.place(stream.id);
        self.places[at] = stream;
        self.count += 1;
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
                for id in 0..82 {
                    prop_assert_eq!(streams.get_mut(id).map(|s| s.ticket), model.get(&id).copied());
                }
            }
            prop_assert_eq!(streams.ids(|_| true), model.into_keys().collect::<Vec<_>>());
        }
    }
}
