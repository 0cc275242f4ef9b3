"""Backends that speak HTTP/2: a real server, node's (http2_server.js)."""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (ROOT, Fake, Gateway, backend, chat, conf,  # noqa: E402
                     events, wait_for)

HERE = os.path.dirname(os.path.abspath(__file__))
NODE = os.path.join(ROOT, "build/tools/node/node_modules/.bin/node")
if not os.path.exists(NODE):
    NODE = shutil.which("node")
MB = 1 << 20
# sanitized, what was freed would be kept for long: it is measured here
FREES = {"ASAN_OPTIONS": "detect_leaks=1:quarantine_size_mb=1"}


class Server:
    def __init__(self, folder, streams):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-keyout",
             folder + "/key.pem", "-out", folder + "/cert.pem", "-days", "2",
             "-subj", "/CN=localhost"],
            check=True, stderr=subprocess.DEVNULL)
        self.process = subprocess.Popen(
            [NODE, HERE + "/http2_server.js", folder, str(streams)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = json.loads(self.process.stdout.readline())["port"]
        self.told = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.told.append(json.loads(line))

    def say(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def heard(self, what):
        return [t for t in self.told if what in t]

    def hear(self, what, n):
        """So many of them: what it says takes its time to come."""
        return wait_for(lambda: len(self.heard(what)) >= n
                        and self.heard(what), what=f"{n} times {what}")

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()


class Client:
    """Asks for a stream of text, and reads what comes of it."""

    def __init__(self, port, play, path="/v1/chat/completions"):
        body = json.dumps(
            chat("m", stream=True, messages=[{"role": "user",
                                              "content": "play " + play}])
            if "chat" in path else
            {"model": "m", "input": "play " + play, "voice": "a"}).encode()
        self.socket = socket.socket()
        # what it does not read is not read for it
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall(
            b"POST %s HTTP/1.0\r\nhost: 127.0.0.1\r\ncontent-type: "
            b"application/json\r\ncontent-length: %d\r\n\r\n"
            % (path.encode(), len(body)) + body)
        self.got = bytearray()

    def until(self, words):
        while words not in self.got:
            more = self.socket.recv(65536)
            assert more, self.got[-1000:]
            self.got += more
        return self

    def rest(self, most=65536, pause=0.0):
        """The whole body."""
        with self.socket:
            while more := self.socket.recv(most):
                self.got += more
                if pause:
                    time.sleep(pause)
        return self.got.partition(b"\r\n\r\n")[2]

    def leave(self):
        self.socket.close()


def pattern(n):
    return (b"abcdefg" * (n // 7 + 1))[:n]


@unittest.skipUnless(NODE, "no node: tools/bootstrap test")
class Stage(unittest.TestCase):
    streams = 100  # of a connection
    others = ()  # backends

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pointsman-test-")
        self.addCleanup(folder.cleanup)
        self.server = Server(folder.name, self.streams)
        self.addCleanup(self.server.stop)
        row = backend("one", self.server.port,
                      'probe_interval = "0s"; tls_insecure = true;', "openai")
        self.gateway = Gateway(conf(
            [row.replace("http://", "https://"), *self.others],
            "workers = 1;\n"), env=FREES)
        self.addCleanup(self.stop)

    def stop(self):
        wait_for(lambda: self.gateway.status()["requests"] == 0,
                 what="the gateway to be idle")
        self.assertEqual(self.gateway.stop(), 0)

    def ask(self, play, **more):
        return Client(self.gateway.port, play, **more)

    def sound(self, n, play="sound"):
        return self.ask(f"{play} {n}", path="/v1/audio/speech")

    def words(self, client):
        """Of a whole stream."""
        raw = client.rest().decode()
        said = events(raw)
        self.assertEqual(said[-1:], ["[DONE]"], client.got)
        return "".join(json.loads(e)["choices"][0]["delta"].get("content", "")
                       for e in said[:-1] if json.loads(e)["choices"])

    def failed(self, client):
        """The words of the error at a stream's end."""
        said = events(client.rest().decode())
        self.assertNotIn("[DONE]", said)
        return json.loads(said[-1])["error"]


class Http2(Stage):
    def test_one_stream_after_another(self):
        for n in (1, 3, 5000):
            self.assertEqual(self.words(self.ask(f"words {n}")),
                             "".join(f"w{i} " for i in range(n)))

    def test_a_long_event_is_not_kept_until_the_next(self):
        """Nothing else comes meanwhile."""
        for play in ("long 3000", "long 30000", "long 200000", "heads 3000",
                     "heads 20000"):
            client = self.ask(play).until(b'xxx"')
            self.server.say("go")
            self.assertEqual(self.words(client),
                             "x" * int(play.split()[1]))

    def test_who_leaves_is_heard_of_at_once_and_others_go_on(self):
        clients = [self.ask("hold").until(b"held") for _ in range(3)]
        clients.pop(0).leave()
        wait_for(lambda: self.server.heard("left"), 2, "who left")
        self.server.say("go")
        for c in clients:
            self.assertEqual(self.words(c), "held")
        self.assertEqual(len(self.server.heard("left")), 1)

    def test_a_slow_client_gets_all(self):
        """It makes the gateway pause, again and again; the last bytes may
        have been read by then, and nothing comes after them."""
        for n in (3 * MB, 6 * MB + 12345, 12 * MB + 1):
            for most, pause in ((65536, 0.001), (8192, 0.0)):
                got = self.sound(n).rest(most, pause)
                self.assertEqual(len(got), n)
                self.assertEqual(got, pattern(n))

    def test_a_slow_client_holds_up_its_backend_and_nobody_else(self):
        n = 32 * MB
        self.words(self.ask("words 3"))
        before = self.settled()
        slow = [self.sound(n).until(b"abcdefg") for _ in range(3)]
        self.assertLess(self.settled() - before, n // 4)
        for _ in range(3):
            self.assertEqual(self.words(self.ask("words 3")), "w0 w1 w2 ")
        for c in slow:
            self.assertEqual(len(c.rest()), n)

    def resident(self):
        with open(f"/proc/{self.gateway.process.pid}/statm",
                  encoding="ascii") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def settled(self):
        """Bytes of the gateway, when they grow no more."""
        def settled():
            before = self.resident()
            time.sleep(0.2)
            return self.resident() == before

        wait_for(settled, what="the gateway to pause")
        return self.resident()

    def test_a_cut_while_paused_is_said(self):
        client = self.ask("words 200000").until(b"w0 ")
        self.settled()
        self.server.say("drop")
        wait_for(lambda: self.server.heard("closed"), what="the cut")
        self.assertEqual(self.failed(client)["code"], "upstream_failed")

    def test_a_stream_that_is_reset_is_said_to_be_cut(self):
        client = self.ask("reset").until(b"held")
        self.server.say("go")
        self.assertEqual(self.failed(client)["code"], "upstream_failed")

    def test_a_server_that_leaves_ends_its_streams_first(self):
        client = self.ask("leave").until(b"held")
        self.assertEqual(self.words(self.ask("words 3")), "w0 w1 w2 ")
        self.server.say("go")
        self.assertEqual(self.words(client), "held")
        first, second = self.server.hear("play", 2)
        self.assertNotEqual(first["connection"], second["connection"])

    def test_hints_and_trailers_are_left_alone(self):
        for play in ("hints", "trailers"):
            client = self.ask(play)
            self.assertEqual(self.words(client), "w0 w1 w2 ")
            self.assertNotIn(b"</a>", client.got)
            self.assertNotIn(b"x-cost", client.got)

    def test_a_refused_stream_is_asked_for_again(self):
        self.assertEqual(self.words(self.ask("refuse")), "w0 w1 w2 ")
        first, second = self.server.hear("play", 2)
        self.assertNotEqual(first["connection"], second["connection"])

    def test_who_always_refuses_has_failed(self):
        client = self.ask("refuseall")
        self.assertIn(b"all_backends_failed", client.rest())
        self.assertIn(b"HTTP/1.1 502 ", client.got)

    def test_after_a_421_another_connection_is_taken(self):
        client = self.ask("misdirect")
        client.rest()
        self.assertIn(b"HTTP/1.1 502 ", client.got)
        self.assertEqual(self.words(self.ask("misdirect")), "w0 w1 w2 ")
        first, second = self.server.hear("play", 2)
        self.assertNotEqual(first["connection"], second["connection"])

    def test_after_a_421_on_a_kept_one_too_and_at_once(self):
        # a stream's client is done at its [DONE], and its connection later
        self.sound(7).rest()
        self.assertEqual(self.words(self.ask("misdirect")), "w0 w1 w2 ")
        kept, first, second = self.server.hear("play", 3)
        self.assertEqual(kept["connection"], first["connection"])
        self.assertNotEqual(first["connection"], second["connection"])


class OneStream(Stage):
    """Its backend takes one of a connection."""

    streams = 1

    def test_others_have_connections_of_their_own(self):
        clients = [self.ask("hold").until(b"held") for _ in range(4)]
        self.server.say("go")
        for c in clients:
            self.assertEqual(self.words(c), "held")


class Lost(Stage):
    def setUp(self):
        other = Fake()
        self.addCleanup(other.stop)
        self.others = [backend("two", other.port).replace("= 1.0", "= 9.0")]
        super().setUp()

    def test_each_stream_of_a_connection_fails_for_itself(self):
        begun = [self.ask("hold").until(b"held") for _ in range(4)]
        waiting = [self.ask("silent") for _ in range(4)]
        wait_for(lambda: len(self.server.heard("play")) == 8,
                 what="all requests")
        self.server.say("drop")
        for c in begun:
            self.assertEqual(self.failed(c)["code"], "upstream_failed")
        for c in waiting:
            self.assertNotEqual(self.words(c), "")


if __name__ == "__main__":
    unittest.main(verbosity=2)
