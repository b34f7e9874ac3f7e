//! HTTP/2, the client's side (RFC 9113).

mod codec;
mod control;
mod frame;
mod head;
pub mod hpack;
mod inbox;
mod outbox;
mod receive;
mod session;
mod streams;
#[cfg(test)]
mod tests;
mod wire;

pub use codec::{Codec, OF_A_CONNECTION};
pub use session::Session;
pub use wire::Wire;
