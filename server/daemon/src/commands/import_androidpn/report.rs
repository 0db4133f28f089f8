//! What an import did, or would do.

use serde_json::{Value, json};

use super::account::{Account, Refused};
use crate::cli::AndroidpnFormat;

/// Lines of each list that are printed; the JSON form has all.
const SHOWN_MAX: usize = 50;

/// What became of the rows.
#[derive(Debug, Default)]
pub(super) struct Report {
    added: usize,
    unchanged: usize,
    /// There with another password, which is left.
    differs: Vec<(usize, String)>,
    refused: Vec<Refused>,
}

impl Report {
    pub(super) fn new(refused: Vec<Refused>) -> Self {
        Self { refused, ..Self::default() }
    }

    /// Counts what the server says of an account.
    pub(super) fn count(&mut self, account: &Account, outcome: &str) {
        let refused = |why: &str| Refused { line: account.line, name: account.name.clone(), why: why.to_owned() };
        match outcome {
            "added" => self.added += 1,
            "unchanged" => self.unchanged += 1,
            "differs" => self.differs.push((account.line, account.name.clone())),
            "taken" => self.refused.push(refused("an account that is none of the original's has this name")),
            "bad_name" => self.refused.push(refused("the name cannot be an account's: it is no JID localpart")),
            "no_password" => self.refused.push(refused("the password cannot be used")),
            other => self.refused.push(refused(&format!("the server says {other:?}"))),
        }
    }

    pub(super) fn json(&self, format: AndroidpnFormat, is_dry_run: bool) -> Value {
        let refused = self.refused.iter();
        json!({
            "dry_run": is_dry_run,
            "format": format.as_str(),
            "added": self.added,
            "unchanged": self.unchanged,
            "differs": self.differs.iter().map(|(line, name)| json!({ "line": line, "name": name })).collect::<Vec<_>>(),
            "refused": refused.map(|one| json!({ "line": one.line, "name": one.name, "reason": one.why })).collect::<Vec<_>>(),
        })
    }

    pub(super) fn text(&self, format: AndroidpnFormat, is_dry_run: bool) -> String {
        let rows = self.added + self.unchanged + self.differs.len() + self.refused.len();
        let mut lines = vec![format!("{rows} rows ({})", format.as_str())];
        let added = if is_dry_run { "would be added" } else { "added" };
        for (what, count) in [
            (added, self.added),
            ("there already, with this password", self.unchanged),
            ("there already, with another password, which is left as it is", self.differs.len()),
            ("refused", self.refused.len()),
        ] {
            lines.push(format!("{count:>9}  {what}"));
        }
        let differs = self.differs.iter().map(|(line, name)| format!("another password: line {line}, {name}"));
        lines.extend(shortened(differs, self.differs.len()));
        let refused =
            self.refused.iter().map(|one| format!("refused: line {}, {}: {}", one.line, shown(&one.name), one.why));
        lines.extend(shortened(refused, self.refused.len()));
        if is_dry_run {
            lines.push("Nothing was changed. Repeat the command with --apply to carry it out.".to_owned());
        }
        lines.join("\n")
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

    fn account(line: usize, name: &str) -> Account {
        let (name, password) = (name.to_owned(), "secret".to_owned());
        Account { line, name, password, created_at: None, email: None, full_name: None }
    }

    #[test]
    fn the_report_tells_every_outcome_and_no_password() {
        let mut report = Report::new(vec![Refused { line: 9, name: String::new(), why: "no user name".to_owned() }]);
        for (line, outcome) in
            ["added", "added", "unchanged", "differs", "taken", "bad_name", "no_password"].iter().enumerate()
        {
            report.count(&account(line, &format!("user{line}")), outcome);
        }
        let json = report.json(AndroidpnFormat::Csv, false);
        assert_eq!((json["added"].as_u64(), json["unchanged"].as_u64()), (Some(2), Some(1)), "{json}");
        assert_eq!(json["differs"], json!([{ "line": 3, "name": "user3" }]));
        assert_eq!(json["refused"].as_array().map(Vec::len), Some(4));
        let text = report.text(AndroidpnFormat::Csv, true);
        for part in
            ["8 rows", "2  would be added", "1  there already, with this", "4  refused", "line 9, no name", "--apply"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!format!("{json}{text}{report:?}").contains("secret"));
        assert!(!report.text(AndroidpnFormat::Csv, false).contains("--apply"));
    }

    #[test]
    fn a_long_list_is_shortened_in_the_text_alone() {
        let mut report = Report::default();
        for line in 0..=SHOWN_MAX {
            report.count(&account(line, "user"), "differs");
        }
        let text = report.text(AndroidpnFormat::Mysql, true);
        assert_eq!(text.matches("another password: line").count(), SHOWN_MAX);
        assert!(text.contains("… and 1 more"), "{text}");
        assert_eq!(report.json(AndroidpnFormat::Mysql, true)["differs"].as_array().map(Vec::len), Some(SHOWN_MAX + 1));
    }
}
