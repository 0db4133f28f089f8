//! What all runs gave: medians by row and target, as JSON and as a table.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use crate::machine::Machine;
use crate::reading::{Floor, Reading};
use crate::target::Target;

/// Between the thousands of a figure.
const THOUSANDS: char = ',';

/// Everything that is printed and written.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Where, when and of what.
    pub(crate) machine: Machine,
    /// How often each figure is to be measured.
    pub(crate) runs: usize,
    /// How many runs are complete: until it is all of them, the report is unfinished.
    pub(crate) runs_done: usize,
    /// Whether the counts were the small ones, whose figures say nothing.
    pub(crate) is_short: bool,
    /// Whether all groups of rows were measured.
    pub(crate) is_whole: bool,
    /// Whether as many files may be open as the largest counts need.
    pub(crate) has_room: bool,
    /// The columns.
    pub(crate) targets: Vec<String>,
    /// In the order in which they were first measured.
    pub(crate) rows: Vec<Line>,
    /// What could not be measured and should have been.
    pub(crate) failures: Vec<String>,
}

/// A row of the table.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    name: String,
    unit: &'static str,
    must: &'static str,
    /// The demand in rough proportion to the floor of this machine, for information; empty where that is not known.
    must_here: String,
    floor: Option<Floor>,
    cells: Vec<Cell>,
}

/// A figure of a target.
#[derive(Clone, Debug, Default, Serialize)]
struct Cell {
    target: String,
    median: Option<f64>,
    runs: Vec<f64>,
    /// Why there is no figure.
    reason: Option<String>,
}

impl Report {
    /// Adds what one run gave of one target.
    pub(crate) fn add(&mut self, target: &str, readings: Vec<Reading>) {
        for Reading { row, outcome } in readings {
            let place = self.rows.iter().position(|line| line.name == row.name && line.unit == row.unit);
            let place = place.unwrap_or_else(|| {
                self.rows.push(Line {
                    name: row.name,
                    unit: row.unit,
                    must: row.must,
                    must_here: String::new(),
                    floor: row.floor,
                    cells: Vec::new(),
                });
                self.rows.len() - 1
            });
            if let Some(line) = self.rows.get_mut(place) {
                line.add(target, outcome);
            }
        }
        let here: Vec<String> = self.rows.iter().map(|line| self.must_here(line)).collect();
        self.rows.iter_mut().zip(here).for_each(|(line, must)| line.must_here = must);
    }

    /// Notes that something could not be measured.
    pub(crate) fn failed(&mut self, what: String) {
        self.failures.push(what);
    }

    /// Whether everything was measured that should have been.
    pub(crate) const fn is_complete(&self) -> bool {
        self.failures.is_empty()
    }

    /// Puts `report.json` and `report.md` into a folder, each as a whole.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder).context("failed to make the folder of the report")?;
        let put = |name: &str, text: &str| {
            let (path, new) = (folder.join(name), folder.join(format!("{name}.new")));
            fs::write(&new, text).and_then(|()| fs::rename(&new, &path)).context("failed to write the report")
        };
        put("report.json", &(serde_json::to_string_pretty(self)? + "\n"))?;
        put("report.md", &self.text())
    }

    /// The head, the table as Markdown, and the reasons for what is missing.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\n{}\n\n", self.machine, self.method());
        text += &table(&self.cells());
        let reasons = self.reasons();
        if !reasons.is_empty() {
            text += "\nWhere there is no figure:\n\n";
            reasons
                .iter()
                .for_each(|((target, reason), rows)| text += &format!("- {target} {reason}: {}\n", rows.join("; ")));
        }
        if !self.failures.is_empty() {
            text += "\nFailed:\n\n";
            self.failures.iter().for_each(|failure| text += &format!("- {failure}\n"));
        }
        text
    }

    /// A demand times the floor of this machine by the floor of the machine on which it was made.
    fn must_here(&self, line: &Line) -> String {
        let scaled = || {
            let Floor { row, there } = line.floor.as_ref()?;
            let cells = &self.rows.iter().find(|other| other.name == *row)?.cells;
            let here = cells.iter().find(|cell| cell.target == Target::Floor.name())?.median?;
            let (sense, figure) = line.must.split_once(' ')?;
            let figure: f64 = figure.replace(THOUSANDS, "").parse().ok()?;
            Some(format!("{sense} {}", number(figure * here / there)))
        };
        scaled().unwrap_or_default()
    }

    /// The rows without a figure, by target and reason.
    fn reasons(&self) -> BTreeMap<(&str, &str), Vec<&str>> {
        let mut reasons: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for line in &self.rows {
            for cell in line.cells.iter().filter(|cell| cell.median.is_none()) {
                let reason = cell.reason.as_deref().unwrap_or("was not measured");
                reasons.entry((&cell.target, reason)).or_default().push(&line.name);
            }
        }
        reasons
    }

    fn method(&self) -> String {
        let counts = if self.is_short { "; small counts, which only show that it runs" } else { "" };
        let runs = if self.runs == 1 { "run" } else { "runs" };
        if self.runs_done < self.runs {
            return format!("**Unfinished**: {} of {} {runs} are complete{counts}.", self.runs_done, self.runs);
        }
        format!("Median of {} {runs}{counts}.", self.runs)
    }

    fn cells(&self) -> Vec<Vec<String>> {
        let head = ["measured", "unit", "must", "must here"]
            .map(str::to_owned)
            .into_iter()
            .chain(self.targets.iter().cloned());
        let mut rows = vec![head.collect::<Vec<String>>()];
        for line in &self.rows {
            let figure = |target: &String| {
                let cell = line.cells.iter().find(|cell| cell.target == *target);
                cell.and_then(|cell| cell.median).map_or_else(|| "–".to_owned(), number)
            };
            let row =
                [line.name.clone(), line.unit.to_owned(), line.must.to_owned(), line.must_here.clone()].into_iter();
            rows.push(row.chain(self.targets.iter().map(figure)).collect());
        }
        rows
    }
}

impl Line {
    fn add(&mut self, target: &str, outcome: Result<f64, String>) {
        let place = self.cells.iter().position(|cell| cell.target == target).unwrap_or_else(|| {
            self.cells.push(Cell { target: target.to_owned(), ..Cell::default() });
            self.cells.len() - 1
        });
        let Some(cell) = self.cells.get_mut(place) else { return };
        match outcome {
            Ok(figure) => cell.runs.push(figure),
            Err(reason) => cell.reason = Some(reason),
        }
        cell.median = median(&cell.runs);
    }
}

/// The middle one; of an even number the mean of the two in the middle.
fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get((sorted.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

/// Three digits that count; of large numbers all.
fn number(figure: f64) -> String {
    let size = figure.abs();
    let digits = match size {
        _ if size >= 99.95 || size == 0.0 => 0,
        _ if size >= 9.995 => 1,
        _ if size >= 0.9995 => 2,
        _ => 3,
    };
    let plain = format!("{figure:.digits$}");
    if size < 1_000.0 { plain } else { grouped(&plain) }
}

fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        let left = digits.len() - index;
        let is_first = text.is_empty() || text == "-";
        if !is_first && left.is_multiple_of(3) {
            text.push(THOUSANDS);
        }
        text.push(digit);
    }
    text
}

/// A Markdown table whose columns stand below each other; the first is ragged right, the others ragged left.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let cell = |row: &Vec<String>, column: usize| row.get(column).cloned().unwrap_or_default().replace('|', "\\|");
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().map(|row| cell(row, column).chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        for (column, &width) in widths.iter().enumerate() {
            let content = cell(row, column);
            text += &if column == 0 { format!("| {content:<width$} ") } else { format!("| {content:>width$} ") };
        }
        text += "|\n";
        if index == 0 {
            for (column, width) in widths.iter().enumerate() {
                let dashes = "-".repeat(width + 1);
                text += &if column == 0 { format!("|{dashes}-") } else { format!("|{dashes}:") };
            }
            text += "|\n";
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Row;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 9.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
    }

    #[test]
    fn figures_have_three_digits_that_count() {
        for (figure, text) in [
            (0.0, "0"),
            (0.0336, "0.034"),
            (1.066, "1.07"),
            (46.31, "46.3"),
            (99.96, "100"),
            (753.2, "753"),
            (9_600.4, "9,600"),
            (248_123.0, "248,123"),
            (-1_500.0, "-1,500"),
        ] {
            assert_eq!(number(figure), text);
        }
    }

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [["measured", "x"], ["a|b", "12"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows), "| measured |  x |\n|----------|---:|\n| a\\|b     | 12 |\n");
    }

    fn empty(targets: [&str; 2]) -> Report {
        Report {
            machine: Machine::default(),
            runs: 2,
            runs_done: 2,
            is_short: true,
            is_whole: true,
            has_room: true,
            targets: targets.map(str::to_owned).into(),
            rows: Vec::new(),
            failures: Vec::new(),
        }
    }

    #[test]
    fn a_demand_follows_the_floor_of_this_machine() {
        let mut report = empty(["floor", "longwire"]);
        let row = || Row::new("posts", "per CPU-s").must("≥ 40,000").floor(100_000.0);
        report.add("floor", vec![row().is(75_000.0)]);
        report.add(
            "longwire",
            vec![row().is(1.0), Row::new("kept", "ms").must("≤ 5").floor_of("none".to_owned(), 1.0).is(1.0)],
        );
        let text = report.text();
        assert!(text.contains("| posts    | per CPU-s | ≥ 40,000 |  ≥ 30,000 | 75,000 |"), "{text}");
        let json = serde_json::to_value(&report).expect("it is JSON");
        let floor = serde_json::json!({"row": "posts", "there": 100_000.0});
        assert_eq!((json["rows"][0]["must_here"].as_str(), &json["rows"][0]["floor"]), (Some("≥ 30,000"), &floor));
        assert!(text.contains("| kept     |        ms |      ≤ 5 |           |      – |"), "{text}");
    }

    #[test]
    fn runs_are_gathered_and_gaps_explained() {
        let mut report = empty(["one", "two"]);
        let row = || Row::new("memory", "KiB").must("≤ 2");
        report.add("one", vec![row().is(1.0)]);
        report.add("two", vec![row().absent("has none")]);
        report.add("one", vec![row().is(3.0)]);
        let text = report.text();
        assert!(text.contains("| memory   |  KiB |  ≤ 2 |           | 2.00 |   – |"), "{text}");
        assert!(text.contains("- two has none: memory\n"), "{text}");
        assert!(text.contains("Median of 2 runs; small counts"), "{text}");
        assert!(report.is_complete());
        report.failed("run 2, Memory of two: it ended".to_owned());
        assert!(!report.is_complete() && report.text().contains("Failed:\n\n- run 2, Memory of two: it ended"));
    }

    #[test]
    fn a_report_that_is_written_again_replaces_the_unfinished_one() {
        let folder = longwire_test_support::folder();
        let mut report = Report { runs_done: 1, ..empty(["one", "two"]) };
        let written = |name: &str| fs::read_to_string(folder.path().join(name)).expect("it was written");
        report.write(&folder.path().join("deep")).expect("folders are made");
        report.write(folder.path()).expect("it is written");
        assert!(written("report.md").contains("**Unfinished**: 1 of 2 runs are complete; small counts"));
        assert!(written("report.json").contains("\"runs_done\": 1"));
        report.runs_done = 2;
        report.write(folder.path()).expect("it is written again");
        assert!(written("report.md").contains("Median of 2 runs"), "{}", written("report.md"));
        assert!(fs::read_dir(folder.path()).expect("a folder").count() == 3, "two files and a folder");
    }
}
