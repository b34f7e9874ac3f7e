//! Several origins: which connection a user has to each of them.

use std::ops::Range;

use crate::plan::Plan;
use crate::request::Slot;

use super::connection::{Connection, ConnectionState};
use super::{Io, Worker};

/// Which connection each user has to each origin. With one origin a user has
/// one connection, and there is nothing in here.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// By origin, then by user.
    connections: Vec<Vec<u32>>,
    /// The origin of each target.
    origins: Vec<u32>,
}

impl Routes {
    /// The routes in `connections`, which are those of the plan's origins, in order.
    pub(super) fn new(plan: &Plan, connections: &[Connection]) -> Routes {
        let origins = plan.origins.len() as u32;
        // A redirect may lead to another one.
        if origins == 1 && plan.redirects.is_none() {
            return Routes::default();
        }
        Routes {
            connections: (0..origins).map(|origin| of_users(connections, origin)).collect(),
            origins: plan.targets.list.iter().map(|target| target.origin).collect(),
        }
    }

    /// There is one origin.
    #[inline]
    pub(super) fn has_one_origin(&self) -> bool {
        self.connections.is_empty()
    }

    /// The connection of user `u` to `origin`.
    #[inline]
    pub(super) fn connection(&self, u: u32, origin: u32) -> u32 {
        self.connections[origin as usize][u as usize]
    }

    /// The users of each connection to `origin` that users begin with.
    pub(super) fn first_of(&self, origin: u32, connections: &[Connection]) -> Vec<Range<u32>> {
        let mut ranges: Vec<Range<u32>> = Vec::new();
        for home in &self.connections[origin as usize] {
            let users = &connections[*home as usize].users;
            if ranges.last() != Some(users) {
                ranges.push(users.clone());
            }
        }
        ranges
    }

    /// There is another origin, to which the last of `connections` are.
    pub(super) fn add(&mut self, connections: &[Connection], origin: u32) {
        self.connections.push(of_users(connections, origin));
    }

    /// The origin of `target`.
    #[inline]
    pub(super) fn origin(&self, target: u32) -> u32 {
        self.origins[target as usize]
    }

    /// The users of connection `c` to `origin` have another one.
    pub(super) fn replace(&mut self, origin: u32, c: u32, by: u32) {
        if let Some(routes) = self.connections.get_mut(origin as usize) {
            routes.iter_mut().filter(|home| **home == c).for_each(|home| *home = by);
        }
    }
}

/// The connection to `origin` of each user, in order of the users.
pub(super) fn of_users(connections: &[Connection], origin: u32) -> Vec<u32> {
    let connections = connections.iter().enumerate().filter(|(_, connection)| connection.origin == origin);
    connections.flat_map(|(c, connection)| connection.users.clone().map(move |_| c as u32)).collect()
}

impl<I: Io> Worker<'_, I> {
    /// `u` takes the request in `slot`, and turns to the origin that it is for.
    #[inline]
    pub(super) fn take(&mut self, u: u32, slot: Slot, wave: u32) {
        self.users[u as usize].take(slot, wave);
        if !self.routes.has_one_origin() {
            self.users[u as usize].connection = self.connection_for(u, slot);
        }
    }

    /// The connection on which `u` would send the request in `slot`.
    #[inline]
    pub(super) fn connection_for(&self, u: u32, slot: Slot) -> u32 {
        match self.routes.has_one_origin() {
            true => self.users[u as usize].connection,
            false => self.routes.connection(u, self.routes.origin(self.source.target(slot))),
        }
    }

    /// Before the first release of a closed or open run, `u` turns to the next
    /// origin once it has, or cannot have, its connection to the last. False: there is none left.
    pub(super) fn turn_to_next_origin(&mut self, u: u32) -> bool {
        let origin = self.connections[self.users[u as usize].connection as usize].origin + 1;
        if self.routes.connections.len() as u32 <= origin {
            return false;
        }
        let c = self.routes.connection(u, origin);
        self.users[u as usize].connection = c;
        match self.connections[c as usize].state {
            ConnectionState::Closed => self.open(c),
            ConnectionState::Open => self.ready_for_release(u),
            // It has been tried for another user.
            ConnectionState::BackOff => return self.turn_to_next_origin(u),
            ConnectionState::Queued | ConnectionState::Connecting | ConnectionState::Greeting => {}
        }
        true
    }

    /// `u` has an open connection to some origin.
    pub(super) fn has_some_connection(&self, u: u32) -> bool {
        let open = |c: u32| self.connections[c as usize].state == ConnectionState::Open;
        self.routes.connections.iter().any(|routes| open(routes[u as usize]))
    }
}
