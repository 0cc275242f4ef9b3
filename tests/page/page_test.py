"""The operators' page in a real Chromium: numbers, manners, size."""
import json
import os
import re
import sys
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from browser import (PageTest, ROOT, axe, read_number, texts,  # noqa: E402
                     to_number, wide)
from stage import ADMIN_KEY, KEYS, Stage  # noqa: E402
from harness import (Fake, Gateway, backend, chat, conf,  # noqa: E402
                     http_json, wait_for)

SIZE_MOST = 150 * 1024
WIDTHS = (360, 768, 1024, 1280, 3840)
MODULE = re.compile(r"(?:from|href=|src=)\s*['\"](?:\./|page/)([\w.]+)['\"]")


HOSTILE = "<img src=x onerror=alert(1)>"
KEPT = ("time", "key", "id", "scheme")


def spoil(value, name=""):
    if isinstance(value, dict):
        return {k: spoil(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [spoil(v, name) for v in value]
    return HOSTILE if isinstance(value, str) and name not in KEPT else value


def samples(text):
    """{(name, sorted labels): value} of /metrics."""
    out = {}
    for line in text.splitlines():
        found = re.match(r"(\w+)(?:\{(.*)\})? (\S+)$", line)
        if found and not line.startswith("#"):
            labels = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"',
                                found[2] or "")
            out[(found[1], *sorted(labels))] = float(found[3])
    return out


def shows(text, value):
    number, digit = read_number(text)
    return abs(number - value) <= digit


def quantile(serving, model, phase, q):
    return ("pointsman_latency_seconds", *sorted([
        ("model", model), ("backend", serving), ("upstream", "fake-model"),
        ("phase", phase), ("quantile", q)]))


class Page(PageTest):
    """One stage for all: traffic first, then silence, so that the page and
    /metrics can be asked one after the other."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stage = Stage().__enter__()
        cls.addClassCleanup(cls.stage.stop)
        cls.stage.load(30, 4, ("acme", "gemma", 2), ("zeta", "qwen", 2),
                       ("night", "gemma", 1)).wait(60)
        cls.stage.slow()
        cls.stage.load(5, 1, ("acme", "gemma", 1)).wait(60)
        cls.stage.slow(1)
        cls.gateway = cls.stage.gateway

    def metrics(self):
        return samples(self.gateway.metrics())

    # --- numbers ---

    def assert_same(self, page, wanted):
        """wanted(metrics): {selector: value}. The page shows each to its last
        digit, in one second of several: both change while they are read."""
        for _ in range(8):
            before = wanted(self.metrics())
            shown = {s: page.locator(s).inner_text() for s in before}
            wrong = {s: (shown[s], v) for s, v in before.items()
                     if not shows(shown[s], v)}
            if not wrong and before == wanted(self.metrics()):
                return
            time.sleep(0.4)
        self.fail(f"the page shows, /metrics has: {wrong}")

    def test_latencies_are_those_of_metrics(self):
        self.stage.load(30, 2, ("acme", "gemma", 2),
                        ("zeta", "qwen", 2)).wait(60)
        page = self.open(self.gateway)
        self.live(page)
        places = page.locator(".serving h3").all_inner_texts()

        def card(backend, model):
            return 1 + places.index(f"{backend} · {model}")

        def wanted(ask):
            return {
                f'.serving:nth-child({card(backend, model)}) '
                f'[data-of="{phase}-{q}"]':
                1000 * ask[quantile(backend, model, phase, f"0.{digits}")]
                for backend, model in (("fast", "gemma"), ("solo", "qwen"))
                for phase in ("ttft", "itl")
                for q, digits in (("p50", 5), ("p95", 95), ("p99", 99))}

        self.assert_same(page, wanted)

    def test_attainment_burn_and_budget_are_those_of_metrics(self):
        page = self.open(self.gateway)
        self.live(page)

        def wanted(ask):
            out = {}
            for tenant, slo in (("acme", "voice"), ("zeta", "chat")):
                row = f'#tenants tr[data-tenant="{tenant}"] '
                labels = (("slo", slo), ("tenant", tenant))
                for cell, name, more, scale in (
                        ("met", "attainment_ratio", (("window", "5m"),), 100),
                        ("target", "target_ratio", (), 100),
                        ("burn-1h", "burn_rate", (("window", "1h"),), 1),
                        ("burn-3d", "burn_rate", (("window", "3d"),), 1),
                        ("budget", "error_budget_ratio", (), 100),
                        ("missed", "missed_total", (), 1)):
                    out[f'{row}[data-of="{cell}"]'] = scale * ask.get(
                        ("pointsman_slo_" + name, *sorted(labels + more)), 0)
            return out

        self.assert_same(page, wanted)

    def test_cost_and_gauges_are_those_of_metrics(self):
        page = self.open(self.gateway)
        self.live(page)

        def wanted(ask):
            cost = sum(v for k, v in ask.items()
                       if k[0] == "pointsman_cost_usd_total")
            self.assertGreater(cost, 0)
            return {'#cost [data-of="total"]': cost,
                    '#now [data-of="queued"]': ask[
                        ("pointsman_queue_length",)],
                    '#now [data-of="requests"]': ask[
                        ("pointsman_open_requests",)],
                    '.serving [data-of="in_flight"] >> nth=0': sum(
                        v for k, v in ask.items()
                        if k[0] == "pointsman_in_flight"
                        and ("backend", "fast") in k)}

        self.assert_same(page, wanted)

    def test_what_happens_is_there_within_seconds(self):
        page = self.open(self.gateway)
        self.live(page)
        status, headers, _ = self.gateway.chat(
            {"model": "gemma", "max_tokens": 2, "messages": [
                {"role": "user", "content": "x"}]},
            {"authorization": "Bearer " + KEYS["PAGE_ACME"]})
        began = time.monotonic()
        self.assertEqual(status, 200)
        page.locator(f'tr[data-id="{headers["x-pointsman-receipt"]}"]'
                     ).wait_for(timeout=3000)
        self.assertLess(time.monotonic() - began, 3)

    # --- manners ---

    def test_axe_finds_nothing_serious(self):
        for scheme in ("light", "dark"):
            page = self.open(self.gateway, color_scheme=scheme)
            self.live(page)
            page.locator("#receipts .open").first.click()
            page.locator(".receipt .why").wait_for()
            with self.subTest(scheme=scheme):
                self.assertEqual(axe(page), [])

    def test_nothing_is_wider_than_the_window(self):
        page = self.open(self.gateway)
        self.live(page)
        page.locator("#receipts .open").first.click()
        page.locator(".receipt .why").wait_for()
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            page.wait_for_timeout(100)
            inner, outer = wide(page)
            self.assertLessEqual(inner, outer, f"at {width} px")

    def test_the_theme_is_chosen_and_kept(self):
        page = self.open(self.gateway, color_scheme="light")
        self.live(page)
        ground = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(ground)
        page.locator("#theme").click()
        page.locator("#theme").click()
        self.assertEqual(page.locator("#theme").inner_text(), "Theme: dark")
        self.assertNotEqual(page.evaluate(ground), light)
        page.reload()
        self.assertEqual(page.locator("#theme").inner_text(), "Theme: dark")
        page.locator("#theme").click()

    def test_a_keyboard_reaches_everything(self):
        page = self.open(self.gateway)
        self.live(page)
        wanted = set(page.evaluate("""
            [...document.querySelectorAll(
                'a, button, input, select, textarea')]
            .filter((n) => n.checkVisibility() && !n.disabled)
            .map((n, i) => (n.dataset.stop = i, String(i)))"""))
        reached, unseen = set(), []
        for _ in range(len(wanted) + 40):
            page.keyboard.press("Tab")
            at = page.evaluate("""(() => {
                const n = document.activeElement, c = getComputedStyle(n);
                return [n.dataset.stop ?? '', n.id || n.className || n.tagName,
                    c.outlineStyle !== 'none'
                        && parseFloat(c.outlineWidth) >= 2];
            })()""")
            if at[0]:
                reached.add(at[0])
                if not at[2]:
                    unseen.append(at[1])
        self.assertEqual(wanted - reached, set())
        self.assertEqual(unseen, [], "focus that cannot be seen")

    def test_a_receipt_is_opened_by_keyboard(self):
        page = self.open(self.gateway)
        self.live(page)
        button = page.locator("#receipts .open").first
        name = button.locator("xpath=ancestor::tr").get_attribute("data-id")
        button.focus()
        page.keyboard.press("Enter")
        page.locator(".receipt .why").wait_for()
        self.assertEqual(button.get_attribute("aria-expanded"), "true")
        _, _, doc = http_json(self.gateway.admin, "GET",
                              f"/admin/v1/receipts/{name}")
        self.assertEqual(page.locator(".receipt .why").inner_text(),
                         doc["why"])
        self.assertIn(name, page.locator(".receipt").inner_text())
        page.keyboard.press("Enter")
        page.locator(".receipt").wait_for(state="hidden")

    def test_the_list_stands_still_while_one_is_read(self):
        page = self.open(self.gateway)
        self.live(page)
        page.locator("#receipts .open").first.click()
        page.locator(".receipt .why").wait_for()
        first = page.locator("#receipts tbody tr").first
        shown = first.get_attribute("data-id")
        _, headers, _ = self.gateway.chat(
            {"model": "gemma", "max_tokens": 2, "messages": [
                {"role": "user", "content": "x"}]},
            {"authorization": "Bearer " + KEYS["PAGE_NIGHT"]})
        fresh = page.locator("#receipts-fresh")
        fresh.get_by_text("1 newer").wait_for()
        self.assertEqual(first.get_attribute("data-id"), shown)
        fresh.click()
        self.assertEqual(first.get_attribute("data-id"),
                         headers["x-pointsman-receipt"])

    def test_looking_back_shows_what_was(self):
        page = self.open(self.gateway)
        self.live(page)
        look = page.locator("#look")
        wait_for(lambda: int(look.get_attribute("max")) >= 1, 20, "two steps")
        look.focus()
        page.keyboard.press("Home")
        self.assertNotEqual(page.locator("#look-at").inner_text(), "now")
        page.keyboard.press("End")
        self.assertEqual(page.locator("#look-at").inner_text(), "now")

    # --- playground ---

    def test_the_playground_streams(self):
        page = self.open(self.gateway)
        self.live(page)
        ground = page.locator("#playground")
        ground.get_by_label("Model").fill("gemma")
        ground.get_by_label("Tenant key").fill(KEYS["PAGE_ACME"])
        ground.get_by_label("Tokens at most").fill("9")
        ground.get_by_role("combobox", name="Class").select_option("voice")
        ground.get_by_role("button", name="Send").click()
        ground.locator(".receipt .why").wait_for(timeout=15000)
        self.assertEqual(ground.locator(".strip .token, .strip .late"
                                        ).count(), 9)
        self.assertIn("fast", ground.locator(
            '[data-of="served by"]').inner_text())
        shown = ground.locator('[data-of="first token"]').inner_text()
        self.assertGreater(to_number(shown), 30)
        self.assertGreater(len(ground.locator(".answer").inner_text()), 10)

    def test_the_playground_says_why_not(self):
        page = self.open(self.gateway, allowed=["401"])
        self.live(page)
        ground = page.locator("#playground")
        ground.get_by_label("Tenant key").fill("wrong")
        ground.get_by_role("button", name="Send").click()
        ground.get_by_text("failed:").wait_for()
        self.assertIn("key", ground.locator("[role=status]").inner_text())

    # --- what strangers write ---

    def test_hostile_names_are_names(self):
        """Whatever the gateway may come to let through: each text of the feed
        is made a hostile one."""
        with urllib.request.urlopen(
                f"http://127.0.0.1:{self.gateway.admin}/admin/v1/live") as r:
            lines = [r.readline().decode() for _ in range(6)]
        feed = "".join(
            "data: " + json.dumps(spoil(json.loads(line[6:]))) + "\n"
            if line.startswith("data:") else line for line in lines)
        page = self.tab(allowed=["ERR_"])
        page.route("**/admin/v1/live", lambda route: route.fulfill(
            body=feed, content_type="text/event-stream"))
        page.goto(f"http://127.0.0.1:{self.gateway.admin}/")
        page.locator("#tenants tbody tr").first.wait_for()
        self.assertIn(HOSTILE, page.locator("#tenants tbody").inner_text())
        self.assertIn(HOSTILE, page.locator("#receipts").inner_text())
        self.assertIn(HOSTILE, page.locator("#servings").inner_text())
        self.assertEqual(page.locator("img, script:not([src])").count(), 0)

    def test_a_hostile_answer_is_text(self):
        event = {"choices": [{"delta": {"content": HOSTILE}}]}
        page = self.open(self.gateway)
        self.live(page)
        page.route("**/v1/chat/completions", lambda route: route.fulfill(
            body=f"data: {json.dumps(event)}\n\ndata: [DONE]\n\n",
            content_type="text/event-stream",
            headers={"access-control-allow-origin": "*",
                     "access-control-expose-headers": "*",
                     "x-pointsman-backend": HOSTILE}))
        ground = page.locator("#playground")
        ground.get_by_role("button", name="Send").click()
        ground.get_by_text("whole:").wait_for()
        self.assertEqual(texts(ground, ".answer"), [HOSTILE])
        self.assertEqual(page.locator("img").count(), 0)

    # --- size and policy ---

    def test_it_is_small_and_all_of_it_is_here(self):
        base = f"http://127.0.0.1:{self.gateway.admin}/"
        todo, seen, total = [""], set(), 0
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen.add(name)
            with urllib.request.urlopen(
                    base + (f"page/{name}" if name else "")) as r:
                policy = r.headers["content-security-policy"]
                body = r.read()
            self.assertIn("default-src 'none'", policy)
            self.assertNotIn("unsafe", policy)
            total += len(body)
            todo += MODULE.findall(body.decode())
        folder = os.path.join(ROOT, "gateway/admin/page")
        self.assertEqual(seen - {""}, set(os.listdir(folder))
                         - {"index.html"})
        self.assertLess(total, SIZE_MOST)


class Door(PageTest):
    """With admin keys; and when the gateway goes away."""

    def test_a_key_opens_and_is_forgotten(self):
        with Stage(admin_keys=True) as stage:
            page = self.open(stage.gateway, allowed=["401"])
            page.locator("#door-key").wait_for()
            self.assertEqual(axe(page), [])
            page.locator("#door-key").fill("wrong")
            page.keyboard.press("Enter")
            page.get_by_text("Not with that key").wait_for()
            page.locator("#door-key").fill(ADMIN_KEY)
            page.keyboard.press("Enter")
            self.live(page)
            self.assertEqual(page.evaluate("localStorage.length"), 1)
            page.locator("#forget").click()
            page.locator("#door-key").wait_for()
            page.close()

    def test_a_lost_line_is_said_and_taken_up_again(self):
        with Stage() as stage:
            page = self.open(stage.gateway, allowed=["ERR_"])
            self.live(page)
            gateway = stage.gateway
            gateway.stop()
            page.locator("#lost").wait_for(timeout=15000)
            self.assertIn("No word", page.locator("#lost").inner_text())
            stage.restart()
            self.live(page)
            page.locator("#lost").wait_for(state="hidden")
            page.close()


class Few(PageTest):
    def test_too_few_misses_for_an_incident_are_not_all_is_well(self):
        fake = Fake("--ttft", "30-40")
        self.addCleanup(fake.stop)
        g = Gateway(
            'slo = ( { name = "quick"; ttft = "1ms"; percentile = 95; } );\n'
            'default_slo = "quick";\n' + conf([backend("one", fake.port)]))
        self.addCleanup(lambda: self.assertEqual(g.stop(), 0))
        page = self.open(g)
        self.live(page)
        calm = page.locator(".calm")
        self.assertIn("No requests yet", calm.inner_text())
        self.assertEqual(g.chat(chat("m", stream=True))[0], 200)
        calm.get_by_text("by few requests each: 1 of 1").wait_for(
            timeout=15000)
        self.assertIn("1 of 1 requests missed in the last 5 minutes. Their "
                      "most frequent cause (100 %): one: first tokens come "
                      "late", " ".join(texts(page, ".calm")[0].split()))
        self.assertEqual(axe(page), [])
        page.close()


if __name__ == "__main__":
    unittest.main()
