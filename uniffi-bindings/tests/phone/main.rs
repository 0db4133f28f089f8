//! A phone over a platform for tests, against a scripted server.

#[path = "../../../android-client/runtime/tests/phone/fake.rs"]
mod fake;
#[path = "../support/platform.rs"]
mod platform;
#[path = "../support/server.rs"]
mod server;

mod phone {
    //! What the server's half takes from the host's tests.
    pub(crate) use crate::platform::PATIENCE;
}

mod alarms;
mod failures;
mod inbox;
mod trust;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use fake::{Fake, Mode};
use longwire_push::{
    LogLevel, Platform, PlatformError, PushClient, PushConfig, PushError, PushNotification, PushState, SqlValue,
    TlsMode, Trust,
};
use platform::FakePlatform;
use tempfile::TempDir;

/// A server, a platform, and a phone that is not started.
struct World {
    server: Fake,
    platform: Arc<FakePlatform>,
    directory: TempDir,
    client: Arc<PushClient>,
}

impl World {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut PushConfig)) -> Self {
        let (server, directory) = (Fake::start(Mode::Direct), TempDir::new().expect("a directory"));
        let platform = FakePlatform::new();
        let mut config = server::config(&server, directory.path());
        change(&mut config);
        let client = client(config, &platform);
        Self { server, platform, directory, client }
    }

    fn online() -> Self {
        let world = Self::new();
        world.client.start().expect("starts");
        world.platform.wait_online();
        world
    }

    /// The process dies and another one begins, with the same database and folder.
    fn reborn(mut self) -> Self {
        wait(self.client.stop());
        self.client = client(server::config(&self.server, self.directory.path()), &self.platform);
        self
    }

    /// Pushes a notification and waits until it is handed over.
    fn push(&self, id: &str) -> PushNotification {
        self.server.push(id, r#"{"title":"Door","body":"Bell","data":{"k":"v"}}"#);
        self.platform.wait_until(|seen| seen.handed.iter().any(|handed| handed.id == id));
        let seen = self.platform.seen();
        seen.handed.into_iter().find(|handed| handed.id == id).expect("it was handed over")
    }

    fn told(&self, id: &str, kind: &str) {
        self.server.wait_until(|state| state.events.contains(&(id.to_owned(), kind.to_owned())));
    }
}

fn client(config: PushConfig, platform: &Arc<FakePlatform>) -> Arc<PushClient> {
    PushClient::new(config, Arc::clone(platform) as Arc<dyn Platform>).expect("a phone")
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

fn ids(path: &Path) -> usize {
    std::fs::read_dir(path).expect("a directory").count()
}
