use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::plan::ModelKind;
use crate::record::{Cause, Failure, Phase};
use crate::stats::Snapshot;

use super::*;

/// A fixed run: 500/s offered, of which the server answers nine tenths, with a slow second in the middle.
fn history(kind: ModelKind) -> History {
    let t0 = Nanos::from_secs(1_000);
    let mut history = History::new();
    let mut snapshot = Snapshot { t0, busy: 0.42, stall: Nanos::from_millis(3), ..Snapshot::default() };
    for look in 1..=30u64 {
        for n in 0..90u64 {
            let slow = if (12..17).contains(&look) { 40 } else { 1 };
            snapshot.response.record(Nanos::from_micros((900 + n * n) * slow));
            snapshot.lag.record(Nanos::from_micros(n / 2));
        }
        (snapshot.due, snapshot.counts.ok) = (100 * look, 88 * look);
        (snapshot.counts.http_error, snapshot.counts.failed) = (2 * look, look);
        (snapshot.present, snapshot.waiting) = (9 * look, if kind == ModelKind::Open { 9 * look - 9 } else { 0 });
        snapshot.status = vec![(200, 88 * look), (503, 2 * look)];
        snapshot.failures = vec![(Failure::new(Phase::Connect, Cause::Refused), look)];
        snapshot.bytes_in = 12_345 * look;
        if kind == ModelKind::Waves {
            snapshot.waves = 2 * look;
            snapshot.spread.record(Nanos::from_micros(100 + 7 * look));
        }
        history.add(t0 + Nanos::from_millis(200 * look), snapshot.clone());
    }
    history
}

fn title(model: ModelKind) -> Title {
    let what = match model {
        ModelKind::Waves => "waves of 50 users",
        ModelKind::Closed => "closed model, 50 users",
        ModelKind::Open => "open model, 50 connections",
    };
    let stop = Stop { requests: None, duration: Some(Nanos::from_secs(10)) };
    Title { what: what.into(), url: "http://127.0.0.1:8080/".into(), model, stop }
}

fn drawn(kind: ModelKind, (width, height): (u16, u16), history: &History, helps: bool) -> String {
    let title = title(kind);
    let state = State::new(history, &title, false);
    let view = View { title: &title, history, state, is_paused: false, helps, palette: Palette::plain() };
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    view.draw(area, &mut buffer);
    let symbol = |x, y| buffer.cell((x, y)).map_or(" ", |cell| cell.symbol());
    let rows = (0..height).map(|y| (0..width).map(|x| symbol(x, y)).collect::<String>().trim_end().to_string());
    rows.collect::<Vec<_>>().join("\n")
}

#[test]
fn an_open_run_on_the_smallest_screen() {
    insta::assert_snapshot!(drawn(ModelKind::Open, (80, 24), &history(ModelKind::Open), false));
}

#[test]
fn waves_on_the_smallest_screen() {
    insta::assert_snapshot!(drawn(ModelKind::Waves, (80, 24), &history(ModelKind::Waves), false));
}

#[test]
fn a_closed_run_on_a_larger_screen() {
    insta::assert_snapshot!(drawn(ModelKind::Closed, (100, 30), &history(ModelKind::Closed), false));
}

#[test]
fn an_open_run_on_a_large_screen() {
    insta::assert_snapshot!(drawn(ModelKind::Open, (200, 60), &history(ModelKind::Open), false));
}

#[test]
fn the_help_lies_over_it() {
    insta::assert_snapshot!(drawn(ModelKind::Open, (80, 24), &history(ModelKind::Open), true));
}

#[test]
fn before_t0_it_says_what_is_going_on() {
    let text = drawn(ModelKind::Closed, (80, 24), &History::new(), false);
    assert!(text.contains("connecting and warming up") && text.contains("none yet"), "{text}");
}

#[test]
fn when_all_were_due_it_waits_for_the_last_answers() {
    let (mut history, mut title) = (history(ModelKind::Open), title(ModelKind::Open));
    assert_eq!(State::new(&history, &title, false), State::Running);
    assert_eq!(State::new(&history, &title, true), State::Ending);
    title.stop.requests = Some(3_000);
    assert_eq!(State::new(&history, &title, false), State::Draining);
    (title.stop.requests, history.elapsed) = (None, Nanos::from_secs(10));
    assert_eq!(State::new(&history, &title, false), State::Draining);
}

#[test]
fn no_size_is_too_small_or_odd() {
    let histories = [ModelKind::Open, ModelKind::Waves].map(|kind| (kind, history(kind)));
    let empty = History::new();
    for (width, height) in (1..=90).flat_map(|width| (1..=30).map(move |height| (width, height))) {
        let text = drawn(ModelKind::Closed, (width, height), &empty, true);
        for (kind, history) in &histories {
            drawn(*kind, (width, height), history, false);
        }
        let is_small = width < 80 || height < 24;
        assert!(is_small || text.contains("Help"), "{width}x{height}: {text}");
        assert!(!is_small || width < 20 || text.contains("onrush --live"), "{width}x{height}: {text}");
    }
}
