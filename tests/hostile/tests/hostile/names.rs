//! AUTH-18: one name is one account, however it is written.

use crate::beside::beside;
use crate::session::{Session, auth, authenticate, opened, register};
use crate::world::{ATTACKER, World};

const PASSWORD: &str = "the password of admin";

/// Other spellings of `admin`.
const SPELLINGS: &[&str] = &[
    "ADMIN",
    "\u{ff21}dmin",
    "\u{ff41}\u{ff44}\u{ff4d}\u{ff49}\u{ff4e}",
    "admin\u{200b}",
    "ad\u{ad}min",
    "\u{1d41a}dmin",
];

#[test]
fn auth_18_another_spelling_of_a_name_is_no_other_account() -> anyhow::Result<()> {
    let world = World::new()?;
    beside("auth_18", &world, 30, || {
        drop(Session::registered(world.ready(), ATTACKER, "admin", PASSWORD)?);
        let mut refused = vec!["ad@min".to_owned(), "ad/min".to_owned(), "ad min".to_owned(), "x".repeat(1_024)];
        refused
            .extend(["", " ", "a\u{202e}dmin", "admin\u{a0}", "&quot;admin&quot;", "admin&apos;"].map(str::to_owned));
        for name in SPELLINGS.iter().map(|name| (*name).to_owned()).chain(refused) {
            let mut wire = opened(world.ready(), ATTACKER)?;
            let answer = register(&mut wire, &name, "the password of another")?;
            assert!(answer.contains("error"), "{name:?} was registered beside admin: {answer}");
        }
        for spelling in SPELLINGS {
            let mut wire = opened(world.ready(), ATTACKER)?;
            authenticate(&mut wire, spelling, PASSWORD)?;
            drop(Session::bound(wire, "admin", "desk")?);
        }
        // What PLAIN cannot say, and names that are none.
        for name in ["admin\0x", "admin@localhost", "admin/desk", "", "\u{202e}admin"] {
            let mut wire = opened(world.ready(), ATTACKER)?;
            wire.send(&auth(name, PASSWORD))?;
            let answer = wire.expect("</failure>")?;
            assert!(answer.contains("<not-authorized") || answer.contains("<malformed-request"), "{name:?}: {answer}");
        }
        let accounts = world.items("/v1/accounts")?;
        let mut names: Vec<_> = accounts.iter().filter_map(|account| account.get("name")?.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["admin", "honest"]);
        Ok(())
    })
}
