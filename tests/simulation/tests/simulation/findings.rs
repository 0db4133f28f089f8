//! The findings of the model of the log and the cursor, each with its schedule played through the whole system, and each without the
//! rule that it is about: then it fails.

mod login;
mod loss;
mod shown;
mod states;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::mutate::Mutation;

/// A story; everything that is wrong at its end.
type Play = fn(Option<Mutation>) -> Vec<String>;

/// A finding.
struct Finding {
    number: u32,
    name: &'static str,
    play: Play,
    /// What stands for the absence of its rule.
    without: Mutation,
    /// The router's own test of it.
    router: &'static str,
}

macro_rules! findings {
    ($($number:literal $name:ident $play:path, without $mutation:ident, router $router:literal;)*) => {
        const FINDINGS: &[Finding] = &[$(Finding {
            number: $number,
            name: stringify!($name),
            play: $play,
            without: Mutation::$mutation,
            router: $router,
        }),*];
        $(
            #[test]
            fn $name() {
                let wrong = $play(None);
                assert!(wrong.is_empty(), "{}", wrong.join("\n"));
            }
        )*
    };
}

findings! {
    1 finding_01_durable_first loss::durable_first, without AnsweredBeforeSync, router "";
    2 finding_02_counter loss::counter, without CounterFromMax, router "";
    3 finding_03_gen_synced loss::gen_synced, without GenerationIgnored, router "";
    4 finding_04_gen_everywhere loss::gen_everywhere, without GapNotSeen, router "";
    5 finding_05_reject loss::reject, without EveryDeathCounts, router "an_entry_that_three_talking_sessions_did_not_acknowledge_is_rejected";
    6 finding_06_sup_filter loss::sup_filter, without FilterForgotten, router "finding_6_only_a_successor_that_reaches_the_device_supersedes";
    7 finding_07_load_asof loss::load_asof, without ReadTooLate, router "finding_7_what_happened_between_reading_the_record_and_binding_is_applied";
    8 finding_08_lane_pos loss::lane_pos, without LanesMixed, router "finding_8_a_held_background_entry_survives_a_lost_connection";
    9 finding_09_follow_target shown::follow_target, without UpdateIsNew, router "finding_9_an_update_follows_its_targets_audience";
    10 finding_10_upd_known shown::upd_known, without UpdateIsNew, router "";
    11 finding_11_all_interval shown::all_interval, without RegistrationIsNoJoin, router "finding_11_a_device_registered_later_gets_nothing_from_before";
    12 finding_12_members_first shown::members_first, without LeaveForgotten, router "finding_12_a_leave_in_the_same_batch_ends_what_was_not_sent";
    13 finding_13_now_asof shown::now_asof, without NowToWhoIsBehind, router "now_or_never_is_for_live_members_that_have_seen_the_log";
    14 finding_14_sweep_keep shown::sweep_keep, without NothingSupersedes, router "a_newer_entry_with_the_collapse_key_replaces_what_is_pending";
    15 finding_15_no_cursor shown::no_cursor, without RegistrationIsNoJoin, router "";
    16 finding_16_recall_left shown::recall_left, without RecallIgnored, router "finding_16_a_recall_reaches_a_device_that_has_left_live_and_later";
    17 finding_17_strict shown::strict, without LeaveForgotten, router "";
    18 finding_18_eff_is_ack states::eff_is_ack, without GenerationIgnored, router "";
    19 finding_19_rec_with_stored states::rec_with_stored, without NothingRestated, router "finding_19_an_entry_that_the_list_does_not_name_is_not_delivered";
    20 finding_20_first_ack states::first_ack, without NothingRestated, router "finding_20_what_was_stored_but_not_acknowledged_is_known_from_the_list";
    21 finding_21_stored_le_eff states::stored_le_eff, without SeqsOfOldTimeline, router "";
    22 finding_22_keep_seqs states::keep_seqs, without SeqsForgotten, router "";
    23 finding_23_row_chain states::row_chain, without RowOverGap, router "";
    25 finding_25_newest_lane login::newest_lane, without HeadsOfEitherLane, router "finding_25_newest_is_kept_per_lane";
    26 finding_26_cursor_live login::cursor_live, without CursorNotTold, router "finding_26_a_filtered_live_push_is_told_as_cursor_at_the_heartbeat";
    27 finding_27_copy_by_hand login::copy_by_hand, without GenerationIgnored, router "";
    29 finding_29_filtered_is_final login::filtered_is_final, without CursorNotTold, router "";
    30 finding_30_former_users_rows login::former_users_rows, without FormerUsersRows, router "";
}

/// What takes two nodes: a worker here shares its process with the log, and has no announcement of its own to lose but a batch.
const UNPLAYED: &[(u32, &str, &str)] = &[
    (
        24,
        "lag_clamp",
        "one process appends to the log and tells its end, so no end lags; a node that missed a batch is finding_04",
    ),
    (
        28,
        "conflict_between_nodes",
        "a device's older session is on the same node, where `Fault::Conflict` ends it in every world",
    ),
    (31, "generation_above_live_sessions", "a generation begins with a process, which has no sessions yet"),
];

/// What of some takes two nodes too, and is left out of them.
const IN_PART: &[(u32, &str)] = &[
    (4, "the lost announcement is a batch that finds the worker's inbox full; the failover is a restored copy"),
    (13, "the node that is behind is a worker that missed the batch with the leave"),
    (17, "the phone logs in on the node that answered"),
];

#[test]
fn every_finding_fails_without_its_rule() {
    let mut holding = Vec::new();
    for finding in FINDINGS {
        let played = catch_unwind(AssertUnwindSafe(|| (finding.play)(Some(finding.without))));
        let wrong = played.unwrap_or_else(|_| vec!["a panic".to_owned()]);
        let without = format!("{:?}", finding.without);
        println!("{:<30} without {without:<22} {}", finding.name, wrong.first().map_or("holds", String::as_str));
        if wrong.is_empty() {
            holding.push((finding.name, finding.without));
        }
    }
    assert!(holding.is_empty(), "hold without their rule: {holding:?}");
}

/// Every finding is played, or named with the reason; and which test of the router's shard is about it.
#[test]
fn every_finding_is_played_or_named() {
    let mut numbers: Vec<u32> = FINDINGS.iter().map(|finding| finding.number).collect();
    numbers.extend(UNPLAYED.iter().map(|(number, ..)| number));
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=31).collect::<Vec<_>>());
    for finding in FINDINGS {
        println!("{:<30} {}", finding.name, if finding.router.is_empty() { "-" } else { finding.router });
    }
    UNPLAYED.iter().for_each(|(number, name, why)| println!("{number} {name} is not played: {why}"));
    IN_PART.iter().for_each(|(number, what)| println!("{number} is played in part: {what}"));
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/../../server/router/tests/shard/rules.rs");
    let rules = std::fs::read_to_string(rules).expect("the router's tests");
    for finding in FINDINGS.iter().filter(|finding| !finding.router.is_empty()) {
        assert!(rules.contains(&format!("fn {}()", finding.router)), "{} is no test", finding.router);
    }
}
