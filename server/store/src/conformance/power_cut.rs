//! What a power cut may take from a store: nothing that was answered, and of a group under way all or nothing (DESIGN §7).

use std::sync::Arc;

use async_trait::async_trait;
use longwire_model::account::{FastToken, FastTokens};
use longwire_model::{AppId, DeviceId, EntryId, GenerationId, Lane, LaneSeqs, Seq};

use super::world::{APP, Draft, World, acknowledgement, at, entry, is_done, key, refusal, seqs_of};
use crate::write::{Change, Refusal};
use crate::{Store, Write, Written};

/// How much of what was written since the last answer reached the disk, in thousandths; all but the last are a cut within it.
const KEPT: [u32; 7] = [0, 1, 250, 500, 800, 999, WHOLE];
/// All of it reached the disk.
pub const WHOLE: u32 = 1_000;

/// A store whose power can be cut.
#[async_trait]
pub trait PowerCut: Send {
    /// The store, as it is since the last cut.
    fn store(&self) -> Arc<dyn Store>;

    /// Whatever was committed so far was answered, and is on disk from here on.
    async fn answered(&mut self);

    /// Cuts the power when `kept` thousandths of what was written since the last [`answered`](Self::answered) have reached the disk, and
    /// opens the store again. A store may lose more than that, never what was answered.
    async fn cut(&mut self, kept: u32);
}

/// A store under test with short ways to write to it; ids go on over cuts.
struct Bench<P> {
    power: P,
    world: World,
}

impl<P: PowerCut> Bench<P> {
    fn new(power: P) -> Self {
        let world = World::new(power.store());
        Self { power, world }
    }

    async fn answered(&mut self) {
        self.power.answered().await;
    }

    async fn cut(&mut self, kept: u32) {
        self.power.cut(kept).await;
        self.world.store = self.power.store();
    }
}

/// FINDINGS 1: whatever was answered reads back as it was written, and its position is not given out again.
pub async fn what_was_answered_survives(power: impl PowerCut) {
    let mut bench = Bench::new(power);
    let device = bench.world.device().await;
    bench.world.bind(device, Some("user:alice")).await;
    let token = FastToken { issue: 1, expires_at: at(9_000) };
    let tokens = FastTokens { mechanism: "HT-SHA-256-EXPR".to_owned(), current: Some(token), newest: None };
    let group = vec![
        bench.world.request("order-1", 1, 10),
        Write::FastTokens { device, tokens: Some(tokens.clone()) },
        Write::Acknowledge { device, row: acknowledgement(Lane::Normal, 1, 2, Vec::new()) },
        bench.world.request("order-1", 1, 11),
    ];
    let answers = bench.world.commit(group).await;
    assert!(matches!(answers.last(), Some(Written::Repeated { .. })), "{answers:?}");
    let entry = entry(answers.into_iter().next().expect("four answers"));
    bench.answered().await;
    let loaded = bench.world.load(device).await;
    for kept in KEPT {
        bench.world.push(&Draft::to(&["user:alice"])).await;
        bench.cut(kept).await;
        let stored = bench.world.store.entry(APP, entry.id).await.expect("an answer").expect("it was answered");
        assert_eq!(stored.entry, entry);
        assert_eq!(bench.world.load(device).await.device, loaded.device);
        assert_eq!(bench.world.store.fast_tokens(device).await.expect("an answer"), Some(tokens.clone()));
        let again = bench.world.one(bench.world.request("order-1", 1, 12)).await;
        assert!(matches!(again, Written::Repeated { status: 202, .. }), "{again:?}");
        let next = bench.world.push(&Draft::to(&["all"])).await;
        assert!(next.seq > entry.seq, "{} after {}", next.seq, entry.seq);
        bench.answered().await;
    }
}

/// A group is one transaction: after a cut within it none of it is there, after a cut behind it all of it.
pub async fn a_group_is_there_whole_or_not_at_all(power: impl PowerCut) {
    let mut bench = Bench::new(power);
    let device = bench.world.device().await;
    let mut outcomes = Vec::new();
    for (round, kept) in KEPT.into_iter().enumerate() {
        bench.answered().await;
        let last = bench.world.last().await;
        let new = bench.world.new_device(&format!("round-{round}"), "agent");
        let (newcomer, topic) = (new.id, format!("topic:round-{round}"));
        let mut group = vec![Write::Register(new), bench.world.changing(device, Change::Join(key(&topic)))];
        group.extend((0..40).map(|_| bench.world.notification(&Draft::to(&[topic.as_str()]))));
        let written = bench.world.commit(group).await;
        let seqs = seqs_of(&written);
        assert_eq!(seqs, (last + 1..=last + 42).collect::<Vec<_>>());
        bench.cut(kept).await;
        let is_there = bench.world.store.device(newcomer).await.expect("an answer").is_some();
        let found = [
            bench.world.last().await == last + 42,
            bench.world.load(device).await.device.memberships.iter().any(|own| own.key == key(&topic)),
            bench.world.waiting(device, Lane::Normal).await.iter().any(|seq| *seq > last),
        ];
        assert_eq!(found, [is_there; 3], "kept {kept}");
        assert!(is_there || bench.world.last().await == last, "kept {kept}");
        outcomes.push(is_there);
    }
    assert_eq!(outcomes.first(), Some(&false), "a cut before anything was written leaves nothing of it");
    assert_eq!(outcomes.last(), Some(&true), "a cut after everything was written leaves all of it");
}

/// FINDINGS 2: the last position is not what the newest retained entry says.
pub async fn positions_survive_a_sweep(power: impl PowerCut) {
    let mut bench = Bench::new(power);
    for kept in KEPT {
        let gone = bench.world.push(&Draft::to(&["all"]).until(100)).await;
        bench.world.store.sweep(APP, at(200), 100).await.expect("a sweep");
        bench.answered().await;
        bench.cut(kept).await;
        assert!(bench.world.store.entry(APP, gone.id).await.expect("an answer").is_none());
        assert_eq!(bench.world.push(&Draft::to(&["all"])).await.seq, gone.seq + 1);
    }
}

/// FINDINGS 3: what follows a generation that was answered is of that generation; one that was not leaves no trace.
pub async fn a_generation_that_was_answered_holds(power: impl PowerCut) {
    let mut bench = Bench::new(power);
    let mut number = 0;
    let mut begin = async |world: &World| {
        number += 1;
        let id = GenerationId(number);
        let write = Write::Generation { app: APP, id, entry: world.entry_id(), at: at(10) };
        (id, entry(world.one(write).await).seq)
    };
    for kept in KEPT {
        let (answered, since) = begin(&bench.world).await;
        bench.answered().await;
        let (other, later) = begin(&bench.world).await;
        bench.cut(kept).await;
        let head = bench.world.store.head(APP).await.expect("the head");
        let newest = head.generations.last().map(|generation| (generation.id, generation.seq));
        let is_kept = head.last == later;
        assert_eq!(newest, Some(if is_kept { (other, later) } else { (answered, since) }), "kept {kept}");
        assert!(is_kept || head.last == since);
    }
}

/// FINDINGS 23: a row that was lost is not jumped over by the next one.
pub async fn a_lost_acknowledgement_leaves_the_record(power: impl PowerCut) {
    let mut bench = Bench::new(power);
    let device: DeviceId = bench.world.device().await;
    bench.world.commit((0..20).map(|_| bench.world.notification(&Draft::to(&["all"]))).collect()).await;
    let row =
        |from: Seq, to: Seq| Write::Acknowledge { device, row: acknowledgement(Lane::Normal, from, to, Vec::new()) };
    let mut recorded = 1;
    for kept in KEPT {
        bench.answered().await;
        assert!(is_done(&bench.world.one(row(recorded, recorded + 1)).await));
        bench.cut(kept).await;
        let next = bench.world.one(row(recorded + 1, recorded + 2)).await;
        if is_done(&next) {
            recorded += 2;
        } else {
            assert_eq!(refusal(&next), Some(Refusal::Stale), "kept {kept}");
        }
        let expected = LaneSeqs { normal: recorded, background: 1 };
        assert_eq!(bench.world.load(device).await.device.recorded, expected);
    }
    assert!(recorded > 1, "of what was written whole at least one row was there");
}

/// Of several groups that nobody was told of, the first ones are there, and no later one without an earlier.
pub async fn groups_are_lost_from_the_end(power: impl PowerCut) {
    let mut bench = Bench::new(power);
    for kept in KEPT {
        let before = bench.world.push(&Draft::to(&["all"])).await;
        bench.answered().await;
        let mut groups: Vec<Vec<EntryId>> = Vec::new();
        for size in [1, 7, 30, 3] {
            let drafts = (0..size).map(|_| bench.world.notification(&Draft::to(&["all"]))).collect();
            let written = bench.world.commit(drafts).await;
            groups.push(written.into_iter().map(|written| entry(written).id).collect());
        }
        bench.cut(kept).await;
        let mut there = 0;
        let mut is_ended = false;
        for group in &groups {
            let mut found = 0;
            for id in group {
                found += usize::from(bench.world.store.entry(AppId::DEFAULT, *id).await.expect("an answer").is_some());
            }
            assert!(found == 0 || found == group.len(), "kept {kept}: {found} of {}", group.len());
            assert!(found == 0 || !is_ended, "kept {kept}: a later group without an earlier one");
            is_ended |= found == 0;
            there += u64::try_from(found).expect("a few");
        }
        assert_eq!(bench.world.last().await, before.seq + there, "kept {kept}");
    }
}
