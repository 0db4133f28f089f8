//! The bytes of a file as text, or what else they are and what to do with them.

/// What files begin with that are no text, what that is, and what to do.
const BEGINNINGS: &[(&[u8], &str)] = &[
    (b"\x1f\x8b", "compressed (gzip): `zcat FILE | longwire import-androidpn -` reads it"),
    (b"PK\x03\x04", "a zip archive: unpack it first"),
    (b"BZh", "compressed (bzip2): `bzcat FILE | longwire import-androidpn -` reads it"),
    (b"\xfd7zXZ\0", "compressed (xz): `xzcat FILE | longwire import-androidpn -` reads it"),
    (b"\x28\xb5\x2f\xfd", "compressed (zstd): `zstdcat FILE | longwire import-androidpn -` reads it"),
    (
        b"SQLite format 3\0",
        "an SQLite database, and no user table of androidpn: dump the table apn_user of the old server",
    ),
    (b"\xff\xfe", UTF_16),
    (b"\xfe\xff", UTF_16),
];
const UTF_16: &str = "UTF-16, which PowerShell's `>` makes: dump with `mysqldump --result-file=FILE`, or convert it with \
                      `iconv -f UTF-16 -t UTF-8`";
const BINARY: &str = "with NUL bytes in it, so it is no text: dump the table with mysqldump, or take HSQLDB's .script and .log (its \
                      .data and .backup cannot be read), or CSV";

/// The text of a file, without the mark of its encoding; or what is wrong with it, and in which line.
pub(super) fn read(bytes: &[u8]) -> Result<&str, String> {
    if let Some((_, what)) = BEGINNINGS.iter().find(|(beginning, _)| bytes.starts_with(beginning)) {
        return Err(format!("the file is {what}"));
    }
    let line = |end: usize| 1 + bytes.iter().take(end).filter(|byte| **byte == b'\n').count();
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(format!("line {}: the file is {BINARY}", line(at)));
    }
    std::str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).map_err(|error| {
        let at = line(error.valid_up_to());
        format!("line {at}: not UTF-8: export the table again as utf8mb4, or convert the file with iconv")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_named_with_what_to_do() {
        for (bytes, part) in [
            (b"\x1f\x8b\x08\0".as_slice(), "zcat"),
            (b"PK\x03\x04\x14\0", "zip"),
            (b"BZh91AY", "bzcat"),
            (b"\xfd7zXZ\0\0", "xzcat"),
            (b"\x28\xb5\x2f\xfd\x04", "zstdcat"),
            (b"SQLite format 3\0\x10", "SQLite"),
            (b"\xff\xfeI\0N\0", "UTF-16"),
            (b"\xfe\xff\0I\0N", "UTF-16"),
            (b"a\nb\0c", "line 2"),
            (b"a\n\n\xf6", "line 3"),
        ] {
            let wrong = read(bytes).expect_err(part);
            assert!(wrong.contains(part), "{wrong}");
        }
        assert_eq!(read(b"\xef\xbb\xbfa\xc3\xb6"), Ok("a\u{f6}"));
    }
}
