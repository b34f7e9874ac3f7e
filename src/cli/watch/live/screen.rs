//! The terminal: taken for drawing, and given back however the run ends.

use std::io::{self, BufWriter, Stderr, Write};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::{Frame, Terminal};

/// The whole screen, on standard error: standard output may carry rows. Given back when dropped.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stderr>>>,
    hold: Hold,
}

/// Whether the screen is taken. Whoever reads or changes it has standard error
/// locked, so that nothing is drawn on a screen that was just given back.
#[derive(Clone, Debug, Default)]
struct Hold(Arc<AtomicBool>);

impl Screen {
    /// Raw mode and the alternate screen, until dropped or until a thread panics.
    pub(super) fn take() -> io::Result<Screen> {
        let terminal = Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(1 << 16, io::stderr())))?;
        let hold = Hold::default();
        hold.take()?;
        let (at_panic, before) = (hold.clone(), panic::take_hook());
        panic::set_hook(Box::new(move |info| {
            at_panic.give_back();
            before(info);
        }));
        Ok(Screen { terminal, hold })
    }

    /// Draws, if the screen is still taken.
    pub(super) fn draw(&mut self, render: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        let _lock = io::stderr().lock();
        if self.hold.0.load(Ordering::Relaxed) {
            self.terminal.draw(render)?;
        }
        Ok(())
    }

    /// Forgets what is on the screen: the next drawing is a whole one.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        let _lock = io::stderr().lock();
        if self.hold.0.load(Ordering::Relaxed) {
            self.terminal.clear()?;
        }
        Ok(())
    }

    /// As it was before.
    pub(super) fn give_back(&self) {
        self.hold.give_back();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl Hold {
    fn take(&self) -> io::Result<()> {
        enable_raw_mode()?;
        self.0.store(true, Ordering::Relaxed);
        execute!(io::stderr(), EnterAlternateScreen, Hide).inspect_err(|_| self.give_back())
    }

    /// Once: what is done twice may spoil what others have put on the screen since.
    fn give_back(&self) {
        let mut stderr = io::stderr().lock();
        if self.0.swap(false, Ordering::Relaxed) {
            // With a terminal that is gone there is nothing to restore.
            let _ = execute!(stderr, Show, LeaveAlternateScreen);
            let _ = stderr.flush();
            let _ = disable_raw_mode();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Set where this test runs itself, in a terminal, to panic there.
    const PANICS: &str = "ONRUSH_TEST_PANICS";

    #[test]
    #[expect(clippy::panic, reason = "it is what is tested")]
    fn a_panic_gives_the_terminal_back() {
        if std::env::var_os(PANICS).is_some() {
            let mut screen = Screen::take().unwrap();
            screen.draw(|frame| frame.render_widget("on the whole screen", frame.area())).unwrap();
            panic!("on purpose");
        }
        if Command::new("tmux").arg("-V").output().is_err() {
            // CI installs it.
            return;
        }
        let socket = format!("onrush-panic-{}", std::process::id());
        let tmux = |arguments: &[&str]| {
            let output = Command::new("tmux").args(["-L", &socket]).args(arguments).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let this = std::env::current_exe().unwrap();
        let name = std::thread::current().name().unwrap().to_string();
        let script = format!(
            "{PANICS}=1 '{}' --exact {name} --nocapture; stty -a; tmux -L {socket} wait-for -S over; cat",
            this.display()
        );
        tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "60", "sh", "-c", &script]);
        tmux(&["wait-for", "over"]);
        let (shown, state) =
            (tmux(&["capture-pane", "-p"]), tmux(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"]));
        tmux(&["kill-server"]);
        assert_eq!(state, "0 1\n", "the alternate screen is left and the cursor shown: {shown}");
        assert!(shown.contains("on purpose") && !shown.contains("on the whole screen"), "{shown}");
        assert!(shown.contains(" icanon ") && shown.contains(" echo "), "the mode is the one before: {shown}");
    }
}
