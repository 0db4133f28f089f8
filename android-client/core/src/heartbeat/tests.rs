//! One session's heartbeat by hand; then days of them behind a NAT.

mod nat;

use super::*;

const OPEN: Bounds = Bounds { min_ms: None, max_ms: Some(600_000) };

fn started(interval: impl Interval + 'static) -> Heartbeat {
    let mut heartbeat = Heartbeat::new(Box::new(interval));
    heartbeat.promise();
    heartbeat.start(0, OPEN);
    heartbeat
}

fn fixed() -> Heartbeat {
    started(Fixed { interval_ms: 240_000 })
}

fn adaptive() -> Heartbeat {
    started(Adaptive::default())
}

/// The connection is back after a login at once.
fn back(heartbeat: &mut Heartbeat, now_ms: u64) {
    heartbeat.promise();
    heartbeat.confirm(now_ms);
    heartbeat.start(now_ms, OPEN);
}

#[test]
fn anything_received_counts_as_a_heartbeat() {
    let mut heartbeat = fixed();
    heartbeat.received(b"<message/>", 100_000);
    assert_eq!(heartbeat.handle_timeout(240_000), Beat::Nothing);
    assert_eq!(heartbeat.due_ms(), 340_000);
    assert_eq!(heartbeat.handle_timeout(340_000), Beat::Send);
}

#[test]
fn the_server_hears_of_us_before_its_patience_ends() {
    let mut heartbeat = fixed();
    for at in (0..480_000).step_by(60_000) {
        heartbeat.received(b"<message/>", at);
    }
    assert_eq!(heartbeat.due_ms(), 480_000, "received all the time, but nothing was sent");
    assert_eq!(heartbeat.handle_timeout(480_000), Beat::Send);
}

#[test]
fn what_is_sent_does_not_put_off_the_proof_that_the_server_lives() {
    let mut heartbeat = fixed();
    for at in (0..480_000).step_by(60_000) {
        heartbeat.sent(at);
    }
    assert_eq!(heartbeat.due_ms(), 480_000, "sent all the time, but nothing was received");
}

#[test]
fn an_unanswered_heartbeat_is_a_lost_connection() {
    let mut heartbeat = fixed();
    assert_eq!(heartbeat.handle_timeout(240_000), Beat::Send);
    assert_eq!(heartbeat.handle_timeout(240_000 + ANSWER_MS_MAX - 1), Beat::Nothing);
    assert_eq!(heartbeat.handle_timeout(240_000 + ANSWER_MS_MAX), Beat::Lost);
}

#[test]
fn an_answered_heartbeat_starts_the_next_quiet_period() {
    let mut heartbeat = fixed();
    assert_eq!(heartbeat.handle_timeout(240_000), Beat::Send);
    heartbeat.received(b" ", 240_100);
    assert_eq!(heartbeat.due_ms(), 480_100);
}

#[test]
fn a_probe_has_a_short_patience_and_teaches_nothing() {
    let mut heartbeat = adaptive();
    heartbeat.take_learned();
    assert_eq!(heartbeat.probe(240_000), Beat::Send);
    heartbeat.received(b" ", 240_050);
    assert_eq!(heartbeat.take_learned(), None);
    assert_eq!(heartbeat.probe(480_050), Beat::Send);
    assert_eq!(heartbeat.handle_timeout(480_050 + PROBE_ANSWER_MS), Beat::Lost);
    assert_eq!((heartbeat.interval_ms(), heartbeat.take_learned()), (240_000, None));
}

#[test]
fn f14_a_jump_past_the_servers_patience_is_one_lost_connection_and_no_burst() {
    let mut heartbeat = adaptive();
    assert_eq!(heartbeat.handle_timeout(10 * 240_000), Beat::Lost);
    assert_eq!(heartbeat.interval_ms(), 240_000, "and no word about the interval");
}

#[test]
fn the_servers_bounds_are_respected() {
    let mut heartbeat = fixed();
    heartbeat.start(0, Bounds { min_ms: None, max_ms: Some(60_000) });
    assert_eq!((heartbeat.interval_ms(), heartbeat.due_ms()), (60_000, 60_000));
    assert_eq!(heartbeat.promise_anew(), None, "the server clamps what it was promised too");
    heartbeat.start(0, Bounds { min_ms: Some(300_000), max_ms: Some(600_000) });
    assert_eq!((heartbeat.interval_ms(), heartbeat.promise_anew()), (300_000, None));
}

#[test]
fn a_longer_interval_is_promised_when_it_begins() {
    let mut heartbeat = adaptive();
    assert_eq!(heartbeat.handle_timeout(240_000), Beat::Send);
    assert_eq!(heartbeat.promise_anew(), None);
    heartbeat.received(b" ", 240_100);
    assert_eq!(heartbeat.promise_anew(), Some(300_000), "at once, before the longer silence");
    heartbeat.sent(240_100);
    assert_eq!(heartbeat.promise_anew(), None);
    assert_eq!(heartbeat.due_ms(), 540_100);
}

#[test]
fn only_the_answer_alone_proves_a_quiet_period() {
    let mut heartbeat = adaptive();
    assert_eq!(heartbeat.handle_timeout(240_000), Beat::Send);
    // It had come while the phone slept; the heartbeat only woke it up.
    heartbeat.received(b"<message/> ", 240_100);
    assert_eq!((heartbeat.interval_ms(), heartbeat.due_ms()), (240_000, 480_100));
}

#[test]
fn a_period_in_which_something_was_sent_is_no_quiet_one() {
    let mut heartbeat = adaptive();
    heartbeat.sent(100_000);
    assert_eq!(heartbeat.due_ms(), 340_000);
    for at in [340_000, 430_000] {
        heartbeat.sent(at);
    }
    assert_eq!(heartbeat.handle_timeout(480_000), Beat::Send, "to hear of the server at last");
    heartbeat.received(b" ", 480_100);
    assert_eq!(heartbeat.interval_ms(), 240_000);
    heartbeat.sent(700_000);
    heartbeat.sent(930_000);
    assert_eq!(heartbeat.handle_timeout(960_200), Beat::Send);
    assert_eq!(heartbeat.handle_timeout(990_200), Beat::Lost);
    assert_eq!(heartbeat.interval_ms(), 240_000, "what is lost behind fresh traffic is not lost to silence");
}

#[test]
fn a_late_alarm_is_no_silent_drop() {
    let mut heartbeat = adaptive();
    assert_eq!(heartbeat.handle_timeout(480_000), Beat::Send, "four minutes late");
    assert_eq!(heartbeat.handle_timeout(510_000), Beat::Lost);
    assert_eq!(heartbeat.interval_ms(), 240_000);
    back(&mut heartbeat, 511_000);
    assert_eq!(heartbeat.handle_timeout(511_000 + 480_000), Beat::Send);
    heartbeat.closed(991_050);
    assert_eq!(heartbeat.interval_ms(), 240_000, "nor is the reset upon it");
}

#[test]
fn a_late_alarm_whose_heartbeat_is_answered_is_a_survival_of_that_long_silence() {
    let mut heartbeat = adaptive();
    assert_eq!(heartbeat.handle_timeout(480_000), Beat::Send);
    heartbeat.received(b" ", 480_100);
    let learned = heartbeat.take_learned().expect("something was learned");
    assert_eq!((learned.interval_ms, learned.survived_ms), (300_000, 480_000), "and still one step");
}

#[test]
fn an_answer_that_the_phone_slept_over_is_asked_for_again() {
    let mut heartbeat = adaptive();
    assert_eq!(heartbeat.handle_timeout(240_000), Beat::Send);
    assert_eq!(heartbeat.handle_timeout(600_000), Beat::Send, "nobody was awake to read the answer");
    assert_eq!(heartbeat.handle_timeout(600_000 + PROBE_ANSWER_MS), Beat::Lost);
    assert_eq!(heartbeat.interval_ms(), 240_000);
}

#[test]
fn a_reset_upon_a_heartbeat_is_a_silent_drop_and_one_without_is_not() {
    let mut heartbeat = adaptive();
    heartbeat.closed(100_000);
    assert_eq!(heartbeat.interval_ms(), 240_000);
    assert_eq!(heartbeat.handle_timeout(240_000), Beat::Send);
    heartbeat.closed(240_050);
    assert_eq!(heartbeat.interval_ms(), 120_000);
}

#[test]
fn a_drop_is_believed_when_the_next_login_comes_about_at_once() {
    for (after_ms, interval_ms) in [(BACK_MS_MAX, 120_000), (BACK_MS_MAX + 1, 240_000)] {
        let mut heartbeat = adaptive();
        assert_eq!(heartbeat.handle_timeout(240_000), Beat::Send);
        assert_eq!(heartbeat.handle_timeout(270_000), Beat::Lost);
        assert_eq!(heartbeat.promise(), 120_000, "the next login promises less already");
        back(&mut heartbeat, 270_000 + after_ms);
        assert_eq!(heartbeat.interval_ms(), interval_ms, "back after {after_ms} ms");
        assert_eq!(heartbeat.promise_anew().is_some(), interval_ms == 240_000, "the server is told");
        heartbeat.absolve();
        assert_eq!(heartbeat.interval_ms(), interval_ms, "for good");
    }
}

#[test]
fn a_network_that_only_speaks_up_is_learned_on() {
    let mut heartbeat = adaptive();
    heartbeat.enter(NetworkId::UNNAMED);
    assert_eq!(heartbeat.probe(10_000), Beat::Send);
    heartbeat.received(b" ", 10_050);
    assert_eq!(heartbeat.handle_timeout(250_050), Beat::Send);
    heartbeat.received(b" ", 250_100);
    assert_eq!(heartbeat.interval_ms(), 300_000);
}

#[test]
fn a_session_that_survives_a_change_of_network_teaches_nothing_of_either() {
    let mut heartbeat = adaptive();
    heartbeat.enter(NetworkId(7));
    heartbeat.take_learned();
    assert_eq!(heartbeat.probe(10_000), Beat::Send);
    heartbeat.received(b" ", 10_050);
    assert_eq!(heartbeat.handle_timeout(250_050), Beat::Send);
    heartbeat.received(b" ", 250_100);
    assert_eq!((heartbeat.interval_ms(), heartbeat.take_learned()), (240_000, None));
    assert_eq!(heartbeat.handle_timeout(490_100), Beat::Send);
    assert_eq!(heartbeat.handle_timeout(520_100), Beat::Lost);
    assert_eq!(heartbeat.interval_ms(), 240_000);
}
