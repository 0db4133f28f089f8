//! What commands print: results on standard output, one line of complaint on standard error.

use std::io::{self, Write as _};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// How long a complaint may take to be written.
const COMPLAINT_WAIT: Duration = Duration::from_secs(1);

/// Prints a line on standard output at once. A reader that has gone away is no error of ours.
pub(crate) fn line(text: &str) {
    let mut stdout = io::stdout().lock();
    drop(writeln!(stdout, "{text}").and_then(|()| stdout.flush()));
}

/// Prints an error with its causes in one line; a pipe that nobody reads does not keep the process from ending.
pub(crate) fn complain(error: &anyhow::Error) {
    let text = format!("{error:#}");
    let (written, is_written) = sync_channel(1);
    std::thread::spawn(move || {
        note(&text);
        written.send(()).ok();
    });
    // Too late or not at all: there is nothing more to be done about it.
    is_written.recv_timeout(COMPLAINT_WAIT).ok();
}

/// Prints a line for the operator on standard error.
pub(crate) fn note(text: &str) {
    let text = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    drop(writeln!(io::stderr().lock(), "longwire: {text}"));
}

/// Prints a line on standard error about what goes on all the same.
pub(crate) fn warn(text: &str) {
    note(&format!("warning: {text}"));
}

/// Rows under headings, in columns as wide as needed.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let headings: Vec<String> = headings.iter().map(|heading| (*heading).to_owned()).collect();
    let width = |column: usize| {
        let cells = std::iter::once(&headings).chain(rows).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let show = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    std::iter::once(&headings).chain(rows).map(show).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["a".to_owned(), "long name".to_owned()], vec!["longer".to_owned(), String::new()]];
        assert_eq!(table(&["ID", "NAME"], &rows), "ID      NAME\na       long name\nlonger");
    }
}
