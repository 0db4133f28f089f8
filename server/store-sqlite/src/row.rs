//! Rows of the database and the nouns that they hold.

use std::borrow::Cow;
use std::sync::Arc;

use longwire_model::delivery::{Acknowledgement, Event, Exception, Sent, UsedAction};
use longwire_model::device::Attempts;
use longwire_model::entry::{Content, MembershipChange, Routing, Target};
use longwire_model::{
    AppId, AudienceKey, Device, DeviceKind, Entry, EntryId, EntryKind, Held, LaneSeqs, Membership, Rest, Seqs, Session,
    Timestamp,
};
use serde_json::{Value as Json, json};
use sqlx::sqlite::SqliteRow;

use crate::payload;
use crate::sql::{
    Value, bytes, bytes_option, column, damaged, device_id, lane, seq, seq_option, timestamp, timestamp_option,
};

/// The values of an entry in the order of its columns.
pub(crate) fn entry_values(entry: &Entry) -> [Value<'_>; 14] {
    let routing = entry.kind.routing();
    let content = entry.kind.content();
    let target = entry.kind.target();
    let audience = routing.map(|routing| keys_text(&routing.audience));
    let collapse_key = content.and_then(|content| content.collapse_key.as_deref());
    let audience_hash = collapse_key.and(audience.as_deref().map(hash));
    let payload: Option<Cow<'_, str>> = match &entry.kind {
        EntryKind::Notification(content) | EntryKind::Update(_, content) => Some(Cow::from(&*content.payload)),
        EntryKind::Recall(..) | EntryKind::Dismissal(..) => None,
        EntryKind::Membership(change) => Some(change_text(change).into()),
        EntryKind::Generation(id) => Some(id.to_string().into()),
    };
    [
        entry.app.0.into(),
        entry.seq.into(),
        entry.id.into(),
        entry.kind.as_str().into(),
        entry.created_at.into(),
        routing.map(|routing| routing.lane).into(),
        routing.map(|routing| routing.expires_at).into(),
        audience.into(),
        content.and_then(|content| content.filter.as_ref().map(ToString::to_string)).into(),
        collapse_key.into(),
        audience_hash.into(),
        target.map(|target| target.id).into(),
        target.map(|target| target.seq).into(),
        payload.into(),
    ]
}

/// An entry of a row with all its columns.
pub(crate) fn entry(row: &SqliteRow) -> Result<Entry, sqlx::Error> {
    let kind = match column::<&str>(row, "kind")? {
        "notification" => EntryKind::Notification(content(row)?),
        "update" => EntryKind::Update(target(row)?, content(row)?),
        "recall" => EntryKind::Recall(target(row)?, routing(row)?),
        "dismissal" => EntryKind::Dismissal(target(row)?, routing(row)?),
        "membership" => EntryKind::Membership(parse_change(column(row, "payload")?).ok_or_else(|| damaged("payload"))?),
        "generation" => EntryKind::Generation(column::<&str>(row, "payload")?.parse().map_err(|_| damaged("payload"))?),
        _ => return Err(damaged("kind")),
    };
    Ok(Entry {
        app: AppId(column(row, "app")?),
        seq: seq(row, "seq")?,
        id: bytes(row, "id").map(EntryId::from_bytes)?,
        created_at: timestamp(row, "created_at")?,
        kind,
    })
}

fn routing(row: &SqliteRow) -> Result<Routing, sqlx::Error> {
    Ok(Routing {
        audience: audience(row)?.into(),
        lane: lane(column(row, "lane")?)?,
        expires_at: timestamp(row, "expires_at")?,
    })
}

fn content(row: &SqliteRow) -> Result<Content, sqlx::Error> {
    Ok(Content {
        routing: routing(row)?,
        filter: filter(row)?,
        collapse_key: column::<Option<&str>>(row, "collapse_key")?.map(Into::into),
        payload: payload::read(column(row, "payload")?).into(),
    })
}

/// The column `filter`.
pub(crate) fn filter(row: &SqliteRow) -> Result<Option<longwire_model::Filter>, sqlx::Error> {
    column::<Option<&str>>(row, "filter")?.map(|text| text.parse().map_err(|_| damaged("filter"))).transpose()
}

fn target(row: &SqliteRow) -> Result<Target, sqlx::Error> {
    Ok(Target { id: bytes(row, "target_id").map(EntryId::from_bytes)?, seq: seq(row, "target_seq")? })
}

/// The keys as one text; names hold no spaces.
pub(crate) fn keys_text(keys: &[AudienceKey]) -> Cow<'_, str> {
    match keys {
        [key] => key.as_str().into(),
        keys => keys.iter().map(AudienceKey::as_str).collect::<Vec<_>>().join(" ").into(),
    }
}

/// The keys of a text; none when it holds something else.
pub(crate) fn parse_keys(text: &str) -> Option<Vec<AudienceKey>> {
    text.split(' ').filter(|key| !key.is_empty()).map(|key| key.parse().ok()).collect()
}

fn audience(row: &SqliteRow) -> Result<Vec<AudienceKey>, sqlx::Error> {
    let keys = parse_keys(column(row, "audience")?).filter(|keys| !keys.is_empty());
    keys.ok_or_else(|| damaged("audience"))
}

/// What the account of an original client has claimed.
pub(crate) fn claimed(row: &SqliteRow) -> Result<Vec<AudienceKey>, sqlx::Error> {
    parse_keys(column(row, "claimed")?).ok_or_else(|| damaged("claimed"))
}

/// FNV-1a with 64 bits, as a signed number. Stored: never change it.
fn hash(text: &str) -> i64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step).cast_signed()
}

fn change_text(change: &MembershipChange) -> String {
    let keys = |keys: &[AudienceKey]| keys.iter().map(AudienceKey::as_str).map(Json::from).collect::<Vec<_>>();
    json!({
        "device": change.device.to_string(),
        "joined": keys(&change.joined),
        "left": keys(&change.left),
    })
    .to_string()
}

fn parse_change(text: &str) -> Option<MembershipChange> {
    let json: Json = serde_json::from_str(text).ok()?;
    let key = |key: &Json| key.as_str()?.parse::<AudienceKey>().ok();
    let keys = |name| json.get(name)?.as_array()?.iter().map(key).collect::<Option<Vec<_>>>();
    Some(MembershipChange {
        device: json.get("device")?.as_str()?.parse().ok()?,
        joined: keys("joined")?,
        left: keys("left")?,
    })
}

/// The number and the name of a device's kind.
pub(crate) fn kind_values(kind: &DeviceKind) -> (i64, &str) {
    match kind {
        DeviceKind::Push(name) => (0, name),
        DeviceKind::Resource(name) => (1, name),
        DeviceKind::Shared => (2, ""),
        DeviceKind::Androidpn => (3, ""),
    }
}

/// A device of a row that joins `device` and `device_state`, still without memberships.
pub(crate) fn device(row: &SqliteRow) -> Result<Device, sqlx::Error> {
    let name: String = column(row, "name")?;
    let kind = match column::<i64>(row, "kind")? {
        0 => DeviceKind::Push(name),
        1 => DeviceKind::Resource(name),
        2 => DeviceKind::Shared,
        3 => DeviceKind::Androidpn,
        _ => return Err(damaged("kind")),
    };
    Ok(Device {
        id: device_id(row, "id")?,
        app: AppId(column(row, "app")?),
        account: column(row, "account")?,
        kind,
        created_at: timestamp(row, "created_at")?,
        recorded: LaneSeqs { normal: seq(row, "normal")?, background: seq(row, "background")? },
        memberships: Vec::new(),
        last_seen: timestamp_option(row, "last_seen")?,
        offline_since: timestamp_option(row, "offline_since")?,
        next_contact: timestamp_option(row, "next_contact")?,
        attempts: attempts(row)?,
        installation_hash: bytes_option(row, "installation_hash")?,
    })
}

/// The columns `attempt_seq` and `attempt_sessions`.
pub(crate) fn attempts(row: &SqliteRow) -> Result<Option<Attempts>, sqlx::Error> {
    let sessions = column::<Option<u32>>(row, "attempt_sessions")?;
    Ok(seq_option(row, "attempt_seq")?.zip(sessions).map(|(seq, sessions)| Attempts { seq, sessions }))
}

pub(crate) fn membership(row: &SqliteRow) -> Result<Membership, sqlx::Error> {
    Ok(Membership {
        key: column::<&str>(row, "key")?.parse().map_err(|_| damaged("key"))?,
        joined: seq(row, "joined_seq")?,
        left: seq_option(row, "left_seq")?,
    })
}

/// The exceptions of a row as one text, `ending ranges;ending ranges`; none for none.
pub(crate) fn exceptions_text(exceptions: &[Exception]) -> Option<String> {
    let text = |exception: &Exception| format!("{} {}", exception.ending.as_str(), exception.seqs);
    let texts: Vec<String> = exceptions.iter().map(text).collect();
    (!texts.is_empty()).then(|| texts.join(";"))
}

/// When entries were written to the device as one text, `position@instant position@instant+hold`; none for none.
pub(crate) fn sent_text(sent: &[Sent]) -> Option<String> {
    let text = |sent: &Sent| {
        let (seq, at) = (sent.seq, sent.at.as_millis());
        sent.hold.map_or_else(|| format!("{seq}@{at}"), |hold| format!("{seq}@{at}+{}", hold.as_str()))
    };
    let texts: Vec<String> = sent.iter().map(text).collect();
    (!texts.is_empty()).then(|| texts.join(" "))
}

fn parse_sent(text: &str) -> Option<Sent> {
    let (seq, rest) = text.split_once('@')?;
    let (at, hold) = match rest.split_once('+') {
        Some((at, hold)) => (at, Some(hold.parse().ok()?)),
        None => (rest, None),
    };
    Some(Sent { seq: seq.parse().ok()?, at: Timestamp::from_millis(at.parse().ok()?), hold })
}

/// What a session left behind as one text: `lane>position+hold` for what it held back, and [`sent_text`].
pub(crate) fn rest_text(rest: &Rest) -> String {
    let held = rest.held.iter().map(|held| format!("{}>{}+{}", held.lane, held.after, held.hold.as_str()));
    held.chain(sent_text(&rest.sent)).collect::<Vec<_>>().join(" ")
}

fn parse_rest(text: &str) -> Option<Rest> {
    let mut rest = Rest::default();
    for part in text.split(' ').filter(|part| !part.is_empty()) {
        if let Some((lane, held)) = part.split_once('>') {
            let (after, hold) = held.split_once('+')?;
            let (lane, after, hold) = (lane.parse().ok()?, after.parse().ok()?, hold.parse().ok()?);
            rest.held.push(Held { lane, after, hold });
        } else {
            rest.sent.push(parse_sent(part)?);
        }
    }
    Some(rest)
}

/// A session of a row with all its columns.
pub(crate) fn session(row: &SqliteRow) -> Result<Session, sqlx::Error> {
    Ok(Session {
        began_at: timestamp(row, "began_at")?,
        heard_at: timestamp(row, "heard_at")?,
        ended_at: timestamp(row, "ended_at")?,
        end: column::<&str>(row, "ending")?.parse().map_err(|()| damaged("ending"))?,
        resumed_at: timestamp_option(row, "resumed_at")?,
        rest: column::<Option<&str>>(row, "rest")?
            .map(|text| parse_rest(text).map(Arc::new).ok_or_else(|| damaged("rest")))
            .transpose()?,
    })
}

pub(crate) fn acknowledgement(row: &SqliteRow) -> Result<Acknowledgement, sqlx::Error> {
    let parse = |text: &str| -> Option<Exception> {
        let (ending, seqs) = text.split_once(' ')?;
        Some(Exception { seqs: seqs.parse::<Seqs>().ok()?, ending: ending.parse().ok()? })
    };
    let texts = column::<Option<&str>>(row, "exceptions")?.map(|text| text.split(';'));
    let exceptions = texts.into_iter().flatten().map(|text| parse(text).ok_or_else(|| damaged("exceptions")));
    let sent = column::<Option<&str>>(row, "sent")?.into_iter().flat_map(|text| text.split(' '));
    let sent = sent.map(|text| parse_sent(text).ok_or_else(|| damaged("sent")));
    Ok(Acknowledgement {
        lane: lane(column(row, "lane")?)?,
        from: seq(row, "from_seq")?,
        to: seq(row, "to_seq")?,
        exceptions: exceptions.collect::<Result<_, _>>()?,
        sent: sent.collect::<Result<_, _>>()?,
        at: timestamp(row, "at")?,
    })
}

pub(crate) fn event(row: &SqliteRow) -> Result<Event, sqlx::Error> {
    Ok(Event {
        kind: column::<&str>(row, "type")?.parse().map_err(|()| damaged("type"))?,
        at: timestamp(row, "at")?,
        reason: column(row, "reason")?,
    })
}

pub(crate) fn used_action(row: &SqliteRow) -> Result<UsedAction, sqlx::Error> {
    Ok(UsedAction {
        at: timestamp(row, "at")?,
        told_at: timestamp(row, "told_at")?,
        action: column(row, "action")?,
        text: Some(column::<String>(row, "text")?).filter(|text| !text.is_empty()),
    })
}
