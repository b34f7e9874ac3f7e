//! `Location` leads to the next request (RFC 9110, 15.4).

use std::collections::HashMap;
use std::sync::Arc;

use url::{Origin, Url};

use crate::plan::{Plan, Target};
use crate::record::Cause;
use crate::request::{Body, Header, Message, Payload, Redirected, RequestHead, Text};
use crate::request::{authority_of, is_credential};
use crate::uri;

/// The redirects under way, and the origins that they have led to.
#[derive(Debug)]
pub(super) struct Redirects {
    /// Maximum number of redirects within one request.
    max: u32,
    targets: Vec<Target>,
    /// By number.
    origins: Vec<Origin>,
    /// How many of them the plan has.
    planned: usize,
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

/// Where a redirect leads.
pub(super) enum Leads {
    /// To the origin of this number.
    To(u32),
    /// To one that has not been met before.
    ToNew(NewOrigin),
}

/// An origin that a redirect leads to for the first time.
#[derive(Debug)]
pub(crate) struct NewOrigin {
    /// The number that it gets.
    pub(crate) number: u32,
    /// It is reached over TLS.
    pub(crate) https: bool,
    /// A name or an address.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Maximum number of hosts that the plan does not know: each has connections of its own.
const MAX_NEW_ORIGINS: usize = 64;

impl Redirects {
    /// Of this plan. None: redirects are responses like others.
    pub(super) fn new(plan: &Plan) -> Option<Redirects> {
        let max = plan.redirects.as_ref().map_or(0, |redirects| redirects.most);
        (max > 0).then(|| Redirects {
            max,
            targets: plan.targets.list.clone(),
            origins: plan.origins.iter().map(|origin| origin_of(&origin.name)).collect(),
            planned: plan.origins.len(),
            lost: Vec::new(),
            hops: HashMap::new(),
        })
    }

    /// The request of `u` is done.
    pub(super) fn forget(&mut self, u: u32) {
        self.hops.remove(&u);
    }

    /// What `u` sends now, if its request goes where a redirect has sent it.
    pub(super) fn message(&self, u: u32, target: u32) -> Option<Message<'_>> {
        self.hops.get(&u).map(|hop| Message { target, payload: Payload::Redirected(&hop.redirected) })
    }

    /// `u` has been redirected already, within this request.
    pub(super) fn is_redirected(&self, u: u32) -> bool {
        self.hops.contains_key(&u)
    }

    /// `u` has sent `payload` to `target` at `origin`, which redirects it for the first time.
    ///
    /// # Errors
    /// What the request fails with.
    pub(super) fn begin(&mut self, u: u32, target: u32, origin: u32, payload: Payload<'_>) -> Result<(), Cause> {
        let redirected = whole(&self.targets[target as usize], payload);
        let url = Url::parse(&self.origins[origin as usize].ascii_serialization()).map_err(|_| Cause::BadRedirect)?;
        self.hops.insert(u, Hop { count: 0, url, redirected });
        Ok(())
    }

    /// The request of `u`, for which [`Self::begin`] was called and which was asked of `origin` last, goes on where
    /// `location` says.
    ///
    /// # Errors
    /// What the request fails with.
    pub(super) fn follow(&mut self, u: u32, origin: u32, status: u16, location: Option<&[u8]>) -> Result<Leads, Cause> {
        let before = self.hops.remove(&u).ok_or(Cause::BadRedirect)?;
        let mut hop = self.next_hop(before, status, location)?;
        let leads = self.number(&hop.url).ok_or(Cause::BadRedirect)?;
        let next = match &leads {
            Leads::To(number) => *number,
            Leads::ToNew(new) => new.number,
        };
        hop.redirected.https = hop.url.scheme() == "https";
        if next != origin {
            // Secrets are for whom they were given (RFC 9110, 15.4; what curl does).
            hop.redirected.head.headers.retain(|header| !is_credential(&header.name));
        }
        self.hops.insert(u, hop);
        Ok(leads)
    }

    /// There cannot be the origin that was met last: it is not asked for again.
    pub(super) fn lose_newest(&mut self) {
        self.lost.extend(self.origins.pop());
    }

    fn next_hop(&self, before: Hop, status: u16, location: Option<&[u8]>) -> Result<Hop, Cause> {
        if before.count == self.max {
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
        Ok(Hop { count: before.count + 1, url, redirected })
    }

    /// The origin of `url`, which gets a number if it is new. None: there are too many, or there cannot be this one.
    fn number(&mut self, url: &Url) -> Option<Leads> {
        let origin = url.origin();
        if let Some(number) = self.origins.iter().position(|known| *known == origin) {
            return Some(Leads::To(number as u32));
        }
        if self.lost.contains(&origin) || self.origins.len() - self.planned + self.lost.len() >= MAX_NEW_ORIGINS {
            return None;
        }
        let number = self.origins.len() as u32;
        let (host, port) = (url.host_str()?.trim_matches(['[', ']']), url.port_or_known_default()?);
        self.origins.push(origin);
        Some(Leads::ToNew(NewOrigin { number, https: url.scheme() == "https", host: host.into(), port }))
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
