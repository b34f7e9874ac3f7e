//! What the keys do.

use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What a user asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// The end of the run; asked for twice, of the process.
    End,
    /// That drawing stops, or goes on.
    Pause,
    /// That the help comes, or goes.
    Help,
    /// That the help goes.
    Back,
    /// That the screen is drawn anew: its size has changed.
    Redraw,
}

impl Wish {
    /// None: it means nothing here.
    pub(super) fn of(event: &Event) -> Option<Wish> {
        match event {
            Event::Resize(..) => Some(Wish::Redraw),
            Event::Key(key) if key.kind == KeyEventKind::Press => Wish::of_key(key),
            _ => None,
        }
    }

    fn of_key(key: &KeyEvent) -> Option<Wish> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if control => Some(Wish::End),
            KeyCode::Char('l') if control => Some(Wish::Redraw),
            _ if control => None,
            KeyCode::Char('q' | 'Q') => Some(Wish::End),
            KeyCode::Char('p' | 'P' | ' ') => Some(Wish::Pause),
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => Some(Wish::Help),
            KeyCode::Esc => Some(Wish::Back),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_raw_mode_control_c_is_a_key() {
        let wish = |code, modifiers| Wish::of(&Event::Key(KeyEvent::new(code, modifiers)));
        assert_eq!(wish(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Wish::End));
        assert_eq!(wish(KeyCode::Char('c'), KeyModifiers::NONE), None);
        assert_eq!(wish(KeyCode::Char('q'), KeyModifiers::NONE), Some(Wish::End));
        assert_eq!(wish(KeyCode::Char('q'), KeyModifiers::CONTROL), None);
        assert_eq!(wish(KeyCode::Char('?'), KeyModifiers::SHIFT), Some(Wish::Help));
        assert_eq!(Wish::of(&Event::Resize(80, 24)), Some(Wish::Redraw));
    }
}
