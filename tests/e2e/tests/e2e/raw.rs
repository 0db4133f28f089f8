//! A client written out by hand: classic SASL PLAIN inside TLS, bind, presence; takes pushes as any other XMPP client does.

use anyhow::Context;
use longwire_test_support::wire::{Wire, plain_login};
use longwire_test_support::{SOON, Server, until};

pub(crate) struct Raw {
    pub(crate) wire: Wire,
    /// What came and was not looked for yet.
    seen: String,
}

impl Raw {
    /// Registers an account in band (XEP-0077) and logs in on the same stream.
    pub(crate) fn register(server: &Server, name: &str, password: &str) -> anyhow::Result<Self> {
        let mut wire = Wire::tls(&server.ready.c2s_tls, &server.ready.certificate)?;
        wire.open()?;
        wire.send(&format!(
            "<iq type='set' id='reg'><query xmlns='jabber:iq:register'><username>{name}</username>\
             <password>{password}</password></query></iq>"
        ))?;
        let answer = wire.expect(">")?;
        anyhow::ensure!(answer.contains("result"), "the registration was answered {answer}");
        Self::authenticated(wire, name, password)
    }

    /// Logs in over direct TLS.
    pub(crate) fn logged_in(server: &Server, name: &str, password: &str) -> anyhow::Result<Self> {
        let mut wire = Wire::tls(&server.ready.c2s_tls, &server.ready.certificate)?;
        wire.open()?;
        Self::authenticated(wire, name, password)
    }

    fn authenticated(mut wire: Wire, name: &str, password: &str) -> anyhow::Result<Self> {
        wire.send(&auth(name, password))?;
        wire.expect("<success")?;
        wire.expect(">")?;
        wire.open()?;
        Ok(Self { wire, seen: String::new() })
    }

    /// Binds a resource.
    pub(crate) fn bound(mut self, resource: &str) -> anyhow::Result<Self> {
        self.wire.send(&format!(
            "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{resource}</resource></bind></iq>"
        ))?;
        self.wire.expect("</iq>")?;
        Ok(self)
    }

    /// Sends initial presence: from now on it is a device.
    pub(crate) fn is_available(&mut self) -> anyhow::Result<()> {
        self.wire.send("<presence/>")
    }

    /// Takes the push with this id and answers the ping behind it; gives what came before.
    pub(crate) fn takes_push(&mut self, id: &str) -> anyhow::Result<String> {
        let mut before = std::mem::take(&mut self.seen);
        if !before.contains(id) {
            before += &self.wire.expect(id)?;
        }
        let behind = before.split_off(before.find(id).unwrap_or(0));
        let mut ping = behind;
        if !ping.contains("urn:xmpp:ping") {
            ping += &self.wire.expect("urn:xmpp:ping")?;
            ping += &self.wire.expect(">")?;
        }
        let ping_id = id_of_last_iq(&ping).with_context(|| format!("no ping behind the push: {ping}"))?;
        self.wire.send(&format!("<iq type='result' id='{ping_id}' to='localhost'/>"))?;
        Ok(before)
    }

    /// Whether the push with this id came, once anything came at all.
    pub(crate) fn has_push(&mut self, id: &str) -> anyhow::Result<bool> {
        let wire = &mut self.wire;
        let seen = &mut self.seen;
        until("any push", SOON, || {
            *seen += &wire.expect("</message>").ok()?;
            Some(())
        })?;
        Ok(self.seen.contains(id))
    }
}

/// The stanza of SASL PLAIN.
pub(crate) fn auth(name: &str, password: &str) -> String {
    let login = plain_login(name, password);
    format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{login}</auth>")
}

/// The id of the last `<iq …>` in a text.
fn id_of_last_iq(text: &str) -> Option<String> {
    let iq = text.get(text.rfind("<iq")?..)?;
    let iq = iq.get(..iq.find('>')?)?;
    let after = iq.get(iq.find(" id=")? + 4..)?;
    let quote = after.chars().next()?;
    after.get(1..)?.split(quote).next().map(str::to_owned)
}
