//! Storms of clients that nobody asked for: connections that stay and say nothing, and registrations without end.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use longwire_test_support::keep;
use longwire_test_support::server::Ready;
use longwire_test_support::wait::pause;
use longwire_test_support::wire::Wire;

/// Addresses that each kind comes from, as from behind so many routers.
const ADDRESSES: usize = 50;
/// After a connection that was turned away.
const BEFORE_THE_NEXT: Duration = Duration::from_millis(20);

/// What a storm met with.
#[derive(Debug, Default)]
struct Met {
    is_over: AtomicBool,
    opened: AtomicUsize,
    registered: AtomicUsize,
    refused: AtomicUsize,
    told: AtomicUsize,
    dropped: AtomicUsize,
}

/// A storm; it is over when dropped.
#[derive(Debug)]
pub struct Storm {
    met: Arc<Met>,
    threads: Vec<JoinHandle<()>>,
}

impl Storm {
    /// Begins: `silent` threads open streams, over TLS, and hold them; `registering` ones make accounts.
    #[must_use]
    pub fn begin(ready: &Ready, silent: usize, registering: usize) -> Self {
        let met = Arc::new(Met::default());
        let spawn = |number: usize| {
            let (ready, met) = (ready.clone(), Arc::clone(&met));
            std::thread::spawn(
                move || if number < silent { hold(&ready, &met) } else { register(&ready, number, &met) },
            )
        };
        let threads = (0..silent + registering).map(spawn).collect();
        Self { met, threads }
    }

    /// Streams that were opened and held.
    #[must_use]
    pub fn opened(&self) -> usize {
        self.met.opened.load(SeqCst)
    }

    /// Accounts that were made, and registrations that were answered with an error.
    #[must_use]
    pub fn registered(&self) -> (usize, usize) {
        (self.met.registered.load(SeqCst), self.met.refused.load(SeqCst))
    }

    /// Connections that were told to come back later, and those that ended without a word.
    #[must_use]
    pub fn turned_away(&self) -> (usize, usize) {
        (self.met.told.load(SeqCst), self.met.dropped.load(SeqCst))
    }

    /// Ends it: its connections are gone when this returns.
    ///
    /// # Errors
    /// One of its threads panicked.
    pub fn end(mut self) -> anyhow::Result<()> {
        self.met.is_over.store(true, SeqCst);
        for thread in self.threads.drain(..) {
            thread.join().ok().context("a thread of the storm panicked")?;
        }
        Ok(())
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        self.met.is_over.store(true, SeqCst);
    }
}

impl Met {
    /// Counts a connection that did not come to what it was made for.
    fn turned_away(&self, error: &anyhow::Error) {
        let kind = if format!("{error:#}").contains("<retry") { &self.told } else { &self.dropped };
        kind.fetch_add(1, SeqCst);
        pause(BEFORE_THE_NEXT);
    }
}

/// The address of the `number`th connection of a kind.
fn source(kind: u8, number: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, kind, 0, u8::try_from(1 + number % ADDRESSES).unwrap_or(u8::MAX)))
}

fn opened(ready: &Ready, source: IpAddr) -> anyhow::Result<Wire> {
    let mut wire = Wire::plain_from(source, &ready.c2s_tls)?.secured(&ready.certificate)?;
    wire.open()?;
    Ok(wire)
}

fn hold(ready: &Ready, met: &Met) {
    let mut held = Vec::new();
    for number in 0.. {
        if met.is_over.load(SeqCst) {
            return;
        }
        match opened(ready, source(1, number)) {
            Ok(wire) => {
                met.opened.fetch_add(1, SeqCst);
                held.push(wire);
            }
            Err(error) => met.turned_away(&error),
        }
    }
}

fn register(ready: &Ready, thread: usize, met: &Met) {
    for number in 0.. {
        if met.is_over.load(SeqCst) {
            return;
        }
        match registration(ready, source(2, number), &format!("storm-{thread}-{number}")) {
            Ok(true) => drop(met.registered.fetch_add(1, SeqCst)),
            Ok(false) => drop(met.refused.fetch_add(1, SeqCst)),
            Err(error) => met.turned_away(&error),
        }
    }
}

/// Asks for an account; whether it was made.
fn registration(ready: &Ready, source: IpAddr, name: &str) -> anyhow::Result<bool> {
    let mut wire = opened(ready, source)?;
    let password = format!("the password of {name}");
    keep::secret(&password);
    wire.send(&format!(
        "<iq type='set' id='reg'><query xmlns='jabber:iq:register'><username>{name}</username>\
         <password>{password}</password></query></iq>"
    ))?;
    wire.expect("<iq ")?;
    Ok(wire.expect(">")?.contains("result"))
}
