"""Comments for clients that wait for the first event of a stream: only for
them, only while they wait, and what fails meanwhile is said in the stream."""
import http.client
import json
import os
import re
import signal
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (Fake, Gateway, backend, chat, conf,  # noqa: E402
                     events, wait_for)

BEAT = ": keep-alive\n\n"


class Heartbeat(unittest.TestCase):
    def start(self, *options, settings='heartbeat = "100ms";\n', own=""):
        self.fake = Fake("--tokens", "3", *options)
        self.addCleanup(self.fake.stop)
        self.gateway = Gateway(conf(
            [backend("one", self.fake.port, 'probe_interval = "0s"; ' + own)],
            settings))
        self.addCleanup(self.gateway.process.kill)  # where a test fails

    def slow(self, ttft_ms):
        self.fake.configure(ttft_low_ms=ttft_ms, ttft_high_ms=ttft_ms)

    def ask(self, out=None, **members):
        """(status, headers, body) of a streamed request, as it came."""
        c = http.client.HTTPConnection("127.0.0.1", self.gateway.port,
                                       timeout=30)
        c.request("POST", "/v1/chat/completions",
                  json.dumps(chat("m", **{"stream": True, **members})),
                  {"content-type": "application/json"})
        r = c.getresponse()
        headers = {k.lower(): v for k, v in r.getheaders()}
        answer = r.status, headers, r.read().decode()
        c.close()
        if out is not None:
            out.append(answer)
        return answer

    def error_of(self, answer):
        """The one that a stream with comments ends in."""
        status, _, body = answer
        self.assertEqual(status, 200)
        self.assertTrue(body.startswith(BEAT), body)
        self.assertNotIn("[DONE]", body)
        error = json.loads(events(body)[-1])["error"]
        self.assertEqual(set(error), {"message", "type", "param", "code"})
        return error

    def line(self, answer):
        name = "id=" + answer[1]["x-request-id"]
        text = wait_for(
            lambda: [t for t in self.gateway.log().splitlines()
                     if name in t and " result=" in t], what="the log line")[0]
        return dict(re.findall(r'(\w+)=("[^"]*"|\S+)', text))

    def test_comments_until_the_first_event(self):
        self.start("--rate", "3-3")
        self.slow(1000)
        status, _, body = self.ask()
        self.assertEqual(status, 200)
        beats, data = body.split("data:", 1)
        n = beats.count(BEAT)
        self.assertEqual(beats, BEAT * n)
        self.assertGreaterEqual(n, 2)
        self.assertLessEqual(n, 15)
        # Then the pauses are the backend's own.
        self.assertNotIn("keep-alive", data)
        self.assertEqual(events(body)[-1], "[DONE]")
        self.assertEqual(body.count("word0"), 1)
        self.assertIn(f"\npointsman_heartbeats_total {n}\n",
                      self.gateway.metrics())
        self.assertEqual(self.gateway.stop(), 0)

    def test_a_whole_answer_has_none(self):
        self.start()
        self.slow(500)
        status, headers, body = self.ask(stream=False)
        self.assertEqual(status, 200)
        self.assertEqual(headers["x-pointsman-backend"], "one")
        self.assertIn("content-length", headers)
        json.loads(body)
        self.fake.configure(fault="400")
        self.assertEqual(self.ask(stream=False)[0], 400)
        self.assertIn("\npointsman_heartbeats_total 0\n",
                      self.gateway.metrics())
        self.assertEqual(self.gateway.stop(), 0)

    def test_what_comes_in_time_is_as_ever(self):
        self.start(settings='heartbeat = "10s";\n')
        self.slow(50)
        _, headers, body = self.ask()
        self.assertEqual(headers["x-pointsman-backend"], "one")
        self.assertNotIn("keep-alive", body)
        self.fake.configure(fault="400")
        self.assertEqual(self.ask()[0], 400)
        self.assertEqual(self.gateway.stop(), 0)

    def test_off_unless_asked_for(self):
        self.start(settings="")
        self.slow(700)
        self.assertNotIn("keep-alive", self.ask()[2])
        self.assertEqual(self.gateway.stop(), 0)

    def test_in_the_queue(self):
        self.start(own="slots = 1;")
        self.slow(1000)
        first = []
        t = threading.Thread(target=self.ask, args=(first,))
        t.start()
        wait_for(lambda: self.fake.stats()["requests"] > 0, what="the first")
        _, _, body = self.ask()
        t.join()
        self.assertGreaterEqual(body.count(BEAT), 4)
        self.assertEqual(events(body)[-1], "[DONE]")
        self.assertEqual(self.gateway.stop(), 0)

    def test_the_deadline_is_said_in_the_stream(self):
        self.start(settings='heartbeat = "100ms"; deadline = "600ms";\n')
        self.slow(10000)
        answer = self.ask()
        self.assertEqual(self.error_of(answer)["code"], "deadline_exceeded")
        line = self.line(answer)
        self.assertEqual((line["status"], line["result"], line["fault"]),
                         ("200", "error", "deadline"))
        self.assertEqual(self.gateway.stop(), 0)

    def test_a_failure_everywhere_is_said_in_the_stream(self):
        self.start()
        self.slow(500)
        self.fake.configure(fault="error_first")
        error = self.error_of(self.ask())
        self.assertEqual(error["code"], "all_backends_failed")
        self.assertEqual(self.gateway.stop(), 0)

    def test_who_leaves_meanwhile_is_noticed(self):
        self.start()
        self.slow(20000)
        c = http.client.HTTPConnection("127.0.0.1", self.gateway.port)
        c.request("POST", "/v1/chat/completions",
                  json.dumps(chat("m", stream=True, fake={"id": "left"})),
                  {"content-type": "application/json"})
        r = c.getresponse()
        self.assertEqual(r.readline(), b": keep-alive\n")
        self.assertNotIn("left", self.fake.calls())
        r.close()
        c.close()
        call = wait_for(lambda: self.fake.calls().get("left"), 5,
                        "the backend to notice")
        self.assertTrue(call["cancelled"])
        self.assertEqual(self.gateway.stop(), 0)

    def test_shutting_down_is_said_in_the_stream(self):
        self.start(settings='heartbeat = "100ms"; drain_timeout = "500ms";\n')
        self.slow(20000)
        out = []
        t = threading.Thread(target=self.ask, args=(out,))
        t.start()
        wait_for(lambda: self.fake.stats()["requests"] > 0, what="the request")
        wait_for(lambda: "\npointsman_heartbeats_total 0\n" not in
                 self.gateway.metrics(), what="a heartbeat")
        self.gateway.send_signal(signal.SIGTERM)
        t.join()
        self.assertEqual(self.error_of(out[0])["code"], "shutting_down")
        self.assertEqual(self.gateway.stop(), 0)


if __name__ == "__main__":
    unittest.main()
