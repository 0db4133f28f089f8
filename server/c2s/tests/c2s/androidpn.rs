//! Original androidpn clients: registration, `jabber:iq:auth` and silence, with the answers that they look for.

use longwire_c2s::{ANDROIDPN_FAILURES_MAX, AndroidpnProof, Config, Event, Reason, Registration};

use crate::harness::{Driver, HEADER as MODERN, config, stream_error};

/// As asmack writes it.
const HEADER: &str = "<stream:stream to=\"10.0.2.2\" xmlns=\"jabber:client\" xmlns:stream=\"http://etherx.jabber.org/streams\" version=\"1.0\">";
const STREAM_ERROR: &str = "<stream:error>";

fn served() -> Config {
    let mut config = config();
    (config.androidpn, config.plaintext, config.registration) = (true, true, Registration::AppKey);
    config
}

/// Without TLS, with the header exchanged; gives the id of the stream.
fn opened(config: Config) -> (Driver, String) {
    let mut driver = Driver::tcp(config);
    let answer = driver.send(HEADER);
    let (_, rest) = answer.split_once(" id='").expect("an id");
    let id = rest.split_once('\'').expect("an id").0.to_owned();
    (driver, id)
}

fn register(name: &str, password: &str) -> String {
    format!(
        "<iq id=\"r\" type=\"set\"><query xmlns=\"jabber:iq:register\"><password>{password}</password><username>{name}</username></query></iq>"
    )
}

fn login(name: &str, proof: &str) -> String {
    format!(
        "<iq id=\"a\" type=\"set\"><query xmlns=\"jabber:iq:auth\"><username>{name}</username>{proof}<resource>AndroidpnClient</resource></query></iq>"
    )
}

#[test]
fn any_host_in_the_header_is_answered_with_the_domain_and_the_features() {
    let mut driver = Driver::tcp(served());
    let answer = driver.send(HEADER);
    assert!(answer.contains("from='example.com'") && answer.contains("version='1.0'"), "{answer}");
    assert!(answer.contains("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"), "{answer}");
    assert!(answer.contains("<auth xmlns='http://jabber.org/features/iq-auth'/>"), "{answer}");
    assert!(answer.contains("<register xmlns='http://jabber.org/features/iq-register'/>"), "{answer}");
    let closed = Driver::tcp(Config { registration: Registration::Closed, ..served() }).send(HEADER);
    assert!(closed.contains("iq-auth") && !closed.contains("iq-register"), "{closed}");
    let mut other = Driver::tcp(Config { androidpn: false, ..served() });
    assert!(other.send(HEADER).ends_with(&stream_error("host-unknown")));
    // Who states an address of its own is told of a domain that is not served.
    let mut modern = Driver::tcp(served());
    let header = HEADER.replace("version", "from=\"a@example.com\" version");
    assert!(modern.send(&header).ends_with(&stream_error("host-unknown")));
}

#[test]
fn a_registration_is_one_of_an_original_client_by_its_header_its_port_and_its_key() {
    let is_original = |driver: &Driver| driver.events.iter().any(|event| matches!(event, Event::RegisterAndroidpn(_)));
    let (mut driver, id) = opened(served());
    assert_eq!(driver.send(&register("Bob", "pw")), format!("<iq type='result' id='r' to='example.com/{id}'/>"));
    let Some(Event::RegisterAndroidpn(asked)) = driver.events.last() else { panic!("{:?}", driver.events) };
    assert_eq!((asked.account.as_str(), asked.password.as_str()), ("bob", "pw"));
    assert!(!format!("{asked:?}").contains("pw"));
    let mut open = served();
    open.registration = Registration::Open;
    let mut direct = Driver::tls_with(open.clone());
    direct.send(MODERN);
    direct.send(&register("bob", "pw"));
    assert!(!is_original(&direct), "direct TLS");
    let mut modern = Driver::tcp(open);
    modern.send(&MODERN.replace("version", "xml:lang='en' version"));
    modern.send(&register("bob", "pw"));
    assert!(!is_original(&modern), "a language");
    let (mut keyed, _) = opened(served());
    keyed.send("<iq type='set' id='p'><preauth xmlns='urn:xmpp:pars:0' token='lwa_k1_secret'/></iq>");
    keyed.send(&register("bob", "pw"));
    assert!(!is_original(&keyed), "an app key");
}

#[test]
fn refused_registrations_have_the_codes_and_no_passwords() {
    let (mut driver, _) = opened(served());
    for (name, password, error) in [
        ("taken", "secret", "<error type='cancel' code='409'><conflict "),
        ("bob", "", "<error type='modify' code='406'><not-acceptable "),
        ("bob", "  ", "<error type='modify' code='406'><not-acceptable "),
        ("", "secret", "<error type='modify' code='406'><not-acceptable "),
        ("b ob", "secret", "<error type='modify' code='400'><jid-malformed "),
        ("limited", "secret", "<error type='wait' code='500'><resource-constraint "),
        ("busy", "secret", "<error type='wait' code='500'><resource-constraint "),
    ] {
        let answer = driver.send(&register(name, password));
        assert!(answer.contains(error) && !answer.contains("secret"), "{name}: {answer}");
        assert!(!answer.contains("401"), "{answer}");
    }
}

#[test]
fn a_digest_is_asked_about_with_the_id_of_its_stream() {
    let (mut driver, id) = opened(served());
    let form =
        driver.send("<iq id=\"g\" type=\"get\"><query xmlns=\"jabber:iq:auth\"><username>U</username></query></iq>");
    assert_eq!(
        form,
        "<iq type='result' id='g'><query xmlns='jabber:iq:auth'><username>U</username><password/><digest/><resource/></query></iq>"
    );
    let answer = driver.send(&login("Bob", "<digest>right</digest>"));
    assert_eq!(answer, "<iq type='result' id='a' to='bob@example.com/AndroidpnClient'/>");
    assert!(driver.stream.is_bound());
    let asked = driver.events.iter().find_map(|event| {
        let Event::CheckAndroidpn(login) = event else { return None };
        Some(login.clone())
    });
    let asked = asked.expect("a question");
    assert_eq!(asked.proof, AndroidpnProof::Digest { stream_id: id, digest: "right".to_owned() });
    let bound = driver.events.iter().any(|event| matches!(event, Event::Bind(bind) if bind.is_androidpn));
    assert!(bound, "{:?}", driver.events);
}

#[test]
fn a_wrong_proof_is_401_and_an_outage_is_not() {
    let (mut driver, _) = opened(served());
    let wrong = driver.send(&login("bob", "<digest>wrong</digest>"));
    assert_eq!(
        wrong,
        "<iq type='error' id='a'><query xmlns='jabber:iq:auth'><username>bob</username></query><error type='auth' code='401'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    );
    let outage = driver.send(&login("busy", "<password>right</password>"));
    assert!(outage.contains("code='500'") && outage.contains("after='30'") && !outage.contains("401"), "{outage}");
    let disabled = driver.send(&login("disabled", "<password>right</password>"));
    assert!(
        disabled.contains("code='403'") && disabled.contains("<forbidden ") && !disabled.contains("401"),
        "{disabled}"
    );
    assert!(driver.send(&login("disabled", "<password>wrong</password>")).contains("code='401'"));
    for incomplete in [login("bob", ""), login("bob", "<password>right</password>").replace("AndroidpnClient", "")] {
        assert!(driver.send(&incomplete).contains("code='406'"));
    }
    assert!(driver.send(&login("bob", "<password>right</password>")).contains("type='result'"));
}

#[test]
fn refused_logins_end_the_stream_at_the_limit() {
    let (mut driver, _) = opened(served());
    for _ in 1..ANDROIDPN_FAILURES_MAX {
        assert!(!driver.send(&login("bob", "<digest>wrong</digest>")).contains(STREAM_ERROR));
    }
    let last = driver.send(&login("bob", "<digest>wrong</digest>"));
    assert!(last.contains("code='401'") && last.contains("<policy-violation "), "{last}");
    assert!(driver.is_closed);
}

#[test]
fn without_tls_and_plaintext_everything_is_a_clear_stream_error() {
    for stanza in [register("bob", "pw"), login("bob", "<password>right</password>"), "<presence/>".to_owned()] {
        let (mut driver, _) = opened(Config { plaintext: false, ..served() });
        let end = driver.send(&stanza);
        assert!(end.contains("<policy-violation ") && end.contains("inside TLS") && driver.is_closed, "{end}");
    }
}

#[test]
fn a_session_is_pinged_after_two_minutes_and_lives_on_spaces() {
    let (mut driver, _) = opened(served());
    driver.send(&login("bob", "<digest>right</digest>"));
    for _ in 0..20 {
        assert_eq!(driver.wait(45_000), "");
        assert_eq!(driver.send(" "), "");
    }
    assert_eq!(driver.stream.poll_timeout(), Some((driver.now_ms + 120_000, Reason::Silence)));
    assert!(driver.wait(120_000).contains("<ping xmlns='urn:xmpp:ping'/>"));
    driver.send("<iq id=\"longwire-alive\" type=\"error\" to=\"example.com\"><error code=\"501\"/></iq>");
    assert!(driver.wait(120_000).contains("<ping "));
    assert_eq!(driver.wait(60_000), stream_error("connection-timeout"));
}

#[test]
fn what_a_session_says_is_left_to_the_core() {
    let (mut driver, _) = opened(served());
    driver.send(&login("bob", "<digest>right</digest>"));
    driver.events.clear();
    for stanza in [
        "<iq type=\"set\" id=\"1\"/>",
        "<iq id=\"2\"/>",
        "<message/>",
        "<iq type='get' to='@' id='3'><a xmlns='a'/></iq>",
    ] {
        assert_eq!(driver.send(stanza), "", "{stanza}");
    }
    assert_eq!(driver.events.iter().filter(|event| matches!(event, Event::Stanza(_))).count(), 4);
    assert!(!driver.is_closed);
}
