//! Finds requests that say twice how long they are, by `Content-Length` and by `Transfer-Encoding`: whoever reads the first sees another
//! request behind them than whoever reads the second (RFC 9112 §6.1). hyper takes the second and hides the first, so that the bytes are
//! looked at before it gets them. Pure.

/// Bytes of a line that are kept: the longest of the names and beginnings that matter.
const START_BYTES: usize = 18;
/// How a connection of HTTP/2 begins.
const HTTP_2: &[u8] = b"PRI * HTTP/2.0";

/// Where the bytes of a connection stand. What hyper refuses anyway is not understood here.
#[derive(Debug, Default)]
pub(super) struct Heads {
    part: Part,
    line: Line,
    head: Head,
    /// A request was seen.
    has_begun: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Head,
    /// So many bytes of a body are left.
    Body(u64),
    /// The line that says how long a chunk is.
    Size,
    /// So many bytes of a chunk are left.
    Chunk(u64),
    /// The end of the line behind it.
    ChunkEnd,
    /// The lines behind the last one.
    Trailer,
    /// Nothing is looked at any more.
    Over,
}

#[derive(Debug, Default)]
struct Line {
    start: [u8; START_BYTES],
    /// How long it is so far, without line ends.
    length: usize,
    /// Its last byte was a carriage return.
    is_returned: bool,
    /// The number in it: a length behind its name, the size of a chunk.
    number: u64,
    is_number_over: bool,
    field: Field,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Field {
    /// Its name has not ended.
    #[default]
    Name,
    Length,
    Other,
}

#[derive(Clone, Copy, Debug, Default)]
struct Head {
    /// The line of the request is over.
    has_begun: bool,
    length: Option<u64>,
    is_chunked: bool,
}

impl Heads {
    /// Looks at what has come. A head that says its length twice is spoilt, so that its reader answers 400 and closes.
    pub(super) fn pass(&mut self, bytes: &mut [u8]) {
        let mut rest = bytes;
        loop {
            rest = match (self.part, rest) {
                (Part::Over, _) | (_, []) => return,
                (Part::Body(left), rest) => {
                    let (left, rest) = skip(left, rest);
                    self.part = if left == 0 { Part::Head } else { Part::Body(left) };
                    rest
                }
                (Part::Chunk(left), rest) => {
                    let (left, rest) = skip(left, rest);
                    self.part = if left == 0 { Part::ChunkEnd } else { Part::Chunk(left) };
                    rest
                }
                (Part::Head | Part::Size | Part::ChunkEnd | Part::Trailer, [byte, rest @ ..]) => {
                    self.take(byte);
                    if self.part == Part::Head && self.line.field == Field::Other { line_end(rest) } else { rest }
                }
            }
        }
    }

    fn take(&mut self, byte: &mut u8) {
        match *byte {
            // Behind the last chunk hyper takes one that stands alone for a part of the line.
            b'\n' if self.line.is_returned || self.part != Part::Trailer => {
                let line = std::mem::take(&mut self.line);
                self.part = self.end_line(&line);
            }
            b'\r' => self.line.is_returned = true,
            b':' if self.part == Part::Head && self.head.has_begun && self.line.field == Field::Name => {
                self.name_ended();
                if self.head.is_chunked && self.head.length.is_some() {
                    *byte = 0;
                    self.part = Part::Over;
                }
            }
            other => self.line.push(other, if self.part == Part::Size { 16 } else { 10 }),
        }
    }

    fn name_ended(&mut self) {
        let name = self.line.whole().unwrap_or_default();
        self.line.field = if name.eq_ignore_ascii_case(b"content-length") {
            // How long it is comes behind the name.
            self.head.length = Some(self.head.length.unwrap_or_default());
            Field::Length
        } else {
            self.head.is_chunked |= name.eq_ignore_ascii_case(b"transfer-encoding");
            Field::Other
        };
    }

    /// What follows a line.
    fn end_line(&mut self, line: &Line) -> Part {
        match self.part {
            Part::Head if line.length > 0 || line.field != Field::Name => {
                if line.field == Field::Length {
                    self.head.length = Some(line.number);
                }
                let is_http_2 = !self.has_begun && line.whole() == Some(HTTP_2);
                (self.has_begun, self.head.has_begun) = (true, true);
                if is_http_2 { Part::Over } else { Part::Head }
            }
            Part::Head => {
                let head = std::mem::take(&mut self.head);
                match head.length {
                    Some(0) | None if !head.is_chunked => Part::Head,
                    Some(length) if !head.is_chunked => Part::Body(length),
                    Some(_) | None => Part::Size,
                }
            }
            Part::Size if line.number > 0 => Part::Chunk(line.number),
            Part::Size => Part::Trailer,
            Part::ChunkEnd => Part::Size,
            Part::Trailer if line.length > 0 => Part::Trailer,
            Part::Trailer => Part::Head,
            Part::Body(_) | Part::Chunk(_) | Part::Over => self.part,
        }
    }
}

/// What is left of a line that says nothing of lengths, from its end on.
fn line_end(bytes: &mut [u8]) -> &mut [u8] {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    bytes.get_mut(end..).unwrap_or_default()
}

/// Leaves out as many of `left` bytes as are there.
fn skip(left: u64, bytes: &mut [u8]) -> (u64, &mut [u8]) {
    let count = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
    let rest = bytes.get_mut(count..).unwrap_or_default();
    (left.saturating_sub(u64::try_from(count).unwrap_or(left)), rest)
}

impl Line {
    fn push(&mut self, byte: u8, radix: u32) {
        self.is_returned = false;
        if let Some(place) = self.start.get_mut(self.length) {
            *place = byte;
        }
        self.length = self.length.saturating_add(1);
        let is_space = matches!(byte, b' ' | b'\t');
        match char::from(byte).to_digit(radix) {
            Some(digit) if !self.is_number_over && (radix == 16 || self.field == Field::Length) => {
                self.number = self.number.saturating_mul(radix.into()).saturating_add(digit.into());
            }
            // White space stands before a length as well.
            Some(_) | None => self.is_number_over |= radix == 16 || (self.field == Field::Length && !is_space),
        }
    }

    /// The line up to here, if it is no longer than what matters.
    fn whole(&self) -> Option<&[u8]> {
        self.start.get(..self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a connection's bytes are spoilt, in pieces of every length.
    fn is_spoilt(text: &str) -> bool {
        let mut seen = Vec::new();
        for piece in 1..=text.len() {
            let mut heads = Heads::default();
            let mut bytes = text.as_bytes().to_vec();
            bytes.chunks_mut(piece).for_each(|chunk| heads.pass(chunk));
            seen.push(bytes != text.as_bytes());
        }
        let first = seen.first().copied().unwrap_or_default();
        assert!(seen.iter().all(|is_spoilt| *is_spoilt == first), "it depends on the pieces: {text:?}");
        first
    }

    const BOTH: &str =
        "POST / HTTP/1.1\r\nhost: x\r\nContent-Length: 5\r\nX: y\r\nTRANSFER-encoding: chunked\r\n\r\n0\r\n\r\n";

    #[test]
    fn http_02_two_lengths_are_found_in_either_order_and_behind_other_requests() {
        let other_order = "POST / HTTP/1.1\ntransfer-encoding:chunked\ncontent-length:\t0\n\n0\n\n";
        for both in [BOTH, other_order] {
            for before in [
                "",
                "\r\n",
                "GET / HTTP/1.1\r\nhost: x\r\n\r\n",
                "POST / HTTP/1.1\r\ncontent-length:   11  \r\n\r\nhello: you\n",
                "POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
                "POST / HTTP/1.1\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nab",
                "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nB;x=3\r\nhello: you\n\r\n0\r\nend: 1\r\n\r\n",
                "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\na: b\n\nX\ncontent-length: 999\n\n\r\n\r\n",
                "PRI * HTTP/1.1\r\nhost: x\r\n\r\n",
            ] {
                assert!(is_spoilt(&format!("{before}{both}")), "{before:?}");
            }
        }
    }

    #[test]
    fn http_02_what_is_honest_goes_through_as_it_came() {
        for honest in [
            "GET / HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
            "POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello".repeat(2),
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\ncontent-length: 1\r\n\r\n".repeat(2),
            "GET / HTTP/1.1\r\nx-content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
            "GET /content-length:5 HTTP/1.1\r\nx: transfer-encoding: chunked\r\ncontent-length: 0\r\n\r\n".to_owned(),
            // A body is no head, whatever is in it.
            format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n\r\n{BOTH}", BOTH.len()),
            format!("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{BOTH}\r\n0\r\n\r\n", BOTH.len()),
            format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{BOTH}"),
        ] {
            assert!(!is_spoilt(&honest), "{honest:?}");
        }
    }
}
