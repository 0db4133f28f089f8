//! JIDs, prepared by stringprep: nodeprep, nameprep and resourceprep, the profiles of RFC 6122 (not PRECIS, RFC 7622).
//!
//! The types are those of the `jid` crate. What follows from stringprep: names are compared after case folding and NFKC, so
//! `ADMIN`, the full-width `Ａdmin` and `admin` with a zero-width space are one account, `admin`; characters added to
//! Unicode after version 3.2 are mapped and refused as that version knew them; a resource keeps its case. A part is at most
//! 1,023 bytes after preparation. A value of these types is prepared: compare it, do not prepare it again.

pub use jid::{BareJid, DomainPart, DomainRef, Error, FullJid, Jid, NodePart, NodeRef, ResourcePart, ResourceRef};
