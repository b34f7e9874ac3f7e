//! Values of options: from what is written to what is meant.

use std::net::SocketAddr;

use crate::plan::Warmup;
use crate::schedule::Stage;
use crate::time::Nanos;
use crate::units;

/// What --stages says.
#[derive(Clone, Debug)]
pub(super) struct Stages(pub(super) Vec<Stage>);

/// A time that is longer than zero.
pub(super) fn positive(text: &str) -> Result<Nanos, String> {
    match units::parse_duration(text)? {
        Nanos::ZERO => Err("it must be longer than zero".into()),
        time => Ok(time),
    }
}

/// A port alone is one of the loopback interface: metrics must not be public by mistake.
pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let port = text.strip_prefix(':').unwrap_or(text).parse().map(loopback);
    port.or_else(|_| text.parse())
        .map_err(|_| "write a port, or an address and a port, as in 9090 or [::1]:9090".into())
}

/// The stages of a rate.
pub(super) fn stages(text: &str) -> Result<Stages, String> {
    Stage::parse_all(text).map(Stages)
}

/// A number of requests, a time, or `auto`.
pub(super) fn warmup(text: &str) -> Result<Warmup, String> {
    if text.eq_ignore_ascii_case("auto") {
        return Ok(Warmup::Auto);
    }
    match text.parse() {
        Ok(0) => Ok(Warmup::None),
        Ok(n) => Ok(Warmup::Requests(n)),
        Err(_) => match units::parse_duration(text) {
            Ok(Nanos::ZERO) => Ok(Warmup::None),
            Ok(time) => Ok(Warmup::Time(time)),
            Err(_) => Err("write a number of requests, a time with its unit, or auto, as in 100 or 5s".into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_warmup_number_is_a_count() {
        assert_eq!(warmup("20"), Ok(Warmup::Requests(20)));
        assert_eq!(warmup("20s"), Ok(Warmup::Time(Nanos::from_secs(20))));
        assert_eq!(warmup("0"), Ok(Warmup::None));
        assert!(warmup("lots").is_err());
    }
}
