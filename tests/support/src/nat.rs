//! A road to the server that forgets what is idle, as NATs do: not a byte goes through any more, and nobody is told.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::wait::now;

/// A proxy on a port of its own. What comes after it is dropped still passes.
#[derive(Debug)]
pub struct Nat {
    /// Host and port for clients.
    pub address: String,
    state: Arc<Mutex<State>>,
    patience: Duration,
}

#[derive(Debug, Default)]
struct State {
    connections: usize,
    cuts: usize,
    /// The newest connection: when a byte last passed, and after how many quiet periods one passed from the client.
    passed: Option<Instant>,
    survived: usize,
}

/// One connection, seen by both of its directions.
#[derive(Debug)]
struct Flow {
    number: usize,
    passed: Instant,
    is_cut: bool,
}

/// So long a silence is a quiet period.
const QUIET: Duration = Duration::from_millis(700);

impl Nat {
    /// A road to `server` that forgets a connection on which nothing passed for `patience`.
    ///
    /// # Errors
    /// No port is free.
    pub fn start(server: &str, patience: Duration) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("failed to listen")?;
        let address = listener.local_addr().context("failed to listen")?.to_string();
        let state = Arc::new(Mutex::new(State::default()));
        let (shared, server) = (Arc::clone(&state), server.to_owned());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // Where the server is not there, neither is the road.
                if let Ok(upstream) = TcpStream::connect(&server) {
                    drop(carry(client, upstream, &shared, patience));
                }
            }
        });
        Ok(Self { address, state, patience })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Connections that it has forgotten, as far as anybody has tried to use them since.
    #[must_use]
    pub fn cuts(&self) -> usize {
        self.state().cuts
    }

    /// How many connections there were.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state().connections
    }

    /// Whether the newest connection is forgotten by now.
    #[must_use]
    pub fn is_forgotten(&self) -> bool {
        self.state().passed.is_some_and(|passed| now().duration_since(passed) >= self.patience)
    }

    /// After how many quiet periods of the newest connection its client was still heard.
    #[must_use]
    pub fn survived(&self) -> usize {
        self.state().survived
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn carry(client: TcpStream, upstream: TcpStream, state: &Arc<Mutex<State>>, patience: Duration) -> std::io::Result<()> {
    let number = {
        let mut state = lock(state);
        state.connections += 1;
        (state.passed, state.survived) = (Some(now()), 0);
        state.connections
    };
    client.set_nodelay(true)?;
    upstream.set_nodelay(true)?;
    let flow = Arc::new(Mutex::new(Flow { number, passed: now(), is_cut: false }));
    for (is_up, from, to) in [(true, client.try_clone()?, upstream.try_clone()?), (false, upstream, client)] {
        let (flow, state) = (Arc::clone(&flow), Arc::clone(state));
        std::thread::spawn(move || pump(is_up, from, &to, &flow, &state, patience));
    }
    Ok(())
}

fn pump(
    is_up: bool,
    mut from: TcpStream,
    mut to: &TcpStream,
    flow: &Mutex<Flow>,
    state: &Mutex<State>,
    patience: Duration,
) {
    let mut buffer = [0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer).unwrap_or(0);
        let is_through = note(is_up, flow, state, patience);
        if length == 0 {
            if is_through {
                drop(to.shutdown(Shutdown::Write));
            }
            return;
        }
        if is_through && to.write_all(buffer.get(..length).unwrap_or_default()).is_err() {
            return;
        }
    }
}

/// Whether what was just read passes.
fn note(is_up: bool, flow: &Mutex<Flow>, state: &Mutex<State>, patience: Duration) -> bool {
    let (mut flow, mut state) = (lock(flow), lock(state));
    let quiet = now().duration_since(flow.passed);
    if !flow.is_cut && quiet >= patience {
        flow.is_cut = true;
        state.cuts += 1;
    }
    if flow.is_cut {
        return false;
    }
    flow.passed = now();
    if flow.number == state.connections {
        state.passed = Some(flow.passed);
        state.survived += usize::from(is_up && quiet >= QUIET);
    }
    true
}
