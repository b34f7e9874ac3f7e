//! Values of options: from what is written to what is meant.

use std::net::SocketAddr;

use crate::plan::Warmup;
use crate::schedule::Stage;
use crate::time::Nanos;
use crate::units;

/// What --stages says.
#[derive(Clone, Debug)]
pub(super) struct Stages(pub(super) Vec<Stage>);

/// A number of things, at least 1: `1000`, `1_000`, `1,000`, `10k`, `1.5M`.
pub(super) fn count(text: &str) -> Result<u64, String> {
    let wrong = || "write a number from 1 on, as in 1000, 1_000 or 10k".to_owned();
    let digits = text.replace(['_', ','], "");
    let (digits, scale) = match digits.char_indices().last() {
        Some((at, 'k' | 'K')) => (&digits[..at], 1_000),
        Some((at, 'm' | 'M')) => (&digits[..at], 1_000_000),
        _ => (&*digits, 1),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number(whole) || digits.contains('.') && (!is_number(fraction) || fraction.len() > 6) {
        return Err(wrong());
    }
    let whole: u64 = whole.parse().map_err(|_| format!("it must be at most {}", u64::MAX))?;
    // As millionths, so that what is left over shows.
    let millionths = format!("{fraction:0<6}").parse::<u64>().map_err(|_| wrong())? * scale;
    let n = whole.checked_mul(scale).and_then(|n| n.checked_add(millionths / 1_000_000));
    match n {
        Some(1..) if millionths.is_multiple_of(1_000_000) => n.ok_or_else(wrong),
        None => Err(format!("it must be at most {}", u64::MAX)),
        _ => Err(wrong()),
    }
}

/// A number of users.
pub(super) fn users(text: &str) -> Result<u32, String> {
    let n = count(text)?;
    u32::try_from(n).ok().filter(|n| *n <= MAX_USERS).ok_or_else(|| "it must be at most 1,000,000".into())
}

/// Maximum of `--concurrency`.
const MAX_USERS: u32 = 1_000_000;

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
    fn counts_may_be_grouped_and_scaled() {
        for (text, n) in [
            ("1", 1),
            ("1000", 1_000),
            ("1_000", 1_000),
            ("1,000", 1_000),
            ("10k", 10_000),
            ("1.5K", 1_500),
            ("2M", 2_000_000),
            ("0.5k", 500),
        ] {
            assert_eq!(count(text), Ok(n), "{text}");
        }
        for wrong in [
            "",
            "0",
            "-1",
            "+1",
            "k",
            "1kk",
            "1.5",
            "0.0001k",
            "1e3",
            "1 000",
            ".5k",
            "5.k",
            "99999999999999999999",
            "99999999999999999k",
        ] {
            assert!(count(wrong).is_err(), "{wrong}");
        }
        assert_eq!(users("1M"), Ok(1_000_000));
        assert!(users("1000001").is_err());
    }

    #[test]
    fn a_bare_warmup_number_is_a_count() {
        assert_eq!(warmup("20"), Ok(Warmup::Requests(20)));
        assert_eq!(warmup("20s"), Ok(Warmup::Time(Nanos::from_secs(20))));
        assert_eq!(warmup("0"), Ok(Warmup::None));
        assert!(warmup("lots").is_err());
    }
}
