"""What `pointsman import litellm` makes of a configuration: one that `check`
takes and the gateway serves, and a line for whatever it leaves out."""
import os
import re
import resource
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import POINTSMAN, ROOT, Fake, Gateway, chat  # noqa: E402

SAMPLES = os.path.join(ROOT, "tests/conf/litellm")
SAMPLE = os.path.join(ROOT, "tests/conf/litellm.yaml")


def run(*args, **env):
    return subprocess.run([POINTSMAN, *args], capture_output=True, text=True,
                          env={**os.environ, **env}, timeout=60)


class Import(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pointsman-import-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def convert(self, text):
        return run("import", "litellm", self.path("config.yaml", text))

    def test_a_real_one_passes_check(self):
        done = run("import", "litellm", SAMPLE)
        self.assertEqual(done.returncode, 0, done.stderr)
        checked = run("check", "-c", self.path("gateway.conf", done.stdout),
                      LITELLM_MASTER_KEY="sk-master", OPENAI_API_KEY="x",
                      ANTHROPIC_API_KEY="x", AZURE_API_KEY_EU="x")
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assertIn("7 backends, 8 models, 14 servings, 1 tenant;",
                      checked.stdout)

    def test_what_it_writes_passes_check(self):
        for name in sorted(os.listdir(SAMPLES)):
            with self.subTest(name):
                done = run("import", "litellm", os.path.join(SAMPLES, name))
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertNotIn("hunter2", done.stdout + done.stderr)
                master = re.findall(r'keys = \[ "env:(\w+)"', done.stdout)
                checked = run("check", "-c",
                              self.path("gateway.conf", done.stdout),
                              **{name: "sk-master" for name in master})
                self.assertEqual(checked.returncode, 0, checked.stderr)

    def test_what_does_not_pass_check_is_said(self):
        done = self.convert(
            "model_list: [{model_name: m, litellm_params: {model: openai/m, "
            "api_base: 'http://h:99999/v1'}}]\n"
            "general_settings: {master_key: os.environ/NOT_SET}\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("config.yaml: gateway.conf:7: backends.openai.url: want "
                      "a URL whose port is 1..65535", done.stderr)
        self.assertIn("1 error above: gateway.conf does not load as it is",
                      done.stderr)
        self.assertNotIn("warning", done.stderr)
        self.assertNotIn("NOT_SET", done.stderr)
        self.assertIn("99999", done.stdout)

    def test_what_it_carries_over(self):
        conf = run("import", "litellm", SAMPLE).stdout
        for part in (
                'url = "https://acme-eu.openai.azure.com/openai/v1"',
                'api_key = "env:AZURE_API_KEY_EU"; slots = 32',
                "price = { input = 2.5; output = 10; cached = 1.25; }",
                'timeouts = { ttft = "30s"; gap = "30s"; }',
                '\ntimeouts = { ttft = "30s"; gap = "30s"; };',
                '{ name = "gpt-4o"; aliases = [ "gpt-4" ]; serve = (',
                '{ backend = "azure"; model = "gpt-4o-eu"; context = 128000',
                'model = "claude-sonnet-4-5"; fallback = true; }',
                'url = "http://localhost:11434/v1"',
                'strip = [ "user" ]',
                'caps = [ "embeddings" ]',
                'keys = [ "env:LITELLM_MASTER_KEY" ]'):
            self.assertIn(part, conf)

    def test_what_it_does_not_is_said_with_its_line(self):
        notes = run("import", "litellm", SAMPLE).stderr
        with open(SAMPLE, encoding="utf-8") as f:
            lines = f.read().split("\n")
        for key in ("weight", "temperature", "routing_strategy", "cache",
                    "database_url", "success_callback"):
            line = next(i for i, text in enumerate(lines, 1)
                        if text.strip().startswith(key + ":"))
            self.assertIn(f"{SAMPLE}:{line}: ", notes, key)
            self.assertRegex(notes, rf":{line}: .*{key}: ")
        self.assertIn("bedrock", notes)
        self.assertIn('"nobody"', notes)
        self.assertIn("model_list[11]: model_info.mode", notes)

    def test_no_secret_is_copied_or_shown(self):
        done = run("import", "litellm", SAMPLE)
        for secret in ("sk-do-not-show-me", "hunter2", "llm:secret"):
            self.assertNotIn(secret, done.stdout + done.stderr)

    def test_the_gateway_serves_it(self):
        fake = Fake("--tokens", "3")
        self.addCleanup(fake.stop)
        done = self.convert(
            "model_list:\n"
            "- model_name: chat\n"
            "  litellm_params:\n"
            "    model: openai/fake-model\n"
            f"    api_base: http://127.0.0.1:{fake.port}/v1/\n"
            "    api_key: fake-key\n"
            "    rpm: 12\n"  # in a minute, not one in five seconds
            "general_settings: {master_key: sk-clear}\n"
            "router_settings: {model_group_alias: {gpt-4: chat}}\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("sk-clear", done.stdout)
        kept = "\n".join(line for line in done.stdout.split("\n")
                         if not line.startswith(("listen", "admin")))
        gateway = Gateway(kept)
        key = {"authorization": "Bearer sk-clear"}
        for model in ("chat", "gpt-4"):
            self.assertEqual(gateway.chat(chat(model), key)[0], 200)
        self.assertEqual(gateway.chat(chat("chat"))[0], 401)
        self.assertEqual(gateway.stop(), 0)

    def test_rates_of_all_deployments_are_a_limit_of_the_tenant(self):
        def text(second):
            return ("model_list:\n- model_name: a\n  litellm_params: "
                    "{model: openai/a, rpm: 100, tpm: 1_000}\n"
                    "- model_name: b\n  rpm: 50\n  litellm_params: "
                    f"{{model: openai/b, {second}}}\n"
                    "general_settings: {master_key: sk-clear}\n")

        done = self.convert(text("tpm: 5000"))
        self.assertIn("limits = { requests_per_minute = 150; "
                      'tokens_per_minute = 6000; burst = "1m"; };',
                      done.stdout)
        self.assertNotIn("pm: not of one deployment", done.stderr)
        checked = run("check", "-c", self.path("gateway.conf", done.stdout))
        self.assertEqual(checked.returncode, 0, checked.stderr)
        done = self.convert(text("seed: 1"))
        self.assertIn('limits = { requests_per_minute = 150; burst = "1m"; };',
                      done.stdout)
        self.assertIn("tpm: not of one deployment", done.stderr)

    def test_a_key_goes_to_nobody_else(self):
        done = self.convert("model_list: [{model_name: m, litellm_params: "
                            "{model: azure/gpt-4o, api_key: os.environ/K}}]")
        self.assertIn('url = "env:AZURE_API_BASE"; api_key = "env:K"',
                      done.stdout)
        self.assertIn("AZURE_API_BASE has to end in /openai/v1", done.stderr)

    def test_an_alias_is_a_name(self):
        done = self.convert(
            "model_list: [{model_name: m, litellm_params: {model: openai/m}}]"
            "\nrouter_settings: {model_group_alias: {a b: m, c*: m, d: m}}\n")
        self.assertIn('aliases = [ "d" ]', done.stdout)
        self.assertIn("a b: want a name", done.stderr)
        self.assertIn("c*: want a name", done.stderr)

    def test_thousands_of_deployments_take_no_time(self):
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        done = self.convert("model_list:\n" + "".join(
            f"- {{model_name: m{i}, litellm_params: {{model: openai/m{i}, "
            f"api_base: 'http://h{i}/v1', api_key: none}}}}\n"
            for i in range(4000)))
        self.assertEqual(done.returncode, 0)
        self.assertIn('name = "openai-4000"', done.stdout)
        spent = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        self.assertLess(spent, 4)  # 0.4 with sanitizers

    def test_a_full_disk_is_said(self):
        text = "model_list:\n" + "".join(
            f"- {{model_name: m{i}, litellm_params: {{model: openai/m{i}}}}}\n"
            for i in range(300))
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run(
                [POINTSMAN, "import", "litellm",
                 self.path("config.yaml", text)], stdout=full,
                stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write", done.stderr)

    def test_bad_input_is_named(self):
        for text, want in (
                ("model_list: [\n", "config.yaml:2: want YAML"),
                ("a: b\n", "want model_list"),
                ("model_list: [{model_name: m, litellm_params: "
                 "{model: openai/m}}]\n---\na: b\n",
                 "config.yaml:2: want one document"),
                ("", "want model_list"),
                ("&x {model_list: [*x], <<: *x}", "carried over"),
                # a ring with so many ways through it that it would take days
                ("&x {model_list: [*x], <<: [" + ", ".join(["*x"] * 30) +
                 "]}", "carried over"),
                ("model_list: [{model_name: m, litellm_params: "
                 "{model: bedrock/x}}]", "none of its models")):
            done = self.convert(text)
            self.assertEqual(done.returncode, 1, text)
            self.assertIn(want, done.stderr)
            self.assertEqual(done.stdout, "")
        self.assertEqual(run("import", "litellm", "/no/such").returncode, 1)
        self.assertEqual(run("import", "nginx", SAMPLE).returncode, 2)


if __name__ == "__main__":
    unittest.main()
