"""The real server on free ports and a new data directory, and what the tests of this folder wait with."""

import asyncio
import json
import os
import pathlib
import signal
import subprocess
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "longwire"
PATIENCE_S = 20


class Server:
    """`longwire serve` on free ports and a new data directory; started again, on the same ports and with its data."""

    def __init__(self, folder, *options):
        self.folder = pathlib.Path(folder)
        self.options = options
        self.folder.mkdir(exist_ok=True)
        self.log = open(self.folder / "server.log", "w+", encoding="utf-8")
        self.api_key = None
        self.start(http="127.0.0.1:0", c2s="127.0.0.1:0", c2s_tls="127.0.0.1:0")

    def start(self, http, c2s, c2s_tls):
        command = [BINARY, "serve", "--data-dir", self.folder / "data", "--http", http, "--c2s", c2s, "--c2s-tls", c2s_tls, *self.options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        for line in self.process.stdout:
            told = json.loads(line)
            self.api_key = told.get("api_key", self.api_key)
            if told.get("ready"):
                self.ready = told
                return
        raise RuntimeError(f"the server did not start: {self.said()}")

    def start_again(self):
        self.start(self.ready["http"].removeprefix("http://"), self.ready["c2s"], self.ready["c2s_tls"])

    def said(self):
        """Its log so far."""
        return (self.folder / "server.log").read_text(encoding="utf-8")

    def call(self, method, path, body=None):
        """One call of the HTTP API: status and JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.ready["http"] + path, data=data, method=method)
        request.add_header("Authorization", f"Bearer {self.api_key}")
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.status, json.loads(answer.read() or "null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or "null")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


async def within(awaitable, what):
    try:
        return await asyncio.wait_for(awaitable, PATIENCE_S)
    except asyncio.TimeoutError:
        raise AssertionError(f"waited {PATIENCE_S} s in vain for {what}") from None


async def until(what, look):
    """Waits for a condition of the API."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while True:
        found = await asyncio.to_thread(look)
        if found:
            return found
        assert asyncio.get_running_loop().time() < deadline, f"waited {PATIENCE_S} s in vain for {what}"
        await asyncio.sleep(0.02)


def step(text):
    print(f"  ok: {text}", flush=True)
