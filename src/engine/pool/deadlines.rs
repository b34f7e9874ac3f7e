//! Time limits at O(1) each.
//!
//! All limits of one kind are equally long, so they run out in the order in
//! which they were set: a linked list for each kind, threaded through an array.

use crate::time::Nanos;

/// The kinds of limits, by number.
pub(super) type Lane = usize;

/// Which node: the caller's own numbering.
pub(super) type Node = u32;

const NONE: u32 = u32::MAX;

/// One list a lane; a node is in one list or in none.
#[derive(Debug)]
pub(super) struct Deadlines {
    lanes: Vec<List>,
    nodes: Vec<Link>,
    /// No limit runs out before this. Early is allowed: it is made exact when it has passed.
    next: Nanos,
}

#[derive(Debug)]
struct List {
    length: Nanos,
    first: Node,
    last: Node,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    at: Nanos,
    before: Node,
    after: Node,
    lane: u32,
}

impl Deadlines {
    /// Nodes 0 to `nodes` - 1, and a lane for each length.
    pub(super) fn new(nodes: usize, lengths: &[Nanos]) -> Deadlines {
        let list = |&length: &Nanos| List { length, first: NONE, last: NONE };
        let link = Link { at: Nanos::NEVER, before: NONE, after: NONE, lane: NONE };
        Deadlines { lanes: lengths.iter().map(list).collect(), nodes: vec![link; nodes], next: Nanos::NEVER }
    }

    /// There are nodes 0 to `nodes` - 1 from now on, and no fewer than before.
    pub(super) fn grow(&mut self, nodes: usize) {
        self.nodes.resize(nodes, Link { at: Nanos::NEVER, before: NONE, after: NONE, lane: NONE });
    }

    /// `node`, which is in no list, has the lane's length of time from `start`.
    #[inline]
    pub(super) fn arm(&mut self, node: Node, lane: Lane, start: Nanos) {
        debug_assert!(!self.is_armed(node), "a limit is lifted before another is set");
        let list = &mut self.lanes[lane];
        let at = start + list.length;
        // Nearly always the end. A start that lies before another's is found its place.
        let mut before = list.last;
        while before != NONE && self.nodes[before as usize].at > at {
            before = self.nodes[before as usize].before;
        }
        let after = match before {
            NONE => std::mem::replace(&mut list.first, node),
            _ => std::mem::replace(&mut self.nodes[before as usize].after, node),
        };
        match after {
            NONE => list.last = node,
            _ => self.nodes[after as usize].before = node,
        }
        self.nodes[node as usize] = Link { at, before, after, lane: lane as u32 };
        self.next = self.next.min(at);
    }

    /// Lifts the limit of `node`, if it has one.
    #[inline]
    pub(super) fn disarm(&mut self, node: Node) {
        let Link { before, after, lane, .. } = self.nodes[node as usize];
        if lane == NONE {
            return;
        }
        let list = &mut self.lanes[lane as usize];
        match before {
            NONE => list.first = after,
            _ => self.nodes[before as usize].after = after,
        }
        match after {
            NONE => list.last = before,
            _ => self.nodes[after as usize].before = before,
        }
        self.nodes[node as usize].lane = NONE;
    }

    /// `node` has a limit.
    #[inline]
    pub(super) fn is_armed(&self, node: Node) -> bool {
        self.nodes[node as usize].lane != NONE
    }

    /// No limit runs out before this instant.
    #[inline]
    pub(super) fn next(&self) -> Nanos {
        self.next
    }

    /// A node whose limit has run out at `now`; its limit is lifted.
    #[inline]
    pub(super) fn expired(&mut self, now: Nanos) -> Option<Node> {
        if now < self.next {
            return None;
        }
        let firsts = self.lanes.iter().map(|list| list.first).filter(|&node| node != NONE);
        match firsts.min_by_key(|&node| self.nodes[node as usize].at) {
            Some(node) if self.nodes[node as usize].at <= now => {
                self.disarm(node);
                Some(node)
            }
            earliest => {
                self.next = earliest.map_or(Nanos::NEVER, |node| self.nodes[node as usize].at);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn limits_run_out_in_order_over_all_lanes() {
        let mut d = Deadlines::new(4, &[Nanos(100), Nanos(10)]);
        d.arm(0, 0, Nanos(0));
        d.arm(1, 0, Nanos(5));
        d.arm(2, 1, Nanos(50));
        d.arm(3, 1, Nanos(96));
        d.disarm(3);
        assert_eq!(d.next(), Nanos(60));
        assert_eq!(d.expired(Nanos(59)), None);
        assert_eq!(d.expired(Nanos(60)), Some(2));
        assert_eq!(d.expired(Nanos(60)), None);
        assert_eq!(d.next(), Nanos(100), "exact again");
        assert_eq!([d.expired(Nanos(200)), d.expired(Nanos(200)), d.expired(Nanos(200))], [Some(0), Some(1), None]);
        assert_eq!(d.next(), Nanos::NEVER);
    }

    proptest! {
        #[test]
        fn it_does_what_a_sorted_list_does(ops in prop::collection::vec((0u32..8, 0usize..2, 0u64..50, 0u8..3), 1..100)) {
            let lengths = [Nanos(40), Nanos(7)];
            let mut d = Deadlines::new(8, &lengths);
            let mut model: Vec<(u64, u32)> = Vec::new();
            let mut now = 0;
            for (node, lane, step, op) in ops {
                match op {
                    0 if !d.is_armed(node) => {
                        d.arm(node, lane, Nanos(now + step));
                        model.push((now + step + lengths[lane].0, node));
                    }
                    1 => {
                        d.disarm(node);
                        model.retain(|(_, n)| *n != node);
                    }
                    _ => {
                        now += step;
                        let mut expired = Vec::new();
                        while let Some(node) = d.expired(Nanos(now)) {
                            expired.push(node);
                        }
                        let mut expected: Vec<u32> = model.iter().filter(|(at, _)| *at <= now).map(|(_, n)| *n).collect();
                        model.retain(|(at, _)| *at > now);
                        expired.sort_unstable();
                        expected.sort_unstable();
                        prop_assert_eq!(expired, expected);
                        let next = model.iter().map(|(at, _)| *at).min().unwrap_or(u64::MAX);
                        prop_assert!(d.next().0 <= next);
                    }
                }
            }
        }
    }
}
