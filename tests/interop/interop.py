"""An XMPP client that nobody here wrote (slixmpp), and SASL of another one (mellium.im/sasl), against the real server.

Run by `make test` as `.venv/bin/python tests/interop/interop.py`; needs the built binary, and `plus` (scripts/setup). Prints one line per step.
"""

import asyncio
import json
import ssl
import sys
import tempfile

from slixmpp import ClientXMPP

from server import BINARY, PATIENCE_S, ROOT, Server, step, until, within

PLUS = ROOT / ".venv" / "bin" / "longwire-plus"


class Account(ClientXMPP):
    """An account that registers (XEP-0077) and logs in with SCRAM-SHA-256 over STARTTLS, trusting the server's certificate alone."""

    def __init__(self, server, name, password, *, registers=True):
        trust = ssl.create_default_context(cafile=server.ready["certificate"])
        super().__init__(f"{name}@localhost", password, sasl_mech="SCRAM-SHA-256", ssl_context=trust)
        self.enable_direct_tls = False
        self.enable_plaintext = False
        for plugin in ("xep_0030", "xep_0077", "xep_0092", "xep_0199"):
            self.register_plugin(plugin)
        self.registered = asyncio.Event()
        self.refused = asyncio.Event()
        self.online = asyncio.Event()
        self.inbox = asyncio.Queue()
        if registers:
            self.add_event_handler("register", self._register)
        self.add_event_handler("session_start", lambda _: self.online.set())
        self.add_event_handler("failed_all_auth", lambda _: self.refused.set())
        self.add_event_handler("message", self.inbox.put_nowait)
        self.address = server.ready["c2s"].rsplit(":", 1)

    async def _register(self, _form):
        request = self.Iq()
        request["type"] = "set"
        request["register"]["username"] = self.boundjid.user
        request["register"]["password"] = self.password
        await request.send(timeout=PATIENCE_S)
        self.registered.set()

    async def come_online(self):
        self.connect(self.address[0], int(self.address[1]))
        await within(self.online.wait(), "the session to start")
        self.send_presence()
        return self

    async def leave(self):
        await self.disconnect()


def device_of(server, account):
    """The account's device in the API, once it is there."""
    status, answer = server.call("GET", "/v1/devices")
    assert status == 200, (status, answer)
    return next((device for device in answer["items"] if account in device["account"]), None)


def delivery_of(server, notification, device):
    status, answer = server.call("GET", f"/v1/notifications/{notification}/deliveries")
    assert status == 200, (status, answer)
    return next((delivery for delivery in answer["items"] if delivery["device"] == device["id"]), None)


async def registers_and_logs_in(server):
    romeo = await Account(server, "romeo", "wherefore art thou").come_online()
    assert romeo.registered.is_set(), "it logged in without having registered"
    assert romeo.plugin["feature_mechanisms"].mech.name == "SCRAM-SHA-256"
    assert "starttls" in romeo.features
    assert romeo.boundjid.bare == "romeo@localhost" and romeo.boundjid.resource
    step("registers, logs in with SCRAM-SHA-256 over STARTTLS, binds a resource")
    return romeo


async def asks_the_server(romeo):
    await romeo.plugin["xep_0199"].send_ping("localhost", timeout=PATIENCE_S)
    step("the server answers a ping")
    info = await romeo.plugin["xep_0030"].get_info(jid="localhost", timeout=PATIENCE_S)
    features = info["disco_info"]["features"]
    for wanted in ("http://jabber.org/protocol/disco#info", "urn:xmpp:ping", "jabber:iq:version", "jabber:iq:register"):
        assert wanted in features, (wanted, features)
    assert any(identity[0] == "server" for identity in info["disco_info"]["identities"]), info
    items = await romeo.plugin["xep_0030"].get_items(jid="localhost", timeout=PATIENCE_S)
    assert items["type"] == "result"
    step("the server tells what it can do (disco)")
    version = await romeo.plugin["xep_0092"].get_version("localhost", timeout=PATIENCE_S)
    assert "longwire" in version["software_version"]["name"].lower(), version
    assert version["software_version"]["version"], version
    step("the server tells its version")
    unknown = romeo.make_iq_get(queryxmlns="urn:example:unknown", ito="localhost")
    try:
        await unknown.send(timeout=PATIENCE_S)
    except Exception as error:  # slixmpp raises its IqError for an error answer
        assert getattr(error, "condition", None) == "service-unavailable", error
    else:
        raise AssertionError("an unknown request was answered with a result")
    step("an unknown request is service-unavailable")


async def gets_a_push(server, romeo):
    device = await until("romeo's device in the API", lambda: device_of(server, "romeo"))
    body = {"to": f"{device['id']}" if device["id"].startswith("device:") else f"device:{device['id']}"}
    body |= {"title": "Door", "body": "Bell <&> \u00e9\u4e16"}
    status, answer = server.call("POST", "/v1/notifications", body)
    assert status == 202, (status, answer)
    message = await within(romeo.inbox.get(), "the push")
    assert message["type"] == "headline", message
    assert message["from"].bare == "localhost" and message["to"] == romeo.boundjid, message
    assert message["id"] == answer["id"], message
    assert (message["subject"], message["body"]) == ("Door", body["body"]), message
    payload = json.loads(message.xml.find("{urn:xmpp:json:0}json").text)
    assert (payload["title"], payload["body"]) == ("Door", body["body"]), payload
    step("a push arrives with subject, body and json")
    delivery = await until("the push to be delivered", lambda: delivered(server, answer["id"], device))
    assert "delivered" in delivery["at"], delivery
    status, record = server.call("GET", f"/v1/notifications/{answer['id']}")
    assert status == 200 and record["counts"] == {"delivered": 1}, record
    step("answering the ping behind it acknowledges it: the API says delivered")


def delivered(server, notification, device):
    delivery = delivery_of(server, notification, device)
    return delivery if delivery and delivery["state"] == "delivered" else None


async def exchanges_a_message(server, romeo):
    juliet = await Account(server, "juliet", "o romeo romeo").come_online()
    juliet.send_message(mto="romeo@localhost", mbody="Deny thy father", mtype="chat")
    message = await within(romeo.inbox.get(), "juliet's message")
    assert (message["from"], message["body"]) == (juliet.boundjid, "Deny thy father"), message
    romeo.send_message(mto=message["from"], mbody="Shall I hear more", mtype="chat")
    message = await within(juliet.inbox.get(), "romeo's answer")
    assert (message["from"], message["body"]) == (romeo.boundjid, "Shall I hear more"), message
    await juliet.plugin["xep_0199"].send_ping(romeo.boundjid, timeout=PATIENCE_S)
    step("two accounts exchange messages and a ping")
    await juliet.leave()


async def gets_what_it_missed(server, romeo):
    """The server holds the cursor of such a client: what was sent while it was away comes at its next presence."""
    device = device_of(server, "romeo")
    resource = romeo.boundjid.resource
    await romeo.leave()
    await until("romeo to be offline", lambda: not device_of(server, "romeo")["online"])
    status, answer = server.call("POST", "/v1/notifications", {"to": "all", "title": "Missed", "body": "While away"})
    assert status == 202, (status, answer)
    again = Account(server, "romeo", "wherefore art thou", registers=False)
    again.requested_jid.resource = resource
    await again.come_online()
    message = await within(again.inbox.get(), "the push that was missed")
    assert message["id"] == answer["id"], message
    again_device = device_of(server, "romeo")
    assert again_device["id"] == device["id"], (device, again_device)
    await until("the push to be delivered", lambda: delivered(server, answer["id"], device))
    step("what was sent while it was away arrives at the next login")
    await again.leave()


async def is_refused_with_a_wrong_password(server):
    wrong = Account(server, "romeo", "not his password", registers=False)
    wrong.connect(wrong.address[0], int(wrong.address[1]))
    await within(wrong.refused.wait(), "the refusal of a wrong password")
    assert not wrong.online.is_set()
    step("a wrong password is refused")
    await wrong.leave()


async def logs_in_bound_to_its_tls(server):
    """Python cannot export what TLS 1.3 is bound by; a Go program does."""
    status, answer = server.call("POST", "/v1/accounts", {"name": "mercutio", "password": "a plague o' both"})
    assert status == 201, (status, answer)
    command = [PLUS, server.ready["c2s_tls"], server.ready["certificate"], "mercutio", "a plague o' both"]
    plus = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    line = await within(plus.stdout.readline(), "the login with SCRAM-SHA-256-PLUS")
    assert line == b"online\n", line
    status, answer = server.call("POST", "/v1/notifications", {"to": "all", "title": "Bound", "body": "To the channel"})
    assert status == 202, (status, answer)
    line = await within(plus.stdout.readline(), "the push")
    assert line.decode().strip() == answer["id"], (line, answer)
    assert await within(plus.wait(), "its end") == 0
    step("SCRAM-SHA-256-PLUS of mellium.im/sasl logs in over TLS 1.3 and gets a push")
    wrong = await asyncio.create_subprocess_exec(*command[:-1], "wrong", stderr=asyncio.subprocess.PIPE)
    _, said = await within(wrong.communicate(), "the refusal of a wrong password")
    assert wrong.returncode == 1 and b"not-authorized" in said, said
    step("and is refused with a wrong password")


async def story(server):
    romeo = await registers_and_logs_in(server)
    await asks_the_server(romeo)
    await gets_a_push(server, romeo)
    await exchanges_a_message(server, romeo)
    await gets_what_it_missed(server, romeo)
    await is_refused_with_a_wrong_password(server)
    await logs_in_bound_to_its_tls(server)


def main():
    if not BINARY.is_file():
        sys.exit(f"{BINARY} is not built: run `make test`")
    if not PLUS.is_file():
        sys.exit(f"{PLUS} is not built: run `make setup`")
    with tempfile.TemporaryDirectory(prefix="longwire-interop-") as folder:
        server = Server(folder)
        try:
            asyncio.run(story(server))
            status = server.stop()
            assert status == 0, f"the server ended with {status}"
        except BaseException:
            print(server.said(), file=sys.stderr)
            raise
        finally:
            if server.process.poll() is None:
                server.process.kill()
    print("interop: passed (slixmpp, mellium.im/sasl)")


if __name__ == "__main__":
    main()
