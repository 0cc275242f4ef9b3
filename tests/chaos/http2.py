"""As much of HTTP/2 as an upstream needs that is about to misbehave in it.

RFC 9113's frames, and of HPACK (RFC 7541) only literals: a request's headers
are not read, its body is. One request a connection."""
import asyncio
import json
import struct

from upstream import JSON, SSE, Call

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
ACK = END_STREAM = 1
END_HEADERS = 4
NO_ERROR, INTERNAL_ERROR, REFUSED_STREAM = 0, 2, 7
STATUS_200 = b"\x88"  # of the static table
CONTENT_TYPE = b"\x0f\x10"  # the name of its entry 31


def frame(kind, flags, stream, payload=b""):
    return (struct.pack("!I", len(payload))[1:] + bytes((kind, flags))
            + struct.pack("!I", stream) + payload)


async def read_frame(reader):
    head = await reader.readexactly(9)
    length = int.from_bytes(head[:3], "big")
    return (head[3], head[4], int.from_bytes(head[5:], "big"),
            await reader.readexactly(length))


class Call2(Call):
    """Takes what scripts write for HTTP/1.1, and frames of its own."""

    stream = 1

    async def hear(self):
        """Here a peer leaves by resetting its stream."""
        try:
            while (await read_frame(self.reader))[0] not in (RST_STREAM,
                                                             GOAWAY):
                pass
        except (asyncio.IncompleteReadError, OSError):
            pass

    async def raw(self, data):
        return await super().write(data)

    async def head(self, kind):
        return await self.raw(frame(
            HEADERS, END_HEADERS, self.stream,
            STATUS_200 + CONTENT_TYPE + bytes((len(kind),)) + kind))

    async def write(self, data):
        if data in (SSE, JSON):
            return await self.head(
                b"text/event-stream" if data == SSE else b"application/json")
        if data == b"0\r\n\r\n":
            return await self.raw(frame(DATA, END_STREAM, self.stream))
        return await self.chunk(data)

    async def chunk(self, data):
        return await self.raw(frame(DATA, 0, self.stream, data))

    async def plain(self, status, body, *headers,
                    content_type="application/json"):
        assert status == 200
        await self.head(content_type.encode())
        await self.chunk(json.dumps(body).encode())
        return await self.write(b"0\r\n\r\n")

    async def rst_stream(self, code):
        return await self.raw(frame(RST_STREAM, 0, self.stream,
                                    struct.pack("!I", code)))

    async def goaway(self, last, code=NO_ERROR):
        return await self.raw(frame(GOAWAY, 0, 0,
                                    struct.pack("!II", last, code)))


async def accept_http2(name, reader, writer):
    """A request, when its body is in; None at the connection's end."""
    body = b""
    try:
        if await reader.readexactly(len(PREFACE)) != PREFACE:
            return None
        writer.write(frame(SETTINGS, 0, 0))
        while True:
            kind, flags, stream, payload = await read_frame(reader)
            if kind == SETTINGS and not flags & ACK:
                writer.write(frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                writer.write(frame(PING, ACK, 0, payload))
            elif kind == DATA:
                body += payload
            if kind in (DATA, HEADERS) and flags & END_STREAM:
                call = Call2(name, reader, writer, "/", {}, body)
                call.stream = stream
                return call
    except (asyncio.IncompleteReadError, OSError):
        return None
