"""Limits that several gateways hold together, through a real Redis server.

How exact they are, by one gateway and by three, at three times the rate:

    SHARED_SECONDS=60 python3 tests/e2e/shared_limits_test.py Exact
"""
import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (Fake, Gateway, backend, chat, conf,  # noqa: E402
                     free_port, stay_within_a_day, wait_for)

SERVER = shutil.which("redis-server") or shutil.which("redis-check-rdb")
PASSWORD = "not-to-be-seen"
SECONDS = float(os.environ.get("SHARED_SECONDS", "0"))


class Redis:
    """A server of ours, on disk nowhere."""

    def __init__(self, port=None):
        self.port = port or free_port()
        self.folder = tempfile.TemporaryDirectory(prefix="pointsman-redis-")
        self.process = None
        self.start()

    def start(self):
        # Debian's redis-tools has it by another name, and goes by the name
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1",
             "--save", "", "--requirepass", PASSWORD,
             "--unixsocket", self.folder.name + "/redis.sock",
             "--dir", self.folder.name], executable=SERVER,
            stdout=subprocess.DEVNULL)
        wait_for(lambda: self.cli("ping") == "PONG", what="redis-server")

    def cli(self, *words):
        return subprocess.run(
            ["redis-cli", "-p", str(self.port), *words],
            env={**os.environ, "REDISCLI_AUTH": PASSWORD}, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True).stdout.strip()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()

    def close(self):
        self.stop()
        self.folder.cleanup()


@unittest.skipUnless(SERVER, "there is no redis-server")
class Bed(unittest.TestCase):
    def setUp(self):
        self.redis = Redis()
        self.addCleanup(self.redis.close)
        self.fake = Fake("--tokens", "10")
        self.addCleanup(self.fake.stop)
        self.fake.configure(ttft_low_ms=0, ttft_high_ms=0)

    def text(self, limits, extra="", password="env:REDIS_PASSWORD",
             address="127.0.0.1"):
        return conf(
            [backend("one", self.fake.port, 'probe_interval = "0s";')],
            'workers = 2;\n'
            f'shared_limits = {{ address = "{address}"; '
            f'port = {self.redis.port}; password = "{password}"; }};\n'
            'tenants = ( { name = "acme"; keys = [ "env:KEY" ]; '
            f'limits = {{ {limits} }}; }} );\n' + extra)

    def gateway(self, limits, extra="", password=PASSWORD, up=True):
        g = Gateway(self.text(limits, extra),
                    env={"KEY": "secret", "REDIS_PASSWORD": password})
        self.addCleanup(g.process.kill)
        if up:
            wait_for(lambda: self.is_up(g), what="the server to be found")
        return g

    @staticmethod
    def metric(g, name):
        return g.metric("pointsman_shared_limits_" + name)

    def is_up(self, g):
        return self.metric(g, "up") == 1

    @staticmethod
    def ask(g, **members):
        return g.chat(chat("m", **{"max_tokens": 10, **members}),
                      {"authorization": "Bearer secret"})

    def stop(self, *gateways):
        for g in gateways:
            self.assertEqual(g.stop(), 0)


class Shared(Bed):
    def flood(self, gateways, seconds):
        """How many are let through, all asked as fast as they answer."""
        admitted, end = [0] * len(gateways), time.monotonic() + seconds

        def client(i):
            while time.monotonic() < end:
                status, _, body = self.ask(gateways[i])
                self.assertIn(status, (200, 429), body)
                admitted[i] += status == 200
                time.sleep(0.01)
        threads = [threading.Thread(target=client, args=(i,))
                   for i in range(len(gateways))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return admitted

    def hold(self, g, n, seconds):
        """So many requests that take so long, once they have begun."""
        self.fake.configure(ttft_low_ms=1000 * seconds,
                            ttft_high_ms=1000 * seconds)
        begun = self.fake.stats()["requests"] + n
        def client():
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.ask(g)  # the gateway may be killed meanwhile
        threads = [threading.Thread(target=client) for _ in range(n)]
        for t in threads:
            t.start()
        wait_for(lambda: self.fake.stats()["requests"] >= begun)
        self.fake.configure(ttft_low_ms=0, ttft_high_ms=0)
        return threads

    def test_a_rate_is_of_all_together(self):
        """Ten a second and a burst of ten: forty in three seconds by one
        gateway or by three, where each by itself would let all of that
        through."""
        limits = 'requests_per_minute = 600; burst = "1s";'
        gateways = [self.gateway(limits) for _ in range(3)]
        admitted = self.flood(gateways, 3)
        # each may be a tick late to hear of a burst
        self.assertLess(sum(admitted), 40 + 3 * 10)
        later = self.flood(gateways, 4)
        self.assertGreater(sum(later), 36)
        self.assertLess(sum(later), 50)
        self.stop(*gateways)

    def test_tokens_are_settled_for_all(self):
        """What was reserved and not used comes back everywhere: of 600,
        some 250 are reserved for each request, and a dozen used."""
        limits = 'tokens_per_minute = 600; burst = "60s";'
        one, two = self.gateway(limits), self.gateway(limits)
        for _ in range(10):
            status, _, body = self.ask(one, max_tokens=None)
            self.assertEqual(status, 200, body)
        used = 10 * body["usage"]["total_tokens"]

        def left():
            headers = self.ask(two, max_tokens=1)[1]
            return int(headers["x-ratelimit-remaining-tokens"])
        # ten a second are earned
        wait_for(lambda: 600 - 2 * used < left() < 600 - used + 100)
        one.stop()
        two.stop()

    def test_concurrent_requests_are_of_all_together(self):
        one = self.gateway("concurrent = 3;")
        two = self.gateway("concurrent = 3;")
        threads = self.hold(one, 2, 8)
        held = self.hold(two, 1, 8)
        for g in (one, two):
            wait_for(lambda: self.ask(g)[0] == 429)
            self.assertIn("at a time", self.ask(g)[2]["error"]["message"])
        for t in threads + held:
            t.join()
        wait_for(lambda: self.ask(two)[0] == 200)
        one.stop()
        two.stop()

    def test_what_a_dead_gateway_held_comes_back(self):
        one = self.gateway("concurrent = 2;")
        two = self.gateway("concurrent = 2;")
        self.hold(one, 2, 20)
        wait_for(lambda: self.ask(two)[0] == 429)
        one.process.kill()
        one.process.wait()
        wait_for(lambda: self.ask(two)[0] == 200, 8)
        two.stop()

    def test_a_budget_is_of_all_together(self):
        """And outlives a restart of all gateways, and of the server's data."""
        stay_within_a_day()
        limits = "daily_budget = 0.0001;"
        one, two = self.gateway(limits), self.gateway(limits)
        spent = 0
        while self.ask(one)[0] == 200:
            spent += 1
            self.assertLess(spent, 50)
        self.assertGreater(spent, 2)
        self.ask(two)  # and now it listens
        wait_for(lambda: self.ask(two)[0] == 429)
        self.assertIn("budget", self.ask(two)[2]["error"]["message"])
        # what the server forgets the gateways know
        self.redis.cli("flushall")
        self.ask(two)
        wait_for(lambda: self.redis.cli("keys", "*day*") != "")
        self.assertEqual(one.stop(), 0)
        self.assertEqual(two.stop(), 0)
        three = self.gateway(limits)
        self.ask(three)
        wait_for(lambda: self.ask(three)[0] == 429)
        three.stop()

    def test_the_ledgers_sums_are_not_counted_twice(self):
        """Two requests cost as much after a restart as before."""
        stay_within_a_day()
        limits = "daily_budget = 1.0;"
        folder = tempfile.TemporaryDirectory(prefix="pointsman-test-")
        self.addCleanup(folder.cleanup)
        ledger = f'ledger = "{folder.name}/usage.db";\n'
        sums = []
        for _ in range(2):
            g = self.gateway(limits, ledger)
            self.assertEqual(self.ask(g)[0], 200)
            self.assertEqual(g.stop(), 0)
            keys = self.redis.cli("keys", "*day*").split()
            sums.append(int(self.redis.cli("get", " ".join(keys))))
        self.assertGreater(sums[0], 0)
        self.assertEqual(sums[1], 2 * sums[0])

    def test_without_the_server_each_goes_on(self):
        limits = 'requests_per_minute = 600; burst = "1s";'
        g = self.gateway(limits, up=False)
        wait_for(lambda: self.is_up(g))
        for stop, begin in (
                (self.redis.stop, self.redis.start),
                (lambda: self.redis.process.send_signal(signal.SIGSTOP),
                 lambda: self.redis.process.send_signal(signal.SIGCONT))):
            self.assertEqual(self.ask(g)[0], 200)
            stop()
            end = time.monotonic() + 4
            while time.monotonic() < end:
                began = time.monotonic()
                self.assertIn(self.ask(g)[0], (200, 429))
                self.assertLess(time.monotonic() - began, 1)
                time.sleep(0.1)
            self.assertFalse(self.is_up(g))
            begin()
            wait_for(lambda: self.is_up(g))
        self.assertIn("shared_limits up=0", g.log())
        self.assertIn("shared_limits up=1", g.log())
        self.assertEqual(g.stop(), 0)

    def test_an_outage_is_not_owed_afterwards(self):
        """Of five seconds by itself nothing is left to be waited for."""
        g = self.gateway('requests_per_minute = 600; burst = "1s";')
        self.redis.stop()
        wait_for(lambda: not self.is_up(g))
        end = time.monotonic() + 5
        while time.monotonic() < end:
            self.ask(g)
        self.redis.start()
        wait_for(lambda: self.is_up(g))
        wait_for(lambda: self.ask(g)[0] == 200, 2)
        self.stop(g)

    def test_a_server_whose_clock_was_set_back(self):
        """By an hour: no tenant waits for as long."""
        g = self.gateway('requests_per_minute = 600; concurrent = 9;')
        self.assertEqual(self.ask(g)[0], 200)
        rates = wait_for(lambda: self.redis.cli("keys", "*rates*"))
        times = self.redis.cli("hgetall", rates).split()
        for name, at in zip(times[::2], times[1::2]):
            self.redis.cli("hset", rates, name, str(float(at) + 3600e6))
        opened = rates.replace("rates", "open")
        self.redis.cli("hset", opened, "dead", f"9 {time.time() + 3600:.0f}"
                       "000000")
        told = self.metric(g, "told_total")
        wait_for(lambda: self.ask(g) and self.metric(g, "told_total") > told)
        self.assertEqual(self.ask(g)[0], 200)
        self.assertEqual(self.redis.cli("hget", opened, "dead"), "")
        self.stop(g)

    def test_a_wrong_password_is_told_and_not_shown(self):
        g = self.gateway("concurrent = 3;", password="another-secret",
                         up=False)
        wait_for(lambda: "WRONGPASS" in g.log())
        self.assertEqual(self.ask(g)[0], 200)
        self.assertFalse(self.is_up(g))
        self.assertNotIn("another-secret", g.log())
        # a reload mends it, and another takes it away
        g.write(self.text("concurrent = 3;", password="file:" + self.secret()))
        g.send_signal(signal.SIGHUP)
        wait_for(lambda: self.is_up(g))
        g.write(self.text("concurrent = 3;").replace(
            'address = "127.0.0.1"; ', "", 2).replace("shared_limits", "#", 1))
        g.send_signal(signal.SIGHUP)
        wait_for(lambda: "shared_limits_up" not in g.metrics())
        self.assertEqual(self.ask(g)[0], 200)
        self.assertEqual(g.stop(), 0)

    def test_the_ways_to_a_server(self):
        g = self.gateway("concurrent = 3;")
        self.redis.cli("acl", "setuser", "me", "on", ">" + PASSWORD,
                       "~mine:*", "+@all")
        for address, more in (
                (f"unix:{self.redis.folder.name}/redis.sock", ""),
                ("localhost", 'prefix = "mine"; user = "me"; database = 3;')):
            text = self.text("concurrent = 3;", address=address)
            g.write(text.replace("address", more + " address", 1))
            g.send_signal(signal.SIGHUP)
            told = self.metric(g, "told_total")
            wait_for(lambda: self.is_up(g) and self.ask(g)[0] == 200 and
                     self.metric(g, "told_total") > told)
        self.assertIn("mine:{acme}", self.redis.cli("-n", "3", "keys", "*"))
        g.write(self.text("concurrent = 3;", address="no-such-host.invalid"))
        g.send_signal(signal.SIGHUP)
        wait_for(lambda: "reason=" in g.log() and not self.is_up(g))
        self.assertEqual(self.ask(g)[0], 200)
        self.assertEqual(g.stop(), 0)

    def secret(self):
        path = os.path.join(self.redis.folder.name, "password")
        with open(path, "w", encoding="ascii") as f:
            f.write(PASSWORD + "\n")
        os.chmod(path, 0o600)
        return path


@unittest.skipUnless(SECONDS, "SHARED_SECONDS is not set")
class Exact(Bed):
    RATE, CLIENTS = 100, 48  # a second; the burst is of five

    def client(self, port, due, end, count):
        c = http.client.HTTPConnection("127.0.0.1", port)
        body = json.dumps(chat("m", max_tokens=1))
        while due < end:
            time.sleep(max(0, due - time.monotonic()))
            c.request("POST", "/v1/chat/completions", body,
                      {"content-type": "application/json",
                       "authorization": "Bearer secret"})
            r = c.getresponse()
            r.read()
            count.append(r.status)
            due += self.CLIENTS / (3 * self.RATE)

    def test_over_time(self):
        for n in (1, 3):
            gateways = [self.gateway(f"requests_per_minute = "
                                     f"{60 * self.RATE};") for _ in range(n)]
            self.redis.cli("flushall")
            seen, now = [], time.monotonic()
            threads = [threading.Thread(target=self.client, args=(
                gateways[i % n].port, now + i / (3 * self.RATE),
                now + SECONDS, seen)) for i in range(self.CLIENTS)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            admitted = seen.count(200)
            print(f"{n} gateways: {admitted} of {len(seen)} admitted, the "
                  f"rate {self.RATE * SECONDS:.0f}, the burst "
                  f"{5 * self.RATE}", flush=True)
            self.assertLess(admitted, 1.01 * self.RATE * SECONDS +
                            5 * self.RATE)
            self.stop(*gateways)


if __name__ == "__main__":
    unittest.main(verbosity=2)
