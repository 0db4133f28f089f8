//! What an import did, or would do.

use serde_json::{Value, json};

use super::account::{Account, Refused, Spot};
use super::file::Contents;

/// Lines of each list that are printed; the JSON form has all.
const SHOWN_MAX: usize = 50;

/// What became of the rows.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// What the files are called.
    files: Vec<String>,
    /// Which forms they have.
    format: String,
    added: usize,
    unchanged: usize,
    repeated: usize,
    older: usize,
    /// There with another password, which is left.
    differs: Vec<(Spot, String)>,
    refused: Vec<Refused>,
}

impl Report {
    /// Of files, and what is known of their rows before the server was asked.
    pub(super) fn new(files: &[Contents], refused: Vec<Refused>, repeated: usize, older: usize) -> Self {
        let mut formats: Vec<&str> = files.iter().map(|file| file.format.as_str()).collect();
        formats.dedup();
        let (files, format) = (files.iter().map(|file| file.name.clone()).collect(), formats.join(","));
        Self { files, format, refused, repeated, older, ..Self::default() }
    }

    /// Counts what the server says of an account.
    pub(super) fn count(&mut self, account: &Account, outcome: &str) {
        let refused = |why: &str| Refused { spot: account.spot, name: account.name.clone(), why: why.to_owned() };
        match outcome {
            "added" => self.added += 1,
            "unchanged" => self.unchanged += 1,
            "differs" => self.differs.push((account.spot, account.name.clone())),
            "taken" => self.refused.push(refused("an account that is none of the original's has this name")),
            "bad_name" => self.refused.push(refused("the name cannot be an account's: it is no JID localpart")),
            "no_password" => self.refused.push(refused("the password cannot be used")),
            other => self.refused.push(refused(&format!("the server says {other:?}"))),
        }
    }

    /// Whether every row has its account, with its password.
    pub(super) const fn is_complete(&self) -> bool {
        self.differs.is_empty() && self.refused.is_empty()
    }

    pub(super) fn json(&self, is_dry_run: bool) -> Value {
        let file = |spot: &Spot| self.files.get(spot.file).cloned().unwrap_or_default();
        let differs = self.differs.iter();
        let differs =
            differs.map(|(spot, name)| json!({ "file": file(spot), "line": spot.line, "row": spot.row, "name": name }));
        let refused = self.refused.iter().map(|one| {
            let spot = one.spot;
            json!({ "file": file(&spot), "line": spot.line, "row": spot.row, "name": one.name, "reason": one.why })
        });
        json!({
            "dry_run": is_dry_run,
            "format": self.format,
            "added": self.added,
            "unchanged": self.unchanged,
            "repeated": self.repeated,
            "older": self.older,
            "differs": differs.collect::<Vec<_>>(),
            "refused": refused.collect::<Vec<_>>(),
        })
    }

    pub(super) fn text(&self, is_dry_run: bool) -> String {
        let (differ, refuse) = (self.differs.len(), self.refused.len());
        let rows = self.added + self.unchanged + self.repeated + self.older + differ + refuse;
        let mut lines = vec![format!("{rows} {} ({})", if rows == 1 { "row" } else { "rows" }, self.format)];
        let added = if is_dry_run { "would be added" } else { "added" };
        for (what, count) in [
            (added, self.added),
            ("there already, with this password", self.unchanged),
            ("there already, with another password, which is left as it is", differ),
            ("refused", refuse),
        ] {
            lines.push(format!("{count:>9}  {what}"));
        }
        let rare = [("said twice", self.repeated), ("older than --created-since", self.older)];
        lines.extend(
            rare.into_iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{count:>9}  {what}")),
        );
        let differs =
            self.differs.iter().map(|(spot, name)| format!("another password: {}, {name}", self.place(*spot)));
        lines.extend(shortened(differs, differ));
        if differ > 0 {
            lines.push(
                "To have the table's password for one of these: `longwire account remove NAME`, then import again."
                    .to_owned(),
            );
        }
        let refused = self
            .refused
            .iter()
            .map(|one| format!("refused: {}, {}: {}", self.place(one.spot), shown(&one.name), one.why));
        lines.extend(shortened(refused, refuse));
        if is_dry_run {
            lines.push("Nothing was changed. Repeat the command with --apply to carry it out.".to_owned());
        }
        lines.join("\n")
    }

    /// Where a row stands; of several files with the file.
    fn place(&self, spot: Spot) -> String {
        match self.files.get(spot.file).filter(|_| self.files.len() > 1) {
            Some(file) => format!("{file} {spot}"),
            None => spot.to_string(),
        }
    }
}

fn shown(name: &str) -> String {
    if name.is_empty() { "no name".to_owned() } else { format!("{name:?}") }
}

/// The first lines, and how many there are beside them.
fn shortened(lines: impl Iterator<Item = String>, count: usize) -> Vec<String> {
    let mut lines: Vec<String> = lines.take(SHOWN_MAX).collect();
    if count > SHOWN_MAX {
        lines.push(format!("… and {} more; --json lists all", count - SHOWN_MAX));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::import_androidpn::file::parse;

    fn files(names: &[&str]) -> Vec<Contents> {
        let parsed =
            |name: &&str| parse((*name).to_owned(), "username,password\n", None, "apn_user").expect("contents");
        names.iter().map(parsed).collect()
    }

    fn account(line: usize, name: &str) -> Account {
        let (spot, name, password) = (Spot::new(line, line), name.to_owned(), "secret".to_owned());
        Account { spot, name, password, created_at: None, email: None, full_name: None }
    }

    #[test]
    fn the_report_tells_every_outcome_and_no_password() {
        let unnamed = Refused { spot: Spot::new(9, 8), name: String::new(), why: "no user name".to_owned() };
        let mut report = Report::new(&files(&["a.csv"]), vec![unnamed], 2, 3);
        for (line, outcome) in
            ["added", "added", "unchanged", "differs", "taken", "bad_name", "no_password"].iter().enumerate()
        {
            report.count(&account(line, &format!("user{line}")), outcome);
        }
        let json = report.json(false);
        assert_eq!((json["added"].as_u64(), json["unchanged"].as_u64()), (Some(2), Some(1)), "{json}");
        assert_eq!(json["differs"], json!([{ "file": "a.csv", "line": 3, "row": 3, "name": "user3" }]));
        assert_eq!(json["refused"].as_array().map(Vec::len), Some(4));
        assert_eq!((json["repeated"].as_u64(), json["older"].as_u64()), (Some(2), Some(3)), "{json}");
        let text = report.text(true);
        for part in [
            "13 rows",
            "2  would be added",
            "1  there already, with this",
            "4  refused",
            "2  said twice",
            "3  older than",
            "refused: line 9, row 8, no name",
            "longwire account remove NAME",
            "--apply",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!format!("{json}{text}{report:?}").contains("secret"));
        assert!(!report.text(false).contains("--apply") && !report.is_complete());
    }

    #[test]
    fn a_long_list_is_shortened_in_the_text_alone() {
        let mut report = Report::new(&files(&["a", "b"]), Vec::new(), 0, 0);
        assert!(report.is_complete());
        for line in 0..=SHOWN_MAX {
            report.count(&account(line, "user"), "differs");
        }
        let text = report.text(true);
        assert_eq!(text.matches("another password: a line").count(), SHOWN_MAX);
        assert!(text.contains("… and 1 more") && !text.contains("older"), "{text}");
        assert_eq!(report.json(true)["differs"].as_array().map(Vec::len), Some(SHOWN_MAX + 1));
    }
}
