//! `Content-Length`, which both protocols read alike.

/// What the `Content-Length` lines of a response say together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Length {
    /// There is none.
    #[default]
    None,
    Bytes(u64),
    /// No number, or several that differ.
    Bad,
}

impl Length {
    /// With one more line. A list of the same number stands for that number (RFC 9110, 8.6); signs, empty
    /// values and numbers above 2^64 do not count as one.
    pub(super) fn and(self, value: &[u8]) -> Length {
        value.split(|&b| b == b',').map(|digits| parse(digits.trim_ascii())).fold(self, |before, one| {
            match (before, one) {
                (Length::None, one) => one,
                (before, one) if before == one => before,
                _ => Length::Bad,
            }
        })
    }
}

fn parse(digits: &[u8]) -> Length {
    let add = |n: u64, &b: &u8| match b {
        b'0'..=b'9' => n.checked_mul(10)?.checked_add(u64::from(b - b'0')),
        _ => None,
    };
    match digits.iter().try_fold(0, add) {
        Some(n) if !digits.is_empty() => Length::Bytes(n),
        _ => Length::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_a_number_however_often_it_is_said() {
        let length = |lines: &[&str]| lines.iter().fold(Length::None, |length, line| length.and(line.as_bytes()));
        assert_eq!(length(&[]), Length::None);
        for lines in
            [&["5"][..], &["05"], &["5", "5"], &["5,5"], &["5 ,\t5", "5"], &[" 5 "], &["0000000000000000000000005"]]
        {
            assert_eq!(length(lines), Length::Bytes(5), "{lines:?}");
        }
        assert_eq!(length(&["18446744073709551615"]), Length::Bytes(u64::MAX));
        for lines in [
            &[""][..],
            &[" "],
            &[","],
            &["5,"],
            &[",5"],
            &["5,,5"],
            &["+5"],
            &["-5"],
            &["5 5"],
            &["5, 6"],
            &["5", "6"],
            &["5", ""],
            &["", "5"],
            &["0x5"],
            &["5x"],
            &["5.0"],
            &["18446744073709551616"],
            &["\u{665}"],
            &["6", "x", "6"],
        ] {
            assert_eq!(length(lines), Length::Bad, "{lines:?}");
        }
    }
}
