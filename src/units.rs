//! Durations, sizes and numbers, as people write and read them.

use jiff::SignedDuration;

use crate::time::Nanos;

/// Durations are shorter than this, so that none is taken for [`Nanos::NEVER`]: 285 years.
const TOO_LONG: Nanos = Nanos::from_secs(9_000_000_000);

/// Reads `10` (seconds), `0.5`, `500ms`, `2m`, `1h30m`.
///
/// # Errors
/// One line that says what is wrong with the text.
pub fn parse_duration(text: &str) -> Result<Nanos, String> {
    let text = text.trim();
    let wrong = || format!("'{text}' is not a duration: write seconds or a unit, as in 10, 500ms, 2m or 1h30m");
    let within = |nanos: Nanos| if nanos < TOO_LONG { Ok(nanos) } else { Err(format!("'{text}' is too long")) };
    if text.starts_with(['-', '+']) {
        return Err(wrong());
    }
    if text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && text.bytes().any(|b| b.is_ascii_digit()) {
        let seconds: f64 = text.parse().map_err(|_| wrong())?;
        return within(Nanos((seconds * 1e9).round() as u64));
    }
    let span: SignedDuration = text.parse().map_err(|_| wrong())?;
    if span.is_negative() {
        return Err(wrong());
    }
    within(Nanos(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
}

/// Rates are lower than this: more than any machine can send.
const TOO_FAST: f64 = 1e9;

/// Reads `1000` (per second), `500/s`, `30/m`, `10/ms`, `7200/h`; above zero.
///
/// # Errors
/// One line that says what is wrong with the text.
pub fn parse_rate(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let wrong = || format!("'{text}' is not a rate: write requests per second or a unit, as in 1000, 500/s or 30/m");
    let (number, per_s) = match text.split_once('/') {
        None => (text, 1.0),
        Some((number, "ms")) => (number, 1000.0),
        Some((number, "s")) => (number, 1.0),
        Some((number, "m" | "min")) => (number, 1.0 / 60.0),
        Some((number, "h")) => (number, 1.0 / 3600.0),
        Some(_) => return Err(wrong()),
    };
    if !number.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Err(wrong());
    }
    match number.parse::<f64>().map_err(|_| wrong())? * per_s {
        rate if rate >= TOO_FAST => Err(format!("'{text}' is too fast")),
        // Once in 30 years is no rate either.
        rate if rate < 1e-9 => Err(format!("'{text}': a rate is above zero")),
        rate => Ok(rate),
    }
}

/// `1,234,567`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `512 B`, `1.2 kB`, `34.5 MB`: decimal units, at most three digits and a fraction.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 999.5 && unit < UNITS.len() - 1 {
        value /= 1000.0;
        unit += 1;
    }
    match (unit, value) {
        (0, _) => format!("{n} B"),
        (_, v) if v < 99.95 => format!("{value:.1} {}", UNITS[unit]),
        _ => format!("{value:.0} {}", UNITS[unit]),
    }
}

/// A rate per second: `0.52/s`, `87.3/s`, `12,345/s`; `0.0033/s` rather than one that seems to be none.
pub fn rate(per_s: f64) -> String {
    match per_s {
        r if r > 0.0 && r < 0.000_1 => "<0.0001/s".into(),
        r if r > 0.0 && r < 0.01 => format!("{r:.4}/s"),
        r if r < 9.995 => format!("{r:.2}/s"),
        r if r < 999.95 => format!("{r:.1}/s"),
        r => format!("{}/s", grouped(r.round() as u64)),
    }
}

/// A share of one as a percentage that is `100 %` or `0 %` only when it is exactly that.
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    match value {
        v if v <= 0.0 => "0%".into(),
        v if v >= 100.0 => "100%".into(),
        v if v < 0.005 => "<0.01%".into(),
        v if v > 99.99 => ">99.99%".into(),
        v => format!("{v:.2}%"),
    }
}

/// A share of one as a percentage in whole numbers, likewise.
pub fn whole_percent(share: f64) -> String {
    match share * 100.0 {
        v if v > 0.0 && v < 1.0 => "<1%".into(),
        v if v > 99.0 && v < 100.0 => ">99%".into(),
        v => format!("{v:.0}%"),
    }
}

/// A number with one decimal that is `0.0` only if it is zero.
pub fn tenths(n: f64) -> String {
    if n > 0.0 && n < 0.05 { "<0.1".into() } else { format!("{n:.1}") }
}

/// A number with at least this many decimals: more, where it would seem to be zero and is not.
pub fn decimals(n: f64, least: usize) -> String {
    let seems_zero = |decimals: &usize| n != 0.0 && n.abs() * 10_f64.powi(*decimals as i32) < 0.5;
    let enough = (least..MAX_DECIMALS).find(|decimals| !seems_zero(decimals)).unwrap_or(MAX_DECIMALS);
    format!("{n:.enough$}")
}

/// Below a nanosecond there is no time.
const MAX_DECIMALS: usize = 12;

/// A time in milliseconds, as this tool shows times; one that is not zero is a nanosecond at least.
pub fn millis(ms: f64) -> Nanos {
    Nanos(((ms * 1e6).round() as u64).max(u64::from(ms > 0.0)))
}

/// `1 wave`, `2 waves`.
pub fn count(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_a_unit_or_are_per_second() {
        for (text, per_s) in
            [("1000", 1000.0), ("0.5", 0.5), ("500/s", 500.0), ("30/m", 0.5), ("10/ms", 10_000.0), ("1e3", 1000.0)]
        {
            assert_eq!(parse_rate(text), Ok(per_s), "{text}");
        }
        for wrong in ["", "0", "-5", "+5", "5/", "/s", "5/d", "nan", "inf", "1e400", "1e9", "5 per s"] {
            assert!(parse_rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_are_seconds_or_carry_units() {
        for (text, nanos) in [
            ("10", Nanos::from_secs(10)),
            ("0.5", Nanos::from_millis(500)),
            ("500ms", Nanos::from_millis(500)),
            ("250us", Nanos::from_micros(250)),
            ("2m", Nanos::from_secs(120)),
            ("1h30m", Nanos::from_secs(5400)),
            ("1.5s", Nanos::from_millis(1500)),
            ("0", Nanos::ZERO),
        ] {
            assert_eq!(parse_duration(text), Ok(nanos), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused() {
        assert!(parse_duration("8999999999").is_ok() && parse_duration("8999999999s").is_ok());
        for text in ["9000000000", "9000000000s", "10000000000s", "18446744073s709551615ns", "5124095h"] {
            assert_eq!(parse_duration(text), Err(format!("'{text}' is too long")));
        }
        for text in ["", "abc", "10 parsecs", "-5", "-1s", "1y", "2mo", ".", "1.2.3", "99999999999999", "1e3", "1s ago"]
        {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_234), "1.2 kB");
        assert_eq!(bytes(999_600), "1.0 MB");
        assert_eq!(rate(0.123), "0.12/s");
        assert_eq!([0.0, 0.000_02, 0.0033, 0.0099].map(rate), ["0.00/s", "<0.0001/s", "0.0033/s", "0.0099/s"]);
        let shares = [0.0, 0.000_1, 0.009_9, 0.42, 0.996, 1.0];
        assert_eq!(shares.map(whole_percent), ["0%", "<1%", "<1%", "42%", ">99%", "100%"]);
        assert_eq!([0.0, 0.01, 0.05, 2.0].map(tenths), ["0.0", "<0.1", "0.1", "2.0"]);
        let many = [0.0, 1.2345, 0.000_4, 0.000_5, 1e-9, 1e-30];
        assert_eq!(
            many.map(|n| decimals(n, 3)),
            ["0.000", "1.234", "0.0004", "0.001", "0.000000001", "0.000000000000"]
        );
        assert_eq!([0.0, 1e-9, 1.5].map(|ms| millis(ms).to_string()), ["0 ns", "1 ns", "1.50 ms"]);
        assert_eq!(rate(87.34), "87.3/s");
        assert_eq!(rate(12_345.4), "12,345/s");
        assert_eq!(percent(1.0), "100%");
        assert_eq!(percent(0.999_999), ">99.99%");
        assert_eq!(percent(0.000_001), "<0.01%");
        assert_eq!(percent(0.995), "99.50%");
        assert_eq!(count(1, "wave"), "1 wave");
        assert_eq!(count(1200, "wave"), "1,200 waves");
    }
}
