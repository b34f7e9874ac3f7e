//! What a user says first, and what follows from a response: checks, and redirects that are followed.

mod checks;
mod redirects;

use crate::plan::{Checks, Plan};
use crate::proto::{Answer, Capture};
use crate::record::{Cause, Failure, Phase};
use crate::request::{Message, Slot};
use crate::source::Source;
use crate::template::TemplateError;
use crate::time::{Nanos, WallClock};

use redirects::{Leads, Redirects};

pub(crate) use redirects::NewOrigin;

/// What requests say, and what their responses must be.
pub(crate) struct Exchange {
    source: Source,
    /// The origin of each target.
    origins: Vec<u32>,
    /// None: responses are only counted.
    follow_up: Option<Box<FollowUp>>,
}

#[derive(Debug)]
struct FollowUp {
    checks: Checks,
    redirects: Option<Redirects>,
}

/// Which request it is, and whose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) slot: Slot,
    pub(crate) target: u32,
    /// The number of its user in the run.
    pub(crate) user: u32,
    pub(crate) wave: Option<u32>,
}

/// How a request was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    /// The instant its text was rendered for.
    pub(crate) rendered: Nanos,
    /// The origin that it went to.
    pub(crate) origin: u32,
}

/// What follows from a response.
pub(crate) enum Next {
    /// The request is done: with this failure, or as it is.
    Done(Option<Failure>),
    /// It goes on at the origin of this number.
    Send(u32),
    /// It goes on at an origin that was not known before.
    SendToNew(NewOrigin),
}

impl Exchange {
    /// What requests of this plan say.
    pub(crate) fn new(plan: &Plan, clock: WallClock) -> Exchange {
        let redirects = Redirects::new(plan);
        let checks = &plan.checks;
        let only_counts = redirects.is_none() && checks.status.is_none() && checks.body.is_empty();
        Exchange {
            source: Source::new(plan, clock),
            origins: plan.targets.list.iter().map(|target| target.origin).collect(),
            follow_up: (!only_counts).then(|| Box::new(FollowUp { checks: checks.clone(), redirects })),
        }
    }

    /// What of responses has to be captured for that.
    pub(crate) fn capture(&self) -> Capture {
        match &self.follow_up {
            None => Capture::default(),
            Some(follow_up) => {
                Capture { location: follow_up.redirects.is_some(), body: !follow_up.checks.body.is_empty() }
            }
        }
    }

    /// The target that the request in `slot` is for.
    #[inline]
    pub(crate) fn target(&self, slot: Slot) -> u32 {
        self.source.target(slot)
    }

    /// The origin of a target.
    #[inline]
    pub(crate) fn origin(&self, target: u32) -> u32 {
        self.origins[target as usize]
    }

    /// What `u` says at `now`. True beside it: it is rendered for that instant, and not
    /// a request that a redirect has sent on.
    ///
    /// # Errors
    /// A template cannot be rendered.
    #[inline(always)]
    pub(crate) fn message(
        &mut self,
        u: u32,
        asked: &Asked,
        now: Nanos,
    ) -> Result<(Message<'_>, bool), Box<TemplateError>> {
        if let Some(redirects) = self.follow_up.as_ref().and_then(|follow_up| follow_up.redirects.as_ref())
            && let Some(message) = redirects.message(u, asked.target)
        {
            return Ok((message, false));
        }
        Ok((self.source.message(asked.slot, asked.target, asked.user, asked.wave, now)?, true))
    }

    /// Responses are only counted: nothing follows from one.
    #[inline]
    pub(crate) fn only_counts(&self) -> bool {
        self.follow_up.is_none()
    }

    /// What follows from the whole response to the request of `u`.
    #[inline(never)]
    pub(crate) fn after(&mut self, u: u32, answer: &mut Answer, asked: &Asked, sent: Sent) -> Next {
        let captured = answer.captured.take().unwrap_or_default();
        let Some(follow_up) = &mut self.follow_up else { return Next::Done(None) };
        let (FollowUp { checks, redirects }, status) = (&mut **follow_up, answer.status);
        let redirects = redirects.as_mut().filter(|_| matches!(status, 301 | 302 | 303 | 307 | 308));
        let Some(redirects) = redirects else { return Next::Done(checks::failure(checks, status, &captured)) };
        match follow(redirects, &mut self.source, u, (status, captured.location.as_deref()), (asked, sent)) {
            Ok(Leads::To(origin)) => Next::Send(origin),
            Ok(Leads::ToNew(origin)) => Next::SendToNew(origin),
            Err(cause) => Next::Done(Some(Failure::new(Phase::Check, cause))),
        }
    }

    /// There cannot be the origin of [`Next::SendToNew`]: what the request fails with.
    pub(crate) fn no_such_origin(&mut self) -> Failure {
        if let Some(redirects) = self.follow_up.as_mut().and_then(|follow_up| follow_up.redirects.as_mut()) {
            redirects.lose_newest();
        }
        Failure::new(Phase::Check, Cause::BadRedirect)
    }

    /// The request of `u` is done.
    #[inline]
    pub(crate) fn forget(&mut self, u: u32) {
        if let Some(redirects) = self.follow_up.as_mut().and_then(|follow_up| follow_up.redirects.as_mut()) {
            redirects.forget(u);
        }
    }
}

fn follow(
    redirects: &mut Redirects,
    source: &mut Source,
    u: u32,
    (status, location): (u16, Option<&[u8]>),
    (asked, sent): (&Asked, Sent),
) -> Result<Leads, Cause> {
    if !redirects.is_redirected(u) {
        let &Asked { slot, target, user, wave } = asked;
        let message = source.message(slot, target, user, wave, sent.rendered).map_err(|_| Cause::BadRedirect)?;
        redirects.begin(u, target, sent.origin, message.payload)?;
    }
    redirects.follow(u, sent.origin, status, location)
}
