//! AUTH-22 for original clients: who is disabled, given another password or removed is out within five seconds, and only who is removed or
//! has another password is told so with a 401, which costs the client its account.

use std::time::Duration;

use anyhow::{Context, ensure};
use longwire_test_support::process::{longwire, printed};
use longwire_test_support::wait::now;
use longwire_test_support::{SOON, Server};
use serde_json::json;

use super::client::{Old, PASSWORD, error_of, field};
use super::{online, world};

const NAME: &str = "2c027d44cf234d1080e9c9353220f757";
const FIVE_SECONDS: Duration = Duration::from_secs(5);

/// The code that a login is answered; none when it succeeds.
fn code(server: &Server, password: &str) -> anyhow::Result<Option<String>> {
    let (mut old, _) = Old::plain(server)?;
    let login = old.login_by_digest(NAME, password, "AndroidpnClient");
    let answer = old.ask(&login)?;
    Ok((answer.attr("type") != Some("result")).then(|| error_of(&answer).0))
}

/// The session ends within five seconds of the command.
fn ends_by(server: &Server, old: &mut Old, command: &[&str]) -> anyhow::Result<String> {
    let began = now();
    let said = printed(&longwire(server.data(), command)?)?;
    old.ends_with("not-authorized")?;
    let took = now().duration_since(began);
    ensure!(took < FIVE_SECONDS, "{command:?}: {took:?}");
    Ok(said)
}

#[test]
fn auth_22_a_disabled_original_client_is_out_and_keeps_its_account() -> anyhow::Result<()> {
    let (world, mut old) = online(NAME)?;
    ends_by(&world.server, &mut old, &["account", "disable", NAME])?;
    assert_eq!(code(&world.server, PASSWORD)?.as_deref(), Some("403"), "a 401 would make it register again");
    assert_eq!(code(&world.server, "wrong")?.as_deref(), Some("401"));
    assert!(printed(&longwire(world.server.data(), &["account", "list", "--json"])?)?.contains("\"disabled\":true"));
    world.notify("all", "waits")?;
    let path = format!("/v1/accounts/{NAME}");
    let enabled = world.api.send("PATCH", &path, &[], json!({ "disabled": false }).to_string().as_bytes())?;
    assert_eq!(enabled.status, 204, "{}", enabled.text());
    let mut old = Old::available(&world.server, NAME)?;
    assert_eq!(field(&old.takes_push()?, "title"), "waits");
    let disabled = world.api.send("PATCH", &path, &[], json!({ "disabled": true }).to_string().as_bytes())?;
    assert_eq!(disabled.status, 204, "{}", disabled.text());
    old.ends_with("not-authorized")
}

#[test]
fn auth_22_another_password_ends_what_an_original_client_made_with_the_former() -> anyhow::Result<()> {
    let (mut world, mut old) = online(NAME)?;
    let made = ends_by(&world.server, &mut old, &["account", "password", NAME])?;
    assert_eq!(code(&world.server, PASSWORD)?.as_deref(), Some("401"));
    assert_eq!(code(&world.server, &made)?, None);
    let given = world.api.post(&format!("/v1/accounts/{NAME}/password"), &json!({ "password": "given-anew" }))?;
    assert_eq!(given.status, 200, "{}", given.text());
    assert_eq!(code(&world.server, "given-anew")?, None);
    // Without a server, too.
    world.server.terminate(SOON)?;
    let again = printed(&longwire(world.server.data(), &["account", "password", NAME])?)?;
    world.server.start_again()?;
    assert_eq!(code(&world.server, "given-anew")?.as_deref(), Some("401"));
    assert_eq!(code(&world.server, &again)?, None);
    ensure!(!world.server.log().contains(&made) && !world.server.log().contains(&again), "a password is in the log");
    Ok(())
}

#[test]
fn auth_22_a_removed_original_client_is_out() -> anyhow::Result<()> {
    let (world, mut old) = online(NAME)?;
    ends_by(&world.server, &mut old, &["account", "remove", NAME])?;
    assert_eq!(code(&world.server, PASSWORD)?.as_deref(), Some("401"));
    Ok(())
}

#[test]
fn an_original_clients_password_is_not_changed_without_its_key() -> anyhow::Result<()> {
    let mut world = world()?;
    drop(Old::registered(&world.server, NAME)?);
    world.server.terminate(SOON)?;
    let key = world.server.data().join("androidpn.key");
    let aside = key.with_extension("aside");
    std::fs::rename(&key, &aside)?;
    let refused = longwire(world.server.data(), &["account", "password", NAME])?;
    assert!(!refused.status.success(), "it would be kept under a key that nobody has");
    // Nothing else needs it.
    printed(&longwire(world.server.data(), &["account", "disable", NAME])?)?;
    printed(&longwire(world.server.data(), &["account", "enable", NAME])?)?;
    ensure!(!key.exists(), "another key was made");
    std::fs::rename(&aside, &key)?;
    world.server.start_again()?;
    assert_eq!(code(&world.server, PASSWORD).context("the login")?, None);
    Ok(())
}
