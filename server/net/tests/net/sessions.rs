//! Logins, pushes and stanzas.

use longwire_net::NetConfig;

use crate::harness::{HEADER, Server, push_login, until};

fn plain(_: &mut NetConfig) {}

#[test]
fn a_push_reaches_a_phone_by_direct_tls_and_is_acknowledged() {
    let server = Server::start(plain);
    let mut phone = server.phone("d4565fa7-4d72-4749-b3d3-740edbf87770");
    let entry = server.push_to_all("Door");
    let message = phone.expect("</message>");
    assert!(message.contains(&format!("<message from='localhost' id='{}' type='headline'>", entry.id)), "{message}");
    assert!(message.contains("Door"), "{message}");
    phone.send(&format!("<ack xmlns='urn:longwire:push:1' normal='{}'/> ", entry.seq));
    phone.expect(" ");
    while server.recorded() != [entry.seq] {
        phone.ping();
    }
    until("it is counted", || server.core.metrics.acknowledged.get() == 1);
}

#[test]
fn what_is_for_many_at_once_reaches_each_whole_and_in_order() {
    let server = Server::start(plain);
    let mut phones: Vec<_> = (0..8).map(|n| server.phone(&format!("d4565fa7-4d72-4749-b3d3-74000000000{n}"))).collect();
    let mut desk = server.desk("alice", "desk");
    let titles = || (10..70).map(|n| format!("title {n}"));
    server.push_together(titles());
    for client in phones.iter_mut().chain([&mut desk]) {
        for title in titles() {
            let message = client.expect("</message>");
            assert!(message.contains(&title), "{title} is not in {message}");
        }
    }
    desk.expect(" id='lwp:");
}

#[test]
fn what_was_not_acknowledged_comes_again_at_the_next_login() {
    let server = Server::start(plain);
    let agent = "d4565fa7-4d72-4749-b3d3-740edbf87770";
    drop(server.phone(agent));
    let entries = [server.push_to_all("one"), server.push_to_all("two")];
    let mut phone = server.phone(agent);
    for entry in &entries {
        let message = phone.expect("</message>");
        assert!(message.contains(&entry.id.to_string()), "{message}");
    }
}

#[test]
fn a_newer_login_of_the_device_ends_the_older_one() {
    let server = Server::start(plain);
    let agent = "d4565fa7-4d72-4749-b3d3-740edbf87770";
    let mut older = server.phone(agent);
    let mut newer = server.phone(agent);
    let end = older.end();
    assert!(end.contains("<stream:error><conflict "), "{end}");
    let entry = server.push_to_all("Door");
    assert!(newer.expect("</message>").contains(&entry.id.to_string()));
    assert_eq!(server.core.sessions.session_count(), 1);
}

#[test]
fn another_client_gets_pushes_by_starttls_and_acknowledges_by_answering_the_ping() {
    let server = Server::start(plain);
    let mut desk = server.desk("alice", "desk");
    let entry = server.push_to_all("Door");
    let message = desk.expect("</message>");
    assert!(message.contains("to='alice@localhost/desk'") && message.contains("<subject>Door</subject>"), "{message}");
    let ping = desk.expect("</iq>");
    let (_, id) = ping.split_once(" id='").expect("an id");
    let (id, _) = id.split_once('\'').expect("an id");
    desk.send(&format!("<iq type='result' id='{id}' to='localhost'/>"));
    while server.recorded() != [entry.seq] {
        desk.ping();
    }
}

#[test]
fn stanzas_of_a_session_are_handled_in_order_and_reach_other_accounts() {
    let server = Server::start(plain);
    let (mut alice, mut bob) = (server.desk("alice", "desk"), server.desk("bob", "desk"));
    let messages: String = (0..500)
        .map(|number| format!("<message to='bob@localhost/desk' type='chat' id='m{number}'><body>{number}</body></message><iq type='get' id='i{number}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"))
        .collect();
    alice.send(&messages);
    for number in 0..500 {
        let message = bob.expect("</message>");
        assert!(
            message.contains(&format!("<body>{number}</body>")) && message.contains("from='alice@localhost/desk'"),
            "{message}"
        );
        assert!(alice.expect("</iq>").contains(&format!("id='i{number}'")));
    }
}

#[test]
fn an_account_is_registered_removed_and_told_so() {
    let server = Server::start(plain);
    let mut client = server.tls();
    client.send(HEADER);
    client.expect("</stream:features>");
    let query = |inside: &str| format!("<iq type='set' id='r'><query xmlns='jabber:iq:register'>{inside}</query></iq>");
    client.send(&query("<username>carol</username><password>secret-word</password>"));
    client.expect("<iq type='result' id='r'/>");
    let mut client = server.desk("carol", "desk");
    client.send(&query("<remove/>"));
    let end = client.end();
    let (result, error) = (end.find("type='result'"), end.find("<stream:error><not-authorized "));
    assert!(result.is_some() && result < error, "{end}");
    assert_eq!(server.core.sessions.session_count(), 0);
}

#[test]
fn a_session_that_ends_leaves_nothing_behind() {
    let server = Server::start(plain);
    let mut phone = server.phone("d4565fa7-4d72-4749-b3d3-740edbf87770");
    assert_eq!(server.core.sessions.session_count(), 1);
    phone.send("</stream:stream>");
    assert!(phone.end().ends_with("</stream:stream>"));
    assert_eq!(server.core.sessions.session_count(), 0);
    assert_eq!(server.core.metrics.sessions.get(), 0);
}

#[test]
fn a_first_flight_in_single_bytes_logs_in() {
    let server = Server::start(plain);
    let mut client = server.tls();
    for byte in format!("{HEADER}{}", push_login("d4565fa7-4d72-4749-b3d3-740edbf87770")).chars() {
        client.send(&byte.to_string());
    }
    client.expect("<stream:features/>");
}

#[test]
fn refused_stanzas_are_answered_in_their_turn() {
    let server = Server::start(plain);
    let mut desk = server.desk("alice", "desk");
    let disco =
        |id: &str| format!("<iq type='get' id='{id}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>");
    let refused =
        "<iq type='what' id='two'><query xmlns='a'/></iq><iq type='get' id='three' to='@'><query xmlns='a'/></iq>";
    desk.send(&format!("{}{refused}{}", disco("one"), disco("four")));
    let before = desk.expect("id='four'");
    let places = ["id='one'", "id='two'", "id='three'"].map(|id| before.find(id).expect("an answer"));
    assert!(places.is_sorted(), "{before}");
    // Also when nothing but the end follows.
    desk.expect("</iq>");
    desk.send("<iq type='what' id='last'/></stream:stream>");
    let end = desk.end();
    assert!(end.contains("id='last'") && end.ends_with("</stream:stream>"), "{end}");
}
