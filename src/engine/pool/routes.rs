//! Several origins: which connection a user has to each of them.

use std::ops::Range;

use crate::plan::Plan;

use super::connection::Connection;

/// Which connection each user has to each origin. With one origin a user has
/// one connection, and there is nothing in here.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    /// By origin, then by user.
    connections: Vec<Vec<u32>>,
}

impl Routes {
    /// The routes of the plan's origins, which `connections` are to, in order.
    pub(super) fn new(plan: &Plan, connections: &[Connection]) -> Routes {
        let origins = plan.origins.len() as u32;
        // A redirect may lead to another one.
        if origins == 1 && plan.redirects.is_none() {
            return Routes::default();
        }
        Routes { connections: (0..origins).map(|origin| of_users(connections, origin)).collect() }
    }

    /// There is one origin.
    #[inline]
    pub(crate) fn has_one_origin(&self) -> bool {
        self.connections.is_empty()
    }

    /// The connection of user `u` to `origin`. None: there is no such origin, or only one.
    #[inline]
    pub(crate) fn connection(&self, u: u32, origin: u32) -> Option<u32> {
        Some(self.connections.get(origin as usize)?[u as usize])
    }

    /// The connections of user `u`, by origin.
    pub(crate) fn of_user(&self, u: u32) -> impl Iterator<Item = u32> + '_ {
        self.connections.iter().map(move |connections| connections[u as usize])
    }

    /// The users of each connection to `origin` that users begin with.
    pub(super) fn first_of(&self, origin: u32, connections: &[Connection]) -> Vec<Range<u32>> {
        let mut ranges: Vec<Range<u32>> = Vec::new();
        for c in &self.connections[origin as usize] {
            let users = &connections[*c as usize].users;
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

    /// The users of connection `c` to `origin` have another one.
    pub(super) fn replace(&mut self, origin: u32, c: u32, by: u32) {
        if let Some(connections) = self.connections.get_mut(origin as usize) {
            connections.iter_mut().filter(|of| **of == c).for_each(|of| *of = by);
        }
    }
}

/// The connection to `origin` of each user, in order of the users.
pub(super) fn of_users(connections: &[Connection], origin: u32) -> Vec<u32> {
    let connections = connections.iter().enumerate().filter(|(_, connection)| connection.origin == origin);
    connections.flat_map(|(c, connection)| connection.users.clone().map(move |_| c as u32)).collect()
}
