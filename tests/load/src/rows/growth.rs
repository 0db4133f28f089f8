//! How cost grows with the connections that are there: of a login among them, and of a push to any of them.

use std::sync::Arc;

use super::post::{Loop, NO_HTTP, NOT_KEPT, addresses, pushes};
use super::scale::TOO_MANY;
use super::{Scale, cheapest, done, ms_each};
use crate::client::{Arrivals, Carriage, listen, online};
use crate::reading::{Reading, Row};
use crate::target::{Site, Target};

struct Rows {
    login: Row,
    post: Row,
    durable: Row,
}

fn rows(from: usize, to: usize) -> Rows {
    Rows {
        login: Row::new(format!("CPU per login, plain, as {from} connections become {to}"), "ms"),
        post: Row::new(format!("POST → any of {to} devices, plain, nothing stored, closed loop"), "per CPU-s"),
        durable: Row::new(format!("POST → any of {to} devices, plain, durable, closed loop"), "per CPU-s"),
    }
}

pub(super) async fn measure(site: &mut Site, scale: &Scale) -> anyhow::Result<Vec<Reading>> {
    let (fitting, beyond) = scale.levels_by_room();
    let carriage = Carriage::Plain;
    let top = fitting.last().copied().unwrap_or_default();
    let server = site.start(top).await?;
    let proof = cheapest(site.target, carriage);
    if site.target == Target::Longwire {
        // A device's first login registers it, which is not what a login costs.
        drop(online(&server.door, carriage, &proof, 0..top).await?);
        done(&server, scale).await?;
    }
    let arrivals = Arc::new(Arrivals::default());
    let (mut readings, mut listening, mut to, mut from) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for level in fitting {
        let Rows { login, post, durable } = rows(from, level);
        let before = server.family.cpu()?;
        let sessions = online(&server.door, carriage, &proof, from..level).await?;
        done(&server, scale).await?;
        let spent = server.family.cpu()?.saturating_sub(before);
        readings.push(login.is(ms_each(spent, (level - from) as u64)));
        to.extend(addresses(site.target, &server, &sessions)?);
        listening.push(listen(sessions, &arrivals));
        from = level;
        let Some(posting) = server.posting.clone() else {
            readings.extend([post, durable].map(|row| row.absent(NO_HTTP)));
            continue;
        };
        let (port, to) = (server.http, Arc::new(to.clone()));
        let work = Loop { posting, port, to, is_kept: false, arrivals: Arc::clone(&arrivals) };
        readings.push(post.is(pushes(&server, scale, &work).await?));
        readings.push(if site.target == Target::Longwire {
            durable.is(pushes(&server, scale, &Loop { is_kept: true, ..work }).await?)
        } else {
            durable.absent(NOT_KEPT)
        });
    }
    for level in beyond {
        let Rows { login, post, durable } = rows(from, level);
        readings.extend([login, post, durable].map(|row| row.absent(TOO_MANY)));
    }
    Ok(readings)
}
