"""A real Chromium for tests of the operators' page, and what it complains of.

Debian's package is driven by Playwright; nothing is downloaded here. Whoever
has no browser skips these tests: `tools/bootstrap test` installs one.
"""
import os
import re
import shutil
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
AXE = os.path.join(ROOT, "build/tools/page/node_modules/axe-core/axe.min.js")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")

try:
    from playwright.sync_api import sync_playwright
except ImportError:
    sync_playwright = None

FLAGS = ["--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync",
         "--disable-default-apps", "--disable-dev-shm-usage",
         "--disable-gpu"]

# What a page may not do at any time; told to the test by the page itself.
WATCH = """
document.addEventListener('securitypolicyviolation', (e) =>
	console.error(`CSP: ${e.violatedDirective} ${e.blockedURI}`));
"""


def missing():
    """What is not there, or None."""
    if CHROMIUM is None:
        return "chromium"
    if sync_playwright is None:
        return "playwright"
    return None if os.path.exists(AXE) else "axe-core"


class Browser:
    """One Chromium with an empty profile; a context manager."""

    def __enter__(self):
        self.profile = tempfile.TemporaryDirectory(prefix="pointsman-page-")
        self.playwright = sync_playwright().start()
        flags = FLAGS + (["--no-sandbox"] if os.geteuid() == 0 else [])
        self.context = self.playwright.chromium.launch_persistent_context(
            self.profile.name, executable_path=CHROMIUM, headless=True,
            args=flags, viewport={"width": 1280, "height": 900})
        self.context.add_init_script(WATCH)
        return self

    def __exit__(self, *_):
        self.context.close()
        self.playwright.stop()
        self.profile.cleanup()

    def tab(self, **media):
        """An empty page, in a tab of its own, that keeps what it complains
        of."""
        page = self.context.new_page()
        page.complaints = []
        page.on("console", lambda m: page.complaints.append(m.text)
                if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: page.complaints.append(str(e)))
        page.on("dialog", lambda d: (page.complaints.append(
            "a dialog: " + d.message), d.dismiss()))
        if media:
            page.emulate_media(**media)
        return page


def axe(page):
    """Its findings that are serious or critical, a line each. axe wants eval
    and its own styles, so it is asked from outside the page's policy."""
    with open(AXE, encoding="utf-8") as f:
        page.evaluate(f.read() + "; 0")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{v['id']}: {v['help']}: "
            + "; ".join(n["html"][:160] for n in v["nodes"][:4])
            for v in found["violations"]
            if v["impact"] in ("serious", "critical")]


def wide(page):
    """(width of what is there, width of the window)"""
    return tuple(page.evaluate(
        "[document.scrollingElement.scrollWidth, innerWidth]"))


def texts(page, selector):
    return [plain(t) for t in page.locator(selector).all_inner_texts()]


class PageTest(unittest.TestCase):
    """Its browser is the class's; a test fails on any complaint."""

    @classmethod
    def setUpClass(cls):
        if missing():
            raise unittest.SkipTest(f"there is no {missing()}: "
                                    "tools/bootstrap test")
        cls.browser = Browser().__enter__()
        cls.addClassCleanup(cls.browser.__exit__)

    def tab(self, allowed=(), **media):
        page = self.browser.tab(**media)
        self.addCleanup(page.close)
        self.addCleanup(self.no_complaints, page, allowed)
        return page

    def open(self, gateway, allowed=(), **media):
        """The page of that gateway."""
        page = self.tab(allowed, **media)
        page.goto(f"http://127.0.0.1:{gateway.admin}/")
        return page

    def no_complaints(self, page, allowed):
        self.assertEqual(
            [c for c in page.complaints if not any(a in c for a in allowed)],
            [])

    def live(self, page):
        """Waits for the first figures."""
        page.locator("#link", has_text="live").wait_for(timeout=15000)
        page.locator("#now dd").first.wait_for(timeout=15000)


def plain(text):
    """With spaces where the page keeps a number and its unit together."""
    return text.replace("\u00a0", " ").replace("\u2060", "").strip()


def read_number(text):
    """Of '1.2 s', '42 ms', '97.5 %', '$0.0031/h', '3 of 7 slots': (the first
    number, what a step of its last digit is worth), in ms where it is a time.
    """
    found = re.search(r"(−?)\$?([\d,]*\.?\d+) ?(ms\b|s\b|%)?", plain(text))
    digits = found[2].replace(",", "")
    scale = 1000 if found[3] == "s" else 1
    places = len(digits.partition(".")[2])
    if found[3] == "%" and float(digits) < 100:
        places = max(places, 1)  # 98.0 is written 98
    return (float(digits) * scale * (-1 if found[1] else 1),
            10.0 ** -places * scale)


def to_number(text):
    return read_number(text)[0]
