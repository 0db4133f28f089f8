//! The suite that every store passes: one case per behaviour. `longwire_store::conformance!(make)` makes a test of each; `make`
//! is an async function that gives an empty store and whatever must live as long as it.

mod claims;
mod delivery;
mod idempotency;
mod log;
mod membership;
mod power_cut;
mod reading;
mod records;
mod sessions;
mod sweeping;
mod world;

pub use claims::*;
pub use delivery::*;
pub use idempotency::*;
pub use log::*;
pub use membership::*;
pub use power_cut::*;
pub use reading::*;
pub use records::*;
pub use sessions::*;
pub use sweeping::*;

/// Makes a test of every case of the suite on the stores that `$make` gives.
#[macro_export]
macro_rules! conformance {
    ($make:path) => {
        $crate::conformance! { $make:
            positions_are_dense_in_the_order_of_the_writes
            the_last_position_survives_a_sweep_of_everything
            generations_are_entries_in_order
            a_broadcast_to_ten_thousand_devices_is_one_row
            entries_read_back_as_they_were_written
            a_repeated_key_gives_the_first_answer_and_another_body_is_refused
            a_key_is_forgotten_after_a_day
            of_fifty_parallel_requests_with_one_key_one_is_appended
            registering_joins_device_and_all_in_one_entry
            a_second_device_of_the_same_kind_exists
            a_user_change_is_one_entry_and_repeats_change_nothing
            an_interval_ends_at_its_leaving_entry_and_begins_anew
            memberships_are_bounded_at_the_limit
            removing_a_device_leaves_everything_and_keeps_its_deliveries
            a_takeover_moves_the_device_unless_the_account_has_one
            audience_size_counts_a_device_once
            devices_are_listed_by_account_key_and_page
            heads_name_the_newest_entry_and_recall_per_lane
            a_page_holds_one_lane_of_what_the_intervals_hold
            a_recall_is_read_after_leaving
            followers_are_judged_at_their_target
            pages_say_up_to_where_they_are_complete
            successors_have_the_same_lane_audience_and_key
            recalls_are_seen_up_to_the_given_position
            the_newest_update_is_seen_up_to_the_given_position
            a_target_must_be_in_the_log_and_is_recalled_once
            acknowledgements_extend_the_record
            exceptions_read_back_through_deliveries
            deliveries_are_paged_over_those_whose_interval_holds_the_entry
            leaving_is_told_with_its_time
            events_are_kept_once_per_type
            uses_of_actions_are_kept_each_once
            an_event_and_its_dismissal_are_one_write
            contacts_and_attempts_are_kept
            sessions_are_told_from_the_last_before_on
            a_session_whose_end_was_not_written_ends_with_the_next
            sessions_keep_what_they_left_behind
            what_was_open_ends_with_the_life_of_the_server
            sessions_are_bounded_at_the_limit
            sessions_are_swept_but_for_the_last
            accounts_are_added_once_and_listed_by_name
            accounts_of_original_clients_are_apart_and_have_one_device
            claims_replace_claims_alone_each_in_one_entry
            what_an_operator_sets_or_takes_is_no_claim_any_more
            api_keys_are_revoked_once
            an_app_key_admits_accounts_until_it_is_revoked
            user_keys_are_revoked_once
            fast_tokens_are_replaced_and_go_with_the_device
            unknown_devices_are_refused_and_disturb_nobody
            an_unexpired_entry_is_never_swept
            what_supersedes_an_unexpired_entry_is_kept
            a_recall_is_kept_as_long_as_its_target
            sweeping_frees_intervals_and_raises_the_floor
        }
    };
    ($make:path: $($case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let (store, _guard) = $make().await;
                $crate::conformance::$case(store).await;
            }
        )*
    };
}

/// Makes a test of every case about power cuts on the stores that `$make` gives: an async function that gives an empty
/// [`PowerCut`](crate::conformance::PowerCut).
#[macro_export]
macro_rules! power_cut_conformance {
    ($make:path) => {
        $crate::power_cut_conformance! { $make:
            what_was_answered_survives
            a_group_is_there_whole_or_not_at_all
            positions_survive_a_sweep
            a_generation_that_was_answered_holds
            a_lost_acknowledgement_leaves_the_record
            groups_are_lost_from_the_end
        }
    };
    ($make:path: $($case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::conformance::$case($make().await).await;
            }
        )*
    };
}
