//! What a page is made of.

use serde::Serialize;

use super::plot::Plot;
use super::table::Table;

/// A heading and what is under it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Section {
    pub(super) title: String,
    /// A sentence or two.
    pub(super) lead: String,
    pub(super) plots: Vec<Plot>,
    /// Two charts stand beside each other where there is room.
    pub(super) beside: bool,
    pub(super) facts: Vec<Fact>,
    pub(super) tables: Vec<Table>,
}

/// A number with its name.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Fact {
    pub(super) name: String,
    pub(super) value: String,
    /// What one has to know beside it.
    pub(super) note: String,
    /// How much of what there is it takes, from 0 to 1; None where it is no share.
    pub(super) share: Option<f64>,
    /// A class: `good`, `bad`, or none.
    pub(super) tone: &'static str,
}

impl Fact {
    pub(super) fn new(name: &str, value: String, note: String) -> Fact {
        Fact { name: name.into(), value, note, ..Fact::default() }
    }
}
