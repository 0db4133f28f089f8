//! A client of 2010, written out by hand: its words are those of the recorded transcripts.

use std::collections::VecDeque;

use anyhow::{Context, bail, ensure};
use longwire_protocol::codec::{Event, Limits};
use longwire_protocol::{Element, Reader};
use longwire_test_support::wait::now;
use longwire_test_support::wire::Wire;
use longwire_test_support::{SOON, Server};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use crate::world::World;

/// What stands behind every account of these tests.
pub(crate) const PASSWORD: &str = "01c561e11d374a1591a97ba532dabde7";
/// The header of the client's first stream: it names the host that it connects to, whatever domain is served there.
pub(crate) const HEADER: &str = "<stream:stream to=\"10.0.2.2\" xmlns=\"jabber:client\" \
                                 xmlns:stream=\"http://etherx.jabber.org/streams\" version=\"1.0\">";
const PUSH: &str = "androidpn:iq:notification";

/// One connection.
pub(crate) struct Old {
    pub(crate) wire: Wire,
    reader: Reader,
    /// What came and was not looked at.
    waiting: VecDeque<Event>,
    pub(crate) stream_id: String,
}

impl Old {
    /// Connects in the clear and opens a stream; gives the features too.
    pub(crate) fn plain(server: &Server) -> anyhow::Result<(Self, Element)> {
        let mut wire = Wire::plain(&server.ready.c2s)?;
        wire.send(HEADER)?;
        Self::opened(wire)
    }

    /// Connects, starts TLS as client 0.5.0 does, and opens the second stream in the segment that ends the handshake.
    pub(crate) fn starttls(server: &Server) -> anyhow::Result<(Self, Element)> {
        let (mut old, features) = Self::plain(server)?;
        ensure!(features.has_child("urn:ietf:params:xml:ns:xmpp-tls", "starttls"), "no starttls in {features}");
        old.wire.send("<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>")?;
        let proceed = old.next()?;
        ensure!(proceed.is("urn:ietf:params:xml:ns:xmpp-tls", "proceed"), "{proceed}");
        let header = HEADER.replace("10.0.2.2", "localhost");
        Self::opened(old.wire.secured_saying(&server.ready.certificate, &header)?)
    }

    pub(crate) fn opened(wire: Wire) -> anyhow::Result<(Self, Element)> {
        let reader = Reader::new(Limits::AFTER_LOGIN);
        let mut old = Self { wire, reader, waiting: VecDeque::new(), stream_id: String::new() };
        let Event::Open(header) = old.event()? else { bail!("the server does not open its stream") };
        old.stream_id = header.id.context("the server's stream has an id")?;
        ensure!(header.from.is_some_and(|from| from.as_str() == "localhost"), "the domain is told by `from`");
        let features = old.next()?;
        Ok((old, features))
    }

    /// A new connection with a new account on it, not logged in.
    pub(crate) fn registered(server: &Server, name: &str) -> anyhow::Result<Self> {
        let (mut old, _) = Self::plain(server)?;
        let answer = old.register(name, PASSWORD)?;
        ensure!(answer.attr("type") == Some("result"), "{answer}");
        Ok(old)
    }

    /// A new connection, logged in and available.
    pub(crate) fn available(server: &Server, name: &str) -> anyhow::Result<Self> {
        let (mut old, _) = Self::plain(server)?;
        old.log_in(name)?;
        old.is_available()?;
        Ok(old)
    }

    /// Registers as the client does; gives the answer.
    pub(crate) fn register(&mut self, name: &str, password: &str) -> anyhow::Result<Element> {
        self.ask(&format!(
            "<iq id=\"lfuI6-0\" type=\"set\"><query xmlns=\"jabber:iq:register\"><password>{password}</password>\
             <username>{name}</username></query></iq>"
        ))
    }

    /// The bytes of a login by digest.
    pub(crate) fn login_by_digest(&self, name: &str, password: &str, resource: &str) -> String {
        let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{}{password}", self.stream_id).as_bytes());
        let digits: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!(
            "<iq id=\"lfuI6-2\" type=\"set\"><query xmlns=\"jabber:iq:auth\"><username>{name}</username>\
             <digest>{digits}</digest><resource>{resource}</resource></query></iq>"
        )
    }

    /// Logs in by digest, under the usual resource.
    pub(crate) fn log_in(&mut self, name: &str) -> anyhow::Result<()> {
        let login = self.login_by_digest(name, PASSWORD, "AndroidpnClient");
        let answer = self.ask(&login)?;
        let to = format!("{}@localhost/AndroidpnClient", name.to_lowercase());
        ensure!(answer.attr("type") == Some("result") && answer.attr("to") == Some(&to), "{answer}");
        Ok(())
    }

    /// What the client says behind its login; the roster's result is read.
    pub(crate) fn is_available(&mut self) -> anyhow::Result<()> {
        self.wire.send(
            "<iq id=\"lfuI6-3\" type=\"get\"><query xmlns=\"jabber:iq:roster\" ></query></iq>\
             <presence id=\"lfuI6-4\"></presence>",
        )?;
        let roster = self.next()?;
        ensure!(roster.attr("id") == Some("lfuI6-3") && roster.attr("type") == Some("result"), "{roster}");
        Ok(())
    }

    /// Sends a request and gives the next thing that comes.
    pub(crate) fn ask(&mut self, stanza: &str) -> anyhow::Result<Element> {
        self.wire.send(stanza)?;
        self.next()
    }

    /// Everything that was sent up to now was answered with nothing: the answer to a ping is what comes next.
    pub(crate) fn hears_nothing(&mut self) -> anyhow::Result<()> {
        let answer = self.ask("<iq id=\"still-1\" type=\"get\"><ping xmlns=\"urn:xmpp:ping\"/></iq>")?;
        ensure!(answer.attr("id") == Some("still-1") && answer.attr("type") == Some("result"), "{answer}");
        Ok(())
    }

    /// Nothing waits for it: the next push that comes is one that is sent now.
    pub(crate) fn is_owed_nothing(&mut self, world: &World) -> anyhow::Result<()> {
        world.notify("all", "canary")?;
        let next = field(&self.takes_push()?, "title");
        ensure!(next == "canary", "{next} has waited");
        Ok(())
    }

    /// Reads a push and answers the ping behind it as asmack does; gives the push.
    pub(crate) fn takes_push(&mut self) -> anyhow::Result<Element> {
        let (push, ping) = self.sees_push()?;
        self.answers(&ping)?;
        Ok(push)
    }

    /// Reads a push and the ping behind it.
    pub(crate) fn sees_push(&mut self) -> anyhow::Result<(Element, Element)> {
        let push = self.next()?;
        ensure!(push.name() == "iq" && push.has_child(PUSH, "notification"), "not a push: {push}");
        let ping = self.next()?;
        ensure!(ping.attr("type") == Some("get") && ping.has_child("urn:xmpp:ping", "ping"), "not a ping: {ping}");
        Ok((push, ping))
    }

    /// Answers what it does not know as asmack does.
    pub(crate) fn answers(&mut self, request: &Element) -> anyhow::Result<()> {
        let id = request.attr("id").unwrap_or_default();
        self.wire.send(&format!(
            "<iq id=\"{id}\" to=\"localhost\" type=\"error\"><error code=\"501\" type=\"CANCEL\">\
             <feature-not-implemented xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/></error></iq>"
        ))
    }

    /// The next first-level element.
    pub(crate) fn next(&mut self) -> anyhow::Result<Element> {
        let event = self.event()?;
        let Event::Element(element) = event else { bail!("not a stanza: {event:?}") };
        Ok(element)
    }

    /// The stream error with which the server ends the stream, and nothing behind it but the end.
    pub(crate) fn ends_with(&mut self, condition: &str) -> anyhow::Result<()> {
        let error = self.next()?;
        let is_error = error.is("http://etherx.jabber.org/streams", "error");
        ensure!(is_error && error.has_child("urn:ietf:params:xml:ns:xmpp-streams", condition), "{error}");
        ensure!(self.event()? == Event::Close, "no end tag behind the error");
        Ok(())
    }

    fn event(&mut self) -> anyhow::Result<Event> {
        let deadline = now() + SOON;
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(event);
            }
            let (bytes, is_closed) = self.wire.take();
            let mut rest = bytes.as_slice();
            while let Some(event) = self.reader.read(&mut rest)? {
                self.waiting.push_back(event);
            }
            ensure!(now() < deadline, "nothing came");
            ensure!(!is_closed || !self.waiting.is_empty(), "the connection ended");
        }
    }
}

/// The text of a child of a push.
pub(crate) fn field(push: &Element, name: &str) -> String {
    push.child(PUSH, "notification").and_then(|push| push.child_text(PUSH, name)).unwrap_or_default()
}

/// The names of the children of a push, in order.
pub(crate) fn fields(push: &Element) -> Vec<String> {
    let notification = push.child(PUSH, "notification");
    notification.into_iter().flat_map(Element::children).map(|child| child.name().to_owned()).collect()
}

/// The code and the condition of an error.
pub(crate) fn error_of(answer: &Element) -> (String, String) {
    let error = answer.child("jabber:client", "error");
    let condition = error.and_then(|error| error.children().next()).map(|child| child.name().to_owned());
    let code = error.and_then(|error| error.attr("code")).unwrap_or_default();
    (code.to_owned(), condition.unwrap_or_default())
}
