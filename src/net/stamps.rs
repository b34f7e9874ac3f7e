//! When the kernel had what a read returns: receive stamps (SO_TIMESTAMPNS,
//! Documentation/networking/timestamping.rst).

use std::io;

use mio::net::TcpStream;

use crate::time::Nanos;

/// A connection's receive stamps. On TCP the stamp is that of the packet with
/// the last byte returned; the first packets after stamping was asked for may have none.
#[derive(Debug)]
pub(super) struct Stamps {
    #[cfg(target_os = "linux")]
    control: Vec<u8>,
    /// Of the last read, by the wall clock.
    pub(super) last: Option<Nanos>,
}

#[cfg(target_os = "linux")]
impl Stamps {
    /// Has the kernel stamp what arrives on `stream`. None where it will not.
    pub(super) fn ask_for(stream: &TcpStream) -> Option<Box<Stamps>> {
        use nix::sys::socket::{setsockopt, sockopt::ReceiveTimestampns};
        setsockopt(stream, ReceiveTimestampns, &true).ok()?;
        Some(Box::new(Stamps { control: nix::cmsg_space!(nix::sys::time::TimeSpec), last: None }))
    }

    /// Reads from `stream`, and keeps the stamp.
    pub(super) fn read(&mut self, stream: &TcpStream, buf: &mut [u8]) -> io::Result<usize> {
        use std::os::fd::AsRawFd;

        use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};

        let mut parts = [io::IoSliceMut::new(buf)];
        let message = recvmsg::<()>(stream.as_raw_fd(), &mut parts, Some(&mut self.control), MsgFlags::empty())?;
        self.last = message.cmsgs()?.find_map(|control| match control {
            ControlMessageOwned::ScmTimestampns(at) => {
                Some(Nanos(at.tv_sec() as u64 * 1_000_000_000 + at.tv_nsec() as u64))
            }
            _ => None,
        });
        Ok(message.bytes)
    }
}

#[cfg(not(target_os = "linux"))]
impl Stamps {
    /// There are none on this system.
    pub(super) fn ask_for(_: &TcpStream) -> Option<Box<Stamps>> {
        None
    }

    pub(super) fn read(&mut self, mut stream: &TcpStream, buf: &mut [u8]) -> io::Result<usize> {
        io::Read::read(&mut stream, buf)
    }
}
