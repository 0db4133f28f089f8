"""Original androidpn clients, as far as their library goes: Smack 3.1.0 and 3.2.1, used as the original uses asmack, against the real server.

Run by `make test` as `.venv/bin/python tests/interop/androidpn.py`; needs the built binary, and `smack` (scripts/setup). Prints one line per step.
Both versions run side by side, each in two stories, since the library and the original wait for fixed times.
"""

import asyncio
import http.client
import json
import re
import sys
import tempfile
import urllib.parse
import uuid
from pathlib import Path

from relay import Relay
from server import BINARY, ROOT, Server, step, until, within

BUILT = ROOT / "target" / "interop" / "smack"
VERSIONS = ("3.1.0", "3.2.1")
KEEP_ALIVE_MS = 500
TITLE = "Tür 门 🚪"
MESSAGE = '你好, "world" & <b>it\'s</b> 😀𠀀 \u00e9'
URI = "https://example.com/?a=1&b='2'"
# The library's answer to the ping behind a push, as it writes it.
ANSWER = re.compile(
    rb'<iq id="[^"]+" (to="[^"]+" )?(from="[^"]+" )?type="error"><error code="501" type="CANCEL"><feature-not-implemented [^>]+/></error></iq>'
)


class Phone:
    """The program in `smack` on one version of the library, with an account that outlives it."""

    def __init__(self, version, address, security, account):
        self.version, self.address, self.security, self.account = version, address, security, account
        self.log = account.with_suffix(".log")
        self.events = asyncio.Queue()
        self.pushes = asyncio.Queue()

    async def start(self):
        classpath = f"{BUILT / 'classes'}:{BUILT / 'lib' / f'smack-{self.version}.jar'}"
        # The virtual machine itself has nothing to say where the program's lines are read, and keeps no figures in a file: with that it
        # stands still for as long as a busy disk does.
        quiet = ["-Xlog:disable", "-Xlog:all=error:stderr", "-XX:-UsePerfData"]
        # Less to start with; nothing here lives long enough for the second compiler.
        small = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
        java = ["java", *quiet, *small, "-cp", classpath, "org.longwire.interop.Phone"]
        arguments = [*self.address.rsplit(":", 1), self.security, str(KEEP_ALIVE_MS), str(self.account)]
        pipe = asyncio.subprocess.PIPE
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(*java, *arguments, stdin=pipe, stdout=pipe, stderr=log)
        self.listening = asyncio.create_task(self._listen())
        return self

    async def _listen(self):
        async for line in self.process.stdout:
            try:
                told = json.loads(line)
            except ValueError:
                told = {"event": f"no line of the program's: {line!r}"}
            (self.pushes if told["event"] == "notification" else self.events).put_nowait(told)

    def said(self):
        """What the library prints, but for its complaint that it stands alone: its extensions have no part in this."""
        lines = self.log.read_text().splitlines()
        return "\n".join(line for line in lines if not line.startswith("Error! A startup class"))

    def tell(self, order):
        self.process.stdin.write(f"{order}\n".encode())

    async def next(self, event):
        """The next thing that happens, which has to be this."""
        try:
            told = await within(self.events.get(), f"Smack {self.version} to be {event}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it says:\n{self.said()}") from None
        assert told["event"] == event, f"{event} was to come, and not {told}"
        return told

    async def push(self):
        return await within(self.pushes.get(), f"a push for Smack {self.version}")

    async def comes_online(self, *, has_account):
        """What follows `connect`; gives the account's name."""
        connected = await self.next("connected")
        assert connected["tls"] == ("true" if self.security == "required" else "false"), connected
        assert connected["service"] == "localhost", connected
        registered = None if has_account else await self.next("registered")
        name = (await self.next("online"))["user"].removesuffix("@localhost/AndroidpnClient")
        assert re.fullmatch("[0-9a-f]{32}", name), name
        assert registered is None or registered["username"] == name, (registered, name)
        return name

    async def end(self):
        """Ends it; nothing may have happened that was not asked about."""
        self.process.stdin.close()
        status = await within(self.process.wait(), "the phone to end")
        await self.listening
        left = [told for queue in (self.events, self.pushes) for told in drained(queue)]
        assert (status, left) == (0, []), (status, left)


def drained(queue):
    while not queue.empty():
        yield queue.get_nowait()


def post(server, name, title, message="", uri=""):
    """A push as a script of an original server sends it; gives the notification's id."""
    form = {"action": "send", "broadcast": "N", "username": name, "title": title, "message": message, "uri": uri}
    connection = http.client.HTTPConnection(server.ready["http"].removeprefix("http://"), timeout=10)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/notification.do", urllib.parse.urlencode(form), headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert (answer.status, answer.getheader("longwire-audience")) == (302, "1"), (answer.status, answer.headers.items())
    return answer.getheader("longwire-notification-id")


def counts(server, notification):
    status, record = server.call("GET", f"/v1/notifications/{notification}")
    assert status == 200, (status, record)
    return record["counts"]


async def is_delivered(server, notification):
    await until(f"{notification} to be delivered", lambda: counts(server, notification) == {"delivered": 1})


async def is_offline(server, name):
    def look():
        status, answer = server.call("GET", "/v1/devices")
        assert status == 200, (status, answer)
        return not next(device["online"] for device in answer["items"] if name in device["account"])

    await until(f"{name} to be offline", look)


async def gets(phone, server, name, title):
    """A push that is the next one to arrive, and so the one before came once."""
    notification = post(server, name, title)
    push = await phone.push()
    assert (push["title"], push["id"]) == (title, notification), (push, notification)
    await is_delivered(server, notification)


async def gets_every_character(phone, relay, server, name):
    """The five fields are exact; the push is delivered when the library has answered the ping behind it, and not before."""
    await gets(phone, server, name, "Its presence has come through")
    relay.hold()
    notification = post(server, name, TITLE, MESSAGE, URI)
    push = await phone.push()
    wanted = {"id": notification, "apiKey": "1234567890", "title": TITLE, "message": MESSAGE, "uri": URI}
    assert push == {"event": "notification", **wanted}, (push, wanted)
    assert counts(server, notification) != {"delivered": 1}, "it is delivered without an answer"
    relay.release()
    await is_delivered(server, notification)


def answers_in_plain(relay):
    """Seen on the wire: the library logs in by digest, and answers the ping with what the server takes for a receipt."""
    assert b"<digest>" in relay.sent and relay.sent.count(b"<password>") == 1, bytes(relay.sent)
    assert len(ANSWER.findall(bytes(relay.sent))) == 2, bytes(relay.sent)


async def stays_while_idle(phone, relay, server, name):
    """The library's own keep-alive, which it begins 15 s after it has connected, whatever its interval is."""
    relay.sent.clear()
    await relay.heard("three keep-alives", lambda sent: len(sent) >= 3)
    assert relay.sent.strip() == b"", bytes(relay.sent)
    await gets(phone, server, name, "After a silence")
    await relay.heard("the answer to a ping", lambda sent: len(ANSWER.findall(sent)) == 1)


async def gets_what_it_missed(phone, server, name):
    phone.tell("disconnect")
    await phone.next("closed")
    await is_offline(server, name)
    missed = post(server, name, "Missed")
    assert counts(server, missed) != {"delivered": 1}
    phone.tell("connect")
    assert await phone.comes_online(has_account=True) == name
    push = await phone.push()
    assert (push["id"], push["title"]) == (missed, "Missed"), push
    await is_delivered(server, missed)
    phone.tell("disconnect")
    await phone.next("closed")
    phone.tell("connect")
    assert await phone.comes_online(has_account=True) == name
    await gets(phone, server, name, "After what was missed")


async def registers_anew(phone, server, name):
    """With a wrong password the original drops its account; it can register and log in on the very connection that refused it."""
    phone.tell("disconnect")
    await phone.next("closed")
    right = phone.account.read_text()
    phone.account.write_text(re.sub("(?m)^XMPP_PASSWORD=.*$", "XMPP_PASSWORD=wrong", right))
    phone.tell("connect")
    await phone.next("connected")
    failed = await phone.next("login-failed")
    assert "401" in failed["error"] and failed["connected"] == "true", failed
    fresh = (await phone.next("registered"))["username"]
    assert fresh != name
    assert (await phone.next("online"))["user"] == f"{fresh}@localhost/AndroidpnClient"
    await gets(phone, server, fresh, "To the new account")
    return fresh


async def is_told_of_a_taken_name(phone, server, name):
    phone.tell("disconnect")
    await phone.next("closed")
    phone.tell("open")
    await phone.next("connected")
    phone.tell(f"register {name} {uuid.uuid4().hex}")
    refused = await phone.next("refused")
    assert "409" in refused["error"], refused
    phone.tell("connect")
    assert (await phone.next("online"))["user"] == f"{name}@localhost/AndroidpnClient"
    await gets(phone, server, name, "After the refusal")


async def gives_way(version, phone, server, name):
    """A second login of the account, as after a change of the network: the newer one has it, the older is told."""
    newer = await Phone(version, phone.address, phone.security, phone.account).start()
    try:
        newer.tell("connect")
        assert await newer.comes_online(has_account=True) == name
        closed = await phone.next("closed-on-error")
        assert closed["error"] == "stream:error (conflict)", closed
        await phone.next("reconnecting")
        await phone.end()
        await gets(newer, server, name, "To the newer one")
        await newer.end()
    finally:
        await finish(newer)


async def plain_story(version, folder):
    """A client up to 0.4.5, which never starts TLS."""
    server = Server(folder, "--androidpn", "--plaintext")
    relay = await Relay(server.ready["c2s"]).start()
    phone = await Phone(version, relay.address, "disabled", folder / "account").start()
    try:
        phone.tell("connect")
        name = await phone.comes_online(has_account=False)
        await gets_every_character(phone, relay, server, name)
        answers_in_plain(relay)
        step(f"{version}: registers, logs in by digest without TLS, gets every character, and is its own receipt")
        await stays_while_idle(phone, relay, server, name)
        step(f"{version}: stays while it says nothing but its keep-alives")
        await gets_what_it_missed(phone, server, name)
        step(f"{version}: gets what it missed, once")
        fresh = await registers_anew(phone, server, name)
        step(f"{version}: with a wrong password it reads 401, registers and logs in on the same connection")
        await is_told_of_a_taken_name(phone, server, fresh)
        step(f"{version}: with a name that is taken it reads 409, and logs in on the same connection")
        await gives_way(version, phone, server, fresh)
        step(f"{version}: gives way to a second login")
        assert server.stop() == 0
    finally:
        await finish(phone)
        await relay.stop()
        finish_server(server)


async def is_refused_without_tls(version, server, folder):
    """The server wants TLS and the client has none: neither is left waiting."""
    relay = await Relay(server.ready["c2s"]).start()
    phone = await Phone(version, relay.address, "disabled", folder / "first").start()
    try:
        phone.tell("connect")
        await within(relay.has_ended.wait(), "the library to close")
        # It tells nobody but its log: the original has no listener before its login.
        told = "TLS required by server but not allowed by connection configuration"
        await until("the library to say why", lambda: told in phone.said())
        await phone.next("connected")
        await phone.end()
    finally:
        await finish(phone)
        await relay.stop()


async def is_refused_when_it_overlooks_that(version, server, folder):
    """A library that does not look whether TLS is required gets a stream error for its registration."""
    relay = await Relay(server.ready["c2s"], lambda data: data.replace(b"<required/>", b"")).start()
    phone = await Phone(version, relay.address, "disabled", folder / "second").start()
    try:
        phone.tell("connect")
        await phone.next("connected")
        closed = await phone.next("closed-on-error")
        assert closed["error"].startswith("stream:error ("), closed
        await phone.end()
    finally:
        await finish(phone)
        await relay.stop()


async def outlives_the_server(phone, server, name):
    assert server.stop() == 0
    closed = await phone.next("closed-on-error")
    # In the brackets the library has the last child of the error, which is not always its condition.
    assert closed["error"].startswith("stream:error ("), closed
    await phone.next("reconnecting")
    server.start_again()
    meanwhile = post(server, name, "Meanwhile")
    assert await phone.comes_online(has_account=True) == name
    push = await phone.push()
    assert (push["id"], push["title"]) == (meanwhile, "Meanwhile"), push
    await is_delivered(server, meanwhile)
    await gets(phone, server, name, "After the server's return")


async def tls_story(version, folder):
    """Client 0.5.0, which asks for TLS and takes any certificate."""
    server = Server(folder, "--androidpn")
    relay = await Relay(server.ready["c2s"]).start()
    first = await Phone(version, relay.address, "required", folder / "account").start()
    second = await Phone(version, relay.address, "required", folder / "account").start()
    try:
        first.tell("connect")
        name = await first.comes_online(has_account=False)
        await gets_every_character(first, relay, server, name)
        step(f"{version}: registers, logs in over STARTTLS, gets every character, and is its own receipt")
        first.tell("disconnect")
        await first.next("closed")
        await first.end()
        await is_refused_without_tls(version, server, folder)
        await is_refused_when_it_overlooks_that(version, server, folder)
        step(f"{version}: without TLS it is told that the server wants TLS")
        second.tell("connect")
        assert await second.comes_online(has_account=True) == name
        await outlives_the_server(second, server, name)
        step(f"{version}: comes back after the server, and gets what was sent meanwhile, once")
        await second.end()
        assert server.stop() == 0
    finally:
        await finish(first, second)
        await relay.stop()
        finish_server(server)


async def finish(*phones):
    """Ends what is left of phones, and shows what they said when a test has failed."""
    for phone in phones:
        if phone.process.returncode is None:
            phone.process.kill()
            await phone.process.wait()
        if sys.exc_info()[0] is not None:
            print(phone.said(), file=sys.stderr)


def finish_server(server):
    if server.process.poll() is None:
        server.process.kill()
        server.process.wait()
    if sys.exc_info()[0] is not None:
        print(server.said(), file=sys.stderr)


async def stories(folder):
    async with asyncio.TaskGroup() as group:
        for version in VERSIONS:
            for story in (plain_story, tls_story):
                place = folder / f"{story.__name__}-{version}"
                place.mkdir()
                group.create_task(story(version, place))


def main():
    if not BINARY.is_file():
        sys.exit(f"{BINARY} is not built: run `make test`")
    missing = [version for version in VERSIONS if not (BUILT / "lib" / f"smack-{version}.jar").is_file()]
    if missing or not (BUILT / "classes").is_dir():
        sys.exit(f"{BUILT} is not built: run `make setup`")
    with tempfile.TemporaryDirectory(prefix="longwire-interop-") as folder:
        asyncio.run(stories(Path(folder)))
    print(f"interop: passed (Smack {' and '.join(VERSIONS)})")


if __name__ == "__main__":
    main()
