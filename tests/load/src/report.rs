//! What all runs gave: medians by row and target, as JSON and as a table.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::reading::{Floor, Reading};
use crate::target::Target;

/// Between the thousands of a figure.
const THOUSANDS: char = ',';

/// Everything that is printed and written.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Where, when and of what.
    pub(crate) machine: Machine,
    /// How often each figure is to be measured.
    pub(crate) runs: usize,
    /// How many runs are complete: until it is all of them, the report is unfinished.
    pub(crate) runs_done: usize,
    /// How many reports it was made of.
    #[serde(default = "one")]
    pub(crate) parts: usize,
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
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    name: String,
    unit: String,
    must: String,
    /// The demand in rough proportion to the floor of this machine, for information; empty where that is not known.
    must_here: String,
    floor: Option<Floor>,
    cells: Vec<Cell>,
}

/// A figure of a target.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Cell {
    target: String,
    median: Option<f64>,
    runs: Vec<f64>,
    /// Why there is no figure.
    reason: Option<String>,
}

const fn one() -> usize {
    1
}

impl Report {
    /// What a folder has, without a run that is not complete.
    ///
    /// # Errors
    /// There is no report, or it is of another version.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("report.json");
        let named = || format!("{} is no report", path.display());
        let mut report: Self =
            serde_json::from_str(&fs::read_to_string(&path).with_context(named)?).with_context(named)?;
        report.runs = report.runs_done;
        report.rows.iter_mut().for_each(|line| line.cut(report.runs_done));
        Ok(report)
    }

    /// Adds the runs of another report.
    ///
    /// # Errors
    /// It measured something else, or elsewhere.
    pub(crate) fn join(&mut self, other: Self) -> anyhow::Result<()> {
        let measured = |report: &Self| (report.targets.clone(), report.is_short, report.is_whole, report.has_room);
        ensure!(measured(self) == measured(&other), "has other targets, rows or counts");
        self.machine.join(&other.machine)?;
        for line in other.rows {
            match self.rows.iter_mut().find(|own| own.name == line.name && own.unit == line.unit) {
                Some(own) => own.join(line),
                None => self.rows.push(line),
            }
        }
        self.runs += other.runs;
        self.runs_done += other.runs_done;
        self.parts += other.parts;
        self.failures.extend(other.failures);
        self.note_musts();
        Ok(())
    }

    /// Adds what one run gave of one target.
    pub(crate) fn add(&mut self, target: &str, readings: Vec<Reading>) {
        for Reading { row, outcome } in readings {
            let place = self.rows.iter().position(|line| line.name == row.name && line.unit == row.unit);
            let place = place.unwrap_or_else(|| {
                self.rows.push(Line {
                    name: row.name,
                    unit: row.unit.to_owned(),
                    must: row.must.to_owned(),
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
        self.note_musts();
    }

    fn note_musts(&mut self) {
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
        let parts = if self.parts > 1 { format!(" in {} parts", self.parts) } else { String::new() };
        format!("Median of {} {runs}{parts}{counts}.", self.runs)
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
            let row = [line.name.clone(), line.unit.clone(), line.must.clone(), line.must_here.clone()].into_iter();
            rows.push(row.chain(self.targets.iter().map(figure)).collect());
        }
        rows
    }
}

impl Line {
    /// Forgets all runs behind the first so many.
    fn cut(&mut self, runs: usize) {
        for cell in &mut self.cells {
            cell.runs.truncate(runs);
            cell.median = median(&cell.runs);
        }
    }

    /// Adds the runs of the same row in another report.
    fn join(&mut self, other: Self) {
        for Cell { target, runs, reason, .. } in other.cells {
            for figure in runs {
                self.add(&target, Ok(figure));
            }
            if let Some(reason) = reason {
                self.add(&target, Err(reason));
            }
        }
    }

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
            parts: 1,
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
    fn complete_runs_of_two_reports_make_one() {
        let folder = longwire_test_support::folder();
        let row = || Row::new("posts", "per CPU-s").must("≥ 40").floor(100.0);
        let put = |name: &str, figures: &[f64], runs_done: usize| {
            let mut report = Report { runs: 3, runs_done, ..empty(["floor", "longwire"]) };
            for figure in figures {
                report.add("floor", vec![row().is(*figure), Row::new("kept", "ms").absent("keeps nothing")]);
            }
            report.write(&folder.path().join(name)).expect("it is written");
            Report::read(&folder.path().join(name)).expect("it is read")
        };
        let mut merged = put("one", &[50.0, 70.0, 9_000.0], 2);
        merged.join(put("two", &[60.0], 1)).expect("they measured the same");
        assert_eq!((merged.runs, merged.runs_done, merged.parts), (3, 3, 2));
        let text = merged.text();
        assert!(text.contains("| posts    | per CPU-s | ≥ 40 |    ≥ 24.0 |  60.0 |"), "{text}");
        assert!(
            text.contains("- floor keeps nothing: kept\n") && text.contains("Median of 3 runs in 2 parts;"),
            "{text}"
        );
        let other = Report { is_short: false, ..empty(["floor", "longwire"]) };
        assert!(merged.join(other).expect_err("another scale").to_string().contains("counts"));
        let other = Report { machine: Machine::busy("9"), ..empty(["floor", "longwire"]) };
        merged.join(other).expect("load is no difference");
        assert!(merged.text().contains("load 9"), "the warning stays");
        assert!(Report::read(folder.path()).expect_err("there is none").to_string().contains("is no report"));
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
