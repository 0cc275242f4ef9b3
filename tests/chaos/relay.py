"""A relay on loopback that misbehaves: late, narrow, cut, or half open."""
import asyncio
import socket
import struct


class Relay:
    """Between who connects to `port` and an upstream.

    latency: seconds that each piece is late; rate: bytes a second, 0 for all;
    after so many bytes of an answer it does `then`: "reset" both sides, or
    "vanish": it forwards nothing more, and closes nothing."""

    def __init__(self, upstream, latency=0.0, rate=0, after=None, then=None):
        self.upstream, self.latency, self.rate = upstream, latency, rate
        self.after, self.then = after, then
        self.tasks, self.server, self.port = set(), None, None

    async def start(self):
        self.server = await asyncio.start_server(self.join, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def stop(self):
        """Whoever used it has left: connections end by themselves."""
        self.server.close()
        if self.tasks:
            await asyncio.wait(list(self.tasks), timeout=5)

    async def join(self, reader, writer):
        task = asyncio.current_task()
        self.tasks.add(task)
        pumps = []
        try:
            back, forth = await asyncio.open_connection(
                "127.0.0.1", self.upstream.port)
            pumps = [asyncio.ensure_future(self.pump(reader, forth)),
                     asyncio.ensure_future(self.answer(back, writer, forth))]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            forth.close()
        except OSError:
            pass
        finally:
            for p in pumps:
                p.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self.tasks.discard(task)
            writer.close()

    async def pump(self, reader, writer):
        try:
            while data := await reader.read(4096):
                await self.forward(data, writer)
        except OSError:
            pass

    async def answer(self, reader, writer, forth):
        done = 0
        while data := await reader.read(256):
            done += len(data)
            if self.after is not None and done > self.after:
                if self.then == "reset":
                    reset(writer)
                    reset(forth)
                    return
                await asyncio.Event().wait()  # vanished
            await self.forward(data, writer)

    async def forward(self, data, writer):
        await asyncio.sleep(self.latency
                            + (len(data) / self.rate if self.rate else 0))
        writer.write(data)
        await writer.drain()


def reset(writer):
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    writer.transport.abort()
