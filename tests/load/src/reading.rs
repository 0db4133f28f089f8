//! One figure of one run, before anything is made of several.

use serde::{Deserialize, Serialize};

/// What is measured: the same of every target and run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// What it says, completely.
    pub(crate) name: String,
    /// Of the figure.
    pub(crate) unit: &'static str,
    /// What Longwire's figure must be, as `≤ 2`; empty where nothing was demanded.
    pub(crate) must: &'static str,
    /// What the demand grows and shrinks with, where that is known.
    pub(crate) floor: Option<Floor>,
}

/// The floor beside which a demand was made: on a slower machine both are slower, roughly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Floor {
    /// The row that has the floor of this machine.
    pub(crate) row: String,
    /// The floor of the machine on which the demand was made, in the unit of that row.
    pub(crate) there: f64,
}

impl Row {
    /// A row without a demand.
    pub(crate) fn new(name: impl Into<String>, unit: &'static str) -> Self {
        Self { name: name.into(), unit, must: "", floor: None }
    }

    /// The same row with what is demanded.
    pub(crate) const fn must(mut self, must: &'static str) -> Self {
        self.must = must;
        self
    }

    /// The same row, whose demand was made where the floor of it was `there`.
    pub(crate) fn floor(self, there: f64) -> Self {
        let row = self.name.clone();
        self.floor_of(row, there)
    }

    /// The same row, whose demand was made where the floor of another was `there`.
    pub(crate) fn floor_of(mut self, row: String, there: f64) -> Self {
        self.floor = Some(Floor { row, there });
        self
    }

    /// Its figure of this run.
    pub(crate) fn is(self, figure: f64) -> Reading {
        Reading { row: self, outcome: Ok(figure) }
    }

    /// Without one, and why.
    pub(crate) fn absent(self, why: &'static str) -> Reading {
        Reading { row: self, outcome: Err(why.to_owned()) }
    }
}

/// A row's figure, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    pub(crate) row: Row,
    pub(crate) outcome: Result<f64, String>,
}
