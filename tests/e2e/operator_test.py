"""What operators do: stop, reload, kill a child, route by SLO."""
import fcntl
import http.client
import json
import os
import re
import signal
import sys
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (FAKELLM, Fake, Gateway, backend, chat,  # noqa: E402
                     conf, events, free_port, http_json, wait_for)


class Drain(unittest.TestCase):
    def start(self, drain, **script):
        fake = Fake("--tokens", "20", "--rate", "20-20")
        self.addCleanup(fake.stop)
        g = Gateway(conf([backend("one", fake.port)],
                         f'drain_timeout = "{drain}";\n'))
        self.answer = {}

        def client():
            c = http.client.HTTPConnection("127.0.0.1", g.port, timeout=20)
            c.request("POST", "/v1/chat/completions",
                      json.dumps(chat("m", stream=True, **script)),
                      {"content-type": "application/json"})
            r = c.getresponse()
            self.answer["first"] = True
            self.answer["raw"] = r.read().decode()
            c.close()

        t = threading.Thread(target=client)
        t.start()
        wait_for(lambda: "first" in self.answer, what="the stream")
        return g, t

    def test_sigterm_lets_streams_finish(self):
        g, t = self.start("10s")
        g.send_signal(signal.SIGTERM)
        t.join()
        self.assertEqual(events(self.answer["raw"])[-1], "[DONE]")
        self.assertEqual(g.stop(), 0)

    def test_meanwhile_it_is_not_ready(self):
        g, t = self.start("10s", fake={"tokens": 100})
        self.assertTrue(g.status()["ready"])
        g.send_signal(signal.SIGTERM)
        wait_for(lambda: g.status()["draining"], what="the drain")
        self.assertFalse(g.status()["ready"])
        self.assertFalse(g.answers())
        t.join()
        self.assertEqual(g.stop(), 0)

    def test_past_the_deadline_they_end_in_an_error(self):
        g, t = self.start("200ms", fake={"tokens": 1000})
        g.send_signal(signal.SIGTERM)
        t.join()
        self.assertIn("shutting_down", events(self.answer["raw"])[-1])
        self.assertEqual(g.stop(), 0)


class Reload(unittest.TestCase):
    def test_a_good_file_counts_and_a_bad_one_changes_nothing(self):
        one, two = Fake("--tokens", "2"), Fake("--tokens", "2")
        self.addCleanup(one.stop)
        self.addCleanup(two.stop)
        g = Gateway(conf([backend("one", one.port)]))
        self.assertEqual(g.chat(chat("m"))[1]["x-pointsman-backend"], "one")

        g.write(conf([backend("one", one.port)], "nonsense = 1;\n"))
        g.send_signal(signal.SIGHUP)
        wait_for(lambda: "nonsense" in g.log(), what="the complaint")
        self.assertEqual(g.chat(chat("m"))[0], 200)
        self.assertEqual(g.status()["config_version"], 1)

        g.write(conf([backend("two", two.port)]))
        g.send_signal(signal.SIGHUP)
        wait_for(lambda: g.status()["config_version"] == 2, what="version 2")
        wait_for(lambda: g.chat(chat("m"))[1]["x-pointsman-backend"] == "two",
                 what="the new backend")
        self.assertEqual(g.stop(), 0)


    def reload(self, g, rows, extra):
        g.write(conf(rows, extra))
        return http_json(g.admin, "POST", "/admin/v1/reload")

    def test_the_log_says_what_is_another(self):
        fake = Fake()
        self.addCleanup(fake.stop)
        tenants = ('tenants = ( { name = "a"; keys = [ "env:HOME" ]; }, '
                   '{ name = "b"; keys = [ "env:PATH" ]; } );\n')
        g = Gateway(conf([backend("one", fake.port), backend("two", 9)],
                         tenants))

        def line(text, n):
            g.write(text)
            self.assertEqual(
                http_json(g.admin, "POST", "/admin/v1/reload")[0], 200)
            return wait_for(lambda: [
                row for row in g.log().splitlines()
                if f"reload config_version={n}" in row])[0]

        same = conf([backend("two", 9), backend("one", fake.port)], tenants)
        self.assertTrue(line(same, 2).endswith("reload config_version=2"))
        other = conf([backend("one", 9), backend("three", fake.port)],
                     tenants.replace('"b"', '"c"'))
        self.assertTrue(line(other, 3).endswith(
            "reload config_version=3 backends_new=three backends_gone=two "
            "backends_moved=one tenants_new=c tenants_gone=b"))
        self.assertEqual(g.stop(), 0)

    def test_what_needs_a_restart_is_named_until_it_is_back(self):
        fake = Fake("--tokens", "2")
        self.addCleanup(fake.stop)
        rows, first = [backend("one", fake.port)], "workers = 1;\n"
        g = Gateway(conf(rows, first))

        def said():
            return g.log().count('settings="workers, receipts" '
                                 "reason=needs_restart")
        for times in 1, 2:
            status, _, body = self.reload(
                g, rows, "workers = 2;\nreceipts = 16;\n")
            self.assertEqual((status, body), (200, {
                "config_version": 1 + times, "warnings": [],
                "needs_restart": ["workers", "receipts"]}))
            self.assertEqual(said(), times)
        body = self.reload(g, [rows[0].replace("price", "region")
                               .replace("{ input = 1.0; output = 1.0; }",
                                        '"eu"')], first)[2]
        self.assertEqual(body["needs_restart"], [])
        (warning,) = body["warnings"]
        self.assertIn("warning: backends.one: want price", warning)
        self.assertEqual(g.log().count("needs_restart"), 2)
        self.assertEqual(g.stop(), 0)

    def test_an_access_log_that_cannot_be_opened_changes_nothing(self):
        fake = Fake("--tokens", "2")
        self.addCleanup(fake.stop)
        rows = [backend("one", fake.port)]
        g = Gateway(conf(rows, 'access_log = "a.log";\n'))
        status, _, body = self.reload(
            g, rows, 'access_log = "/nowhere/b.log";\ndeadline = "9s";\n')
        self.assertEqual(status, 400)
        self.assertIn("access_log: cannot open /nowhere/b.log", str(body))
        self.assertIn("config complaint: ", g.log())
        now = http_json(g.admin, "GET", "/admin/v1/config")[2]
        self.assertEqual(now["version"], 1)
        self.assertTrue(now["access_log"].endswith("/a.log"))
        self.ask_for_a_line(g, "a.log")
        self.assertEqual(
            self.reload(g, rows, 'access_log = "b.log";\n')[0], 200)
        self.ask_for_a_line(g, "b.log")
        self.assertEqual(self.lines(g, "a.log"), 1)
        self.assertEqual(g.stop(), 0)

    def ask_for_a_line(self, g, name):
        self.assertEqual(g.chat(chat("m"))[0], 200)
        wait_for(lambda: self.lines(g, name) == 1, what=name)

    def lines(self, g, name):
        with open(os.path.join(g.folder.name, name), encoding="utf-8") as f:
            return len(f.readlines())


class Log(unittest.TestCase):
    def test_nobody_waits_for_who_does_not_read_it(self):
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        g = Gateway(conf([backend("one", free_port())]), stderr=writing)
        os.close(writing)
        # two lines each, at least: the pipe is full after a few
        for _ in range(60):
            status, _, body = g.chat(chat("m"), timeout=10)
            self.assertIn(status, (502, 503), body)
        self.assertGreater(g.metric("pointsman_log_dropped_total"), 0)
        self.assertEqual(g.stop(), 0)
        os.close(reading)


class Children(unittest.TestCase):
    def configuration(self, command, extra=""):
        return (f'backends = ( {{ name = "kid"; adapter = "vllm"; '
                f'command = [ {command} ]; '
                'price = { input = 0; output = 0; }; } );\n'
                'models = ( { name = "m"; serve = ( { backend = "kid"; '
                'model = "fake-model"; } ); } );\n' + extra)

    def test_a_first_request_waits_for_the_model_to_load(self):
        g = Gateway(self.configuration(
            f'"{FAKELLM}", "--port", "{{port}}", "--cold", "700", '
            '"--tokens", "2"'))
        status, headers, body = g.chat(chat("m"))
        self.assertEqual(status, 200, body)
        self.assertEqual(headers["x-pointsman-backend"], "kid")
        self.assertEqual(g.stop(), 0)

    def test_a_killed_child_comes_back(self):
        g = Gateway(self.configuration(
            f'"{FAKELLM}", "--port", "{{port}}", "--tokens", "2"'))
        self.assertEqual(g.chat(chat("m"))[0], 200)
        pid = int(g.log().split("event=start pid=")[1].split()[0])
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: "event=exit" in g.log(), what="the exit")
        self.assertEqual(g.chat(chat("m"))[0], 200)
        second = int(g.log().split("event=start pid=")[2].split()[0])
        self.assertEqual(g.stop(), 0)
        with self.assertRaises(ProcessLookupError):
            os.kill(second, 0)

    def test_why_one_ends_is_told(self):
        g = Gateway(self.configuration(
            '"/bin/sh", "-c", "echo no GPU is free >&2; exit 7", '
            '"sh", "{port}"'))

        def kid():
            return http_json(
                g.admin, "GET", "/admin/v1/backends")[2]["backends"][0]
        end = wait_for(
            lambda: (kid()["child_last_exit"] or {}).get("text") and kid(),
            what="its end")
        self.assertEqual(end["child_exits"], 1)
        self.assertFalse(end["child_running"])
        self.assertEqual(end["child_last_exit"]["status"], 7)
        self.assertIsNone(end["child_last_exit"]["signal"])
        self.assertEqual(end["child_last_exit"]["text"], "no GPU is free")
        self.assertEqual(end["servings"][0]["cause"]["text"],
                         "its process ended with status 7: no GPU is free")
        self.assertEqual(
            g.metric("pointsman_child_exits_total", backend="kid"), 1)
        self.assertEqual(g.stop(), 0)

    def test_one_that_is_not_probed_any_more_is_trusted(self):
        command = (f'"/bin/sh", "-c", "sleep 1; '
                   f'exec {FAKELLM} --port {{port}} --tokens 2"')
        g = Gateway(self.configuration(command))
        g.write(self.configuration(command).replace(
            "command", 'probe_interval = "0s"; command'))
        self.assertEqual(
            http_json(g.admin, "POST", "/admin/v1/reload")[0], 200)

        def serves():
            try:
                return g.chat(chat("m"), timeout=2)[0] == 200
            except TimeoutError:
                return False
        wait_for(serves, 20, "an answer")
        # nor is one that comes back
        pid = int(g.log().split("event=start pid=")[1].split()[0])
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: "event=exit" in g.log(), what="the exit")
        wait_for(serves, 20, "an answer of the next")
        self.assertEqual(g.stop(), 0)

    def test_nobody_waits_for_one_that_listens_no_more(self):
        with tempfile.TemporaryDirectory(prefix="pointsman-test-") as folder:
            fifo = os.path.join(folder, "end")
            os.mkfifo(fifo)
            g = Gateway(self.configuration(
                f'"/bin/sh", "-c", "{FAKELLM} --port {{port}} --tokens 2 & '
                f'read _ <{fifo}; kill $!; echo deaf; sleep 60"').replace(
                    "command", 'probe_interval = "100ms"; command'))
            self.assertEqual(g.chat(chat("m"))[0], 200)
            with open(fifo, "w", encoding="ascii") as f:
                f.write("\n")
            wait_for(lambda: "deaf" in g.log(), what="its last word")
            for reloads in (False, True):
                if reloads:  # whom it knew it knows
                    self.assertEqual(http_json(
                        g.admin, "POST", "/admin/v1/reload")[0], 200)
                for _ in range(10):
                    status, _, body = g.chat(chat("m"), timeout=5)
                    self.assertIn(status, (502, 503), body)
                    self.assertNotEqual(
                        body["error"]["code"], "model_loading")
                    time.sleep(0.2)
            self.assertEqual(g.stop(), 0)

    def test_a_child_gets_its_own_key_and_no_other(self):
        fake = Fake("--tokens", "2")
        self.addCleanup(fake.stop)
        paid = ('{ name = "paid"; adapter = "vllm"; '
                f'url = "http://127.0.0.1:{fake.port}/v1"; '
                'api_key = "env:ENVTEST_PROVIDER"; '
                'price = { input = 1; output = 1; }; }')

        def text(other, serve):
            return (
                'backends = ( { name = "kid"; adapter = "vllm"; '
                'api_key = "env:KID_KEY"; '
                'price = { input = 0; output = 0; }; '
                'command = [ "/bin/sh", "-c", "env | grep ENVTEST_; '
                'echo own=$KID_KEY. fds=$(ls /proc/$$/fd).; '
                f'exec {FAKELLM} --port {{port}}" ]; }}{other} );\n'
                'models = ( { name = "m"; serve = ( '
                f'{{ backend = "kid"; model = "fake-model"; }}{serve} ); }} '
                ');\n'
                'tenants = ( { name = "a"; '
                'keys = [ "env:ENVTEST_TENANT" ]; } );\n')

        g = Gateway(
            text(f", {paid}", ', { backend = "paid"; model = "fake-model"; }'),
            env={"KID_KEY": "sk-kid", "ENVTEST_PROVIDER": "sk-paid",
                 "ENVTEST_TENANT": "sk-tenant", "ENVTEST_OTHER": "plain",
                 "POINTSMAN_ADMIN_KEY": "ENVTEST_ADMIN",
                 "POINTSMAN_API_KEY": "ENVTEST_API"})
        wait_for(lambda: "own=sk-kid." in g.log(), what="the child's words")
        # nor has the next one, when the file no longer says whose it is
        g.write(text("", ""))
        self.assertEqual(http_json(g.admin, "POST", "/admin/v1/reload")[0],
                         200)
        self.assertEqual(g.chat(chat("m"), {
            "authorization": "Bearer sk-tenant"})[0], 200)
        os.kill(int(re.search(r"event=start pid=(\d+)", g.log())[1]),
                signal.SIGKILL)
        wait_for(lambda: g.log().count("own=sk-kid.") == 2,
                 what="the next one's words")
        log = g.log()
        self.assertEqual(log.count("ENVTEST_OTHER=plain"), 2)
        for name in ("PROVIDER", "TENANT", "ADMIN", "API"):
            self.assertNotIn(f"ENVTEST_{name}", log)
        for fds in re.findall(r"fds=([0-9 ]+)\.", log):  # and a pipe
            self.assertEqual(fds.split()[:3], ["0", "1", "2"])
            self.assertLessEqual(len(fds.split()), 4, fds)
        self.assertEqual(g.stop(), 0)

    def test_a_missing_binary_is_said_and_does_not_hang(self):
        g = Gateway(self.configuration('"/no/such/binary", "{port}"'))
        wait_for(lambda: "/no/such/binary" in g.log(), what="the complaint")
        status, _, body = g.chat(chat("m"), timeout=10)
        self.assertEqual(status, 503, body)
        self.assertEqual(g.stop(), 0)


class Slo(unittest.TestCase):
    CLASSES = ('slo = ( { name = "voice"; ttft = "100ms"; percentile = 95; '
               'priority = "premium"; }, { name = "batch"; total = "60s"; '
               'percentile = 95; priority = "batch"; }, { name = "strict"; '
               'ttft = "1ms"; percentile = 95; priority = "standard"; '
               'on_miss = "refuse"; } );\n')

    def test_voice_goes_to_the_fast_batch_to_the_cheap(self):
        fast = Fake("--ttft", "20-30", "--rate", "1000-1000")
        cheap = Fake("--ttft", "250-300", "--rate", "500-500")
        self.addCleanup(fast.stop)
        self.addCleanup(cheap.stop)
        g = Gateway(
            'backends = ( { name = "fast"; adapter = "vllm"; '
            f'url = "http://127.0.0.1:{fast.port}/v1"; '
            'price = { input = 5.0; output = 5.0; }; },\n'
            '{ name = "cheap"; adapter = "vllm"; '
            f'url = "http://127.0.0.1:{cheap.port}/v1"; '
            'price = { input = 0.1; output = 0.1; }; } );\n'
            'models = ( { name = "m"; serve = ( '
            '{ backend = "fast"; model = "fake-model"; }, '
            '{ backend = "cheap"; model = "fake-model"; } ); } );\n'
            + self.CLASSES)
        # Live percentiles have to be learnt: ten of each.
        for name in ("fast", "cheap"):
            for _ in range(10):
                g.chat(chat(f"m:{name}", stream=True))
        time.sleep(0.3)  # the tick that rebuilds the tables is every 100 ms
        for model, want in (("m:voice", "fast"), ("m:batch", "cheap"),
                            ("m", "cheap"), ("m:fastest", "fast"),
                            ("m:cheapest", "cheap"), ("m:cheap", "cheap")):
            for _ in range(5):
                _, headers, _ = g.chat(chat(model, stream=True))
                self.assertEqual(headers["x-pointsman-backend"], want, model)
        _, headers, _ = g.chat(chat("m", stream=True),
                               {"x-slo-ttft-ms": "120"})
        self.assertEqual(headers["x-pointsman-backend"], "fast")
        status, headers, body = g.chat(chat("m:strict", stream=True))
        self.assertEqual((status, body["error"]["code"]),
                         (503, "slo_unattainable"))
        self.assertIn("retry-after", headers)
        self.assertEqual(g.stop(), 0)

    def test_a_hung_backend_is_blamed_though_clients_give_up_first(self):
        hung = Fake("--fault", "hang")
        good = Fake("--ttft", "5-10", "--tokens", "2")
        self.addCleanup(hung.stop)
        self.addCleanup(good.stop)
        g = Gateway(conf([
            backend("hung", hung.port, 'probe_interval = "0s";').replace(
                "1.0", "0.1"), backend("good", good.port)],
            "explore = 0.0;\n"))  # else one of them may find out how it is
        asked = {"x-slo-ttft-ms": "500", "x-stainless-timeout": "1.1"}
        answers = [g.chat(chat("m", stream=True), asked)[0]
                   for _ in range(6)]
        self.assertEqual(answers[-3:], [200] * 3, answers)
        self.assertEqual(g.backends()["hung"]["servings"][0]["last_fault"],
                         "ttft_timeout")
        self.assertEqual(g.stop(), 0)

    def test_a_stalled_backend_is_left_though_clients_give_up_first(self):
        stalls = Fake("--ttft", "5-10")
        good = Fake("--ttft", "5-10", "--tokens", "2")
        self.addCleanup(stalls.stop)
        self.addCleanup(good.stop)
        stalls.configure(fault="stall", after=1)
        g = Gateway(conf([
            backend("stalls", stalls.port).replace("1.0", "0.1"),
            backend("good", good.port)]))
        body = json.dumps(chat("m", stream=True))

        def leave():
            c = http.client.HTTPConnection("127.0.0.1", g.port, timeout=20)
            c.request("POST", "/v1/chat/completions", body,
                      {"content-type": "application/json"})
            r = c.getresponse()
            while b"word0" not in r.readline():
                pass
            time.sleep(1.2)
            r.close()
            c.close()
            return r.headers["x-pointsman-backend"]

        with ThreadPoolExecutor() as crowd:
            left = [crowd.submit(leave) for _ in range(3)]
            self.assertEqual({x.result() for x in left}, {"stalls"})

        def state():
            return g.backends()["stalls"]["servings"][0]

        wait_for(lambda: (state()["cause"] or {}).get("kind") == "silent",
                 what="the stalls in its state")
        self.assertEqual(g.chat(chat("m"))[1]["x-pointsman-backend"], "good")
        self.assertEqual((state()["breaker"], state()["last_fault"]),
                         ("closed", "gap_timeout"))
        self.assertEqual(g.stop(), 0)

    def test_fallbacks_only_when_nothing_else_is_left(self):
        main = Fake("--tokens", "2")
        spare = Fake("--tokens", "2")
        self.addCleanup(spare.stop)
        g = Gateway(conf(
            [backend("main", main.port), backend("spare", spare.port)],
            serve='{ backend = "main"; model = "fake-model"; }, '
                  '{ backend = "spare"; model = "fake-model"; '
                  'fallback = true; }'))
        for _ in range(10):
            self.assertEqual(g.chat(chat("m"))[1]["x-pointsman-backend"],
                             "main")
        main.stop()
        status, headers, _ = g.chat(chat("m"))
        self.assertEqual((status, headers["x-pointsman-backend"]),
                         (200, "spare"))
        state = g.backends()["main"]["servings"][0]
        self.assertEqual(state["breaker"], "open")
        self.assertEqual(state["last_fault"], "refused")
        self.assertEqual(g.stop(), 0)


if __name__ == "__main__":
    unittest.main()
