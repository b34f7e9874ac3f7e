//! What is made of answers beside counting them: checks, and redirects that are followed.

use std::collections::HashMap;
use std::sync::Arc;

use url::{Origin, Url};

use crate::plan::{Checks, Plan, Target};
use crate::proto::{Answer, Capture, Captured};
use crate::record::{Cause, Failure, Phase};
use crate::request::{Body, Header, Message, Payload, Redirected, RequestHead, Text};
use crate::request::{authority_of, is_credential};
use crate::uri;

use super::connection::Connection;
use super::user::Stage;
use super::{Io, Worker};

/// What answers are to be, and which redirects are under way.
#[derive(Debug)]
pub(super) struct Judge {
    checks: Checks,
    /// So many redirects are followed within one request.
    most: u32,
    targets: Vec<Target>,
    /// By number.
    origins: Vec<Origin>,
    /// So many of them the plan knows.
    known: usize,
    /// Those that there cannot be, and that are not asked for again.
    lost: Vec<Origin>,
    /// By user: where its request has been sent on to.
    hops: HashMap<u32, Hop>,
}

#[derive(Debug)]
struct Hop {
    /// How many redirects have been followed.
    count: u32,
    /// Where it is sent: its scheme, host and port count, its path is that of `redirected`.
    url: Url,
    redirected: Redirected,
}

/// What an answer means for its request.
pub(super) enum Judgement {
    /// It is done: with this failure, or as it is.
    Done(Option<Failure>),
    /// It goes on elsewhere.
    Moved,
}

/// So many hosts may be met that the plan does not know: each has connections of its own.
const MAX_NEW_ORIGINS: usize = 64;

impl Judge {
    /// Nothing, if answers are just counted.
    pub(super) fn new(plan: &Plan) -> Option<Box<Judge>> {
        let most = plan.redirects.as_ref().map_or(0, |redirects| redirects.most);
        if most == 0 && plan.checks.status.is_none() && plan.checks.body.is_empty() {
            return None;
        }
        Some(Box::new(Judge {
            checks: plan.checks.clone(),
            most,
            targets: plan.targets.list.clone(),
            origins: plan.origins.iter().map(|origin| origin_of(&origin.name)).collect(),
            known: plan.origins.len(),
            lost: Vec::new(),
            hops: HashMap::new(),
        }))
    }

    /// What of answers has to be kept for that.
    pub(super) fn capture(&self) -> Capture {
        Capture { location: self.most > 0, body: !self.checks.body.is_empty() }
    }

    /// The request of `u` is done.
    pub(super) fn forget(&mut self, u: u32) {
        self.hops.remove(&u);
    }

    /// What `u` sends now, if its request goes where a redirect has sent it.
    pub(super) fn redirected(&self, u: u32, target: u32) -> Option<Message<'_>> {
        self.hops.get(&u).map(|hop| Message { target, payload: Payload::Redirected(&hop.redirected) })
    }

    fn check(&self, status: u16, captured: &Captured) -> Option<Failure> {
        let failed = |cause| Some(Failure::new(Phase::Check, cause));
        if self.checks.status.is_some_and(|set| !set.has(status)) {
            return failed(Cause::UnexpectedStatus);
        }
        if self.checks.body.is_empty() {
            return None;
        }
        match captured.decoded() {
            Ok(body) if self.checks.body.iter().all(|pattern| pattern.is_match(&body)) => None,
            Ok(_) => failed(Cause::Body),
            Err(cause) => failed(cause),
        }
    }
}

impl<I: Io> Worker<'_, I> {
    /// What the whole `answer` to the request of its user means.
    #[inline(never)]
    pub(super) fn judge(&mut self, answer: &mut Answer) -> Judgement {
        let u = answer.ticket;
        let captured = answer.captured.take().unwrap_or_default();
        let Some(judge) = &self.judge else { return Judgement::Done(None) };
        let follows = judge.most > 0 && matches!(answer.status, 301 | 302 | 303 | 307 | 308);
        if !follows {
            return Judgement::Done(judge.check(answer.status, &captured));
        }
        match self.follow_redirect(u, answer.status, captured.location.as_deref()) {
            Ok(()) => Judgement::Moved,
            Err(cause) => Judgement::Done(Some(Failure::new(Phase::Check, cause))),
        }
    }

    /// The request of `u` goes on where `location` says (RFC 9110, 15.4).
    fn follow_redirect(&mut self, u: u32, status: u16, location: Option<&[u8]>) -> Result<(), Cause> {
        let (mut hop, origin) = self.next_hop(u, status, location)?;
        let next = self.origin_number(&hop.url).ok_or(Cause::BadRedirect)?;
        hop.redirected.https = hop.url.scheme() == "https";
        if next != origin {
            // Secrets are for whom they were given (RFC 9110, 15.4; what curl does).
            hop.redirected.head.headers.retain(|header| !is_credential(&header.name));
        }
        if let Some(judge) = &mut self.judge {
            judge.hops.insert(u, hop);
        }
        self.move_on(u, next);
        Ok(())
    }

    /// What is to be asked next, and the number of the origin that was asked last.
    fn next_hop(&mut self, u: u32, status: u16, location: Option<&[u8]>) -> Result<(Hop, u32), Cause> {
        let user = &self.users[u as usize];
        let request = user.request;
        let origin = self.connections[user.connection as usize].origin;
        let Some(judge) = &mut self.judge else { return Err(Cause::BadRedirect) };
        let target = self.source.target(request.slot);
        let before = match judge.hops.remove(&u) {
            Some(hop) => hop,
            None => {
                let number = self.first_user + u;
                let message = self.source.message(request.slot, number, request.wave(), request.rendered);
                let payload = message.map_err(|_| Cause::BadRedirect)?.payload;
                let redirected = whole(&judge.targets[target as usize], payload);
                let url = Url::parse(&judge.origins[origin as usize].ascii_serialization());
                Hop { count: 0, url: url.map_err(|_| Cause::BadRedirect)?, redirected }
            }
        };
        if before.count == judge.most {
            return Err(Cause::TooManyRedirects);
        }
        let location = location.and_then(|location| std::str::from_utf8(location).ok()).ok_or(Cause::BadRedirect)?;
        let path = before.redirected.head.path.fixed().unwrap_or("/");
        let resolved = uri::resolve(before.url.scheme(), path, location).ok_or(Cause::BadRedirect)?;
        let url = match resolved.origin {
            // To the crate `url`, a backslash would end the host and begin a path.
            Some(origin) if origin.contains('\\') => return Err(Cause::BadRedirect),
            Some(origin) => Url::parse(&origin).map_err(|_| Cause::BadRedirect)?,
            None => before.url.clone(),
        };
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(Cause::BadRedirect);
        }
        let mut redirected = before.redirected;
        redirected.head.path = resolved.path.into();
        if before.url.origin() != url.origin() {
            redirected.head.authority = authority_of(&url);
        }
        if matches!(status, 301..=303) {
            if !redirected.head.is_head() {
                redirected.head.method = "GET".into();
            }
            redirected.body = None;
            redirected.head.headers.retain(|header| !header.name.to_ascii_lowercase().starts_with("content-"));
        }
        Ok((Hop { count: before.count + 1, url, redirected }, origin))
    }

    /// The number of the origin of `url`; one that is new is looked up, once.
    fn origin_number(&mut self, url: &Url) -> Option<u32> {
        let judge = self.judge.as_ref()?;
        let origin = url.origin();
        if let Some(number) = judge.origins.iter().position(|known| *known == origin) {
            return Some(number as u32);
        }
        if judge.lost.contains(&origin) || judge.origins.len() - judge.known + judge.lost.len() >= MAX_NEW_ORIGINS {
            return None;
        }
        let number = judge.origins.len() as u32;
        let first = self.routes.first_of(0, &self.connections);
        let begins_at = self.connections.len() as u32;
        let (host, port) = (url.host_str()?.trim_matches(['[', ']']), url.port_or_known_default()?);
        if !self.io.add_origin(url.scheme() == "https", host, port, begins_at as usize + first.len()) {
            if let Some(judge) = &mut self.judge {
                judge.lost.push(origin);
            }
            return None;
        }
        for users in first {
            let mut connection = Connection::new(self.codec.session(self.capture), users, number);
            // Whether it can be opened says nothing about the run as a whole.
            connection.has_tried = true;
            self.connections.push(connection);
        }
        self.deadlines.grow(self.users.len() + self.connections.len());
        self.routes.add(&self.connections, number);
        if let Some(judge) = &mut self.judge {
            judge.origins.push(origin);
        }
        Some(number)
    }

    /// `u` has an answer and no result yet: its request goes to `origin`.
    fn move_on(&mut self, u: u32, origin: u32) {
        let c = self.users[u as usize].connection;
        let connection = &mut self.connections[c as usize];
        connection.in_flight -= 1;
        connection.failures = 0;
        let is_exhausted = connection.session.is_exhausted();
        self.users[u as usize].stage = Stage::Pending;
        if !self.keep_alive || (is_exhausted && !self.codec.is_multiplexed()) {
            self.close(c);
        }
        self.users[u as usize].connection = self.routes.connection(u, origin);
        self.send_when_open(u);
    }
}

/// The origin of this name, which was made of one.
fn origin_of(name: &str) -> Origin {
    Url::parse(name).map_or_else(|_| Origin::new_opaque(), |url| url.origin())
}

/// A request with all of its parts, as they were sent.
fn whole(target: &Target, payload: Payload<'_>) -> Redirected {
    let drawn = match payload {
        Payload::Drawn(drawn) => Some(drawn),
        Payload::Shared | Payload::Own(_) | Payload::Redirected(_) => None,
    };
    let mut values = drawn.iter().flat_map(|drawn| &drawn.values);
    let text = |bytes: Option<&Vec<u8>>| bytes.map_or_else(String::new, |b| String::from_utf8_lossy(b).into_owned());
    let settled = |header: &Header| Header {
        name: header.name.clone(),
        value: match &header.value {
            Text::Fixed(value) => Text::Fixed(value.clone()),
            Text::Template(_) => Text::Fixed(text(values.next())),
        },
    };
    let head = RequestHead {
        method: target.head.method.clone(),
        path: match &target.head.path {
            Text::Fixed(path) => Text::Fixed(path.clone()),
            Text::Template(_) => Text::Fixed(text(drawn.map(|drawn| &drawn.path))),
        },
        authority: target.head.authority.clone(),
        headers: target.head.headers.iter().map(settled).collect(),
        keep_alive: target.head.keep_alive,
    };
    let body = match (&target.body, payload) {
        (_, Payload::Own(body)) => Some(body.into()),
        (_, Payload::Drawn(drawn)) if drawn.body.is_some() => drawn.body.as_deref().map(Arc::from),
        (Body::Fixed(body), _) => Some(Arc::clone(body)),
        _ => None,
    };
    Redirected { head, body, https: false }
}
