//! What a person, or a test, tells a virtual phone on standard input.

use longwire_client::heartbeat::NetworkId;
use longwire_client::{Event, Network, Request, UserToken};

use crate::fleet::Command;

/// Reads a line: the device, a verb and what it is about.
#[must_use]
pub fn parse(line: &str) -> Option<Command> {
    let line = line.trim();
    let (device, rest) = line.split_once(char::is_whitespace)?;
    Some(Command { device: device.parse().ok()?, event: event(rest.trim_start())? })
}

fn event(text: &str) -> Option<Event> {
    let (verb, rest) = text.split_once(char::is_whitespace).map_or((text, ""), |(verb, rest)| (verb, rest.trim()));
    let words: Vec<&str> = rest.split_whitespace().collect();
    match (verb, words.as_slice()) {
        ("open", [id]) => Some(Event::Opened { id: (*id).to_owned() }),
        ("dismiss", [id]) => Some(Event::Dismissed { id: (*id).to_owned() }),
        ("action", [id, action, ..]) => {
            let text = rest.strip_prefix(id)?.trim_start().strip_prefix(action)?.trim_start();
            let text = Some(text.to_owned()).filter(|text| !text.is_empty());
            Some(Event::Acted { id: (*id).to_owned(), action: (*action).to_owned(), text })
        }
        ("network", [id]) => Some(Event::Network(Network::Known(NetworkId::of(id)))),
        ("login", [token]) => Some(ask(Request::Login(UserToken((*token).to_owned())))),
        ("logout", []) => Some(ask(Request::Logout)),
        ("join", [key]) => Some(ask(Request::Join((*key).to_owned()))),
        ("leave", [key]) => Some(ask(Request::Leave((*key).to_owned()))),
        ("memberships", []) => Some(ask(Request::Memberships)),
        _ => None,
    }
}

/// A request; its device gives it a number.
const fn ask(request: Request) -> Event {
    Event::Request { number: 0, request }
}

/// The verb that asks for this.
pub(crate) const fn verb(request: &Request) -> &'static str {
    match request {
        Request::Login(_) => "login",
        Request::Logout => "logout",
        Request::Join(_) => "join",
        Request::Leave(_) => "leave",
        Request::Memberships => "memberships",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_device_verb_and_what_it_is_about() {
        let command = |device, event| Some(Command { device, event });
        assert_eq!(parse("3 open x"), command(3, Event::Opened { id: "x".into() }));
        let network = Event::Network(Network::Known(NetworkId::of("home")));
        assert_eq!(parse("0 network home"), command(0, network));
        let acted =
            |text: Option<&str>| Event::Acted { id: "x".into(), action: "x".into(), text: text.map(str::to_owned) };
        assert_eq!(parse(" 0  action x x "), command(0, acted(None)));
        assert_eq!(parse("0 action x x  on  my way"), command(0, acted(Some("on  my way"))));
        for request in [
            Request::Login(UserToken("a.b.c".into())),
            Request::Logout,
            Request::Join("topic:a/b".into()),
            Request::Leave("tag:beta".into()),
            Request::Memberships,
        ] {
            let about = match &request {
                Request::Login(token) => token.0.as_str(),
                Request::Join(key) | Request::Leave(key) => key,
                Request::Logout | Request::Memberships => "",
            };
            assert_eq!(parse(&format!("0 {} {about}", verb(&request))), command(0, ask(request)));
        }
        for wrong in
            ["", "open x", "3 open", "3 eat x", "x open y", "3 open x y", "0 action x", "0 logout x", "0 login"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
