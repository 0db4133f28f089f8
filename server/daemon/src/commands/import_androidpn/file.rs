//! Which form a file has, and the accounts in it.

use std::path::Path;

use anyhow::{Context as _, bail};

use super::account::{self, Account, Refused};
use super::sql::Dialect;
use super::{csv, table};
use crate::cli::AndroidpnFormat;

/// Bytes of a file: a million accounts are a fifth of it.
const BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// What a file holds.
#[derive(Debug)]
pub(super) struct Contents {
    pub format: AndroidpnFormat,
    pub accounts: Vec<Account>,
    pub refused: Vec<Refused>,
    /// Lines with changes that were not carried out.
    pub not_followed: Vec<usize>,
}

/// Reads a file in a form, or in the one that it seems to have.
pub(super) fn read(path: &Path, format: Option<AndroidpnFormat>) -> anyhow::Result<Contents> {
    let shown = path.display();
    let length = std::fs::metadata(path).with_context(|| format!("{shown} cannot be read"))?.len();
    if length > BYTES_MAX {
        bail!("{shown} has {length} bytes, over the {BYTES_MAX} that are read at once: cut it in parts");
    }
    let bytes = std::fs::read(path).with_context(|| format!("{shown} cannot be read"))?;
    let text = match std::str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)) {
        Ok(text) => text,
        Err(error) => {
            let line = 1 + bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count();
            bail!("{shown}:{line}: not UTF-8: export the table again as utf8mb4, or convert the file with iconv");
        }
    };
    let format = format.unwrap_or_else(|| guess(text));
    parse(text, format).with_context(|| shown.to_string())
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

fn parse(text: &str, format: AndroidpnFormat) -> anyhow::Result<Contents> {
    let (rows, not_followed) = match format {
        AndroidpnFormat::Mysql => {
            let table = table::read(text, Dialect::MySql)?;
            (table.rows, table.not_followed)
        }
        AndroidpnFormat::Hsqldb => {
            let table = table::read(text, Dialect::Hsqldb)?;
            (table.rows, table.not_followed)
        }
        AndroidpnFormat::Csv => (csv::read(text)?, Vec::new()),
    };
    let (accounts, refused) = account::accounts(rows);
    Ok(Contents { format, accounts, refused, not_followed })
}

/// The log that HSQLDB keeps beside its script, when it holds something: changes since the script was written.
pub(super) fn newer_log(path: &Path) -> Option<std::path::PathBuf> {
    let log = path.with_extension("log");
    let is_script = path.extension().is_some_and(|extension| extension == "script");
    (is_script && std::fs::metadata(&log).is_ok_and(|log| log.len() > 0)).then_some(log)
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
            super::read(&path, None)
        };
        let found = read(&[b"\xef\xbb\xbf", CSV.as_bytes()].concat()).expect("a table");
        assert_eq!((found.accounts.len(), found.refused.len()), (1, 0));
        let error = read(b"username,password\nb\xc3\xb6b,x\nb\xf6b,secret\n").expect_err("Latin 1");
        let error = format!("{error:#}");
        assert!(error.contains(":3:") && error.contains("UTF-8") && !error.contains("secret"), "{error}");
        let error = format!("{:#}", read(b"INSERT INTO apn_user VALUES (1,'secret").expect_err("cut off"));
        assert!(error.contains("line 1") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn a_script_with_a_log_beside_it_is_not_the_newest() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = folder.path().join("androidpn.script");
        let log = folder.path().join("androidpn.log");
        assert_eq!(newer_log(&script), None);
        std::fs::write(&log, "").expect("written");
        assert_eq!(newer_log(&script), None);
        std::fs::write(&log, "INSERT").expect("written");
        assert_eq!(newer_log(&script), Some(log));
    }
}
