"""What commands say of words and options that are wrong, and what `check`
answers."""
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (POINTSMAN, Fake, Gateway, Stub,  # noqa: E402
                     backend, conf, free_port, stream_of)


def command(*args, code=0, **env):
    done = subprocess.run([POINTSMAN, *args], capture_output=True, text=True,
                          timeout=60, env={**os.environ, **env})
    assert done.returncode == code, (args, done)
    return done.stdout, done.stderr


class Program(unittest.TestCase):
    def test_what_everybody_types_first(self):
        version = command("version")[0]
        for word in ("--version", "-V"):
            self.assertEqual(command(word)[0], version)
        for word in ("-h", "help"):
            self.assertEqual(command(word), command("--help"))
        for name in ("check", "loadtest", "backend", "key"):
            self.assertEqual(command("help", name), command(name, "--help"))
            self.assertEqual(command(name, "-h"), command(name, "--help"))

    def test_half_a_url_is_not_asked(self):
        url = "http://127.0.0.1:9/" + "x" * 512
        for words in (("ask", "--url", url, "hi"),
                      ("top", "--once", "--admin", url)):
            self.assertIn("want a URL of at most 511 bytes, got 531",
                          command(*words, code=1)[1])

    def test_only_what_can_be_sent_is_hashed_as_a_key(self):
        def hashed(key, code):
            done = subprocess.run([POINTSMAN, "key", "hash"], input=key,
                                  capture_output=True, timeout=20, check=False)
            self.assertEqual(done.returncode, code, (key[:20], done))
            return done.stdout.decode(), done.stderr.decode()

        good = hashed(b"key", 0)[0]
        self.assertRegex(good, "^sha256:[0-9a-f]{64}\n$")
        for same in (b"key\n", b" key\r\n", b"key" + 4000 * b" "):
            self.assertEqual(hashed(same, 0)[0], good)
        hashed(4095 * b"k", 0)
        for bad in (b"", b"\n", b"key\nkey\n", b"a key", b"key\0",
                    b"\xef\xbb\xbfkey", 4096 * b"k",
                    b"key" + 5000 * b" " + b"more"):
            said, why = hashed(bad, 1)
            self.assertEqual(said, "")
            self.assertIn("want one word of 1 to 4095 visible characters on "
                          "standard input, got something else", why)
            self.assertNotIn("key", why.replace("pointsman key hash:", ""))

    def test_without_sha256_there_is_no_digest(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "openssl.cnf")
            with open(path, "w", encoding="utf-8") as f:
                f.write("openssl_conf = a\n[a]\nproviders = p\n[p]\nbase = b\n"
                        "[b]\nactivate = 1\n")
            done = subprocess.run(
                [POINTSMAN, "key", "hash"], input=b"key", timeout=20,
                capture_output=True, env={**os.environ, "OPENSSL_CONF": path},
                check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (
            1, b"", b"pointsman key hash: OpenSSL has no SHA-256\n"))

    def test_a_key_of_the_environment_is_one_word(self):
        for name, words in (
                ("POINTSMAN_API_KEY", ("ask", "-u", "http://127.0.0.1:9/v1",
                                       "hi")),
                ("POINTSMAN_ADMIN_KEY", ("top", "--once"))):
            for key in ("secret\r", "two secrets", 17000 * "s"):
                err = command(*words, code=1, **{name: key})[1]
                self.assertEqual(
                    err, "pointsman: want one word of visible characters in "
                    f"${name}, 8192 at most, got something else (not "
                    "shown)\n")

    def test_words_of_whoever_answers_command_no_terminal(self):
        words = "caf\u00e9\x1b[2J\u009b31m"
        answers = [(403, {}, {"error": {"message": words}}), (403, {}, words)]
        stub = Stub(lambda _: answers[0])
        self.addCleanup(stub.stop)
        where = f"http://127.0.0.1:{stub.port}"
        self.assertEqual(command("top", "--once", "-a", where, code=1)[1],
                         "pointsman: caf\u00e9?[2J??31m\n")
        del answers[0]
        err = command("loadtest", "--url", where + "/v1", "--rate", "50",
                      "--requests", "1", code=1)[1]
        self.assertIn("status 403: caf\u00e9 [2J??31m\n", err)

    def test_an_address_that_is_empty_is_none(self):
        # as of a variable that is not set
        for words, usual in ((("top", "--once", "--admin"),
                              "http://127.0.0.1:7071"),
                             (("ask", "hi", "--url"),
                              "http://127.0.0.1:7070/v1")):
            self.assertEqual(
                command(*words, "", code=1)[1],
                f'pointsman: want a URL such as {usual}, got ""\n')

    def test_what_was_meant_is_said(self):
        for words in (("chek",), ("help", "chek")):
            self.assertIn('no such command: chek: did you mean "check"?',
                          command(*words, code=2)[1])
        self.assertIn('got "x.conf": did you mean -c x.conf?',
                      command("check", "x.conf", code=2)[1])
        self.assertIn('got "x.db": did you mean -f x.db?',
                      command("usage", "x.db", code=2)[1])
        for words, said in (
                (("add", "acme", "ci"), 'key add: want options only, got '
                                        '"acme"'),
                (("revoke", "--name", "ci"), "key revoke: want --tenant and "
                                             "--name"),
                (("list", "acme"), 'key list: want options only, got')):
            self.assertIn(said, command("key", *words, code=2)[1])
        self.assertTrue(command("version", "x", code=2)[1].endswith('"x"\n'))
        for name in ("check", "serve"):
            err = command(name, "-c", "/no/such.conf", code=1)[1]
            self.assertIn("cannot open: No such file or directory", err)
            self.assertIn("pointsman: -c FILE says where it is", err)


class Running(unittest.TestCase):
    def test_where_it_listens_is_in_its_configuration(self):
        fake = Fake("--tokens", "2")
        self.addCleanup(fake.stop)
        gateway = Gateway(conf([backend("one", fake.port)]))
        self.addCleanup(gateway.process.kill)
        out, err = command("ask", "-c", gateway.path, "-m", "m", "hi")
        self.assertIn("-- one (", out)
        self.assertEqual(err, "")
        nobody = f"http://127.0.0.1:{free_port()}"
        self.assertIn("-- one (", command("ask", "-c", gateway.path, "-m", "m",
                                          "hi", http_proxy=nobody)[0])
        self.assertIn("one ", command("top", "--once", "-c", gateway.path)[0])
        # and the other listener is not it
        err = command("top", "--once", "--admin",
                      f"http://127.0.0.1:{gateway.port}", code=1)[1]
        self.assertIn("is that the admin listener?", err)
        self.assertEqual(gateway.stop(), 0)
        self.assertRegex(
            command("ask", "-u", f"http://127.0.0.1:{gateway.port}/v1", "hi",
                    code=1)[1],
            r"^pointsman: http://127.0.0.1:\d+/v1/chat/completions: refused")

    @unittest.skipUnless(socket.has_ipv6 and os.path.exists(
        "/proc/net/if_inet6"), "no IPv6 here")
    def test_the_url_that_it_says_can_be_asked(self):
        fake = Fake("--tokens", "2")
        self.addCleanup(fake.stop)
        port, admin = free_port(), free_port()
        gateway = Gateway(
            conf([backend("one", fake.port)]), wait=False,
            listen=f'listen = {{ address = "::1"; port = {port}; }};\n'
                   f'admin = {{ port = {admin}; }};\n')
        self.addCleanup(gateway.process.kill)
        line = gateway.process.stdout.readline().decode()
        self.assertTrue(line.endswith(f": http://[::1]:{port}/v1\n"), line)
        self.assertIn("-- one (", command("ask", "-u", line.split()[-1], "-m",
                                          "m", "hi")[0])
        self.assertEqual(gateway.stop(), 0)

    def test_all_addresses_are_no_place_to_ask(self):
        for address in ("0.0.0.0", "::") if os.path.exists(
                "/proc/net/if_inet6") else ("0.0.0.0",):
            port, admin = free_port(), free_port()
            gateway = Gateway(
                conf([backend("one", free_port())],
                     'tenants = ( { name = "t"; keys = [ "env:KEY_T" ]; } );'),
                wait=False, env={"KEY_T": "secret-of-t"},
                listen=f'listen = {{ address = "{address}"; port = {port}; '
                       f'}};\nadmin = {{ port = {admin}; }};\n')
            self.addCleanup(gateway.process.kill)
            said = gateway.process.stdout.readline().decode()
            self.assertRegex(said, r"^pointsman \S+ on all addresses: "
                             rf"http://localhost:{port}/v1\n$")
            said = gateway.process.stdout.read1().decode()
            self.assertIn(f"curl -N http://localhost:{port}/v1/chat", said)
            self.assertEqual(gateway.stop(), 0)


class Simulate(unittest.TestCase):
    def test_bounds_are_said(self):
        for more, words in (
                (("--speed", "1e308"),
                 '--speed: want more than 0, at most 1e6, got "1e308"'),
                (("--speed", "0"),
                 '--speed: want more than 0, at most 1e6, got "0"'),
                (("--router", "bound", "--spend", "1e308"),
                 '--spend: want USD, more than 0, at most 1e6, got "1e308"')):
            self.assertIn(words, command("simulate", *more, code=2)[1])

    def test_a_long_run_says_how_far_it_is(self):
        p = subprocess.Popen([POINTSMAN, "simulate", "--speed", "0.0001"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True)
        self.addCleanup(p.kill)
        self.assertRegex(p.stderr.readline(),
                         r"^simulate: \d+\.\d h of 97\d\d\.\d h \(0\.\d %\)$")
        p.terminate()
        self.assertEqual(p.communicate(timeout=30), ("", ""))

    def test_a_file_that_is_cut_short_is_said(self):
        for span in ("1s", "200s"):  # less than a buffer, and more
            err = command("simulate", "--duration", span, "--requests-out",
                          "/dev/full", code=1)[1]
            self.assertRegex(err, "simulate: /dev/full: (No space left|cannot "
                             "be written)")


class Check(unittest.TestCase):
    def setUp(self):
        self.fake = Fake("--tokens", "2")
        self.addCleanup(self.fake.stop)
        folder = tempfile.TemporaryDirectory(prefix="pointsman-check-")
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "gateway.conf")

    def check(self, text, *options, code=0):
        with open(self.path, "w", encoding="utf-8") as f:
            f.write(text)
        return command("check", "-c", self.path, *options, code=code)[0]

    def test_live_answers_are_in_the_one_object(self):
        good = backend("one", self.fake.port)
        off = backend("two", 9, 'api_key = "env:NO_SUCH_KEY_IS_SET";')
        doc = json.loads(self.check(conf([good, off]), "--live", "--json"))
        one, two = doc["live"]
        self.assertEqual((doc["good"], doc["errors"]), (True, 0))
        self.assertEqual(
            (one["backend"], one["model"], one["upstream_model"], one["good"]),
            ("one", "m", "fake-model", True))
        self.assertGreater(one["first_token_ms"], 0)
        self.assertEqual(two["backend"], "two")
        self.assertIn("NO_SUCH_KEY_IS_SET", two["off"])

        down = backend("two", free_port())
        doc = json.loads(
            self.check(conf([good, down]), "--live", "--json", code=1))
        one, two = doc["live"]
        self.assertEqual((doc["good"], doc["errors"]), (False, 0))
        self.assertEqual((one["good"], two["good"]), (True, False))
        self.assertIn("refused, status 0", two["flaw"])

    def test_what_only_talks_is_not_made_to(self):
        text = conf([backend("one", self.fake.port, adapter="openai")],
                    serve='{ backend = "one"; model = "tts"; '
                    'caps = [ "speech" ]; }')
        self.assertIn("not asked: a call would cost; it is not in the list of "
                      "1 model\n", self.check(text, "--live"))
        text = text.replace('"tts"', '"fake-model"')
        said = self.check(text, "--live")
        self.assertIn("listed, not asked", said)
        self.assertIn("is good: 1 backend, 1 model, 1 serving, 0 tenants",
                      said)
        (row,) = json.loads(self.check(text, "--live", "--json"))["live"]
        self.assertEqual((row["asked"], row["listed"]), (False, True))
        self.assertEqual(self.fake.stats()["requests"], 0)

    def test_a_wildcard_is_asked_what_there_is(self):
        stub = Stub(lambda request: (
            (200, {}, {"data": [{"id": "a"}, {"id": "b"}]})
            if request.headers["authorization"] == "Bearer the-right-key"
            else (401, {}, {"error": {"message": "no"}})))
        self.addCleanup(stub.stop)
        key = os.path.join(os.path.dirname(self.path), "key")
        text = conf([backend("one", stub.port, f'api_key = "file:{key}";')],
                    serve='{ backend = "one"; model = "*"; }', model="*")
        for word, code in (("the-right-key", 0), ("another-key", 1)):
            self.beside("key", word)
            doc = json.loads(self.check(text, "--live", "--json", code=code))
            (row,) = doc["live"]
            self.assertEqual((row["good"], row["model"]), (code == 0, "*"))
            if code == 0:
                self.assertEqual(row["models"], 2)
            else:
                self.assertIn("key, status 401", row["flaw"])
                self.assertNotIn(word, row["flaw"])

    def test_each_key_is_asked_with(self):
        stub = Stub(lambda request: (
            (200, {}, {"data": [{"id": "a"}]})
            if request.headers["authorization"] == "Bearer right-key-word"
            else (401, {}, {"error": {"message": "not wrong-key-word"}})))
        self.addCleanup(stub.stop)
        keys = ", ".join(f'"file:{self.beside(word, word + "-key-word")}"'
                         for word in ("right", "wrong"))
        for model in "*", "up":
            text = conf([backend("one", stub.port, f"api_key = [ {keys} ];")],
                        serve=f'{{ backend = "one"; model = "{model}"; }}',
                        model=model)
            said = self.check(text, "--live", "--json", code=1)
            rows = json.loads(said)["live"]
            self.assertEqual([r["key"] for r in rows], [0, 1])
            self.assertIn("key, status 401", rows[1]["flaw"])
            self.assertEqual(rows[0]["good"], model == "*")
            self.assertNotIn("key-word", said)
            self.assertRegex(self.check(text, "--live", code=1),
                             r"\bkey 1 BAD: key, status 401")

    def test_a_wildcard_is_shown_the_key_as_its_adapter_does(self):
        stub = Stub(lambda request: (
            (200, {}, {"data": [{"id": "a"}]})
            if request.headers["x-api-key"] == "the-right-key"
            and request.headers["anthropic-version"] is not None
            else (401, {}, {"error": {"message": "no"}})))
        self.addCleanup(stub.stop)
        text = conf([backend("one", stub.port, 'api_key = "file:'
                             f'{self.beside("key", "the-right-key")}";',
                             "anthropic")],
                    serve='{ backend = "one"; model = "*"; }', model="*")
        (row,) = json.loads(self.check(text, "--live", "--json"))["live"]
        self.assertEqual((row["good"], row["models"]), (True, 1))

    def test_nobody_is_waited_for_longer_than_requests_would(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            text = conf([backend("one", silent.getsockname()[1],
                                 'timeouts = { total = "1s"; ttft = "1s"; '
                                 'gap = "1s"; };')])
            began = time.monotonic()
            self.assertIn("total_timeout",
                          self.check(text, "--live", code=1))
            self.assertLess(time.monotonic() - began, 30)

    def beside(self, name, content=""):
        path = os.path.join(os.path.dirname(self.path), name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(content)
        return path

    def database(self, name, application, version):
        path = os.path.join(os.path.dirname(self.path), name)
        db = sqlite3.connect(path)
        db.executescript(f"CREATE TABLE t (x); PRAGMA user_version={version};"
                         f"PRAGMA application_id={application};")
        db.close()
        return path

    def link(self, name, to):
        path = os.path.join(os.path.dirname(self.path), name)
        os.symlink(to, path)
        return path

    def test_files_that_serve_could_not_open(self):
        folder = os.path.dirname(self.path)
        text = self.beside("text", "no keys and no database")
        rows = [backend("one", self.fake.port)]
        for setting, path, words in (
                ("access_log", folder, "want a file, got the folder"),
                ("access_log", "/no/x.log", "want a folder that is there, "
                 "got /no: No such file or directory"),
                ("access_log", text + "/x.log", "want a folder, got another"),
                ("ledger", "/no/x.db", "want a folder that is there"),
                ("ledger", text, "got one that is not a database"),
                ("ledger", self.database("other.db", 5, 1),
                 "got another program's database"),
                ("ledger", self.database("nobodys.db", 0, 0),
                 "got another program's database"),
                ("access_log", self.link("a.link", "no/x.log"),
                 f"want a folder that is there, got {folder}/no: No such"),
                ("access_log", self.link("b.link", "a.link"),
                 f"want a folder that is there, got {folder}/no: No such"),
                ("access_log", folder + "//no//x.log",
                 f"want a folder that is there, got {folder}/no: No such"),
                ("ledger", self.database("later.db", 0x504d4c47, 99),
                 "got one of schema 99"),
                ("keys_file", text, "want JSON"),
                ("keys_file", self.link("k.link", "nothing"),
                 "want a link that leads to a file"),
                ("keys_file", self.link("loop", "loop"),
                 "Too many levels of symbolic links"),
                ("keys_file", folder + "/loop/keys.json", "want a file, got"),
                ("ledger", folder + "/loop", "want a file, got"),
                ("keys_file", folder, "want a file, got the folder")):
            conf_text = conf(rows, f'{setting} = "{path}";\n')
            line = 1 + conf_text[:conf_text.index(setting)].count("\n")
            self.check(conf_text, code=1)
            before = sorted(os.listdir(folder))
            err = command("check", "-c", self.path, code=1)[1]
            self.assertIn(f"{self.path}:{line}: {setting}: ", err)
            self.assertIn(words, err)
            self.assertEqual(sorted(os.listdir(folder)), before)
            # and it is so
            err = command("serve", "-c", self.path, code=1)[1]
            self.assertRegex(err, "(?m)^pointsman: ")

    def test_sockets_that_serve_would_refuse(self):
        folder = os.path.dirname(self.path)
        rows = [backend("one", self.fake.port)]
        self.beside("file")
        for setting, path, words in (
                ("listen", "no/x.sock",
                 f"want a folder that is there, got {folder}/no: No such"),
                ("admin", "file", "want a socket, or nothing there yet, got "
                 f"something else: {folder}/file"),
                ("listen", ".", "want a socket, or nothing there yet, got")):
            self.check(conf(rows, f'{setting} = {{ path = "{path}"; }};\n'),
                       code=1)
            err = command("check", "-c", self.path, code=1)[1]
            self.assertIn(f"{self.path}:3: {setting}.path: {words}", err)
            err = command("serve", "-c", self.path, code=1)[1]
            self.assertRegex(err, "(?m)^pointsman: ")
        with socket.socket(socket.AF_UNIX) as old:
            old.bind(os.path.join(folder, "old.sock"))
            self.check(conf(rows, 'listen = { path = "old.sock"; };\n'
                            'admin = { path = "new.sock"; };\n'))

    def test_files_that_serve_will_make(self):
        folder = os.path.dirname(self.path)
        self.check(conf([backend("one", self.fake.port)],
                        'access_log = "a.log"; audit_log = "b.log"; '
                        'keys_file = "k.json"; ledger = "u.db";\n'))
        self.assertEqual(os.listdir(folder), ["gateway.conf"])
        link = self.link("a.link", "a.log")
        self.check(conf([backend("one", self.fake.port)],
                        f'access_log = "{link}";\n'))
        sqlite3.connect(self.beside("empty.db")).close()
        self.check(conf([backend("one", self.fake.port)],
                        'ledger = "empty.db";\n'))
        if not os.path.exists("/var/log/pointsman"):  # systemd makes it
            for path in ("/var/log//pointsman/x", "/var/log/pointsman//x"):
                self.check(conf([backend("one", self.fake.port)],
                                f'access_log = "{path}";\n'))
        for setting in ("audit_log", "keys_file"):
            self.check(conf([backend("one", self.fake.port)],
                            f'{setting} = "/no/x";\n'))
            self.assertIn(f"warning: {setting}: want a folder that is there",
                          command("check", "-c", self.path)[1])

    def test_an_audit_log_that_takes_no_more_lines(self):
        path = self.beside("a.jsonl", "no line\n")
        self.check(conf([backend("one", self.fake.port)],
                        'audit_log = "a.jsonl";\n'))
        self.assertIn(f"warning: audit_log: {path}:1: want a line of the "
                      "audit log", command("check", "-c", self.path)[1])

    def test_a_program_that_there_is_not(self):
        for name, more in (("no-such-program", ", which is nowhere in $PATH"),
                           ("./no-such-program", ""), ("./gateway.conf", "")):
            rows = [f'{{ name = "a"; adapter = "vllm"; price = {{ hourly = 1; '
                    f'}}; command = [ "{name}", "{{port}}" ]; }}']
            self.check(conf(rows))
            err = command("check", "-c", self.path)[1]
            self.assertIn("warning: backends.a.command: want a program that "
                          "can be started, got ", err)
            self.assertIn(os.path.basename(name) + more + "\n", err)
        self.check(conf([rows[0].replace("./gateway.conf", "env")]))
        self.assertEqual(command("check", "-c", self.path)[1], "")
        # an empty part of $PATH is the folder that one is in
        os.chmod(self.beside("here"), 0o755)
        self.check(conf([rows[0].replace("./gateway.conf", "here")]))
        done = subprocess.run(
            [POINTSMAN, "check", "-c", self.path], capture_output=True,
            text=True, timeout=60, cwd=os.path.dirname(self.path),
            env={**os.environ, "PATH": ":/bin"})
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_lines_say_the_same(self):
        rows = [backend("one", self.fake.port), backend("two", free_port())]
        said = self.check(conf(rows), "--live", code=1)
        self.assertRegex(said, r"one +m +fake-model +good, first token after")
        self.assertRegex(said, r"two +m +fake-model +BAD: refused, status 0")

    def test_an_answer_counts_that_a_request_would_get(self):
        said = {"choices": [{"delta": {"content": "one"}}]}
        end = {"choices": [{"delta": {}, "finish_reason": "length"}]}
        whole = {"choices": [{"message": {"content": "one"},
                              "finish_reason": "stop"}]}

        answers = []
        stub = Stub(lambda _: answers[-1])
        self.addCleanup(stub.stop)
        for answer, words in (
                ((200, {}, whole), "BAD: bad_answer, status 200: no events "
                 'where a stream was asked for: {"choices"'),
                (stream_of(said), "BAD: cut, status 200: the stream ended "
                 "without a finish_reason\n"),
                (stream_of(end), "good, but it shows none of its tokens\n"),
                (stream_of(said, end), "good, first token after ")):
            answers.append(answer)
            self.assertIn(words, self.check(
                conf([backend("one", stub.port)]), "--live",
                code=int("BAD" in words)))

    def test_nobody_is_asked_by_a_bad_file(self):
        said = self.check(conf([backend("one", self.fake.port)], "x = 1;\n"),
                          "--live", "--json", code=1)
        doc = json.loads(said)
        self.assertEqual((doc["good"], doc["errors"]), (False, 1))
        self.assertNotIn("live", doc)
        self.assertEqual(self.fake.stats()["requests"], 0)
        doc = json.loads(
            self.check(conf([backend("one", self.fake.port)]), "--json"))
        self.assertEqual(
            doc, {"good": True, "errors": 0, "warnings": 0, "complaints": "",
                  "off": []})

    def test_a_backend_that_is_off_says_what_would_turn_it_on(self):
        rows = [backend("one", self.fake.port),
                backend("two", 9, 'api_key = "env:NO_SUCH_KEY_IS_SET";')]
        text = conf(rows)
        line = 1 + text[:text.index("NO_SUCH_KEY")].count("\n")
        self.check(text)
        out, err = command("check", "-c", self.path)
        self.assertEqual(
            err, f"{self.path}:{line}: off: backends.two: "
            "NO_SUCH_KEY_IS_SET is not set: export it to turn this backend "
            "on\n")
        self.assertIn("is good: 2 backends", out)
        doc = json.loads(self.check(text, "--json"))
        self.assertEqual((doc["good"], doc["warnings"]), (True, 0))
        self.assertEqual(
            [(o["backend"], o["line"]) for o in doc["off"]], [("two", line)])
        self.assertIn("NO_SUCH_KEY_IS_SET is not set", doc["off"][0]["why"])

    def test_a_port_that_there_is_not(self):
        said = self.check(
            conf([backend("one", 99999)]), "--json", code=1)
        self.assertIn("backends.one.url: want a URL whose port is 1..65535",
                      json.loads(said)["complaints"])


if __name__ == "__main__":
    unittest.main()
