//! Large bodies that are only counted: passed over by the kernel, and waited for until there is much of them.

use std::io;

use mio::net::TcpStream;

/// Takes the next bytes of `stream` off its receive queue without copying them to `buf`, as many as it has (tcp(7),
/// MSG_TRUNC).
#[cfg(target_os = "linux")]
pub(super) fn discard(stream: &TcpStream, buf: &mut [u8]) -> io::Result<usize> {
    use rustix::net::{RecvFlags, recv};
    Ok(recv(stream, buf, RecvFlags::TRUNC).map(|(_, bytes)| bytes)?)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn discard(mut stream: &TcpStream, buf: &mut [u8]) -> io::Result<usize> {
    io::Read::read(&mut stream, buf)
}

/// `stream` is readable only with at least `bytes` (SO_RCVLOWAT). That only spares wake-ups, so it may fail.
#[cfg(target_os = "linux")]
pub(super) fn set(stream: &TcpStream, bytes: u32) {
    let _ = nix::sys::socket::setsockopt(stream, option::ReceiveLowWater, &(bytes as i32));
}

#[cfg(not(target_os = "linux"))]
pub(super) fn set(_: &TcpStream, _: u32) {}

/// An option that no library has by name.
#[cfg(target_os = "linux")]
mod option {
    use nix::libc;
    use nix::setsockopt_impl;
    use nix::sys::socket::sockopt::SetStruct;

    /// How many bytes make a socket readable.
    #[derive(Clone, Copy, Debug)]
    pub(super) struct ReceiveLowWater;

    setsockopt_impl!(ReceiveLowWater, libc::SOL_SOCKET, libc::SO_RCVLOWAT, i32, SetStruct<'_, i32>);
}
