//! Which form a file has, and the rows in it.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};

use super::account::Row;
use super::sql::Dialect;
use super::table::{self, Known, Table};
use super::{csv, text, whole};
use crate::cli::AndroidpnFormat;

/// Bytes of a file: a million accounts are a fifth of it.
const BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Stands for standard input.
const STDIN: &str = "-";

/// What a file holds.
#[derive(Debug)]
pub(super) struct Contents {
    /// What it is called.
    pub name: String,
    pub format: AndroidpnFormat,
    pub is_empty: bool,
    pub rows: Vec<Row>,
    /// Lines with changes that were not carried out.
    pub not_followed: Vec<usize>,
    /// The tables of a dump.
    pub tables: BTreeMap<String, Known>,
}

/// Reads the rows of `table` in files in a form, or in the one that each seems to have.
pub(super) fn read(
    files: &[impl AsRef<Path>],
    format: Option<AndroidpnFormat>,
    table: &str,
) -> anyhow::Result<Vec<Contents>> {
    let mut all = Vec::with_capacity(files.len());
    for (index, path) in files.iter().map(AsRef::as_ref).enumerate() {
        let name = name(path);
        let bytes = bytes(path, &name)?;
        let text = text::read(&bytes).map_err(|wrong| anyhow!("{name}: {wrong}"))?;
        let mut contents = parse(name, text, format, table)?;
        contents.rows.iter_mut().for_each(|row| row.spot.file = index);
        all.push(contents);
    }
    Ok(all)
}

fn name(path: &Path) -> String {
    if path == Path::new(STDIN) { "standard input".to_owned() } else { path.display().to_string() }
}

fn bytes(path: &Path, name: &str) -> anyhow::Result<Vec<u8>> {
    let wrong = || format!("{name} cannot be read");
    let mut bytes = Vec::new();
    // One more than may be: then there are too many.
    let read = if path == Path::new(STDIN) {
        std::io::stdin().lock().take(BYTES_MAX + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).with_context(wrong)?.take(BYTES_MAX + 1).read_to_end(&mut bytes)
    };
    if read.with_context(wrong)? as u64 > BYTES_MAX {
        bail!("{name} has over {BYTES_MAX} bytes, which is more than is read at once: cut it in parts");
    }
    Ok(bytes)
}

/// The form that a text seems to have.
fn guess(text: &str) -> AndroidpnFormat {
    let has = |what: &str| text.lines().any(|line| starts_with(line.trim_start(), what));
    // The log beside a script says before each statement which session it is of.
    let is_of_session =
        |line: &str| line.strip_prefix("/*C").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let is_log = text.lines().any(is_of_session);
    if has("create schema public") || has("create memory table") || has("create cached table") || is_log {
        AndroidpnFormat::Hsqldb
    } else if has("insert ") || has("replace ") || has("create table") || has("-- mysql") {
        AndroidpnFormat::Mysql
    } else {
        AndroidpnFormat::Csv
    }
}

fn starts_with(line: &str, what: &str) -> bool {
    line.get(..what.len()).is_some_and(|start| start.eq_ignore_ascii_case(what))
}

/// Reads a text that is called `name`.
pub(super) fn parse(
    name: String,
    text: &str,
    format: Option<AndroidpnFormat>,
    table: &str,
) -> anyhow::Result<Contents> {
    let (is_empty, format) = (text.trim().is_empty(), format.unwrap_or_else(|| guess(text)));
    let found = match format {
        _ if is_empty => Ok(Table::default()),
        AndroidpnFormat::Mysql => whole::check(text).and_then(|()| table::read(text, Dialect::MySql, table)),
        AndroidpnFormat::Hsqldb => table::read(text, Dialect::Hsqldb, table),
        AndroidpnFormat::Csv => csv::read(text).map(|rows| Table { rows, ..Table::default() }),
    };
    let Table { rows, not_followed, tables } = found.with_context(|| name.clone())?;
    Ok(Contents { name, format, is_empty, rows, not_followed, tables })
}

/// The log that HSQLDB keeps beside its script, when it holds something: changes since the script was written. None when it is among
/// the `files` that are read.
pub(super) fn newer_log(path: &Path, files: &[impl AsRef<Path>]) -> Option<std::path::PathBuf> {
    let log = path.with_extension("log");
    let is_script = path.extension().is_some_and(|extension| extension == "script");
    let is_read = files.iter().any(|file| file.as_ref() == log);
    (is_script && !is_read && std::fs::metadata(&log).is_ok_and(|log| log.len() > 0)).then_some(log)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HSQLDB: &str = include_str!("../../../tests/androidpn/androidpn.script");
    const MYSQL: &str = include_str!("../../../tests/androidpn/apn_user.sql");
    const CSV: &str = "username,password\nbob,secret\n";

    #[test]
    fn the_form_is_told_by_the_text() {
        assert_eq!(guess(HSQLDB), AndroidpnFormat::Hsqldb);
        assert_eq!(guess("/*C2*/INSERT INTO APN_USER VALUES(1)"), AndroidpnFormat::Hsqldb);
        assert_eq!(guess(MYSQL), AndroidpnFormat::Mysql);
        assert_eq!(guess("INSERT INTO apn_user VALUES (1);"), AndroidpnFormat::Mysql);
        assert_eq!(guess("/*Copied*/\nINSERT INTO apn_user VALUES (1);"), AndroidpnFormat::Mysql);
        assert_eq!(guess("/*!40000 x */\ninsert into apn_user VALUES (1);"), AndroidpnFormat::Mysql);
        assert_eq!(guess(CSV), AndroidpnFormat::Csv);
    }

    #[test]
    fn a_file_is_read_whole_or_refused_with_its_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("table");
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("written");
            super::read(&[&path], None, "apn_user").map(|mut all| all.remove(0))
        };
        let found = read(&[b"\xef\xbb\xbf", CSV.as_bytes()].concat()).expect("a table");
        assert_eq!((found.rows.len(), found.is_empty), (1, false));
        let error = read(b"username,password\nb\xc3\xb6b,x\nb\xf6b,secret\n").expect_err("Latin 1");
        let error = format!("{error:#}");
        assert!(error.contains("line 3") && error.contains("UTF-8") && !error.contains("secret"), "{error}");
        let error = format!("{:#}", read(b"INSERT INTO apn_user VALUES (1,'secret").expect_err("cut off"));
        assert!(error.contains("line 1") && !error.contains("secret"), "{error}");
        let whole = MYSQL.split_once("UNLOCK").expect("a line").0;
        let error = format!("{:#}", read(whole.as_bytes()).expect_err("cut off between statements"));
        assert!(error.contains("cut off") && !error.contains("secret"), "{error}");
        assert!(read(b" \n").expect("nothing").is_empty);
    }

    #[test]
    fn a_script_with_a_log_beside_it_is_not_the_newest() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = folder.path().join("androidpn.script");
        let log = folder.path().join("androidpn.log");
        let newer = |files: &[&Path]| newer_log(&script, files);
        assert_eq!(newer(&[&script]), None);
        std::fs::write(&log, "").expect("written");
        assert_eq!(newer(&[&script]), None);
        std::fs::write(&log, "INSERT").expect("written");
        assert_eq!(newer(&[&script]), Some(log.clone()));
        assert_eq!(newer(&[&script, &log]), None);
    }
}
