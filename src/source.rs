//! What each request carries.

use std::sync::Arc;

use crate::feed::Lines;
use crate::plan::{Order, Plan, Target};
use crate::request::{Body, Drawn, Message, Payload, Slot, clean_value};
use crate::template::{Moment, Part, Renderer, TemplateError};
use crate::time::{Nanos, WallClock};
use crate::uri;

/// Yields the message of each request. The one of slot n depends on the seed
/// and on n alone (and its timestamps on the clock), never on who asks when.
pub struct Source {
    order: Order,
    /// Nothing differs from request to request, whatever the target.
    is_fixed: bool,
    /// What differs from request to request, by target.
    targets: Vec<Content>,
}

/// What differs from request to request.
enum Content {
    /// Nothing.
    Nothing,
    Body(Box<Renderer>),
    Line(Arc<Lines>),
    /// Parts of the head, and perhaps the body.
    Head(Box<Parts>),
}

struct Parts {
    path: Option<Renderer>,
    values: Vec<Renderer>,
    body: Option<Renderer>,
    line: Option<Arc<Lines>>,
    drawn: Drawn,
}

impl Source {
    /// The source of this run's requests.
    pub fn new(plan: &Plan, clock: WallClock) -> Source {
        let content = |target: &Target| Content::new(target, plan.seed, clock);
        let targets: Vec<Content> = plan.targets.list.iter().map(content).collect();
        let is_fixed = targets.iter().all(|content| matches!(content, Content::Nothing));
        Source { order: plan.targets.order.clone(), is_fixed, targets }
    }

    /// Which target the request in `slot` is for.
    #[inline]
    pub fn target(&self, slot: Slot) -> u32 {
        self.order.target(slot.index)
    }

    /// What the request in `slot` says, which is for this [`Self::target`], encoded at `now` for this user and wave.
    ///
    /// # Errors
    /// A template with logic cannot be rendered for this request.
    #[inline(always)]
    pub fn message(
        &mut self,
        slot: Slot,
        target: u32,
        user: u32,
        wave: Option<u32>,
        now: Nanos,
    ) -> Result<Message<'_>, Box<TemplateError>> {
        if self.is_fixed {
            return Ok(Message { target, payload: Payload::Shared });
        }
        let moment = Moment { index: slot.index, measured: slot.measured, user: user.into(), wave, now };
        Ok(Message { target, payload: self.targets[target as usize].payload(&moment)? })
    }
}

impl Content {
    /// What of the request is its own.
    #[inline(never)]
    fn payload(&mut self, moment: &Moment) -> Result<Payload<'_>, Box<TemplateError>> {
        Ok(match self {
            Content::Nothing => Payload::Shared,
            Content::Body(renderer) => Payload::Own(renderer.render(moment)?),
            Content::Line(lines) => Payload::Own(lines.get(moment.index % lines.count())),
            Content::Head(parts) => Payload::Drawn(parts.draw(moment)?),
        })
    }

    fn new(target: &Target, seed: u64, clock: WallClock) -> Content {
        let renderer = |template: &Arc<_>, part| Renderer::new(Arc::clone(template), part, seed, clock);
        let body = match &target.body {
            Body::Template(template) => Some(renderer(template, Part::Body)),
            Body::None | Body::Fixed(_) | Body::Lines(_) => None,
        };
        let line = match &target.body {
            Body::Lines(lines) => Some(Arc::clone(lines)),
            Body::None | Body::Fixed(_) | Body::Template(_) => None,
        };
        if target.head.templates().next().is_none() {
            return match (body, line) {
                (Some(body), _) => Content::Body(Box::new(body)),
                (None, Some(lines)) => Content::Line(lines),
                (None, None) => Content::Nothing,
            };
        }
        let path = target.head.path.template().map(|template| renderer(template, Part::Path));
        let headers = target.head.headers.iter().enumerate();
        let values: Vec<Renderer> = headers
            .filter_map(|(n, header)| Some(renderer(header.value.template()?, Part::Header(n as u32))))
            .collect();
        let drawn = Drawn {
            path: Vec::new(),
            values: vec![Vec::new(); values.len()],
            body: (body.is_some() || line.is_some()).then(Vec::new),
        };
        Content::Head(Box::new(Parts { path, values, body, line, drawn }))
    }
}

impl Parts {
    fn draw(&mut self, moment: &Moment) -> Result<&Drawn, Box<TemplateError>> {
        if let Some(path) = &mut self.path {
            self.drawn.path.clear();
            uri::encode(path.render(moment)?, &mut self.drawn.path);
        }
        for (renderer, value) in self.values.iter_mut().zip(&mut self.drawn.values) {
            value.clear();
            clean_value(renderer.render(moment)?, value);
        }
        if let Some(body) = &mut self.drawn.body {
            body.clear();
            match (&mut self.body, &self.line) {
                (Some(renderer), _) => body.extend_from_slice(renderer.render(moment)?),
                (None, Some(lines)) => body.extend_from_slice(lines.get(moment.index % lines.count())),
                (None, None) => {}
            }
        }
        Ok(&self.drawn)
    }
}
