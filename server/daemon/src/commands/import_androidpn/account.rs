//! From a row of the user table to an account, or to the reason why it is none.

use std::collections::HashMap;

use longwire_model::Timestamp;

/// Bytes of a name, and of a password: what an account of this server can have.
const BYTES_MAX: usize = 1_023;
/// What columns are called, by what they hold.
const NAME: &[&str] = &["username", "user_name"];
const PASSWORD: &[&str] = &["password"];
const CREATED: &[&str] = &["created_date", "createddate", "created_at", "created"];
const EMAIL: &[&str] = &["email"];
const FULL_NAME: &[&str] = &["name"];

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Text(String),
    /// An expression that would have to be worked out.
    Unknown,
}

impl Value {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Unknown => None,
        }
    }
}

/// A row of the user table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub line: usize,
    pub name: Value,
    pub password: Value,
    pub created: Value,
    pub email: Value,
    pub full_name: Value,
}

/// Where in a row the values stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    name: usize,
    password: usize,
    created: Option<usize>,
    email: Option<usize>,
    full_name: Option<usize>,
}

impl Columns {
    /// Of the names of all columns, in lower case.
    pub(super) fn of(columns: &[String]) -> Result<Self, String> {
        let find = |known: &[&str]| columns.iter().position(|column| known.contains(&column.as_str()));
        let needed = |known: &[&str]| find(known).ok_or_else(|| format!("there is no column {}", known.join(" or ")));
        Ok(Self {
            name: needed(NAME)?,
            password: needed(PASSWORD)?,
            created: find(CREATED),
            email: find(EMAIL),
            full_name: find(FULL_NAME),
        })
    }

    /// Of a row of seven that nobody has named: in the order of the alphabet, as Hibernate makes the table, with a time or nothing in
    /// the second place; else in the order of the original's class.
    pub(super) fn guess(values: &[Value]) -> Self {
        let is_time = |value: &Value| match value {
            Value::Null | Value::Unknown => true,
            Value::Text(text) => time(text).is_some() || text.starts_with("0000-00-00"),
        };
        if values.get(1).is_none_or(is_time) {
            Self { name: 6, password: 4, created: Some(1), email: Some(2), full_name: Some(3) }
        } else {
            Self { name: 1, password: 2, created: Some(5), email: Some(3), full_name: Some(4) }
        }
    }

    /// Picks a row's values.
    pub(super) fn row(self, line: usize, values: &[Value]) -> Row {
        let value = |index: usize| values.get(index).cloned().unwrap_or(Value::Unknown);
        let more = |index: Option<usize>| index.map_or(Value::Null, value);
        Row {
            line,
            name: value(self.name),
            password: value(self.password),
            created: more(self.created),
            email: more(self.email),
            full_name: more(self.full_name),
        }
    }
}

/// An account to be taken over.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub line: usize,
    /// As the table has it; the server folds it.
    pub name: String,
    pub password: String,
    pub created_at: Option<Timestamp>,
    pub email: Option<String>,
    pub full_name: Option<String>,
}

/// Nothing prints a password by accident.
impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Account({:?}, line {})", self.name, self.line)
    }
}

/// A row that is not taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub line: usize,
    pub name: String,
    pub why: String,
}

/// The accounts of a table, and the rows that are none, each in the file's order.
pub(super) fn accounts(rows: Vec<Row>) -> (Vec<Account>, Vec<Refused>) {
    let (mut accounts, mut refused) = (Vec::new(), Vec::new());
    for row in rows {
        match account(row) {
            Ok(account) => accounts.push(account),
            Err(why) => refused.push(why),
        }
    }
    let keepers = keepers(&accounts);
    let mut kept = Vec::with_capacity(keepers.len());
    for (index, account) in accounts.into_iter().enumerate() {
        if keepers.get(&folded(&account.name)) == Some(&index) {
            kept.push(account);
        } else {
            let why = "another row has the same name, but for capitals and spaces at its ends".to_owned();
            refused.push(Refused { line: account.line, name: account.name, why });
        }
    }
    refused.sort_by_key(|refused| refused.line);
    (kept, refused)
}

fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Which account each folded name keeps. The one that is written so is the only one that could log in at the original.
fn keepers(accounts: &[Account]) -> HashMap<String, usize> {
    // With whether the account that is kept is written as its name is folded.
    let mut kept: HashMap<String, (usize, bool)> = HashMap::new();
    for (index, account) in accounts.iter().enumerate() {
        let name = folded(&account.name);
        let is_exact = account.name == name;
        let is_better = kept.get(&name).is_none_or(|(_, is_kept_exact)| is_exact && !is_kept_exact);
        if is_better {
            kept.insert(name, (index, is_exact));
        }
    }
    kept.into_iter().map(|(name, (index, _))| (name, index)).collect()
}

fn account(row: Row) -> Result<Account, Refused> {
    let line = row.line;
    let shown = row.name.text().unwrap_or_default().chars().take(64).collect::<String>();
    let refuse = |why: &str| Refused { line, name: shown.clone(), why: why.to_owned() };
    let text = |value: Value, what: &str| match value {
        Value::Text(text) if text.trim().is_empty() => Err(refuse(&format!("an empty {what}"))),
        Value::Text(text) if text.len() > BYTES_MAX => Err(refuse(&format!("a {what} of over {BYTES_MAX} bytes"))),
        Value::Text(text) if text.chars().any(char::is_control) => {
            Err(refuse(&format!("a {what} with a control character")))
        }
        Value::Text(text) => Ok(text),
        Value::Null => Err(refuse(&format!("no {what}"))),
        Value::Unknown => Err(refuse(&format!("a {what} that is no plain text in the file"))),
    };
    let name = text(row.name, "user name")?;
    let password = text(row.password, "password")?;
    // What is only for people to read is left out where it cannot be kept.
    let more = |value: &Value| {
        let is_kept = |text: &&str| !text.is_empty() && text.len() <= BYTES_MAX && !text.chars().any(char::is_control);
        value.text().filter(is_kept).map(str::to_owned)
    };
    let (email, full_name) = (more(&row.email), more(&row.full_name));
    Ok(Account { line, name, password, created_at: row.created.text().and_then(time), email, full_name })
}

/// `yyyy-MM-dd HH:mm:ss[.f…]`, as UTC, since no dump tells the zone; or a whole RFC 3339 instant. None for anything else.
fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    text.parse().ok().or_else(|| {
        let (day, time) = text.split_once(' ')?;
        format!("{day}T{time}Z").parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn row(line: usize, name: &str, password: &str) -> Row {
        let (name, password) = (text(name), text(password));
        Row { line, name, password, created: Value::Null, email: Value::Null, full_name: Value::Null }
    }

    #[test]
    fn a_row_that_is_no_account_is_refused_with_a_reason_and_without_its_password() {
        let long = "x".repeat(BYTES_MAX + 1);
        let rows = [
            Row { password: Value::Null, ..row(1, "a", "") },
            Row { name: Value::Null, ..row(2, "", "secret-1") },
            row(3, " ", "secret-2"),
            row(4, "b", ""),
            row(5, "c\u{1}", "secret-3"),
            row(6, "d", "secret\n4"),
            row(7, &long, "secret-5"),
            row(8, "e", &long),
            Row { password: Value::Unknown, ..row(9, "f", "") },
        ];
        let (accounts, refused) = accounts(rows.to_vec());
        assert_eq!(accounts, []);
        assert_eq!(refused.iter().map(|refused| refused.line).collect::<Vec<_>>(), (1..=9).collect::<Vec<_>>());
        let said = format!("{refused:?}");
        assert!(!said.contains("secret") && refused.iter().all(|refused| refused.name.len() <= 64), "{said}");
        let (kept, _) = super::accounts(vec![row(1, &"x".repeat(BYTES_MAX), "p"), row(2, "y", &"p".repeat(BYTES_MAX))]);
        assert_eq!(kept.len(), 2);
        assert!(!format!("{kept:?}").contains("ppp"), "an account's debug text has no password");
    }

    #[test]
    fn of_names_that_fold_to_the_same_the_one_that_could_log_in_is_kept() {
        let (kept, refused) = accounts(vec![
            row(1, "Bob", "1"),
            row(2, "bob", "2"),
            row(3, "BOB ", "3"),
            row(4, "Eve", "4"),
            row(5, "EVE", "5"),
        ]);
        let names = |accounts: &[Account]| accounts.iter().map(|account| account.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&kept), ["bob", "Eve"]);
        assert_eq!(refused.iter().map(|refused| refused.line).collect::<Vec<_>>(), [1, 3, 5]);
        let (kept, refused) = accounts(vec![row(1, "bob", "1"), row(2, "bob", "2")]);
        assert_eq!((names(&kept), kept[0].line, refused.len()), (vec!["bob".to_owned()], 1, 1));
    }

    #[test]
    fn times_are_read_as_utc() {
        let read = |text: &str| time(text).map(|at| at.to_string());
        assert_eq!(read("2012-04-13 16:28:36.914000000").as_deref(), Some("2012-04-13T16:28:36.914Z"));
        assert_eq!(read("2012-04-13 16:28:36").as_deref(), Some("2012-04-13T16:28:36.000Z"));
        assert_eq!(read("2012-04-13T16:28:36+02:00").as_deref(), Some("2012-04-13T14:28:36.000Z"));
        for none in ["0000-00-00 00:00:00", "", "yesterday", "2012-04-13", "9e999 x"] {
            assert_eq!(read(none), None, "{none}");
        }
    }
}
