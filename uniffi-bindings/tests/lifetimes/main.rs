//! What is started and stopped a thousand times leaves nothing behind; alone in its process, since it counts threads and files.

#[expect(dead_code, reason = "the phone of the host has more to ask of it")]
#[path = "../../../android-client/runtime/tests/phone/fake.rs"]
mod fake;
#[expect(dead_code, reason = "other tests ask it for more")]
#[path = "../support/platform.rs"]
mod platform;
#[path = "../support/server.rs"]
mod server;

mod phone {
    //! What the server's half takes from the host's tests.
    pub(crate) use crate::platform::PATIENCE;
}

use std::path::Path;
use std::sync::Arc;

use fake::{Fake, Mode};
use longwire_push::{
    LogLevel, Platform, PlatformError, PushClient, PushConfig, PushNotification, PushState, SqlValue, TlsMode, Trust,
};
use platform::FakePlatform;
use tempfile::TempDir;
use tokio::runtime::Builder;

/// Threads of phones, and open files of the process.
fn held() -> (usize, usize) {
    let names = std::fs::read_dir("/proc/self/task").expect("threads").flatten();
    let is_ours =
        |path: &Path| std::fs::read_to_string(path.join("comm")).is_ok_and(|name| name.starts_with("longwire"));
    let threads = names.filter(|thread| is_ours(&thread.path())).count();
    (threads, std::fs::read_dir("/proc/self/fd").expect("files").count())
}

/// Waits until no more is held than that.
fn wait_until_back_at(before: (usize, usize)) {
    // The server and the kernel need a moment for closed connections: a condition, awaited as often as the machine allows.
    for _ in 0..100_000_000 {
        let now = held();
        if now.0 <= before.0 && now.1 <= before.1 {
            return;
        }
        std::thread::yield_now();
    }
    assert_eq!(held(), before, "threads and files");
}

#[test]
fn a_thousand_starts_and_stops_leave_nothing() {
    let (server, directory) = (Fake::start(Mode::Direct), TempDir::new().expect("a directory"));
    let platform = FakePlatform::new();
    let config = server::config(&server, directory.path());
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let before = held();
    let client = PushClient::new(config, Arc::clone(&platform) as Arc<dyn Platform>).expect("a phone");
    for cycle in 0..1_000 {
        client.start().expect("starts");
        if cycle % 100 == 0 {
            platform.wait_online();
        }
        runtime.block_on(client.stop());
        assert_eq!(client.state(), PushState::Idle);
    }
    let (last, weak) = (client.state(), Arc::downgrade(&client));
    drop(client);
    assert_eq!((last, weak.strong_count()), (PushState::Idle, 0));
    wait_until_back_at(before);
    assert_eq!(Arc::strong_count(&platform), 1, "nobody holds the platform any more");
}

#[test]
fn phones_that_are_dropped_while_they_run_end_by_themselves() {
    let (server, directory) = (Fake::start(Mode::Direct), TempDir::new().expect("a directory"));
    let config = server::config(&server, directory.path());
    for _ in 0..20 {
        let platform = FakePlatform::new();
        let client = PushClient::new(config.clone(), Arc::clone(&platform) as Arc<dyn Platform>).expect("a phone");
        client.start().expect("starts");
        platform.wait_online();
        drop(client);
        platform.wait_until(|seen| seen.states.last() == Some(&PushState::Idle));
        while Arc::strong_count(&platform) > 1 {
            std::thread::yield_now();
        }
    }
}
