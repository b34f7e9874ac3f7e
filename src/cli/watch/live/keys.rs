//! Keys: read from the terminal, and what they do.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Read};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// What a user asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// The end of the run; asked for twice, of the process.
    End,
    /// That drawing stops, or goes on.
    Pause,
    /// That the help comes, or goes.
    Help,
    /// That the help goes.
    Back,
    /// That the screen is drawn anew: its size has changed.
    Redraw,
}

/// The terminal's keyboard, in raw mode. Crossterm's own reader goes round for ever once the terminal is gone.
pub(super) struct Keys(File);

/// The rest of a key that is several bytes follows at once.
const REST: Duration = Duration::from_millis(20);

impl Keys {
    /// None: there is nowhere to read keys from.
    pub(super) fn open() -> Option<Keys> {
        let stdin = io::stdin();
        let terminal = if stdin.is_terminal() {
            stdin.as_fd().try_clone_to_owned().map(File::from)
        } else {
            File::open("/dev/tty")
        };
        terminal.ok().map(Keys)
    }

    /// What is asked for within `time`.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(super) fn wait(&mut self, time: Duration) -> io::Result<Vec<Wish>> {
        let mut bytes = Vec::new();
        let mut time = time;
        while self.is_ready(time)? {
            let mut some = [0; 64];
            match self.0.read(&mut some) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => bytes.extend_from_slice(&some[..n]),
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => break,
                Err(error) => return Err(error),
            }
            if wishes(&bytes).1.is_empty() {
                break;
            }
            time = REST;
        }
        Ok(wishes(&bytes).0)
    }

    fn is_ready(&self, time: Duration) -> io::Result<bool> {
        let time = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: time.subsec_nanos().into() };
        let mut waits = [PollFd::new(&self.0, PollFlags::IN)];
        match poll(&mut waits, Some(&time)) {
            Ok(_) if waits[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => {
                Err(ErrorKind::UnexpectedEof.into())
            }
            Ok(n) => Ok(n > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// What bytes of a terminal ask for, and the beginning of a key at their end.
fn wishes(bytes: &[u8]) -> (Vec<Wish>, &[u8]) {
    let mut wishes = Vec::new();
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        let (wish, after) = match byte {
            0x1b => match key(after) {
                Some(key) => key,
                // Alone it is a key of its own.
                None => {
                    wishes.extend(after.is_empty().then_some(Wish::Back));
                    return (wishes, rest);
                }
            },
            0x03 | b'q' | b'Q' => (Some(Wish::End), after),
            0x0c => (Some(Wish::Redraw), after),
            b'p' | b'P' | b' ' => (Some(Wish::Pause), after),
            b'?' | b'h' => (Some(Wish::Help), after),
            _ => (None, after),
        };
        wishes.extend(wish);
        rest = after;
    }
    (wishes, rest)
}

/// A key of several bytes, behind its escape: `[` and parameters up to a letter or `~`, or `O` and a letter (ECMA-48,
/// 5.4, and as terminals send function keys). None if its end is missing.
fn key(bytes: &[u8]) -> Option<(Option<Wish>, &[u8])> {
    let length = match bytes.first()? {
        b'O' => 2,
        // The console of Linux.
        b'[' if bytes.get(1) == Some(&b'[') => 3,
        b'[' => 2 + bytes[1..].iter().position(|byte| (0x40..=0x7e).contains(byte))?,
        // Escape twice, or a letter with Alt.
        0x1b => 0,
        _ => 1,
    };
    let (key, rest) = bytes.split_at_checked(length)?;
    let wish = match key {
        b"OP" | b"[11~" | b"[[A" => Some(Wish::Help),
        b"" => Some(Wish::Back),
        _ => None,
    };
    Some((wish, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn in_raw_mode_control_c_is_a_key() {
        for (bytes, expected) in [
            (&b"\x03"[..], &[Wish::End][..]),
            (b"cxyz1", &[]),
            (b"q", &[Wish::End]),
            (b"\x11", &[]),
            (b"?p p", &[Wish::Help, Wish::Pause, Wish::Pause, Wish::Pause]),
            (b"\x1bOPq", &[Wish::Help, Wish::End]),
            (b"\x1b[11~\x1b[[A", &[Wish::Help, Wish::Help]),
            // Arrows, F5 with Shift, Alt-q, a character beyond ASCII.
            (b"\x1b[A\x1b[15;2~\x1bq\xc3\xa4", &[]),
            (b"\x1b", &[Wish::Back]),
            (b"\x1b\x1b", &[Wish::Back, Wish::Back]),
            (b"\x0c", &[Wish::Redraw]),
        ] {
            assert_eq!(wishes(bytes).0, expected, "{bytes:?}");
        }
        assert_eq!([&b"p\x1b[1"[..], b"\x1bO", b"p"].map(|bytes| wishes(bytes).1), [&b"\x1b[1"[..], b"\x1bO", b""]);
    }

    proptest! {
        #[test]
        fn no_key_is_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let (found, rest) = wishes(&bytes);
            prop_assert!(found.len() <= bytes.len() && bytes.ends_with(rest));
        }
    }
}
