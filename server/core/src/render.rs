//! Entries as stanzas: one for every push session, one for each client without our extension.

use longwire_model::delivery::{Event, EventType};
use longwire_model::entry::Content;
use longwire_model::{Entry, EntryKind, Lane, LaneSeqs, Timestamp};
use longwire_protocol::androidpn;
use longwire_protocol::element::Circular;
use longwire_protocol::push::{self, DeviceEvent, DeviceEventType, EntryContent};
use longwire_protocol::xep::{json, ping};
use longwire_protocol::{DateTime, Element, Jid, ns};

/// How the id of a ping behind a push begins; what follows is what its answer acknowledges.
const PROBE: &str = "lwp:";

/// The bytes of an entry, with the content of `update` where there is one; the same for every push session that gets it through the
/// same keys; none for what is never sent.
#[must_use]
pub fn push_stanza(entry: &Entry, user: Option<&str>, update: Option<&Entry>, domain: &str) -> Option<Vec<u8>> {
    let routing = entry.kind.routing()?;
    let newer = update.and_then(|update| update.kind.content());
    let content = match &entry.kind {
        EntryKind::Notification(content) => {
            EntryContent::Notification { json: newer.unwrap_or(content).payload.as_ref().to_owned() }
        }
        EntryKind::Update(target, content) => {
            EntryContent::Update { target: target.id.to_string(), json: content.payload.as_ref().to_owned() }
        }
        EntryKind::Recall(target, _) => EntryContent::Recall { target: target.id.to_string() },
        EntryKind::Dismissal(target, _) => EntryContent::Dismissal { target: target.id.to_string() },
        EntryKind::Membership(_) | EntryKind::Generation(_) => return None,
    };
    let entry = push::Entry {
        id: entry.id.to_string(),
        seq: entry.seq,
        lane: wire_lane(routing.lane),
        expires: wire_time(routing.expires_at),
        user: user.map(str::to_owned),
        update: update.map(|update| update.id.to_string()),
        content,
    };
    Some(entry.to_shared_bytes(domain))
}

/// An entry for clients without our extension: subject, body and the JSON; the same for each but for its address.
#[must_use]
pub fn standard_stanza(entry: &Entry, domain: &str) -> Option<Circular> {
    let content = entry.kind.content()?;
    let payload: serde_json::Value = serde_json::from_str(&content.payload).unwrap_or_default();
    let text = |name| payload.get(name).and_then(serde_json::Value::as_str);
    let stanza = Element::new(ns::CLIENT, "message")
        .with_attr("from", domain)
        .with_attr("to", "")
        .with_attr("id", entry.id)
        .with_attr("type", "headline")
        .with_opt_child(text("title").map(|title| Element::new(ns::CLIENT, "subject").with_text(title)))
        .with_opt_child(text("body").map(|body| Element::new(ns::CLIENT, "body").with_text(body)))
        .with_child(json::element(&content.payload));
    Some(Circular::new(stanza))
}

/// An entry for an original androidpn client, with the content of `update` where there is one. What these clients call `uri` is the URL,
/// or what a script has given that is none.
#[must_use]
pub fn androidpn_stanza(entry: &Entry, update: Option<&Content>, to: &Jid, api_key: &str) -> Option<Element> {
    let content = update.or_else(|| entry.kind.content())?;
    let payload: serde_json::Value = serde_json::from_str(&content.payload).unwrap_or_default();
    let text = |name| payload.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    let uri = || payload.get("data")?.get("uri")?.as_str().map(str::to_owned);
    let push = androidpn::Push {
        id: entry.id.to_string(),
        api_key: api_key.to_owned(),
        title: text("title").unwrap_or_default(),
        message: text("body").unwrap_or_default(),
        uri: text("url").or_else(uri).unwrap_or_default(),
        image_url: text("image"),
    };
    Some(push.to_iq(to))
}

/// The ping behind what was sent to a client without our extension.
#[must_use]
pub fn probe(upto: LaneSeqs, to: &Jid, domain: &str) -> Element {
    Element::new(ns::CLIENT, "iq")
        .with_attr("type", "get")
        .with_attr("id", format!("{PROBE}{}:{}", upto.normal, upto.background))
        .with_attr("from", domain)
        .with_attr("to", to)
        .with_child(ping::request())
}

/// What an answered ping acknowledges; none when the id is not that of a ping behind a push.
#[must_use]
pub fn probed(id: &str) -> Option<LaneSeqs> {
    let (normal, background) = id.strip_prefix(PROBE)?.split_once(':')?;
    Some(LaneSeqs { normal: normal.parse().ok()?, background: background.parse().ok()? })
}

/// What a device reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reported {
    /// An event of which there is one of each type.
    Event(Event),
    /// The use of an action.
    Action {
        /// The action's id.
        action: String,
        /// What the user wrote.
        text: Option<String>,
        /// When, as the device says.
        at: Timestamp,
    },
}

/// Reads what a device reports.
#[must_use]
pub fn reported(reported: DeviceEvent) -> Reported {
    let at = Timestamp::from_millis(i64::try_from(reported.at.unix_ms()).unwrap_or(i64::MAX));
    let kind = match reported.kind {
        DeviceEventType::Displayed => EventType::Displayed,
        DeviceEventType::Opened => EventType::Opened,
        DeviceEventType::Dismissed => EventType::Dismissed,
        DeviceEventType::Action => {
            return Reported::Action { action: reported.action.unwrap_or_default(), text: reported.text, at };
        }
        DeviceEventType::Rejected => EventType::Rejected,
        DeviceEventType::Left => EventType::Left,
        DeviceEventType::Expired => EventType::Expired,
    };
    Reported::Event(Event { kind, at, reason: reported.reason.map(|reason| reason.chars().take(256).collect()) })
}

/// A lane on the wire.
#[must_use]
pub const fn wire_lane(lane: Lane) -> push::Lane {
    match lane {
        Lane::Normal => push::Lane::Normal,
        Lane::Background => push::Lane::Background,
    }
}

/// An instant on the wire.
#[must_use]
pub fn wire_time(at: Timestamp) -> DateTime {
    DateTime(u64::try_from(at.as_millis()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use longwire_model::entry::Routing;

    use super::*;

    #[test]
    fn an_original_client_is_given_the_url_or_what_a_script_has_for_it() {
        let to = Jid::new("a@example.com/r").expect("a JID");
        let entry = |payload: &str| {
            let audience = [longwire_model::AudienceKey::all()].into();
            let routing = Routing { audience, lane: Lane::Normal, expires_at: Timestamp::from_millis(1) };
            let content = Content { routing, filter: None, collapse_key: None, payload: payload.into() };
            let (app, id) = (longwire_model::AppId::DEFAULT, longwire_model::EntryId::from_bytes([5; 16]));
            let kind = EntryKind::Notification(content);
            Entry { app, seq: 5, id, created_at: Timestamp::from_millis(0), kind }
        };
        let uri = |payload: &str| {
            let push = androidpn_stanza(&entry(payload), None, &to, "key").expect("a push").to_string();
            let (_, rest) = push.split_once("<uri").expect("a uri, whatever is in it");
            rest.split_once("</notification>").expect("the end").0.to_owned()
        };
        assert_eq!(uri(r#"{"title":"t"}"#), "/>");
        assert_eq!(uri(r#"{"data":{"uri":"tel:1"}}"#), ">tel:1</uri>");
        assert_eq!(uri(r#"{"url":"http://a/","data":{"uri":"tel:1"}}"#), ">http://a/</uri>");
        assert_eq!(uri(r#"{"image":"http://a/p"}"#), "/><imageUrl>http://a/p</imageUrl>");
        let newer = entry(r#"{"title":"new"}"#);
        let push = androidpn_stanza(&entry("{}"), newer.kind.content(), &to, "key").expect("a push").to_string();
        assert!(push.contains("<apiKey>key</apiKey><title>new</title><message/>"), "{push}");
    }

    #[test]
    fn a_probe_names_what_its_answer_acknowledges() {
        let to = Jid::new("a@example.com/r").expect("a JID");
        let ping = probe(LaneSeqs { normal: 7, background: 3 }, &to, "example.com");
        assert_eq!(ping.attr("id").and_then(probed), Some(LaneSeqs { normal: 7, background: 3 }));
        assert_eq!(probed("x1"), None);
        assert_eq!(probed("lwp:7"), None);
    }
}
