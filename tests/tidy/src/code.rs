//! Splits Rust source into code and string literals, so that rules about code are not fooled by comments and texts.

/// A source file taken apart: both fields have the line breaks of the source, so that line numbers agree.
#[derive(Debug, PartialEq, Eq)]
pub struct Split {
    /// The source with comments and the contents of string and character literals blanked.
    pub code: String,
    /// The contents of string literals alone, one space where anything else stood between them.
    pub strings: String,
}

#[derive(Clone, Copy)]
enum Mode {
    Code,
    LineComment,
    BlockComment(usize),
    Text,
    RawText(usize),
}

/// Takes Rust source apart. Never fails: what is not Rust is split somehow.
#[must_use]
pub fn split(source: &str) -> Split {
    let mut splitter = Splitter::new(source);
    let mut mode = Mode::Code;
    while !splitter.rest.is_empty() {
        mode = splitter.step(mode);
    }
    Split { code: splitter.code, strings: splitter.strings }
}

/// The string literals of a source one by one, each with the number of the line in which it begins; their line breaks are spaces.
#[must_use]
pub fn literals(source: &str) -> Vec<(usize, String)> {
    let mut splitter = Splitter::new(source);
    let mut mode = Mode::Code;
    let mut literals = Vec::new();
    let mut begun = None;
    while !splitter.rest.is_empty() {
        mode = splitter.step(mode);
        let is_text = matches!(mode, Mode::Text | Mode::RawText(_));
        if is_text && begun.is_none() {
            begun = Some((splitter.strings.matches('\n').count() + 1, splitter.strings.len()));
        }
        if let Some((line, start)) = begun.take_if(|_| !is_text) {
            literals.push((line, splitter.strings.get(start..).unwrap_or("").replace('\n', " ").trim_end().to_owned()));
        }
    }
    literals
}

struct Splitter<'a> {
    rest: &'a str,
    previous: char,
    code: String,
    strings: String,
}

impl<'a> Splitter<'a> {
    const fn new(source: &'a str) -> Self {
        Self { rest: source, previous: ' ', code: String::new(), strings: String::new() }
    }

    fn step(&mut self, mode: Mode) -> Mode {
        match mode {
            Mode::Code => self.in_code(),
            Mode::LineComment => self.in_line_comment(),
            Mode::BlockComment(depth) => self.in_block_comment(depth),
            Mode::Text => self.in_text(),
            Mode::RawText(hashes) => self.in_raw_text(hashes),
        }
    }

    /// Takes one character; line breaks go to both halves.
    fn take(&mut self) -> char {
        let next = self.rest.chars().next().unwrap_or(' ');
        self.rest = self.rest.get(next.len_utf8()..).unwrap_or("");
        if next == '\n' {
            self.code.push('\n');
            self.strings.push('\n');
        }
        next
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.take();
        }
    }

    fn keep(&mut self, count: usize) {
        for _ in 0..count {
            let next = self.take();
            if next != '\n' {
                self.code.push(next);
            }
            self.previous = next;
        }
    }

    fn in_code(&mut self) -> Mode {
        if self.rest.starts_with("//") {
            return Mode::LineComment;
        }
        if self.rest.starts_with("/*") {
            self.skip(2);
            return Mode::BlockComment(1);
        }
        if self.rest.starts_with('"') {
            self.keep(1);
            return Mode::Text;
        }
        if let Some(hashes) = self.raw_text_ahead() {
            self.keep(hashes + 2);
            return Mode::RawText(hashes);
        }
        if let Some(length) = self.character_ahead() {
            self.keep(1);
            self.skip(length - 2);
            self.keep(1);
            return Mode::Code;
        }
        self.keep(1);
        Mode::Code
    }

    /// The number of hashes of a raw string that begins here.
    fn raw_text_ahead(&self) -> Option<usize> {
        if self.previous.is_alphanumeric() && self.previous != 'b' || self.previous == '_' {
            return None;
        }
        let after = self.rest.strip_prefix('r')?;
        let hashes = after.chars().take_while(|&c| c == '#').count();
        after.get(hashes..)?.starts_with('"').then_some(hashes)
    }

    /// The length of a character literal that begins here (a lifetime is none).
    fn character_ahead(&self) -> Option<usize> {
        let after = self.rest.strip_prefix('\'')?;
        if after.starts_with('\\') {
            let end = after.chars().skip(2).position(|c| c == '\'')?;
            return Some(end + 4);
        }
        let mut characters = after.chars();
        characters.next()?;
        (characters.next() == Some('\'')).then_some(3)
    }

    fn in_line_comment(&mut self) -> Mode {
        if self.take() == '\n' { Mode::Code } else { Mode::LineComment }
    }

    fn in_block_comment(&mut self, depth: usize) -> Mode {
        if self.rest.starts_with("/*") {
            self.skip(2);
            return Mode::BlockComment(depth + 1);
        }
        if self.rest.starts_with("*/") {
            self.skip(2);
            return if depth == 1 { Mode::Code } else { Mode::BlockComment(depth - 1) };
        }
        self.take();
        Mode::BlockComment(depth)
    }

    fn in_text(&mut self) -> Mode {
        let next = self.take();
        match next {
            '\\' => {
                let escaped = self.take();
                self.strings.push(if escaped == '"' { '"' } else { ' ' });
                Mode::Text
            }
            '"' => self.end_text(),
            '\n' => Mode::Text,
            other => {
                self.strings.push(other);
                Mode::Text
            }
        }
    }

    fn in_raw_text(&mut self, hashes: usize) -> Mode {
        let end = format!("\"{}", "#".repeat(hashes));
        if self.rest.starts_with(&end) {
            self.skip(1);
            self.keep(hashes);
            return self.end_text();
        }
        let next = self.take();
        if next != '\n' {
            self.strings.push(next);
        }
        Mode::RawText(hashes)
    }

    fn end_text(&mut self) -> Mode {
        self.code.push('"');
        self.strings.push(' ');
        self.previous = '"';
        Mode::Code
    }
}

/// The part of a source file that is not a test: everything above the first `#[cfg(test)]` (house style: tests at the foot).
#[must_use]
pub fn outside_tests(code: &str) -> &str {
    code.find("#[cfg(test)]").and_then(|at| code.get(..at)).unwrap_or(code)
}

/// Whether `word` stands in `code` as a whole path or identifier: not as a part of a longer name.
#[must_use]
pub fn mentions(code: &str, word: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code.get(..at).and_then(|text| text.chars().next_back());
        let after = code.get(at + word.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(part_of_name) && !after.is_some_and(part_of_name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_lines_kept() {
        let source =
            "a // x.unwrap()\n/* b /* c */ d */ e(\"f // \\\" g\")\nlet h: &'i str = r#\"j\"k\"#; '\"'; '\\''; l";
        let split = split(source);
        assert_eq!(split.code, "a \n e(\"\")\nlet h: &'i str = r#\"#\"; ''; ''; l");
        assert!(split.strings.contains("f // \" g"));
        assert!(split.strings.contains("j\"k"));
        assert_eq!(split.code.lines().count(), source.lines().count());
    }

    #[test]
    fn literals_come_one_by_one_with_their_lines() {
        let source = "a(\"b\", \"\");\n// \"c\"\nd(\n  \"e\n f\", r#\"g\"h\"#)";
        let expected = [(1, "b"), (1, ""), (4, "e  f"), (5, "g\"h")].map(|(line, text)| (line, text.to_owned()));
        assert_eq!(literals(source), expected);
    }

    #[test]
    fn a_word_is_found_whole_only() {
        assert!(mentions("use tokio::net;", "tokio"));
        assert!(mentions("std::thread::spawn", "std::thread"));
        assert!(!mentions("tokio_like()", "tokio"));
        assert!(!mentions("my_tokio", "tokio"));
    }

    #[test]
    fn tests_at_the_foot_are_cut_off() {
        assert_eq!(outside_tests("a\n#[cfg(test)]\nb"), "a\n");
        assert_eq!(outside_tests("a"), "a");
    }
}
