//! Small pieces of Longwire, each carried out so many times and nothing beside: what valgrind counts is the same on every machine and at
//! every load. `load run --only instructions` runs each of them twice, and tells what one more costs.

use std::sync::Arc;

use anyhow::Context;
use clap::ValueEnum;
use longwire_core::env::{Clock, Env, Random};
use longwire_core::{Core, CoreConfig, Registration, render};
use longwire_model::device::Generation;
use longwire_model::entry::{Content, Routing};
use longwire_model::{
    AppId, AudienceKey, Device, DeviceId, DeviceKind, Entry, EntryId, EntryKind, GenerationId, Lane, LaneSeqs,
    Membership, Seq, Timestamp,
};
use longwire_protocol::codec::{Event, Limits, Reader};
use longwire_router::{Batch, Bind, Now, SessionKey, SessionKind, Shard, Stated};
use longwire_store::{LoadedDevice, MemoryStore, Write};

/// Sessions of the shard.
const SESSIONS: u8 = 100;
const GENERATION: GenerationId = GenerationId(7);
const DOMAIN: &str = "example.com";
const HEADER: &[u8] = b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
                        to='example.com' version='1.0'>";
const MESSAGE: &[u8] =
    b"<message to='alice@example.com/phone' type='chat' id='m1'><body>Hello, are you there?</body></message>";
const PING: &[u8] = b"<iq type='get' id='beat' to='example.com'><ping xmlns='urn:xmpp:ping'/></iq>";
const PAYLOAD: &str = r#"{"title":"New message","body":"Hello, are you there?","data":{"thread":"17"}}"#;

/// What is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Case {
    /// Reading a chat message from a stream, into a tree.
    ReadMessage,
    /// Reading a ping.
    ReadPing,
    /// Writing a chat message.
    WriteMessage,
    /// An entry as the stanza that all push sessions are sent.
    Render,
    /// Committing an entry to a store in memory, through the log's queue, and announcing it.
    Append,
    /// An entry for one of a hundred sessions, and its acknowledgement.
    RouteToOne,
    /// An entry for each of a hundred sessions, and their acknowledgements.
    RouteToAll,
}

impl Case {
    /// What one more of it is, for the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ReadMessage => "per message read",
            Self::ReadPing => "per ping read",
            Self::WriteMessage => "per message written",
            Self::Render => "per entry rendered",
            Self::Append => "per entry appended in memory",
            Self::RouteToOne => "per entry routed to 1 of 100 sessions",
            Self::RouteToAll => "per entry routed to 100 of 100 sessions",
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    case: Case,
    /// How often.
    times: u32,
}

/// Carries out a case so many times.
///
/// # Errors
/// It is not what it should be.
pub(crate) fn repeat(options: &Options) -> anyhow::Result<()> {
    let Options { case, times } = options;
    match case {
        Case::ReadMessage => read(MESSAGE, *times),
        Case::ReadPing => read(PING, *times),
        Case::WriteMessage => write(*times),
        Case::Render => render_all(*times),
        Case::Append => tokio::runtime::Builder::new_current_thread().build()?.block_on(append(*times)),
        Case::RouteToOne => route(*times, 1),
        Case::RouteToAll => route(*times, SESSIONS),
    }
}

/// A stream that is open, and what reads it.
fn opened() -> anyhow::Result<Reader> {
    let mut reader = Reader::new(Limits::AFTER_LOGIN);
    reader.read(&mut &*HEADER)?.context("a header")?;
    Ok(reader)
}

fn read(stanza: &[u8], times: u32) -> anyhow::Result<()> {
    let mut reader = opened()?;
    for _ in 0..times {
        std::hint::black_box(reader.read(&mut &*stanza)?.context("a stanza")?);
    }
    Ok(())
}

fn write(times: u32) -> anyhow::Result<()> {
    let Some(Event::Element(message)) = opened()?.read(&mut &*MESSAGE)? else { anyhow::bail!("no message") };
    for _ in 0..times {
        std::hint::black_box(message.to_stream_bytes());
    }
    Ok(())
}

fn render_all(times: u32) -> anyhow::Result<()> {
    let entry = entry(2, 1)?;
    for _ in 0..times {
        std::hint::black_box(render::push_stanza(&entry, None, None, DOMAIN).context("a notification")?);
    }
    Ok(())
}

async fn append(times: u32) -> anyhow::Result<()> {
    let config = CoreConfig {
        domain: DOMAIN.to_owned(),
        registration: Registration::Closed,
        heartbeat_min_s: None,
        heartbeat_max_s: 600,
        server_key: [9; 32],
        fast_token_ms: 1_000_000,
        device_topics: Vec::new(),
        device_tags: Vec::new(),
        androidpn: None,
    };
    let env = Env::new(Arc::new(Still), Arc::new(Still));
    let core = Core::open(Arc::new(MemoryStore::new()), env, config).await?;
    core.begin_generation().await?;
    for number in 0..times {
        let kind = EntryKind::Notification(content(1)?);
        let (app, id, at) = (AppId::DEFAULT, id(u64::from(number)), Timestamp::from_millis(0));
        core.log.write(Write::Append { app, id, at, kind, idempotency: None }).await?;
    }
    Ok(())
}

fn route(times: u32, receivers: u8) -> anyhow::Result<()> {
    let (mut shard, mut out) = (Shard::new(AppId::DEFAULT, GENERATION, 1), Vec::new());
    let now = Now::default();
    for number in 0..SESSIONS {
        shard.bind(bound(number)?, now, &mut out)?;
    }
    for seq in (2..).take(usize::try_from(times)?) {
        let entries = [Arc::new(entry(seq, receivers)?)].into();
        out.clear();
        shard.apply(&Batch { generation: GENERATION, from: seq - 1, entries }, now, &mut out)?;
        let stated = Stated { normal: Some(seq), ..Stated::default() };
        for number in 0..receivers {
            shard.acknowledge(SessionKey(u64::from(number)), &stated, now, &mut out)?;
        }
    }
    anyhow::ensure!(out.len() >= usize::from(receivers), "nothing was sent");
    Ok(())
}

fn bound(number: u8) -> anyhow::Result<Bind> {
    let memberships = ["all".parse()?, own(number)?].map(|key| Membership { key, joined: 1, left: None });
    let device = Device {
        id: DeviceId::new([number; 16]),
        app: AppId::DEFAULT,
        account: format!("account{number}"),
        kind: DeviceKind::Push(format!("agent{number}")),
        created_at: Timestamp::from_millis(0),
        recorded: LaneSeqs::both(1),
        memberships: memberships.into(),
        last_seen: None,
        offline_since: None,
        next_contact: None,
        attempts: None,
        installation_hash: None,
    };
    Ok(Bind {
        session: SessionKey(u64::from(number)),
        kind: SessionKind::Push,
        loaded: LoadedDevice { device, heads: Vec::new(), as_of: 1 },
        stated: None,
        generations: [Generation { id: GENERATION, seq: 1 }].into(),
        floor: 0,
        end: 1,
    })
}

fn own(number: u8) -> anyhow::Result<AudienceKey> {
    Ok(format!("device:{}", DeviceId::new([number; 16])).parse()?)
}

fn entry(seq: Seq, receivers: u8) -> anyhow::Result<Entry> {
    let kind = EntryKind::Notification(content(receivers)?);
    Ok(Entry { app: AppId::DEFAULT, seq, id: id(seq), created_at: Timestamp::from_millis(0), kind })
}

/// For one device, or for all.
fn content(receivers: u8) -> anyhow::Result<Content> {
    let audience = if receivers == 1 { own(0)? } else { "all".parse()? };
    let routing =
        Routing { audience: [audience].into(), lane: Lane::Normal, expires_at: Timestamp::from_millis(1_000_000) };
    Ok(Content { routing, filter: None, collapse_key: None, payload: PAYLOAD.into() })
}

fn id(number: u64) -> EntryId {
    let mut random = [0; 10];
    random.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
    EntryId::new(Timestamp::from_millis(0), random)
}

/// A clock that stands, and chance that gives the same always.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0)
    }

    fn mono_ms(&self) -> u64 {
        0
    }
}

impl Random for Still {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_does_what_it_says() {
        for case in Case::value_variants() {
            // More often than a session may leave unacknowledged.
            repeat(&Options { case: *case, times: 70 }).expect("it is carried out");
        }
    }
}
