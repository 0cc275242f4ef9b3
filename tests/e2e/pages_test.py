"""What is made from the table of commands, and what a package brings along."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import POINTSMAN, ROOT  # noqa: E402


def run(*args, text=None):
    return subprocess.run(args, input=text, capture_output=True, text=True,
                          timeout=60)


def page(kind):
    done = run(POINTSMAN, "docs", kind)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", done.stderr
    return done.stdout


def commands():
    listed = run(POINTSMAN, "--help").stdout
    return re.findall(r"^  (\w+) ", listed, re.M)


WORDS = {"slo": ["suggest"], "backend": ["list", "drain", "enable", "weight"],
         "key": ["add", "list", "revoke", "hash"], "audit": ["verify"],
         "import": ["litellm"]}


class Pages(unittest.TestCase):
    def test_the_manual_has_every_command_and_no_flaw(self):
        text = page("man")
        for name in commands():
            self.assertIn(f"\n.SS {name}\n", text)
        self.assertIn("\\-\\-live", text)
        for name in ("ADMIN_KEY", "ADMIN_CA", "API_KEY"):
            self.assertIn(f"\n.B POINTSMAN_{name}\n", text)
        if shutil.which("groff"):
            done = run("groff", "-ww", "-man", "-Tascii", "-z", text=text)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def complete(self, *words):
        script = page("bash") + (
            f"\nCOMP_WORDS=({' '.join(words)})\n"
            f"COMP_CWORD={len(words) - 1}\n_pointsman\n"
            'echo "${COMPREPLY[@]}"\n')
        done = run("bash", "--norc", "-c", script)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.split()

    def test_bash_completes(self):
        self.assertEqual(self.complete("pointsman", '""'), commands())
        self.assertEqual(self.complete("pointsman", "che"), ["check"])
        self.assertEqual(self.complete("pointsman", "check", "--l"),
                         ["--live"])
        self.assertEqual(self.complete("pointsman", "check", "gate"), [])
        self.assertEqual(self.complete("pointsman", "loadtest", "--cl"),
                         ["--class"])
        for name, words in WORDS.items():
            self.assertEqual(self.complete("pointsman", name, '""'), words)
        self.assertEqual(self.complete("pointsman", "key", "add", '""'), [])

    def test_loadtest_has_its_options_everywhere(self):
        listed = re.findall(r"^  --([\w-]+)",
                            run(POINTSMAN, "loadtest", "--help").stdout, re.M)
        self.assertIn("honour-lengths", listed)
        for kind, form in (("man", ".B \\-\\-{}"), ("bash", " --{}"),
                           ("zsh", "'--{}["), ("fish", " -l {} ")):
            text = page(kind)
            for name in listed:
                if kind == "man":
                    name = name.replace("-", "\\-")
                self.assertIn(form.format(name), text)

    def test_words_of_a_command_are_everywhere(self):
        man, zsh, fish = page("man"), page("zsh"), page("fish")
        for name, words in WORDS.items():
            self.assertIn(f"'2:word:({' '.join(words)})'",
                          zsh.split(f"\n\t{name})\n")[1].split(";;")[0])
            for word in words:
                self.assertIn(f"pointsman {name} {word}", man)
                self.assertIn(f"__fish_prev_arg_in {name}' -f -a {word}\n",
                              fish)
            done = run(POINTSMAN, name, "nonsense")
            self.assertEqual(done.returncode, 2)
            self.assertIn(f'pointsman {name}: want "{words[0]}"', done.stderr)
            self.assertIn(', got "nonsense"\n', done.stderr)

    def test_all_shells_know_the_same(self):
        bash, zsh, fish = page("bash"), page("zsh"), page("fish")
        for name, words in re.findall(r'^\t\t(\w+)\) words="(.*)" ;;$', bash,
                                      re.M):
            part = zsh.split(f"\n\t{name})\n")[1].split(";;")[0]
            for option in words.replace("--", "").split():
                self.assertIn(f"--{option}[", part)
                if option != "help":
                    self.assertIn(f"_from {name}' -l {option} ", fish + " ")
        for shell, text in (("zsh", zsh), ("fish", fish)):
            if shutil.which(shell):
                done = run(shell, "-n", "/dev/stdin", text=text)
                self.assertEqual(done.returncode, 0, done.stderr)


class Output(unittest.TestCase):
    def test_half_a_page_is_no_page(self):
        sample = os.path.join(ROOT, "tests/conf/litellm.yaml")
        for args in (("docs", "man"), ("docs", "metrics"), ("--help",),
                     ("docs", "bash"), ("key", "--help"), ("version",),
                     ("import", "litellm", sample)):
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = subprocess.run(
                    [POINTSMAN, *args], stdout=full, stderr=subprocess.PIPE,
                    text=True, timeout=60)
            self.assertEqual(done.returncode, 1, args)
            # why, is known where something was left for the last write
            self.assertIn("cannot write the output", done.stderr)


FLAVOUR = os.path.basename(os.path.dirname(os.path.realpath(POINTSMAN)))


def make(*args):
    """With the variables of the `make` that runs the tests, as they made the
    program."""
    return subprocess.run(
        ["make", "-C", ROOT, f"FLAVOUR={FLAVOUR}", *args],
        capture_output=True, text=True, timeout=600)


def files(folder):
    return sorted(
        os.path.relpath(os.path.join(at, name), folder)
        for at, _, names in os.walk(folder) for name in names)


class Install(unittest.TestCase):
    """`make install` and `make deb`, into a folder with a blank."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pointsman a b ")
        self.addCleanup(folder.cleanup)
        self.to = os.path.join(folder.name, "pointsman")

    def install(self):
        done = make("-s", "install", f"DESTDIR={self.to}", "PREFIX=/usr")
        self.assertEqual(done.returncode, 0, done.stderr)

    def read(self, name):
        with open(os.path.join(self.to, "usr", name), encoding="utf-8") as f:
            return f.read()

    def test_what_is_put_there_is_taken_away(self):
        self.install()
        self.assertIn("ExecStart=/usr/bin/pointsman ",
                      self.read("lib/systemd/system/pointsman.service"))
        self.assertEqual(self.read("share/man/man1/pointsman.1"), page("man"))
        self.assertEqual(
            self.read("share/bash-completion/completions/pointsman"),
            page("bash"))
        self.assertIn('command = [ "/usr/libexec/pointsman/local-model",',
                      self.read("share/doc/pointsman/gateway.conf.example"))
        self.assertIn("usr/libexec/pointsman/local-model", files(self.to))
        done = make("uninstall", f"DESTDIR={self.to}", "PREFIX=/usr")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(files(self.to), [])

    @unittest.skipUnless(shutil.which("dpkg-shlibdeps"), "no dpkg-dev")
    def test_the_package_names_nothing_that_it_lacks(self):
        self.install()
        done = subprocess.run(
            [os.path.join(ROOT, "tools/deb"), os.path.dirname(self.to)],
            capture_output=True, text=True, timeout=120,
            env={**os.environ, "VERSION": "0.1.0"})
        self.assertEqual(done.returncode, 0, done.stderr)
        there = files(self.to)
        for name in ("man/man1/pointsman.1.gz",
                     "zsh/vendor-completions/_pointsman"):
            self.assertIn("usr/share/" + name, there)
        example = "share/doc/pointsman/gateway.conf.example"
        self.assertNotIn("local-model", self.read(example))
        done = run(POINTSMAN, "check", "-c",
                   os.path.join(self.to, "usr", example))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("command", done.stderr)
        self.assertIn('"ollama"', self.read(example))

    def test_another_version_is_another_program(self):
        main = os.path.join("build", FLAVOUR, "obj/gateway/main.o")
        if not os.path.exists(os.path.join(ROOT, main)):
            self.skipTest("the program was built elsewhere")
        self.assertEqual(make("-q", main).returncode, 0)
        self.assertEqual(make("-q", "CI=true", main).returncode, 0)
        self.assertIn("-c -o " + main,
                      make("-n", "VERSION=9.9.9", main).stdout)
        # whoever installs has other variables than whoever has made it
        self.assertNotIn(" -c -o ", make("-n", "install", "CFLAGS=-DOTHER",
                                         f"DESTDIR={self.to}").stdout)


class Package(unittest.TestCase):
    def test_its_configuration_is_good(self):
        done = run(POINTSMAN, "check", "-c",
                   os.path.join(ROOT, "tools/package/gateway.conf"))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_so_is_that_of_the_container(self):
        done = subprocess.run(
            [POINTSMAN, "check", "-c",
             os.path.join(ROOT, "tools/docker/gateway.conf")],
            capture_output=True, text=True, timeout=60,
            env={**os.environ, "POINTSMAN_KEY": "a-key",
                 "POINTSMAN_ADMIN_KEY": "another", "OPENAI_API_KEY": "x"})
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_its_scripts_are_shell(self):
        for name in ("postinst", "prerm", "postrm"):
            done = run("sh", "-n", os.path.join(ROOT, "tools/package", name))
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_files_of_the_container_are_sound(self):
        """Not run: no test has Docker."""
        tools = os.path.join(ROOT, "build/tools/python/bin")
        if not os.path.exists(os.path.join(tools, "hadolint")):
            self.skipTest("no hadolint: run tools/bootstrap test")
        docker = os.path.join(ROOT, "tools/docker")
        for command in (
                ("hadolint", os.path.join(docker, "Dockerfile")),
                ("check-jsonschema", "--builtin-schema", "vendor.compose-spec",
                 os.path.join(docker, "compose.yaml"))):
            done = run(os.path.join(tools, command[0]), *command[1:])
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_container_has_a_folder_to_write_to(self):
        texts = []
        for name in ("Dockerfile", "compose.yaml"):
            with open(os.path.join(ROOT, "tools/docker", name),
                      encoding="utf-8") as f:
                texts.append(f.read())
        user, group = re.search(r"^USER (\d+):(\d+)$", texts[0], re.M).groups()
        volume = re.search(r"^ +- state:(/\S+)$", texts[1], re.M)
        self.assertIsNotNone(volume, "no volume")
        self.assertIn(f"install -d -o {user} -g {group} -m 700 "
                      f"{volume.group(1)}\n", texts[0])

    def test_the_socket_and_the_service_are_of_one_mind(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not there")
        with tempfile.TemporaryDirectory() as folder:
            for name in ("pointsman.service", "pointsman.socket"):
                with open(os.path.join(ROOT, "tools", name),
                          encoding="utf-8") as f:
                    text = f.read()
                with open(os.path.join(folder, name), "w",
                          encoding="utf-8") as f:
                    f.write(text.replace("/usr/local/bin/pointsman",
                                         POINTSMAN))
            done = run("systemd-analyze", "verify", "--man=no",
                       os.path.join(folder, "pointsman.socket"))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertNotIn("pointsman.", done.stderr)


if __name__ == "__main__":
    unittest.main()
