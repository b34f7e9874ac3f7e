//! When the kernel had what a read returns: receive stamps (SO_TIMESTAMPNS,
//! Documentation/networking/timestamping.rst).

use std::io;
#[cfg(target_os = "linux")]
use std::net::Ipv4Addr;
use std::net::UdpSocket;
#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd;
#[cfg(target_os = "linux")]
use std::time::Duration;

use mio::net::TcpStream;
#[cfg(target_os = "linux")]
use nix::sys::socket::MsgFlags;

use crate::time::Nanos;

/// While it lives, the kernel stamps packets. It begins to do so a little after
/// the first socket of the system asked for it, so that of a run's own
/// connections the first packets would have none.
#[derive(Debug)]
pub struct Stamping {
    _socket: Option<UdpSocket>,
}

/// Datagrams are tried so long after each other.
#[cfg(target_os = "linux")]
const TRIED_EVERY: Duration = Duration::from_millis(4);

impl Stamping {
    /// Waits for the kernel to begin: until a datagram that a socket sends to itself has a stamp, but not for more
    /// than so many tries, with a few milliseconds between them.
    #[cfg(target_os = "linux")]
    pub fn begin(tries: u32) -> Stamping {
        use nix::sys::socket::{setsockopt, sockopt::ReceiveTimestampns};

        let begun = || {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            socket.connect(socket.local_addr()?)?;
            socket.set_read_timeout(Some(TRIED_EVERY))?;
            setsockopt(&socket, ReceiveTimestampns, &true)?;
            let mut control = control();
            for _ in 0..tries {
                socket.send(&[0])?;
                if receive(&socket, &mut [0], &mut control, MsgFlags::empty())?.1.is_some() {
                    break;
                }
                // Nothing comes: this waits.
                let _ = socket.recv(&mut [0]);
            }
            Ok::<_, io::Error>(socket)
        };
        Stamping { _socket: begun().ok() }
    }

    /// There are no stamps on this system.
    #[cfg(not(target_os = "linux"))]
    pub fn begin(_tries: u32) -> Stamping {
        Stamping { _socket: None }
    }
}

/// A connection's receive stamps. On TCP the stamp is that of the packet with
/// the last byte returned.
#[derive(Debug)]
pub(super) struct Stamps {
    #[cfg(target_os = "linux")]
    control: Vec<u8>,
    /// That of the last read here, by the wall clock.
    pub(super) last: Option<Nanos>,
}

#[cfg(target_os = "linux")]
impl Stamps {
    /// Has the kernel stamp what arrives on `stream`. None where it will not.
    pub(super) fn ask_for(stream: &TcpStream) -> Option<Box<Stamps>> {
        use nix::sys::socket::{setsockopt, sockopt::ReceiveTimestampns};
        setsockopt(stream, ReceiveTimestampns, &true).ok()?;
        Some(Box::new(Stamps { control: control(), last: None }))
    }

    /// Reads from `stream`, and keeps the stamp.
    pub(super) fn read(&mut self, stream: &TcpStream, buf: &mut [u8]) -> io::Result<usize> {
        self.receive(stream, buf, MsgFlags::empty())
    }

    /// The same without a copy: see [`super::low_water::discard`].
    pub(super) fn discard(&mut self, stream: &TcpStream, buf: &mut [u8]) -> io::Result<usize> {
        self.receive(stream, buf, MsgFlags::MSG_TRUNC)
    }

    fn receive(&mut self, stream: &TcpStream, buf: &mut [u8], flags: MsgFlags) -> io::Result<usize> {
        let (bytes, stamp) = receive(stream, buf, &mut self.control, flags)?;
        self.last = stamp;
        Ok(bytes)
    }
}

/// Room for a stamp.
#[cfg(target_os = "linux")]
fn control() -> Vec<u8> {
    nix::cmsg_space!(nix::sys::time::TimeSpec)
}

/// How many bytes were read, and the stamp that they had.
#[cfg(target_os = "linux")]
fn receive(
    socket: &impl AsRawFd,
    buf: &mut [u8],
    control: &mut [u8],
    flags: MsgFlags,
) -> io::Result<(usize, Option<Nanos>)> {
    use nix::sys::socket::{ControlMessageOwned, recvmsg};

    let mut parts = [io::IoSliceMut::new(buf)];
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(control), flags)?;
    let stamp = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::ScmTimestampns(at) => {
            Some(Nanos(at.tv_sec() as u64 * 1_000_000_000 + at.tv_nsec() as u64))
        }
        _ => None,
    });
    Ok((message.bytes, stamp))
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

    pub(super) fn discard(&mut self, stream: &TcpStream, buf: &mut [u8]) -> io::Result<usize> {
        self.read(stream, buf)
    }
}
