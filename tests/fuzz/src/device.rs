//! The client core: a phone that hears a hostile server, before its login and after it (CLI-01, STZ-15).
//!
//! The first byte says how far the phone has come, NUL parts what the server says into reads, between which the phone's timers run.

mod phone;

use std::collections::BTreeSet;

use longwire_protocol::push::{Entry, EntryHead};
use longwire_protocol::sasl::base64;
use longwire_protocol::{Element, Event, Jid, Limits};

use phone::{ACCOUNT, PASSWORD};

pub use phone::{DOMAIN, Meter, Phone};

/// The target.
pub(crate) fn run(data: &[u8]) {
    let Some((phase, bytes)) = data.split_first() else { return };
    let mut phone = match phase {
        b'0' => Phone::connecting(),
        b'1' => Phone::secured(),
        _ => Phone::online(),
    };
    let (is_online, is_in_the_clear) = (phone.is_online(), *phase == b'0');
    for (index, read) in bytes.split(|byte| *byte == 0).enumerate() {
        if index > 0 {
            phone.pass_time();
        }
        phone.hear(read);
    }
    check(&phone, bytes, is_online);
    if is_in_the_clear {
        let said = ["<auth", "<iq", "<response"].iter().find(|begin| phone.has_said(begin));
        assert_eq!(said, None, "TLS-08: before TLS the phone says more than that it wants TLS");
    }
}

/// What holds whatever a server says.
fn check(phone: &Phone, bytes: &[u8], was_online: bool) {
    let shown: BTreeSet<&String> = phone.shown.iter().collect();
    assert_eq!(shown.len(), phone.shown.len(), "I2: shown twice: {:?}", phone.shown);
    if was_online {
        let honest = ids_that_count(bytes);
        let forged: Vec<_> = phone.shown.iter().filter(|id| !honest.contains(*id)).collect();
        assert!(forged.is_empty(), "STZ-15: shown and not of the server: {forged:?}");
    } else {
        assert!(phone.shown.is_empty(), "shown before a login: {:?}", phone.shown);
        let plain = base64::encode(format!("\0{ACCOUNT}\0{PASSWORD}").as_bytes());
        assert!(!phone.has_said(PASSWORD) && !phone.has_said(&plain), "the password itself was sent");
    }
}

/// The ids of the messages with an entry that come from the server or from the device's own account.
fn ids_that_count(bytes: &[u8]) -> BTreeSet<String> {
    let own = [Jid::new(DOMAIN), Jid::new(&format!("{ACCOUNT}@{DOMAIN}"))];
    let counts = |message: &Element| match message.attr("from") {
        None => true,
        Some(from) => Jid::new(from).is_ok_and(|from| own.iter().flatten().any(|own| *own == from)),
    };
    let mut ids = BTreeSet::new();
    let pieces: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
    let header = crate::codec::HEADER.as_bytes();
    let said = crate::codec::read([header, pieces.as_slice()], Limits::AFTER_LOGIN);
    for event in said.events {
        if let Event::Element(element) = event
            && counts(&element)
            && Entry::is_in(&element)
            && let Ok(head) = EntryHead::from_message(&element)
        {
            ids.insert(head.id);
        }
    }
    ids
}
