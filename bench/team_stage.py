"""What bench/team starts: the gateway with a team's features or without, a
collector of traces, gateways with many tenants."""
import http.client
import http.server
import json
import os
import threading
import time

import once
import peers
from rig import Trouble

LEDGER = 'ledger = "@DIR@/usage.db";\n'
TRACES = ('otlp = {{ url = "http://127.0.0.1:{port}/v1/traces"; '
          'sample = {sample}; }};\n')
LIMITS = ("limits = { requests_per_minute = 100000000; tokens_per_minute = "
          "100000000000; concurrent = 100000; daily_budget = 1000000.0; "
          "monthly_budget = 1000000.0; }; key_limits = { requests_per_minute "
          "= 100000000; tokens_per_minute = 100000000000; };")


class Collector(http.server.ThreadingHTTPServer):
    """Takes any traces, and counts the batches."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.batches = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.server.batches += 1
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


class Team(peers.Pointsman):
    """With these settings at the top level, and these of its tenant."""

    template = "team.conf"

    def __init__(self, name, settings="", limits=""):
        super().__init__(name)
        self.settings, self.limits = settings, limits

    def command(self, conf, r):
        with open(conf, encoding="utf-8") as f:
            text = f.read()
        text = text.replace("@TEAM@", self.settings).replace(
            "@LIMITS@", self.limits).replace("@DIR@", r.dir)
        with open(conf, "w", encoding="utf-8") as f:
            f.write(text)
        return super().command(conf, r)


# --- many tenants ---

def listeners(r):
    return (f'listen = {{ address = "127.0.0.1"; port = {r.port}; }};\n'
            f'admin = {{ address = "127.0.0.1"; port = {r.admin_port}; }};\n'
            f'workers = 2;\naccess_log = "{r.dir}/access.log";\n'
            'slo = ( { name = "interactive"; ttft = "500ms"; itl = "50ms"; '
            'percentile = 95; } );\ndefault_slo = "interactive";\n')


def fleet(r, n):
    backends = ",\n".join(
        f'{{ name = "b{i}"; adapter = "vllm"; probe_interval = "0s"; '
        f'url = "http://127.0.0.1:{r.mock_port}/v1"; '
        'price = { input = 1.0; output = 2.0; }; }' for i in range(n))
    serve = ", ".join(f'{{ backend = "b{i}"; model = "fake-model"; }}'
                      for i in range(n))
    return (f"backends = ( {backends} );\n"
            f'models = ( {{ name = "m"; serve = ( {serve} ); }} );\n')


class Many(peers.Pointsman):
    """So many tenants with so many keys each; pinning is allowed. With
    `file`, keys are in a keys_file instead."""

    template = None

    def __init__(self, tenants, keys=1, servings=1, file=False):
        super().__init__("pointsman, many tenants")
        self.servings, self.keys_file = servings, None
        digests = [[once.digest(f"{t}-{n}") for n in range(keys)]
                   for t in range(tenants)]
        if file:
            self.keys_file = json.dumps({"version": 1, "keys": [
                {"tenant": f"t{t}", "name": f"k{n}", "sha256": d,
                 "created": int(time.time())}
                for t, row in enumerate(digests) for n, d in enumerate(row)]})
            digests = [[] for _ in digests]
        self.rows = ",\n".join(
            f'{{ name = "t{t}"; may_pin = true; limits = {{ '
            'requests_per_minute = 6000000; tokens_per_minute = 6000000000; '
            'daily_budget = 100.0; };'
            + (" keys = [ " + ", ".join(f'"sha256:{d}"' for d in row) + " ];"
               if row else "") + " }"
            for t, row in enumerate(digests))

    @staticmethod
    def key(tenant, n=0):
        return once.key(f"{tenant}-{n}")

    def command(self, _conf, r):
        path = f"{r.dir}/many.conf"
        text = listeners(r) + fleet(r, self.servings)
        if self.keys_file is not None:
            text += 'keys_file = "keys.json";\n'
            with open(f"{r.dir}/keys.json", "w", encoding="ascii") as f:
                f.write(self.keys_file)
            os.chmod(f"{r.dir}/keys.json", 0o600)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text + f"tenants = (\n{self.rows} );\n")
        return [self.program, "serve", "-c", path]


class ManyRig(once.LargeRig):
    """Ready is what /readyz says."""

    def get(self, path):
        c = http.client.HTTPConnection("127.0.0.1", self.admin_port,
                                       timeout=60)
        try:
            c.request("GET", path)
            r = c.getresponse()
            body = r.read()
            if r.status != 200:
                raise Trouble(f"{path}: {r.status} {body[:200]}")
            return body
        finally:
            c.close()
