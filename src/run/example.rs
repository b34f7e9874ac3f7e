//! Commands of curl that ask what requests of a run asked.

use crate::curl::{Body, Command, Data, DataKind, Route, Version};
use crate::plan::{Model, Plan, Protocol, Target};
use crate::record::{Failure, NO_WAVE, Record};
use crate::request::{self, Drawn, Payload, Slot, masked};
use crate::source::Source;
use crate::stats::Totals;
use crate::time::WallClock;
use crate::units;
use crate::uri;

/// A command for the first request of each kind of failure, if it can be made again.
pub(super) fn commands(plan: &Plan, totals: &Totals, clock: WallClock, route: &Route) -> Vec<(Failure, String)> {
    let mut source = Source::new(plan, clock);
    let first = totals.failures.iter();
    first.filter_map(|kind| Some((kind.failure, command(plan, &mut source, &kind.example, route)?))).collect()
}

fn command(plan: &Plan, source: &mut Source, record: &Record, route: &Route) -> Option<String> {
    let slot = Slot { index: record.index, measured: true };
    let users = u64::from(plan.load.users.max(1));
    let (user, wave) = match plan.load.model {
        Model::Waves { .. } => ((record.index % users) as u32, (record.wave != NO_WAVE).then_some(record.wave)),
        // The record does not say who it was.
        Model::Closed | Model::Open(_) => (0, None),
    };
    let message = source.message(slot, record.target, user, wave, record.due).ok()?;
    let target = &plan.targets.list[message.target as usize];
    let says = Says::new(target, message.payload)?;
    let (body, left_out) = match says.body {
        None => (Body::None, None),
        Some(body) => body_of(body),
    };
    let origin = &plan.origins[target.origin as usize];
    let command = Command {
        url: format!("{}{}", origin.name, says.path),
        path_as_is: uri::has_dot_segments(&says.path),
        method: method(&target.head.method, &body),
        head: target.head.method == "HEAD" && body == Body::None,
        headers: says.headers(target, &origin.name, body != Body::None),
        body,
        version: match (plan.protocol, &origin.tls) {
            (Protocol::Http1, Some(_)) => Some(Version::V1_1),
            // Without TLS, curl has no other.
            (Protocol::Http1, None) => None,
            (Protocol::Http2 { .. }, Some(_)) => Some(Version::V2),
            (Protocol::Http2 { .. }, None) => Some(Version::V2Known),
        },
        location: plan.redirects.is_some(),
        max_redirs: plan.redirects.as_ref().map(|redirects| redirects.most),
        route: route.clone(),
        ..Command::default()
    };
    let left_out = left_out.map_or_else(String::new, |size| {
        let of = units::bytes(size as u64);
        format!(" # body of {of} left out: onrush show --row {} --seed {}", record.index, plan.seed)
    });
    Some(command.line() + &left_out)
}

/// What curl does not ask for by itself.
fn method(method: &str, body: &Body) -> Option<String> {
    let by_itself = match (method, body) {
        ("GET" | "HEAD", Body::None) => true,
        (method, Body::None) => method == "GET",
        (method, _) => method == "POST",
    };
    (!by_itself).then(|| method.into())
}

/// A longer body would fill the screen.
const LONGEST: usize = 300;

/// A body, or a file in its place and its length.
fn body_of(bytes: &[u8]) -> (Body, Option<usize>) {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= LONGEST && !text.contains('\0'));
    let (kind, text, left_out) = match text {
        Some(text) => (DataKind::Raw, text, None),
        None => (DataKind::Binary, "@body", Some(bytes.len())),
    };
    (Body::Data(vec![Data { kind, text: text.into() }]), left_out)
}

/// What of a request is its own, and what all of its target have in common.
struct Says<'a> {
    path: String,
    /// Those that differ, in order.
    values: &'a [Vec<u8>],
    body: Option<&'a [u8]>,
}

impl<'a> Says<'a> {
    fn new(target: &'a Target, payload: Payload<'a>) -> Option<Says<'a>> {
        let fixed = match &target.body {
            request::Body::Fixed(bytes) => Some(&bytes[..]),
            request::Body::None | request::Body::Template(_) | request::Body::Lines(_) => None,
        };
        let path = |drawn: &Drawn| match target.head.path.fixed() {
            Some(path) => path.into(),
            None => String::from_utf8_lossy(&drawn.path).into_owned(),
        };
        let fixed_path = || target.head.path.fixed().map(String::from);
        Some(match payload {
            Payload::Shared => Says { path: fixed_path()?, values: &[], body: fixed },
            Payload::Own(body) => Says { path: fixed_path()?, values: &[], body: Some(body) },
            Payload::Drawn(drawn) => {
                Says { path: path(drawn), values: &drawn.values, body: drawn.body.as_deref().or(fixed) }
            }
            Payload::Redirected(_) => return None,
        })
    }

    /// Header lines, but for those that curl has by itself.
    fn headers(&self, target: &Target, origin: &str, has_body: bool) -> Vec<String> {
        let head = &target.head;
        let mut drawn = self.values.iter();
        let mut lines = Vec::new();
        if !origin.ends_with(&format!("//{}", head.authority)) {
            lines.push(format!("Host: {}", head.authority));
        }
        for header in &head.headers {
            let value = match header.value.fixed() {
                Some(value) => value.into(),
                None => String::from_utf8_lossy(drawn.next().map_or(&[], Vec::as_slice)),
            };
            match masked(&header.name, &value) {
                // Curl would leave out a header that ends with its colon.
                "" => lines.push(format!("{};", header.name)),
                "*/*" if header.name.eq_ignore_ascii_case("accept") => {}
                value => lines.push(format!("{}: {value}", header.name)),
            }
        }
        let is_missing = |name: &&str| !head.headers.iter().any(|header| header.name.eq_ignore_ascii_case(name));
        let by_itself = ["User-Agent", "Accept"].into_iter().chain(has_body.then_some("Content-Type"));
        lines.extend(by_itself.filter(is_missing).map(|name| format!("{name}:")));
        if !head.keep_alive {
            lines.push("Connection: close".into());
        }
        lines
    }
}
