//! What templates can call: the same for templates with and without logic.

use super::value::{Draw, LONGEST_DRAW, Value};

/// What can be called.
pub(super) const FUNCTIONS: [&str; 11] =
    ["uuid", "now", "timestamp_ms", "int", "float", "pick", "word", "name", "email", "hex", "base64"];

/// One argument of a call.
pub(super) struct Argument {
    /// As the language writes it.
    pub(super) text: String,
    /// It is no text.
    pub(super) is_json: bool,
    /// What it is as a number, if it is one.
    pub(super) number: Option<f64>,
    /// As a whole number of 64 bits, if it is one.
    pub(super) whole: Option<i64>,
}

/// The value of a call of `name`.
///
/// # Errors
/// Why there is none: no such function, or how it is to be called.
pub(super) fn call(name: &str, arguments: &[Argument]) -> Result<Value, String> {
    let numbers: Option<Vec<f64>> = arguments.iter().map(|argument| argument.number).collect();
    let draw = match (name, numbers.as_deref()) {
        ("now", Some([])) => return Ok(Value::Now),
        ("timestamp_ms", Some([])) => return Ok(Value::TimestampMs),
        ("uuid", Some([])) => Ok(Draw::Uuid),
        ("word", Some([])) => Ok(Draw::Word),
        ("name", Some([])) => Ok(Draw::Name),
        ("email", Some([])) => Ok(Draw::Email),
        ("int", Some([_, _])) => match (arguments[0].whole, arguments[1].whole) {
            (Some(low), Some(high)) => Draw::int(low, high),
            _ => Err("int(low, high) takes whole numbers of 64 bits".into()),
        },
        ("float", Some(&[low, high])) => Draw::float(low, high, 6.0),
        ("float", Some(&[low, high, decimals])) => Draw::float(low, high, decimals),
        ("hex", Some(&[n])) => Draw::hex(n),
        ("base64", Some(&[n])) => Draw::base64(n),
        ("pick", _) if !arguments.is_empty() => {
            let choice = |argument: &Argument| (argument.text.clone(), argument.is_json);
            Ok(Draw::Pick(arguments.iter().map(choice).collect()))
        }
        _ => Err(match usage(name) {
            Some(usage) => format!("{name} is written {usage}"),
            None => format!("there is no function '{name}': there are {}", FUNCTIONS.join(", ")),
        }),
    };
    draw.map(Value::Draw)
}

/// How a function is called.
fn usage(name: &str) -> Option<&'static str> {
    Some(match name {
        "uuid" => "uuid()",
        "now" => "now()",
        "timestamp_ms" => "timestamp_ms()",
        "int" => "int(low, high), as in int(1, 100)",
        "float" => "float(low, high, decimals), as in float(0, 1, 3)",
        "pick" => "pick(choice, ...), as in pick(\"a\", \"b\")",
        "word" => "word()",
        "name" => "name()",
        "email" => "email()",
        "hex" => "hex(digits), as in hex(16)",
        "base64" => "base64(bytes), as in base64(32)",
        _ => return None,
    })
}

impl Draw {
    /// From `low` to `high`, both included.
    fn int(low: i64, high: i64) -> Result<Draw, String> {
        match low <= high {
            true => Ok(Draw::Int { low, span: high.wrapping_sub(low) as u64 }),
            false => Err(format!("int({low}, {high}): the first number is to be the smaller one")),
        }
    }

    /// The same with decimals.
    fn float(low: f64, high: f64, decimals: f64) -> Result<Draw, String> {
        if !(0.0..=8.0).contains(&decimals) || decimals.fract() != 0.0 {
            return Err("float(low, high, decimals) takes 0 to 8 decimals".into());
        }
        let scale = 10f64.powi(decimals as i32);
        let [low, high] = [(low * scale).round(), (high * scale).round()];
        if low > high || low.is_nan() || high.is_nan() {
            return Err("float(low, high, decimals): the first number is to be the smaller one".into());
        }
        // Beyond 15 digits a float does not hold what it was written as.
        if low.abs().max(high.abs()) >= 1e15 {
            return Err("float(low, high, decimals) takes numbers of at most 15 digits, decimals included".into());
        }
        Ok(Draw::Float { low: low as i64, span: (high - low) as u64, decimals: decimals as u32 })
    }

    fn hex(digits: f64) -> Result<Draw, String> {
        length(digits).map(Draw::Hex).ok_or_else(|| format!("hex(digits) takes 1 to {LONGEST_DRAW}"))
    }

    fn base64(bytes: f64) -> Result<Draw, String> {
        length(bytes).map(Draw::Base64).ok_or_else(|| format!("base64(bytes) takes 1 to {LONGEST_DRAW}"))
    }
}

fn length(n: f64) -> Option<u32> {
    (n.fract() == 0.0 && (1.0..=f64::from(LONGEST_DRAW)).contains(&n)).then_some(n as u32)
}
