//! What the SQL of a phone may say: Android 7 (API 24) brings SQLite 3.9, and what is newer fails on the oldest phones alone.

use crate::Violations;
use crate::code::{literals, outside_tests, split};

/// The folders whose SQL runs on phones, with the end of their files' names.
pub const FOLDERS: &[(&str, &str)] =
    &[("android-client/store/src/", ".rs"), ("uniffi-bindings/src/", ".rs"), ("gradle/push/src/main/", ".kt")];

/// Runs of words that 3.9 does not know, with what they are and the version that brought them.
const RUNS: &[(&str, &str)] = &[
    ("RETURNING", "RETURNING (3.35)"),
    ("OVER (", "a window function (3.25)"),
    ("WINDOW", "a window (3.25)"),
    ("FILTER (", "a FILTER clause (3.30)"),
    (") STRICT", "a STRICT table (3.37)"),
    (", STRICT", "a STRICT table (3.37)"),
    ("->", "a JSON operator (3.38)"),
    ("->>", "a JSON operator (3.38)"),
    ("GENERATED ALWAYS", "a generated column (3.31)"),
    ("RENAME COLUMN", "a renamed column (3.25)"),
    ("DROP COLUMN", "a dropped column (3.35)"),
    ("DISTINCT FROM", "IS DISTINCT FROM (3.39)"),
    ("TRUE", "TRUE (3.23)"),
    ("FALSE", "FALSE (3.23)"),
    ("RIGHT JOIN", "a RIGHT JOIN (3.39)"),
    ("RIGHT OUTER JOIN", "a RIGHT JOIN (3.39)"),
    ("FULL JOIN", "a FULL JOIN (3.39)"),
    ("FULL OUTER JOIN", "a FULL JOIN (3.39)"),
    ("NULLS FIRST", "NULLS FIRST (3.30)"),
    ("NULLS LAST", "NULLS LAST (3.30)"),
    ("AS MATERIALIZED", "MATERIALIZED (3.35)"),
    ("AS NOT MATERIALIZED", "MATERIALIZED (3.35)"),
    ("VACUUM INTO", "VACUUM INTO (3.27)"),
];

/// Functions that 3.9 of a phone does not have; so are all whose names begin with `json` (an extension) or `pragma_` (3.16).
const FUNCTIONS: &[&str] = &[
    "IIF",
    "IF",
    "FORMAT",
    "UNIXEPOCH",
    "TIMEDIFF",
    "SUBSTRING",
    "SIGN",
    "UNHEX",
    "CONCAT",
    "CONCAT_WS",
    "STRING_AGG",
    "OCTET_LENGTH",
    "CEIL",
    "CEILING",
    "FLOOR",
    "TRUNC",
    "MOD",
    "POW",
    "POWER",
    "SQRT",
    "EXP",
    "LN",
    "LOG",
];

/// Words behind which a parenthesis begins an expression, not a list of columns or arguments.
const BEFORE_EXPRESSION: &[&str] = &[
    "WHERE", "AND", "OR", "NOT", "ON", "WHEN", "THEN", "ELSE", "HAVING", "BY", "SELECT", "(", ",", "=", "<", ">", "<=",
    ">=", "<>", "!=",
];

/// What compares.
const COMPARISONS: &[&str] = &["=", "==", "<", ">", "<=", ">=", "<>", "!=", "IN", "IS", "NOT", "BETWEEN"];

/// Checks one file; `path` is relative to the tree's root.
#[must_use]
pub fn check(path: &str, source: &str) -> Violations {
    let found = statements(path, source).into_iter().flat_map(|(line, sql)| {
        let faults = newer(&words(&sql));
        faults.into_iter().map(move |fault| format!("{path}:{line} has SQL that SQLite 3.9 does not know: {fault}"))
    });
    found.collect()
}

/// The SQL of a file that runs on phones, with the lines in which it begins.
#[must_use]
pub fn statements(path: &str, source: &str) -> Vec<(usize, String)> {
    if !FOLDERS.iter().any(|(folder, end)| path.starts_with(folder) && path.ends_with(end)) {
        return Vec::new();
    }
    let lines = outside_tests(&split(source).code).lines().count();
    literals(source).into_iter().filter(|(line, text)| *line <= lines && is_sql(text)).collect()
}

/// Whether a text is SQL or a part of it: it says so in capitals, or begins with a verb of it.
fn is_sql(text: &str) -> bool {
    const VERBS: &[&str] =
        &["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP", "PRAGMA", "REPLACE", "WITH", "VACUUM"];
    const PARTS: &[&str] =
        &["FROM", "WHERE", "SET", "VALUES", "ORDER", "GROUP", "AND", "OR", "ON", "IN", "IS", "AS", "NULL"];
    let mut plain = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).peekable();
    let begins = plain.peek().is_some_and(|first| VERBS.contains(&first.to_uppercase().as_str()));
    begins && text.trim().contains(' ') || plain.any(|word| VERBS.contains(&word) || PARTS.contains(&word))
}

/// The words and signs of a statement, in capitals; of texts and quoted names only that they are there.
fn words(sql: &str) -> Vec<String> {
    const SIGNS: &[&str] = &["->>", "->", "<=", ">=", "<>", "!=", "==", "||"];
    let mut words = Vec::new();
    let mut rest = sql.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first.is_alphanumeric() || first == '_' {
            rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
        } else if matches!(first, '\'' | '"' | '`') {
            rest.get(1..).and_then(|after| after.find(first)).map_or(rest.len(), |end| end + 2)
        } else {
            SIGNS.iter().find(|sign| rest.starts_with(**sign)).map_or(first.len_utf8(), |sign| sign.len())
        };
        let word = rest.get(..length).unwrap_or(rest);
        words.push(if matches!(first, '\'' | '"' | '`') { "'".to_owned() } else { word.to_uppercase() });
        rest = rest.get(length..).unwrap_or("").trim_start();
    }
    words
}

/// What a statement says that is newer than 3.9.
fn newer(words: &[String]) -> Vec<String> {
    let is_run = |run: &str| {
        let run: Vec<&str> = run.split(' ').collect();
        words.windows(run.len()).any(|window| window.iter().eq(run.iter()))
    };
    let mut faults: Vec<String> =
        RUNS.iter().filter(|(run, _)| is_run(run)).map(|(_, what)| (*what).to_owned()).collect();
    faults.extend(calls(words).filter(|name| is_newer_function(name)).map(|name| format!("the function {name}")));
    let is = |index: usize, wanted: &str| words.get(index).is_some_and(|word| word == wanted);
    for (index, word) in words.iter().enumerate() {
        let next = words.get(index + 2).map(String::as_str).unwrap_or_default();
        let is_old = matches!(next, "ROLLBACK" | "ABORT" | "FAIL" | "IGNORE" | "REPLACE");
        if word == "ON" && is(index + 1, "CONFLICT") && !is_old {
            faults.push("an UPSERT (3.24)".to_owned());
        }
    }
    let is_table = words.iter().take(3).any(|word| word == "TABLE");
    if is_table && (is(0, "CREATE") || is(0, "ALTER")) && is_run("AS (") {
        faults.push("a generated column (3.31)".to_owned());
    }
    if is_table && is(0, "ALTER") && is(3, "RENAME") && !is(4, "TO") && !is(4, "COLUMN") {
        faults.push("a renamed column (3.25)".to_owned());
    }
    if is(0, "UPDATE") && outside_parentheses(words).any(|word| word == "FROM") {
        faults.push("UPDATE … FROM (3.33)".to_owned());
    }
    faults.extend(row_values(words).then(|| "a row value (3.15)".to_owned()));
    faults.extend(partial_index(words));
    faults.sort_unstable();
    faults.dedup();
    faults
}

/// Names behind which a parenthesis stands.
fn calls(words: &[String]) -> impl Iterator<Item = &String> {
    words.iter().zip(words.iter().skip(1)).filter(|(_, next)| *next == "(").map(|(name, _)| name)
}

fn is_newer_function(name: &str) -> bool {
    FUNCTIONS.contains(&name) || name.starts_with("JSON") || name.starts_with("PRAGMA_")
}

fn outside_parentheses(words: &[String]) -> impl Iterator<Item = &String> {
    let mut depth = 0_i32;
    words.iter().filter(move |word| {
        depth += i32::from(*word == "(") - i32::from(*word == ")");
        depth == 0
    })
}

/// Whether a list of several in parentheses stands where a value does: compared, or set.
fn row_values(words: &[String]) -> bool {
    words.iter().enumerate().filter(|(_, word)| *word == "(").any(|(index, _)| {
        let before = index.checked_sub(1).and_then(|index| words.get(index)).map(String::as_str).unwrap_or_default();
        let inner = words.get(index + 1..).unwrap_or_default();
        let (mut depth, mut has_comma) = (1, false);
        let end = inner.iter().position(|word| {
            depth += i32::from(word == "(") - i32::from(word == ")");
            has_comma |= depth == 1 && word == ",";
            depth == 0
        });
        let after = end.and_then(|end| inner.get(end + 1)).map(String::as_str).unwrap_or_default();
        let is_query = inner.first().is_some_and(|word| word == "SELECT" || word == "VALUES");
        let is_value = before.is_empty() || BEFORE_EXPRESSION.contains(&before);
        has_comma && !is_query && (before == "SET" || is_value && COMPARISONS.contains(&after))
    })
}

/// The condition of a partial index holds columns and constants only: 3.9 refuses arguments and queries in it, and which functions it
/// takes is up to how a phone's SQLite was built.
fn partial_index(words: &[String]) -> Option<String> {
    let is_index =
        words.first().is_some_and(|word| word == "CREATE") && words.iter().take(3).any(|word| word == "INDEX");
    let condition = words.get(words.iter().position(|word| word == "WHERE")?..).filter(|_| is_index)?;
    let is_name = |name: &&String| name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let has_call =
        calls(condition).filter(is_name).any(|name| !["WHERE", "AND", "OR", "NOT", "IN"].contains(&name.as_str()));
    let is_plain = !has_call && !condition.iter().any(|word| word == "?" || word == "SELECT");
    (!is_plain).then(|| "a partial index on more than columns and constants".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "android-client/store/src/a.rs";

    fn faults(sql: &str) -> Violations {
        check(PATH, &format!("//! A.\nconst A: &str = \"{sql}\";\n"))
    }

    #[test]
    fn each_planted_newer_construct_is_caught() {
        for planted in [
            "INSERT INTO a (b) VALUES (?) ON CONFLICT (b) DO UPDATE SET c = 1",
            "INSERT INTO a (b) VALUES (?) ON CONFLICT DO NOTHING",
            "DELETE FROM a WHERE b = ? RETURNING c",
            "delete from a where b = ? returning c",
            "SELECT row_number() OVER (ORDER BY a) FROM b",
            "SELECT sum(a) OVER w FROM b WINDOW w AS (ORDER BY a)",
            "SELECT count(*) FILTER (WHERE a > 1) FROM b",
            "CREATE TABLE a (b INTEGER) STRICT",
            "CREATE TABLE a (b INTEGER PRIMARY KEY) WITHOUT ROWID, STRICT",
            "SELECT a -> '$.b' FROM c",
            "SELECT a->>'$.b' FROM c",
            "SELECT json_extract(a, '$.b') FROM c",
            "SELECT value FROM json_each(?)",
            "CREATE TABLE a (b INTEGER, c INTEGER GENERATED ALWAYS AS (b + 1))",
            "CREATE TABLE a (b INTEGER, c INTEGER AS (b + 1) STORED)",
            "ALTER TABLE a RENAME COLUMN b TO c",
            "ALTER TABLE a RENAME b TO c",
            "ALTER TABLE a DROP COLUMN b",
            "SELECT a FROM b WHERE (c, d) > (?, ?)",
            "SELECT a FROM b WHERE e = 1 AND (c, d) IN (SELECT c, d FROM f)",
            "UPDATE a SET (b, c) = (1, 2)",
            "UPDATE a SET b = c.d FROM c WHERE c.e = a.e",
            "SELECT a FROM b WHERE c IS NOT DISTINCT FROM ?",
            "UPDATE a SET b = TRUE",
            "SELECT a FROM b RIGHT JOIN c ON b.d = c.d",
            "SELECT a FROM b ORDER BY c NULLS LAST",
            "SELECT iif(a, 1, 2) FROM b",
            "SELECT name FROM pragma_table_info('a')",
            "CREATE INDEX a ON b (c) WHERE d = ?",
            "CREATE UNIQUE INDEX a ON b (c) WHERE ifnull(d, 0) > 1",
            "(state < 2) AND a->'b' IS NULL",
        ] {
            assert_eq!(faults(planted).len(), 1, "{planted}: {:?}", faults(planted));
        }
    }

    #[test]
    fn what_3_9_knows_passes() {
        for old in [
            "INSERT OR REPLACE INTO a (b, c) VALUES (?, ?), (?, ?)",
            "CREATE TABLE a (b TEXT UNIQUE ON CONFLICT IGNORE, c INTEGER, PRIMARY KEY (b, c)) WITHOUT ROWID",
            "CREATE UNIQUE INDEX a ON b (c, ifnull(d, '')) WHERE e IS NOT NULL AND (f < 2 OR g IN (1, 2))",
            "WITH a AS (SELECT 1) SELECT coalesce(b, c) = 1, max(d, ?) FROM a WHERE e IN (1, 2) AND f NOT IN (SELECT g FROM h)",
            "UPDATE a SET b = (SELECT c FROM d WHERE e = 1), f = max(f, ?) WHERE g IS ?",
            "ALTER TABLE a RENAME TO b",
            "ALTER TABLE a ADD COLUMN strict INTEGER",
            "SELECT 'a RETURNING b', '->' FROM c",
            "CREATE TABLE a AS SELECT 1",
        ] {
            assert_eq!(faults(old), Vec::<String>::new(), "{old}");
        }
    }

    #[test]
    fn the_line_is_named_and_what_is_no_sql_of_a_phone_passes() {
        let source = "//! A.\nfn a() {\n    b(\n        \"SELECT a\n         FROM b RETURNING c\",\n    );\n}\n";
        assert!(check(PATH, source).iter().all(|fault| fault.starts_with("android-client/store/src/a.rs:4 ")));
        assert_eq!(check(PATH, source).len(), 1);
        assert_eq!(check("server/store-sqlite/src/a.rs", source), Vec::<String>::new());
        for harmless in [
            "// SELECT a RETURNING b",
            "fn a() { b(\"returning to the start\") }",
            "\n#[cfg(test)]\nconst A: &str = \"SELECT 1 RETURNING a\";",
        ] {
            assert_eq!(check(PATH, &format!("//! A.\n{harmless}\n")), Vec::<String>::new(), "{harmless}");
        }
    }

    #[test]
    fn kotlin_is_read_too() {
        let source = "internal class A {\n    val sql = \"SELECT a FROM b WHERE (c, d) = (?, ?)\"\n}\n";
        assert_eq!(check("gradle/push/src/main/kotlin/A.kt", source).len(), 1);
    }
}
