"""Starts the gateway and simulated backends for tests, on free loopback ports.

Every process that a test starts ends with it. The gateway's exit code and its
sanitizers' reports are part of what is tested: a leak fails the test that
caused it.
"""
import atexit
import http.client
import http.server
import inspect
import itertools
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
POINTSMAN = os.environ.get("POINTSMAN", os.path.join(ROOT, "build/pointsman"))
FAKELLM = os.environ.get("FAKELLM", os.path.join(ROOT, "build/fakellm"))


# of so many test files at a time this is the one with that number
SLOT, SLOTS = map(int, os.environ.get("TEST_SLOT", "0/1").split("/"))
PORTS = list(range(20000 + SLOT, 32000, SLOTS))
random.SystemRandom().shuffle(PORTS)


def free_port():
    """Below those that the kernel gives to outgoing connections and to who
    asks for any: it stays free until it is used, and once its user is gone.
    None comes twice."""
    while PORTS:
        port = PORTS.pop()
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no free port on 127.0.0.1")


def wait_for(condition, seconds=10.0, what="condition"):
    """Polls an observable fact; never a bare sleep."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"timed out after {seconds} s waiting for {what}")


def as_systemd(fd, name, *command):
    """The command with the listening socket fd (to be in pass_fds) as systemd
    hands it over. exec keeps the pid, which LISTEN_PID has to be; of bash, since
    other shells know no descriptor beyond 9."""
    return ["bash", "-c",
            f"exec 3<&{fd}; export LISTEN_PID=$$ LISTEN_FDS=1 "
            f'LISTEN_FDNAMES={name}; exec "$@"', "bash", *command]


def stay_within_a_day(seconds=90):
    """Budgets begin anew at midnight, UTC: waits until that is farther off."""
    wait_for(lambda: -time.time() % 86400 > seconds, seconds + 5, "midnight")


def http_json(port, method, path, body=None, headers=None, timeout=30):
    """(status, headers, parsed body or text) of one request."""
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    data = None if body is None else (
        body if isinstance(body, bytes) else json.dumps(body).encode())
    sent = {"content-type": "application/json"} if data is not None else {}
    sent.update(headers or {})
    c.request(method, path, data, sent)
    r = c.getresponse()
    raw = r.read()
    c.close()
    try:
        parsed = json.loads(raw)
    except ValueError:
        parsed = raw.decode(errors="replace")
    return r.status, dict((k.lower(), v) for k, v in r.getheaders()), parsed


def chat(model=None, **members):
    body = {"messages": [{"role": "user", "content": "hello"}]}
    if model is not None:
        body["model"] = model
    body.update(members)
    return body


def events(raw):
    """The data of each event of an SSE body."""
    out = []
    for block in raw.replace("\r\n", "\n").split("\n\n"):
        for line in block.split("\n"):
            if line.startswith("data:"):
                out.append(line[5:].strip())
    return out


def samples(text):
    """{metric: [(labels, value)]} of what /metrics answers."""
    out = {}
    for name, row, value in re.findall(r'^(\w+)(?:{(.*)})? (\S+)$',
                                       text, re.M):
        labels = {k: v.replace('\\"', '"') for k, v in re.findall(
            r'(\w+)="((?:[^"\\]|\\.)*)"', row)}
        out.setdefault(name, []).append((labels, float(value)))
    return out


def total(rows, name, **labels):
    """The sum of a metric's samples with these labels; 0: it has none."""
    return sum(value for have, value in rows.get(name, ())
               if labels.items() <= have.items())


def stream_of(*data):
    """A stub's answer: an event of each."""
    return 200, {"content-type": "text/event-stream"}, "".join(
        f"data: {json.dumps(d)}\n\n" for d in data)


class Stub:
    """An HTTP server whose answers are the test's own. `answer` gets each
    request (a handler of http.server, with its `body`) and returns a status,
    headers, and a body: bytes, text, a generator of these that come piece by
    piece, or what is to be JSON."""

    def __init__(self, answer, port=0):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self):
                self.body = self.rfile.read(
                    int(self.headers.get("content-length", 0)))
                status, headers, body = answer(self)
                if inspect.isgenerator(body):
                    self.say(status, {**headers,
                                      "transfer-encoding": "chunked"})
                    for piece in itertools.chain(body, [""]):
                        raw = piece if isinstance(piece, bytes) \
                            else piece.encode()
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(raw), raw))
                    return
                if not isinstance(body, (bytes, str)):
                    body = json.dumps(body)
                    headers = {"content-type": "application/json", **headers}
                raw = body.encode() if isinstance(body, str) else body
                self.say(status, {**headers,
                                  "content-length": str(len(raw))})
                self.wfile.write(raw)

            def say(self, status, headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            do_GET = do_POST = do_DELETE = serve

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *who):
                if not isinstance(sys.exc_info()[1], OSError):
                    super().handle_error(*who)  # else the client has left

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Fake:
    """One simulated backend."""

    def __init__(self, *options, port=None):
        self.port = port or free_port()
        self.options = options
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [FAKELLM, "--port", str(self.port), *self.options])
        atexit.register(self.process.kill)  # where nobody comes to stop()
        wait_for(self.listens, what="fakellm")
        return self

    def listens(self):
        try:
            http_json(self.port, "GET", "/fake/stats", timeout=1)
            return True
        except OSError:
            return False

    def stats(self):
        return http_json(self.port, "GET", "/fake/stats")[2]

    def calls(self):
        return {c["id"]: c
                for c in http_json(self.port, "GET", "/fake/calls")[2]}

    def configure(self, **settings):
        status, _, _ = http_json(self.port, "POST", "/fake/config", settings)
        assert status == 200, settings

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Gateway:
    """The gateway under test, from the text of a configuration without its
    listeners."""

    def __init__(self, conf, env=None, listen=None, wait=True, stderr=None,
                 stdout=subprocess.PIPE):
        self.port, self.admin = free_port(), free_port()
        self.folder = tempfile.TemporaryDirectory(prefix="pointsman-test-")
        self.path = os.path.join(self.folder.name, "gateway.conf")
        self.listen = listen or (
            f'listen = {{ address = "127.0.0.1"; port = {self.port}; }};\n'
            f'admin = {{ address = "127.0.0.1"; port = {self.admin}; }};\n')
        self.write(conf)
        self.log_path = os.path.join(self.folder.name, "log")
        self.log_file = open(self.log_path, "wb")
        environ = dict(os.environ)
        environ.setdefault("ASAN_OPTIONS", "detect_leaks=1")
        environ.setdefault("TSAN_OPTIONS", "suppressions=" + os.path.join(
            ROOT, "tests/tsan.supp"))
        environ.update(env or {})
        self.process = subprocess.Popen(
            [POINTSMAN, "serve", "-c", self.path], env=environ,
            stdout=stdout, stderr=stderr or self.log_file)
        atexit.register(self.process.kill)
        if wait:
            self.wait_until_ready()

    def write(self, conf):
        with open(self.path, "w", encoding="utf-8") as f:
            f.write(self.listen + conf)

    def wait_until_ready(self):
        """Nobody would end one that is late: it would probe for ever, and
        its backends' ports go to others."""
        try:
            wait_for(self.ready, 20, "the gateway to be ready")
        except AssertionError:
            self.process.kill()
            self.process.wait()
            raise

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError("the gateway exited:\n" + self.log())
        return self.answers()

    def answers(self):
        """Whether it says that it is ready; it may have ended."""
        try:
            return http_json(self.admin, "GET", "/readyz", timeout=1)[0] == 200
        except OSError:
            return False

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def post(self, path, body, headers=None, timeout=30):
        return http_json(self.port, "POST", path, body, headers, timeout)

    def get(self, path, headers=None):
        return http_json(self.port, "GET", path, None, headers)

    def chat(self, body, headers=None, timeout=30):
        return self.post("/v1/chat/completions", body, headers, timeout)

    def status(self):
        return http_json(self.admin, "GET", "/admin/v1/status")[2]

    def backends(self):
        doc = http_json(self.admin, "GET", "/admin/v1/backends")[2]
        return {b["name"]: b for b in doc["backends"]}

    def metrics(self):
        return http_json(self.admin, "GET", "/metrics")[2]

    def metric(self, name, **labels):
        return total(samples(self.metrics()), name, **labels)

    def send_signal(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM, seconds=20):
        """Ends it; the exit code. Fails on a sanitizer's report."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the gateway did not stop:\n" + self.log())
        finally:
            if self.process.stdout is not None:
                self.process.stdout.close()
            self.log_file.close()
        text = self.log()
        self.folder.cleanup()
        for bad in ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer",
                    "runtime error:", "Assertion"):
            assert bad not in text, text
        return code


def backend(name, port, extra="", adapter="vllm"):
    return (f'{{ name = "{name}"; adapter = "{adapter}"; '
            f'url = "http://127.0.0.1:{port}/v1"; '
            f'price = {{ input = 1.0; output = 1.0; }}; {extra} }}')


def conf(backends, extra="", serve=None, model="m"):
    """A configuration in which every backend serves one model."""
    names = [b.split('"')[1] for b in backends]
    rows = serve or ", ".join(
        f'{{ backend = "{n}"; model = "fake-model"; }}' for n in names)
    return (f'backends = ( {", ".join(backends)} );\n'
            f'models = ( {{ name = "{model}"; serve = ( {rows} ); }} );\n'
            + extra)
