//! What the colours mean. Without them, the same is said by words and order.

use ratatui::crossterm::style::force_color_output;
use ratatui::style::{Color, Style};

use crate::report::Paint;

/// Styles by what they mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct Palette {
    paint: Paint,
}

impl Palette {
    /// The terminal library has an opinion of its own on NO_COLOR, which `--color` overrules.
    pub(super) fn new(paint: Paint) -> Palette {
        force_color_output(paint == Paint::Colour);
        Palette { paint }
    }

    /// Without colours.
    #[cfg(test)]
    pub(super) fn plain() -> Palette {
        Palette { paint: Paint::Plain }
    }

    fn colour(self, colour: Color) -> Style {
        match self.paint {
            Paint::Colour => Style::new().fg(colour),
            Paint::Plain => Style::new(),
        }
    }

    pub(super) fn good(self) -> Style {
        self.colour(Color::Green)
    }

    pub(super) fn warn(self) -> Style {
        self.colour(Color::Yellow)
    }

    pub(super) fn bad(self) -> Style {
        self.colour(Color::Red)
    }

    /// Frames and what is said once.
    pub(super) fn dim(self) -> Style {
        self.colour(Color::DarkGray)
    }

    /// What is read first.
    pub(super) fn strong(self) -> Style {
        Style::new().bold()
    }

    /// p50, p90 and p99: lines and their names.
    pub(super) fn quantiles(self) -> [Style; 3] {
        [Color::Green, Color::Yellow, Color::Red].map(|colour| self.colour(colour))
    }

    /// Offered and reached.
    pub(super) fn rates(self) -> [Style; 2] {
        [Color::Blue, Color::Cyan].map(|colour| self.colour(colour))
    }

    /// By its class (RFC 9110, 15).
    pub(super) fn status(self, status: u16) -> Style {
        match status {
            200..=399 => self.good(),
            400..=499 => self.warn(),
            _ => self.bad(),
        }
    }
}
