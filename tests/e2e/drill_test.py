"""A rehearsed failover: requests move for real, nothing is sent to the backend
that is said to fail, and it is trusted as before once the drill is over."""
import json
import os
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (POINTSMAN, Fake, Gateway, Stub, backend,  # noqa: E402
                     chat, conf, http_json, wait_for)

PATH = "/admin/v1/drill"
KEYS = {"DRILL_TEST_A": "key-a", "DRILL_TEST_B": "key-b"}
TENANTS = ('tenants = ( { name = "a"; keys = [ "env:DRILL_TEST_A" ]; }, '
           '{ name = "b"; keys = [ "env:DRILL_TEST_B" ]; } );\n')


def bearer(key):
    return {"authorization": f"Bearer {key}"}


class Bed(unittest.TestCase):
    """`main` is cheap and answers everything, `spare` is dear."""

    extra = ""
    env = {}

    def setUp(self):
        self.main = Fake("--tokens", "3")
        self.spare = Fake("--tokens", "3")
        self.gateway = Gateway(conf(
            [backend("main", self.main.port),
             backend("spare", self.spare.port).replace("1.0", "9.0")],
            self.extra), env=self.env)

    def tearDown(self):
        left = self.gateway.stop()
        self.main.stop()
        self.spare.stop()
        self.assertEqual(left, 0)

    def admin(self, method, query=""):
        status, _, body = http_json(self.gateway.admin, method, PATH + query)
        return status, body

    def ask(self, headers=None, **members):
        status, answer, body = self.gateway.chat(chat("m", **members), headers)
        self.assertEqual(status, 200, body)
        return answer

    def asked(self, fake):
        """Chats that a backend was sent by clients."""
        return fake.stats()["requests"]

    def drill(self):
        return self.admin("GET")[1]["drill"]

    def command(self, *argv):
        return subprocess.Popen(
            [POINTSMAN, "drill", "--admin",
             f"http://127.0.0.1:{self.gateway.admin}", *argv],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class Failover(Bed):
    def test_requests_move_and_nothing_is_remembered(self):
        for _ in range(3):
            self.assertEqual(self.ask()["x-pointsman-backend"], "main")
        before = self.asked(self.main)
        p = self.command("--fail", "main", "--for", "1h", "--json")
        wait_for(self.drill, what="the drill")
        for stream in (False, True) * 5:
            answer = self.ask(stream=stream)
            self.assertEqual(answer["x-pointsman-backend"], "spare")
            self.assertEqual(answer["x-pointsman-attempts"], "2")
        self.assertEqual(self.asked(self.main), before)

        receipt = http_json(self.gateway.admin, "GET", "/admin/v1/receipts/"
                            + answer["x-pointsman-receipt"])[2]
        self.assertEqual(
            [a["fault"] for a in receipt["outcome"]["attempts"]],
            ["drill", None])
        log = self.gateway.log()
        self.assertIn("event=begin backend=main tenant=-", log)
        self.assertEqual(log.count("backend=main reason=drill"), 10)
        self.assertEqual(self.gateway.metric(
            "pointsman_attempts_total", backend="main", fault="drill"), 10)
        serving = self.gateway.backends()["main"]["servings"][0]
        self.assertEqual(serving["state"], "ok")
        self.assertEqual(serving["errors"], 0)
        self.assertIsNone(serving["last_fault"])

        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=20)
        self.assertEqual(p.returncode, 0, err)
        d = json.loads(out)["drill"]
        self.assertEqual((d["ended"], d["requests"], d["moved"], d["failed"],
                          d["running"]), ("stopped", 10, 10, 0, 0))
        self.assertEqual(d["attempts"], 10)
        # back at once, without a breaker's half-open state
        for _ in range(3):
            self.assertEqual(self.ask()["x-pointsman-backend"], "main")

    def test_the_words_of_the_command(self):
        p = self.command("--fail", "main", "--for", "1h")
        wait_for(self.drill, what="the drill")
        for _ in range(12):  # the router learns what to expect
            self.ask()
        stop = self.command("--stop")
        out, err = stop.communicate(timeout=20)
        self.assertEqual(stop.returncode, 0, err)
        self.assertIn("main fails for everybody, 3600 s; ended: stopped", out)
        out, err = p.communicate(timeout=20)
        self.assertEqual(p.returncode, 0, err)
        self.assertIn("12 met it: 12 moved and answered, 0 failed", out)
        stop = self.command("--stop")
        self.assertEqual(stop.wait(20), 1)
        self.assertIn("no drill is running", stop.communicate()[1])

    def test_it_ends_by_itself(self):
        began = time.monotonic()
        p = self.command("--fail", "main", "--for", "1s")
        wait_for(self.drill, what="the drill")
        p.kill()
        p.communicate()
        wait_for(lambda: self.ask()["x-pointsman-backend"] == "main",
                 what="the end")
        self.assertGreaterEqual(time.monotonic() - began, 1)
        self.assertEqual(self.drill()["ended"], "time")
        wait_for(lambda: "event=end backend=main tenant=- reason=time"
                 in self.gateway.log(), what="the line")

    def test_a_reload_ends_it(self):
        self.assertEqual(self.admin("POST", "?fail=main&for=1h")[0], 200)
        http_json(self.gateway.admin, "POST", "/admin/v1/reload")
        self.assertEqual(self.drill()["ended"], "reload")
        self.assertEqual(self.ask()["x-pointsman-backend"], "main")

    def test_failing_all_there_is_fails_loudly(self):
        self.spare.stop()
        self.assertEqual(self.admin("POST", "?fail=main&for=1h")[0], 200)
        statuses = {self.gateway.chat(chat("m"))[0] for _ in range(3)}
        self.assertTrue(statuses <= {502, 503}, statuses)
        p = self.command("--stop")
        self.assertEqual(p.wait(20), 1, p.communicate())
        p.communicate()
        self.assertEqual(self.ask()["x-pointsman-backend"], "main")

    def test_one_at_a_time_and_within_bounds(self):
        for query, want in (("", "fail"), ("?fail=nobody", "nobody"),
                            ("?fail=main&for=2h", "1s..1h"),
                            ("?fail=main&for=60", "1s..1h"),
                            ("?fail=main&for=1ms", "1s..1h"),
                            ("?fail=main&tenant=x", "tenant"),
                            ("?fail=main&more=1", "more")):
            status, body = self.admin("POST", query)
            self.assertEqual(status, 400, query)
            self.assertIn(want, body["error"]["message"])
        self.assertIsNone(self.drill())
        self.assertEqual(self.admin("DELETE")[0], 404)
        self.assertEqual(self.admin("POST", "?fail=main")[1]["drill"]
                         ["seconds"], 60)
        status, body = self.admin("POST", "?fail=spare")
        self.assertEqual((status, body["error"]["code"]),
                         (409, "drill_running"))
        status = http_json(self.gateway.admin, "POST", PATH + "?fail=spare",
                           headers={"origin": "http://evil.example"})[0]
        self.assertEqual(status, 403)
        for argv in (["--for", "1s"], ["--tenant", "a"], ["more"],
                     ["--fail", "main", "--stop"]):
            p = self.command(*argv)
            p.communicate()
            self.assertEqual(p.returncode, 2, argv)


class OneTenant(Bed):
    extra = TENANTS
    env = KEYS

    def test_the_others_do_not_notice(self):
        for _ in range(2):
            self.ask(bearer("key-a"))
        p = self.command("--fail", "main", "--tenant", "a", "--for", "1h",
                         "--json")
        wait_for(self.drill, what="the drill")
        for _ in range(10):
            for key, want in (("key-a", "spare"), ("key-b", "main")):
                answer = self.ask(bearer(key), stream=True)
                self.assertEqual(answer["x-pointsman-backend"], want)
        p.send_signal(signal.SIGTERM)
        out, err = p.communicate(timeout=20)
        self.assertEqual(p.returncode, 0, err)
        d = json.loads(out)["drill"]
        self.assertEqual((d["tenant"], d["requests"], d["moved"]),
                         ("a", 10, 10))


class Refusing(Stub):
    """An admin listener that cannot end its drill at once."""

    def __init__(self, refusals, running=0):
        self.refusals, self.ends, self.active = refusals, 0, True
        self.running = running
        super().__init__(self.answer)

    def answer(self, request):
        if request.command == "DELETE":
            self.ends += 1
            if self.ends <= self.refusals:
                return 503, {}, {"error": {"message": "not now"}}
            self.active = False
        return 200, {}, {"drill": {
            "id": 1, "active": self.active, "backend": "main", "requests": 0,
            "failed": 0, "running": self.running, "ended": "stopped"}}


class Stubborn(unittest.TestCase):
    def stop_one(self, refusals, running=0):
        admin = Refusing(refusals, running)
        self.addCleanup(admin.stop)
        p = subprocess.Popen(
            [POINTSMAN, "drill", "--fail", "main", "--admin",
             f"http://127.0.0.1:{admin.port}"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(p.kill)
        self.assertIn("ctrl-C", p.stdout.readline())
        p.send_signal(signal.SIGINT)
        if running > 0:
            wait_for(lambda: admin.ends, what="its end")
            time.sleep(0.5)
            self.assertIsNone(p.poll())  # it waits for those at work
            p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=30)
        return p.returncode, out + err, admin.ends

    def test_an_end_that_is_refused_is_asked_for_again(self):
        code, said, ends = self.stop_one(1)
        self.assertEqual((code, ends), (0, 2), said)
        self.assertIn("not now", said)
        self.assertIn("ended: stopped", said)

    def test_but_not_for_ever(self):
        code, said, ends = self.stop_one(1000)
        self.assertEqual((code, ends), (1, 20), said)
        self.assertIn("it could not be ended", said)

    def test_what_is_at_work_has_not_held(self):
        code, said, _ = self.stop_one(0, running=2)
        self.assertEqual(code, 1, said)
        self.assertIn("what becomes of the 2 at work is not known", said)


if __name__ == "__main__":
    unittest.main()
