//! A chart: marks in SVG, which stretch with the page, and labels beside them, which do not.

use serde::Serialize;

use super::scale::{Label, Scale};

/// A chart as the template takes it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Plot {
    pub(super) title: String,
    /// What one has to know to read it.
    pub(super) note: String,
    pub(super) legend: Vec<Key>,
    /// In pixels.
    pub(super) height: f64,
    pub(super) x: Vec<Label>,
    pub(super) y: Vec<Label>,
    /// What the x axis is of, where its labels do not say it.
    pub(super) x_title: String,
    /// SVG: numbers and words of this crate only, so nothing in it needs escaping.
    pub(super) marks: String,
    /// Charts of the same group have the same columns, and point at them together.
    pub(super) group: &'static str,
}

/// What a colour stands for.
#[derive(Debug, Serialize)]
pub(super) struct Key {
    /// The class that has the colour.
    pub(super) class: &'static str,
    pub(super) text: String,
}

impl Key {
    pub(super) fn new(class: &'static str, text: &str) -> Key {
        Key { class, text: text.into() }
    }
}

/// Units across a drawing, however wide it is on the page.
const WIDTH: f64 = 1000.0;

/// A drawing. Places are shares of its width and height, from the left and from the bottom.
pub(super) struct Drawing {
    height: f64,
    marks: String,
}

impl Drawing {
    /// With lines behind it where the labels are.
    pub(super) fn new(height: f64, x: &[Label], y: &[Label]) -> Drawing {
        let mut drawing = Drawing { height, marks: String::new() };
        let across = y.iter().map(|label| format!("M0 {}h{WIDTH}", drawing.down(label.at)));
        let upright = x.iter().map(|label| format!("M{} 0v{height}", right(label.at)));
        let lines: String = across.chain(upright).collect();
        drawing.path("grid", "", &lines);
        drawing
    }

    /// A line through points, with gaps where there is none.
    pub(super) fn line(&mut self, class: &str, points: impl IntoIterator<Item = Option<(f64, f64)>>) {
        let mut d = String::new();
        let mut pen = 'M';
        for point in points {
            let Some((x, y)) = point else {
                pen = 'M';
                continue;
            };
            d += &format!("{pen}{} {}", right(x), self.down(y));
            // A point between two gaps is seen, too: lines have round ends.
            if pen == 'M' {
                d += "h0";
            }
            pen = 'L';
        }
        self.path(&format!("line {class}"), "", &d);
    }

    /// Upright bars of one width: (middle, bottom, top).
    pub(super) fn bars(&mut self, class: &str, width: f64, bars: impl IntoIterator<Item = (f64, f64, f64)>) {
        let seen = bars.into_iter().filter(|(_, bottom, top)| top > bottom);
        let d: String =
            seen.map(|(x, bottom, top)| format!("M{} {}V{}", right(x), self.down(bottom), self.down(top))).collect();
        self.path(&format!("bar {class}"), &format!(" stroke-width=\"{}\"", right(width)), &d);
    }

    /// Level bars of one height: (left, right, middle).
    pub(super) fn rows(&mut self, class: &str, height: f64, rows: impl IntoIterator<Item = (f64, f64, f64)>) {
        let rows = rows.into_iter();
        let d: String = rows.map(|(from, to, y)| format!("M{} {}H{}", right(from), self.down(y), right(to))).collect();
        self.path(&format!("bar {class}"), &format!(" stroke-width=\"{}\"", short(height * self.height)), &d);
    }

    /// Round dots.
    pub(super) fn dots(&mut self, class: &str, points: impl IntoIterator<Item = (f64, f64)>) {
        let d: String = points.into_iter().map(|(x, y)| format!("M{} {}h0", right(x), self.down(y))).collect();
        self.path(&format!("dot {class}"), "", &d);
    }

    /// Columns of one width that tell their values when pointed at: (middle, text).
    pub(super) fn columns(&mut self, width: f64, columns: impl IntoIterator<Item = (f64, String)>) {
        self.marks += &format!("<g class=\"hits\" stroke-width=\"{}\">", right(width));
        for (x, text) in columns {
            self.marks += &format!("<path d=\"M{} 0v{}\"><title>{text}</title></path>", right(x), self.height);
        }
        self.marks += "</g>";
    }

    /// The chart, still without words.
    pub(super) fn plot(self, x: Vec<Label>, y: Vec<Label>) -> Plot {
        Plot { height: self.height, x, y, marks: self.marks, ..Plot::default() }
    }

    fn path(&mut self, class: &str, attributes: &str, d: &str) {
        if !d.is_empty() {
            self.marks += &format!("<path class=\"{class}\"{attributes} d=\"{d}\"/>");
        }
    }

    fn down(&self, share: f64) -> String {
        short((1.0 - share) * self.height)
    }
}

/// Points of a value over places, where it has one.
pub(super) fn points<'a, T>(
    items: &'a [(f64, T)],
    scale: &'a Scale,
    value: impl Fn(&T) -> Option<f64> + 'a,
) -> impl Iterator<Item = Option<(f64, f64)>> + 'a {
    items.iter().map(move |(x, item)| value(item).map(|value| (*x, scale.at(value))))
}

fn right(share: f64) -> String {
    short(share * WIDTH)
}

/// One decimal at most.
fn short(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    // Adding zero turns a negative zero into one.
    (rounded + 0.0).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_gaps_where_there_is_no_value() {
        let mut drawing = Drawing::new(100.0, &[], &[]);
        drawing.line("p50", [Some((0.0, 0.0)), Some((0.5, 1.0)), None, Some((1.0, 0.25))]);
        assert_eq!(drawing.marks, r#"<path class="line p50" d="M0 100h0L500 0M1000 75h0"/>"#);
    }

    #[test]
    fn what_has_no_height_is_not_drawn() {
        let mut drawing = Drawing::new(100.0, &[], &[]);
        drawing.bars("ok", 0.01, [(0.5, 0.2, 0.2)]);
        assert_eq!(drawing.marks, "");
        drawing.bars("ok", 0.01, [(0.5, 0.0, 0.2)]);
        assert_eq!(drawing.marks, r#"<path class="bar ok" stroke-width="10" d="M500 100V80"/>"#);
    }
}
