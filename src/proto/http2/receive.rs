//! What the peer sends, frame by frame, and the answers in it.

use crate::proto::Answer;
use crate::proto::length::Length;
use crate::record::{Cause, Failure, Phase};
use crate::time::Nanos;

use super::frame::{FrameHead, HEAD, code, flag, kind};
use super::head::{BadHead, MAX_LIST, decode_trailers};
use super::hpack::HpackError;
use super::inbox::Data;
use super::outbox::MAX_REPLIES;
use super::session::{Session, WINDOW, answer};

/// Frames of this size are taken: what it is without a word about it (RFC 9113, 6.5.2).
pub(super) const MAX_FRAME: u32 = 16_384;
/// A header block may be so long, encoded; the list that it stands for is as well.
const MAX_BLOCK: usize = MAX_LIST;
/// A peer that sends so many frames without bringing any answer or upload further is
/// hostile, or broken. PINGs of a run of hours are fewer.
const MAX_IDLE: u32 = 10_000;

/// Why the connection is at its end: what it is called, and the code that tells the peer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fatal(pub(super) Cause, pub(super) u32);

pub(super) const PROTOCOL: Fatal = Fatal(Cause::BadFrame, code::PROTOCOL_ERROR);
pub(super) const FRAME_SIZE: Fatal = Fatal(Cause::FrameSize, code::FRAME_SIZE_ERROR);
pub(super) const FLOW_CONTROL: Fatal = Fatal(Cause::FlowControl, code::FLOW_CONTROL_ERROR);
const CLOSED: Fatal = Fatal(Cause::StreamClosed, code::STREAM_CLOSED);
const FLOOD: Fatal = Fatal(Cause::Flood, code::ENHANCE_YOUR_CALM);
const NOT_HTTP2: Fatal = Fatal(Cause::NotHttp2, code::PROTOCOL_ERROR);

/// Where the answers go, and when their bytes were read.
pub(super) struct Turn<'a> {
    now: Nanos,
    /// When the first bytes of the frame under way, or of its header block, were read.
    began: Nanos,
    pub(super) done: &'a mut Vec<Answer>,
}

/// A stream, as far as a frame of it is concerned.
enum Of {
    Active,
    /// This side has ended it, and the peer had not heard of that.
    Cancelled,
}

impl Session {
    /// Takes bytes that were read at `now`.
    #[inline]
    pub fn receive(&mut self, bytes: &[u8], now: Nanos, done: &mut Vec<Answer>) {
        if self.error.is_some() {
            return;
        }
        let mut turn = Turn { now, began: now, done };
        if let Err(Fatal(cause, code)) = self.take_all(bytes, &mut turn) {
            self.error = Some(Failure::new(Phase::Http2, cause));
            self.exhausted = true;
            self.out.goaway(code);
        } else if self.uploading > 0 {
            // Once for all windows that these bytes opened: a peer that opens them in parts gets whole frames.
            self.upload();
        }
    }

    #[inline]
    fn take_all(&mut self, mut rest: &[u8], turn: &mut Turn<'_>) -> Result<(), Fatal> {
        loop {
            if self.inbox.data.is_some() {
                rest = self.take_data(rest, turn)?;
            }
            if rest.is_empty() {
                return Ok(());
            }
            // The usual case: the frame is there as a whole.
            if self.inbox.partial.is_empty()
                && let Some((head, behind)) = rest.split_first_chunk::<HEAD>()
            {
                let head = FrameHead::parse(head);
                self.check(head)?;
                if head.kind == kind::DATA {
                    rest = match self.take_last_data(head, behind, turn) {
                        Some(behind) => behind,
                        None => {
                            self.begin_data(head, turn)?;
                            behind
                        }
                    };
                    continue;
                }
                if let Some((payload, behind)) = behind.split_at_checked(head.length as usize) {
                    rest = behind;
                    turn.began = turn.now;
                    self.take_frame(head, payload, turn)?;
                    continue;
                }
            }
            rest = self.take_piece(rest, turn)?;
        }
    }

    /// Takes a piece of a frame that is not there as a whole.
    #[cold]
    fn take_piece<'b>(&mut self, bytes: &'b [u8], turn: &mut Turn<'_>) -> Result<&'b [u8], Fatal> {
        let inbox = &mut self.inbox;
        if inbox.partial.is_empty() {
            inbox.began = turn.now;
        }
        let whole = match inbox.partial.first_chunk::<HEAD>() {
            None => HEAD,
            Some(head) => HEAD + FrameHead::parse(head).length as usize,
        };
        let n = bytes.len().min(whole - inbox.partial.len());
        let (piece, rest) = bytes.split_at(n);
        inbox.partial.extend_from_slice(piece);
        let Some(head) = inbox.partial.first_chunk::<HEAD>().map(FrameHead::parse) else { return Ok(rest) };
        if inbox.partial.len() == HEAD {
            self.check(head)?;
            if head.kind == kind::DATA {
                self.inbox.partial.clear();
                self.begin_data(head, turn)?;
                return Ok(rest);
            }
        }
        if self.inbox.partial.len() == HEAD + head.length as usize {
            let mut frame = std::mem::take(&mut self.inbox.partial);
            turn.began = self.inbox.began;
            self.take_frame(head, &frame[HEAD..], turn)?;
            frame.clear();
            self.inbox.partial = frame;
        }
        Ok(rest)
    }

    /// What can be told from a frame's head alone.
    #[inline]
    fn check(&self, head: FrameHead) -> Result<(), Fatal> {
        // The first frame is SETTINGS (3.4): a server of another protocol says something else.
        if !self.ready && (head.kind != kind::SETTINGS || head.has(flag::ACK) || head.length > MAX_FRAME) {
            return Err(NOT_HTTP2);
        }
        if head.length > MAX_FRAME {
            return Err(FRAME_SIZE);
        }
        match self.inbox.block_of {
            // Nothing comes between the frames of a header block (6.10).
            Some((stream, ..)) if head.kind != kind::CONTINUATION || head.stream != stream => Err(PROTOCOL),
            None if head.kind == kind::CONTINUATION => Err(PROTOCOL),
            _ => Ok(()),
        }
    }

    /// One more frame that brings no answer further.
    pub(super) fn idle(&mut self) -> Result<(), Fatal> {
        self.inbox.idle += 1;
        if self.inbox.idle > MAX_IDLE || self.out.unread_replies() > MAX_REPLIES { Err(FLOOD) } else { Ok(()) }
    }

    /// The stream of a frame that only comes on one that was opened, and is not ended by the peer.
    #[inline]
    fn stream_of(&mut self, id: u32) -> Result<Of, Fatal> {
        if self.streams.get_mut(id).is_some() {
            return Ok(Of::Active);
        }
        if self.cancelled.contains(&id) {
            return Ok(Of::Cancelled);
        }
        Err(if self.was_opened(id) { CLOSED } else { PROTOCOL })
    }

    /// The usual end of an answer, all of it there: nothing is to be remembered.
    /// Returns what is behind it; None if it is something else.
    #[inline]
    fn take_last_data<'b>(&mut self, head: FrameHead, behind: &'b [u8], turn: &mut Turn<'_>) -> Option<&'b [u8]> {
        let received = self.inbox.received + head.length;
        let stream = self.streams.get_mut(head.stream)?;
        if head.flags != flag::END_STREAM || stream.status == 0 || received > WINDOW / 2 {
            return None;
        }
        let (body, rest) = behind.split_at_checked(head.length as usize)?;
        if let Some(captured) = &mut stream.captured {
            captured.add(body);
        }
        self.inbox.received = received;
        stream.body_bytes += u64::from(head.length);
        self.finish(head.stream, turn);
        Some(rest)
    }

    fn begin_data(&mut self, head: FrameHead, turn: &mut Turn<'_>) -> Result<(), Fatal> {
        // The whole payload counts (6.9.1), read or passed over: nothing is kept here.
        self.inbox.received += head.length;
        if self.inbox.received > WINDOW / 2 {
            self.out.window_update(0, std::mem::take(&mut self.inbox.received));
        }
        let ends = head.has(flag::END_STREAM);
        let padded = head.has(flag::PADDED);
        if padded && head.length == 0 {
            return Err(FRAME_SIZE);
        }
        if let Of::Cancelled = self.stream_of(head.stream)? {
            self.idle()?;
        } else if head.length == u32::from(padded) && !ends {
            // Nothing but a frame.
            self.idle()?;
        }
        if let Some(stream) = self.streams.get_mut(head.stream) {
            if stream.status == 0 {
                if self.is_unsent(head.stream) {
                    return Err(PROTOCOL);
                }
                // A body without a head.
                self.malformed(head.stream, Cause::BadHead, turn)?;
            } else if !ends {
                stream.received += head.length;
                if stream.received > WINDOW / 2 {
                    self.out.window_update(head.stream, std::mem::take(&mut stream.received));
                }
            }
        }
        self.inbox.data = Some(Data {
            stream: head.stream,
            ends,
            pad_length_next: padded,
            body: head.length - u32::from(padded),
            padding: 0,
        });
        Ok(())
    }

    /// Takes what has come of a DATA frame; returns what is behind it.
    #[inline]
    fn take_data<'b>(&mut self, mut bytes: &'b [u8], turn: &mut Turn<'_>) -> Result<&'b [u8], Fatal> {
        let Some(data) = &mut self.inbox.data else { return Ok(bytes) };
        if data.pad_length_next {
            let Some((&length, rest)) = bytes.split_first() else { return Ok(bytes) };
            // Padding as long as the payload, or longer (6.1).
            data.body = data.body.checked_sub(length.into()).ok_or(PROTOCOL)?;
            (data.pad_length_next, data.padding) = (false, length.into());
            bytes = rest;
        }
        let body = (data.body as usize).min(bytes.len());
        data.body -= body as u32;
        let padding = (data.padding as usize).min(bytes.len() - body);
        data.padding -= padding as u32;
        let Data { stream: id, ends, body: to_come, padding: more, .. } = *data;
        if let Some(stream) = self.streams.get_mut(id) {
            stream.body_bytes += body as u64;
            if let Some(captured) = &mut stream.captured {
                captured.add(&bytes[..body]);
            }
            if body > 0 {
                self.inbox.idle = 0;
            }
        }
        if to_come + more == 0 {
            self.inbox.data = None;
            if ends {
                self.finish(id, turn);
            }
        }
        Ok(&bytes[body + padding..])
    }

    #[inline]
    fn take_frame(&mut self, head: FrameHead, payload: &[u8], turn: &mut Turn<'_>) -> Result<(), Fatal> {
        match head.kind {
            kind::HEADERS => self.take_headers(head, payload, turn),
            kind::CONTINUATION => self.take_continuation(head, payload, turn),
            kind::SETTINGS => self.take_settings(head, payload),
            kind::PING => self.take_ping(head, payload),
            kind::GOAWAY => self.take_goaway(head, payload, turn),
            kind::RST_STREAM => self.take_reset(head, payload, turn),
            kind::WINDOW_UPDATE => self.take_window_update(head, payload, turn),
            // It was told not to (6.6).
            kind::PUSH_PROMISE => Err(Fatal(Cause::PushPromise, code::PROTOCOL_ERROR)),
            kind::PRIORITY if head.stream == 0 => Err(PROTOCOL),
            kind::PRIORITY if payload.len() != 5 => Err(FRAME_SIZE),
            // Extensions mean nothing here (4.1).
            _ => self.idle(),
        }
    }

    #[inline]
    fn take_headers(&mut self, head: FrameHead, payload: &[u8], turn: &mut Turn<'_>) -> Result<(), Fatal> {
        let block = match head.flags & (flag::PADDED | flag::PRIORITY) {
            0 => payload,
            _ => without_padding(head, payload)?,
        };
        let ends = head.has(flag::END_STREAM);
        if head.has(flag::END_HEADERS) {
            return self.take_block(head.stream, ends, block, turn);
        }
        self.inbox.block.extend_from_slice(block);
        self.inbox.block_of = Some((head.stream, ends, turn.began));
        self.idle()
    }

    #[cold]
    fn take_continuation(&mut self, head: FrameHead, payload: &[u8], turn: &mut Turn<'_>) -> Result<(), Fatal> {
        let Some((stream, ends, began)) = self.inbox.block_of else { return Err(PROTOCOL) };
        self.inbox.block.extend_from_slice(payload);
        if self.inbox.block.len() > MAX_BLOCK {
            return Err(Fatal(Cause::OversizeHead, code::ENHANCE_YOUR_CALM));
        }
        self.idle()?;
        if head.has(flag::END_HEADERS) {
            self.inbox.block_of = None;
            let block = std::mem::take(&mut self.inbox.block);
            turn.began = began;
            self.take_block(stream, ends, &block, turn)?;
        }
        Ok(())
    }

    /// A whole header block: interim, final, or trailers.
    #[inline]
    fn take_block(&mut self, id: u32, ends: bool, block: &[u8], turn: &mut Turn<'_>) -> Result<(), Fatal> {
        if self.is_unsent(id) {
            return Err(PROTOCOL);
        }
        if let Some(stream) = self.streams.get_mut(id)
            && stream.status == 0
        {
            let head = match self.heads.decode(&mut self.decoder, block) {
                Ok(head) => head,
                Err(bad) => return self.bad_head(id, bad, turn),
            };
            if head.status < 200 {
                // It does not end an answer (RFC 9110, 15.2).
                return if ends { self.malformed(id, Cause::BadHead, turn) } else { self.idle() };
            }
            stream.status = head.status;
            if let Some(mut captured) = self.capture.keeper() {
                captured.set_location(head.status, self.heads.location());
                captured.codings = head.codings;
                stream.captured = Some(captured);
            }
            stream.first_byte = turn.began;
            let without_body = stream.is_head || matches!(head.status, 204 | 304);
            stream.expected = match head.length {
                // What has no body may say anything of its length.
                _ if without_body => None,
                Length::None => None,
                Length::Bytes(n) => Some(n),
                Length::Bad => return self.malformed(id, Cause::BadLength, turn),
            };
            self.inbox.idle = 0;
            if ends {
                self.finish(id, turn);
            }
            return Ok(());
        }
        self.take_trailers(id, ends, block, turn)
    }

    #[cold]
    fn take_trailers(&mut self, id: u32, ends: bool, block: &[u8], turn: &mut Turn<'_>) -> Result<(), Fatal> {
        // The decoder has to see every block.
        let decoded = decode_trailers(&mut self.decoder, block);
        if let Of::Cancelled = self.stream_of(id)? {
            if ends {
                self.forget(id);
            }
            // What a block means that nobody waits for does not matter.
            return match decoded {
                Err(BadHead::Block(error)) => Err(fatal(error)),
                _ => self.idle(),
            };
        }
        match decoded {
            Err(bad) => self.bad_head(id, bad, turn),
            // Trailers end the stream (8.1).
            Ok(()) if !ends => self.malformed(id, Cause::BadHead, turn),
            Ok(()) => {
                self.finish(id, turn);
                Ok(())
            }
        }
    }

    #[cold]
    fn bad_head(&mut self, id: u32, bad: BadHead, turn: &mut Turn<'_>) -> Result<(), Fatal> {
        match bad {
            BadHead::Block(error) => Err(fatal(error)),
            BadHead::Malformed(cause) => self.malformed(id, cause, turn),
        }
    }

    /// The answer on stream `id` is malformed: an error of the stream alone (8.1.1).
    #[cold]
    fn malformed(&mut self, id: u32, cause: Cause, turn: &mut Turn<'_>) -> Result<(), Fatal> {
        if let Some(stream) = self.take(id) {
            self.cancel(id, code::PROTOCOL_ERROR);
            turn.done.push(answer(&stream, Some(Failure::new(Phase::Protocol, cause))));
        }
        self.idle()
    }

    /// The peer has ended stream `id`.
    #[inline]
    fn finish(&mut self, id: u32, turn: &mut Turn<'_>) {
        let Some(mut stream) = self.take(id) else { return self.forget(id) };
        let failure = match stream.expected {
            Some(expected) if expected != stream.body_bytes => Some(Failure::new(Phase::Protocol, Cause::BadLength)),
            _ => None,
        };
        if stream.upload.is_some() {
            // The answer has come before the request was out (8.1): the rest of it is nobody's business.
            self.out.reset(id, code::CANCEL);
        }
        self.reused = true;
        self.inbox.idle = 0;
        let captured = stream.captured.take().filter(|_| failure.is_none());
        turn.done.push(Answer { captured, ..answer(&stream, failure) });
    }

    /// The peer has ended a stream that this side had ended before.
    pub(super) fn forget(&mut self, id: u32) {
        self.cancelled.remove(&id);
    }
}

/// A HEADERS payload without what is around its block (6.2).
#[cold]
fn without_padding(head: FrameHead, payload: &[u8]) -> Result<&[u8], Fatal> {
    let mut block = payload;
    let mut padding = 0;
    if head.has(flag::PADDED) {
        let (&length, rest) = block.split_first().ok_or(FRAME_SIZE)?;
        (padding, block) = (usize::from(length), rest);
    }
    if head.has(flag::PRIORITY) {
        block = block.get(5..).ok_or(FRAME_SIZE)?;
    }
    let length = block.len().checked_sub(padding).ok_or(PROTOCOL)?;
    Ok(&block[..length])
}

fn fatal(error: HpackError) -> Fatal {
    match error {
        HpackError::ListTooLong => Fatal(Cause::OversizeHead, code::ENHANCE_YOUR_CALM),
        _ => Fatal(Cause::Compression, code::COMPRESSION_ERROR),
    }
}
