"""Several keys of one backend: the next is used while one is refused or at its
limit, and clients see nothing of it."""
import json
import os
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import Gateway, Stub, chat, conf, wait_for  # noqa: E402

ANSWER = {
    "id": "c", "object": "chat.completion", "model": "fake-model",
    "choices": [{"index": 0, "finish_reason": "stop",
                 "message": {"role": "assistant", "content": "hello"}}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}}


STREAMED = ('data: {"choices":[{"index":0,"delta":{"content":"hello"}}]}\n\n'
            'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
            '\n\ndata: [DONE]\n\n')


class Provider(Stub):
    """Answers by key: what `rules` has for it and the model, for it, or 200;
    after `delay`."""

    def __init__(self, delay=0):
        self.rules, self.seen, self.delay = {}, [], delay
        super().__init__(self.answer)

    def answer(self, request):
        key = request.headers["authorization"].split()[1]
        self.seen.append(key)
        time.sleep(self.delay)
        body = json.loads(request.body)
        status, headers = self.rules.get(
            f"{key} {body['model']}", self.rules.get(key, (200, {})))
        if status == 200 and body.get("stream"):
            return 200, {"content-type": "text/event-stream"}, STREAMED
        return status, headers, ANSWER if status == 200 else {"error": {
            "message": f"the key {key} will not do", "code": "x",
            "type": "invalid_api_key" if status == 401 else "requests",
        }}


class TwoBackends(unittest.TestCase):
    """What one backend's keys have gone through is nothing to another's."""

    def backend(self, name, price, keys):
        provider = Provider()
        self.addCleanup(provider.stop)
        text = (f'{{ name = "{name}"; adapter = "openai"; probe_interval = '
                f'"0s"; url = "http://127.0.0.1:{provider.port}'
                f'/v1"; price = {{ input = {price}; output = {price}; }}; '
                f'api_key = [ {keys} ]; }}')
        return provider, text

    def test_the_second_one_has_turns_of_its_own(self):
        cheap, one = self.backend("cheap", "1.0", '"env:P_A"')
        dear, two = self.backend("dear", "9.0", '"env:P_B", "env:P_C"')
        gateway = Gateway(conf([one, two]), env={
            "P_A": "key-a", "P_B": "key-b", "P_C": "key-c"})
        self.addCleanup(gateway.process.kill)
        cheap.rules["key-a"] = (429, {"retry-after": "9"})
        dear.rules["key-b"] = (401, {})
        self.assertEqual(gateway.chat(chat("m", max_tokens=3))[0], 200)
        self.assertEqual(cheap.seen, ["key-a"])
        self.assertEqual(dear.seen, ["key-b", "key-c"])
        self.assertEqual(gateway.stop(), 0)


class TheOnlyKey(unittest.TestCase):
    """Revoked while it is in use: what an operator sees."""

    def serving(self):
        return self.gateway.backends()["p"]["servings"][0]

    def test_it_is_said_from_the_first_refusal_to_the_next_answer(self):
        provider = Provider()
        self.addCleanup(provider.stop)
        self.gateway = Gateway(conf([
            '{ name = "p"; adapter = "openai"; probe_interval = "0s"; url = '
            f'"http://127.0.0.1:{provider.port}/v1"; '
            'price = { input = 1.0; output = 1.0; }; api_key = "env:P_A"; }']),
            env={"P_A": "key-a"})
        self.addCleanup(self.gateway.process.kill)
        self.assertEqual(self.gateway.chat(chat("m"))[0], 200)
        self.assertEqual(self.serving()["state"], "ok")
        provider.rules["key-a"] = (401, {})
        self.assertEqual(self.gateway.chat(chat("m"))[0], 502)
        first = self.serving()
        self.assertEqual(first["state"], "key_rejected")
        self.assertEqual(first["cause"]["kind"], "key_rejected")
        self.assertIn("its key is refused", first["cause"]["text"])
        for _ in range(6):
            self.assertIn(self.gateway.chat(chat("m"))[0], (502, 503))
        last = self.serving()
        self.assertEqual(last["cause"]["kind"], "key_rejected")
        self.assertEqual(last["cause"]["since"][:-2],
                         first["cause"]["since"][:-2])
        del provider.rules["key-a"]
        wait_for(lambda: self.gateway.chat(chat("m"))[0] == 200, 10)
        self.assertNotEqual(self.serving()["state"], "key_rejected")
        self.assertEqual(self.gateway.stop(), 0)


class TwoModels(unittest.TestCase):
    def test_a_limit_is_of_the_model_that_met_it(self):
        provider = Provider()
        self.addCleanup(provider.stop)
        gateway = Gateway(
            'backends = ( { name = "p"; adapter = "openai"; probe_interval = '
            f'"0s"; url = "http://127.0.0.1:{provider.port}/v1"; '
            'api_key = [ "env:P_A", "env:P_B" ]; } );\nmodels = ('
            '{ name = "big"; serve = ( { backend = "p"; model = "large"; } ); '
            '}, { name = "little"; serve = ( { backend = "p"; model = '
            '"small"; } ); } );', env={"P_A": "key-a", "P_B": "key-b"})
        self.addCleanup(gateway.process.kill)
        provider.rules["key-a large"] = (429, {"retry-after": "30"})
        provider.rules["key-b small"] = (429, {"retry-after": "30"})
        for _ in range(2):
            self.assertEqual(gateway.chat(chat("big"))[0], 200)
            self.assertEqual(gateway.chat(chat("little"))[0], 200)
        self.assertEqual(provider.seen,
                         ["key-a", "key-b", "key-a", "key-b", "key-a"])
        # what is refused is refused for both
        provider.rules["key-a"] = (401, {})
        del provider.rules["key-b small"]
        provider.seen.clear()
        for _ in range(2):
            self.assertEqual(gateway.chat(chat("little"))[0], 200)
            self.assertEqual(gateway.chat(chat("big"))[0], 200)
        self.assertEqual(provider.seen, ["key-a"] + 4 * ["key-b"])
        self.assertEqual(gateway.stop(), 0)


class BesideAHedge(unittest.TestCase):
    """A key that fails while another backend is at the same request."""

    def start(self):
        """The provider that is used first, and the other."""
        self.providers = {name: Provider(0.02) for name in ("one", "two")}
        for p in self.providers.values():
            self.addCleanup(p.stop)
        self.gateway = Gateway(conf(
            [f'{{ name = "{name}"; adapter = "openai"; '
             f'probe_interval = "0s"; url = "http://127.0.0.1:{p.port}/v1"; '
             f'price = {{ input = {price}; output = {price}; }}; '
             f'api_key = [ "env:{name}_A", "env:{name}_B" ]; }}'
             for price, (name, p) in enumerate(self.providers.items(), 1)],
            'slo = ( { name = "voice"; ttft = "400ms"; percentile = 95; '
            'priority = "premium"; } );\n'),
            env={f"{name}_{k.upper()}": f"{name}-{k}"
                 for name in self.providers for k in "ab"})
        self.addCleanup(self.gateway.process.kill)
        for _ in range(60):  # what hedges may spend grows with requests
            used = self.ask()[1]["x-pointsman-backend"]
        for p in self.providers.values():
            p.seen.clear()
        return used, "two" if used == "one" else "one"

    def ask(self, model="m"):
        return self.gateway.chat(chat(model, stream=True, max_tokens=3),
                                 {"x-slo-class": "voice"})

    def fail_late(self, status, headers):
        """The first backend's first key fails while the hedge is at work; then
        whom the backend's next request asks."""
        used, other = self.start()
        late, hedge = self.providers[used], self.providers[other]
        late.delay, hedge.delay = 0.8, 1.5
        late.rules[used + "-a"] = (status, headers)
        answer = self.ask()
        self.assertEqual((answer[0], answer[1]["x-pointsman-backend"],
                          answer[1]["x-pointsman-attempts"]),
                         (200, other, "2"))
        self.assertEqual(late.seen, [used + "-a"])
        late.delay = 0.02
        self.assertEqual(self.ask("m:" + used)[0], 200)
        self.assertEqual(late.seen, [used + "-a", used + "-b"])
        self.assertTrue(" key_turned id=" + answer[1]["x-request-id"] in
                        self.gateway.log())
        self.assertEqual(self.gateway.stop(), 0)

    def test_a_refused_key_rests_alone(self):
        self.fail_late(401, {})

    def test_a_key_at_its_limit_rests_alone(self):
        self.fail_late(429, {"retry-after": "9"})


class FreeAgain(unittest.TestCase):
    """The first of two keys is free again before the second has answered."""

    def setUp(self):
        self.provider = Provider(delay=0.3)
        self.addCleanup(self.provider.stop)
        self.provider.rules["key-a"] = (429, {"retry-after-ms": "50"})
        self.gateway = Gateway(conf([
            '{ name = "p"; adapter = "openai"; probe_interval = "0s"; url = '
            f'"http://127.0.0.1:{self.provider.port}/v1"; '
            'price = { input = 1.0; output = 1.0; }; '
            'api_key = [ "env:P_A", "env:P_B" ]; }']),
            env={"P_A": "key-a", "P_B": "key-b"})
        self.addCleanup(self.gateway.process.kill)

    def state(self):
        return self.gateway.backends()["p"]["servings"][0]["state"]

    def test_a_refused_second_one_does_not_shut_the_backend(self):
        self.provider.rules["key-b"] = (401, {})
        status, _, _ = self.gateway.chat(chat("m", max_tokens=3))
        self.assertEqual(status, 503)  # the first is at its limit once more
        self.assertEqual(self.provider.seen, ["key-a", "key-b", "key-a"])
        self.assertNotEqual(self.state(), "key_rejected")
        del self.provider.rules["key-a"]
        wait_for(lambda: self.gateway.chat(chat("m"))[0] == 200, 5)
        self.assertEqual(self.gateway.stop(), 0)

    def test_turns_have_an_end(self):
        self.provider.rules["key-b"] = self.provider.rules["key-a"]
        self.assertEqual(self.gateway.chat(chat("m", max_tokens=3))[0], 429)
        self.assertEqual(self.provider.seen, ["key-a", "key-b", "key-a"])
        # the second one is free: the next request may have it
        time.sleep(0.1)
        self.assertEqual(self.state(), "ok")
        self.assertEqual(self.gateway.stop(), 0)


class AskedByTheGateway(unittest.TestCase):
    """Nobody is sent to the second backend but the gateway's own question."""
    SLO = ('slo = ( { name = "voice"; ttft = "2s"; percentile = 95; '
           'priority = "premium"; } );\ndefault_slo = "voice";\n')

    def start(self, **rules):
        used, self.idle = Provider(), Provider()
        self.addCleanup(used.stop)
        self.addCleanup(self.idle.stop)
        self.idle.rules = {"key-a": rules["a"]}
        self.gateway = Gateway(conf([
            f'{{ name = "{name}"; adapter = "openai"; url = '
            f'"http://127.0.0.1:{provider.port}/v1"; probe_interval = "0s"; '
            f'price = {{ input = {price}; output = {price}; }}; '
            'api_key = [ "env:P_A", "env:P_B" ]; }'
            for name, provider, price in (("used", used, 1.0),
                                          ("idle", self.idle, 2.0))],
            self.SLO), env={"P_A": "key-a", "P_B": "key-b"})
        self.addCleanup(self.gateway.process.kill)
        self.assertEqual(
            self.gateway.chat(chat("m:used", stream=True))[0], 200)
        wait_for(lambda: self.gateway.metric("pointsman_probes_total",
                                             backend="idle"),
                 what="a question")

    def idle_answers(self):
        self.assertEqual(
            self.gateway.chat(chat("m:idle", stream=True))[0], 200)
        self.assertEqual(self.idle.seen, ["key-a", "key-b"])
        self.assertEqual(self.gateway.stop(), 0)

    def test_a_refused_key_does_not_shut_the_backend(self):
        self.start(a=(401, {}))
        self.idle_answers()

    def test_nor_does_one_at_its_limit(self):
        self.start(a=(429, {"retry-after": "30"}))
        self.idle_answers()


class Rotation(unittest.TestCase):
    def setUp(self):
        self.provider = Provider()
        self.addCleanup(self.provider.stop)
        folder = tempfile.TemporaryDirectory(prefix="pointsman-test-")
        self.addCleanup(folder.cleanup)
        self.third = os.path.join(folder.name, "third")
        self.write_third("key-c")
        self.gateway = Gateway(conf([
            '{ name = "p"; adapter = "openai"; probe_interval = "0s"; url = '
            f'"http://127.0.0.1:{self.provider.port}/v1"; '
            'price = { input = 1.0; output = 1.0; }; api_key = [ "env:P_A", '
            f'"env:P_UNSET", "env:P_B", "file:{self.third}" ]; }}']),
            env={"P_A": "key-a", "P_B": "key-b"})
        self.addCleanup(self.gateway.process.kill)

    def write_third(self, text):
        with open(self.third, "w", encoding="utf-8") as f:
            f.write(text + "\n")

    def ask(self):
        return self.gateway.chat(chat("m", max_tokens=3))

    def seen(self):
        keys, self.provider.seen = self.provider.seen, []
        return keys

    def test_a_refused_key_is_left(self):
        self.assertEqual(self.ask()[0], 200)
        self.assertEqual(self.seen(), ["key-a"])
        self.provider.rules["key-a"] = (401, {})
        status, headers, _ = self.ask()
        self.assertEqual((status, headers["x-pointsman-attempts"]),
                         (200, "2"))
        self.assertEqual(self.seen(), ["key-a", "key-b"])
        self.assertEqual([self.ask()[0] for _ in range(3)], 3 * [200])
        self.assertEqual(self.seen(), 3 * ["key-b"])
        self.provider.rules["key-b"] = (401, {})
        self.assertEqual(self.ask()[0], 200)
        self.assertEqual(self.seen(), ["key-b", "key-c"])
        # a new one, without a restart
        self.provider.rules["key-c"] = (401, {})
        self.write_third("key-d")
        self.gateway.send_signal(1)
        wait_for(lambda: self.gateway.status()["config_version"] == 2, 10)
        self.assertEqual(self.ask()[0], 200)
        self.assertEqual(self.seen(), ["key-a", "key-b", "key-d"])
        for secret in ("key-a", "key-b", "key-c", "key-d"):
            self.assertNotIn(secret, self.gateway.log())
        self.assertEqual(self.gateway.stop(), 0)

    def test_a_key_at_its_limit_comes_back(self):
        self.provider.rules["key-a"] = (429, {"retry-after": "2"})
        self.assertEqual([self.ask()[0] for _ in range(3)], 3 * [200])
        self.assertEqual(self.seen(), ["key-a"] + 3 * ["key-b"])
        del self.provider.rules["key-a"]
        time.sleep(2.1)
        self.assertEqual(self.ask()[0], 200)
        self.assertEqual(self.seen(), ["key-a"])
        self.assertEqual(self.gateway.stop(), 0)

    def test_a_key_whose_headers_say_that_nothing_is_left(self):
        """It rests, and the next is used; with the last the model does."""
        spent = (200, {"x-ratelimit-remaining-requests": "0",
                       "x-ratelimit-reset-requests": "2s"})
        for key in ("key-a", "key-b", "key-c"):
            self.provider.rules[key] = spent
        self.assertEqual([self.ask()[0] for _ in range(4)], 3 * [200] + [429])
        self.assertEqual(self.seen(), ["key-a", "key-b", "key-c"])
        row = self.gateway.backends()["p"]["servings"][0]
        self.assertEqual((row["state"], row["load"]["left_requests"]),
                         ("blocked", 0))
        time.sleep(2.1)
        self.assertEqual(self.ask()[0], 200)
        self.assertEqual(self.seen(), ["key-a"])
        self.assertEqual(self.gateway.stop(), 0)

    def wait_for_the_first(self):
        """The others are at their limits for longer."""
        self.assertEqual(self.seen(), ["key-a", "key-b", "key-c"])
        del self.provider.rules["key-a"]
        time.sleep(2.1)
        self.assertEqual([self.ask()[0] for _ in range(2)], 2 * [200])
        self.assertEqual(self.seen(), 2 * ["key-a"])
        # nor is anybody else asked when it is at its limit again
        self.provider.rules["key-a"] = (429, {"retry-after": "2"})
        status, headers, _ = self.ask()
        self.assertEqual((status, headers["retry-after"]), (429, "2"))
        self.assertEqual(self.seen(), ["key-a"])
        self.assertEqual(self.gateway.stop(), 0)

    def test_the_model_is_out_until_the_first_key_is_free(self):
        for key, rest in (("key-a", 2), ("key-b", 30), ("key-c", 60)):
            self.provider.rules[key] = (429, {"retry-after": str(rest)})
        status, headers, _ = self.ask()
        self.assertEqual(status, 429)
        self.assertIn(headers["retry-after"], ("1", "2"))
        self.wait_for_the_first()

    def test_the_first_key_to_be_free_by_headers(self):
        for key, rest in (("key-a", 2), ("key-b", 30), ("key-c", 60)):
            self.provider.rules[key] = (200, {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": f"{rest}s"})
        self.assertEqual([self.ask()[0] for _ in range(4)], 3 * [200] + [429])
        self.wait_for_the_first()

    def test_a_dead_key_beside_one_at_its_limit(self):
        """The backend is out for as long as the good key is, not for five
        minutes."""
        self.provider.rules["key-a"] = (429, {"retry-after": "2"})
        for key in ("key-b", "key-c"):
            self.provider.rules[key] = (401, {})
        status, headers, body = self.ask()
        self.assertEqual((status, body["error"]["code"]),
                         (503, "no_backend_available"))
        self.assertIn(headers["retry-after"], ("1", "2"))
        self.assertEqual(self.seen(), ["key-a", "key-b", "key-c"])
        row = self.gateway.backends()["p"]["servings"][0]
        self.assertEqual(row["state"], "blocked")
        del self.provider.rules["key-a"]
        time.sleep(2.1)
        wait_for(lambda: self.ask()[0] == 200, 10)
        self.assertEqual(set(self.seen()), {"key-a"})
        self.assertEqual(self.gateway.stop(), 0)

    def test_dead_keys_alone_turn_it_off(self):
        for key in ("key-a", "key-b", "key-c"):
            self.provider.rules[key] = (401, {})
        self.assertEqual(self.ask()[0], 502)
        row = self.gateway.backends()["p"]["servings"][0]
        self.assertEqual(row["state"], "key_rejected")
        self.assertEqual(self.gateway.stop(), 0)

    def test_when_none_is_left_the_client_is_told(self):
        for key in ("key-a", "key-b", "key-c"):
            self.provider.rules[key] = (429, {"retry-after": "1"})
        status, headers, _ = self.ask()
        self.assertEqual(status, 429)
        self.assertIn("retry-after", headers)
        self.assertEqual(self.seen(), ["key-a", "key-b", "key-c"])
        self.provider.rules.clear()
        time.sleep(1.1)
        wait_for(lambda: self.ask()[0] == 200, 10)
        self.assertEqual(self.gateway.stop(), 0)


if __name__ == "__main__":
    unittest.main()
