//! A mix of what callers send: to users, topics and tags, under a collapse key, with a TTL that ends while a phone is away, and recalled.
//! One phone is away all the while, so that what must not reach it has its time to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, ensure};
use longwire_test_support::screen::What;
use longwire_test_support::until;
use serde_json::{Value, json};

use crate::api;
use crate::bench::{Bench, clock};
use crate::ledger::Posted;

/// A TTL that nobody lives to see, and one that ends while a phone is away.
const LONG_S: u32 = 86_400;
const SHORT_S: u32 = 1;
/// Behind the last expiry: the sweep and the clocks.
const EXPIRED_WITHIN: Duration = Duration::from_secs(30);

/// What is sent, in turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// For whom the terms say, with nothing else.
    #[default]
    Plain,
    /// To a user.
    User,
    /// To a topic.
    Topic,
    /// To a tag.
    Tag,
    /// To a topic, under one collapse key.
    Collapse,
    /// With a TTL that is long enough.
    Long,
    /// To the phone that is away, with a TTL that is not.
    Short,
    /// Recalled as soon as it is accepted.
    Recalled,
}

impl Kind {
    /// All of them, in the order in which they are sent; the plain one comes last.
    pub const ALL: [Self; 8] =
        [Self::User, Self::Topic, Self::Tag, Self::Collapse, Self::Recalled, Self::Short, Self::Long, Self::Plain];
}

/// Who is in what, and who is away.
#[derive(Clone, Debug)]
pub struct Mix {
    /// The place of the phone that is away.
    pub away: usize,
    /// Its device.
    device: String,
    /// Whom recalls are for. A phone that has stored something may show it before it hears of the recall: where phones die, that is
    /// the one that is away.
    recalled: String,
}

impl Mix {
    /// Whom the `number`th is for, and of which kind it is.
    #[must_use]
    pub fn at(&self, number: usize) -> (Kind, Option<String>) {
        let kind = Kind::ALL.get(number % Kind::ALL.len()).copied().unwrap_or_default();
        let to = match kind {
            Kind::Plain | Kind::Long => None,
            Kind::User => Some(USER.to_owned()),
            Kind::Topic | Kind::Collapse => Some(TOPIC.to_owned()),
            Kind::Tag => Some(TAG.to_owned()),
            Kind::Short => Some(format!("device:{}", self.device)),
            Kind::Recalled => Some(self.recalled.clone()),
        };
        (kind, to)
    }
}

const USER: &str = "user:mix";
const TOPIC: &str = "topic:mix";
const TAG: &str = "tag:mix";

/// The fields that make it one of its kind.
pub(crate) fn shape(kind: Kind, body: &mut Value) {
    match kind {
        Kind::Collapse => body["collapse_key"] = json!("mix"),
        Kind::Long => body["ttl"] = json!(LONG_S),
        Kind::Short => body["ttl"] = json!(SHORT_S),
        Kind::Plain | Kind::User | Kind::Topic | Kind::Tag | Kind::Recalled => {}
    }
}

/// What the ledger must know of one of its kind.
pub(crate) fn entered(kind: Kind, mut posted: Posted) -> anyhow::Result<Posted> {
    posted.kind = kind;
    let end = match kind {
        Kind::Collapse => "superseded",
        Kind::Short => "expired",
        Kind::Recalled => "recalled",
        Kind::Long => {
            posted.expires_at = Some(accepted_at(&posted.id)? + i64::from(LONG_S) * 1_000);
            return Ok(posted);
        }
        Kind::Plain | Kind::User | Kind::Topic | Kind::Tag => return Ok(posted),
    };
    if kind == Kind::Short {
        posted.expires_at = Some(accepted_at(&posted.id)? + i64::from(SHORT_S) * 1_000);
    }
    Ok(posted.that_may_be(end))
}

/// When a notification was accepted, in milliseconds since 1970: its id says so (RFC 9562 §5.7).
///
/// # Errors
/// It is no id.
pub fn accepted_at(id: &str) -> anyhow::Result<i64> {
    let digits: String = id.chars().filter(|digit| *digit != '-').take(12).collect();
    i64::from_str_radix(&digits, 16).with_context(|| format!("{id} is no id"))
}

impl Bench {
    /// Brings the phones into users, topics and tags, and sends one more phone away: from now on a load is a mix. Recalls are for all.
    ///
    /// # Errors
    /// A membership is refused, or the phone does not come online.
    pub fn begin_mix(&mut self) -> anyhow::Result<()> {
        let mix = match self.mix.take() {
            Some(mix) => mix,
            None => self.make_mix()?,
        };
        self.phone(mix.away)?.kill();
        self.mixing = Some(mix.clone());
        self.mix = Some(mix);
        Ok(())
    }

    /// The same for a case in which phones die: recalls are for the phone that is away.
    ///
    /// # Errors
    /// As [`Self::begin_mix`].
    pub fn begin_mix_of_mortals(&mut self) -> anyhow::Result<()> {
        self.begin_mix()?;
        if let Some(mix) = &mut self.mixing {
            mix.recalled = format!("device:{}", mix.device);
        }
        Ok(())
    }

    fn make_mix(&mut self) -> anyhow::Result<Mix> {
        let there: Vec<String> = self.ledger.devices().iter().cloned().collect();
        let away = self.add_phone()?;
        let device = self.device(away)?;
        for (number, member) in there.iter().chain([&device]).enumerate() {
            self.join(member, "topics/mix", &Value::Null, TOPIC)?;
            if number == 0 {
                self.join(member, "user", &json!({ "user": "mix" }), USER)?;
            } else {
                self.join(member, "tags/mix", &Value::Null, TAG)?;
            }
        }
        Ok(Mix { away, device, recalled: "all".to_owned() })
    }

    fn join(&mut self, device: &str, path: &str, body: &Value, key: &str) -> anyhow::Result<()> {
        let answer = self.api.put(&format!("/v1/devices/{device}/{path}"), body)?;
        ensure!(answer.status / 100 == 2, "{key} was refused: {} {}", answer.status, answer.text());
        self.ledger.add_member(key, device);
        Ok(())
    }

    /// Lets the phone that was away come back, once what it must not see has expired; everything of the mix is in the ledger.
    ///
    /// # Errors
    /// It does not come online, or a kind was not sent.
    pub fn end_mix(&mut self) -> anyhow::Result<()> {
        self.mixing = None;
        let mix = self.mix.clone().context("there is no mix")?;
        let kinds: BTreeSet<Kind> = self.ledger.posted().iter().map(|posted| posted.kind).collect();
        let missing: Vec<&Kind> = Kind::ALL.iter().filter(|kind| !kinds.contains(kind)).collect();
        ensure!(missing.is_empty(), "nothing was sent that is {missing:?}");
        let short = self.ledger.posted().iter().filter(|posted| posted.kind == Kind::Short);
        let last = short.filter_map(|posted| posted.expires_at).max().context("nothing expires")?;
        until("the last expiry", EXPIRED_WITHIN, || (clock().as_millis() > last + 200).then_some(()))?;
        self.phone(mix.away)?.start_again()?;
        self.phone(mix.away)?.online()
    }

    /// Each kind came to the end for which it is there, on the phone that was away all the while.
    ///
    /// # Errors
    /// One did not.
    pub fn check_mix(&self) -> anyhow::Result<BTreeMap<String, usize>> {
        let mix = self.mix.as_ref().context("there is no mix")?;
        let screens = self.screens()?;
        let screen = screens.get(&mix.device).context("the phone that was away has no screen")?;
        let mut ends: BTreeMap<String, usize> = BTreeMap::new();
        for posted in self.ledger.posted() {
            let end = match posted.kind {
                Kind::Short => "expired",
                Kind::Recalled => "recalled",
                Kind::Collapse => "superseded",
                Kind::Plain | Kind::User | Kind::Topic | Kind::Tag | Kind::Long => continue,
            };
            let told = api::told_of(&self.api, &posted.id)?;
            let state = told.states.get(&mix.device).with_context(|| format!("{} is not told of", posted.id))?;
            ensure!(state == end || posted.kind == Kind::Collapse, "{} ({:?}) is {state}", posted.id, posted.kind);
            let is_handed = screen.iter().any(|line| line.what == What::Handed && line.id == posted.id);
            ensure!(is_handed != (state == end), "{} is {state}, and on the screen: {is_handed}", posted.id);
            *ends.entry(state.clone()).or_default() += 1;
        }
        for end in ["expired", "recalled", "superseded"] {
            ensure!(ends.contains_key(end), "nothing was {end} on the phone that was away: {ends:?}");
        }
        Ok(ends)
    }
}
