//! Statements that go to SQLite's thread together: each turn there and back costs two changes of threads, more than most statements.

use std::fmt::Write as _;

use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::sql::{Value, bind};

/// Rows of one statement at most: 14 columns of so many stay far below SQLite's 32,766 parameters.
const ROWS_MAX: usize = 64;

/// Statements that wait for their turn. Nothing of them is answered but whether they failed.
pub(crate) struct Script<'c> {
    conn: &'c mut SqliteConnection,
    parts: Vec<Part>,
}

enum Part {
    /// A statement; its parameters are all `?`, since SQLite's numbers would count from the script's first.
    One(&'static str, Vec<Value>),
    Rows(Insert),
}

/// `head` for each of the rows, then `tail`.
struct Insert {
    head: &'static str,
    tail: &'static str,
    rows: Vec<Vec<Value>>,
}

impl<'c> Script<'c> {
    /// An empty one.
    pub(crate) const fn new(conn: &'c mut SqliteConnection) -> Self {
        Self { conn, parts: Vec::new() }
    }

    /// Adds a statement with plain `?` for its values.
    pub(crate) fn add(&mut self, sql: &'static str, values: impl IntoIterator<Item = Value>) {
        self.parts.push(Part::One(sql, values.into_iter().collect()));
    }

    /// Adds `head VALUES … tail` for all rows, whose first values are never null; full statements run at once.
    pub(crate) async fn insert(
        &mut self,
        head: &'static str,
        tail: &'static str,
        mut rows: Vec<Vec<Value>>,
    ) -> Result<(), sqlx::Error> {
        while rows.len() > ROWS_MAX {
            let later = rows.split_off(ROWS_MAX);
            self.parts.push(Part::Rows(Insert { head, tail, rows }));
            self.run().await?;
            rows = later;
        }
        if !rows.is_empty() {
            self.parts.push(Part::Rows(Insert { head, tail, rows }));
        }
        Ok(())
    }

    /// Runs what was added.
    pub(crate) async fn run(&mut self) -> Result<(), sqlx::Error> {
        let rows = if self.parts.is_empty() { Vec::new() } else { self.take_turn().await? };
        debug_assert!(rows.is_empty(), "who wants rows asks for them");
        Ok(())
    }

    /// Runs what was added and a query behind it, and gives the query's rows.
    pub(crate) async fn rows(
        &mut self,
        sql: &'static str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        self.add(sql, values);
        self.take_turn().await
    }

    /// The connection, when what was added has run.
    pub(crate) async fn conn(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        self.run().await?;
        Ok(self.conn)
    }

    async fn take_turn(&mut self) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let parts = std::mem::take(&mut self.parts);
        let size = parts.iter().map(Part::size).max().unwrap_or(0);
        let mut text = String::new();
        let mut values = Vec::new();
        for part in parts {
            part.write(size, &mut text, &mut values);
        }
        values.into_iter().fold(sqlx::query(AssertSqlSafe(text)), bind).fetch_all(&mut *self.conn).await
    }
}

impl Part {
    /// For how many rows its text is made: powers of two, so that few texts are prepared.
    fn size(&self) -> usize {
        match self {
            Self::One(..) => 0,
            Self::Rows(insert) => insert.rows.len().next_power_of_two(),
        }
    }

    fn write(self, size: usize, text: &mut String, values: &mut Vec<Value>) {
        match self {
            Self::One(sql, own) => {
                text.push_str(sql);
                values.extend(own);
            }
            Self::Rows(insert) => insert.write(size, text, values),
        }
        text.push(';');
    }
}

impl Insert {
    /// As a statement for `size` rows: those that are not there are nulls, which it passes over.
    fn write(self, size: usize, text: &mut String, values: &mut Vec<Value>) {
        let width = self.rows.first().map_or(0, Vec::len);
        let row = format!("({})", vec!["?"; width].join(","));
        let rows = vec![row; size].join(",");
        let (head, tail) = (self.head, self.tail);
        write!(text, "{head} SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL {tail}")
            .expect("a text takes what is written");
        let missing = (size - self.rows.len()) * width;
        values.extend(self.rows.into_iter().flatten());
        values.extend(std::iter::repeat_n(Value::Null, missing));
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Connection as _;

    use super::*;
    use crate::sql::column;

    const ALL: &str = "SELECT a, b FROM t ORDER BY a";
    const HEAD: &str = "INSERT INTO t (a, b)";

    async fn database() -> SqliteConnection {
        let mut conn = SqliteConnection::connect("sqlite::memory:").await.expect("a database");
        let table = "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT) STRICT";
        sqlx::query(table).execute(&mut conn).await.expect("a table");
        conn
    }

    fn row(number: usize) -> Vec<Value> {
        // Nulls elsewhere than in front are values like others.
        let text = (!number.is_multiple_of(3)).then(|| number.to_string());
        vec![Value::Int(i64::try_from(number).expect("small")), text.into()]
    }

    async fn stored(script: &mut Script<'_>) -> Vec<(i64, Option<String>)> {
        let rows = script.rows(ALL, []).await.expect("rows");
        rows.iter().map(|row| (column(row, "a").expect("a"), column(row, "b").expect("b"))).collect()
    }

    #[tokio::test]
    async fn any_number_of_rows_is_written_whole() {
        for count in [0, 1, 3, ROWS_MAX, ROWS_MAX + 1, 5 * ROWS_MAX - 1] {
            let mut conn = database().await;
            let mut script = Script::new(&mut conn);
            script.insert(HEAD, "", (1..=count).map(row).collect()).await.expect("rows");
            let expected: Vec<_> = (1..=count)
                .map(|number| (number as i64, (!number.is_multiple_of(3)).then(|| number.to_string())))
                .collect();
            assert_eq!(stored(&mut script).await, expected);
        }
    }

    #[tokio::test]
    async fn statements_run_in_their_order_each_with_its_own_values() {
        let mut conn = database().await;
        let mut script = Script::new(&mut conn);
        script.add("BEGIN IMMEDIATE", []);
        script.insert(HEAD, "", vec![row(1), row(2), row(4)]).await.expect("rows");
        script.add("UPDATE t SET b = ? WHERE a = ?", ["two".into(), Value::Int(2)]);
        let tail = "ON CONFLICT (a) DO UPDATE SET b = excluded.b || t.b";
        script.insert(HEAD, tail, vec![vec![Value::Int(2), "twenty-".into()]]).await.expect("rows");
        script.add("COMMIT", []);
        let texts: Vec<_> = stored(&mut script).await.into_iter().filter_map(|(_, text)| text).collect();
        assert_eq!(texts, ["1", "twenty-two", "4"]);
    }

    #[tokio::test]
    async fn nothing_behind_a_statement_that_fails_is_run() {
        let mut conn = database().await;
        let mut script = Script::new(&mut conn);
        script.add("BEGIN IMMEDIATE", []);
        script.insert(HEAD, "", vec![row(1), row(1)]).await.expect("rows");
        script.add("COMMIT", []);
        assert!(script.run().await.is_err());
        script.add("ROLLBACK", []);
        assert_eq!(stored(&mut script).await, []);
    }
}
