//! The readers of a user table of an original androidpn server: HSQLDB's script, a dump of MySQL, CSV.

#[path = "../../../server/daemon/src/commands/import_androidpn/account.rs"]
mod account;
#[path = "../../../server/daemon/src/commands/import_androidpn/csv.rs"]
mod csv;
#[path = "../../../server/daemon/src/commands/import_androidpn/sql.rs"]
mod sql;
#[path = "../../../server/daemon/src/commands/import_androidpn/table.rs"]
mod table;
#[path = "../../../server/daemon/src/commands/import_androidpn/text.rs"]
mod text;
#[path = "../../../server/daemon/src/commands/import_androidpn/whole.rs"]
mod whole;

use longwire_core::androidpn::import_into_nothing;
use sql::Dialect;

/// What the table is called.
const TABLE: &str = "apn_user";

/// The target: the bytes as each kind of file.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = text::read(data) else { return };
    let lines = text.matches('\n').count() + 1;
    let mut all = Vec::new();
    for dialect in [Dialect::Hsqldb, Dialect::MySql] {
        match table::read(text, dialect, TABLE) {
            Ok(table) => all.push(table.rows),
            Err(wrong) => assert!((1..=lines).contains(&wrong.line), "a line that there is: {wrong}"),
        }
    }
    match csv::read(text) {
        Ok(rows) => all.push(rows),
        Err(wrong) => assert!((1..=lines).contains(&wrong.line), "a line that there is: {wrong}"),
    }
    let _is_whole = whole::check(text).is_ok();
    for rows in all {
        let count = rows.len();
        let sorted = account::accounts(rows, None);
        assert!(sorted.accounts.len() <= count, "more accounts than rows");
        let accounts: Vec<_> = sorted.accounts.iter().map(account::Account::to_new).collect();
        let answers = import_into_nothing(accounts);
        assert_eq!(answers.len(), sorted.accounts.len(), "one answer per account");
    }
}
