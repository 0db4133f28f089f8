//! A phone that is told a domain finds its server: SRV records, dead targets, a DNS that fails, and no records at all.

use std::net::TcpListener;

use longwire_test_support::dns::Says;
use longwire_test_support::{Dns, Phones, SOON, until};

use crate::world::{World, id_of};

const DOMAIN: &str = "push.test";
const DIRECT: &str = "_xmpps-client._tcp.push.test";
const STARTTLS: &str = "_xmpp-client._tcp.push.test";

fn world() -> anyhow::Result<(World, Dns)> {
    Ok((World::with(&["--domain", DOMAIN])?, Dns::start()?))
}

fn port(address: &str) -> anyhow::Result<u16> {
    Ok(address.parse::<std::net::SocketAddr>()?.port())
}

/// A port where nobody listens.
fn dead_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn records(of: &[(u16, u16)]) -> Says {
    let record = |(priority, port): &(u16, u16)| (*priority, *port, format!("host-{priority}.push.test"));
    Says::Records(of.iter().map(record).collect())
}

fn is_online(phone: &Phones) -> anyhow::Result<()> {
    phone.state_after(0, "online", SOON).map(drop)
}

/// How often the phones waited for another attempt.
fn waits(phone: &Phones) -> usize {
    let lines = phone.lines();
    lines.iter().filter(|line| line.get("state").and_then(|state| state.as_str()) == Some("waiting")).count()
}

#[test]
fn a_dead_target_is_passed_over_at_once_and_the_certificate_is_for_the_domain() -> anyhow::Result<()> {
    let (world, dns) = world()?;
    dns.say(DIRECT, records(&[(1, dead_port()?), (9, port(&world.server.ready.c2s_tls)?)]));
    dns.say(STARTTLS, records(&[(5, dead_port()?)]));
    let phone = world.phone_options("phone").found_by(DOMAIN, &dns).start()?;
    is_online(&phone)?;
    assert_eq!(waits(&phone), 0, "{:?}", phone.lines());
    let id = id_of(&world.notify(format!("device:{}", phone.id()?), "Found")?);
    phone.shown(&id)?;
    Ok(())
}

#[test]
fn starttls_is_found_where_direct_tls_is_not_offered() -> anyhow::Result<()> {
    let (world, dns) = world()?;
    dns.say(DIRECT, Says::Records(vec![(0, 0, ".".to_owned())]));
    dns.say(STARTTLS, records(&[(1, port(&world.server.ready.c2s)?)]));
    let phone = world.phone_options("phone").found_by(DOMAIN, &dns).start()?;
    is_online(&phone)?;
    assert_eq!(waits(&phone), 0, "{:?}", phone.lines());
    Ok(())
}

#[test]
fn noise_and_answers_too_long_for_a_datagram_lose_nothing() -> anyhow::Result<()> {
    let (world, dns) = world()?;
    dns.say(DIRECT, records(&[(1, port(&world.server.ready.c2s_tls)?)]));
    dns.be_noisy();
    dns.cut_answers();
    let phone = world.phone_options("phone").found_by(DOMAIN, &dns).start()?;
    is_online(&phone)?;
    assert_eq!((waits(&phone), dns.asked(DIRECT)), (0, 2), "once by UDP, once by TCP");
    Ok(())
}

#[test]
fn a_server_that_is_named_comes_last_whatever_the_dns_says() -> anyhow::Result<()> {
    let (world, dns) = world()?;
    let named = world.server.ready.c2s_tls.clone();
    let root = || Says::Records(vec![(0, 0, ".".to_owned())]);
    for (name, says) in [
        ("absent", None),
        ("empty", Some(Says::Nothing)),
        ("dead", Some(records(&[(1, dead_port()?)]))),
        ("root", Some(root())),
        ("failing", Some(Says::Failure)),
        ("silent", Some(Says::Silence)),
    ] {
        let domain = format!("{name}.{DOMAIN}");
        if let Some(says) = says {
            dns.say(DIRECT, says.clone());
            dns.say(STARTTLS, says);
        }
        let phone = world.phone_options(name).found_by(DOMAIN, &dns).with_server_last(&named).start()?;
        is_online(&phone)?;
        assert_eq!(waits(&phone), 0, "{domain}: {:?}", phone.lines());
    }
    Ok(())
}

#[test]
fn a_list_is_followed_when_it_changes_and_kept_while_the_dns_fails() -> anyhow::Result<()> {
    let (world, dns) = world()?;
    dns.set_ttl(0);
    dns.say(DIRECT, records(&[(1, port(&world.server.ready.c2s_tls)?)]));
    let phone = world.phone_options("phone").found_by(DOMAIN, &dns).with(&["--drop-after", "1"]).start()?;
    is_online(&phone)?;
    // The list has no time to live: it is asked for at each connection. When the DNS fails it holds nevertheless.
    dns.say(DIRECT, Says::Failure);
    dns.say(STARTTLS, Says::Failure);
    let asked = dns.asked(DIRECT);
    let mark = phone.mark();
    until("the failing DNS was asked", SOON, || (dns.asked(DIRECT) > asked).then_some(()))?;
    phone.state_after(mark, "online", SOON)?;
    // And once it answers again, what it says then counts.
    dns.say(STARTTLS, records(&[(1, port(&world.server.ready.c2s)?)]));
    dns.say(DIRECT, Says::Nothing);
    let asked = dns.asked(STARTTLS);
    until("it was asked again", SOON, || (dns.asked(STARTTLS) > asked + 1).then_some(()))?;
    let mark = phone.mark();
    phone.state_after(mark, "online", SOON)?;
    Ok(())
}

#[test]
fn a_certificate_for_the_target_is_none_for_the_domain() -> anyhow::Result<()> {
    let world = World::with(&["--domain", "host-1.push.test"])?;
    let dns = Dns::start()?;
    dns.say(DIRECT, records(&[(1, port(&world.server.ready.c2s_tls)?)]));
    let phone = world.phone_options("phone").found_by(DOMAIN, &dns).start()?;
    let waiting = phone.state_after(0, "waiting", SOON)?;
    assert!(waiting.to_string().contains("certificate"), "{waiting}");
    Ok(())
}
