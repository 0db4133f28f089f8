//! From a row of the user table to an account, or to the reason why it is none.

use std::collections::HashMap;

use longwire_core::androidpn::NewAccount;
use longwire_model::Timestamp;

/// Bytes of a name, and of a password: what an account of this server can have.
const BYTES_MAX: usize = 1_023;
/// What columns are called, by what they hold.
const NAME: &[&str] = &["username", "user_name"];
const PASSWORD: &[&str] = &["password"];
const CREATED: &[&str] = &["created_date", "createddate", "created_at", "created"];
const UPDATED: &[&str] = &["updated_date", "updateddate", "updated_at", "updated"];
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

/// Where a row stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    /// Which of the files, from 0.
    pub file: usize,
    pub line: usize,
    /// Its number among the table's rows in the file, from 1: a dump has thousands of them in one line.
    pub row: usize,
}

impl Spot {
    pub(super) const fn new(line: usize, row: usize) -> Self {
        Self { file: 0, line, row }
    }
}

impl std::fmt::Display for Spot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, row {}", self.line, self.row)
    }
}

/// A row of the user table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub spot: Spot,
    pub name: Value,
    pub password: Value,
    pub created: Value,
    pub updated: Value,
    pub email: Value,
    pub full_name: Value,
    /// How many columns it has and should have, where a value lacks a column or a column a name.
    pub misfit: Option<(usize, usize)>,
}

impl Row {
    /// The newest time in it.
    fn newest(&self) -> Option<Timestamp> {
        [&self.created, &self.updated].into_iter().filter_map(|value| value.text().and_then(time)).max()
    }
}

/// Where in a row the values stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    name: usize,
    password: usize,
    created: Option<usize>,
    updated: Option<usize>,
    email: Option<usize>,
    full_name: Option<usize>,
    /// How many there are.
    count: usize,
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
            updated: find(UPDATED),
            email: find(EMAIL),
            full_name: find(FULL_NAME),
            count: columns.len(),
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
            let (created, updated, email, full_name) = (Some(1), Some(5), Some(2), Some(3));
            Self { name: 6, password: 4, created, updated, email, full_name, count: 7 }
        } else {
            let (created, updated, email, full_name) = (Some(5), Some(6), Some(3), Some(4));
            Self { name: 1, password: 2, created, updated, email, full_name, count: 7 }
        }
    }

    /// Picks a row's values.
    pub(super) fn row(self, spot: Spot, values: &[Value]) -> Row {
        let is_short = [self.name, self.password].iter().any(|index| *index >= values.len());
        // What stands behind the last column is nothing, or one value too many somewhere before it.
        let is_nothing = |value: &Value| value.text().is_some_and(str::is_empty);
        let is_long = !values.iter().skip(self.count).all(is_nothing);
        let value = |index: usize| values.get(index).cloned().unwrap_or(Value::Unknown);
        let more = |index: Option<usize>| index.map_or(Value::Null, value);
        Row {
            spot,
            name: value(self.name),
            password: value(self.password),
            created: more(self.created),
            updated: more(self.updated),
            email: more(self.email),
            full_name: more(self.full_name),
            misfit: (is_short || is_long).then_some((values.len(), self.count)),
        }
    }
}

/// An account to be taken over.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub spot: Spot,
    /// As the table has it; the server folds it.
    pub name: String,
    pub password: String,
    pub created_at: Option<Timestamp>,
    pub email: Option<String>,
    pub full_name: Option<String>,
}

impl Account {
    /// As the core takes it.
    pub(super) fn to_new(&self) -> NewAccount {
        NewAccount {
            name: self.name.clone(),
            password: self.password.clone(),
            email: self.email.clone(),
            full_name: self.full_name.clone(),
            created_at: self.created_at,
        }
    }
}

/// Nothing prints a password by accident.
impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Account({:?}, {})", self.name, self.spot)
    }
}

/// A row that is not taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub spot: Spot,
    pub name: String,
    pub why: String,
}

/// Rows by what they are, each list in the files' order.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    pub accounts: Vec<Account>,
    pub refused: Vec<Refused>,
    /// How many say only what another row says.
    pub repeated: usize,
    /// How many are too old.
    pub older: usize,
}

/// The accounts of a table, of which rows whose newest time is before `since` are none.
pub(super) fn accounts(rows: Vec<Row>, since: Option<Timestamp>) -> Sorted {
    let mut sorted = Sorted::default();
    let mut accounts = Vec::new();
    for row in rows {
        if since.is_some_and(|since| row.newest().is_some_and(|newest| newest < since)) {
            sorted.older += 1;
            continue;
        }
        match account(row) {
            Ok(account) => accounts.push(account),
            Err(why) => sorted.refused.push(why),
        }
    }
    let kept = keepers(&accounts);
    let keeper_of = |account: &Account| kept.get(&folded(&account.name)).and_then(|index| accounts.get(*index));
    for account in &accounts {
        let Some(keeper) = keeper_of(account).filter(|keeper| keeper.spot != account.spot) else {
            sorted.accounts.push(account.clone());
            continue;
        };
        if keeper.password == account.password {
            sorted.repeated += 1;
        } else {
            let why = format!(
                "another row has the same name (capitals and spaces at the ends do not count): row {} is taken instead",
                keeper.spot.row
            );
            sorted.refused.push(Refused { spot: account.spot, name: account.name.clone(), why });
        }
    }
    sorted.refused.sort_by_key(|refused| refused.spot);
    sorted
}

fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Which account each folded name keeps: one that is written so, since no other could log in at the original; of those the first of the
/// last file, which has the newest rows.
fn keepers(accounts: &[Account]) -> HashMap<String, usize> {
    let mut kept: HashMap<String, (usize, (bool, usize))> = HashMap::new();
    for (index, account) in accounts.iter().enumerate() {
        let name = folded(&account.name);
        let rank = (account.name == name, account.spot.file);
        let is_better = kept.get(&name).is_none_or(|(_, best)| rank > *best);
        if is_better {
            kept.insert(name, (index, rank));
        }
    }
    kept.into_iter().map(|(name, (index, _))| (name, index)).collect()
}

fn account(row: Row) -> Result<Account, Refused> {
    let spot = row.spot;
    let shown = row.name.text().unwrap_or_default().chars().take(64).collect::<String>();
    let refuse = |why: &str| Refused { spot, name: shown.clone(), why: why.to_owned() };
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
    if let Some((has, of)) = row.misfit {
        return Err(refuse(&format!("the row has {has} of {of} columns")));
    }
    let name = text(row.name, "user name")?;
    let password = text(row.password, "password")?;
    // What is only for people to read is left out where it cannot be kept.
    let more = |value: &Value| {
        let is_kept = |text: &&str| !text.is_empty() && text.len() <= BYTES_MAX && !text.chars().any(char::is_control);
        value.text().filter(is_kept).map(str::to_owned)
    };
    let (email, full_name) = (more(&row.email), more(&row.full_name));
    Ok(Account { spot, name, password, created_at: row.created.text().and_then(time), email, full_name })
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
        let (name, password, spot) = (text(name), text(password), Spot::new(line, line));
        let (created, updated, email, full_name) = (Value::Null, Value::Null, Value::Null, Value::Null);
        Row { spot, name, password, created, updated, email, full_name, misfit: None }
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
        let Sorted { accounts, refused, .. } = accounts(rows.to_vec(), None);
        assert_eq!(accounts, []);
        assert_eq!(refused.iter().map(|refused| refused.spot.line).collect::<Vec<_>>(), (1..=9).collect::<Vec<_>>());
        let said = format!("{refused:?}");
        assert!(!said.contains("secret") && refused.iter().all(|refused| refused.name.len() <= 64), "{said}");
        let longest = vec![row(1, &"x".repeat(BYTES_MAX), "p"), row(2, "y", &"p".repeat(BYTES_MAX))];
        let kept = super::accounts(longest, None).accounts;
        assert_eq!(kept.len(), 2);
        assert!(!format!("{kept:?}").contains("ppp"), "an account's debug text has no password");
    }

    #[test]
    fn of_names_that_fold_to_the_same_the_one_that_could_log_in_is_kept() {
        let rows =
            vec![row(1, "Bob", "1"), row(2, "bob", "2"), row(3, "BOB ", "3"), row(4, "Eve", "4"), row(5, "EVE", "5")];
        let Sorted { accounts: kept, refused, .. } = accounts(rows, None);
        let names = |accounts: &[Account]| accounts.iter().map(|account| account.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&kept), ["bob", "Eve"]);
        assert_eq!(refused.iter().map(|refused| refused.spot.line).collect::<Vec<_>>(), [1, 3, 5]);
        assert!(refused[0].why.contains("row 2 is taken"), "{}", refused[0].why);
        let Sorted { accounts: kept, refused, .. } = accounts(vec![row(1, "bob", "1"), row(2, "bob", "2")], None);
        assert_eq!((names(&kept), kept[0].spot.line, refused.len()), (vec!["bob".to_owned()], 1, 1));
    }

    #[test]
    fn of_two_files_the_later_has_the_newer_row_and_what_is_said_twice_is_no_refusal() {
        let later = |line, name: &str, password: &str| {
            let row = row(line, name, password);
            Row { spot: Spot { file: 1, ..row.spot }, ..row }
        };
        let rows = vec![row(1, "ann", "old"), row(2, "bob", "1"), later(1, "ann", "new"), later(2, "Bob", "1")];
        let sorted = accounts(rows, None);
        let passwords = sorted.accounts.iter().map(|account| account.password.as_str()).collect::<Vec<_>>();
        assert_eq!((passwords, sorted.refused.len(), sorted.repeated), (vec!["1", "new"], 1, 1));
    }

    #[test]
    fn rows_that_are_known_to_be_older_are_left_out() {
        let dated = |line, created: &str, updated: &str| {
            let (created, updated) = (text(created), text(updated));
            Row { created, updated, ..row(line, &format!("u{line}"), "p") }
        };
        let since: Timestamp = "2019-01-01T00:00:00Z".parse().expect("an instant");
        let rows = vec![
            dated(1, "2018-12-31 23:59:59", ""),
            dated(2, "2019-01-01 00:00:00", ""),
            dated(3, "2012-01-01 00:00:00", "2020-01-01 00:00:00"),
            dated(4, "0000-00-00 00:00:00", ""),
            row(5, "undated", "p"),
        ];
        let sorted = accounts(rows.clone(), Some(since));
        let lines = sorted.accounts.iter().map(|account| account.spot.line).collect::<Vec<_>>();
        assert_eq!((lines, sorted.older), (vec![2, 3, 4, 5], 1));
        assert_eq!(accounts(rows, None).accounts.len(), 5);
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
