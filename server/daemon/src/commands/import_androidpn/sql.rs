//! SQL as dumps write it: words, names, texts and marks, each with its line. Two dialects, and no recursion.

/// Whose SQL it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Backslash escapes in texts; a statement ends at a semicolon.
    MySql,
    /// `\uXXXX` in texts; a statement ends with its line.
    Hsqldb,
}

/// Why a file cannot be read, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub line: usize,
    pub what: String,
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for Wrong {}

impl Wrong {
    pub(super) fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }
}

/// A piece of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A keyword, a number, a name without quotes.
    Word(String),
    /// A name in quotes.
    Name(String),
    /// A text.
    Text(String),
    /// A text that stands for no characters.
    Broken,
    /// Anything else; a semicolon ends a statement.
    Mark(char),
}

impl Token {
    /// Whether it is this keyword.
    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own.eq_ignore_ascii_case(word))
    }
}

/// Cuts a text into tokens.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    dialect: Dialect,
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(text: &'a str, dialect: Dialect) -> Self {
        Self { rest: text, line: 1, dialect }
    }

    /// The line that was reached.
    pub(super) const fn line(&self) -> usize {
        self.line
    }

    /// The next token; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Token>, Wrong> {
        loop {
            let Some(first) = self.rest.chars().next() else {
                return Ok(None);
            };
            if first == '\n' {
                self.take_bytes(1);
                if self.dialect == Dialect::Hsqldb {
                    return Ok(Some(Token::Mark(';')));
                }
            } else if first.is_whitespace() {
                self.take_bytes(first.len_utf8());
            } else if !self.skip_comment(first)? {
                return self.token(first).map(Some);
            }
        }
    }

    /// Skips the rest of the line.
    pub(super) fn skip_line(&mut self) {
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        self.take_bytes(end);
    }

    /// Behind the word `DELIMITER`, by which a client is told what ends a statement: skips all up to where that is a semicolon again.
    /// What stands there are bodies of triggers and procedures, whose statements nobody has carried out.
    pub(super) fn skip_delimited(&mut self) {
        let is_semicolon = |named: &str| named.trim() == ";";
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        let mut is_over = is_semicolon(self.take_bytes(end));
        while !is_over && !self.rest.is_empty() {
            let end = self.rest.find('\n').map_or(self.rest.len(), |end| end + 1);
            let line = self.take_bytes(end).trim();
            let (word, named) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            is_over = word.eq_ignore_ascii_case("delimiter") && is_semicolon(named);
        }
    }

    fn token(&mut self, first: char) -> Result<Token, Wrong> {
        match first {
            '\'' => self.text(),
            '`' | '"' => self.name(first),
            _ if is_of_word(first) && first != '.' => {
                let end = self.rest.find(|c| !is_of_word(c)).unwrap_or(self.rest.len());
                Ok(Token::Word(self.take_bytes(end).to_owned()))
            }
            mark => {
                self.take_bytes(mark.len_utf8());
                Ok(Token::Mark(mark))
            }
        }
    }

    /// Takes what stands before byte `end`.
    fn take_bytes(&mut self, end: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.line += taken.bytes().filter(|byte| *byte == b'\n').count();
        self.rest = rest;
        taken
    }

    /// Skips a comment; false when none begins here. The end of a line comment stays, since it may end a statement.
    fn skip_comment(&mut self, first: char) -> Result<bool, Wrong> {
        let is_to_line_end = match first {
            '-' => self.rest.starts_with("--"),
            '#' => self.dialect == Dialect::MySql,
            _ => false,
        };
        if is_to_line_end {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.take_bytes(end);
            return Ok(true);
        }
        if !self.rest.starts_with("/*") {
            return Ok(false);
        }
        let Some(end) = self.rest.find("*/") else {
            return Err(Wrong::new(self.line, "the file ends inside the comment that begins here"));
        };
        self.take_bytes(end + 2);
        Ok(true)
    }

    /// A name between two `quote`, which stand for one where they are doubled.
    fn name(&mut self, quote: char) -> Result<Token, Wrong> {
        let begun = self.line;
        let mut name = String::new();
        self.take_bytes(1);
        loop {
            let Some(end) = self.rest.find(quote) else {
                return Err(Wrong::new(begun, "the file ends inside the name that begins here: it is cut off"));
            };
            name += self.take_bytes(end);
            self.take_bytes(1);
            if !self.rest.starts_with(quote) {
                return Ok(Token::Name(name));
            }
            name.push(quote);
            self.take_bytes(1);
        }
    }

    fn text(&mut self) -> Result<Token, Wrong> {
        let begun = self.line;
        // UTF-16, because that is what HSQLDB escapes.
        let mut units: Vec<u16> = Vec::new();
        self.take_bytes(1);
        loop {
            let Some(end) = self.rest.find(['\'', '\\']) else {
                return Err(Wrong::new(begun, "the file ends inside the text that begins here: it is cut off"));
            };
            units.extend(self.take_bytes(end).encode_utf16());
            if self.rest.starts_with("''") {
                units.push(u16::from(b'\''));
                self.take_bytes(2);
            } else if self.rest.starts_with('\'') {
                self.take_bytes(1);
                return Ok(String::from_utf16(&units).map_or(Token::Broken, Token::Text));
            } else {
                self.escape(&mut units);
            }
        }
    }

    /// What a backslash stands for, with what follows it.
    fn escape(&mut self, units: &mut Vec<u16>) {
        self.take_bytes(1);
        match self.dialect {
            Dialect::Hsqldb => {
                let digits = self.rest.strip_prefix('u').and_then(|rest| rest.get(..4));
                let is_hex = |digits: &&str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                match digits.filter(is_hex).and_then(|digits| u16::from_str_radix(digits, 16).ok()) {
                    Some(unit) => {
                        units.push(unit);
                        self.take_bytes(5);
                    }
                    None => units.push(u16::from(b'\\')),
                }
            }
            Dialect::MySql => {
                // A backslash that nothing follows is found to be a cut-off text next.
                let Some(escaped) = self.rest.chars().next() else { return };
                let stands_for: &[char] = match escaped {
                    '0' => &['\0'],
                    'b' => &['\u{8}'],
                    'n' => &['\n'],
                    'r' => &['\r'],
                    't' => &['\t'],
                    'Z' => &['\u{1a}'],
                    // Before a wildcard the backslash stays.
                    '%' => &['\\', '%'],
                    '_' => &['\\', '_'],
                    _ => &[],
                };
                let itself = [escaped];
                let stands_for: &[char] = if stands_for.is_empty() { &itself } else { stands_for };
                units.extend(stands_for.iter().collect::<String>().encode_utf16());
                self.take_bytes(escaped.len_utf8());
            }
        }
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '.' | '+' | '-' | '@')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str, dialect: Dialect) -> Result<Vec<Token>, Wrong> {
        let mut lexer = Lexer::new(text, dialect);
        let mut tokens = Vec::new();
        while let Some(token) = lexer.next()? {
            tokens.push(token);
        }
        Ok(tokens)
    }

    fn only_text(text: &str, dialect: Dialect) -> Token {
        let found = tokens(text, dialect).expect("tokens");
        let [only] = found.as_slice() else { panic!("one token: {found:?}") };
        only.clone()
    }

    #[test]
    fn each_dialect_has_its_escapes() {
        let text = |text: &str| Token::Text(text.to_owned());
        assert_eq!(only_text(r"'a\'b''c\\d\n\0\Z\%\x'", Dialect::MySql), text("a'b'c\\d\n\0\u{1a}\\%x"));
        assert_eq!(only_text(r"'\u4f60\u597d ''x'' \u005c \ud83d\ude00'", Dialect::Hsqldb), text("你好 'x' \\ 😀"));
        assert_eq!(only_text(r"'\n \u12 \ü'", Dialect::Hsqldb), text(r"\n \u12 \ü"), "no escapes there");
        assert_eq!(only_text(r"'\ud83d'", Dialect::Hsqldb), Token::Broken);
        assert_eq!(only_text("'😀你'", Dialect::MySql), text("😀你"));
    }

    #[test]
    fn comments_and_lines_are_told_apart() {
        let mysql = "-- x\n# y\n/*!40101 SET z\n */ INSERT `a``b`.c(-1,0.5);";
        let found = tokens(mysql, Dialect::MySql).expect("tokens");
        let word = |word: &str| Token::Word(word.to_owned());
        let expected = [
            word("INSERT"),
            Token::Name("a`b".to_owned()),
            Token::Mark('.'),
            word("c"),
            Token::Mark('('),
            word("-1"),
            Token::Mark(','),
            word("0.5"),
            Token::Mark(')'),
            Token::Mark(';'),
        ];
        assert_eq!(found, expected);
        let hsqldb = tokens("/*C1*/SET X\nY --z\n", Dialect::Hsqldb).expect("tokens");
        assert_eq!(hsqldb, [word("SET"), word("X"), Token::Mark(';'), word("Y"), Token::Mark(';')]);
    }

    #[test]
    fn a_cut_off_file_is_told_by_the_line_where_its_last_piece_begins() {
        for (text, line) in [("\n'abc\n", 2), ("\n\n`abc", 3), ("/* a", 1), ("'\\", 1), ("'\\'", 1), ("'a''", 1)] {
            for dialect in [Dialect::MySql, Dialect::Hsqldb] {
                if text == "'\\'" && dialect == Dialect::Hsqldb {
                    continue; // A backslash is a character there.
                }
                assert_eq!(tokens(text, dialect).expect_err(text).line, line, "{text:?}");
            }
        }
    }
}
