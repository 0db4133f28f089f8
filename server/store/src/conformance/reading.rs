//! The log as one device reads it, and the heads that save it the reading.

use std::sync::Arc;

use longwire_model::{EntryKind, KeyHead, Lane, LaneSeqs};

use super::world::{APP, Draft, World, entry, is_unchanged, key, refusal, target_of};
use crate::write::{Change, Refusal};
use crate::{LogPage, Store, Written};

fn seqs(page: &LogPage) -> Vec<u64> {
    page.rows.iter().map(|row| row.entry.seq).collect()
}

/// DESIGN rule 11: what a login compares its cursor with.
pub async fn heads_name_the_newest_entry_and_recall_per_lane(store: Arc<dyn Store>) {
    let world = World::new(store);
    let device = world.device().await;
    assert_eq!(world.load(device).await.heads, []);
    world.join(device, "topic:x").await;
    let normal = world.push(&Draft::to(&["topic:x", "topic:other"])).await;
    let background = world.push(&Draft::to(&["topic:x"]).background()).await;
    world.push(&Draft::to(&["topic:other"])).await;
    let head = async || {
        let loaded = world.load(device).await;
        assert_eq!(loaded.as_of, world.last().await);
        let heads = loaded.heads;
        heads.into_iter().find(|(own, _)| *own == key("topic:x")).map(|(_, head)| head).expect("a head")
    };
    let newest = LaneSeqs { normal: normal.seq, background: background.seq };
    assert_eq!(head().await, KeyHead { newest, newest_recall: LaneSeqs::default() });
    world.change(device, Change::Leave(key("topic:x"))).await;
    let recall = world.recall(&background, &Draft::to(&["topic:x"]).background()).await;
    let newest = LaneSeqs { normal: normal.seq, background: recall.seq };
    let newest_recall = LaneSeqs { normal: 0, background: recall.seq };
    assert_eq!(head().await, KeyHead { newest, newest_recall });
}

/// Nothing of the other lane, of other keys, of before the join or of after the leave.
pub async fn a_page_holds_one_lane_of_what_the_intervals_hold(store: Arc<dyn Store>) {
    let world = World::new(store);
    let early = world.push(&Draft::to(&["all", "topic:x"])).await.seq;
    let device = world.device().await;
    let to_x = Draft::to(&["topic:x"]);
    world.push(&to_x).await;
    world.join(device, "topic:x").await;
    let held = world.push(&to_x).await.seq;
    let both = world.push(&Draft::to(&["topic:x", "all"])).await.seq;
    let background = world.push(&to_x.clone().background()).await.seq;
    world.push(&Draft::to(&["topic:y"])).await;
    world.change(device, Change::Leave(key("topic:x"))).await;
    world.push(&to_x).await;
    world.join(device, "topic:x").await;
    let again = world.push(&to_x).await.seq;
    assert_eq!(world.waiting(device, Lane::Normal).await, [held, both, again]);
    assert_eq!(world.waiting(device, Lane::Background).await, [background]);
    assert!(early < held);
}

/// FINDINGS 16: the recall concerns who got the notification, although the interval has ended since.
pub async fn a_recall_is_read_after_leaving(store: Arc<dyn Store>) {
    let world = World::new(store);
    let device = world.device().await;
    world.bind(device, Some("user:alice")).await;
    let draft = Draft::to(&["user:alice"]);
    let sent = world.push(&draft).await;
    world.bind(device, Some("user:bob")).await;
    let recall = world.recall(&sent, &draft).await;
    let later = world.push(&draft).await;
    let recall_of_later = world.recall(&later, &draft).await;
    let page = world.page(device, Lane::Normal, sent.seq, world.last().await, 10).await;
    assert_eq!(seqs(&page), [recall.seq]);
    assert!(recall.seq < recall_of_later.seq);
}

/// FINDINGS 9: a device that joined after the target is given nothing that follows it.
pub async fn followers_are_judged_at_their_target(store: Arc<dyn Store>) {
    let world = World::new(store);
    let (old, new) = (world.device().await, world.device().await);
    world.join(old, "topic:x").await;
    let draft = Draft::to(&["topic:x"]);
    let sent = world.push(&draft).await;
    world.join(new, "topic:x").await;
    let update = world.append(EntryKind::Update(target_of(&sent), draft.content()));
    let update = entry(world.one(update).await);
    let dismissal = world.append(EntryKind::Dismissal(target_of(&sent), draft.routing()));
    let dismissal = entry(world.one(dismissal).await);
    assert_eq!(world.waiting(old, Lane::Normal).await, [sent.seq, update.seq, dismissal.seq]);
    assert_eq!(world.waiting(new, Lane::Normal).await, []);
}

/// `complete_to` is the last row's position while there is more, else `upto`.
pub async fn pages_say_up_to_where_they_are_complete(store: Arc<dyn Store>) {
    let world = World::new(store);
    let device = world.device().await;
    world.join(device, "tag:t").await;
    let keys = [&["all"][..], &["tag:t"], &["all", "tag:t"]];
    let mut sent = Vec::new();
    for n in 0..9 {
        let keys = keys.get(n % 3).expect("one of three");
        sent.push(world.push(&Draft::to(keys)).await.seq);
        world.push(&Draft::to(&["user:nobody"])).await;
    }
    let upto = world.last().await;
    let mut after = 0;
    let mut read = Vec::new();
    while after < upto {
        let page = world.page(device, Lane::Normal, after, upto, 4).await;
        assert!(page.rows.len() <= 4 && page.complete_to > after);
        let last = page.rows.last().map(|row| row.entry.seq);
        assert!(page.complete_to == upto || Some(page.complete_to) == last, "{}", page.complete_to);
        read.extend(seqs(&page));
        after = page.complete_to;
    }
    assert_eq!(read, sent);
    let exact = world.page(device, Lane::Normal, 0, upto, 9).await;
    assert_eq!((exact.rows.len(), exact.complete_to), (9, upto));
    let part = world.page(device, Lane::Normal, 0, 6, 9).await;
    assert_eq!((seqs(&part).last().copied(), part.complete_to), (Some(5), 6));
    let none = world.page(device, Lane::Background, 0, upto, 9).await;
    assert_eq!((none.rows.len(), none.complete_to), (0, upto));
    let empty = world.page(device, Lane::Normal, upto, upto, 9).await;
    assert_eq!((empty.rows.len(), empty.complete_to), (0, upto));
}

/// DESIGN rule 4; the audience as given, so the same keys in another order are another audience.
pub async fn successors_have_the_same_lane_audience_and_key(store: Arc<dyn Store>) {
    let world = World::new(store);
    let device = world.device().await;
    let draft = Draft::to(&["all", "tag:t"]).collapse("k");
    let first = world.push(&draft).await;
    world.push(&draft.clone().background()).await;
    world.push(&Draft::to(&["tag:t", "all"]).collapse("k")).await;
    world.push(&Draft::to(&["all", "tag:t"]).collapse("other")).await;
    world.push(&Draft::to(&["all", "tag:t"])).await;
    let filtered = world.push(&draft.clone().filter("tag:t")).await;
    let update = world.append(EntryKind::Update(target_of(&first), draft.content()));
    entry(world.one(update).await);
    let plain = world.push(&draft).await;
    let beyond = world.push(&draft).await;
    let successors = async |upto| {
        let page = world.page(device, Lane::Normal, first.seq - 1, upto, 1).await;
        let row = page.rows.first().expect("a row");
        row.successors.iter().map(|newer| (newer.seq, newer.filter.is_some())).collect::<Vec<_>>()
    };
    assert_eq!(successors(filtered.seq - 1).await, []);
    assert_eq!(successors(filtered.seq).await, [(filtered.seq, true)]);
    assert_eq!(successors(beyond.seq).await, [(filtered.seq, true), (plain.seq, false)]);
    let stored = world.store.entry(APP, first.id).await.expect("an answer").expect("an entry");
    let seqs: Vec<_> = stored.successors.iter().map(|newer| (newer.seq, newer.at)).collect();
    assert_eq!(seqs, [(filtered.seq, filtered.created_at), (plain.seq, plain.created_at)]);
}

/// Of a notification and of its updates.
pub async fn recalls_are_seen_up_to_the_given_position(store: Arc<dyn Store>) {
    let world = World::new(store);
    let device = world.device().await;
    let draft = Draft::to(&["all"]);
    let sent = world.push(&draft).await;
    let update = world.append(EntryKind::Update(target_of(&sent), draft.content()));
    entry(world.one(update).await);
    let recall = world.recall(&sent, &draft).await;
    let recalled = async |upto| {
        let page = world.page(device, Lane::Normal, 0, upto, 9).await;
        page.rows.iter().map(|row| row.recalled).collect::<Vec<_>>()
    };
    assert_eq!(recalled(recall.seq - 1).await, [None, None]);
    assert_eq!(recalled(recall.seq).await, [Some(recall.seq), Some(recall.seq), None]);
    let stored = world.store.entry(APP, sent.id).await.expect("an answer").expect("an entry");
    assert_eq!(stored.recalled, Some((recall.seq, recall.created_at)));
}

/// Of a notification and of its older updates; a recalled notification has no new content.
pub async fn the_newest_update_is_seen_up_to_the_given_position(store: Arc<dyn Store>) {
    let world = World::new(store);
    let device = world.device().await;
    let draft = Draft::to(&["all"]);
    let (sent, other) = (world.push(&draft).await, world.push(&draft).await);
    let update = async |target| entry(world.one(world.append(EntryKind::Update(target, draft.content()))).await);
    let first = update(target_of(&sent)).await;
    let of_other = update(target_of(&other)).await;
    let second = update(target_of(&sent)).await;
    let updates = async |upto| {
        let page = world.page(device, Lane::Normal, 0, upto, 9).await;
        page.rows.iter().map(|row| row.update.as_ref().map(|update| update.seq)).collect::<Vec<_>>()
    };
    assert_eq!(updates(other.seq).await, [None, None]);
    assert_eq!(updates(first.seq).await, [Some(first.seq), None, None]);
    let all = [Some(second.seq), Some(of_other.seq), Some(second.seq), None, None];
    assert_eq!(updates(second.seq).await, all);
    let stored = world.store.entry(APP, sent.id).await.expect("an answer").expect("an entry");
    assert_eq!(stored.update, Some(second));
    world.recall(&sent, &draft).await;
    let late = world.append(EntryKind::Update(target_of(&sent), draft.content()));
    assert!(is_unchanged(&world.one(late).await));
}

/// Also within one group; the position of a target is the log's, whatever the writer thought.
pub async fn a_target_must_be_in_the_log_and_is_recalled_once(store: Arc<dyn Store>) {
    let world = World::new(store);
    let draft = Draft::to(&["all"]);
    let sent = world.push(&draft).await;
    let mut wrong = target_of(&sent);
    wrong.seq = 99;
    let mut unknown = wrong;
    unknown.id = world.entry_id();
    let answers = world
        .commit(vec![
            world.append(EntryKind::Recall(unknown, draft.routing())),
            world.append(EntryKind::Recall(wrong, draft.routing())),
            world.append(EntryKind::Recall(wrong, draft.routing())),
            world.append(EntryKind::Update(unknown, draft.content())),
        ])
        .await;
    assert_eq!(answers.first().and_then(refusal), Some(Refusal::UnknownTarget));
    let Some(Written::Appended(recall)) = answers.get(1) else { unreachable!("{answers:?}") };
    assert_eq!((recall.seq, recall.audience_seq()), (2, 1));
    assert!(answers.get(2).is_some_and(is_unchanged), "{answers:?}");
    assert_eq!(answers.get(3).and_then(refusal), Some(Refusal::UnknownTarget));
    let of_recall = world.append(EntryKind::Recall(target_of(recall), draft.routing()));
    assert_eq!(refusal(&world.one(of_recall).await), Some(Refusal::UnknownTarget));
}
