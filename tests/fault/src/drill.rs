//! Faults that several cases share: kills at a system call, power cuts under load.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use longwire_test_support::{SOON, Tracer, until};

use crate::bench::Bench;
use crate::inject::disk::{Mounted, cut_power, make_image};
use crate::mix::Kind;
use crate::sender::Terms;

/// Posts while the server is killed at the `at`th of these calls in any of its threads, starts it again, and goes on until everything
/// is accepted. Gives how long it took to be back; none when so much traffic has no such call.
///
/// # Errors
/// The server does not come back, or something is refused.
pub fn kill_server_at(bench: &mut Bench, name: &str, calls: &str, at: u32) -> anyhow::Result<Option<Duration>> {
    let fault = format!("{calls}:signal=SIGKILL:when={at}");
    let tracer = Tracer::inject::<&str>(bench.server.id(), &fault, &[])?;
    // As many posts as calls are counted, or hardly any thread would come that far.
    let terms = Terms { count: usize::try_from(at)?.max(Terms::default().count), ..Terms::default() };
    let sending = bench.load(name, &terms);
    until("the kill", SOON, || (!bench.server.is_running() || sending.accepted() == terms.count).then_some(()))?;
    drop(tracer);
    let back = if bench.server.is_running() { None } else { Some(bench.restart()?) };
    let (posted, _) = sending.finish()?;
    bench.enter(posted);
    Ok(back)
}

/// Posts while a phone's process is killed at the `at`th of these calls, and starts it again. Gives whether there was such a call.
///
/// # Errors
/// The phone does not come back.
pub fn kill_phone_at(bench: &mut Bench, place: usize, name: &str, calls: &str, at: u32) -> anyhow::Result<bool> {
    let fault = format!("{calls}:signal=SIGKILL:when={at}");
    let tracer = Tracer::inject::<&str>(bench.phone(place)?.process(), &fault, &[])?;
    let (posted, _) = bench.load(name, &Terms { count: Kind::ALL.len(), ..Terms::default() }).finish()?;
    // What is for all, and can come to no other end.
    let last = posted.iter().rfind(|posted| posted.to == "all" && posted.may_end.is_empty());
    let last = last.map(|posted| posted.id.clone());
    bench.enter(posted);
    let phone = bench.phone(place)?;
    until("the kill", SOON, || {
        let is_through = last.as_ref().is_none_or(|last| phone.all_shown().contains(last));
        (!phone.is_running() || is_through).then_some(())
    })?;
    // What follows the last showing, such as its acknowledgement, may still be where it is killed.
    let killed = until("a kill that comes late", Duration::from_secs(1), || (!phone.is_running()).then_some(()));
    drop(tracer);
    if killed.is_ok() {
        phone.ended(SOON)?;
        phone.start_again()?;
        phone.online()?;
    }
    Ok(killed.is_ok())
}

/// A disk whose power can fail: an image, mounted by a loop device.
#[derive(Debug)]
pub struct Disk {
    image: PathBuf,
    cuts: usize,
    mounted: Option<Mounted>,
    place: PathBuf,
}

impl Disk {
    /// A new one of so many MiB, in a folder.
    ///
    /// # Errors
    /// There is no loop device.
    pub fn new(folder: &Path, mib: u64) -> anyhow::Result<Self> {
        let (image, place) = (folder.join("disk0.img"), folder.join("disk"));
        make_image(&image, mib)?;
        let mounted = Some(Mounted::image(&image, &place)?);
        Ok(Self { image, cuts: 0, mounted, place })
    }

    /// Where it is mounted.
    #[must_use]
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// Cuts the power under load, once so many of the notifications are accepted, and starts the server on what the disk holds. Gives
    /// how many had been accepted.
    ///
    /// # Errors
    /// The server does not come back, or something is refused.
    pub fn fail(&mut self, bench: &mut Bench, name: &str, terms: &Terms, before: usize) -> anyhow::Result<usize> {
        let sending = bench.load(name, terms);
        sending.wait_for(before)?;
        bench.server.signal("STOP")?;
        let accepted = sending.accepted();
        self.cuts += 1;
        let after = self.image.with_file_name(format!("disk{}.img", self.cuts));
        cut_power(&self.image, &after)?;
        bench.server.kill();
        drop(self.mounted.take());
        std::fs::remove_file(&self.image).context("failed to remove the former image")?;
        self.image = after;
        self.mounted = Some(Mounted::image(&self.image, &self.place)?);
        bench.restart()?;
        let (posted, _) = sending.finish()?;
        bench.enter(posted);
        Ok(accepted)
    }
}
