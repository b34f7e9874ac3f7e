//! One HTTP/2 connection: requests as streams, side by side.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::rc::Rc;

use crate::proto::{Answer, Capture, End, Hold, SharedBody, Ticket};
use crate::record::{Cause, Failure, Phase};
use crate::request::{Message, Payload};

use super::Codec;
use super::codec::Encoded;
use super::frame::{FrameHead, HEAD, MAX_STREAM, code, flag, goaway_cause, kind, setting};
use super::head::{HeadCache, MAX_LIST};
use super::hpack::{self, Decoder};
use super::inbox::Inbox;
use super::outbox::{MAX_DATA, MAX_REPLIES, Outbox, SOFT_LIMIT};
use super::streams::{STAGED, Stream, Streams, Upload, UploadBody};

/// One connection's machine.
#[derive(Debug)]
pub struct Session {
    pub(super) out: Outbox,
    /// Frames that wait for the release.
    staged: Outbox,
    pub(super) streams: Streams,
    /// Streams with octets to send and windows for them, in turn.
    uploads: VecDeque<u32>,
    /// Those of them that wait for the release.
    staged_uploads: Vec<u32>,
    /// How many streams have octets to send, with windows for them or not.
    pub(super) uploading: usize,
    /// Octets that they have to send, in no frame yet.
    pub(super) to_upload: u64,
    /// WINDOW_UPDATEs that the octets sent so far account for: one of the stream and one of the connection for each.
    pub(super) credits_due: u64,
    next_id: u32,
    /// Staged requests with these numbers were released last, to begin at this place; those below, earlier.
    released: (Range<u32>, u64),
    /// What of the header block that is being encoded is its own.
    block: Vec<u8>,
    /// What the peer has said of itself.
    pub(super) peer: Peer,
    /// Octets of bodies that may be sent on all streams together.
    pub(super) send_window: i64,
    pub(super) inbox: Inbox,
    pub(super) decoder: Decoder,
    pub(super) heads: HeadCache,
    /// Streams that this side has ended and the peer, as far as is known, has not.
    pub(super) cancelled: BTreeSet<u32>,
    /// The peer's SETTINGS have come.
    pub(super) ready: bool,
    /// No further request may use this connection.
    pub(super) exhausted: bool,
    /// The highest stream that the peer looks at, and its error code: it is going away.
    pub(super) goaway: Option<(u32, u32)>,
    pub(super) error: Option<Failure>,
    /// It has answered before.
    pub(super) reused: bool,
    /// What of answers is looked at.
    pub(super) capture: Capture,
}

/// The peer's settings, with the values that they have before it says anything (RFC 9113, 6.5.2).
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) max_streams: u32,
    pub(super) initial_window: u32,
    pub(super) max_frame: usize,
}

/// Windows are this large, for a stream and for all of them: the server is not to wait for this side.
pub(super) const WINDOW: u32 = 1 << 30;
/// What they are without a word about it.
const DEFAULT_WINDOW: u32 = 65_535;
/// The dynamic table that the peer may use: what it is without a word about it.
const TABLE: usize = 4096;
/// Maximum of cancelled streams that are remembered: more than a connection has at a time, as all may time out at once.
const MAX_CANCELLED: usize = 65_536;

impl Default for Session {
    fn default() -> Self {
        Session::new()
    }
}

impl Session {
    /// On a connection that has just been opened: the preface is to be sent (RFC 9113, 3.4).
    pub fn new() -> Session {
        let mut out = Outbox::default();
        out.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let settings = [
            (setting::ENABLE_PUSH, 0),
            (setting::INITIAL_WINDOW_SIZE, WINDOW),
            (setting::MAX_HEADER_LIST_SIZE, MAX_LIST as u32),
        ];
        let mut payload = Vec::with_capacity(18);
        for (name, value) in settings {
            payload.extend_from_slice(&name.to_be_bytes());
            payload.extend_from_slice(&value.to_be_bytes());
        }
        out.frame(kind::SETTINGS, 0, 0, &payload);
        out.window_update(0, WINDOW - DEFAULT_WINDOW);
        Session {
            out,
            staged: Outbox::default(),
            streams: Streams::default(),
            uploads: VecDeque::new(),
            staged_uploads: Vec::new(),
            uploading: 0,
            to_upload: 0,
            credits_due: 0,
            next_id: 1,
            released: (0..0, 0),
            block: Vec::new(),
            peer: Peer { max_streams: u32::MAX, initial_window: DEFAULT_WINDOW, max_frame: 16_384 },
            send_window: DEFAULT_WINDOW.into(),
            inbox: Inbox::default(),
            decoder: Decoder::new(TABLE),
            heads: HeadCache::default(),
            cancelled: BTreeSet::new(),
            ready: false,
            exhausted: false,
            goaway: None,
            error: None,
            reused: false,
            capture: Capture::default(),
        }
    }

    /// The same, of whose answers something is kept.
    pub fn keeping(capture: Capture) -> Session {
        Session { capture, ..Session::new() }
    }

    /// How many requests could be submitted now.
    #[inline]
    pub fn capacity(&self) -> usize {
        match self.exhausted || !self.ready {
            true => 0,
            false => (self.peer.max_streams as usize).saturating_sub(self.streams.len()),
        }
    }

    /// No further request may use this connection.
    #[inline]
    pub fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// The peer's SETTINGS have come: what it allows is known.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// So many streams at a time the peer allows; None if it sets no limit.
    pub fn allowed_streams(&self) -> Option<u32> {
        (self.peer.max_streams != u32::MAX).then_some(self.peer.max_streams)
    }

    /// Why the connection cannot be used any more.
    #[inline]
    pub fn error(&self) -> Option<Failure> {
        self.error
    }

    /// Takes a request. See [`crate::proto::Wire::submit`].
    #[inline]
    pub fn submit(&mut self, message: Message<'_>, ticket: Ticket, hold: Hold, codec: &Codec) {
        debug_assert!(self.capacity() > 0);
        let id = self.next_id;
        self.next_id += 2;
        // Numbers are used up: what follows needs another connection (RFC 9113, 5.1.1).
        self.exhausted |= self.next_id > MAX_STREAM;
        let target = &codec.targets[message.target as usize];
        let begins_at = if hold == Hold::All { STAGED } else { self.out.end() };
        let stream = Stream::new(id, ticket, target.is_head, self.peer.initial_window.into());
        self.streams.insert(Stream { begins_at, ..stream });
        let out = if hold == Hold::All { &mut self.staged } else { &mut self.out };
        let held = hold == Hold::LastByte;
        let redirected;
        let (body, shared) = match message.payload {
            Payload::Shared => {
                let body = target.body.as_deref().map_or(&[][..], |body| body);
                out.headers(id, [&target.shared, &[]], body.is_empty() && !held, self.peer.max_frame);
                (body, target.body.as_ref())
            }
            Payload::Own(body) => {
                self.block.clear();
                hpack::content_length(body.len(), &mut self.block);
                out.headers(id, [&target.prefix, &self.block], body.is_empty() && !held, self.peer.max_frame);
                (body, None)
            }
            Payload::Drawn(drawn) => {
                self.block.clear();
                target.draw(drawn, &mut self.block);
                let (body, shared) = match &drawn.body {
                    Some(body) => {
                        hpack::content_length(body.len(), &mut self.block);
                        (&body[..], None)
                    }
                    None => (target.body.as_deref().map_or(&[][..], |body| body), target.body.as_ref()),
                };
                out.headers(id, [&self.block, &[]], body.is_empty() && !held, self.peer.max_frame);
                (body, shared)
            }
            Payload::Redirected(to) => {
                redirected = Encoded::redirected(to);
                let encoded = &redirected;
                if let Some(stream) = self.streams.get_mut(id) {
                    stream.is_head = encoded.is_head;
                }
                let body = encoded.body.as_deref().map_or(&[][..], |body| body);
                out.headers(id, [&encoded.shared, &[]], body.is_empty() && !held, self.peer.max_frame);
                (body, encoded.body.as_ref())
            }
        };
        if !body.is_empty() {
            self.submit_body(id, body, hold, shared);
        } else if held {
            self.staged.frame(kind::DATA, flag::END_STREAM, id, &[]);
        }
    }

    /// Sends of a body what goes at once, and keeps the rest.
    #[inline]
    fn submit_body(&mut self, id: u32, body: &[u8], hold: Hold, shared: Option<&SharedBody>) {
        let window = self.send_window.min(self.peer.initial_window.into());
        let out = if hold == Hold::All { &mut self.staged } else { &mut self.out };
        if self.uploads.is_empty()
            && body.len() <= self.peer.max_frame.min(MAX_DATA)
            && body.len() as i64 <= window
            && out.len() <= SOFT_LIMIT
        {
            // A server may answer as soon as it has all octets: with the end of the stream, the last one is held.
            let last = if hold == Hold::LastByte { body.len() - 1 } else { 0 };
            if last > 0 {
                out.frame(kind::DATA, 0, id, &body[..last]);
            }
            let out = if hold == Hold::LastByte { &mut self.staged } else { out };
            out.frame(kind::DATA, flag::END_STREAM, id, &body[last..]);
            self.send_window -= body.len() as i64;
            if let Some(stream) = self.streams.get_mut(id) {
                stream.window -= body.len() as i64;
            }
            return;
        }
        let body = match shared {
            Some(shared) => UploadBody::Shared(Rc::clone(shared)),
            // What cannot go at once has to be kept: the source writes the next body over it.
            None => UploadBody::Own(body.into()),
        };
        let held = hold == Hold::LastByte;
        self.begin_upload(id, Upload { body, sent: 0, held, queued: true });
        match hold {
            Hold::All => self.staged_uploads.push(id),
            Hold::Nothing | Hold::LastByte => {
                self.uploads.push_back(id);
                self.upload();
            }
        }
    }

    fn begin_upload(&mut self, id: u32, upload: Upload) {
        if let Some(stream) = self.streams.get_mut(id) {
            self.uploading += 1;
            self.to_upload += upload.rest().len() as u64;
            stream.upload = Some(Box::new(upload));
        }
    }

    /// The peer has lowered its windows or frames: what is staged was measured against the higher ones, and is
    /// measured again at its release. Blocks refer to no table, so they can be cut anew.
    #[cold]
    pub(super) fn restage(&mut self) {
        let staged = std::mem::take(&mut self.staged);
        let mut rest = staged.rest();
        let (mut block, mut flags) = (Vec::new(), 0);
        while let Some((head, behind)) = rest.split_first_chunk::<HEAD>() {
            let head = FrameHead::parse(head);
            let (payload, behind) = behind.split_at(head.length as usize);
            rest = behind;
            match head.kind {
                kind::DATA if payload.is_empty() => self.staged.frame(kind::DATA, head.flags, head.stream, &[]),
                kind::DATA => {
                    self.send_window += payload.len() as i64;
                    if let Some(stream) = self.streams.get_mut(head.stream) {
                        stream.window += payload.len() as i64;
                        let body = UploadBody::Own(payload.into());
                        self.begin_upload(head.stream, Upload { body, sent: 0, held: false, queued: true });
                        self.staged_uploads.push(head.stream);
                    }
                }
                _ => {
                    block.extend_from_slice(payload);
                    flags |= head.flags;
                    if head.has(flag::END_HEADERS) {
                        let ends = flags & flag::END_STREAM != 0;
                        self.staged.headers(head.stream, [&block, &[]], ends, self.peer.max_frame);
                        (block, flags) = (Vec::new(), 0);
                    }
                }
            }
        }
    }

    /// Puts octets of bodies out, a frame of each stream in turn, as far as windows and room go.
    pub(super) fn upload(&mut self) {
        while self.send_window > 0
            && self.out.len() < SOFT_LIMIT
            && let Some(id) = self.uploads.pop_front()
        {
            let Some(stream) = self.streams.get_mut(id) else { continue };
            let Some(upload) = &mut stream.upload else { continue };
            let rest = upload.rest();
            let may_go = rest.len() - usize::from(upload.held);
            if may_go == 0 {
                self.staged_uploads.push(id);
                continue;
            }
            let most = self.send_window.min(stream.window).max(0) as usize;
            let n = may_go.min(most).min(self.peer.max_frame).min(MAX_DATA);
            if n == 0 {
                // It is back with the stream's next window.
                upload.queued = false;
                continue;
            }
            let is_last = n == rest.len();
            self.out.frame(kind::DATA, if is_last { flag::END_STREAM } else { 0 }, id, &rest[..n]);
            upload.sent += n;
            self.to_upload -= n as u64;
            self.credits_due += 2 * n as u64;
            self.inbox.idle = 0;
            self.send_window -= n as i64;
            stream.window -= n as i64;
            if is_last {
                stream.upload = None;
                self.uploading -= 1;
            } else if n == may_go {
                self.staged_uploads.push(id);
            } else {
                self.uploads.push_back(id);
            }
        }
    }

    /// The window of stream `id` has opened: it may have octets for it.
    pub(super) fn window_opened(&mut self, id: u32) {
        if let Some(stream) = self.streams.get_mut(id)
            && stream.window > 0
            && let Some(upload) = &mut stream.upload
            && !std::mem::replace(&mut upload.queued, true)
        {
            self.uploads.push_back(id);
        }
    }

    /// Octets wait for a larger window of stream `id`, or, if that is 0, of the connection.
    pub(super) fn needs_window(&mut self, id: u32) -> bool {
        match self.streams.get_mut(id) {
            Some(stream) => {
                let rest = stream.upload.as_ref().map_or(0, |upload| upload.rest().len());
                stream.window < rest as i64
            }
            None => id == 0 && self.send_window < self.to_upload as i64,
        }
    }

    /// Something that need not wait for the release is not written yet.
    #[inline]
    pub fn has_unsent(&self) -> bool {
        self.out.len() > 0 || self.uploading > self.staged_uploads.len()
    }

    /// What is held may go.
    pub fn release(&mut self) {
        if self.staged.len() > 0 {
            self.released = (self.released.0.end..self.next_id, self.out.end());
        }
        self.out.append(&mut self.staged);
        if self.uploading > self.staged_uploads.len() {
            // They wait for a window with what need not be held: they need not be held any more.
            for upload in self.streams.iter_mut().filter_map(|stream| stream.upload.as_mut()) {
                upload.held = false;
            }
        }
        for id in self.staged_uploads.drain(..) {
            if let Some(upload) = self.streams.get_mut(id).and_then(|stream| stream.upload.as_mut()) {
                upload.held = false;
                self.uploads.push_back(id);
            }
        }
        self.upload();
    }

    /// Bytes to write now.
    #[inline]
    pub fn transmit(&self) -> &[u8] {
        self.out.rest()
    }

    /// The first `n` of them were written.
    #[inline]
    pub fn transmitted(&mut self, n: usize) {
        self.out.written(n);
        if !self.uploads.is_empty() {
            self.upload();
        }
    }

    /// The transport ended.
    pub fn end(&mut self, end: End, done: &mut Vec<Answer>) {
        self.exhausted = true;
        for id in self.streams.ids(|_| true) {
            let Some(stream) = self.take(id) else { continue };
            let failure = match end {
                End::Broken(Failure { phase: Phase::Read, cause: Cause::Reset }) if stream.status != 0 => {
                    Failure::new(Phase::Read, Cause::ResetMidAnswer)
                }
                End::Broken(failure) => failure,
                // A response ends with its stream, so it does not matter how the connection does.
                End::Closed | End::Truncated => self.closed_with(&stream),
            };
            done.push(answer(&stream, Some(failure)));
        }
    }

    /// What the peer's closing the connection means for a request.
    fn closed_with(&self, stream: &Stream) -> Failure {
        match self.goaway {
            Some((_, error)) if error != code::NO_ERROR => Failure::new(Phase::Http2, goaway_cause(error)),
            _ if stream.status != 0 => Failure::new(Phase::Read, Cause::ShortBody),
            _ if self.reused => Failure::new(Phase::Read, Cause::ClosedReused),
            _ => Failure::new(Phase::Read, Cause::ClosedBeforeAnswer),
        }
    }

    /// The time limit ran out: the server is told, and the connection stays (RFC 9113, 5.4.2).
    pub fn give_up(&mut self, ticket: Ticket) -> (Answer, Cause) {
        let id = self.streams.of_ticket(ticket);
        let stream = id.and_then(|id| self.take(id)).expect("its request is under way");
        let waiting_for = match () {
            () if stream.status != 0 => Cause::Body,
            () if stream.upload.is_some() || self.out.len() > 0 => Cause::WaitWrite,
            () => Cause::WaitFirstByte,
        };
        self.cancel(stream.id, code::CANCEL);
        // A peer that reads nothing for so long gets no more: what is queued for it must not grow with time.
        self.exhausted |= self.out.len() > MAX_REPLIES;
        (answer(&stream, None), waiting_for)
    }

    /// Takes out a stream that has come to its end.
    #[inline]
    pub(super) fn take(&mut self, id: u32) -> Option<Stream> {
        let stream = self.streams.remove(id)?;
        if let Some(upload) = &stream.upload {
            self.uploading -= 1;
            self.to_upload -= upload.rest().len() as u64;
            self.staged_uploads.retain(|&staged| staged != id);
        }
        Some(stream)
    }

    /// The peer is told that nobody waits for the rest of stream `id`. What it
    /// has sent meanwhile will be passed over.
    pub(super) fn cancel(&mut self, id: u32, code: u32) {
        self.out.reset(id, code);
        if self.cancelled.len() == MAX_CANCELLED {
            self.cancelled.pop_first();
        }
        self.cancelled.insert(id);
    }

    #[cfg(test)]
    pub(super) fn next_id(&self) -> u32 {
        self.next_id
    }

    #[cfg(test)]
    pub(super) fn skip_to(&mut self, id: u32) {
        self.next_id = id;
    }

    /// The peer cannot know of stream `id` yet: nothing of its request has been written. Were it let to end such
    /// requests, which others follow, it could make the queue grow without reading anything of it.
    #[inline]
    pub(super) fn is_unsent(&mut self, id: u32) -> bool {
        let Some(stream) = self.streams.get_mut(id) else { return false };
        match stream.begins_at {
            STAGED if id < self.released.0.start => false,
            STAGED => id >= self.released.0.end || !self.out.has_begun(self.released.1),
            at => !self.out.has_begun(at),
        }
    }

    /// Stream `id` has been opened by this side.
    pub(super) fn was_opened(&self, id: u32) -> bool {
        id % 2 == 1 && id < self.next_id
    }
}

/// What became of a request.
#[inline]
pub(super) fn answer(stream: &Stream, failure: Option<Failure>) -> Answer {
    Answer {
        ticket: stream.ticket,
        status: stream.status,
        body_bytes: stream.body_bytes,
        first_byte: stream.first_byte,
        failure,
        may_be_sent_again: false,
        captured: None,
    }
}
