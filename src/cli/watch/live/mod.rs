//! The run on the whole screen, while it goes on. A thread of its own reads the
//! board a few times a second; the engine does the same whether it is there or not.

mod draw;
mod history;
mod keys;
mod palette;
mod panels;
mod screen;

use std::io::{self, ErrorKind, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use signal_hook::consts::SIGWINCH;
use signal_hook::iterator::Signals;

use crate::cli::args::RunArgs;
use crate::cli::{complain, interrupt};
use crate::plan::Plan;
use crate::stats::Board;
use crate::time::{Nanos, monotonic};

use draw::{State, Title, View};
use history::History;
use keys::{Keys, Wish};
use palette::Palette;
use screen::Screen;

/// The board is read, and the screen drawn, this often.
const PERIOD: Nanos = Nanos::from_millis(200);
/// Keys, signals and the end of the run are looked for at least this often.
const GLANCE: Duration = Duration::from_millis(50);

/// The terminal and who may interrupt, before there is anything to see.
pub(super) struct Live {
    screen: Screen,
    signals: Signals,
    palette: Palette,
    stop: Arc<AtomicBool>,
}

/// A live view that is running.
pub(super) struct Watching<'scope> {
    over: Sender<()>,
    thread: ScopedJoinHandle<'scope, ()>,
    stop: Arc<AtomicBool>,
}

impl Live {
    /// Takes the screen, if `--live` asks for it. Where there is none the run goes on without.
    pub(super) fn new(args: &RunArgs, stop: &Arc<AtomicBool>) -> Option<Live> {
        if !args.live {
            return None;
        }
        if !io::stderr().is_terminal() {
            complain("--live draws on standard error, which is no terminal: progress comes as lines instead");
            return None;
        }
        let palette = Palette::new(args.color.paint(true));
        let signals = Signals::new(interrupt::signals().into_iter().chain([SIGWINCH]));
        match signals.and_then(|signals| Ok((Screen::take()?, signals))) {
            Ok((screen, signals)) => Some(Live { screen, signals, palette, stop: Arc::clone(stop) }),
            Err(error) => {
                complain(&format!("--live cannot use this terminal: {error}: progress comes as one line instead"));
                None
            }
        }
    }

    /// Draws until it is stopped.
    pub(super) fn start<'scope, 'env>(
        self,
        scope: &'scope Scope<'scope, 'env>,
        board: &'env Board,
        plan: &'env Plan,
    ) -> Watching<'scope> {
        let (over, is_over) = channel();
        let stop = Arc::clone(&self.stop);
        let thread = scope.spawn(move || Watch::new(self, plan).run(board, &is_over));
        Watching { over, thread, stop }
    }
}

impl Watching<'_> {
    /// The run is over: the screen is as it was before, and interruptions work as without a live view.
    pub(super) fn stop(self) {
        drop(self.over);
        // Had it panicked, the run is none the worse for it.
        let _ = self.thread.join();
        if let Err(error) = interrupt::second_ends_the_process(self.stop.load(Ordering::Relaxed)) {
            complain(&format!("cannot listen to signals: {error}"));
        }
    }
}

/// What the thread knows.
struct Watch {
    screen: Screen,
    signals: Signals,
    palette: Palette,
    stop: Arc<AtomicBool>,
    title: Title,
    history: History,
    /// The end was asked for: the next time it comes at once.
    is_ending: bool,
    is_paused: bool,
    helps: bool,
    /// Where keys are read from. None: there is nowhere.
    keys: Option<Keys>,
    /// Nobody sees what is drawn any more.
    is_gone: bool,
}

impl Watch {
    fn new(live: Live, plan: &Plan) -> Watch {
        let Live { screen, signals, palette, stop } = live;
        Watch {
            screen,
            signals,
            palette,
            stop,
            title: Title::new(plan),
            history: History::new(),
            is_ending: false,
            is_paused: false,
            helps: false,
            keys: Keys::open(),
            is_gone: false,
        }
    }

    fn run(mut self, board: &Board, is_over: &Receiver<()>) {
        let mut next = monotonic();
        while is_over.try_recv() == Err(TryRecvError::Empty) {
            let now = monotonic();
            if now >= next {
                next = (next + PERIOD).max(now);
                self.history.add(now, board.snapshot());
                if !self.is_paused && !self.is_gone {
                    self.draw();
                }
            }
            let left = Duration::from_nanos(next.since(monotonic()).0);
            self.listen(left.min(GLANCE), is_over);
        }
    }

    /// Waits so long, unless something comes.
    fn listen(&mut self, time: Duration, is_over: &Receiver<()>) {
        match self.keys.as_mut().map(|keys| keys.wait(time)) {
            Some(Ok(wishes)) => wishes.into_iter().for_each(|wish| self.fulfil(wish)),
            Some(Err(_)) => self.hang_up(),
            None => {
                // Either way the caller looks whether the run is over.
                let _ = is_over.recv_timeout(time);
            }
        }
        let signals: Vec<i32> = self.signals.pending().collect();
        for signal in signals {
            match signal {
                SIGWINCH => self.fulfil(Wish::Redraw),
                signal if interrupt::is_hangup(signal) => self.end_once(),
                _ => self.fulfil(Wish::End),
            }
        }
    }

    /// The terminal is gone, and with it whoever watched: the run ends in order, once, unless hanging up is to be ignored.
    fn hang_up(&mut self) {
        self.keys = None;
        self.is_gone = true;
        if interrupt::signals().into_iter().any(interrupt::is_hangup) {
            self.end_once();
        }
    }

    /// The end of the run, however often it is asked for.
    fn end_once(&mut self) {
        self.is_ending = true;
        self.stop.store(true, Ordering::Relaxed);
    }

    fn fulfil(&mut self, wish: Wish) {
        match wish {
            Wish::End if self.is_ending => {
                self.screen.give_back();
                if let Err(error) = interrupt::end_at_once() {
                    complain(&format!("cannot end at once: {error}"));
                }
            }
            Wish::End => self.end_once(),
            Wish::Pause => self.is_paused = !self.is_paused,
            Wish::Help => self.helps = !self.helps,
            Wish::Back => self.helps = false,
            // A terminal that takes nothing now may do so at the next drawing.
            Wish::Redraw => drop(self.screen.clear()),
        }
        if !self.is_gone {
            self.draw();
        }
    }

    fn draw(&mut self) {
        let view = View {
            title: &self.title,
            history: &self.history,
            state: State::new(&self.history, &self.title, self.stop.load(Ordering::Relaxed)),
            is_paused: self.is_paused,
            helps: self.helps,
            palette: self.palette,
        };
        let drawn = self.screen.draw(|frame| view.draw(frame.area(), frame.buffer_mut()));
        // A terminal that takes nothing now may do so later, as above; one that is gone does not come back.
        let is_for_now = |error: &io::Error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted);
        if drawn.is_err_and(|error| !is_for_now(&error)) {
            self.hang_up();
        }
    }
}
