//! `onrush`: see `onrush --help`.

fn main() {}
