"""WebSockets for tests, byte by byte: both ends, no more than RFC 6455 needs,
and a backend that speaks the Realtime API as far as tests want it."""
import base64
import hashlib
import json
import os
import socket
import threading

from harness import free_port

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUES, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class Refused(Exception):
    """The handshake was answered with something else than a 101."""

    def __init__(self, status, headers, body):
        super().__init__(f"{status} {body!r}")
        self.status, self.headers, self.body = status, headers, body


def accept_of(key):
    return base64.b64encode(
        hashlib.sha1((key + GUID).encode()).digest()).decode()


def frame(payload, opcode=TEXT, mask=False, fin=True):
    if isinstance(payload, str):
        payload = payload.encode()
    n = len(payload)
    bit = 0x80 if mask else 0
    head = bytes([(0x80 if fin else 0) | opcode])
    if n < 126:
        head += bytes([bit | n])
    elif n < 1 << 16:
        head += bytes([bit | 126]) + n.to_bytes(2, "big")
    else:
        head += bytes([bit | 127]) + n.to_bytes(8, "big")
    if not mask:
        return head + payload
    key = os.urandom(4)
    pad = (key * (n // 4 + 1))[:n]
    return head + key + (int.from_bytes(payload, "big")
                         ^ int.from_bytes(pad, "big")).to_bytes(n, "big")


def read_head(file):
    """The first line and the headers, by names in lower case."""
    line = file.readline().decode("latin-1").strip()
    if not line:
        raise EOFError("no head")
    headers = {}
    for raw in iter(file.readline, b"\r\n"):
        if not raw:
            raise EOFError("half a head")
        name, _, value = raw.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return line, headers


class Peer:
    """One end of a WebSocket."""

    def __init__(self, sock, file, masks):
        self.sock, self.file, self.masks = sock, file, masks
        self.closed = None  # the status of the far end's close frame
        self.words = ""  # and what it says besides

    def send(self, payload, opcode=TEXT, fin=True):
        if isinstance(payload, (dict, list)):
            payload = json.dumps(payload)
        self.sock.sendall(frame(payload, opcode, self.masks, fin))

    def recv(self):
        """(opcode, payload) of the next frame; None: the end."""
        head = self.file.read(2)
        if len(head) < 2:
            return None
        n = head[1] & 0x7f
        if n >= 126:
            n = int.from_bytes(self.file.read(2 if n == 126 else 8), "big")
        key = self.file.read(4) if head[1] & 0x80 else b""
        payload = self.file.read(n)
        if len(payload) < n:
            return None
        if key:
            pad = (key * (n // 4 + 1))[:n]
            payload = (int.from_bytes(payload, "big")
                       ^ int.from_bytes(pad, "big")).to_bytes(n, "big")
        if head[0] & 0xf == CLOSE:
            self.closed = int.from_bytes(payload[:2], "big")
            self.words = payload[2:].decode()
        return head[0] & 0xf, payload

    def event(self):
        """The next event, as JSON; None: a close, or the end."""
        while True:
            got = self.recv()
            if got is None or got[0] == CLOSE:
                return None
            if got[0] == TEXT:
                return json.loads(got[1])

    def close(self, status=1000):
        self.send(status.to_bytes(2, "big"), CLOSE)

    def end(self):
        """Without a word."""
        for close in (self.file.close, self.sock.close):
            try:
                close()
            except OSError:
                pass


def connect(port, path="/v1/realtime?model=m", headers=None, timeout=10,
            context=None, after=None):
    """A client's end. Refused: the handshake was. after: what the connection
    was used to GET before."""
    sock = socket.create_connection(("127.0.0.1", port), timeout)
    if context is not None:
        sock = context.wrap_socket(sock, server_hostname="127.0.0.1")
    file = sock.makefile("rb")
    if after is not None:
        sock.sendall(f"GET {after} HTTP/1.1\r\nhost: localhost\r\n\r\n"
                     .encode())
        file.read(int(read_head(file)[1]["content-length"]))
    key = base64.b64encode(os.urandom(16)).decode()
    sent = {"host": f"127.0.0.1:{port}", "connection": "keep-alive, Upgrade",
            "upgrade": "websocket", "sec-websocket-version": "13",
            "sec-websocket-key": key,
            "sec-websocket-extensions": "permessage-deflate"}
    sent.update(headers or {})
    lines = "".join(f"{n}: {v}\r\n" for n, v in sent.items() if v is not None)
    sock.sendall(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
    line, got = read_head(file)
    status = int(line.split()[1])
    if status != 101:
        body = file.read(int(got.get("content-length", 0)))
        sock.close()
        raise Refused(status, got, json.loads(body) if body else None)
    assert got["sec-websocket-accept"] == accept_of(key), got
    assert "sec-websocket-extensions" not in got, got
    peer = Peer(sock, file, True)
    peer.headers = got
    return peer


USAGE = {"total_tokens": 30, "input_tokens": 20, "output_tokens": 10,
         "input_token_details": {"cached_tokens": 4, "text_tokens": 8,
                                 "audio_tokens": 12},
         "output_token_details": {"text_tokens": 3, "audio_tokens": 7}}


def speak(peer):
    """What a Realtime API says, in short: each response.create is answered."""
    peer.send({"type": "session.created", "session": {"type": "realtime"}})
    while (event := peer.event()) is not None:
        if event["type"] != "response.create":
            continue
        peer.send({"type": "response.created", "response": {}})
        for word in ("one ", "two"):
            peer.send({"type": "response.output_text.delta", "delta": word})
        peer.send({"type": "response.done", "response": {
            "status": "completed", "output": [], "usage": USAGE}})
    peer.close()


class Server:
    """A backend: `talk` gets each session (a Peer), once `refuse` has let it
    pass. refuse(headers): None, or the bytes of another answer."""

    def __init__(self, talk=speak, refuse=lambda headers: None, context=None):
        self.talk, self.refuse, self.context = talk, refuse, context
        self.asked = []  # (line, headers) of each handshake
        self.peers = []
        self.socket = socket.create_server(("127.0.0.1", free_port()))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.meet, args=(sock,),
                             daemon=True).start()

    def meet(self, sock):
        try:
            if self.context is not None:
                sock = self.context.wrap_socket(sock, server_side=True)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            file = sock.makefile("rb")
            line, headers = read_head(file)
            if line.split()[1].split("?")[0] != "/v1/realtime":
                sock.sendall(b"HTTP/1.1 404 Not Found\r\n"
                             b"content-length: 0\r\n\r\n")
                return  # a probe
            self.asked.append((line, headers))
            other = self.refuse(headers)
            if other is not None:
                sock.sendall(other)
                return
            answer = ("HTTP/1.1 101 Switching Protocols\r\n"
                      "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Accept: "
                      f"{accept_of(headers['sec-websocket-key'])}\r\n")
            if "sec-websocket-protocol" in headers:
                answer += "Sec-WebSocket-Protocol: realtime\r\n"
            sock.sendall((answer + "\r\n").encode())
            peer = Peer(sock, file, False)
            self.peers.append(peer)
            self.talk(peer)
        except (OSError, EOFError, ValueError):
            pass  # the far end has left
        finally:
            try:
                sock.close()
                file.close()
            except (OSError, UnboundLocalError):
                pass

    def stop(self):
        self.socket.close()
        for peer in self.peers:
            peer.end()
