"""Stands between a phone and the server: keeps what the phone sends, holds it back when told to, and changes what the server says."""

import asyncio

from server import within


class Relay:
    def __init__(self, target, change=lambda data: data):
        self.target = target
        self.change = change
        self.sent = bytearray()
        self.has_ended = asyncio.Event()
        self.news = asyncio.Condition()
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.tasks = set()

    async def start(self):
        self.listener = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self.listener.sockets[0].getsockname()[1]}"
        return self

    async def stop(self):
        self.listener.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def hold(self):
        """Nothing of the phone reaches the server until `release`."""
        self.is_open.clear()

    def release(self):
        self.is_open.set()

    async def heard(self, what, wanted):
        """Waits until `wanted` is true of what the phone has sent since it was last forgotten."""
        async with self.news:
            await within(self.news.wait_for(lambda: wanted(bytes(self.sent))), what)

    async def _relay(self, reader, writer):
        host, port = self.target.rsplit(":", 1)
        try:
            up_reader, up_writer = await asyncio.open_connection(host, int(port))
        except ConnectionError:
            writer.close()
            return
        for way in (self._carry(reader, up_writer, self._up), self._carry(up_reader, writer, self._down)):
            task = asyncio.create_task(way)
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _carry(self, reader, writer, way):
        try:
            while data := await reader.read(65536):
                writer.write(await way(data))
                await writer.drain()
        except ConnectionError:
            # That side has gone; the other one is told so.
            pass
        finally:
            writer.close()
            if way == self._up:
                self.has_ended.set()

    async def _up(self, data):
        async with self.news:
            self.sent += data
            self.news.notify_all()
        await self.is_open.wait()
        return data

    async def _down(self, data):
        return self.change(data)
