//! As much of HTTP/1.1 as a request of the harness has.

/// To every request.
pub(super) const ANSWER: &[u8] = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";

/// A request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request<'a> {
    /// The path without its slash.
    pub(super) name: &'a str,
    pub(super) body: &'a [u8],
}

/// The first request of what was read, with its bytes; none while it is not whole.
pub(super) fn parse(bytes: &[u8]) -> Option<(Request<'_>, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse::<usize>().ok()?;
    let name = head.split(' ').nth(1)?.strip_prefix('/')?;
    let body = bytes.get(end..end.checked_add(length)?)?;
    Some((Request { name, body }, end + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_when_it_is_whole() {
        let bytes = b"POST /user-1 HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabcPOST";
        let (request, length) = parse(bytes).expect("it is whole");
        assert_eq!((request, length), (Request { name: "user-1", body: b"abc" }, bytes.len() - 4));
        assert_eq!(parse(&bytes[..bytes.len() - 5]), None);
    }
}
