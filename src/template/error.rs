//! What is wrong with a template, and where.

use std::fmt;

/// What is wrong with a template: shown with its line and a caret beneath the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    name: String,
    line: usize,
    column: usize,
    message: String,
    /// What stands around the place, and how far into it the place is, in characters.
    around: String,
    indent: usize,
}

/// So much of a line is shown before and behind the place, in characters.
const AROUND: usize = 50;

impl TemplateError {
    /// At byte `at` of the text of the template called `name`.
    pub(super) fn new(name: &str, text: &str, at: usize, message: impl Into<String>) -> TemplateError {
        let at = (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        let before = &text[..at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = text[line_start..].lines().next().unwrap_or("");
        let column = text[line_start..at].chars().count();
        let skipped = column.saturating_sub(AROUND);
        // A tab would move the caret, and a control character who knows what.
        let visible = |c: char| if c.is_control() { ' ' } else { c };
        TemplateError {
            name: name.into(),
            line: before.matches('\n').count() + 1,
            column: column + 1,
            message: message.into(),
            around: line.chars().skip(skipped).take(2 * AROUND).map(visible).collect(),
            indent: column - skipped,
        }
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:{}:{}: {}", self.name, self.line, self.column, self.message)?;
        writeln!(f, "  {}", self.around)?;
        write!(f, "  {:indent$}^", "", indent = self.indent)
    }
}

impl std::error::Error for TemplateError {}
