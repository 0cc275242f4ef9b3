"""Keys and prompts are planted, everything that can be asked is asked, and
nothing that the gateway says anywhere has one of them in it."""
import json
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (POINTSMAN, Gateway, Stub, backend, chat,  # noqa: E402
                     conf, free_port, http_json, wait_for)

PROVIDER = "sk-provider-3b8e51c7a9d2"
TENANT = "sk-tenant-77f0c2e4d1b9"
OTHER = "sk-othertenant-0a9b8c7d6e"
ADMIN = "sk-admin-5d4c3b2a1f0e"
WRONG = "sk-stranger-9e8d7c6b5a4f"
IDEMPOTENT = "idem-planted-6f5e4d3c2b1a"
PROMPT = "zebraquilt-prompt-81c2"
ANSWER = "xylophone-answer-44d7"
# what a client may read of its own in an answer, and operators nowhere
CONTENT = (PROMPT, ANSWER, TENANT, WRONG, IDEMPOTENT)
NEVER = (PROVIDER, OTHER, ADMIN)

ENV = {"SECRETS_TEST_PROVIDER": PROVIDER, "SECRETS_TEST_TENANT": TENANT,
       "SECRETS_TEST_OTHER": OTHER, "SECRETS_TEST_ADMIN": ADMIN}


def provider(request):
    """One that quotes the key and the prompt in whatever it answers. The
    prompt says what that is to be."""
    key = request.headers.get("authorization", "none")
    headers = {"x-request-key": key}
    if request.command == "GET":
        return 200, headers, {"data": [{"id": "fake-model"}], "said": key}
    raw = request.body.decode()
    asked = re.search(r"answer=(\w+)", raw)
    echo = f"{key} sent {raw} and gets {ANSWER}"
    error = {"error": {"message": echo, "type": key, "param": key,
                       "code": key, "said": [key]}}
    token = ('data: {"choices":[{"index":0,"delta":{"content":"%s"},'
             '"finish_reason":null}]}\n\n' % ANSWER)
    kind = asked[1] if asked else "json"
    stream = {"sse_error": f"data: {json.dumps(error)}\n\n",
              "late_error": token + f"data: {json.dumps(error)}\n\n",
              "cut": token}.get(kind)
    if kind.isdigit():
        return int(kind), headers, error
    if kind == "html":
        return 200, {**headers, "content-type": "text/html"}, echo
    if stream is None and '"stream":true' in raw.replace(" ", ""):
        stream = token.replace("null}", '"stop"}') + "data: [DONE]\n\n"
    if stream is not None:
        return 200, {**headers, "content-type": "text/event-stream"}, stream
    return 200, headers, {"choices": [{
        "index": 0, "finish_reason": "stop",
        "message": {"role": "assistant", "content": ANSWER}}]}


class Secrets(unittest.TestCase):
    def setUp(self):
        self.upstream = Stub(provider)
        port = self.upstream.port
        key = 'api_key = "env:SECRETS_TEST_PROVIDER";'
        self.gateway = Gateway(conf(
            [backend("one", port, key),
             backend("two", port, key).replace("1.0", "2.0"),
             backend("gone", free_port(), key).replace("1.0", "3.0")],
            'log_level = "debug"; access_log = "access.log";\n'
            'slo = ( { name = "voice"; ttft = "500ms"; percentile = 95; } );\n'
            'admin_keys = [ "env:SECRETS_TEST_ADMIN" ];\n'
            'tenants = ( { name = "t"; keys = [ "env:SECRETS_TEST_TENANT" ]; '
            'may_pin = true; }, '
            '{ name = "o"; keys = [ "env:SECRETS_TEST_OTHER" ]; } );\n'),
            env=ENV)
        self.said = {}

    def tearDown(self):
        self.gateway.stop()
        self.upstream.stop()

    def keep(self, where, text):
        self.said[where] = text if isinstance(text, str) else json.dumps(text)

    # --- what clients do, and what they are told ---

    def ask(self, what, stream, key=TENANT, model="m", **headers):
        body = chat(model, stream=stream, user=f"{PROMPT}-user")
        body["messages"][0]["content"] = f"{PROMPT} answer={what}"
        answer = self.gateway.chat(body, {
            "authorization": f"Bearer {key}",
            "idempotency-key": f"{IDEMPOTENT}-{len(self.said)}", **headers})
        self.keep(f"answer {what} {stream} {model}", list(answer[1:]))
        return answer

    def be_clients(self):
        for model in ("m:one", "m:gone", "m", "m:voice", "nothing"):
            for stream in (False, True):
                self.ask("json", stream, model=model)
        for what in ("400", "404", "409", "413", "422", "429", "500", "html",
                     "sse_error", "late_error", "cut", "403", "401"):
            for stream in (False, True):
                self.ask(what, stream)
        self.ask("json", False, key=WRONG)
        self.ask("json", False, **{"x-slo-class": f"c-{PROMPT}"})
        self.ask("json", False, **{"x-api-key": WRONG})
        for path in (f"/v1/{PROMPT}", f"/v1/models/{PROMPT}",
                     f"/v1/models?api_key={WRONG}"):
            self.keep(path, list(self.gateway.get(
                path, {"authorization": f"Bearer {TENANT}"})[1:]))
        self.keep("broken", list(self.gateway.chat(
            b'{"model": "m", "messages": "' + PROMPT.encode(),
            {"authorization": f"Bearer {TENANT}"})[1:]))

    # --- what operators see ---

    def admin(self, path, key=ADMIN):
        status, headers, body = http_json(
            self.gateway.admin, "GET", path,
            headers={"authorization": f"Bearer {key}"})
        self.keep(f"admin {path} {key == ADMIN}", [headers, body])
        return status, body

    def command(self, *argv, code=None):
        r = subprocess.run(
            [POINTSMAN, *argv], capture_output=True, text=True, timeout=60,
            env={**os.environ, **ENV, "POINTSMAN_ADMIN_KEY": ADMIN})
        self.keep("command " + " ".join(argv), r.stdout + r.stderr)
        if code is not None:
            self.assertEqual(r.returncode, code, r.stderr)
        return r

    def be_operators(self):
        for path in ("/metrics", "/healthz", "/readyz", "/nothing",
                     "/admin/v1/status", "/admin/v1/backends",
                     "/admin/v1/config", "/admin/v1/slo", "/admin/v1/drill",
                     "/admin/v1/receipts?limit=1000"):
            self.admin(path)
        self.assertEqual(self.admin("/admin/v1/status", WRONG)[0], 401)
        receipts = self.admin("/admin/v1/receipts?limit=1000")[1]["receipts"]
        self.assertGreater(len(receipts), 20)
        where = ("-c", self.gateway.path)
        for r in receipts:
            self.admin("/admin/v1/receipts/" + r["id"])
        for r in receipts[:5]:
            self.command("explain", r["id"], *where, code=0)
        for argv in (("top", "--once"), ("top", "--once", "--json"),
                     ("slo", "suggest"), ("slo", "suggest", "--json"),
                     ("drill",), ("drill", "--stop")):
            self.command(*argv, *where)
        self.command("check", *where, code=0)
        self.command("check", "--json", *where, code=0)
        self.assertIn("BAD", self.command("check", "--live", *where).stdout)

    def test_nothing_is_said(self):
        self.be_clients()
        wait_for(lambda: self.gateway_status()["requests"] == 0)
        self.be_operators()
        status, _, _ = http_json(
            self.gateway.admin, "POST", "/admin/v1/reload",
            headers={"authorization": f"Bearer {ADMIN}"})
        self.assertEqual(status, 200)
        self.gateway.process.terminate()
        self.gateway.process.wait(20)
        self.keep("stdout", self.gateway.process.stdout.read().decode())
        self.keep("log", self.gateway.log())
        with open(os.path.join(self.gateway.folder.name, "access.log"),
                  encoding="utf-8") as f:
            self.keep("access log", f.read())
        self.assertIn("backend=one", self.said["access log"])
        self.assertIn("attempt_failed", self.said["log"])
        self.assertIn("***", self.said["answer 400 False m"])
        for where, text in self.said.items():
            own = where.startswith(("answer", "/v1", "broken"))
            for secret in NEVER + (() if own else CONTENT):
                self.assertNotIn(secret, text, where)

    def gateway_status(self):
        return self.admin("/admin/v1/status")[1]

    def test_mistakes_do_not_show_what_was_written(self):
        path = os.path.join(self.gateway.folder.name, "bad.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(conf([backend("one", 1, f'api_key = "{PROVIDER}";')],
                         f'admin_keys = [ "{ADMIN}", "sha256:{ADMIN}" ];\n'
                         'tenants = ( { name = "t"; '
                         f'keys = [ "{TENANT}", "env:{OTHER}" ]; }} );\n'))
        r = self.command("check", "-c", path, code=1)
        self.assertIn("api_key: want", r.stderr)
        self.assertIn("admin_keys[0]: want", r.stderr)
        for secret in (PROVIDER, TENANT, ADMIN):
            self.assertNotIn(secret, r.stdout + r.stderr)

    def test_no_core_file(self):
        with open(f"/proc/{self.gateway.process.pid}/limits",
                  encoding="ascii") as f:
            self.assertRegex(f.read(), r"Max core file size +0 ")


if __name__ == "__main__":
    unittest.main()
