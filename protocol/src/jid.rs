//! JIDs, prepared by stringprep: nodeprep, nameprep and resourceprep, the profiles of RFC 6122 (not PRECIS, RFC 7622).
//!
//! The types are those of the `jid` crate. What follows from stringprep: names are compared after case folding and NFKC, so
//! `ADMIN`, the full-width `Ａdmin` and `admin` with a zero-width space are one account, `admin`; characters added to
//! Unicode after version 3.2 are mapped and refused as that version knew them; a resource keeps its case. A part is at most
//! 1,023 bytes after preparation. A value of these types is prepared: compare it, do not prepare it again.

pub use jid::{BareJid, DomainPart, DomainRef, Error, FullJid, Jid, NodePart, NodeRef, ResourcePart, ResourceRef};

#[cfg(test)]
mod tests {
    use super::{BareJid, Error, Jid, NodePart};

    fn account(name: &str) -> Result<String, Error> {
        NodePart::new(name).map(|node| node.as_str().to_owned())
    }

    #[test]
    fn auth_18_forms_of_one_name_are_one_account() {
        for form in ["admin", "ADMIN", "\u{ff21}dmin", "admin\u{200b}", "ad\u{ad}min", "\u{1d44e}dmin"] {
            assert_eq!(account(form).as_deref(), Ok("admin"), "{form:?}");
        }
        assert_eq!(account("STRASSE"), account("straße"));
        assert_eq!(account("e\u{301}"), account("é"));
    }

    #[test]
    fn auth_18_what_is_no_name_is_refused() {
        for form in ["a\0b", "a@b", "a/b", "a b", "a\"b", "a&b", "a'b", "a:b", "a<b", "a>b", "a\u{7}b", "a\u{fffd}b"] {
            assert_eq!(account(form), Err(Error::NodePrep), "{form:?}");
        }
        assert_eq!(account(""), Err(Error::NodeEmpty));
        assert_eq!(account("\u{200b}"), Err(Error::NodeEmpty));
        assert_eq!(account(&"a".repeat(1023)).map(|name| name.len()), Ok(1023));
        assert_eq!(account(&"a".repeat(1024)), Err(Error::NodeTooLong));
    }

    #[test]
    fn addresses_keep_the_case_of_their_resource_alone() {
        let jid = Jid::new("Alice@EXAMPLE.com/Phone").expect("a JID");
        assert_eq!(jid.as_str(), "alice@example.com/Phone");
        assert_eq!(jid.to_bare(), BareJid::new("alice@example.com").expect("a bare JID"));
        for wrong in ["", "@example.com", "a@b@c", "a@", "example.com/", "a@exa mple.com"] {
            assert!(Jid::new(wrong).is_err(), "{wrong:?}");
        }
    }
}
