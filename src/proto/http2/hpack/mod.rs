//! HPACK: header lists as bytes, and back (RFC 7541).

mod decoder;
mod encoder;
mod huffman;
mod static_table;
mod table;

pub use decoder::{Decoder, HpackError};
pub use encoder::{content_length, field};
