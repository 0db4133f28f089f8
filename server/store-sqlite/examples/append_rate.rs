//! Prints durable appends per second by the size of the group: `cargo run --release --example append_rate [DIR]`.
#![expect(clippy::print_stdout, reason = "it prints what it measures")]
#![expect(clippy::disallowed_methods, reason = "it measures")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use longwire_model::entry::{Content, Routing};
use longwire_model::{AppId, AudienceKey, EntryId, EntryKind, Lane, Timestamp};
use longwire_store::write::Idempotency;
use longwire_store::{Store, Write};
use longwire_store_sqlite::{Options, SqliteStore};

fn notification(number: u32) -> Result<Write> {
    let at = Timestamp::from_millis(i64::from(number));
    let mut random = [0; 10];
    for (byte, value) in random.iter_mut().zip(number.to_be_bytes()) {
        *byte = value;
    }
    let user = AudienceKey::user(&format!("user-{}", number.wrapping_mul(2_654_435_761) % 100_000))?;
    let routing = Routing { audience: [user].into(), lane: Lane::Normal, expires_at: at.plus_millis(1_000_000) };
    let payload = "x".repeat(226).into();
    let kind = EntryKind::Notification(Content { routing, filter: None, collapse_key: None, payload });
    // Every second sender gives a key of its own.
    let idempotency = number.is_multiple_of(2).then(|| Idempotency {
        key: format!("request-{number}"),
        body_hash: [7; 32],
        status: 202,
        answer: "{}".to_owned(),
    });
    Ok(Write::Append { app: AppId::DEFAULT, id: EntryId::new(at, random), at, kind, idempotency })
}

#[tokio::main]
async fn main() -> Result<()> {
    let dir = std::env::args().nth(1).map_or_else(|| PathBuf::from("append_rate.data"), PathBuf::from);
    let store = SqliteStore::open(&dir, Options::default()).await?;
    println!("{:>6} {:>10} {:>10} {:>10}", "group", "rows/s", "p50 ms", "p99 ms");
    let mut number = 0;
    for group in [1_u32, 10, 100, 512] {
        let mut commits = Vec::new();
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(3) {
            let writes = (number..number + group).map(notification).collect::<Result<Vec<_>>>()?;
            number += group;
            let begun = Instant::now();
            store.commit(writes).await?;
            commits.push(begun.elapsed());
        }
        let rows = f64::from(group) * commits.len() as f64 / start.elapsed().as_secs_f64();
        commits.sort();
        let at =
            |percent: usize| commits.get(commits.len() * percent / 100).map_or(0.0, |time| time.as_secs_f64() * 1e3);
        println!("{group:>6} {rows:>10.0} {:>10.2} {:>10.2}", at(50), at(99));
    }
    store.close().await;
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}
