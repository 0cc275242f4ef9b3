"""The admin API: who may do what, and whether its document is true."""
import glob
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (ROOT, Fake, Gateway, backend, conf,  # noqa: E402
                     http_json)

PYTHON = os.path.join(ROOT, "build/tools/python/bin/python")
METHODS = ("get", "post", "put", "patch", "delete")
KEYS = ('admin_keys = ( { key = "env:API_TEST_READ"; role = "read"; '
        'name = "eyes"; }, { key = "env:API_TEST_OPERATE"; '
        'role = "operate"; }, "env:API_TEST_ADMIN" );\n'
        'tenants = ( { name = "t"; keys = [ "env:API_TEST_TENANT" ]; } );\n')
ENV = {"API_TEST_READ": "reader", "API_TEST_OPERATE": "operator",
       "API_TEST_ADMIN": "admin", "API_TEST_TENANT": "tenant"}
RANK = {"read": 0, "operate": 1, "admin": 2}
KEY_OF = {"read": "reader", "operate": "operator", "admin": "admin"}
VALIDATE = ("import json, sys; from openapi_spec_validator import validate; "
            "validate(json.load(sys.stdin))")


def can_validate():
    return os.path.exists(PYTHON) and subprocess.run(
        [PYTHON, "-c", "import openapi_spec_validator"],
        capture_output=True).returncode == 0


class Api(unittest.TestCase):
    def start(self, extra=""):
        fake = Fake("--tokens", "2")
        self.addCleanup(fake.stop)
        g = Gateway(conf([backend("one", fake.port)], "")
                    + 'keys_file = "keys.json";\nledger = "ledger.db";\n'
                    + extra, env=ENV)
        self.addCleanup(lambda: self.assertEqual(g.stop(), 0))
        return g

    def ask(self, g, method, path, key=None):
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        return http_json(g.admin, method.upper(), path, headers=headers)

    def document(self, g, key=None):
        status, headers, doc = self.ask(
            g, "get", "/admin/v1/openapi.json", key)
        self.assertEqual((status, headers["content-type"]),
                         (200, "application/json"))
        return doc

    def operations(self, doc):
        """All but those whose answer has no end: live_test.py has them."""
        for path, item in doc["paths"].items():
            for method, operation in item.items():
                if "text/event-stream" in operation["responses"]["200"][
                        "content"]:
                    continue
                yield method, path.replace("{id}", "nobody"), operation

    def test_a_role_is_enough_or_is_named(self):
        g = self.start(KEYS)
        asked = 0
        # what acts is asked for without parameters: none of it is done
        for method, path, o in self.operations(self.document(g, "reader")):
            if "x-role" not in o or path == "/admin/v1/reload":
                continue
            self.assertEqual(self.ask(g, method, path)[0], 401)
            self.assertEqual(self.ask(g, method, path, "tenant")[0], 401)
            for role, key in KEY_OF.items():
                status, _, body = self.ask(g, method, path, key)
                asked += 1
                if RANK[role] >= RANK[o["x-role"]]:
                    self.assertNotIn(status, (401, 403), (method, path, role))
                    continue
                self.assertEqual((status, body["error"]["code"]),
                                 (403, "role_too_narrow"), (method, path))
                self.assertIn(f'the role {o["x-role"]}',
                              body["error"]["message"])
                self.assertIn(f"with the role {role}",
                              body["error"]["message"])
        self.assertGreater(asked, 30)
        status, _, body = self.ask(g, "post", "/admin/v1/reload", "reader")
        self.assertEqual(status, 403)
        self.assertIn('"eyes"', body["error"]["message"])
        self.assertEqual(
            self.ask(g, "get", "/admin/v1/status",
                     "admin")[2]["config_version"], 1)
        for key in ("operator", "admin"):
            self.assertEqual(
                self.ask(g, "post", "/admin/v1/reload", key)[0], 200)

    def test_a_role_holds_until_it_is_changed(self):
        g = self.start(KEYS)
        path = "/admin/v1/drill?fail=one&for=1s"
        self.assertEqual(self.ask(g, "post", path, "reader")[0], 403)
        with open(g.path, encoding="utf-8") as f:
            text = f.read()
        with open(g.path, "w", encoding="utf-8") as f:
            f.write(text.replace('role = "read"', 'role = "operate"'))
        self.assertEqual(
            self.ask(g, "post", "/admin/v1/reload", "operator")[0], 200)
        self.assertEqual(self.ask(g, "post", path, "reader")[0], 200)

    def test_the_configuration_shows_roles_and_no_keys(self):
        g = self.start(KEYS)
        rows = self.ask(g, "get", "/admin/v1/config", "reader")[2]["admin_keys"]
        self.assertEqual(
            sorted((r["name"], r["role"], r["key"]) for r in rows),
            [("API_TEST_ADMIN", "admin", "***"),
             ("API_TEST_OPERATE", "operate", "***"),
             ("eyes", "read", "***")])

    def test_what_is_documented_answers_as_documented(self):
        g = self.start()
        for method, path, o in self.operations(self.document(g)):
            status, headers, body = self.ask(g, method, path)
            said = o["responses"].get(str(status))
            self.assertIsNotNone(said, (method, path, status, body))
            kind = headers["content-type"].split(";")[0]
            self.assertIn(kind, said["content"], (method, path))
            if status >= 400:
                self.assertNotIn(body["error"]["code"],
                                 ("unknown_url", "method_not_allowed"))

    def test_head_is_get_without_the_body(self):
        g = self.start(KEYS)
        for path in ("/healthz", "/readyz", "/", "/nothing"):
            key = "reader" if path == "/nothing" else None
            want = self.ask(g, "get", path, key)
            status, head, body = self.ask(g, "head", path, key)
            self.assertEqual((status, head["content-type"],
                              head["content-length"], body),
                             (want[0], want[1]["content-type"],
                              want[1]["content-length"], ""))
        self.assertEqual(self.ask(g, "head", "/metrics")[0], 401)
        self.assertEqual(self.ask(g, "head", "/metrics", "reader")[0], 200)
        # acts on nothing, and does not wait for a stream's end
        for path, kind in (("keys", "application/json"),
                           ("live", "text/event-stream"),
                           ("usage", "application/json"),
                           ("usage?format=csv", "text/csv; charset=utf-8")):
            status, head, _ = self.ask(g, "head", "/admin/v1/" + path,
                                       "reader")
            self.assertEqual((status, head["content-type"]), (200, kind))
            self.assertNotEqual(head.get("content-length"), "0", path)
        self.assertEqual(self.ask(g, "head", "/admin/v1/reload",
                                  "admin")[0], 405)

    def test_what_is_not_documented_does_not_answer(self):
        g = self.start()
        doc = self.document(g)
        for path, item in doc["paths"].items():
            for method in METHODS:
                if method not in item:
                    status, head, body = self.ask(
                        g, method, path.replace("{id}", "x"))
                    self.assertEqual((status, body["error"]["code"]),
                                     (405, "method_not_allowed"))
                    self.assertEqual(
                        set(head["allow"].lower().split(", ")) - {"head"},
                        set(item))
        # every path that the program, its tests and its pages speak of
        known = set(doc["paths"])
        spoken = set()
        for pattern in ("gateway/*.c", "gateway/admin/*.[ch]", "docs/*.md",
                        "tests/*.py", "tests/*/*_test.py", "README.md"):
            for name in glob.glob(os.path.join(ROOT, pattern)):
                with open(name, encoding="utf-8") as f:
                    spoken |= set(re.findall(
                        r"/admin/v1/[a-z]+(?:\.json)?", f.read()))
        self.assertGreater(len(spoken), 8)
        self.assertEqual(spoken - known, set())
        self.assertEqual(
            self.ask(g, "get", "/admin/v1/" + "nothing")[0], 404)

    @unittest.skipUnless(can_validate(), "no openapi-spec-validator: "
                                         "tools/bootstrap test")
    def test_the_document_is_openapi(self):
        g = self.start()
        raw = subprocess.run(
            ["curl", "-sS", f"http://127.0.0.1:{g.admin}"
                            "/admin/v1/openapi.json"],
            capture_output=True, check=True).stdout
        r = subprocess.run([PYTHON, "-c", VALIDATE], input=raw,
                           capture_output=True)
        self.assertEqual(r.returncode, 0, r.stderr.decode())
        # and the validator is awake
        broken = raw.replace(b'"responses"', b'"answers"', 1)
        self.assertNotEqual(raw, broken)
        r = subprocess.run([PYTHON, "-c", VALIDATE], input=broken,
                           capture_output=True)
        self.assertNotEqual(r.returncode, 0)


if __name__ == "__main__":
    unittest.main()
