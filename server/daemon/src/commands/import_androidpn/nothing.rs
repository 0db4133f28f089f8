//! What a file holds in which no row of the user table was found: that is never what was meant.

use super::file::Contents;
use crate::cli::AndroidpnFormat;

/// Tables that are named at most.
const SHOWN_MAX: usize = 20;

/// Says why nothing was found, and what to do.
pub(super) fn explain(contents: &Contents, table: &str) -> String {
    let shown = &contents.name;
    if contents.is_empty {
        return format!("{shown} is empty");
    }
    if contents.format == AndroidpnFormat::Csv {
        return format!("{shown} holds no row below its first line");
    }
    if let Some(known) = contents.tables.get(&table.to_lowercase()) {
        return if known.is_cached {
            format!(
                "{shown} holds no row of {table}, which is a CACHED table: its rows are in the .data file, which cannot be read. Let the \
                 old server's HSQLDB write them down with `SCRIPT 'all.script'`, and import that file"
            )
        } else {
            format!(
                "{shown} makes the table {table} and holds no row of it: it is a dump of the structure alone, or it was cut off. Dump \
                 the table with its rows"
            )
        };
    }
    if contents.tables.is_empty() {
        return format!("{shown} holds no table {table}, nor any other ({})", contents.format.as_str());
    }
    let names: Vec<&str> = contents.tables.keys().map(String::as_str).collect();
    let more = if names.len() > SHOWN_MAX { ", …" } else { "" };
    let list = names.iter().take(SHOWN_MAX).copied().collect::<Vec<_>>().join(", ");
    let of_users = contents.tables.iter().find(|(_, known)| known.has_rows && known.is_of_users);
    let advice = of_users.map_or_else(String::new, |(name, _)| format!("; `--table {name}` takes the rows of {name}"));
    format!("{shown} holds no table {table}. The tables in it are {list}{more}{advice}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::import_androidpn::file::parse;

    fn explained(text: &str) -> String {
        let contents = parse("FILE".to_owned(), text, None, "apn_user").expect("contents");
        assert!(contents.rows.is_empty());
        explain(&contents, "apn_user")
    }

    #[test]
    fn each_reason_is_told_apart() {
        for (text, part) in [
            ("", "FILE is empty"),
            ("username,password\n", "below its first line"),
            ("CREATE TABLE `apn_user` (id int);", "structure alone"),
            ("CREATE SCHEMA PUBLIC AUTHORIZATION DBA\nCREATE CACHED TABLE APN_USER(ID BIGINT)\n", "CACHED"),
            ("INSERT INTO b VALUES (1);INSERT INTO a VALUES (1);", "no table apn_user. The tables in it are a, b"),
            ("CREATE TABLE user (username int, password int);INSERT INTO user VALUES (1,2);", "--table user"),
            ("-- MySQL dump 9.1\nCREATE DATABASE x;", "nor any other"),
        ] {
            let told = explained(text);
            assert!(told.contains(part), "{told}");
        }
    }
}
