//! Where everything is on the screen: a function of what is known.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget};

use crate::cli::watch::progress;
use crate::plan::{Model, ModelKind, Plan, Stop};
use crate::printable::printable;
use crate::time::Nanos;
use crate::units;

use super::history::History;
use super::palette::Palette;
use super::panels::{self, answers, help, histogram, numbers, over_time, tenths};

/// On less than this nothing would be readable.
const SMALLEST: (u16, u16) = (80, 24);
/// Columns for numbers; the pictures have the rest.
const NUMBERS: u16 = 34;
/// From this height on there is room for the rate over time.
const TALL: u16 = 36;

/// What does not change.
#[derive(Clone, Debug)]
pub(super) struct Title {
    /// What runs, in a few words.
    pub(super) what: String,
    pub(super) url: String,
    /// The model has an own word for it.
    pub(super) model: ModelKind,
    pub(super) stop: Stop,
}

/// Where the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Preparing,
    Running,
    /// No more requests are due.
    Draining,
    /// The end was asked for.
    Ending,
}

/// All that a drawing depends on.
pub(super) struct View<'a> {
    pub(super) title: &'a Title,
    pub(super) history: &'a History,
    pub(super) state: State,
    pub(super) is_paused: bool,
    pub(super) helps: bool,
    pub(super) palette: Palette,
}

impl Title {
    pub(super) fn new(plan: &Plan) -> Title {
        let users = plan.load.users;
        let (model, what) = match &plan.load.model {
            Model::Waves { .. } => (ModelKind::Waves, format!("waves of {}", units::count(users.into(), "user"))),
            Model::Closed => (ModelKind::Closed, format!("closed model, {}", units::count(users.into(), "user"))),
            Model::Open(_) => {
                (ModelKind::Open, format!("open model, {}", units::count(plan.connections().into(), "connection")))
            }
        };
        Title { what, url: printable(&plan.url).into_owned(), model, stop: plan.load.stop }
    }
}

impl State {
    pub(super) fn new(history: &History, title: &Title, is_ending: bool) -> State {
        let is_over = title.stop.duration.is_some_and(|duration| history.elapsed >= duration)
            || title.stop.requests.is_some_and(|requests| history.now.due >= requests);
        match () {
            () if is_ending => State::Ending,
            () if !history.has_begun() => State::Preparing,
            () if is_over => State::Draining,
            () => State::Running,
        }
    }

    fn text(self) -> &'static str {
        match self {
            State::Preparing => "connecting and warming up",
            State::Running => "running",
            State::Draining => "waiting for the last responses",
            State::Ending => "ending",
        }
    }
}

impl View<'_> {
    /// The whole screen.
    pub(super) fn draw(&self, area: Rect, buffer: &mut Buffer) {
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            return too_small(area, buffer);
        }
        let rows = [Constraint::Length(1), Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)];
        let [top, gauge, middle, keys] = Layout::vertical(rows).areas(area);
        self.header(top, buffer);
        self.gauge(gauge, buffer);
        self.panels(middle, buffer);
        Line::styled(" q end   p pause drawing   ? help", self.palette.dim()).render(keys, buffer);
        if self.helps {
            help::draw(area, buffer, self.palette);
        }
    }

    fn header(&self, area: Rect, buffer: &mut Buffer) {
        let (state, style) = match (self.is_paused, self.state) {
            (true, state) => (format!("{}, drawing paused ", state.text()), self.palette.warn()),
            (false, State::Running) => ("running ".into(), self.palette.good()),
            (false, state) => (format!("{} ", state.text()), self.palette.warn()),
        };
        let [left, right] =
            Layout::horizontal([Constraint::Min(0), Constraint::Length(state.len() as u16 + 1)]).areas(area);
        let name = Span::styled(" onrush  ", self.palette.strong());
        let what = format!("{}  {}", self.title.what, self.title.url);
        let room = usize::from(left.width).saturating_sub(name.width());
        Line::from_iter([name, Span::raw(shortened(&what, room))]).render(left, buffer);
        Line::styled(state, style).right_aligned().render(right, buffer);
    }

    /// How far the run is, and how long it will last.
    fn gauge(&self, area: Rect, buffer: &mut Buffer) {
        let elapsed = self.history.elapsed;
        let share = progress::share(&self.history.now, self.title.stop, self.history.now.t0 + elapsed);
        let left = match self.title.stop.duration {
            _ if !self.history.has_begun() || self.state != State::Running => String::new(),
            // By requests it may be over sooner: that is an estimate.
            _ if share > 0.02 && self.title.stop.requests.is_some() => {
                let left = elapsed.as_secs() * (1.0 / share - 1.0);
                format!(", about {} left", tenths(Nanos((left * 1e9) as u64)))
            }
            Some(duration) => format!(", {} left", tenths(duration.since(elapsed))),
            None => String::new(),
        };
        // A run that has begun is not at its beginning, nor is one that goes on at its end.
        let percent = units::whole_percent(if share >= 0.01 { (share * 100.0).floor() / 100.0 } else { share });
        let text = format!("  {percent:>5}  {}{left} ", tenths(elapsed));
        let bar = area.width.saturating_sub(text.chars().count().max(40) as u16 + 1);
        let full = (f64::from(bar) * share) as usize;
        let style = if self.state == State::Ending { self.palette.warn() } else { self.palette.good() };
        let parts = [
            Span::raw(" "),
            Span::styled("█".repeat(full), style),
            Span::styled("░".repeat(usize::from(bar) - full), self.palette.dim()),
            Span::raw(text),
        ];
        Line::from_iter(parts).render(area, buffer);
    }

    fn panels(&self, area: Rect, buffer: &mut Buffer) {
        // Wide screens have room for long names of failures.
        let numbers = NUMBERS.max(area.width / 4);
        let [left, right] = Layout::horizontal([Constraint::Length(numbers), Constraint::Min(0)]).areas(area);
        self.numbers(left, buffer);
        let (history, palette) = (self.history, self.palette);
        if area.height < TALL {
            let [top, bottom] = Layout::vertical([Constraint::Fill(5), Constraint::Fill(4)]).areas(right);
            over_time::response(history, top, buffer, palette);
            return histogram::draw(history, bottom, buffer, palette);
        }
        let thirds = [Constraint::Fill(5), Constraint::Fill(3), Constraint::Fill(4)];
        let [top, middle, bottom] = Layout::vertical(thirds).areas(right);
        over_time::response(history, top, buffer, palette);
        over_time::rates(history, self.title.model == ModelKind::Open, middle, buffer, palette);
        histogram::draw(history, bottom, buffer, palette);
    }

    fn numbers(&self, area: Rect, buffer: &mut Buffer) {
        let (history, kind, palette) = (self.history, self.title.model, self.palette);
        let requests = numbers::requests(history, kind, palette);
        let waves = numbers::waves(history, kind);
        let complete = format!("Waves: {} complete", units::grouped(history.now.waves));
        let tool = numbers::tool(history, kind, palette);
        let height = |lines: &[Line<'_>]| Constraint::Length(if lines.is_empty() { 0 } else { lines.len() as u16 + 2 });
        let rows = [height(&requests), height(&waves), Constraint::Min(3), height(&tool)];
        let [first, second, third, last] = Layout::vertical(rows).areas(area);
        panels::lines("Requests", requests, first, buffer, palette);
        panels::lines(&complete, waves, second, buffer, palette);
        let answers = answers::lines(history, usize::from(third.height.saturating_sub(2)), palette);
        panels::lines("Responses and errors", answers, third, buffer, palette);
        panels::lines("This tool", tool, last, buffer, palette);
    }
}

fn shortened(text: &str, width: usize) -> String {
    match text.chars().count() > width {
        true => text.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
        false => text.into(),
    }
}

fn too_small(area: Rect, buffer: &mut Buffer) {
    let (columns, rows) = SMALLEST;
    let text = format!("onrush --live needs {columns}x{rows}, this is {}x{}", area.width, area.height);
    let hint = "the run goes on; q ends it";
    Paragraph::new(vec![Line::from(text), Line::from(hint)])
        .wrap(ratatui::widgets::Wrap { trim: true })
        .render(area, buffer);
}

#[cfg(test)]
mod tests;
