//! Clients written out by hand, from an address of their own; each login is held against the JID that it binds.

use std::net::IpAddr;

use anyhow::{Context, ensure};
use longwire_test_support::wire::{Wire, plain_login};
use longwire_test_support::{Ready, keep};

/// A bound session.
pub(crate) struct Session {
    pub(crate) wire: Wire,
}

impl Session {
    /// Registers an account in band and logs in on the same stream.
    pub(crate) fn registered(ready: &Ready, source: IpAddr, name: &str, password: &str) -> anyhow::Result<Self> {
        let mut wire = opened(ready, source)?;
        let answer = register(&mut wire, name, password)?;
        ensure!(answer.contains("result"), "the registration of {name} was answered {answer}");
        authenticate(&mut wire, name, password)?;
        Self::bound(wire, name, "desk")
    }

    /// Logs in to an account that is there.
    pub(crate) fn logged_in(
        ready: &Ready,
        source: IpAddr,
        (name, password): (&str, &str),
        resource: &str,
    ) -> anyhow::Result<Self> {
        let mut wire = opened(ready, source)?;
        authenticate(&mut wire, name, password)?;
        Self::bound(wire, name, resource)
    }

    /// Binds a resource on a stream that is authenticated as `name`, and as nobody else.
    pub(crate) fn bound(mut wire: Wire, name: &str, resource: &str) -> anyhow::Result<Self> {
        let jid = bind(&mut wire, resource)?;
        ensure!(jid == format!("{name}@localhost/{resource}"), "{name} was bound as {jid}");
        Ok(Self { wire })
    }

    /// Becomes available: from now on it is a device.
    pub(crate) fn is_available(&mut self) -> anyhow::Result<()> {
        self.wire.send("<presence/>")?;
        self.is_answered("available-1")
    }

    /// What was sent up to now is handled: a ping behind it is answered.
    pub(crate) fn is_answered(&mut self, id: &str) -> anyhow::Result<()> {
        self.wire.send(&format!("<iq type='get' id='{id}'><ping xmlns='urn:xmpp:ping'/></iq>"))?;
        self.wire.expect(id)?;
        self.wire.expect(">")?;
        Ok(())
    }
}

/// A connection by direct TLS.
pub(crate) fn secured(ready: &Ready, source: IpAddr) -> anyhow::Result<Wire> {
    Wire::plain_from(source, &ready.c2s_tls)?.secured(&ready.certificate)
}

/// The same, with its stream open.
pub(crate) fn opened(ready: &Ready, source: IpAddr) -> anyhow::Result<Wire> {
    let mut wire = secured(ready, source)?;
    wire.open()?;
    Ok(wire)
}

/// Asks for an account; gives the head of the answer.
pub(crate) fn register(wire: &mut Wire, name: &str, password: &str) -> anyhow::Result<String> {
    keep::secret(password);
    wire.send(&format!(
        "<iq type='set' id='reg'><query xmlns='jabber:iq:register'><username>{name}</username>\
         <password>{password}</password></query></iq>"
    ))?;
    wire.expect("<iq ")?;
    wire.expect(">")
}

/// Logs in by PLAIN and opens the next stream.
pub(crate) fn authenticate(wire: &mut Wire, name: &str, password: &str) -> anyhow::Result<()> {
    wire.send(&auth(name, password))?;
    wire.expect("<success")?;
    wire.expect(">")?;
    wire.open()?;
    Ok(())
}

/// Asks for a resource; gives the JID that was bound.
pub(crate) fn bind(wire: &mut Wire, resource: &str) -> anyhow::Result<String> {
    wire.send(&format!(
        "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{resource}</resource></bind></iq>"
    ))?;
    let answer = wire.expect("</iq>")?;
    let jid = answer.split_once("<jid>").and_then(|(_, rest)| rest.split_once("</jid>"));
    Ok(jid.with_context(|| format!("no JID was bound: {answer}"))?.0.to_owned())
}

/// The stanza of SASL PLAIN.
pub(crate) fn auth(name: &str, password: &str) -> String {
    mechanism("PLAIN", &plain_login(name, password))
}

/// The stanza that begins a login.
pub(crate) fn mechanism(name: &str, data: &str) -> String {
    format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{name}'>{data}</auth>")
}
