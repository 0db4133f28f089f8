//! Whether a MySQL dump has its end: one that was cut off between two statements reads like a whole one.

use super::sql::Wrong;

/// How the first line of `mysqldump` begins; that of MySQL 4 (versions 8 and 9) wrote no last line.
const HEADERS: &[&str] = &["-- mysql dump", "-- mariadb dump"];
const HEADERS_WITHOUT_END: &[&str] = &["-- mysql dump 8.", "-- mysql dump 9."];
const END: &str = "-- dump completed";
/// What is set at a dump's beginning, also without its comments and by other programs, and set back at its end.
const SET: &str = "@OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT";
const SET_BACK: &str = "CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT";

/// Refuses a dump that has a beginning and no end. Of one that has neither nothing can be said.
pub(super) fn check(text: &str) -> Result<(), Wrong> {
    let (mut has_begun, mut has_ended) = (false, false);
    let mut locked = None;
    let mut lines = 0;
    for line in text.lines() {
        lines += 1;
        let begins = |what: &&str| line.get(..what.len()).is_some_and(|start| start.eq_ignore_ascii_case(what));
        if line.starts_with("--") {
            has_begun |= HEADERS.iter().any(begins) && !HEADERS_WITHOUT_END.iter().any(begins);
            has_ended |= begins(&END);
        } else if line.starts_with("/*!") {
            has_begun |= line.contains(SET);
            has_ended |= line.contains(SET_BACK);
        } else if begins(&"lock tables ") {
            locked = Some(lines);
        } else if begins(&"unlock tables") {
            locked = None;
        }
    }
    if let Some(line) = locked {
        return Err(Wrong::new(
            line,
            "the dump locks the table here and unlocks it nowhere: it is cut off, dump again",
        ));
    }
    if has_begun && !has_ended {
        let what = "the dump has a beginning and no end: it is cut off, dump again (where you know that it is whole, add \
                    the line `-- Dump completed`)";
        return Err(Wrong::new(lines.max(1), what));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MYSQL: &str = include_str!("../../../tests/androidpn/apn_user.sql");

    #[test]
    fn a_dump_cut_off_between_any_two_lines_is_refused() {
        assert_eq!(check(MYSQL), Ok(()));
        let ends: Vec<usize> = MYSQL.match_indices('\n').map(|(at, _)| at).collect();
        for end in ends.iter().rev().skip(1) {
            assert!(check(&MYSQL[..=*end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn what_says_nothing_of_its_end_is_taken() {
        for text in [
            "",
            "INSERT INTO apn_user VALUES (1);",
            "-- MySQL dump 9.11\nINSERT INTO apn_user VALUES (1);",
            "-- a comment\nLOCK TABLES `a` WRITE;\nUNLOCK TABLES;\n",
            "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19\nSELECT 1;\n-- Dump completed\n",
            "/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;\n/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn a_beginning_without_an_end_is_refused_by_line() {
        for (text, line) in [
            ("-- MySQL dump 10.13\nINSERT INTO apn_user VALUES (1);\n", 2),
            ("-- MariaDB dump 10.19\n", 1),
            ("\nLOCK TABLES `apn_user` WRITE;\nINSERT INTO apn_user VALUES (1);", 2),
            ("/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;\nSELECT 1;\n\n", 3),
        ] {
            assert_eq!(check(text).map_err(|wrong| wrong.line), Err(line), "{text}");
        }
    }
}
