//! The push extension on the wire: bytes, and what is refused by name.

use super::{
    Ack, Bound, Cursor, CursorMoved, DeviceEvent, DeviceEventType, Entry, EntryContent, EntryHead, Generation,
    HeartbeatChanged, Lane, Login, Memberships, Request, Retry, SeqSet, UserChanged, UserToken,
};
use crate::stanza::Iq;
use crate::{DateTime, Element, FieldError, ns};

const AT: DateTime = DateTime(1_795_261_320_123);

const fn cursor() -> Cursor {
    Cursor { generation: Generation(0x5f3c), normal: 4711, background: 4650 }
}

fn entry(content: EntryContent) -> Entry {
    Entry { id: "0192".to_owned(), seq: 4712, lane: Lane::Normal, expires: AT, user: None, update: None, content }
}

fn seqs(text: &str) -> SeqSet {
    text.parse().expect("a set")
}

#[test]
fn our_generations_are_sixteen_lower_case_digits() {
    assert_eq!("00000000000005f3".parse(), Ok(Generation(0x5f3)));
    assert_eq!(Generation(u64::MAX).to_string().parse(), Ok(Generation(u64::MAX)));
}

#[test]
fn generations_of_others_are_opaque_and_unknown() {
    let longest = "x".repeat(64);
    for foreign in ["5f3c", "zz", "00000000000005F3", "+0000000000005f3", "00000000000005f3c", "!", "~", &longest] {
        assert_eq!(foreign.parse(), Ok(Generation::FOREIGN), "{foreign:?}");
        let login = Login { cursor: Some(cursor()), ..Login::default() }.to_element().with_attr("generation", foreign);
        let read = Login::from_element(&login).expect("a login").cursor.expect("a cursor");
        assert_eq!(read, Cursor { generation: Generation::FOREIGN, ..cursor() });
    }
    let too_long = "x".repeat(65);
    for wrong in ["", " ", "a b", "a\n", "\u{7f}", "\u{e9}", &too_long] {
        assert!(wrong.parse::<Generation>().is_err(), "{wrong:?}");
    }
}

#[test]
fn login_bytes() {
    let first = Login { cursor: None, heartbeat_s: Some(240), installation: Some([0xfb; 16]) };
    insta::assert_snapshot!(first.to_element(), @"<push xmlns='urn:longwire:push:1' heartbeat='240' installation='-_v7-_v7-_v7-_v7-_v7-w'/>");
    assert_eq!(Login::from_element(&first.to_element()), Ok(first));
    let again = Login { cursor: Some(cursor()), heartbeat_s: Some(240), installation: None };
    insta::assert_snapshot!(again.to_element(), @"<push xmlns='urn:longwire:push:1' generation='0000000000005f3c' normal='4711' background='4650' heartbeat='240'/>");
    assert_eq!(Login::from_element(&again.to_element()), Ok(again));
    assert_eq!(Login::from_element(&Element::new(ns::PUSH, "push")), Ok(Login::default()));
}

#[test]
fn login_names_the_attribute_at_fault() {
    let whole = Login { cursor: Some(cursor()), heartbeat_s: Some(1), installation: Some([0; 16]) }.to_element();
    let missing = |field| Err(FieldError::Missing { element: "push", field });
    for field in ["generation", "normal", "background"] {
        let mut partial = whole.clone();
        partial.remove_attr(field);
        assert_eq!(Login::from_element(&partial), missing(field));
    }
    let cases = [
        ("generation", ""),
        ("generation", "5f 3c"),
        ("normal", "-1"),
        ("normal", "+1"),
        ("background", "x"),
        ("heartbeat", "1.5"),
        ("heartbeat", "4294967296"),
        ("installation", "AA"),
        ("installation", "AAAAAAAAAAAAAAAAAAAAAA=="),
    ];
    for (field, value) in cases {
        let wrong = whole.clone().with_attr(field, value);
        assert_eq!(Login::from_element(&wrong), Err(FieldError::Invalid { element: "push", field }), "{value}");
    }
    let other = Element::new(ns::PUSH, "pull");
    assert_eq!(Login::from_element(&other), Err(FieldError::Unexpected { expected: "push" }));
}

#[test]
fn bound_bytes() {
    let bound = Bound {
        device: "d1".to_owned(),
        cursor: cursor(),
        recorded_normal: 4709,
        recorded_background: 4650,
        time: AT,
        heartbeat_min_s: None,
        heartbeat_max_s: 600,
        user: Some("alice".to_owned()),
    };
    insta::assert_snapshot!(bound.to_element(), @"<push xmlns='urn:longwire:push:1' device='d1' generation='0000000000005f3c' normal='4711' background='4650' recorded-normal='4709' recorded-background='4650' time='2026-11-21T11:42:00.123Z' heartbeat-max='600' user='alice'/>");
    assert_eq!(Bound::from_element(&bound.to_element()), Ok(bound.clone()));
    let bounded = Bound { heartbeat_min_s: Some(60), ..bound.clone() };
    assert_eq!(bounded.to_element().attr("heartbeat-min"), Some("60"));
    assert_eq!(Bound::from_element(&bounded.to_element()), Ok(bounded));
    for field in [
        "device",
        "generation",
        "normal",
        "background",
        "recorded-normal",
        "recorded-background",
        "time",
        "heartbeat-max",
    ] {
        let mut partial = bound.to_element();
        partial.remove_attr(field);
        assert_eq!(Bound::from_element(&partial), Err(FieldError::Missing { element: "push", field }));
    }
}

#[test]
fn user_bytes() {
    let bob = UserChanged { name: Some("bob".to_owned()) };
    insta::assert_snapshot!(bob.to_element(), @"<user xmlns='urn:longwire:push:1' name='bob'/>");
    let nobody = UserChanged { name: None };
    insta::assert_snapshot!(nobody.to_element(), @"<user xmlns='urn:longwire:push:1'/>");
    for value in [bob, nobody] {
        assert_eq!(UserChanged::from_element(&value.to_element()), Ok(value));
    }
}

#[test]
fn entry_bytes() {
    let json = || "{\"title\":\"a<b\",\"n\":[1]}".to_owned();
    let notification = entry(EntryContent::Notification { json: json() });
    let bytes = String::from_utf8(notification.to_shared_bytes("example.com")).expect("UTF-8");
    insta::assert_snapshot!(bytes, @r#"<message from='example.com' id='0192' type='headline'><entry xmlns='urn:longwire:push:1' seq='4712' lane='normal' expires='2026-11-21T11:42:00.123Z'><json xmlns='urn:xmpp:json:0'>{"title":"a&lt;b","n":[1]}</json></entry></message>"#);
    let target = || "0191".to_owned();
    let update = Entry {
        lane: Lane::Background,
        user: Some("alice".to_owned()),
        ..entry(EntryContent::Update { target: target(), json: json() })
    };
    insta::assert_snapshot!(update.to_message("example.com"), @r#"<message xmlns='jabber:client' from='example.com' id='0192' type='headline'><entry xmlns='urn:longwire:push:1' seq='4712' lane='background' expires='2026-11-21T11:42:00.123Z' kind='update' target='0191' user='alice'><json xmlns='urn:xmpp:json:0'>{"title":"a&lt;b","n":[1]}</json></entry></message>"#);
    let recall = entry(EntryContent::Recall { target: target() });
    insta::assert_snapshot!(recall.to_message("example.com"), @"<message xmlns='jabber:client' from='example.com' id='0192' type='headline'><entry xmlns='urn:longwire:push:1' seq='4712' lane='normal' expires='2026-11-21T11:42:00.123Z' kind='recall' target='0191'/></message>");
    let dismissal = entry(EntryContent::Dismissal { target: target() });
    insta::assert_snapshot!(dismissal.to_message("example.com"), @"<message xmlns='jabber:client' from='example.com' id='0192' type='headline'><entry xmlns='urn:longwire:push:1' seq='4712' lane='normal' expires='2026-11-21T11:42:00.123Z' kind='dismissal' target='0191'/></message>");
    let updated = Entry { update: Some("0193".to_owned()), ..notification.clone() };
    insta::assert_snapshot!(updated.to_message("example.com"), @r#"<message xmlns='jabber:client' from='example.com' id='0192' type='headline'><entry xmlns='urn:longwire:push:1' seq='4712' lane='normal' expires='2026-11-21T11:42:00.123Z' update='0193'><json xmlns='urn:xmpp:json:0'>{"title":"a&lt;b","n":[1]}</json></entry></message>"#);
    for value in [notification, updated, update, recall, dismissal] {
        assert_eq!(Entry::from_message(&value.to_message("example.com")), Ok(value));
    }
}

#[test]
fn the_head_of_an_unusable_entry_is_read() {
    let bare =
        || Element::new(ns::PUSH, "entry").with_attr("seq", 7).with_attr("lane", "normal").with_attr("expires", AT);
    let message_of = |entry| Element::new(ns::CLIENT, "message").with_attr("id", "0192").with_child(entry);
    let message = message_of(bare().with_attr("kind", "poll"));
    assert!(Entry::is_in(&message));
    assert_eq!(Entry::from_message(&message), Err(FieldError::Invalid { element: "entry", field: "kind" }));
    let head = EntryHead { id: "0192".to_owned(), seq: 7, lane: Lane::Normal };
    assert_eq!(EntryHead::from_message(&message), Ok(head));
    let empty = message_of(bare());
    assert_eq!(Entry::from_message(&empty), Err(FieldError::Missing { element: "entry", field: "json" }));
    let chat = Element::new(ns::CLIENT, "message").with_attr("id", "1");
    assert!(!Entry::is_in(&chat) && EntryHead::from_message(&chat).is_err());
}

#[test]
fn ack_bytes() {
    let plain = Ack { normal: Some(4712), ..Ack::default() };
    insta::assert_snapshot!(plain.to_element(), @"<ack xmlns='urn:longwire:push:1' normal='4712'/>");
    let first = Ack {
        normal: Some(4712),
        background: Some(4650),
        stored: Some(seqs("4710 4712-4720")),
        stored_background: Some(SeqSet::default()),
    };
    insta::assert_snapshot!(first.to_element(), @"<ack xmlns='urn:longwire:push:1' normal='4712' background='4650' stored='4710 4712-4720' stored-background=''/>");
    for value in [plain, first] {
        assert_eq!(Ack::from_element(&value.to_element()), Ok(value));
    }
    let empty = Element::new(ns::PUSH, "ack");
    assert_eq!(Ack::from_element(&empty), Err(FieldError::Missing { element: "ack", field: "normal" }));
    for (field, value) in [("normal", ""), ("background", "-1"), ("stored", "2 1"), ("stored-background", "x")] {
        let wrong = empty.clone().with_attr(field, value);
        assert_eq!(Ack::from_element(&wrong), Err(FieldError::Invalid { element: "ack", field }));
    }
}

#[test]
fn cursor_bytes() {
    let normal = CursorMoved { lane: Lane::Normal, seq: 4730 };
    insta::assert_snapshot!(normal.to_element(), @"<cursor xmlns='urn:longwire:push:1' normal='4730'/>");
    let background = CursorMoved { lane: Lane::Background, seq: 1 };
    insta::assert_snapshot!(background.to_element(), @"<cursor xmlns='urn:longwire:push:1' background='1'/>");
    for value in [normal, background] {
        assert_eq!(CursorMoved::from_element(&value.to_element()), Ok(value));
    }
    let both = normal.to_element().with_attr("background", 1);
    assert!(CursorMoved::from_element(&both).is_err());
    assert!(CursorMoved::from_element(&Element::new(ns::PUSH, "cursor")).is_err());
}

#[test]
fn event_bytes() {
    let opened = DeviceEvent::new("0192", DeviceEventType::Opened, AT);
    insta::assert_snapshot!(opened.to_element(), @"<event xmlns='urn:longwire:push:1' entry='0192' type='opened' at='2026-11-21T11:42:00.123Z'/>");
    let rejected =
        DeviceEvent { kind: DeviceEventType::Rejected, reason: Some("unknown kind".to_owned()), ..opened.clone() };
    insta::assert_snapshot!(rejected.to_element(), @"<event xmlns='urn:longwire:push:1' entry='0192' type='rejected' at='2026-11-21T11:42:00.123Z' reason='unknown kind'/>");
    let wrong = opened.to_element().with_attr("type", "seen");
    assert_eq!(DeviceEvent::from_element(&wrong), Err(FieldError::Invalid { element: "event", field: "type" }));
    let every = DeviceEventType::ALL.into_iter().filter(|kind| *kind != DeviceEventType::Action);
    let every = every.map(|kind| DeviceEvent { kind, ..opened.clone() });
    for value in every.chain([rejected]) {
        assert_eq!(DeviceEvent::from_element(&value.to_element()), Ok(value));
    }
}

#[test]
fn action_bytes() {
    let pressed = DeviceEvent::of_action("0192", "like", None, AT);
    insta::assert_snapshot!(pressed.to_element(), @"<event xmlns='urn:longwire:push:1' entry='0192' type='action' at='2026-11-21T11:42:00.123Z' action='like'/>");
    let replied = DeviceEvent::of_action("0192", "reply", Some("on my <way>".to_owned()), AT);
    insta::assert_snapshot!(replied.to_element(), @"<event xmlns='urn:longwire:push:1' entry='0192' type='action' at='2026-11-21T11:42:00.123Z' action='reply'><text>on my &lt;way&gt;</text></event>");
    for value in [&pressed, &replied] {
        assert_eq!(DeviceEvent::from_element(&value.to_element()).as_ref(), Ok(value));
    }
    assert_eq!(DeviceEvent::of_action("0192", "like", Some(String::new()), AT), pressed);
    let mut without = pressed.to_element();
    without.remove_attr("action");
    assert_eq!(DeviceEvent::from_element(&without), Err(FieldError::Missing { element: "event", field: "action" }));
    for wrong in ["", "a b", "é", "x".repeat(65).as_str()] {
        let wrong = pressed.to_element().with_attr("action", wrong);
        assert_eq!(DeviceEvent::from_element(&wrong), Err(FieldError::Invalid { element: "event", field: "action" }));
    }
    let opened = pressed.to_element().with_attr("type", "opened");
    assert_eq!(DeviceEvent::from_element(&opened).map(|event| event.action), Ok(None));
}

#[test]
fn the_text_of_an_action_has_a_longest_form() {
    let longest = "é".repeat(super::EVENT_TEXT_BYTES_MAX / 2);
    let kept = DeviceEvent::of_action("0192", "reply", Some(longest.clone()), AT);
    assert_eq!(DeviceEvent::from_element(&kept.to_element()), Ok(kept.clone()));
    assert_eq!(DeviceEvent::of_action("0192", "reply", Some(format!("{longest}x")), AT), kept);
    let too_long = DeviceEvent { text: Some(format!("{longest}x")), ..kept };
    let refused = DeviceEvent::from_element(&too_long.to_element());
    assert_eq!(refused, Err(FieldError::Invalid { element: "event", field: "text" }));
}

#[test]
fn request_bytes() {
    let token = UserToken("eyJ.a.b".to_owned());
    assert!(!format!("{token:?}").contains("eyJ"), "a token is in no trace");
    let requests = [
        Request::Login(token),
        Request::Logout,
        Request::Join("topic:a/b".to_owned()),
        Request::Leave("tag:beta".to_owned()),
        Request::Memberships,
    ];
    let bytes = requests.each_ref().map(|request| request.to_iq("r1").to_element().to_string()).join("\n");
    insta::assert_snapshot!(bytes, @r"
    <iq xmlns='jabber:client' type='set' id='r1'><user xmlns='urn:longwire:push:1' token='eyJ.a.b'/></iq>
    <iq xmlns='jabber:client' type='set' id='r1'><user xmlns='urn:longwire:push:1'/></iq>
    <iq xmlns='jabber:client' type='set' id='r1'><join xmlns='urn:longwire:push:1' key='topic:a/b'/></iq>
    <iq xmlns='jabber:client' type='set' id='r1'><leave xmlns='urn:longwire:push:1' key='tag:beta'/></iq>
    <iq xmlns='jabber:client' type='get' id='r1'><memberships xmlns='urn:longwire:push:1'/></iq>
    ");
    for request in requests {
        assert_eq!(Request::from_iq(&request.to_iq("r1")), Ok(Some(request)));
    }
    let join = Iq::set("r1", Element::new(ns::PUSH, "join"));
    assert_eq!(Request::from_iq(&join), Err(FieldError::Missing { element: "join", field: "key" }));
    let empty = Iq::set("r1", Element::new(ns::PUSH, "user").with_attr("token", ""));
    assert_eq!(Request::from_iq(&empty), Err(FieldError::Invalid { element: "user", field: "token" }));
    assert_eq!(Request::from_iq(&Iq::get("r1", Element::new(ns::PUSH, "join"))), Ok(None));
}

#[test]
fn memberships_bytes() {
    let memberships = Memberships(vec!["user:alice".to_owned(), "topic:a/b".to_owned()]);
    insta::assert_snapshot!(memberships.to_element(), @"<memberships xmlns='urn:longwire:push:1'><key name='user:alice'/><key name='topic:a/b'/></memberships>");
    assert_eq!(Memberships::from_element(&memberships.to_element()), Ok(memberships));
    assert_eq!(Memberships::from_element(&Element::new(ns::PUSH, "memberships")), Ok(Memberships::default()));
    let nameless = Element::new(ns::PUSH, "memberships").with_child(Element::new(ns::PUSH, "key"));
    assert!(Memberships::from_element(&nameless).is_err());
}

#[test]
fn retry_bytes() {
    let retry = Retry { after_s: 30 };
    insta::assert_snapshot!(retry.to_element(), @"<retry xmlns='urn:longwire:push:1' after='30'/>");
    assert_eq!(Retry::from_element(&retry.to_element()), Ok(retry));
    let too_long = Element::new(ns::PUSH, "retry").with_attr("after", u64::MAX);
    assert_eq!(Retry::from_element(&too_long), Err(FieldError::Invalid { element: "retry", field: "after" }));
}

#[test]
fn heartbeat_bytes() {
    let changed = HeartbeatChanged { seconds: 300 };
    insta::assert_snapshot!(changed.to_element(), @"<heartbeat xmlns='urn:longwire:push:1' seconds='300'/>");
    assert_eq!(HeartbeatChanged::from_element(&changed.to_element()), Ok(changed));
    let empty = Element::new(ns::PUSH, "heartbeat");
    let missing = FieldError::Missing { element: "heartbeat", field: "seconds" };
    assert_eq!(HeartbeatChanged::from_element(&empty), Err(missing));
    for wrong in ["", "-1", "1.5", "x", "4294967296"] {
        let invalid = FieldError::Invalid { element: "heartbeat", field: "seconds" };
        assert_eq!(HeartbeatChanged::from_element(&empty.clone().with_attr("seconds", wrong)), Err(invalid), "{wrong}");
    }
}
