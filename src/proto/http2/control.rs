//! Frames about the connection and its streams: what the peer sends beside answers.

use crate::proto::Answer;
use crate::record::{Cause, Failure, Phase};

use super::frame::{FrameHead, MAX_STREAM, code, flag, goaway_cause, kind, rst_cause, setting};
use super::receive::{FLOW_CONTROL, FRAME_SIZE, Fatal, MAX_FRAME, PROTOCOL, Turn};
use super::session::{Session, answer};

impl Session {
    #[cold]
    pub(super) fn take_settings(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Fatal> {
        if head.stream != 0 {
            return Err(PROTOCOL);
        }
        if head.has(flag::ACK) {
            return if payload.is_empty() { self.idle() } else { Err(FRAME_SIZE) };
        }
        if !payload.len().is_multiple_of(6) {
            return Err(FRAME_SIZE);
        }
        // The last of several values counts: a frame with thousands of them goes through the streams once.
        let (mut initial_window, before) = (self.peer.initial_window, self.peer);
        for pair in payload.chunks_exact(6) {
            let value = u32::from_be_bytes([pair[2], pair[3], pair[4], pair[5]]);
            match u16::from_be_bytes([pair[0], pair[1]]) {
                // A server cannot promise to push what it was told not to (6.5.2).
                setting::ENABLE_PUSH if value != 0 => return Err(PROTOCOL),
                setting::MAX_CONCURRENT_STREAMS => self.peer.max_streams = value,
                setting::INITIAL_WINDOW_SIZE if value > MAX_STREAM => return Err(FLOW_CONTROL),
                setting::INITIAL_WINDOW_SIZE => initial_window = value,
                setting::MAX_FRAME_SIZE if !(MAX_FRAME..1 << 24).contains(&value) => return Err(PROTOCOL),
                setting::MAX_FRAME_SIZE => self.peer.max_frame = value as usize,
                // This side's blocks use no dynamic table, and are as long as the user wants them.
                _ => {}
            }
        }
        self.initial_window(initial_window)?;
        if self.peer.initial_window < before.initial_window || self.peer.max_frame < before.max_frame {
            self.restage();
        }
        self.ready = true;
        self.out.reply(kind::SETTINGS, flag::ACK, 0, &[]);
        self.idle()
    }

    /// The windows of all streams change by the difference (6.9.2).
    fn initial_window(&mut self, value: u32) -> Result<(), Fatal> {
        let by = i64::from(value) - i64::from(self.peer.initial_window);
        if by == 0 {
            return Ok(());
        }
        self.peer.initial_window = value;
        for stream in self.streams.iter_mut() {
            stream.window += by;
            if stream.window > MAX_STREAM.into() {
                return Err(FLOW_CONTROL);
            }
        }
        for id in self.streams.ids(|stream| stream.upload.is_some()) {
            self.window_opened(id);
        }
        Ok(())
    }

    #[cold]
    pub(super) fn take_ping(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Fatal> {
        match (head.stream, payload.len()) {
            (0, 8) => {}
            (0, _) => return Err(FRAME_SIZE),
            _ => return Err(PROTOCOL),
        }
        if !head.has(flag::ACK) {
            self.out.reply(kind::PING, flag::ACK, 0, payload);
        }
        self.idle()
    }

    #[cold]
    pub(super) fn take_goaway(&mut self, head: FrameHead, payload: &[u8], turn: &mut Turn<'_>) -> Result<(), Fatal> {
        if head.stream != 0 {
            return Err(PROTOCOL);
        }
        let Some((&[a, b, c, d, e, f, g, h], _)) = payload.split_first_chunk::<8>() else { return Err(FRAME_SIZE) };
        let last = u32::from_be_bytes([a, b, c, d]) & MAX_STREAM;
        let error = u32::from_be_bytes([e, f, g, h]);
        // The last stream only ever gets lower (6.8).
        let before = self.goaway.map_or(u32::MAX, |(before, _)| before);
        let last = last.min(before);
        self.goaway = Some((last, error));
        self.exhausted = true;
        let lost = if last < before { self.streams.ids(|stream| stream.id > last) } else { Vec::new() };
        for id in lost {
            if let Some(stream) = self.take(id) {
                let failure = Some(Failure::new(Phase::Http2, goaway_cause(error)));
                turn.done.push(Answer { may_be_sent_again: true, ..answer(&stream, failure) });
            }
        }
        self.idle()
    }

    #[cold]
    pub(super) fn take_reset(&mut self, head: FrameHead, payload: &[u8], turn: &mut Turn<'_>) -> Result<(), Fatal> {
        let Ok(error) = <[u8; 4]>::try_from(payload).map(u32::from_be_bytes) else { return Err(FRAME_SIZE) };
        if !self.was_opened(head.stream) || self.is_unsent(head.stream) {
            return Err(PROTOCOL);
        }
        let Some(stream) = self.take(head.stream) else {
            // It has ended already: the peer may say so once more (8.1).
            self.forget(head.stream);
            return self.idle();
        };
        let refused = error == code::REFUSED_STREAM;
        // What it refuses here it may take elsewhere (8.7).
        self.exhausted |= refused;
        let failure = Some(Failure::new(Phase::Http2, rst_cause(error)));
        turn.done.push(Answer { may_be_sent_again: refused, ..answer(&stream, failure) });
        self.idle()
    }

    pub(super) fn take_window_update(
        &mut self,
        head: FrameHead,
        payload: &[u8],
        turn: &mut Turn<'_>,
    ) -> Result<(), Fatal> {
        let Ok(by) = <[u8; 4]>::try_from(payload).map(u32::from_be_bytes) else { return Err(FRAME_SIZE) };
        let by = i64::from(by & MAX_STREAM);
        let most = i64::from(MAX_STREAM);
        // A window that a body is waiting for is progress, be it opened octet by octet: there are no more such
        // frames than octets to send.
        let is_needed = by > 0 && self.needs_window(head.stream);
        if head.stream == 0 {
            self.send_window += by;
            match by {
                0 => return Err(PROTOCOL),
                _ if self.send_window > most => return Err(FLOW_CONTROL),
                _ => {}
            }
        } else if !self.was_opened(head.stream) || self.is_unsent(head.stream) {
            return Err(PROTOCOL);
        } else if let Some(stream) = self.streams.get_mut(head.stream) {
            stream.window += by;
            // Errors of the stream alone (6.9, 6.9.1).
            let code = match by {
                0 => code::PROTOCOL_ERROR,
                _ if stream.window > most => code::FLOW_CONTROL_ERROR,
                _ => code::NO_ERROR,
            };
            if code != code::NO_ERROR
                && let Some(stream) = self.take(head.stream)
            {
                self.cancel(head.stream, code);
                turn.done.push(answer(&stream, Some(Failure::new(Phase::Http2, Cause::FlowControl))));
            }
        }
        self.window_opened(head.stream);
        if is_needed {
            self.inbox.idle = 0;
            return Ok(());
        }
        // The peer may give back the window of each octet that it was sent by a frame of its own, and does not
        // have to do so before the body has ended.
        if by > 0 && self.credits_due > 0 {
            self.credits_due -= 1;
            return Ok(());
        }
        self.idle()
    }
}
