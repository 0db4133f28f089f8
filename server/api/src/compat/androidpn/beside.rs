//! Where a caller is sent after a request: to a page beside the path that it called, on this host whatever the path looks like.

use percent_encoding::percent_decode_str;

/// Characters that a segment may have as it stands.
const MARKS: &[u8] = b"-_.~";

/// The page of notifications beside `path`: under the one segment before it when that is plain, else at the root. What begins with two
/// slashes, or with what some read as such, would name another host.
pub(super) fn page(path: &str) -> String {
    let prefix = path.rsplit_once('/').map_or("", |(prefix, _)| prefix);
    match prefix.strip_prefix('/') {
        Some(segment) if is_plain(segment) => format!("/{segment}/notification.do"),
        Some(_) | None => "/notification.do".to_owned(),
    }
}

/// Whether a segment is a name and nothing else, also when it is decoded: no slash of either kind, no dots alone, nothing encoded twice.
fn is_plain(segment: &str) -> bool {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80;
    let decoded = || percent_decode_str(segment);
    // As it stands a space cannot be there. A percent sign is there when it encodes nothing, or was encoded itself.
    segment.is_ascii()
        && decoded().any(is_name)
        && decoded().all(|byte| is_name(byte) || MARKS.contains(&byte) || byte == b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_beside_what_was_called() {
        for prefix in ["", "/Androidpn", "/a%20b", "/androidpn-0.5.0", "/%E4%BD%A0", "/~x_y"] {
            assert_eq!(page(&format!("{prefix}/notification.do")), format!("{prefix}/notification.do"));
        }
    }

    #[test]
    fn no_path_leads_to_another_host_or_out_of_its_place() {
        for prefix in [
            "/",
            "//",
            "///evil.example",
            "//evil.example",
            "/\\evil.example",
            "/\\",
            "/%2f",
            "/%2Fevil.example",
            "/%2f%2fevil.example",
            "/%5cevil.example",
            "/%5C",
            "/%252fevil",
            "/%",
            "/%zz",
            "/%2",
            "/.",
            "/..",
            "/%2e%2e",
            "/a/b",
            "/a/..",
            "/a;b",
            "/a@b",
            "/a:b",
            "/a?b",
            "/a%0d%0ab",
            "/a%00",
            "/a\u{e9}",
            "http:/",
        ] {
            assert_eq!(page(&format!("{prefix}/notification.do")), "/notification.do", "{prefix}");
        }
        assert_eq!(page("notification.do"), "/notification.do");
    }
}
