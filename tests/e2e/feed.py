"""What the tests of the operators' page share: a fleet, and a reader of the
live feed."""
import http.client
import json
import os
import socket
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import Fake, Gateway, backend, conf  # noqa: E402

CLASSES = ('slo = ( { name = "quick"; ttft = "150ms"; percentile = 95; '
           'priority = "premium"; }, { name = "relaxed"; total = "60s"; '
           'percentile = 90; priority = "batch"; } );\n'
           'default_slo = "quick";\n')
TENANTS = ('tenants = ( { name = "acme"; slo = "quick"; may_pin = true; '
           'keys = [ "env:LIVE_ACME" ]; }, { name = "other"; '
           'slo = "quick"; keys = [ "env:LIVE_OTHER" ]; } );\n')
ENV = {"LIVE_ACME": "acme-key", "LIVE_OTHER": "other-key",
       "LIVE_EYES": "eyes-key"}
EYES = ('admin_keys = ( { key = "env:LIVE_EYES"; role = "read"; '
        'name = "eyes"; } );\n')


class Feed:
    """A reader of the feed."""

    def __init__(self, port, key=None, path=None):
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        if path is not None:
            self.http.sock = socket.socket(socket.AF_UNIX)
            self.http.sock.settimeout(30)
            self.http.sock.connect(path)
        self.http.request("GET", "/admin/v1/live", headers={} if key is None
                          else {"authorization": f"Bearer {key}"})
        self.answer = self.http.getresponse()
        self.status = self.answer.status

    def event(self):
        """The next one: (name, data); None: the end."""
        name = self.answer.readline().decode()
        if not name:
            return None
        data = self.answer.readline().decode()
        assert self.answer.readline() == b"\n"
        assert name.startswith("event: ") and data.startswith("data: ")
        return name[7:-1], json.loads(data[6:])

    def next(self, kind):
        while True:
            name, data = self.event()
            if name == kind:
                return data

    def until(self, condition, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            data = self.next("now")
            if condition(data):
                return data
        raise AssertionError(f"not within {seconds} s: {data}")

    def close(self):
        self.answer.close()
        self.http.close()


class Bed(unittest.TestCase):
    def fake(self, *options):
        f = Fake("--tokens", "3", *options)
        self.addCleanup(f.stop)
        return f

    def start(self, fakes, extra="", **more):
        rows = [backend(name, f.port) for name, f in fakes.items()]
        g = Gateway(conf(rows, CLASSES + extra), env=ENV, **more)
        self.addCleanup(lambda: self.assertEqual(g.stop(), 0))
        return g

    def feed(self, g, key=None):
        f = Feed(g.admin, key)
        self.addCleanup(f.close)
        return f
