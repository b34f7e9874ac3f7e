//! The dynamic table (RFC 7541, sections 2.3.2 and 4).

use std::collections::VecDeque;

/// What an entry takes beside its octets (RFC 7541, 4.1).
pub(super) const ENTRY: usize = 32;

/// Entries, the newest first. Their octets lie one after the other in one
/// block, in order of age; what the oldest ones have left there is cut off now and then.
#[derive(Debug, Default)]
pub(super) struct Table {
    entries: VecDeque<Entry>,
    octets: Vec<u8>,
    /// The sum of the entries' sizes, and what it may be.
    size: usize,
    max_size: usize,
    /// Changes of the table so far.
    pub(super) generation: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    start: usize,
    name: usize,
    value: usize,
}

impl Entry {
    fn size(self) -> usize {
        self.name + self.value + ENTRY
    }
}

impl Table {
    pub(super) fn new(max_size: usize) -> Table {
        Table { max_size, ..Table::default() }
    }

    /// The entry at `index`, from 0 for the newest.
    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<(&[u8], &[u8])> {
        let entry = self.entries.get(index)?;
        Some(self.octets[entry.start..][..entry.name + entry.value].split_at(entry.name))
    }

    /// Adds an entry; the oldest ones make room for it. One that is larger than
    /// the whole table empties it.
    pub(super) fn insert(&mut self, name: &[u8], value: &[u8]) {
        let start = self.octets.len();
        self.octets.extend_from_slice(name);
        self.octets.extend_from_slice(value);
        self.add(Entry { start, name: name.len(), value: value.len() });
    }

    /// Adds an entry with the name of the one at `index`, which may have to go for it.
    pub(super) fn insert_named_as(&mut self, index: usize, value: &[u8]) {
        let Some(&Entry { start: named, name, .. }) = self.entries.get(index) else { return };
        let start = self.octets.len();
        self.octets.extend_from_within(named..named + name);
        self.octets.extend_from_slice(value);
        self.add(Entry { start, name, value: value.len() });
    }

    /// The peer changes how large the table may be.
    pub(super) fn resize(&mut self, max_size: usize) {
        self.max_size = max_size;
        self.generation += 1;
        self.shrink_to(max_size);
    }

    /// Adds an entry whose octets are the last ones.
    fn add(&mut self, entry: Entry) {
        self.generation += 1;
        let size = entry.size();
        self.shrink_to(self.max_size.saturating_sub(size));
        if size <= self.max_size {
            self.size += size;
            self.entries.push_front(entry);
        } else {
            self.octets = Vec::new();
        }
        // As much is moved as was added since the last time, or less.
        let gone = self.entries.back().map_or(0, |oldest| oldest.start);
        if gone > self.max_size {
            self.octets.drain(..gone);
            self.entries.iter_mut().for_each(|entry| entry.start -= gone);
        }
    }

    #[cfg(test)]
    pub(super) fn octets_held(&self) -> usize {
        self.octets.len()
    }

    fn shrink_to(&mut self, size: usize) {
        while self.size > size
            && let Some(oldest) = self.entries.pop_back()
        {
            self.size -= oldest.size();
        }
    }
}
