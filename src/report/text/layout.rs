//! 80 columns, with colours or without.

use anstyle::{AnsiColor, Style};

/// Whether colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// ANSI escape sequences.
    Colour,
    /// Plain text.
    Plain,
}

pub(in crate::report) const GOOD: Style = AnsiColor::Green.on_default();
pub(in crate::report) const BAD: Style = AnsiColor::Red.on_default();
pub(in crate::report) const WARN: Style = AnsiColor::Yellow.on_default();
pub(in crate::report) const DIM: Style = Style::new().dimmed();
pub(in crate::report) const BOLD: Style = Style::new().bold();

impl Paint {
    pub(in crate::report) fn apply(self, style: Style, text: &str) -> String {
        match self {
            Paint::Colour => format!("{style}{text}{style:#}"),
            Paint::Plain => text.into(),
        }
    }
}

/// A label and what it labels, in as many lines as 80 columns need.
pub(super) fn entry(label: &str, parts: &[String], separator: &str) -> String {
    wrap(&format!("  {label:<16}"), parts, separator)
}

/// The same for a single part.
pub(super) fn line(label: &str, value: &str) -> String {
    entry(label, &[value.into()], "")
}

/// Parts behind a prefix, continued under its end where 80 columns are full.
pub(in crate::report) fn wrap(prefix: &str, parts: &[String], separator: &str) -> String {
    let indent = " ".repeat(prefix.len());
    let mut out = String::from(prefix);
    let mut column = prefix.len();
    for (i, part) in parts.iter().enumerate() {
        // What separates it from the next part stays on its line.
        let end = if i + 1 < parts.len() { separator.trim_end().len() } else { 0 };
        if i > 0 && column + separator.len() + width(part) + end > COLUMNS_OF_A_SCREEN {
            out += separator.trim_end();
            out += &format!("\n{indent}");
            column = indent.len();
        } else if i > 0 {
            out += separator;
            column += separator.len();
        }
        out += part;
        column += width(part);
    }
    out + "\n"
}

pub(in crate::report) const COLUMNS_OF_A_SCREEN: usize = 80;

/// Columns that a text takes: colours take none.
pub(super) fn width(text: &str) -> usize {
    let mut columns = 0;
    let mut in_escape = false;
    for c in text.chars() {
        match c {
            '\x1b' => in_escape = true,
            'm' if in_escape => in_escape = false,
            _ if in_escape => {}
            _ => columns += 1,
        }
    }
    columns
}

pub(in crate::report) fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.into();
    }
    let kept: String = text.chars().take(width - 3).collect();
    format!("{kept}...")
}
