//! The rows of the user table in a dump: from its `INSERT`s, with its columns where the dump tells them.

use std::collections::{BTreeMap, HashMap};

use super::account::{Columns, Row, Spot, Value};
use super::sql::{Dialect, Lexer, Token, Wrong};

/// Columns of the table as the original makes it.
const COLUMNS: usize = 7;
/// What begins an item of a `CREATE TABLE` that is no column.
const NO_COLUMNS: &[&str] = &["primary", "unique", "key", "constraint", "index", "foreign", "check", "fulltext"];
/// What has a body of statements that are not carried out.
const WITH_BODY: &[&str] = &["trigger", "procedure", "function", "event"];

/// What a dump holds.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub rows: Vec<Row>,
    /// Lines of statements that change rows of the table and were not carried out.
    pub not_followed: Vec<usize>,
    /// Every table that is named, in lower case.
    pub tables: BTreeMap<String, Known>,
}

/// What a dump tells of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    pub has_rows: bool,
    /// HSQLDB keeps its rows in another file.
    pub is_cached: bool,
    /// It has columns of user names and passwords.
    pub is_of_users: bool,
}

/// Reads the rows of `table` in a dump.
pub(super) fn read(text: &str, dialect: Dialect, table: &str) -> Result<Table, Wrong> {
    let lexer = Lexer::new(text, dialect);
    let (name, columns, table) = (table.to_lowercase(), HashMap::new(), Table::default());
    let mut reader = Reader { lexer, dialect, name, columns, table };
    while let Some(first) = reader.lexer.next()? {
        let line = reader.lexer.line();
        let is = |word: &str| first.is_word(word);
        if is("insert") || is("replace") {
            reader.insert()?;
        } else if is("create") {
            reader.create()?;
        } else if is("delete") || is("update") || is("truncate") {
            reader.note_change(line)?;
        } else if is("delimiter") && dialect == Dialect::MySql {
            reader.lexer.skip_delimited();
        } else if first != Token::Mark(';') {
            reader.skip()?;
        }
    }
    Ok(reader.table)
}

struct Reader<'a> {
    lexer: Lexer<'a>,
    dialect: Dialect,
    /// Of the table, in lower case.
    name: String,
    /// The columns that a `CREATE TABLE` told, by table.
    columns: HashMap<String, Vec<String>>,
    table: Table,
}

impl Reader<'_> {
    /// The next token inside a statement. In HSQLDB's files the last line may lack its end.
    fn inside(&mut self) -> Result<Token, Wrong> {
        match self.lexer.next()? {
            Some(token) => Ok(token),
            None if self.dialect == Dialect::Hsqldb => Ok(Token::Mark(';')),
            None => Err(Wrong::new(self.lexer.line(), "the file ends inside a statement: it is cut off")),
        }
    }

    /// Goes to the end of the statement.
    fn skip(&mut self) -> Result<(), Wrong> {
        while self.inside()? != Token::Mark(';') {}
        Ok(())
    }

    /// The last name before one of `ends`, and what ended it.
    fn name_before(&mut self, ends: &[&str]) -> Result<(String, Token), Wrong> {
        let mut name = String::new();
        loop {
            let token = self.inside()?;
            match token {
                Token::Mark('(' | ';') => return Ok((name, token)),
                Token::Word(ref word) if ends.iter().any(|end| word.eq_ignore_ascii_case(end)) => {
                    return Ok((name, token));
                }
                // `PUBLIC.APN_USER` is one word.
                Token::Word(word) => name = word.rsplit('.').next().unwrap_or_default().to_owned(),
                Token::Name(own) => name = own,
                Token::Text(_) | Token::Broken | Token::Mark(_) => (),
            }
        }
    }

    /// `CREATE … TABLE name (column …, …)`.
    fn create(&mut self) -> Result<(), Wrong> {
        let mut is_cached = false;
        loop {
            match self.inside()? {
                Token::Mark(';') => return Ok(()),
                Token::Word(word) if word.eq_ignore_ascii_case("table") => break,
                Token::Word(word) if WITH_BODY.iter().any(|known| word.eq_ignore_ascii_case(known)) => {
                    // There a statement ends with its line, whatever semicolons are in its body.
                    if self.dialect == Dialect::MySql {
                        return self.skip();
                    }
                    self.lexer.skip_line();
                    return Ok(());
                }
                Token::Word(word) => is_cached |= word.eq_ignore_ascii_case("cached"),
                Token::Name(_) | Token::Text(_) | Token::Broken | Token::Mark(_) => (),
            }
        }
        let (name, end) = self.name_before(&["like", "as", "select"])?;
        let name = name.to_lowercase();
        self.table.tables.entry(name.clone()).or_default().is_cached |= is_cached;
        if end != Token::Mark('(') {
            return Ok(());
        }
        let columns = self.created_columns()?;
        let is_of_users = Columns::of(&columns).is_ok();
        self.table.tables.entry(name.clone()).or_default().is_of_users = is_of_users;
        self.columns.insert(name, columns);
        self.skip()
    }

    /// The columns behind the parenthesis of a `CREATE TABLE`.
    fn created_columns(&mut self) -> Result<Vec<String>, Wrong> {
        let mut columns = Vec::new();
        let (mut depth, mut is_first) = (1_usize, true);
        while depth > 0 {
            let token = self.inside()?;
            match token {
                Token::Mark(';') => return Err(Wrong::new(self.lexer.line(), "the CREATE TABLE has no end")),
                Token::Mark('(') => depth += 1,
                Token::Mark(')') => depth -= 1,
                Token::Mark(',') if depth == 1 => {
                    is_first = true;
                    continue;
                }
                Token::Name(name) if is_first && depth == 1 => columns.push(name.to_lowercase()),
                Token::Word(word) if is_first && depth == 1 => {
                    let word = word.to_lowercase();
                    if !NO_COLUMNS.contains(&word.as_str()) {
                        columns.push(word);
                    }
                }
                Token::Word(_) | Token::Name(_) | Token::Text(_) | Token::Broken | Token::Mark(_) => (),
            }
            is_first = false;
        }
        Ok(columns)
    }

    /// `INSERT INTO apn_user [(columns)] VALUES (…), (…)`.
    fn insert(&mut self) -> Result<(), Wrong> {
        let (name, mut end) = self.name_before(&["values", "value", "select", "set"])?;
        let name = name.to_lowercase();
        let is_ours = name == self.name;
        if !name.is_empty() {
            self.table.tables.entry(name).or_default().has_rows = true;
        }
        if !is_ours {
            return if end == Token::Mark(';') { Ok(()) } else { self.skip() };
        }
        let mut columns = self.columns.get(&self.name).cloned();
        if end == Token::Mark('(') {
            columns = Some(self.column_list()?);
            end = self.inside()?;
        }
        if !end.is_word("values") && !end.is_word("value") {
            return Err(Wrong::new(self.lexer.line(), "an INSERT without VALUES"));
        }
        loop {
            self.row(columns.as_deref())?;
            match self.inside()? {
                Token::Mark(',') => (),
                Token::Mark(';') => return Ok(()),
                // `ON DUPLICATE KEY …`
                Token::Word(_) => return self.skip(),
                Token::Name(_) | Token::Text(_) | Token::Broken | Token::Mark(_) => {
                    return Err(Wrong::new(self.lexer.line(), "an INSERT that goes on with something else than rows"));
                }
            }
        }
    }

    fn column_list(&mut self) -> Result<Vec<String>, Wrong> {
        let mut columns = Vec::new();
        loop {
            match self.inside()? {
                Token::Word(name) | Token::Name(name) => columns.push(name.to_lowercase()),
                Token::Mark(',') => (),
                Token::Mark(')') => return Ok(columns),
                Token::Text(_) | Token::Broken | Token::Mark(_) => {
                    return Err(Wrong::new(self.lexer.line(), "a list of columns that holds something else"));
                }
            }
        }
    }

    /// `(value, …)`.
    fn row(&mut self, columns: Option<&[String]>) -> Result<(), Wrong> {
        if self.inside()? != Token::Mark('(') {
            return Err(Wrong::new(self.lexer.line(), "a row that does not begin with a parenthesis"));
        }
        let line = self.lexer.line();
        let mut values = Vec::new();
        loop {
            let (value, is_last) = self.value()?;
            values.push(value);
            if is_last {
                break;
            }
        }
        let number = self.table.rows.len() + 1;
        let wrong = |what: String| Wrong::new(line, format!("row {number}: {what}"));
        let known = match columns {
            Some(columns) => Columns::of(columns).map_err(wrong)?,
            None if values.len() == COLUMNS => Columns::guess(&values),
            None => {
                let has = values.len();
                return Err(wrong(format!("{has} values where {COLUMNS} are known, and no list of columns")));
            }
        };
        let row = known.row(Spot::new(line, number), &values);
        self.table.rows.push(row);
        Ok(())
    }

    /// A value, and whether it is the row's last. What is more than a text, a number or NULL is not worked out.
    fn value(&mut self) -> Result<(Value, bool), Wrong> {
        let mut value = None;
        let mut depth = 0_usize;
        loop {
            let token = self.inside()?;
            let found = match token {
                Token::Mark(';') => return Err(Wrong::new(self.lexer.line(), "a row without its end")),
                Token::Mark(',') if depth == 0 => return Ok((value.unwrap_or(Value::Unknown), false)),
                Token::Mark(')') if depth == 0 => return Ok((value.unwrap_or(Value::Unknown), true)),
                Token::Mark('(') => {
                    depth += 1;
                    Value::Unknown
                }
                Token::Mark(')') => {
                    depth -= 1;
                    Value::Unknown
                }
                Token::Mark(_) | Token::Broken => Value::Unknown,
                Token::Word(ref word) if word.eq_ignore_ascii_case("null") => Value::Null,
                // `_utf8'…'`, `N'…'` and `TIMESTAMP '…'`: the text says it all.
                Token::Word(ref word) if is_before_text(word) && value.is_none() => continue,
                // Hexadecimal: which bytes it stands for depends on the column.
                Token::Word(word) if word.starts_with("0x") => Value::Unknown,
                Token::Word(word) => Value::Text(word),
                Token::Text(text) | Token::Name(text) => Value::Text(text),
            };
            value = Some(if value.is_none() { found } else { Value::Unknown });
        }
    }

    /// Notes a statement that changes rows: the log beside HSQLDB's script has these.
    fn note_change(&mut self, line: usize) -> Result<(), Wrong> {
        let mut is_ours = false;
        loop {
            match self.inside()? {
                Token::Mark(';') => break,
                Token::Word(name) | Token::Name(name) => {
                    is_ours |= name.rsplit('.').next().is_some_and(|name| name.eq_ignore_ascii_case(&self.name));
                }
                Token::Text(_) | Token::Broken | Token::Mark(_) => (),
            }
        }
        if is_ours {
            self.table.not_followed.push(line);
        }
        Ok(())
    }
}

fn is_before_text(word: &str) -> bool {
    (word.starts_with('_') && word.len() > 1)
        || ["n", "timestamp", "date"].iter().any(|known| word.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, dialect: Dialect) -> Result<Table, Wrong> {
        super::read(text, dialect, "APN_USER")
    }

    const HSQLDB: &str = include_str!("../../../tests/androidpn/androidpn.script");
    const MYSQL: &str = include_str!("../../../tests/androidpn/apn_user.sql");

    fn told(table: &Table) -> Vec<(usize, Option<&str>, Option<&str>)> {
        table.rows.iter().map(|row| (row.spot.line, row.name.text(), row.password.text())).collect()
    }

    #[test]
    fn a_script_of_hsqldb_is_read() {
        let table = read(HSQLDB, Dialect::Hsqldb).expect("a table");
        let expected = [
            (8, Some("82e4c4dffc394761b1af1230803969ed"), Some("d9fdfe931f104e61887656a49ca9b0e4")),
            (9, Some("b\u{f6}b"), Some("it's \\ 你好 😀")),
            (10, Some("nobody"), None),
        ];
        assert_eq!(told(&table), expected);
        assert_eq!(table.rows[0].created.text(), Some("2012-04-13 16:28:36.914000000"));
    }

    #[test]
    fn a_dump_of_mysql_is_read() {
        let table = read(MYSQL, Dialect::MySql).expect("a table");
        let expected = [
            (32, Some("82e4c4dffc394761b1af1230803969ed"), Some("d9fdfe931f104e61887656a49ca9b0e4")),
            (32, Some("bob"), Some("it's \"a\" \\ 你好 😀; (x),(y)")),
            (32, Some("Carol"), Some("secret")),
        ];
        assert_eq!(told(&table), expected);
    }

    #[test]
    fn columns_are_taken_from_the_insert_then_the_table_then_the_values() {
        let names = |text: &str| -> Vec<(Option<String>, Option<String>)> {
            let table = read(text, Dialect::MySql).expect("a table");
            let owned = |value: &Value| value.text().map(str::to_owned);
            table.rows.iter().map(|row| (owned(&row.name), owned(&row.password))).collect()
        };
        let pair = |name: &str, password: &str| (Some(name.to_owned()), Some(password.to_owned()));
        let listed = "INSERT INTO apn_user (`password`, username) VALUES ('p','u');";
        assert_eq!(names(listed), [pair("u", "p")]);
        let created = "CREATE TABLE `apn_user` (`id` bigint(20), `username` varchar(64) NOT NULL, `password` varchar(64), \
                       PRIMARY KEY (`id`), UNIQUE KEY `username` (`username`)) ENGINE=InnoDB;\n\
                       INSERT INTO x.`apn_user` VALUES (1,'u','p'),(2,'v',NULL);";
        assert_eq!(names(created), [pair("u", "p"), (Some("v".to_owned()), None)]);
        let alphabetical = "INSERT INTO apn_user VALUES (1,'2012-04-13 16:28:36',NULL,NULL,'p',NULL,'u');";
        assert_eq!(names(alphabetical), [pair("u", "p")]);
        let declared = "REPLACE INTO APN_USER VALUES (1,'u','p',NULL,NULL,'2012-04-13 16:28:36',NULL);";
        assert_eq!(names(declared), [pair("u", "p")]);
        let others =
            "INSERT INTO apn_users VALUES ('a');INSERT INTO t SELECT * FROM apn_user;INSERT INTO `t`(a) VALUES (1);";
        assert_eq!(names(others), []);
    }

    #[test]
    fn what_is_not_a_plain_value_is_not_guessed() {
        let table = read(
            "INSERT INTO apn_user (username,password) VALUES ('a',MD5('x')),(_utf8'b',_binary 'p'),('c','p'+1),('d',0x70),(,);",
            Dialect::MySql,
        );
        let told: Vec<_> = table.expect("a table").rows.into_iter().map(|row| (row.name, row.password)).collect();
        let text = |text: &str| Value::Text(text.to_owned());
        let expected = [
            (text("a"), Value::Unknown),
            (text("b"), text("p")),
            (text("c"), Value::Unknown),
            (text("d"), Value::Unknown),
            (Value::Unknown, Value::Unknown),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn statements_that_change_rows_are_told() {
        let text = "/*C2*/INSERT INTO APN_USER VALUES(1,NULL,NULL,NULL,'p',NULL,'u')\nDELETE FROM APN_USER WHERE ID=1\n\
                    DELETE FROM OTHER WHERE ID=1\nCOMMIT\nDELETE FROM PUBLIC.APN_USER WHERE ID=1";
        let table = read(text, Dialect::Hsqldb).expect("a table");
        assert_eq!((table.rows.len(), table.not_followed), (1, vec![2, 5]));
    }

    #[test]
    fn a_dump_cut_off_anywhere_gives_an_error_or_whole_rows() {
        let whole = read(MYSQL, Dialect::MySql).expect("a table");
        let mut errors = 0;
        for (at, _) in MYSQL.char_indices() {
            match read(&MYSQL[..at], Dialect::MySql) {
                Ok(table) => assert!(table.rows.is_empty() || told(&table) == told(&whole), "cut at {at}"),
                Err(_) => errors += 1,
            }
        }
        assert!(errors > 100, "a statement that is cut off is no statement");
    }

    #[test]
    fn hostile_files_end_in_an_error_or_in_nothing() {
        let deep = format!("INSERT INTO apn_user VALUES ({}", "(".repeat(200_000));
        let deep_create = format!("CREATE TABLE apn_user ({}", "(".repeat(200_000));
        for text in [
            "INSERT",
            "INSERT INTO apn_user",
            "INSERT INTO apn_user VALUES",
            "INSERT INTO apn_user VALUES ();",
            "INSERT INTO apn_user VALUES (1,2);",
            "INSERT INTO apn_user (a) VALUES (1);",
            "INSERT INTO apn_user (username,password) VALUES ('a','b') ('c','d');",
            "INSERT INTO apn_user (username,password) VALUES ('a');;\u{0}",
            "INSERT INTO apn_user (username",
            "CREATE TABLE apn_user (",
            "CREATE TABLE apn_user;",
            ")))((('",
            &deep,
            &deep_create,
        ] {
            for dialect in [Dialect::MySql, Dialect::Hsqldb] {
                if let Ok(table) = read(text, dialect) {
                    assert!(table.rows.iter().all(|row| row.password.text().is_none()), "{text:.60}");
                }
            }
        }
    }

    #[test]
    fn every_table_is_known_with_what_it_is() {
        let text = "CREATE TABLE `User` (`id` int, username varchar(64), `password` varchar(64));INSERT INTO User VALUES (1,'a','b');\n\
                    CREATE UNIQUE INDEX i ON apn_user (username);CREATE TABLE apn_user LIKE t;INSERT INTO x SET a=1;";
        let table = read(text, Dialect::MySql).expect("a table");
        let names = table.tables.keys().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(names, ["apn_user", "user", "x"]);
        assert_eq!(table.tables["user"], Known { has_rows: true, is_cached: false, is_of_users: true });
        assert_eq!(super::read(text, Dialect::MySql, "user").expect("a table").rows.len(), 1);
        let cached = read("CREATE CACHED TABLE PUBLIC.APN_USER(ID BIGINT)\n", Dialect::Hsqldb).expect("a table");
        assert!(cached.tables["apn_user"].is_cached);
    }

    #[test]
    fn a_body_of_statements_has_no_rows() {
        let row = "INSERT INTO apn_user (username,password) VALUES ('a','b');";
        let block =
            format!("DELIMITER $$\nCREATE TRIGGER t BEGIN\n{row}\nEND $$\ndelimiter ;\n{row}\nDELIMITER ;\n{row}");
        let rows = read(&block, Dialect::MySql).expect("a table").rows;
        assert_eq!(rows.iter().map(|row| (row.spot.line, row.spot.row)).collect::<Vec<_>>(), [(6, 1), (8, 2)]);
        let procedure = format!("CREATE PROCEDURE P() BEGIN ATOMIC {row} END\n{row}\n");
        assert_eq!(read(&procedure, Dialect::Hsqldb).expect("a table").rows.len(), 1);
    }
}
