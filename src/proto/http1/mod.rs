//! The client side of HTTP/1.1 (RFC 9112).

mod chunked;
mod codec;
mod head;
mod reader;
mod session;
mod wire;

pub use codec::Codec;
pub use head::{Framing, Head, HeadCache};
pub use reader::{Left, Progress, Reader};
pub use session::Session;
pub use wire::Wire;

/// An answer's head, trailers included, may be this long.
pub const MAX_HEAD: usize = 256 * 1024;
/// A line with a chunk's size and extensions may be this long.
pub const MAX_CHUNK_LINE: usize = 16 * 1024;
/// An answer may have so many header lines.
pub const MAX_HEADERS: usize = 256;
