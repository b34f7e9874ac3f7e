//! The summary as one page that needs nothing else: no network, and no script to be read.
//!
//! The page is `page.html.jinja`, which escapes every word that it is given. Only the marks of charts
//! go in as they are, and nothing in them comes from outside.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;

use crate::report::text::short;
use crate::stats::{Summary, Tool};

use head::{Judgement, Rule};
use section::{Fact, Section};

mod columns;
mod head;
mod health;
mod heat;
mod histogram;
mod latency;
mod outcome;
mod outcomes;
mod over_time;
mod plot;
mod quantiles;
mod scale;
mod section;
mod table;
#[cfg(test)]
mod tests;
mod timeline;
mod waves;
mod words;

const PAGE: &str = include_str!("page.html.jinja");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("hover.js");

/// What the template takes.
#[derive(Serialize)]
struct Page<'a> {
    style: &'a str,
    script: &'a str,
    tool: &'a Tool,
    started_at: &'a str,
    method: &'a str,
    url: &'a str,
    asked: Vec<String>,
    judgement: Judgement,
    /// The summary in one line, for the clipboard.
    short: String,
    rules: Vec<Rule>,
    tiles: Vec<Fact>,
    notes: Vec<String>,
    sections: Vec<Section>,
}

/// The report as HTML, in one file.
pub fn html(s: &Summary) -> String {
    let s = &s.printable();
    let sections = [
        latency::section(s),
        over_time::section(s),
        waves::section(s),
        Some(outcome::section(s)),
        Some(health::section(s)),
    ];
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let page = Page {
        style: STYLE,
        script: SCRIPT,
        tool: &s.tool,
        started_at: &s.started_at,
        method: &s.plan.method,
        url: &s.plan.url,
        asked: head::asked(s),
        judgement: head::judgement(s),
        short: short(s).trim_end().into(),
        rules: head::rules(s),
        tiles: head::tiles(s),
        notes: head::notes(s),
        sections: sections.into_iter().flatten().collect(),
    };
    environment.render_str(PAGE, Serde(page)).expect("the page is one of this crate's own, and so is all that it names")
}
