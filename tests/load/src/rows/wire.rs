//! Bytes on the wire and round trips of one device inside TLS, both ways, without those of TCP and IP themselves.

use anyhow::Context;

use super::login::{NO_FAST, tokens};
use super::post::addresses;
use super::{Scale, numbers, settle};
use crate::client::{Carriage, Poster, Proof, Session, Wants, body, log_in};
use crate::reading::{Reading, Row};
use crate::target::{Running, Site, Target};

/// Heartbeats of a day, one each ten minutes.
const DAY_BEATS: u64 = 144;
/// Notifications that wait at a login with a backlog.
const BACKLOG: usize = 10;
const NO_BACKLOG: &str = "keeps what is missed outside the session";

fn bytes(what: &str) -> Row {
    Row::new(format!("bytes on the wire, TLS, {what}"), "bytes")
}

fn trips(what: &str) -> Row {
    Row::new(format!("round trips, TLS, {what}"), "round trips")
}

pub(super) async fn measure(site: &mut Site, scale: &Scale) -> anyhow::Result<Vec<Reading>> {
    let server = site.start(2).await?;
    let is_longwire = site.target == Target::Longwire;
    let proof = if site.target.is_xmpp() { Proof::Scram } else { Proof::Plain };
    let wants = Wants { token: is_longwire, ..Wants::default() };
    let mut session = log_in(&server.door, Carriage::Tls, &proof, &wants, 0).await?;
    let mut readings = login("first login", &session);
    session.make_available().await?;
    settle(scale).await;

    push(&server, site.target, &mut session).await.context("to get warm")?;
    let before = session.link.traffic();
    push(&server, site.target, &mut session).await?;
    readings.push(bytes("one push").is(session.link.traffic().since(before).bytes() as f64));
    let before = session.link.traffic();
    session.beat().await?;
    let beat = session.link.traffic().since(before).bytes();
    readings.push(bytes("an idle day, a heartbeat each ten minutes").is((beat * DAY_BEATS) as f64));
    if is_longwire {
        readings.extend(again(&server, session, scale).await?);
    } else {
        readings.extend([bytes("FAST login"), trips("FAST login")].map(|row| row.absent(NO_FAST)));
        let backlog = format!("login with {BACKLOG} waiting");
        readings.extend([bytes(&backlog), trips(&backlog)].map(|row| row.absent(NO_BACKLOG)));
    }
    Ok(readings)
}

/// The way online: TCP's own round trip is one of them.
fn login(what: &str, session: &Session) -> Vec<Reading> {
    let traffic = session.link.traffic();
    vec![bytes(what).is(traffic.bytes() as f64), trips(what).is(f64::from(session.link.turns() + 1))]
}

/// By token: with nothing waiting, then with a backlog.
async fn again(server: &Running, session: Session, scale: &Scale) -> anyhow::Result<Vec<Reading>> {
    let cursor = session.cursor.clone();
    drop(session);
    let proof = tokens(&server.door, 1, scale).await?.pop().context("a token")?;
    let wants = Wants { cursor, ..Wants::default() };
    let session = log_in(&server.door, Carriage::Tls, &proof, &wants, 0).await?;
    let mut readings = login("FAST login", &session);
    let wants = Wants { cursor: session.cursor.clone(), ..Wants::default() };
    let device = session.device.clone().context("a device")?;
    drop(session);
    settle(scale).await;
    let posting = server.posting.as_ref().context("the target is asked over HTTP")?;
    let mut poster = Poster::connect(server.http, 0).await?;
    let first = numbers(BACKLOG as u64);
    for number in first..first + BACKLOG as u64 {
        poster.post(&posting.request(&device, &body(number), true)).await?;
    }
    let mut session = log_in(&server.door, Carriage::Tls, &proof, &wants, 0).await?;
    session.take(BACKLOG).await?;
    readings.extend(login(&format!("login with {BACKLOG} waiting"), &session));
    Ok(readings)
}

/// Gives the device a text as the target does that, durable where it can be, and takes it.
async fn push(server: &Running, target: Target, session: &mut Session) -> anyhow::Result<()> {
    let number = numbers(1);
    let text = body(number);
    match &server.posting {
        Some(posting) => {
            let to = addresses(target, server, std::slice::from_ref(session))?;
            let mut poster = Poster::connect(server.http, 0).await?;
            poster.post(&posting.request(to.first().context("an address")?, &text, true)).await?;
            session.take(1).await.map(drop)
        }
        None => {
            let mut sender = log_in(&server.door, Carriage::Plain, &Proof::Plain, &Wants::default(), 1).await?;
            sender.link.send(&session.speech.stanza(&session.address, number, &text)).await?;
            session.take(1).await.map(drop)
        }
    }
}
