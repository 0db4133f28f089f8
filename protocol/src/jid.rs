//! JIDs, prepared by stringprep: nodeprep, nameprep and resourceprep, the profiles of RFC 6122 (not PRECIS, RFC 7622).
//!
//! The types are those of the `jid` crate. What follows from stringprep: names are compared after case folding and NFKC, so
//! `ADMIN`, the full-width `Ａdmin` and `admin` with a zero-width space are one account, `admin`; characters added to
//! Unicode after version 3.2 are mapped and refused as that version knew them; a resource keeps its case. A part is at most
//! 1,023 bytes after preparation. A value of these types is prepared: compare it, do not prepare it again.
//!
//! Without the feature `unicode`, as on a phone, addresses are those of ASCII.

pub mod ascii;

#[cfg(not(feature = "unicode"))]
pub use ascii::{Error, FullJid, Jid};
#[cfg(feature = "unicode")]
pub use jid::{BareJid, DomainPart, DomainRef, Error, FullJid, Jid, NodePart, NodeRef, ResourcePart, ResourceRef};

/// The name of an account, from what a person or client wrote: the door for every name at registration and login.
///
/// Stricter than [`NodePart::new`]: what preparation would change a second time is refused. Normalisation knows characters
/// that Unicode 3.2 did not; `🄐` becomes `(A)`, which is not folded again and would be a second account beside `(a)`.
///
/// # Errors
/// When nothing is left, more than 1,023 bytes are left, or a character is refused.
#[cfg(feature = "unicode")]
pub fn account_name(name: &str) -> Result<NodePart, Error> {
    let prepared = NodePart::new(name)?.into_owned();
    let is_stable = NodePart::new(prepared.as_str()).is_ok_and(|again| *again == *prepared);
    if is_stable { Ok(prepared) } else { Err(Error::NodePrep) }
}

#[cfg(all(test, feature = "unicode"))]
mod tests {
    use proptest::prelude::*;

    use super::{BareJid, Error, Jid, account_name};

    fn account(name: &str) -> Result<String, Error> {
        account_name(name).map(|node| node.as_str().to_owned())
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
        for form in [
            "a\0b",
            "a@b",
            "a/b",
            "a b",
            "a\"b",
            "a&b",
            "a'b",
            "a:b",
            "a<b",
            "a>b",
            "a\u{7}b",
            "a\u{fffd}b",
            "a\u{ff20}b",
            "a\u{ff0f}b",
        ] {
            assert_eq!(account(form), Err(Error::NodePrep), "{form:?}");
        }
        assert_eq!(account(""), Err(Error::NodeEmpty));
        assert_eq!(account("\u{200b}"), Err(Error::NodeEmpty));
        assert_eq!(account(&"a".repeat(1023)).map(|name| name.len()), Ok(1023));
        assert_eq!(account(&"a".repeat(1024)), Err(Error::NodeTooLong));
    }

    proptest! {
        #[test]
        fn a_prepared_name_is_its_own_form(name in "\\PC{1,12}") {
            if let Ok(prepared) = account(&name) {
                prop_assert_eq!(account(&prepared), Ok(prepared));
            }
        }
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
