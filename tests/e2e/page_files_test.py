"""The files of the operators' page: what they may load and send, and which
pages may send requests."""
import http.client
import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from feed import EYES, TENANTS, Bed  # noqa: E402
from harness import chat  # noqa: E402


class Files(Bed):
    def get(self, g, path, **headers):
        c = http.client.HTTPConnection("127.0.0.1", g.admin, timeout=10)
        c.request("GET", path, headers=headers)
        r = c.getresponse()
        body = r.read()
        c.close()
        return r.status, r.headers, body

    def test_they_are_served_with_a_policy(self):
        g = self.start({"one": self.fake()})
        status, h, body = self.get(g, "/")
        self.assertEqual((status, h["content-type"], h["cache-control"]),
                         (200, "text/html; charset=utf-8", "no-cache"))
        self.assertEqual((h["x-content-type-options"], h["referrer-policy"]),
                         ("nosniff", "no-referrer"))
        policy = dict(p.split(" ", 1) for p in
                      h["content-security-policy"].split("; "))
        self.assertEqual(policy, {
            "default-src": "'none'", "script-src": "'self'",
            "style-src": "'self'", "img-src": "'self' data:",
            "connect-src": f"'self' http://127.0.0.1:{g.port}",
            "base-uri": "'none'", "form-action": "'none'",
            "frame-ancestors": "'none'"})
        # nothing that it loads is missing
        loaded = re.findall(rb'(?:href|src)="(page/[^"]+)"', body)
        self.assertGreater(len(loaded), 1)
        for name in loaded:
            status, h, body = self.get(g, "/" + name.decode())
            self.assertEqual(status, 200, name)
            self.assertIn(h["content-type"].split(";")[0],
                          ("text/css", "text/javascript", "image/svg+xml"))
            self.assertIn("default-src 'none'", h["content-security-policy"])
            tag = h["etag"]
            for known in (tag, "W/" + tag, f'"other", {tag}', "*"):
                status, h, rest = self.get(
                    g, "/" + name.decode(), **{"if-none-match": known})
                self.assertEqual((status, h["etag"], rest), (304, tag, b""))
            self.assertEqual(self.get(g, "/" + name.decode(), **{
                "if-none-match": '"other"'})[0], 200)
        for path in ("/page/nothing.js", "/page/../routes.c", "/page/"):
            self.assertEqual(self.get(g, path)[0], 404, path)

    def test_a_host_puts_nothing_into_the_policy(self):
        g = self.start({"one": self.fake()}, TENANTS + EYES)
        for host, said in (
                ("gw.example:7071", f" http://gw.example:{g.port};"),
                ("[::1]:7071", f" http://[::1]:{g.port};"),
                ("[::1]", f" http://[::1]:{g.port};"),
                ("x.example; script-src *", "connect-src 'self';"),
                ("x'unsafe-inline'", "connect-src 'self';"),
                ("a b", "connect-src 'self';"),
                ("*", "connect-src 'self';"),
                ("a" * 300, "connect-src 'self';")):
            policy = self.get(g, "/", host=host)[1]["content-security-policy"]
            self.assertIn(said, policy, host)
            self.assertEqual(policy.count("script-src"), 1)

    def ask_from(self, g, origin, host=None, method="OPTIONS"):
        c = http.client.HTTPConnection("127.0.0.1", g.port, timeout=10)
        headers = {"origin": origin, "access-control-request-method": "POST",
                   "access-control-request-headers":
                   "authorization,content-type,x-slo-class"}
        if host is not None:
            headers["host"] = host
        body = json.dumps(chat("m")) if method == "POST" else None
        c.request(method, "/v1/chat/completions", body,
                  {"content-type": "application/json", **headers})
        r = c.getresponse()
        r.read()
        c.close()
        return r.status, r.headers

    def test_the_playground_may_call_and_no_other_page(self):
        for extra in ("", TENANTS):
            g = self.start({"one": self.fake()}, extra)
            for name in ("127.0.0.1", "localhost"):
                origin = f"http://{name}:{g.admin}"
                status, h = self.ask_from(g, origin, f"{name}:{g.port}")
                self.assertEqual(status, 204)
                self.assertEqual(h["access-control-allow-origin"], origin)
                self.assertIn("x-slo-class", h["access-control-allow-headers"])
                status, h = self.ask_from(
                    g, origin, f"{name}:{g.port}", "POST")
                self.assertEqual(status, 401 if extra else 200)
                self.assertEqual(h["access-control-allow-origin"], origin)
                self.assertIn("x-pointsman-receipt",
                              h["access-control-expose-headers"])
            here = f"127.0.0.1:{g.port}"
            for origin, host in (
                    (f"http://127.0.0.1:{g.admin + 1}", here),
                    (f"http://localhost:{g.admin}", here),
                    (f"http://evil.example:{g.admin}", here),
                    (f"ftp://127.0.0.1:{g.admin}", here),
                    (f"http://127.0.0.1:{g.admin}x", here),
                    (f"http://127.0.0.1:{g.admin}:{g.admin}", here),
                    ("http://127.0.0.1", here),
                    ("http://127.0.0.1:", here),
                    ("null", here)):
                _, h = self.ask_from(g, origin, host)
                self.assertIsNone(h["access-control-allow-origin"], origin)
                status, h = self.ask_from(g, origin, host, "POST")
                self.assertIsNone(h["access-control-allow-origin"], origin)
                if not extra:
                    self.assertEqual(status, 403, origin)
            if not extra:
                # a name of the page's own that leads here
                self.assertEqual(self.ask_from(
                    g, f"http://evil.example:{g.admin}",
                    f"evil.example:{g.port}", "POST")[0], 403)


if __name__ == "__main__":
    unittest.main()
