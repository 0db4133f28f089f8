//! A crowd behind one address: thousands of real phones (`longwire_client::Machine`) that lose their connection at once, and the server's
//! real limits per address (`longwire_worker::caps`), on a virtual clock. Everything else of the server is a script that says yes.
#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a broken world fails its test, and a whole one tells its figures"
)]

mod phone;
mod world;

use longwire_worker::caps::CapLimits;
use world::{Crowd, Figures, World};

fn play(world: &mut World) -> Figures {
    let figures = world.run();
    println!("{figures}");
    figures
}

fn crowd_of_an_attacker(world: &mut World) -> usize {
    world.add(Crowd::new("198.51.100.1", 0).hostile())
}

#[test]
fn three_thousand_phones_behind_one_address_come_back() {
    for seed in 0..5 {
        let mut world = World::new(CapLimits::default(), seed);
        let crowd = world.add(Crowd::new("203.0.113.1", 3_000));
        let figures = play(&mut world);
        let back = &figures.crowds[crowd];
        assert_eq!(back.online, 3_000, "seed {seed}");
        assert!(back.last_ms <= 45_000, "the ideal is 30 s: {back}");
        assert!(back.attempts_max <= 6, "{back}");
        assert!(back.attempts_mean() <= 3.0, "{back}");
        assert!(back.logins_in_a_second_max <= 100, "{back}");
    }
}

#[test]
fn another_address_does_not_wait_for_a_crowd_nor_for_strangers() {
    let mut world = World::new(CapLimits::default(), 7);
    world.add(Crowd::new("203.0.113.1", 3_000));
    crowd_of_an_attacker(&mut world);
    let few = world.add(Crowd::new("192.0.2.1", 50).lost_at(2_000));
    let figures = play(&mut world);
    let back = &figures.crowds[few];
    assert_eq!((back.online, back.told, back.dropped, back.attempts_max), (50, 0, 0, 1), "{back}");
    // A first wait of a second, and four round trips of at most 400 ms.
    assert!(back.last_ms <= 2_600, "{back}");
}

#[test]
fn an_ipv6_network_is_one_crowd() {
    let mut world = World::new(CapLimits::default(), 3);
    let ends = ["2001:db8::1", "2001:db8::2"].map(|address| world.add(Crowd::new(address, 750)));
    let figures = play(&mut world);
    let logins: usize = ends.iter().map(|end| figures.crowds[*end].logins_in_a_second_max).sum();
    let last_ms = ends.iter().map(|end| figures.crowds[*end].last_ms).max().unwrap_or_default();
    assert!(ends.iter().all(|end| figures.crowds[*end].online == 750));
    assert!(logins <= 200 && last_ms >= 14_000, "1,500 logins at 100 a second: {last_ms} ms");
}
