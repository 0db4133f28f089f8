//! CSV (RFC 4180) with names of columns in its first line; the fields may also be separated by semicolons or tabs.

use super::account::{Columns, Row, Spot, Value};
use super::sql::Wrong;

/// Reads a file.
pub(super) fn read(text: &str) -> Result<Vec<Row>, Wrong> {
    let separator = separator(text.lines().next().unwrap_or_default());
    let mut reader = Reader { rest: text, line: 1, separator };
    let Some((line, header)) = reader.record()? else {
        return Err(Wrong::new(1, "the file is empty"));
    };
    let header: Vec<String> =
        header.iter().map(|field| field.text().unwrap_or_default().trim().to_lowercase()).collect();
    let columns = Columns::of(&header).map_err(|what| Wrong::new(line, what))?;
    let mut rows = Vec::new();
    while let Some((line, fields)) = reader.record()? {
        rows.push(columns.row(Spot::new(line, rows.len() + 1), &fields));
    }
    Ok(rows)
}

fn separator(header: &str) -> char {
    let count = |separator: char| header.matches(separator).count();
    [',', ';', '\t'].into_iter().rev().max_by_key(|separator| count(*separator)).unwrap_or(',')
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
    separator: char,
}

impl Reader<'_> {
    /// The next record with the line that it begins in; empty lines are passed over.
    fn record(&mut self) -> Result<Option<(usize, Vec<Value>)>, Wrong> {
        while let Some(rest) = self.rest.strip_prefix("\r\n").or_else(|| self.rest.strip_prefix('\n')) {
            self.rest = rest;
            self.line += 1;
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        let line = self.line;
        let mut fields = Vec::new();
        loop {
            fields.push(self.field()?);
            let end = self.rest.chars().next();
            self.rest = self.rest.get(end.map_or(0, char::len_utf8)..).unwrap_or_default();
            match end {
                Some('\n') | None => break,
                Some(_) => (),
            }
        }
        self.line += 1;
        Ok(Some((line, fields)))
    }

    /// A field; what ends it stays.
    fn field(&mut self) -> Result<Value, Wrong> {
        let ends = [self.separator, '\n'];
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let end = self.rest.find(ends).unwrap_or(self.rest.len());
            let (field, rest) = self.rest.split_at(end);
            self.rest = rest;
            let field = field.strip_suffix('\r').unwrap_or(field);
            let is_null = field == "\\N" || field == "NULL";
            return Ok(if is_null { Value::Null } else { Value::Text(field.to_owned()) });
        };
        let begun = self.line;
        let mut field = String::new();
        let mut rest = quoted;
        loop {
            let Some((part, after)) = rest.split_once('"') else {
                return Err(Wrong::new(begun, "the file ends inside the quoted field that begins here: it is cut off"));
            };
            field += part;
            match after.strip_prefix('"') {
                Some(after) => {
                    field.push('"');
                    rest = after;
                }
                None => {
                    rest = after;
                    break;
                }
            }
        }
        self.line += field.matches('\n').count();
        self.rest = rest.strip_prefix("\r\n").map_or(rest, |_| rest.get(1..).unwrap_or_default());
        if !self.rest.is_empty() && !self.rest.starts_with(ends) {
            return Err(Wrong::new(begun, "something stands behind a quoted field"));
        }
        Ok(Value::Text(field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line, name and password.
    type Pair = (usize, Option<String>, Option<String>);

    fn pairs(text: &str) -> Result<Vec<Pair>, Wrong> {
        let owned = |value: &Value| value.text().map(str::to_owned);
        Ok(read(text)?.iter().map(|row| (row.spot.line, owned(&row.name), owned(&row.password))).collect())
    }

    fn pair(line: usize, name: &str, password: &str) -> Pair {
        (line, Some(name.to_owned()), Some(password.to_owned()))
    }

    #[test]
    fn columns_are_found_by_their_names() {
        let plain = "id,Created_Date,password,USERNAME\n1,2012-04-13 16:28:36,p,u\r\n2,\\N,NULL,v\n";
        assert_eq!(pairs(plain).expect("rows"), [pair(2, "u", "p"), (3, Some("v".to_owned()), None)]);
        assert_eq!(pairs("username;password\na,b;c").expect("rows"), [pair(2, "a,b", "c")]);
        assert_eq!(pairs("username\tpassword\r\na\tb,c\r\n").expect("rows"), [pair(2, "a", "b,c")]);
    }

    #[test]
    fn quotes_hold_separators_quotes_and_lines() {
        let text = "\"username\",\"password\"\r\n\"a\",\"x,\"\"y\"\"\nz\"\r\n\nb,it\"s\nc,\"\"\n";
        assert_eq!(pairs(text).expect("rows"), [pair(2, "a", "x,\"y\"\nz"), pair(5, "b", "it\"s"), pair(6, "c", "")]);
    }

    #[test]
    fn what_is_no_table_is_refused_by_line() {
        for (text, line) in [
            ("", 1),
            ("\n\n", 1),
            ("a,b\n1,2\n", 1),
            ("username\nx\n", 1),
            ("username,password\na,\"b", 2),
            ("username,password\n\na,\"b\"c\n", 3),
        ] {
            assert_eq!(pairs(text).expect_err(text).line, line, "{text:?}");
        }
        let misfits = |text: &str| read(text).expect("rows").iter().map(|row| row.misfit).collect::<Vec<_>>();
        let rows = "id,username,password\n1,a\n2,b,c\n3,d,e,f\n4,g,h,\n";
        assert_eq!(
            misfits(rows),
            [Some((2, 3)), None, Some((4, 3)), None],
            "a separator in a password shifts what follows"
        );
        let short = pairs("username,password\na\n").expect("rows");
        assert_eq!(short, [(2, Some("a".to_owned()), None)], "a field that is not there has no value");
    }
}
